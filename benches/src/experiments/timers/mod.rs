//! Timers: every read from a client has a time limit that is hardly ever reached. In: ways to keep it. Out: what it costs per
//! read, by the number of connections that have one; and what a whole server costs per request with it.

mod touch;

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

pub(super) use self::touch::{kernel_timer, set_kernel_timer};
use super::report::{Report, Table, cell};
use super::{Setting, spread};
use crate::argument::argument;
use crate::chart::{Axes, Scale, Series, lines};
use crate::compare::process::descriptor_limit;
use crate::compare::summary::Spread;
use crate::plural::counted;

/// What an idle connection is given. No measurement lasts so long.
pub(super) const LIMIT: Duration = Duration::from_secs(75);
const CONNECTIONS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
/// Reads per run.
const READS: u64 = 2_000_000;
/// Descriptors left for everything else.
const DESCRIPTORS_KEPT: usize = 256;
/// Connections that load the whole server.
const LOADED: usize = 64;

/// How the time limit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// No limit
    None,
    /// A deadline of the worker's wheel, put off at each read: a store
    Deadline,
    /// A future in an ordered set, made and dropped for each read
    Timeout,
    /// A task that sleeps, started and ended for each read
    Task,
    /// A timer of the kernel's, set for each read
    Timerfd,
}

impl Way {
    fn title(self) -> &'static str {
        match self {
            Self::None => "no limit",
            Self::Deadline => "a deadline that is touched (wheel)",
            Self::Timeout => "a timer per read (ordered set)",
            Self::Task => "a task per read that sleeps",
            Self::Timerfd => "a timer of the kernel's, set per read",
        }
    }
}

#[derive(Debug, Serialize)]
struct PerRead {
    way: Way,
    connections: usize,
    ns_per_read: Spread,
}

#[derive(Debug, Serialize)]
struct PerRequest {
    way: Way,
    connections: usize,
    cpu_us_per_request: Spread,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let mut missing = Vec::new();
    let per_read = per_read(setting, &mut missing)?;
    let per_request = per_request(setting, &mut missing)?;
    let mut reads = Table::new("One read's time limit", &["way", "connections", "ns per read"]);
    let mut series = Vec::new();
    for &way in Way::value_variants() {
        let own = || per_read.iter().filter(|row| row.way == way);
        for row in own() {
            reads.row([way.title().to_owned(), row.connections.to_string(), cell(row.ns_per_read)]);
        }
        let points = own().map(|row| (row.connections as f64, row.ns_per_read)).collect();
        series.push(Series { label: way.title().to_owned(), points });
    }
    let mut tables = vec![reads];
    if !per_request.is_empty() {
        let title = format!("A server that answers 151 octets, {LOADED} connections");
        let mut table = Table::new(title, &["way", "CPU us per request"]);
        for row in &per_request {
            table.row([row.way.title().to_owned(), cell(row.cpu_us_per_request)]);
        }
        tables.push(table);
    }
    let axes = Axes {
        x: "connections with a time limit",
        x_scale: Scale::Logarithmic,
        y: "ns per read (logarithmic)",
        y_scale: Scale::Logarithmic,
    };
    Ok(Report {
        tables,
        plot: lines(
            setting.title("Nanoseconds for the time limit of a read (less is better)"),
            &axes,
            &series,
        ),
        figures: serde_json::json!({ "per_read": per_read, "per_request": per_request }),
        versions: Vec::new(),
        missing,
    })
}

fn per_read(setting: &Setting<'_>, missing: &mut Vec<String>) -> anyhow::Result<Vec<PerRead>> {
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let has_descriptors = connections + DESCRIPTORS_KEPT <= descriptor_limit();
        if !has_descriptors {
            let way = Way::Timerfd.title();
            missing.push(format!(
                "{way}, {connections} connections: raise the limit of descriptors (ulimit -n)"
            ));
        }
        let ways =
            Way::value_variants().iter().copied().filter(|&way| way != Way::Timerfd || has_descriptors);
        let ways: Vec<Way> = ways.collect();
        let title =
            |way: &Way| format!("{}, {}", way.title(), counted(connections, "connection", "connections"));
        let reads = READS / setting.shortened;
        let measure = |way: &Way, _| touch::ns_per_read(*way, connections, reads);
        for (&way, samples) in setting.alternate(&ways, title, missing, measure)? {
            rows.push(PerRead { way, connections, ns_per_read: spread(samples)? });
        }
    }
    Ok(rows)
}

fn per_request(setting: &Setting<'_>, missing: &mut Vec<String>) -> anyhow::Result<Vec<PerRequest>> {
    let workload = Setting::workload(LOADED)?;
    let title = |way: &Way| format!("{}, the whole server", way.title());
    let samples = setting.alternate(Way::value_variants(), title, missing, |way, round| {
        let running = setting.start_subject(&["timers", "--limit", &argument(way)], &setting.placement())?;
        Ok(setting.measure(&running, &workload, round)?.cpu_us_per_request)
    })?;
    let rows = samples.into_iter().map(|(&way, samples)| {
        Ok(PerRequest { way, connections: LOADED, cpu_us_per_request: spread(samples)? })
    });
    rows.collect()
}
