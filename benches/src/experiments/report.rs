//! What an experiment found. In: figures. Out: tables in Markdown, a plot, and all of it as JSON.

use std::fmt;

use serde_json::Value;

use crate::compare::summary::Spread;

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) tables: Vec<Table>,
    /// An SVG document.
    pub(crate) plot: String,
    /// Every figure, as measured.
    pub(crate) figures: Value,
    /// What was measured besides this project, with its version.
    pub(crate) versions: Vec<String>,
    /// A sentence for each row that is not there, with the way to get it.
    pub(crate) missing: Vec<String>,
}

impl Report {
    /// Whether nothing was measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.rows.is_empty())
    }
}

/// Rows under a heading; the first column stands to the left, the others are figures.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.into(), columns, rows: Vec::new() }
    }

    /// # Panics
    /// With more or fewer cells than columns.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns.len(), "{cells:?}");
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "**{}**\n", self.title)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.columns.len() - 1))?;
        // A bar in a cell would end it.
        let line =
            |cells: &Vec<String>| cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
        self.rows.iter().try_for_each(|cells| writeln!(f, "| {} |", line(cells).join(" | ")))
    }
}

/// The median, with the least and the most where there was more than one run.
pub(crate) fn cell(spread: Spread) -> String {
    let Spread { median, min, max } = spread;
    let digits = if max < 10.0 { 2 } else { usize::from(max < 1_000.0) };
    if min == max {
        format!("{median:.digits$}")
    } else {
        format!("{median:.digits$} ({min:.digits$}..{max:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("Costs", &["way", "ns"]);
        table.row(["a|b".to_owned(), "1".to_owned()]);
        assert_eq!(table.to_string(), "**Costs**\n\n| way | ns |\n|---|---:|\n| a\\|b | 1 |\n");
    }

    #[test]
    fn the_range_stands_only_where_there_is_one() {
        assert_eq!(cell(Spread { median: 2.0, min: 2.0, max: 2.0 }), "2.00");
        assert_eq!(cell(Spread { median: 20.0, min: 18.04, max: 21.0 }), "20.0 (18.0..21.0)");
        assert_eq!(cell(Spread { median: 2_000.0, min: 1.0, max: 3_000.4 }), "2000 (1..3000)");
    }
}
