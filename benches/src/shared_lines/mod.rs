//! Cache lines that two workers touch. In: what `benches/emulator/writes.c` has counted in two windows of the same load, and the
//! kernel's symbols. Out: per request, what each worker writes, and which lines it shares with the other, by what they are.
//!
//! Counts are the differences of the two windows over the difference of their requests: what a start, an accept and a stop cost is
//! in both. What comes with time and not with requests, such as the clock's tick, is not taken out; it has a group of its own.

mod counts;
mod symbols;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;

use self::counts::{Counted, Line, Totals};
use self::symbols::{Group, Symbols};

/// Lines shared less often than this per request are not told one by one.
const TOLD_MIN: f64 = 0.02;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What the plugin wrote
    #[arg(value_name = "FILE")]
    lines: PathBuf,
    /// The kernel's symbols, an address and a name in each line
    #[arg(long, value_name = "FILE")]
    symbols: PathBuf,
    /// By how many requests of each worker the second window was longer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// Fail where a line of the server's own memory is among them
    #[arg(long)]
    none_of_the_server: bool,
}

/// Prints two tables in Markdown.
///
/// # Errors
/// When a file cannot be read, the windows were not both counted, or there is a line that was to be none.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let counted = Counted::parse(&read(&options.lines)?)
        .with_context(|| format!("{}: run `benches/emulator/run writes`", options.lines.display()))?;
    let symbols = Symbols::parse(&read(&options.symbols)?);
    let requests = f64::from(options.requests);
    print!("{}", tables(&counted, &symbols, requests));
    let of_server = of_server(&counted, &symbols, requests);
    ensure!(
        !options.none_of_the_server || of_server == 0,
        "{of_server} lines of the server's own memory are written by one worker and touched by another, {TOLD_MIN} times per \
         request or more"
    );
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!text.is_empty(), "{} is empty: the emulator has not come to its end", path.display());
    Ok(text)
}

/// A line of memory, and how often per request it goes from one worker's processor to the other's at most.
struct Shared<'a> {
    line: &'a Line,
    group: Group,
    rate: f64,
}

fn tables(counted: &Counted, symbols: &Symbols, requests: f64) -> String {
    let mut shared: Vec<Shared<'_>> =
        counted.lines.iter().map(|line| share(line, symbols, requests)).collect();
    shared.retain(|shared| shared.rate > 0.0);
    shared.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    let mut text =
        "**What one worker writes, per request**\n\n| memory | writes | of these locked |\n|---|---:|---:|\n"
            .to_owned();
    for (name, of) in
        [("the server's", Totals::user as fn(&Totals) -> [f64; 2]), ("the kernel's", Totals::kernel)]
    {
        let [writes, locked] = of(&counted.totals).map(|count| count / requests);
        text += &format!("| {name} | {writes:.1} | {locked:.2} |\n");
    }
    text += "\n**Lines that both workers touch and one writes, per request**\n\n\
             | what | lines | goes over, at most | of these by locked writes |\n|---|---:|---:|---:|\n";
    let mut groups: BTreeMap<Group, (usize, f64, f64)> =
        Group::ALL.map(|group| (group, (0, 0.0, 0.0))).into();
    for one in &shared {
        let sum = groups.entry(one.group).or_default();
        let locked = one.line.locked() / requests;
        *sum = (sum.0 + usize::from(one.rate >= TOLD_MIN), sum.1 + one.rate, sum.2 + locked.min(one.rate));
    }
    for (group, (lines, rate, locked)) in groups {
        text += &format!("| {} | {lines} | {rate:.2} | {locked:.2} |\n", group.told());
    }
    text += "\n**The lines, but for the clock's and the scheduler's**\n\n\
             | line | goes over, at most | locked | written by, among others |\n|---|---:|---:|---|\n";
    let is_told =
        |one: &&Shared<'_>| one.rate >= TOLD_MIN && !matches!(one.group, Group::Clock | Group::Scheduler);
    for one in shared.iter().filter(is_told) {
        let writers = symbols.writers(one.line).into_iter().collect::<Vec<_>>().join(", ");
        let (name, locked) = (symbols.name(one.line.address), one.line.locked() / requests);
        text += &format!("| {name} | {:.2} | {locked:.2} | {writers} |\n", one.rate);
    }
    text
}

/// How many lines of the server's memory are shared as often as to be told.
fn of_server(counted: &Counted, symbols: &Symbols, requests: f64) -> usize {
    let shared = counted.lines.iter().map(|line| share(line, symbols, requests));
    shared.filter(|one| one.group == Group::Server && one.rate >= TOLD_MIN).count()
}

fn share<'a>(line: &'a Line, symbols: &Symbols, requests: f64) -> Shared<'a> {
    Shared { line, group: symbols.group(line), rate: line.goes_over() / requests }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_touch_is_told_by_what_it_is() {
        let lines = "windows 2 lost 0\n\
                     total 0 0 0 0 0 0\ntotal 0 1 1000 20 3000 400\ntotal 1 0 0 0 0 0\ntotal 1 1 1000 0 3000 600\n\
                     40 ffffffff82000040 0 0 0 50 0 9 0 0 0 40 0 90 ffffffff81000100,0,0,0 ffffffff81000100,0,0,0\n\
                     80 ffff888000000080 0 0 0 100 100 0 0 0 0 100 100 0 ffffffff81000200,0,0,0 ffffffff81000200,0,0,0\n\
                     c0 7fff00000000 0 0 0 7 0 0 0 0 0 0 0 0 5555,0,0,0 0,0,0,0\n";
        let symbols = "ffffffff81000100 timekeeping_advance\nffffffff81000200 finish_task_switch\nffffffff82000000 tk_core\n";
        let text = tables(&Counted::parse(lines).unwrap(), &Symbols::parse(symbols), 100.0);
        for row in [
            "| the server's | 10.0 | 0.10 |",
            "| the kernel's | 30.0 | 5.00 |",
            "| the server's own memory | 0 | 0.00 | 0.00 |",
            "| the clock's tick: by time, not by request | 1 | 0.50 | 0.00 |",
            "| memory | 1.00 | 1.00 | finish_task_switch |",
        ] {
            assert!(text.contains(row), "{row} is missing in\n{text}");
        }
        assert!(!text.contains("| tk_core"), "{text}");
        assert_eq!(of_server(&Counted::parse(lines).unwrap(), &Symbols::parse(symbols), 100.0), 0);
        let both = lines.replace("0 0 0 0 0 0 5555", "0 0 0 0 0 2 5555");
        assert_eq!(of_server(&Counted::parse(&both).unwrap(), &Symbols::parse(symbols), 100.0), 1, "{both}");
    }
}
