//! Growth: what a request costs as something grows. In: what is to grow. Out: in `docs/growth.md` the figures, and beside it each
//! curve as JSON and as a plot.
//!
//! The walk: `run` -> `curve` (how far it can go here, `files`) -> per server, point and round `measure` (start, warm, load) ->
//! `report`. `scale` goes on where this machine ends: the same with many workers, and a verdict.

mod curve;
mod files;
mod measure;
mod report;
pub(crate) mod scale;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::curve::Curve;
use self::files::Files;
use crate::compare::servers::{Installed, Server};
use crate::experiments::each;
use crate::experiments::effort::Effort;
use crate::experiments::report::Report;
use crate::experiments::setting::{Found, Setting};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What grows [default: all of these]
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Curve>,
    #[command(flatten)]
    effort: Effort,
    /// The folder of the page
    #[arg(long, value_name = "DIR", default_value = "docs")]
    pages: PathBuf,
    /// Where up to 1,000,000 files are made, and deleted afterwards [default: where temporary files are]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Measures what was asked for, the next where one fails.
///
/// # Errors
/// What is wrong with an option. At the end: the names of those that failed; the reasons were told on standard error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    options.effort.check()?;
    let names = if options.names.is_empty() { Curve::value_variants() } else { &options.names };
    for curve in names {
        curve.place(&options.pages).check()?;
    }
    options.effort.with_setting(options.directory.as_deref(), |setting| {
        each(names, Curve::name, |curve| {
            let report = draw(curve, setting, options.effort.is_quick())?;
            curve.place(&options.pages).write(setting, &report)
        })
    })
}

fn draw(curve: Curve, setting: &Setting<'_>, is_quick: bool) -> anyhow::Result<Report> {
    let Found { servers, versions, mut missing } = found(curve, setting)?;
    let values = curve.values(setting, is_quick, &mut missing)?;
    let files = match curve {
        Curve::Files => Some(Files::make(setting.load.docroot, values.iter().copied().max().unwrap_or(0))?),
        _ => None,
    };
    let ways: Vec<(&Installed, usize)> =
        values.iter().flat_map(|&value| servers.iter().map(move |server| (server, value))).collect();
    let title = |&(installed, value): &(&Installed, usize)| {
        format!("{}, {}", installed.server.name(), curve.told(value))
    };
    let measure = |&(installed, value): &(&Installed, usize), _| {
        measure::measure(setting, installed, &curve.point(value), files.as_ref())
    };
    let measured = setting.alternate(&ways, title, &mut missing, measure)?;
    let rows = report::rows(
        measured.into_iter().map(|(&(installed, value), samples)| (installed.server, value, samples)),
    )?;
    Ok(report::report(curve, setting, &rows, versions, missing))
}

/// The servers whose curve it is, as far as they are here: this one, a peer, and where it makes sense the ceiling.
fn found(curve: Curve, setting: &Setting<'_>) -> anyhow::Result<Found> {
    let Found { mut servers, mut versions, mut missing } = setting.servers()?;
    servers.retain(|installed| curve.servers().contains(&installed.server));
    let is_of_these =
        |text: &str| [Server::Selvedge, Server::Nginx].iter().any(|server| text.contains(server.name()));
    versions.retain(|version| is_of_these(version));
    missing.retain(|missing| is_of_these(missing));
    Ok(Found { servers, versions, missing })
}
