//! Experiments: each asks one question that a server's design depends on. Those of the pages in `docs/experiments` take Warp's
//! claims one by one. In: their names. Out: on each page the figures, and beside it the same as JSON and as a plot.
//!
//! The walk: `run` -> an experiment -> a `Report` -> `page`. Servers that are measured run in processes of their own: those of
//! `compare`, or a `subject`, which can do a thing in several ways.

mod allocator;
mod counting;
mod dates;
mod descriptors;
mod hand_off;
mod herd;
mod packets;
mod page;
mod report;
mod setting;
mod subject;
mod system_calls;
mod timers;
mod workers;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand, ValueEnum};

use self::report::Report;
use self::setting::Setting;
use crate::compare::{self, docroot::Docroot, interrupt, machine::Machine, process};
use crate::cpus;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Which [default: all of these]
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Experiment>,
    /// Runs of each way, alternated
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Seconds of load per measurement
    #[arg(long, value_name = "S", default_value_t = 2)]
    seconds: u64,
    /// One short run of each: only to see that everything runs
    #[arg(long)]
    quick: bool,
    /// The folder of the pages
    #[arg(long, value_name = "DIR", default_value = "docs/experiments")]
    pages: PathBuf,
    /// The selvedge binary [default: built from this workspace]
    #[arg(long, value_name = "PATH")]
    selvedge: Option<PathBuf>,
    /// Numbers of workers in the experiment `workers` [default: 1, 2, 4 ... up to the CPUs]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    workers: Vec<usize>,
    #[command(subcommand)]
    alone: Option<Alone>,
}

/// What has no page.
#[derive(Debug, Subcommand)]
enum Alone {
    /// How an accepted connection best gets from one ring to another
    HandOff(hand_off::Options),
    /// Run a server that an experiment measures
    #[command(hide = true)]
    Subject(subject::Options),
}

/// Those with pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Experiment {
    /// How many system calls a request takes
    SystemCalls,
    /// Head and body in one packet, or in two
    Packets,
    /// What a Date costs, formatted for each answer or once a second
    Dates,
    /// What the global allocator's locks cost under many threads
    Allocator,
    /// What a time limit for each read costs, by how it is kept
    Timers,
    /// What it is worth to keep files open
    Descriptors,
    /// How many threads a connection wakes, by who accepts
    Herd,
    /// Throughput by the number of workers
    Workers,
}

impl Experiment {
    /// Its page's file name, without the ending.
    fn name(self) -> &'static str {
        match self {
            Self::SystemCalls => "system-calls",
            Self::Packets => "packets",
            Self::Dates => "dates",
            Self::Allocator => "allocator",
            Self::Timers => "timers",
            Self::Descriptors => "descriptors",
            Self::Herd => "herd",
            Self::Workers => "workers",
        }
    }

    fn run(self, setting: &Setting<'_>) -> anyhow::Result<Report> {
        match self {
            Self::SystemCalls => system_calls::run(setting),
            Self::Packets => packets::run(setting),
            Self::Dates => dates::run(setting),
            Self::Allocator => allocator::run(setting),
            Self::Timers => timers::run(setting),
            Self::Descriptors => descriptors::run(setting),
            Self::Herd => herd::run(setting),
            Self::Workers => workers::run(setting),
        }
    }
}

/// Runs what was asked for, the next where one fails.
///
/// # Errors
/// The names of those that failed; the reasons were told on standard error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.alone {
        Some(Alone::HandOff(options)) => return hand_off::run(options),
        Some(Alone::Subject(options)) => return subject::run(options),
        None => {}
    }
    ensure!(
        options.rounds > 0 && options.seconds > 0,
        "without --rounds or --seconds nothing would be measured"
    );
    let cpus = cpus::allowed()?;
    ensure!(
        options.workers.iter().all(|workers| (1..=cpus.len()).contains(workers)),
        "--workers: from 1 to as many as there are CPUs, {}",
        cpus.len()
    );
    interrupt::catch()?;
    process::raise_descriptor_limit()?;
    let names = if options.names.is_empty() { Experiment::value_variants() } else { &options.names };
    // Before anything is measured in vain.
    for experiment in names {
        page::check(&options.pages, experiment.name())?;
    }
    let docroot = Docroot::create(&[], None)?;
    let seconds = if options.quick { 1 } else { options.seconds };
    let of_load = compare::Options::of_load(seconds, options.selvedge.clone());
    let machine = Machine::describe(&cpus)?;
    let load = compare::Setting { options: &of_load, docroot: &docroot, cpus };
    let setting = Setting::new(options, load, machine);
    let mut failed = Vec::new();
    for &experiment in names {
        eprintln!("{} ...", experiment.name());
        let written = experiment
            .run(&setting)
            .and_then(|report| page::write(&options.pages, experiment.name(), &setting, &report));
        if let Err(error) = written {
            interrupt::check()?;
            eprintln!("{}: {error:#}", experiment.name());
            failed.push(experiment.name());
        }
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// The median of some figures and their range; there has to be one.
fn spread(figures: impl IntoIterator<Item = f64>) -> anyhow::Result<compare::summary::Spread> {
    compare::summary::Spread::of(figures).context("nothing was measured")
}
