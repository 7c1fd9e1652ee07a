//! A page of `docs/experiments`: its text is written by hand, its figures by the command. In: what was measured. Out: the page
//! with these figures between its markers, and beside it the same as JSON and as a plot.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::report::Report;
use super::setting::Setting;

const BEGIN: &str = "<!-- figures: written by `selvedge-benches experiments` -->";
const END: &str = "<!-- end of figures -->";

/// Fails, with a way out, where there is no page to write into.
pub(super) fn check(folder: &Path, name: &str) -> anyhow::Result<()> {
    fill(&read(folder, name)?, "").map(drop).with_context(|| path(folder, name, "md").display().to_string())
}

/// Writes NAME.md, NAME.json and NAME.svg.
pub(super) fn write(folder: &Path, name: &str, setting: &Setting<'_>, report: &Report) -> anyhow::Result<()> {
    for missing in &report.missing {
        eprintln!("{name}: LEFT OUT: {missing}");
    }
    ensure!(!report.is_empty(), "the page stays as it is, since nothing was measured");
    let figures = figures(name, setting, report);
    println!("# {name}\n\n{figures}");
    let save = |ending: &str, text: &str| {
        let path = path(folder, name, ending);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    save("md", &fill(&read(folder, name)?, &figures)?)?;
    save("svg", &report.plot)?;
    let json = json!({
        "experiment": name,
        "machine": &setting.machine,
        "versions": &report.versions,
        "rounds": setting.rounds,
        "missing": &report.missing,
        "figures": &report.figures,
    });
    save("json", &(serde_json::to_string_pretty(&json)? + "\n"))
}

fn path(folder: &Path, name: &str, ending: &str) -> PathBuf {
    folder.join(format!("{name}.{ending}"))
}

fn read(folder: &Path, name: &str) -> anyhow::Result<String> {
    let path = path(folder, name, "md");
    fs::read_to_string(&path).with_context(|| {
        format!(
            "no page {}: run it in the repository's top folder, or name the folder by --pages",
            path.display()
        )
    })
}

/// `page` with `figures` between its markers instead of what was there.
fn fill(page: &str, figures: &str) -> anyhow::Result<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, behind)) = parts else {
        bail!("the page has no place for figures: it needs the lines '{BEGIN}' and '{END}'");
    };
    Ok(format!("{before}{BEGIN}\n\n{figures}\n{END}{behind}"))
}

fn figures(name: &str, setting: &Setting<'_>, report: &Report) -> String {
    let machine = &setting.machine;
    let rounds = match setting.rounds {
        1 => "one round".to_owned(),
        rounds => format!("{rounds} rounds, medians with the least and the most"),
    };
    let mut text = format!(
        "Measured on {} by\n\n    {}\n\non {}, CPUs {}, {}; {}.",
        machine.date, machine.command, machine.cpu, machine.cpus, machine.kernel, rounds
    );
    if !report.versions.is_empty() {
        text += &format!(" {}.", report.versions.join("; "));
    }
    if cfg!(debug_assertions) {
        text += "\n\n**Built without optimisation: these figures only show that it runs.**";
    }
    for missing in &report.missing {
        text += &format!("\n\n**Left out: {missing}**");
    }
    for table in &report.tables {
        text += &format!("\n\n{table}");
    }
    text + &format!("\n![The figures above as a plot]({name}.svg)\n\n[All figures]({name}.json)\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nText\n");
        let filled = fill(&page, "new\n").unwrap();
        assert_eq!(filled, format!("# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nText\n"));
        assert_eq!(fill(&filled, "new\n").unwrap(), filled, "once more changes nothing");
    }

    #[test]
    fn a_page_without_a_place_is_told_what_it_needs() {
        let error = fill(&format!("{END} {BEGIN}"), "").unwrap_err().to_string();
        assert!(error.contains(BEGIN) && error.contains(END), "{error}");
    }

    #[test]
    fn every_experiment_has_a_page() {
        use clap::ValueEnum;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/experiments");
        for experiment in super::super::Experiment::value_variants() {
            check(&folder, experiment.name()).unwrap();
        }
    }
}
