//! What stays the same in all experiments: the machine, how often and how long is measured, and ways to start and load servers.

use std::env;
use std::process::Command;

use anyhow::Context;

use super::effort::Effort;
use crate::chart::Title;
use crate::compare::check::{Checked, check};
use crate::compare::machine::Machine;
use crate::compare::measure::{self, Sample};
use crate::compare::process::{Running, find_executable, free_port};
use crate::compare::servers::{self, Installed};
use crate::compare::workloads::{self, Workload};
use crate::compare::{self, interrupt, wrk};
use crate::cpus::Placement;

pub(crate) struct Setting<'a> {
    pub(crate) machine: Machine,
    /// Runs of each way.
    pub(crate) rounds: usize,
    /// What is counted in operations is divided by this.
    pub(super) shortened: u64,
    /// Numbers of workers to compare, ascending.
    pub(crate) workers: Vec<usize>,
    /// Files, CPUs, and seconds of load.
    pub(crate) load: compare::Setting<'a>,
    /// The machine and the date, for plots.
    under: String,
}

fn alternate<'w, W, S>(
    rounds: usize,
    ways: &'w [W],
    title: impl Fn(&W) -> String,
    missing: &mut Vec<String>,
    mut measure: impl FnMut(&W, usize) -> anyhow::Result<S>,
) -> anyhow::Result<Vec<(&'w W, Vec<S>)>> {
    let mut samples: Vec<Option<Vec<S>>> = ways.iter().map(|_| Some(Vec::new())).collect();
    for round in 0..rounds {
        for number in 0..ways.len() {
            interrupt::check()?;
            let number = (number + round) % ways.len();
            let Some(of_way) = &mut samples[number] else { continue };
            match measure(&ways[number], round) {
                Ok(sample) => of_way.push(sample),
                Err(error) => {
                    interrupt::check()?;
                    missing.push(format!("{}: {error:#}", title(&ways[number])));
                    samples[number] = None;
                }
            }
        }
    }
    Ok(ways.iter().zip(samples).filter_map(|(way, samples)| Some((way, samples?))).collect())
}

/// Those asked for; else the powers of two up to the CPUs, and as many as these.
pub(crate) fn workers(asked_for: &[usize], cpus: usize) -> Vec<usize> {
    let mut workers: Vec<usize> = asked_for.to_vec();
    if workers.is_empty() {
        workers = (0..).map(|power| 1 << power).take_while(|&workers| workers <= cpus).collect();
        workers.push(cpus);
    }
    workers.sort_unstable();
    workers.dedup();
    workers
}

/// The servers that are here.
pub(crate) struct Found {
    pub(crate) servers: Vec<Installed>,
    pub(crate) versions: Vec<String>,
    /// A sentence for each that is not.
    pub(crate) missing: Vec<String>,
}

/// How much shorter a quick run is.
const QUICK: u64 = 20;

impl<'a> Setting<'a> {
    pub(super) fn new(effort: &Effort, load: compare::Setting<'a>, machine: Machine) -> Self {
        let under = format!("{}, {}, {}", machine.cpu, machine.kernel, machine.date);
        let (rounds, shortened) = if effort.quick { (1, QUICK) } else { (effort.rounds, 1) };
        let workers = workers(effort.workers(), load.cpus.len());
        Self { machine, rounds, shortened, workers, load, under }
    }

    pub(crate) fn title<'t>(&'t self, title: &'t str) -> Title<'t> {
        Title { title, under: &self.under }
    }

    /// The workload of 151 octets, for so many connections.
    pub(crate) fn workload(connections: usize) -> anyhow::Result<Workload> {
        let mut workload = Self::named("small")?;
        workload.connections = connections;
        Ok(workload)
    }

    /// A workload of `compare`'s.
    pub(super) fn named(name: &str) -> anyhow::Result<Workload> {
        Ok(workloads::select(&[name.to_owned()])?[0].clone())
    }

    /// One worker on the first CPU, the load on the others.
    pub(crate) fn placement(&self) -> Placement {
        Placement::apart(&self.load.cpus, 1)
    }

    /// Every server of `compare` that is here, some of them configured in two ways.
    pub(crate) fn servers(&self) -> anyhow::Result<Found> {
        let found = servers::find(self.load.options)?;
        let workload = Self::workload(1)?;
        let mut all = Vec::new();
        let mut versions = Vec::new();
        for installed in found.servers {
            versions.extend(installed.named_version());
            let other = installed.other_configurations(&workload);
            all.push(installed);
            all.extend(other);
        }
        versions.extend(found.wrk);
        Ok(Found { servers: all, versions, missing: found.missing })
    }

    /// Measures each of `ways` once per round, the order rotated by one from round to round, so that what drifts over minutes
    /// meets all of them. One that fails is not measured again: it is told of in `missing`, and no more in what comes back.
    ///
    /// # Errors
    /// An interruption.
    pub(crate) fn alternate<'w, W, S>(
        &self,
        ways: &'w [W],
        title: impl Fn(&W) -> String,
        missing: &mut Vec<String>,
        measure: impl FnMut(&W, usize) -> anyhow::Result<S>,
    ) -> anyhow::Result<Vec<(&'w W, Vec<S>)>> {
        alternate(self.rounds, ways, title, missing, measure)
    }

    /// Starts a subject with these arguments on `placement`'s CPUs for servers.
    pub(super) fn start_subject(&self, arguments: &[&str], placement: &Placement) -> anyhow::Result<Running> {
        let port = free_port()?;
        let mut command = Command::new(env::current_exe()?);
        command.args(["experiments", "subject", "--port", &port.to_string()]).args(arguments);
        let log = self.load.docroot.scratch().join("subject.log");
        Running::start(command, port, &placement.server, &log)
    }

    /// Looks at what a server that runs answers, which also fills what it remembers of the file.
    pub(crate) fn check(&self, running: &Running, workload: &Workload) -> anyhow::Result<Checked> {
        check(running.port, workload, &self.load.docroot.files())
    }

    /// The client that loads a server that runs for so many seconds.
    pub(super) fn client(
        &self,
        running: &Running,
        workload: &Workload,
        seconds: u64,
    ) -> anyhow::Result<Command> {
        let wrk = find_executable("wrk").context("wrk is missing: apt install wrk")?;
        let load = wrk::Load {
            wrk: &wrk,
            workload,
            fields: &workload.fields(),
            port: running.port,
            threads: self.placement().client.len(),
            seconds,
            scratch: self.load.docroot.scratch(),
        };
        load.command()
    }

    /// Loads a server that runs, having looked at what it answers.
    pub(super) fn measure(
        &self,
        running: &Running,
        workload: &Workload,
        round: usize,
    ) -> anyhow::Result<Sample> {
        measure::measure_running(&self.load, running, workload, &self.placement(), round)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::{alternate, workers};

    #[test]
    fn ways_alternate_and_one_that_fails_is_told_and_left_out() {
        let mut order = Vec::new();
        let mut missing = Vec::new();
        let measured = alternate(3, &['a', 'b', 'c'], char::to_string, &mut missing, |&way, round| {
            order.push(way);
            ensure!((way, round) != ('b', 1), "no program");
            Ok(round)
        });
        assert_eq!(measured.unwrap(), [(&'a', vec![0, 1, 2]), (&'c', vec![0, 1, 2])]);
        assert_eq!(missing, ["b: no program"]);
        assert_eq!(order.iter().collect::<String>(), "abcbcaca");
    }

    #[test]
    fn workers_are_those_asked_for_or_powers_of_two_up_to_the_cpus() {
        assert_eq!(workers(&[], 1), [1]);
        assert_eq!(workers(&[], 12), [1, 2, 4, 8, 12]);
        assert_eq!(workers(&[3, 1, 3], 12), [1, 3]);
    }
}
