//! Experiments: each asks one question that a server's design depends on. Those of the pages in `docs/experiments` take Warp's
//! claims one by one. In: their names. Out: on each page the figures, and beside it the same as JSON and as a plot.
//!
//! The walk: `run` -> an experiment -> a `Report` -> `page`. Servers that are measured run in processes of their own: those of
//! `compare`, or a `subject`, which can do a thing in several ways.

mod accepting;
mod allocator;
mod counting;
mod dates;
mod descriptors;
pub(crate) mod effort;
mod hand_off;
mod herd;
mod packets;
pub(crate) mod page;
pub(crate) mod report;
pub(crate) mod setting;
mod subject;
mod system_calls;
mod timers;
mod workers;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand, ValueEnum};

use self::effort::Effort;
use self::page::Place;
use self::report::Report;
use self::setting::Setting;
use crate::argument::argument;
use crate::compare::{self, interrupt};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Which [default: all of these]
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Experiment>,
    #[command(flatten)]
    effort: Effort,
    /// The folder of the pages
    #[arg(long, value_name = "DIR", default_value = "docs/experiments")]
    pages: PathBuf,
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
    /// What accepting a connection costs, by who accepts
    Accepting,
    /// Throughput by the number of workers
    Workers,
}

impl Experiment {
    /// Its page's file name, without the ending.
    fn name(self) -> String {
        argument(&self)
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
            Self::Accepting => accepting::run(setting),
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
    options.effort.check()?;
    let names = if options.names.is_empty() { Experiment::value_variants() } else { &options.names };
    for experiment in names {
        place(&options.pages, &experiment.name()).check()?;
    }
    options.effort.with_setting(None, |setting| {
        each(
            names,
            |experiment| experiment.name(),
            |experiment| {
                let name = experiment.name();
                place(&options.pages, &name).write(setting, &experiment.run(setting)?)
            },
        )
    })
}

/// Where the figures of the experiment of this name go.
fn place<'a>(folder: &'a Path, name: &'a str) -> Place<'a> {
    Place { folder, page: name, command: "experiments", name }
}

/// Measures one after the other, the next where one fails.
///
/// # Errors
/// The names of those that failed; the reasons were told on standard error.
pub(crate) fn each<N: Copy, T: Display>(
    all: &[N],
    name: impl Fn(N) -> T,
    mut measure: impl FnMut(N) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for &one in all {
        eprintln!("{} ...", name(one));
        if let Err(error) = measure(one) {
            interrupt::check()?;
            eprintln!("{}: {error:#}", name(one));
            failed.push(name(one).to_string());
        }
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// The median of some figures and their range; there has to be one.
pub(crate) fn spread(figures: impl IntoIterator<Item = f64>) -> anyhow::Result<compare::summary::Spread> {
    compare::summary::Spread::of(figures).context("nothing was measured")
}
