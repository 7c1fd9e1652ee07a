//! The comparison: every installed server serves the same files on the same CPUs, one after the other, and the CPU
//! time of its process tree is divided by the requests it answered.
//!
//! The walk: `servers` (who is there) -> `docroot` -> per workload and round `measure` (start, check, load by `wrk`,
//! read /proc) -> `summary` -> `comparison` -> `report` (Markdown), `goals`, and the files that `output` writes.

pub(crate) mod check;
pub(crate) mod client;
mod cold;
mod comparison;
pub(crate) mod docroot;
mod file_set;
mod generator;
pub(crate) mod goals;
mod idle;
pub(crate) mod interrupt;
mod interval;
mod loaded;
pub(crate) mod machine;
mod mark;
pub(crate) mod measure;
mod open;
mod options;
mod output;
mod page;
mod plot;
pub(crate) mod proc;
#[expect(unsafe_code, reason = "between fork and exec only raw calls are allowed")]
pub(crate) mod process;
mod readme;
mod report;
pub(crate) mod servers;
pub(crate) mod summary;
mod turns;
pub(crate) mod workloads;
pub(crate) mod wrk;

use anyhow::{bail, ensure};

pub(crate) use self::options::Options;
use self::{
    cold::Cold,
    comparison::{Comparison, Run},
    docroot::Docroot,
    machine::Machine,
    measure::Sample,
    open::Offered,
    servers::{Found, Installed},
    summary::Row,
    turns::Turns,
    workloads::{Demand, Kind, Workload},
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

    let run = Run::new(Machine::describe(&setting.cpus)?, &found, options);
    print!("# Comparison\n\n{}\n{}", report::head(&run), report::HOW_TO_READ);
    let mut comparison = Comparison::of(run);
    let measured = measure_all(&setting, &found.servers, found.wrk.is_some(), &workloads, &mut comparison);
    // What was measured before an interruption or an error is still written.
    options.output.write(&comparison)?;
    if options.goals {
        print!("\n## Goals\n\n{}", goals::table(&comparison));
    }
    measured?;
    let nothing: Vec<&str> =
        workloads.iter().filter(|workload| !comparison.has(workload)).map(|workload| workload.name).collect();
    let missing: String = found.missing.iter().map(|missing| format!("; {missing}")).collect();
    ensure!(nothing.is_empty(), "no server was measured in {}{missing}", nothing.join(", "));
    let limited = comparison.limited();
    if !options.quick && !limited.is_empty() {
        bail!(
            "the figures say less than they seem to, since not the servers were the limit (docs/benchmarks.md \
             tells what each mark means); measure again while the machine has nothing else to do:\n{}",
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
    let is_loaded = |workload: &&&'static Workload| {
        has_wrk && workload.is_by_wrk() || matches!(workload.demand, Demand::Offered { .. })
    };
    if let Some(first) = workloads.iter().find(is_loaded) {
        let hello = setting.options.hello.as_deref();
        if let Some(installed) = servers.iter().find_map(|installed| installed.for_workload(first, hello)) {
            let same = measure::same_against_itself(setting, &installed, first)?;
            print!("{}", report::noise(&same));
            comparison.run_mut().same_against_itself = Some(same);
        }
    }
    for workload in workloads {
        match workload.kind {
            Kind::Idle => {
                let turns = idle::measure(setting, servers, workload)?;
                comparison.idle = turns.samples.into_values().flatten().collect();
                comparison.run_mut().failed.extend(turns.failed);
            }
            Kind::BesideCold => {
                let turns = cold::measure(setting, servers, workload)?;
                let cold = turns.samples.into_iter().map(|(server, rounds)| Cold { server, rounds });
                comparison.cold = cold.collect();
                comparison.run_mut().failed.extend(turns.failed);
            }
            Kind::OpenLoop => {
                let (turns, offered) = open::measure(setting, servers, workload)?;
                add_row(comparison, workload, turns, offered);
            }
            _ if is_loaded(&workload) => {
                let turns = measure::all_rounds(setting, servers, workload)?;
                add_row(comparison, workload, turns, None);
            }
            _ => {}
        }
        if let Some(section) = report::section(comparison, workload) {
            print!("{section}");
            comparison.run_mut().workloads.push(workload.name.to_owned());
        }
    }
    Ok(())
}

fn add_row(comparison: &mut Comparison, workload: &Workload, turns: Turns<Sample>, offered: Option<Offered>) {
    comparison.run_mut().failed.extend(turns.failed);
    if !turns.samples.is_empty() {
        comparison.rows.push(Row { offered, ..Row::new(workload, turns.samples) });
    }
}
