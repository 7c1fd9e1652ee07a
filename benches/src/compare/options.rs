//! The command line of a comparison. In: options. Out: the same, checked before anything is measured in vain.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use super::{
    goals,
    idle::CONNECTIONS_MIN,
    output::Output,
    servers::{NamedBuild, Server},
};
use crate::cpus;

/// What `--quick` makes of rounds, seconds and idle connections: enough to see that everything runs.
const QUICK: (usize, u64, usize) = (1, 1, 2_000);

/// More say nothing more, and every one of them is written down.
const ROUNDS_MAX: usize = 1_000;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rounds per workload; the order of the servers is rotated from one to the next
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) rounds: usize,
    /// Seconds of load per measurement
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(super) seconds: u64,
    /// Workloads, separated by commas [default: all but 64m and hello]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) workloads: Vec<String>,
    /// Servers, separated by commas [default: all that are there]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) servers: Vec<Server>,
    /// Workers of each server (the workload 'cores' takes one per CPU)
    #[arg(short = 'j', long, value_name = "N", default_value_t = 1)]
    pub(super) workers: usize,
    /// Most idle connections opened by the workload 'idle', which counts the memory from 1,000 on
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(super) idle_connections: usize,
    /// Where the files are made, for 'cold' on a disk [default: where temporary files are]
    #[arg(long, value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
    /// The selvedge binary [default: built from this workspace]
    #[arg(long, value_name = "PATH")]
    pub(super) selvedge: Option<PathBuf>,
    /// Another selvedge binary, measured in turn with it: what a change costs
    #[arg(long, value_name = "PATH")]
    pub(super) before: Option<PathBuf>,
    /// Another build of a peer, beside the one that is installed; may be repeated
    #[arg(long = "peer", value_name = "NAME=PATH")]
    pub(super) peers: Vec<NamedBuild>,
    /// The folder of the programs that are built in benches/hello, for the workload 'hello' and for ntex
    #[arg(long, value_name = "DIR")]
    pub(super) hello: Option<PathBuf>,
    /// One round of one second each: only to see that everything runs
    #[arg(long)]
    pub(super) quick: bool,
    /// Measure what the table of goals is about, in rounds enough for it, and print the table at the end
    #[arg(long, conflicts_with = "quick")]
    pub(super) goals: bool,
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
            output: Output::default(),
            selvedge,
            before: None,
            peers: Vec::new(),
            hello: None,
            quick: false,
            goals: false,
        }
    }

    /// Seconds of load per measurement.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// The same, checked, and with what some of them stand for.
    pub(super) fn effective(&self) -> anyhow::Result<Self> {
        let mut options = self.clone();
        ensure!(options.rounds > 0, "--rounds 0: nothing would be measured");
        ensure!(options.rounds <= ROUNDS_MAX, "--rounds {}: at most {ROUNDS_MAX}", options.rounds);
        ensure!(options.seconds > 0, "--seconds 0: nothing would be measured");
        let cpus = cpus::allowed()?.len();
        ensure!(
            (1..=cpus).contains(&options.workers),
            "--workers {}: from 1 to as many as there are CPUs, {cpus}",
            options.workers
        );
        ensure!(
            options.idle_connections >= CONNECTIONS_MIN,
            "--idle-connections {}: at least {CONNECTIONS_MIN}, since the memory is counted from 1,000 on",
            options.idle_connections
        );
        options.output.check()?;
        if options.goals {
            options.rounds = options.rounds.max(goals::ROUNDS);
            if options.workloads.is_empty() {
                options.workloads = goals::workloads();
            }
        }
        if options.quick {
            (options.rounds, options.seconds, options.idle_connections) = QUICK;
        }
        Ok(options)
    }
}
