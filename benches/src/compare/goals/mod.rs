//! The table of goals. In: what the comparison has measured, by itself or from the files it wrote. Out: Markdown, a line for each
//! row, with each goal's verdict.

mod table;
mod verdict;

use std::{fmt, fs, path::PathBuf};

use anyhow::Context;
use clap::Args;

use self::{
    table::{NEVER_SHORT, ROUNDS_MIN, ROWS, SHORT_MAX},
    verdict::{Judged, Verdict, judge_row},
};
use super::{
    report,
    summary::{Comparison, Spread},
};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What `compare --json` wrote; of a workload that is in several, the last counts
    #[arg(value_name = "FILE.json", required = true)]
    files: Vec<PathBuf>,
}

/// Prints the table from files.
///
/// # Errors
/// When a file cannot be read, or is not what this version of `compare` writes.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut all: Option<Comparison> = None;
    for path in &options.files {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let comparison: Comparison = serde_json::from_str(&text).with_context(|| {
            format!("{} is not from this version of `compare --json`: measure again", path.display())
        })?;
        report::print_machine(&comparison.machine);
        all = Some(match all {
            None => comparison,
            Some(earlier) => earlier.followed_by(comparison),
        });
    }
    print(&all.context("no file")?);
    Ok(())
}

/// The workloads that the goals are about.
pub(super) fn workloads() -> Vec<String> {
    let mut names: Vec<String> = ROWS.iter().map(|row| row.workload.to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// As many rounds as a verdict needs.
pub(super) const ROUNDS: usize = ROUNDS_MIN;

pub(super) fn print(measured: &Comparison) {
    println!("\n## Goals\n");
    println!(
        "Ratios are medians of those within each round, with the least and the most. A goal has no verdict where the client or \
         the machine had a part in the figures.\n"
    );
    println!("| workload | against the ceiling | against peers |");
    println!("|---|---|---|");
    let mut all = Vec::new();
    for row in &ROWS {
        let judged = judge_row(row, measured);
        let [floor, peer] =
            judged.each_ref().map(|judged| judged.as_ref().map(ToString::to_string).unwrap_or_default());
        println!("| {} (`{}`) | {floor} | {peer} |", row.title, row.workload);
        all.extend(judged.into_iter().flatten());
    }
    println!("\n{}", total(&all));
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {:.2}: ", self.ratio_max)?;
        let other = self.other.map(|other| format!(" of {}", other.name())).unwrap_or_default();
        let figures = |spread: &Spread| {
            let Spread { median, min, max } = spread;
            format!("{median:.2} ({min:.2}..{max:.2}){other}")
        };
        match &self.verdict {
            Verdict::Met(spread) => write!(f, "**met**, {}", figures(spread)),
            Verdict::Short(spread) => write!(f, "**short**, {}", figures(spread)),
            Verdict::NotMeasured(reason) => write!(f, "not measured ({reason})"),
        }
    }
}

/// What all goals come to, in one line.
fn total<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> String {
    let (mut met, mut short, mut not_measured, mut never) = (0, 0, 0, Vec::new());
    for judged in judged {
        match judged.verdict {
            Verdict::Met(_) => met += 1,
            Verdict::Short(_) => {
                short += 1;
                if NEVER_SHORT.contains(&judged.workload) {
                    never.push(judged.workload);
                }
            }
            Verdict::NotMeasured(_) => not_measured += 1,
        }
    }
    let mut line = format!("{met} goals met, {short} short, {not_measured} not measured: ");
    line += match (not_measured, short <= SHORT_MAX && never.is_empty()) {
        (_, false) => "**not reached**",
        (0, true) => "**reached**",
        (_, true) => "**open**",
    };
    if short > SHORT_MAX {
        line += &format!("; at most {SHORT_MAX} may be short");
    }
    if !never.is_empty() {
        line += &format!("; {} must not be short", never.join(", "));
    }
    line
}
