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
mod plot;
pub(crate) mod proc;
#[expect(unsafe_code, reason = "between fork and exec only raw calls are allowed")]
pub(crate) mod process;
mod report;
pub(crate) mod servers;
pub(crate) mod summary;
pub(crate) mod workloads;
pub(crate) mod wrk;

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use self::{
    docroot::Docroot,
    machine::Machine,
    servers::{Installed, Server},
    summary::{Comparison, Row},
    workloads::{Kind, Workload},
};
use crate::cpus;

/// What `--quick` makes of rounds, seconds and idle connections: enough to see that everything runs.
const QUICK: (usize, u64, usize) = (1, 1, 2_000);

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rounds per workload; the order of the servers is rotated from one to the next
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Seconds of load per measurement
    #[arg(long, value_name = "S", default_value_t = 1)]
    seconds: u64,
    /// Workloads, separated by commas [default: all but 64m and hello]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    workloads: Vec<String>,
    /// Servers, separated by commas [default: all that are there]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    servers: Vec<Server>,
    /// Workers of each server (the workload 'cores' takes one per CPU)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 1)]
    workers: usize,
    /// Most idle connections opened by the workload 'idle'
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    idle_connections: usize,
    /// Where the files are made, for 'cold' on a disk [default: where temporary files are]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Write everything measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the CPU time per request into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// The selvedge binary [default: built from this workspace]
    #[arg(long, value_name = "PATH")]
    selvedge: Option<PathBuf>,
    /// Another selvedge binary, measured in turn with it: what a change costs
    #[arg(long, value_name = "PATH")]
    before: Option<PathBuf>,
    /// The folder of the programs that the workload 'hello' compares: see benches/hello
    #[arg(long, value_name = "DIR")]
    hello: Option<PathBuf>,
    /// One round of one second each: only to see that everything runs
    #[arg(long)]
    quick: bool,
    /// Measure what the table of goals is about, in rounds enough for it, and print the table at the end
    #[arg(long, conflicts_with = "quick")]
    goals: bool,
}

impl Options {
    /// For measurements of other kinds: so many seconds of load on one worker, and all servers that are there, of which
    /// `selvedge` is another binary of this project's.
    pub(crate) fn of_load(seconds: u64, selvedge: Option<PathBuf>) -> Self {
        Self {
            rounds: 1,
            seconds,
            workloads: Vec::new(),
            servers: Vec::new(),
            workers: 1,
            idle_connections: 0,
            directory: None,
            json: None,
            plot: None,
            selvedge,
            before: None,
            hello: None,
            quick: false,
            goals: false,
        }
    }

    /// Seconds of load per measurement.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds
    }
}

/// Everything that stays the same during the comparison.
pub(crate) struct Setting<'a> {
    pub(crate) options: &'a Options,
    pub(crate) docroot: &'a Docroot,
    pub(crate) cpus: Vec<usize>,
}

/// Measures and prints Markdown. Fails if a workload or server is unknown, or nothing can be measured; and at the end, where the
/// client or the machine was the limit, unless it was only to be seen that everything runs.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let options = &effective(options);
    let workloads = workloads::select(&options.workloads)?;
    interrupt::catch()?;
    process::raise_descriptor_limit()?;
    let found = servers::find(options)?;
    let docroot = Docroot::create(&workloads, options.directory.as_deref())?;
    let setting = Setting { options, docroot: &docroot, cpus: cpus::allowed()? };

    let machine = Machine::describe(&setting.cpus)?;
    report::print_header(&machine, options, &found);
    let mut comparison = Comparison::new(machine, &found);
    if found.servers.is_empty() {
        bail!("there is no server to measure: {}", found.missing.join("; "));
    }
    let measured = measure_all(&setting, &found.servers, found.wrk.is_some(), &workloads, &mut comparison);
    // What was measured before an interruption or an error is still written.
    write_files(options, &comparison)?;
    if options.goals {
        goals::print(&comparison);
    }
    measured?;
    let limited = comparison.limited();
    if !options.quick && !limited.is_empty() {
        bail!(
            "the figures say less than they seem to, since not the servers were the limit:\n{}",
            limited.join("\n")
        );
    }
    Ok(())
}

fn effective(options: &Options) -> Options {
    let mut options = options.clone();
    options.workers = options.workers.max(1);
    options.rounds = options.rounds.max(1);
    options.seconds = options.seconds.max(1);
    if options.goals {
        options.rounds = options.rounds.max(goals::ROUNDS);
        if options.workloads.is_empty() {
            options.workloads = goals::workloads();
        }
    }
    if options.quick {
        (options.rounds, options.seconds, options.idle_connections) = QUICK;
    }
    options
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
            report::print_row(&row);
            comparison.rows.push(row);
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
