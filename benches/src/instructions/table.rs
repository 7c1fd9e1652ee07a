//! The table of instructions. In: counts, or a page that holds the table. Out: Markdown, or the steps that take more than before.

use std::fmt;

use anyhow::{Context, ensure};

use super::callgrind::Counts;
use super::steps::{REQUESTS, Step};

/// More than this is told. A new compiler moves each step by some.
const MORE_PERCENT_MAX: u64 = 3;
const MORE_MAX: u64 = 5;

/// Instructions of one request, by step and then by kind of request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table(Vec<[u64; REQUESTS.len()]>);

impl Table {
    pub(super) fn new(counts: &Counts, requests: u64) -> Self {
        let of_step = |step| std::array::from_fn(|request: usize| counts[request][step] / requests);
        Self((0..Step::ALL.len()).map(of_step).collect())
    }

    /// The table that stands in `page`, with whatever around it.
    ///
    /// # Errors
    /// It has no row for a step, or one that holds other than figures.
    pub(super) fn find(page: &str) -> anyhow::Result<Self> {
        let row = |step: Step| {
            let line = page.lines().find_map(|line| line.strip_prefix(&format!("| {} |", step.title())));
            let figures = line.and_then(|line| {
                let figures: Option<Vec<u64>> = line
                    .split_terminator('|')
                    .map(|cell| cell.trim().replace(',', "").parse().ok())
                    .collect();
                figures?.try_into().ok()
            });
            figures.with_context(|| {
                format!("no row '| {} |' with {} figures: print the table anew", step.title(), REQUESTS.len())
            })
        };
        Ok(Self(Step::ALL.into_iter().map(row).collect::<anyhow::Result<_>>()?))
    }

    /// # Errors
    /// The steps that take more than they did.
    pub(super) fn check(&self, before: &Self) -> anyhow::Result<()> {
        let mut more = Vec::new();
        for ((step, now), before) in Step::ALL.iter().zip(&self.0).zip(&before.0) {
            for (((request, _), now), before) in REQUESTS.iter().zip(now).zip(before) {
                if *now > before + (before * MORE_PERCENT_MAX / 100).max(MORE_MAX) {
                    more.push(format!("{request}, {}: {now} instead of {before}", step.title()));
                }
            }
        }
        ensure!(
            more.is_empty(),
            "more instructions than were written down (for a release build):\n{}",
            more.join("\n")
        );
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = REQUESTS.iter().map(|&(name, _)| name).collect();
        writeln!(f, "| instructions per request | {} |", names.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(names.len()))?;
        let mut sums = [0; REQUESTS.len()];
        for (step, row) in Step::ALL.iter().zip(&self.0) {
            sums.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
            write_row(f, step.title(), row)?;
        }
        write_row(f, "together", &sums)
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, title: &str, row: &[u64]) -> fmt::Result {
    write!(f, "| {title} |")?;
    row.iter().try_for_each(|count| write!(f, " {count} |"))?;
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(scan_of_wrk: u64) -> Table {
        let mut counts: Counts = vec![[100_000; Step::ALL.len()]; REQUESTS.len()];
        counts[0][0] = scan_of_wrk * 100;
        Table::new(&counts, 100)
    }

    #[test]
    fn a_table_is_found_again_in_a_page() {
        let page = format!("# A page\n\n{}\nand text\n", table(700));
        assert_eq!(Table::find(&page).unwrap(), table(700));
        let told = Table::find("# A page\n").unwrap_err().to_string();
        assert!(told.contains("print the table anew"), "{told}");
    }

    #[test]
    fn a_step_that_takes_clearly_more_is_told_of() {
        table(1_030).check(&table(1_000)).unwrap();
        table(500).check(&table(1_000)).unwrap();
        // Of few instructions a percentage says nothing.
        table(15).check(&table(10)).unwrap();
        let told = table(1_031).check(&table(1_000)).unwrap_err().to_string();
        assert!(told.contains("wrk, scan") && told.contains("1031 instead of 1000"), "{told}");
        table(16).check(&table(10)).unwrap_err();
    }
}
