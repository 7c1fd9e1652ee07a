//! How much is measured, and what has to be there before. In: options that all measurements of this kind have. Out: a setting.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;

use super::setting::Setting;
use crate::compare::{self, docroot::Docroot, interrupt, machine::Machine, process};
use crate::cpus;

#[derive(Debug, Clone, Args)]
pub(crate) struct Effort {
    /// Runs of each way, alternated
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) rounds: usize,
    /// Seconds of load per measurement
    #[arg(long, value_name = "S", default_value_t = 2)]
    seconds: u64,
    /// One short run of each: only to see that everything runs
    #[arg(long)]
    pub(super) quick: bool,
    /// The selvedge binary [default: built from this workspace]
    #[arg(long, value_name = "PATH")]
    selvedge: Option<PathBuf>,
    /// Numbers of workers that `workers` compares [default: 1, 2, 4 ... up to the CPUs]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    workers: Vec<usize>,
}

impl Effort {
    /// # Errors
    /// What is wrong with an option, before anything is measured in vain.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.rounds > 0 && self.seconds > 0, "--rounds 0 or --seconds 0: nothing would be measured");
        let cpus = cpus::allowed()?.len();
        ensure!(
            self.workers.iter().all(|workers| (1..=cpus).contains(workers)),
            "--workers: from 1 to as many as there are CPUs, {cpus}"
        );
        Ok(())
    }

    /// Whether it is only to be seen that everything runs.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    /// Numbers of workers that were asked for.
    pub(crate) fn workers(&self) -> &[usize] {
        &self.workers
    }

    /// Prepares this process and the files, which lie in `place` or where temporary files are, and has `measure` run.
    pub(crate) fn with_setting(
        &self,
        place: Option<&Path>,
        measure: impl FnOnce(&Setting<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        interrupt::catch()?;
        process::raise_descriptor_limit()?;
        let docroot = Docroot::create(&[], place)?;
        let seconds = if self.quick { 1 } else { self.seconds };
        let of_load = compare::Options::of_load(seconds, self.selvedge.clone());
        let cpus = cpus::allowed()?;
        let machine = Machine::describe(&cpus)?;
        let load = compare::Setting { options: &of_load, docroot: &docroot, cpus };
        measure(&Setting::new(self, load, machine))
    }
}
