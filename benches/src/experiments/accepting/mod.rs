//! Accepting: connections come for one answer each, in a steady flow and all at once. In: who accepts, and how many workers there are.
//! Out: what a connection costs, whom it wakes, and how long it waits.

mod acceptors;
mod arrival;
mod visitors;

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;

use self::acceptors::Acceptor;
pub(super) use self::arrival::Answers;
use self::arrival::{AT_A_TIME, Arrival};
use self::visitors::Visitors;
use super::report::{Report, Table, cell};
use super::{Setting, spread};
use crate::chart::{Bar, Colour, Panel, bars};
use crate::compare::check::request;
use crate::compare::interrupt;
use crate::compare::proc::{self, CpuTime};
use crate::compare::process::descriptor_limit;
use crate::compare::summary::Spread;
use crate::plural::counted;

/// One for each CPU of a small machine, and more workers than a connection should wake.
const WORKERS: [usize; 2] = [2, 8];
/// The workers whose figures are drawn: with many the ways differ most.
const WORKERS_DRAWN: usize = WORKERS[1];
/// Connections per run.
const CONNECTIONS: usize = 10_000;
/// Connections before those that count: a server's tables and pools have their size then, and every worker sleeps where it will
/// sleep.
const WARM_UP: usize = WORKERS_DRAWN * AT_A_TIME;
/// Until the connections of the warm-up are closed at the server, too.
const SETTLE: Duration = Duration::from_millis(50);
/// Descriptors for each connection. The server keeps some of its own for files, and of the rest a worker with a listener of its own
/// has its share only, however unevenly connections come to it.
const DESCRIPTORS_PER_CONNECTION: usize = 2;

#[derive(Debug, Clone, Copy, Serialize)]
struct Sample {
    wake_ups_per_connection: f64,
    cpu_us_per_connection: f64,
    /// Share of the CPU time that one thread had.
    busiest_thread_percent: f64,
    p50_ms: f64,
    p99_ms: f64,
    slowest_ms: f64,
    /// From the first connection's beginning to the last one's answer.
    all_after_ms: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    acceptor: &'static str,
    #[serde(skip)]
    colour: Colour,
    workers: usize,
    arrival: Arrival,
    wake_ups_per_connection: Spread,
    cpu_us_per_connection: Spread,
    busiest_thread_percent: Spread,
    p50_ms: Spread,
    p99_ms: Spread,
    slowest_ms: Spread,
    all_after_ms: Spread,
}

impl Row {
    fn new(
        acceptor: &Acceptor,
        workers: usize,
        arrival: Arrival,
        samples: &[Sample],
    ) -> anyhow::Result<Self> {
        let of = |figure: fn(&Sample) -> f64| spread(samples.iter().map(figure));
        Ok(Self {
            acceptor: acceptor.title(),
            colour: acceptor.colour(),
            workers,
            arrival,
            wake_ups_per_connection: of(|sample| sample.wake_ups_per_connection)?,
            cpu_us_per_connection: of(|sample| sample.cpu_us_per_connection)?,
            busiest_thread_percent: of(|sample| sample.busiest_thread_percent)?,
            p50_ms: of(|sample| sample.p50_ms)?,
            p99_ms: of(|sample| sample.p99_ms)?,
            slowest_ms: of(|sample| sample.slowest_ms)?,
            all_after_ms: of(|sample| sample.all_after_ms)?,
        })
    }
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let connections = CONNECTIONS / setting.shortened as usize;
    ensure!(
        connections * DESCRIPTORS_PER_CONNECTION <= descriptor_limit(),
        "{connections} connections at once: raise the limit of descriptors (ulimit -n) to {}",
        connections * DESCRIPTORS_PER_CONNECTION
    );
    let (acceptors, versions, mut missing) = acceptors::find(setting)?;
    let mut rows = Vec::new();
    for arrival in Arrival::ALL {
        for workers in WORKERS {
            let title = |acceptor: &Acceptor| {
                let workers = counted(workers, "worker", "workers");
                format!("{}, {workers}, {}", acceptor.title(), arrival.title(connections))
            };
            let measure = |acceptor: &Acceptor, _| measure(setting, acceptor, workers, arrival, connections);
            for (acceptor, samples) in setting.alternate(&acceptors, title, &mut missing, measure)? {
                rows.push(Row::new(acceptor, workers, arrival, &samples)?);
            }
        }
    }
    Ok(Report {
        tables: Arrival::ALL.into_iter().map(|arrival| table(&rows, arrival, connections)).collect(),
        plot: plot(setting, &rows, connections),
        figures: serde_json::to_value(&rows)?,
        versions,
        missing,
    })
}

fn table(rows: &[Row], arrival: Arrival, connections: usize) -> Table {
    let columns = [
        "who accepts",
        "workers",
        "wake-ups each",
        "CPU us each",
        "% of it the busiest thread's",
        "p50 ms",
        "p99 ms",
        "slowest ms",
        "all after ms",
    ];
    let mut table = Table::new(arrival.title(connections), &columns);
    for row in rows.iter().filter(|row| row.arrival == arrival) {
        table.row([
            row.acceptor.to_owned(),
            row.workers.to_string(),
            cell(row.wake_ups_per_connection),
            cell(row.cpu_us_per_connection),
            cell(row.busiest_thread_percent),
            cell(row.p50_ms),
            cell(row.p99_ms),
            cell(row.slowest_ms),
            cell(row.all_after_ms),
        ]);
    }
    table
}

fn plot(setting: &Setting<'_>, rows: &[Row], connections: usize) -> String {
    let panels = |name: &'static str, figure: fn(&Row) -> Spread| {
        Arrival::ALL.map(|arrival| {
            let drawn = rows.iter().filter(|row| row.arrival == arrival && row.workers == WORKERS_DRAWN);
            let bar =
                |row: &Row| Bar { label: row.acceptor.to_owned(), value: figure(row), colour: row.colour };
            let title = format!("{}: {name}", arrival.title(connections));
            Panel { title, bars: drawn.map(bar).collect() }
        })
    };
    let wake_ups = panels("threads woken by each", |row| row.wake_ups_per_connection);
    let cpu = panels("CPU microseconds for each", |row| row.cpu_us_per_connection);
    let title = format!("What a connection for one answer takes, {WORKERS_DRAWN} workers (less is better)");
    bars(setting.title(&title), &[wake_ups, cpu].into_iter().flatten().collect::<Vec<_>>())
}

fn measure(
    setting: &Setting<'_>,
    acceptor: &Acceptor,
    workers: usize,
    arrival: Arrival,
    connections: usize,
) -> anyhow::Result<Sample> {
    let workload = arrival.workload()?;
    let running = acceptor.start(setting, &workload, workers, arrival.answers())?;
    let checked = setting.check(&running, &workload)?;
    let request = request(running.port, &format!("/{}", workload.file), &workload.fields());
    let visitors = Visitors {
        port: running.port,
        request: request.as_bytes(),
        answer_bytes: checked.answer_bytes.context("the answers have no length")?,
        coming: arrival.coming(),
    };
    visitors.send(WARM_UP)?;
    interrupt::sleep(SETTLE)?;
    let (sleeps, cpu) = (proc::sleeps(running.pid())?, CpuTime::read(running.pid())?);
    let visits = visitors.send(connections)?;
    let cpu_after = CpuTime::read(running.pid())?;
    let wake_ups: u64 = proc::slept_since(&proc::sleeps(running.pid())?, &sleeps).sum();
    let ms = |share| visits.latencies.quantile_us(share) / 1e3;
    Ok(Sample {
        wake_ups_per_connection: wake_ups as f64 / connections as f64,
        cpu_us_per_connection: cpu_after.since_us(&cpu) / connections as f64,
        busiest_thread_percent: cpu_after.share_of_the_busiest_since(&cpu) * 100.0,
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        slowest_ms: ms(1.0),
        all_after_ms: visits.took.as_secs_f64() * 1e3,
    })
}
