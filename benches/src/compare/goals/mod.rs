//! The table of goals. In: what the comparison has measured, by itself or from the files it wrote. Out: Markdown, a line for each
//! row, with each goal's verdict.

mod table;
mod verdict;

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;

use self::{
    table::{ROUNDS_MIN, ROWS},
    verdict::{judge_row, total},
};
use super::{report, summary::Comparison};

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
