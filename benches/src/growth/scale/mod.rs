//! Does this machine's every further worker do as much as the first? In: a machine, the larger the better. Out: a table, a plot,
//! JSON, and a verdict.
//!
//! The workers get one half of the cores, a thread of each; the load generator always has the other half. On a machine of
//! fewer than four cores there is nothing to tell; what can be measured is printed all the same.

mod cores;
mod verdict;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use self::cores::Cores;
use self::verdict::{LINEAR_SHARE_MIN, Verdict};
use super::curve::Curve;
use super::measure::{Point, measure_on};
use super::report::{report, rows};
use crate::compare::servers::{Installed, Server};
use crate::cpus::Placement;
use crate::experiments::effort::Effort;
use crate::experiments::report::Report;
use crate::experiments::setting::{self, Setting};
use crate::plural::counted;

/// More than a worker's processor needs to be busy, while some of them are on their way.
const CONNECTIONS_PER_WORKER: usize = 64;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    effort: Effort,
    /// Requests in one write: more of them spare the load generator more than the server
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    depth: u8,
    /// Another server than this project's: nginx, for a comparison
    #[arg(long)]
    nginx: bool,
    /// The folder of scale.md, scale.svg and scale.json, which is made
    #[arg(long, value_name = "DIR", default_value = "target/scale")]
    output: PathBuf,
}

/// Measures, prints and writes; the verdict is the last line.
///
/// # Errors
/// What is wrong with an option, and where nothing could be measured. A machine that is not linear is no error.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    options.effort.check()?;
    fs::create_dir_all(&options.output).with_context(|| {
        format!("cannot make {}: name another folder by --output", options.output.display())
    })?;
    options.effort.with_setting(None, |setting| {
        let cores = Cores::read(&setting.load.cpus)?;
        let (report, verdict) = measure(options, setting, &cores)?;
        let machine = &setting.machine;
        let table = format!(
            "# Scale\n\nMeasured on {} by\n\n    {}\n\non {}, {}, {}; {} of {} s, medians. {}\n\n{}\n{}\n\n{verdict}\n",
            machine.date,
            machine.command,
            machine.cpu,
            cores,
            machine.kernel,
            counted(setting.rounds, "round", "rounds"),
            setting.load.options.seconds(),
            report.versions.join("; "),
            report.tables[0],
            report.missing.iter().map(|missing| format!("\n**Left out: {missing}**\n")).collect::<String>(),
        );
        println!("{table}");
        let json = json!({
            "machine": machine,
            "versions": &report.versions,
            "missing": &report.missing,
            "figures": &report.figures,
            "linear_share_min": LINEAR_SHARE_MIN,
            "verdict": verdict,
            "told": verdict.to_string(),
        });
        for (ending, text) in
            [("md", table), ("svg", report.plot), ("json", serde_json::to_string_pretty(&json)? + "\n")]
        {
            let path = options.output.join(format!("scale.{ending}"));
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    })
}

fn measure(options: &Options, setting: &Setting<'_>, cores: &Cores) -> anyhow::Result<(Report, Verdict)> {
    let found = setting.servers()?;
    let wanted = if options.nginx { Server::NginxWithoutSendfile } else { Server::Selvedge };
    let server = found.servers.into_iter().find(|installed| installed.server == wanted);
    let server =
        server.with_context(|| format!("{} is not here: {}", wanted.name(), found.missing.join("; ")))?;
    let ways: Vec<(usize, Placement)> = workers(setting, &options.effort, cores)
        .into_iter()
        .map(|workers| (workers, cores.placement(workers)))
        .collect();
    let mut missing = Vec::new();
    let title = |(workers, _): &(usize, Placement)| counted(workers, "worker", "workers");
    let measured = setting.alternate(&ways, title, &mut missing, |(workers, placement), round| {
        eprintln!("round {}, {} ...", round + 1, counted(workers, "worker", "workers"));
        measure_one(setting, &server, *workers, usize::from(options.depth), placement)
    })?;
    let rows = rows(measured.into_iter().map(|((workers, _), samples)| (server.server, *workers, samples)))?;
    ensure!(!rows.is_empty(), "nothing was measured: {}", missing.join("; "));
    let verdict = Verdict::of(&rows);
    let versions = server.named_version().into_iter().collect();
    Ok((report(Curve::Workers, setting, &rows, versions, missing), verdict))
}

/// Those asked for; else the powers of two up to what one half of the cores holds. Where that is one, all CPUs too.
fn workers(setting: &Setting<'_>, effort: &Effort, cores: &Cores) -> Vec<usize> {
    let asked_for = effort.workers();
    let mut all = setting::workers(asked_for, cores.servers().len());
    if asked_for.is_empty() && all == [1] && setting.load.cpus.len() > 1 {
        all.push(setting.load.cpus.len());
    }
    all
}

fn measure_one(
    setting: &Setting<'_>,
    server: &Installed,
    workers: usize,
    depth: usize,
    placement: &Placement,
) -> anyhow::Result<super::measure::Sample> {
    let point = Point { workers, connections: CONNECTIONS_PER_WORKER * workers, depth, ..Point::default() };
    measure_on(setting, server, &point, None, placement)
}
