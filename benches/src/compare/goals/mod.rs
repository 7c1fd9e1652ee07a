//! The table of goals. In: what the comparison has measured, by itself or from the files it wrote. Out: Markdown, a line for each
//! row, with each goal's verdict.

mod table;
mod verdict;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use self::{
    table::{NEVER_SHORT, ROUNDS_MIN, ROWS, SHORT_MAX},
    verdict::{Judged, Verdict, judge_row},
};
use super::{comparison::Comparison, output::Output, report, summary::Spread};
use crate::plural::counted;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What `compare --json` wrote; of a workload that is in several, the last counts
    #[arg(value_name = "FILE.json", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Prints the table from files, and writes what was measured into others.
///
/// # Errors
/// When a file cannot be read, or is not what this version of `compare` writes; and when one cannot be written.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    options.output.check()?;
    let all = options.files.iter().map(|path| read(path));
    let all = all.reduce(|all, next| Ok(all?.followed_by(next?))).context("no file")??;
    for run in &all.runs {
        println!("{}", report::head(run));
    }
    print!("## Goals\n\n{}", table(&all));
    options.output.write(&all)
}

fn read(path: &Path) -> anyhow::Result<Comparison> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!("{} is not from this version of `compare --json`: measure again", path.display())
    })
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

/// The table of goals, with a verdict in each cell and what they come to.
pub(super) fn table(measured: &Comparison) -> String {
    let mut text = HOW_TO_READ.to_owned();
    let mut all = Vec::new();
    for row in &ROWS {
        let judged = judge_row(row, measured);
        let [floor, peer] =
            judged.each_ref().map(|judged| judged.as_ref().map(ToString::to_string).unwrap_or_default());
        text += &format!("| {} (`{}`) | {floor} | {peer} |\n", row.title, row.workload);
        all.extend(judged.into_iter().flatten());
    }
    text + &format!("\n{}\n", total(&all))
}

const HOW_TO_READ: &str = "\
Ratios are medians of those within each round, with the least and the most. Of latencies it is the interval that the median is in (by
order statistics, with a certainty of 95 % from six rounds on, of 94 % with five); where the goal is within it, they are even: neither
met nor short. A goal has no verdict where the client or the machine had a part in the figures. A peer that did less than what was
offered to all, by its own fault alone, is no best peer, since it had another load.

| workload | against the ceiling | against peers |
|---|---|---|
";

/// What all goals come to, in one line.
pub(super) fn total_of(measured: &Comparison) -> String {
    let judged: Vec<Judged> = ROWS.iter().flat_map(|row| judge_row(row, measured)).flatten().collect();
    total(&judged)
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
            Verdict::Even(spread) => write!(f, "**even**, {}", figures(spread)),
            Verdict::Short(spread) => write!(f, "**short**, {}", figures(spread)),
            Verdict::NotMeasured(reason) => write!(f, "not measured ({reason})"),
        }?;
        self.note.iter().try_for_each(|note| write!(f, ", {note}"))
    }
}

/// One is open as long as what is even may turn out to be short, and what was not measured anything.
fn total(judged: &[Judged]) -> String {
    let count = |wanted: fn(&Verdict) -> bool| judged.iter().filter(|one| wanted(&one.verdict)).count();
    let met = count(|verdict| matches!(verdict, Verdict::Met(_)));
    let even = count(|verdict| matches!(verdict, Verdict::Even(_)));
    let short = count(|verdict| matches!(verdict, Verdict::Short(_)));
    let not_measured = count(|verdict| matches!(verdict, Verdict::NotMeasured(_)));
    let is_never_short =
        |one: &&Judged| matches!(one.verdict, Verdict::Short(_)) && NEVER_SHORT.contains(&one.workload);
    let never: Vec<&str> = judged.iter().filter(is_never_short).map(|one| one.workload).collect();
    let notes = judged.iter().filter(|one| one.note.is_some()).count();

    let met = counted(met, "goal", "goals");
    let mut line = format!("{met} met, {even} even, {short} short, {not_measured} not measured: ");
    line += if short > SHORT_MAX || !never.is_empty() {
        "**not reached**"
    } else if not_measured > 0 || short + even > SHORT_MAX {
        "**open**"
    } else {
        "**reached**"
    };
    if short > SHORT_MAX {
        line += &format!("; at most {SHORT_MAX} may be short");
    }
    if !never.is_empty() {
        line += &format!("; {} must not be short", never.join(", "));
    }
    if notes > 0 {
        line += &format!("; {notes} of p99.9 from less time than they should be");
    }
    line
}
