//! The comparison: every installed server serves the same files on the same CPUs, one after the other, and the CPU
//! time of its process tree is divided by the requests it answered.
//!
//! The walk: `servers` (who is there) -> `docroot` -> per workload and round `measure` (start, check, load by `wrk`,
//! read /proc) -> `summary` -> `report` (Markdown) and `plot` (SVG).

pub(crate) mod check;
pub(crate) mod client;
mod cold;
pub(crate) mod docroot;
mod file_set;
pub(crate) mod goals;
mod idle;
pub(crate) mod interrupt;
pub(crate) mod machine;
mod mark;
pub(crate) mod measure;
mod options;
mod plot;
pub(crate) mod proc;
#[expect(unsafe_code, reason = "between fork and exec only raw calls are allowed")]
pub(crate) mod process;
mod report;
pub(crate) mod servers;
pub(crate) mod summary;
pub(crate) mod workloads;
pub(crate) mod wrk;

use std::fs;

use anyhow::{Context, bail, ensure};

pub(crate) use self::options::Options;
use self::{
    docroot::Docroot,
    machine::Machine,
    servers::{Found, Installed},
    summary::{Comparison, Row},
    workloads::{Kind, Workload},
};
use crate::cpus;

/// Everything that stays the same during the comparison.
pub(crate) struct Setting<'a> {
    pub(crate) options: &'a Options,
    pub(crate) docroot: &'a Docroot,
    pub(crate) cpus: Vec<usize>,
}

/// Measures and prints Markdown.
///
/// # Errors
/// What is wrong with an option. At the end: workloads of which nothing was measured; and where the client or the machine was the
/// limit, unless it was only to be seen that everything runs.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let options = &options.effective()?;
    let selected = workloads::select(&options.workloads)?;
    interrupt::catch()?;
    process::raise_descriptor_limit()?;
    let found = servers::find(options)?;
    ensure!(!found.servers.is_empty(), "there is no server to measure: {}", found.missing.join("; "));
    let workloads = with_servers(options, &found, selected)?;
    let docroot = Docroot::create(&workloads, options.directory.as_deref())?;
    let setting = Setting { options, docroot: &docroot, cpus: cpus::allowed()? };

    let machine = Machine::describe(&setting.cpus)?;
    report::print_header(&machine, options, &found);
    let mut comparison = Comparison::new(machine, &found);
    let measured = measure_all(&setting, &found.servers, found.wrk.is_some(), &workloads, &mut comparison);
    // What was measured before an interruption or an error is still written.
    write_files(options, &comparison)?;
    if options.goals {
        goals::print(&comparison);
    }
    measured?;
    let nothing: Vec<&str> =
        workloads.iter().filter(|workload| !comparison.has(workload)).map(|workload| workload.name).collect();
    let missing: String = found.missing.iter().map(|missing| format!("; {missing}")).collect();
    ensure!(nothing.is_empty(), "no server was measured in {}{missing}", nothing.join(", "));
    let limited = comparison.limited();
    if !options.quick && !limited.is_empty() {
        bail!(
            "the figures say less than they seem to, since not the servers were the limit:\n{}",
            limited.join("\n")
        );
    }
    Ok(())
}

/// Those of `workloads` in which a server takes part that is here.
///
/// # Errors
/// When one of the others was asked for.
fn with_servers(
    options: &Options,
    found: &Found,
    workloads: Vec<&'static Workload>,
) -> anyhow::Result<Vec<&'static Workload>> {
    let takes_part = |workload: &&Workload| {
        let hello = options.hello.as_deref();
        found.servers.iter().any(|installed| installed.for_workload(workload, hello).is_some())
    };
    let (with, without): (Vec<_>, Vec<_>) = workloads.into_iter().partition(takes_part);
    let without: Vec<&str> = without.iter().map(|workload| workload.name).collect();
    ensure!(
        options.workloads.is_empty() || without.is_empty(),
        "none of these servers takes part in {}: leave it out, or name others by --servers{}",
        without.join(", "),
        found.missing.iter().map(|missing| format!("; {missing}")).collect::<String>()
    );
    Ok(with)
}

fn measure_all(
    setting: &Setting<'_>,
    servers: &[Installed],
    has_wrk: bool,
    workloads: &[&'static Workload],
    comparison: &mut Comparison,
) -> anyhow::Result<()> {
    let by_load = |workload: &&&'static Workload| !matches!(workload.kind, Kind::Idle | Kind::BesideCold);
    if has_wrk && let Some(first) = workloads.iter().find(by_load) {
        let hello = setting.options.hello.as_deref();
        if let Some(installed) = servers.iter().find_map(|installed| installed.for_workload(first, hello)) {
            let same = measure::same_against_itself(setting, &installed, first)?;
            report::print_same_against_itself(&same);
            comparison.same_against_itself = Some(same);
        }
    }
    for workload in workloads {
        if workload.kind == Kind::Idle {
            let rows = idle::measure(setting, servers)?;
            report::print_idle(workload, &rows);
            comparison.idle = rows;
        } else if workload.kind == Kind::BesideCold {
            let rows = cold::measure(setting, servers, workload)?;
            report::print_cold(workload, &rows);
            comparison.cold = rows;
        } else if has_wrk {
            let samples = measure::all_rounds(setting, servers, workload)?;
            let row = Row::new(workload, samples);
            if !row.servers.is_empty() {
                report::print_row(&row);
                comparison.rows.push(row);
            }
        }
    }
    Ok(())
}

fn write_files(options: &Options, comparison: &Comparison) -> anyhow::Result<()> {
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(comparison)?;
        fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &options.plot {
        fs::write(path, plot::svg(comparison)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
