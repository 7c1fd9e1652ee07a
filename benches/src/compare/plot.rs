//! The plot: a panel per workload, a bar per server, its length the CPU time per request.

use super::{
    servers::Server,
    summary::{Comparison, Figures, Row},
};
use crate::chart::{Bar, Colour, Panel, Title, bars};

/// The comparison as an SVG document. Whiskers are the least and the most of the rounds.
pub(super) fn svg(comparison: &Comparison) -> String {
    let machine = &comparison.machine;
    let under = format!("{}, {}, {}", machine.cpu, machine.kernel, machine.date);
    let title = Title { title: "CPU microseconds per request (less is better)", under: &under };
    bars(title, &comparison.rows.iter().map(panel).collect::<Vec<_>>())
}

fn panel(row: &Row) -> Panel {
    let bar = |figures: &Figures| Bar {
        label: figures.server.name().to_owned(),
        value: figures.cpu_us_per_request,
        colour: figures.server.colour(),
    };
    Panel { title: row.title.clone(), bars: row.servers.iter().map(bar).collect() }
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
