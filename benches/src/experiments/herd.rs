//! The thundering herd: workers sleep until a connection comes. In: ways to accept. Out: how many threads a connection wakes, and
//! what that costs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use super::hand_off::{Pace, drive};
use super::report::{Report, Table, cell};
use super::{Setting, spread};
use crate::argument::argument;
use crate::chart::{Bar, Colour, Panel, bars};
use crate::compare::proc::{self, CpuTime};
use crate::compare::summary::Spread;
use crate::cpus::Placement;

/// As many as the servers of the paper's figure had at most; most of them sleep.
const WORKERS: usize = 8;
/// Connections per run.
const CONNECTIONS: usize = 10_000;
const BURST: usize = 64;

/// Who accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// Worker 0 accepts for all, and serves too
    Shared,
    /// Worker 0 accepts for all, and does nothing else
    Dedicated,
    /// Each worker has a listener of its own
    ReusePort,
    /// The rings of all workers wait at one listener
    RingHerd,
    /// All workers wait at one listener by epoll
    EpollHerd,
    /// The same with EPOLLEXCLUSIVE
    EpollExclusive,
}

impl Way {
    fn title(self) -> &'static str {
        match self {
            Self::Shared => "shared: one accepts for all",
            Self::Dedicated => "dedicated: it only accepts",
            Self::ReusePort => "reuseport: a listener each",
            Self::RingHerd => "all rings on one listener",
            Self::EpollHerd => "all epolls on one listener",
            Self::EpollExclusive => "the same, EPOLLEXCLUSIVE",
        }
    }

    fn colour(self) -> Colour {
        match self {
            Self::Shared | Self::Dedicated | Self::ReusePort => Colour::Own,
            _ => Colour::Other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Arrival {
    OneAtATime,
    Bursts,
}

impl Arrival {
    fn title(self) -> String {
        match self {
            Self::OneAtATime => "one at a time".to_owned(),
            Self::Bursts => format!("bursts of {BURST}"),
        }
    }

    fn pace(self) -> Pace {
        match self {
            Self::OneAtATime => Pace::Single,
            Self::Bursts => Pace::Burst(BURST),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Sample {
    wake_ups_per_connection: f64,
    /// Share of the wake-ups that one thread had.
    busiest_thread_percent: f64,
    cpu_us_per_connection: f64,
    connections_per_second: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    way: Way,
    arrival: Arrival,
    wake_ups_per_connection: Spread,
    busiest_thread_percent: Spread,
    cpu_us_per_connection: Spread,
    connections_per_second: Spread,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for arrival in [Arrival::OneAtATime, Arrival::Bursts] {
        let title = |way: &Way| format!("{}, {}", way.title(), arrival.title());
        let measure = |way: &Way, _| measure(setting, *way, arrival);
        for (&way, samples) in setting.alternate(Way::value_variants(), title, &mut missing, measure)? {
            rows.push(Row {
                way,
                arrival,
                wake_ups_per_connection: spread(samples.iter().map(|sample| sample.wake_ups_per_connection))?,
                busiest_thread_percent: spread(samples.iter().map(|sample| sample.busiest_thread_percent))?,
                cpu_us_per_connection: spread(samples.iter().map(|sample| sample.cpu_us_per_connection))?,
                connections_per_second: spread(samples.iter().map(|sample| sample.connections_per_second))?,
            });
        }
    }
    let title = format!("Connections that are accepted and closed, {WORKERS} workers");
    let columns = [
        "who accepts",
        "connections come",
        "wake-ups each",
        "% of them the busiest thread's",
        "CPU us each",
        "connections/s",
    ];
    let mut table = Table::new(title, &columns);
    for row in &rows {
        table.row([
            row.way.title().to_owned(),
            row.arrival.title(),
            cell(row.wake_ups_per_connection),
            cell(row.busiest_thread_percent),
            cell(row.cpu_us_per_connection),
            cell(row.connections_per_second),
        ]);
    }
    let bar = |row: &Row| Bar {
        label: row.way.title().to_owned(),
        value: row.wake_ups_per_connection,
        colour: row.way.colour(),
    };
    let panel = |arrival: Arrival| Panel {
        title: arrival.title(),
        bars: rows.iter().filter(|row| row.arrival == arrival).map(bar).collect(),
    };
    Ok(Report {
        tables: vec![table],
        plot: bars(
            setting.title("Threads that one connection wakes (1 is enough)"),
            &[Arrival::OneAtATime, Arrival::Bursts].map(panel),
        ),
        figures: serde_json::to_value(&rows)?,
        versions: Vec::new(),
        missing,
    })
}

fn measure(setting: &Setting<'_>, way: Way, arrival: Arrival) -> anyhow::Result<Sample> {
    let workers = WORKERS.to_string();
    let arguments = ["accepting", "--way", &argument(&way), "--workers", &workers];
    let running = setting.start_subject(&arguments, &Placement::together(&setting.load.cpus))?;
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, running.port).into();
    let connections = CONNECTIONS / setting.shortened as usize;
    // Until every worker sleeps where it will sleep.
    drive(address, arrival.pace(), WORKERS * BURST)?;
    let (sleeps, cpu, started) =
        (proc::sleeps(running.pid())?, CpuTime::read(running.pid())?, Instant::now());
    drive(address, arrival.pace(), connections).context("a connection was lost")?;
    let took = started.elapsed();
    let cpu_us = CpuTime::read(running.pid())?.since_us(&cpu);
    let woken: Vec<u64> = proc::slept_since(&proc::sleeps(running.pid())?, &sleeps).collect();
    let (wake_ups, busiest) = (woken.iter().sum::<u64>(), woken.iter().copied().max().unwrap_or(0));
    Ok(Sample {
        wake_ups_per_connection: wake_ups as f64 / connections as f64,
        busiest_thread_percent: busiest as f64 / wake_ups as f64 * 100.0,
        cpu_us_per_connection: cpu_us / connections as f64,
        connections_per_second: connections as f64 / took.as_secs_f64(),
    })
}
