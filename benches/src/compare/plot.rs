//! The plots: a panel per workload, a bar per server, its length the CPU time per request or a latency.

use super::{
    comparison::Comparison,
    interval::Interval,
    report::{QUANTILES, Quantile},
    servers::Server,
    summary::{Figures, Row, Spread},
};
use crate::chart::{Bar, Colour, Panel, Title, bars};

/// CPU times as an SVG document. Whiskers are the least and the most of the rounds.
pub(super) fn cpu_time(measured: &Comparison) -> String {
    let panel = |row: &Row| panel(row, row.title.clone(), |figures| Some(figures.cpu_us_per_request));
    let panels: Vec<Panel> = measured.rows.iter().map(panel).collect();
    let under = under(measured);
    bars(Title { title: "CPU microseconds per request (less is better)", under: &under }, &panels)
}

/// Latencies of the rows that are about them. Whiskers are the intervals that the medians of the rounds are in.
pub(super) fn latency(measured: &Comparison) -> String {
    let rows = measured.rows.iter().filter(|row| row.is_about_latency());
    let of_row = |row: &Row| QUANTILES.map(|(name, quantile)| quantile_panel(row, name, quantile));
    let panels: Vec<Panel> = rows.flat_map(of_row).collect();
    let under = under(measured);
    bars(Title { title: "Latency in microseconds (less is better)", under: &under }, &panels)
}

fn quantile_panel(row: &Row, name: &str, quantile: Quantile) -> Panel {
    panel(row, format!("{}: {name}", row.title), |figures| {
        let Interval { low, high, .. } = Interval::of(figures.samples.iter().map(quantile))?;
        Some(Spread { median: figures.median(quantile), min: low, max: high })
    })
}

fn panel(row: &Row, title: String, value: impl Fn(&Figures) -> Option<Spread>) -> Panel {
    let bar = |figures: &Figures| {
        let (label, colour) = (figures.server.name().to_owned(), figures.server.colour());
        Some(Bar { label, value: value(figures)?, colour })
    };
    Panel { title, bars: row.servers.iter().filter_map(bar).collect() }
}

/// The machine and the date of the last run.
fn under(measured: &Comparison) -> String {
    let machine = measured.runs.last().map(|run| &run.machine);
    machine
        .map_or_else(String::new, |machine| format!("{}, {}, {}", machine.cpu, machine.kernel, machine.date))
}

impl Server {
    /// This project's, another's, or what both are compared with.
    pub(crate) fn colour(self) -> Colour {
        match self {
            ceiling if ceiling.is_ceiling() => Colour::Reference,
            peer if peer.is_peer() => Colour::Other,
            _ => Colour::Own,
        }
    }
}
