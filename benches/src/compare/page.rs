//! The page of the comparison: its text is written by hand, its figures by the command. In: what was measured. Out: the page with all
//! of it between its markers, and in the folder of its name the plots, and the figures as JSON.

use std::{fs, path::Path};

use anyhow::Context;

use super::{
    comparison::{Comparison, Run},
    goals, output, plot, report, workloads,
};
use crate::marked::FIGURES;

const CPU_TIME: &str = "cpu-time.svg";
const LATENCY: &str = "latency.svg";
const JSON: &str = "figures.json";

/// Writes PAGE.md, PAGE/cpu-time.svg, PAGE/latency.svg and PAGE/figures.json.
///
/// # Errors
/// When the page has no place for it, or something cannot be written.
pub(super) fn write(path: &Path, measured: &Comparison) -> anyhow::Result<()> {
    let folder = path.with_extension("");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let name = folder.file_name().context("a page has a name")?.to_string_lossy();
    FIGURES.write(path, &text(&name, measured))?;
    output::write(&folder.join(CPU_TIME), &plot::cpu_time(measured))?;
    output::write(&folder.join(LATENCY), &plot::latency(measured))?;
    // On one line: there is a sample of each server in each round.
    output::write(&folder.join(JSON), &(serde_json::to_string(measured)? + "\n"))
}

fn text(folder: &str, measured: &Comparison) -> String {
    let mut text = String::new();
    for (number, run) in measured.runs.iter().enumerate() {
        text += &of_run(number, measured.runs.len(), run);
    }
    let limited = measured.limited();
    if !limited.is_empty() {
        let lines: Vec<String> = limited.iter().map(|line| format!("- {line}\n")).collect();
        text += &format!(
            "**In these figures not the servers were the limit; goals about them have no verdict:**\n\n{}\n",
            lines.concat()
        );
    }
    text += &format!("## Goals\n\n{}", goals::table(measured));
    text += &format!(
        "\n## Plots\n\n![CPU time per request of each server in each workload]({folder}/{CPU_TIME})\n\n\
         ![Latencies of each server]({folder}/{LATENCY})\n\n[All figures as JSON]({folder}/{JSON}), each measurement by itself.\n"
    );
    let sections = workloads::all().iter().filter_map(|workload| report::section(measured, workload));
    text + &sections.collect::<String>()
}

/// Where a run was, and what is from it.
fn of_run(number: usize, runs: usize, run: &Run) -> String {
    let heading = match runs {
        1 => "## The run".to_owned(),
        _ => format!("## Run {}", number + 1),
    };
    let names: Vec<String> = run.workloads.iter().map(|name| format!("`{name}`")).collect();
    let mut text = format!("{heading}\n\n{}- measured: {}\n", report::head(run), names.join(", "));
    for failed in &run.failed {
        text += &format!("- **left out: {failed}**\n");
    }
    text += &run.same_against_itself.as_ref().map(report::noise).unwrap_or_default();
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::comparison::tests::measured;

    #[test]
    fn the_page_has_the_run_every_row_the_goals_and_the_plots() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("benchmarks.md");
        fs::write(
            &path,
            "# By hand\n\n<!-- figures: written by `selvedge-benches goals` -->\n<!-- end of figures -->\n",
        )
        .unwrap();
        let mut comparison = measured(5, &[]);
        comparison.run_mut().failed.push("round 1, small, lighttpd: it ended at the start".into());
        write(&path, &comparison).unwrap();
        let page = fs::read_to_string(&path).unwrap();
        for part in [
            "# By hand\n",
            "## The run\n\n    cargo run --release",
            "- nginx version: nginx/1.22.1\n",
            "- 5 rounds of 3 s, 1 worker\n",
            "- measured: `small`\n",
            "- **left out: round 1, small, lighttpd",
            "## Goals\n",
            "goals met",
            "(benchmarks/cpu-time.svg)",
            "## 151 bytes, 64 connections (`small`)\n",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("**In these figures"), "{page}");
        let figures = fs::read_to_string(folder.path().join("benchmarks/figures.json")).unwrap();
        let again: Comparison = serde_json::from_str(&figures).unwrap();
        write(&path, &again).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), page, "the figures make the same page again");
        assert!(folder.path().join("benchmarks/latency.svg").is_file());
    }

    #[test]
    fn what_was_limited_stands_before_the_goals() {
        let text = text("b", &measured(5, &[crate::compare::mark::Mark::ClientBound]));
        let (limited, goals) = (text.find("- small, selvedge: client-bound"), text.find("## Goals"));
        assert!(limited.is_some() && limited < goals, "{text}");
    }
}
