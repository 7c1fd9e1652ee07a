//! The allocator's locks: threads take buffers of 4 KiB and give them back. In: how many threads. Out: how many buffers a second
//! all of them take together, and how often they wait for each other, by where the buffers come from.

mod sources;

use serde::Serialize;

use self::sources::Source;
use super::report::{Report, Table, cell};
use super::{Setting, spread};
use crate::chart::{Axes, Scale, Series, lines};
use crate::compare::summary::Spread;
use crate::plural::counted;

const THREADS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Buffers per run, all threads together.
const BUFFERS: u64 = 8_000_000;

#[derive(Debug, Serialize)]
struct Row {
    source: Source,
    threads: usize,
    buffers_per_second: Spread,
    cpu_ns_per_buffer: Spread,
    waits_per_million: Spread,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for threads in THREADS {
        let title =
            |source: &Source| format!("{}, {}", source.title(), counted(threads, "thread", "threads"));
        let measure = |source: &Source, _| source.measure(threads, BUFFERS / setting.shortened);
        for (&source, samples) in setting.alternate(&Source::ALL, title, &mut missing, measure)? {
            rows.push(Row {
                source,
                threads,
                buffers_per_second: spread(samples.iter().map(|sample| sample.buffers_per_second))?,
                cpu_ns_per_buffer: spread(samples.iter().map(|sample| sample.cpu_ns_per_buffer))?,
                waits_per_million: spread(samples.iter().map(|sample| sample.waits_per_million))?,
            });
        }
    }
    let millions =
        |spread: Spread| Spread { median: spread.median / 1e6, min: spread.min / 1e6, max: spread.max / 1e6 };
    let mut table = Table::new(
        "Buffers of 4 KiB, taken 16 at a time and given back",
        &["buffers from", "threads", "millions a second", "CPU ns each", "waits per million"],
    );
    let mut series: Vec<Series> = Vec::new();
    for source in Source::ALL {
        let own = || rows.iter().filter(|row| row.source == source);
        for row in own() {
            table.row([
                source.title().to_owned(),
                row.threads.to_string(),
                cell(millions(row.buffers_per_second)),
                cell(row.cpu_ns_per_buffer),
                cell(row.waits_per_million),
            ]);
        }
        let points = own().map(|row| (row.threads as f64, millions(row.buffers_per_second))).collect();
        series.push(Series { label: source.title().to_owned(), points });
    }
    let axes = Axes {
        x: "threads",
        x_scale: Scale::Logarithmic,
        y: "millions a second, all threads together (logarithmic)",
        y_scale: Scale::Logarithmic,
    };
    Ok(Report {
        tables: vec![table],
        plot: lines(setting.title("Buffers of 4 KiB taken and given back (more is better)"), &axes, &series),
        figures: serde_json::to_value(&rows)?,
        versions: Vec::new(),
        missing,
    })
}
