//! All that was measured, and where, when and how. In: rows as they come, and later runs. Out: the one record that tables, pages and
//! plots are made of, as JSON too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Options,
    cold::Cold,
    idle::Idle,
    machine::Machine,
    mark,
    measure::SameAgainstItself,
    servers::{Found, Server},
    summary::{Figures, Row, has_less_load},
    workloads::{self, Demand, Workload},
};

/// All that was measured, in one run or in several.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Comparison {
    /// The earliest first.
    pub(super) runs: Vec<Run>,
    pub(super) rows: Vec<Row>,
    pub(super) idle: Vec<Idle>,
    pub(super) cold: Vec<Cold>,
}

/// One command's doing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) machine: Machine,
    /// Of the servers and of the client.
    pub(super) versions: BTreeMap<String, String>,
    /// What was not there, with the way to get it.
    pub(super) missing: Vec<String>,
    pub(super) rounds: usize,
    pub(super) seconds: u64,
    /// Of each server.
    pub(super) workers: usize,
    pub(super) same_against_itself: Option<SameAgainstItself>,
    /// Measurements that are left out, since they failed.
    pub(super) failed: Vec<String>,
    /// Workloads whose figures are from it.
    pub(super) workloads: Vec<String>,
}

impl Run {
    pub(super) fn new(machine: Machine, found: &Found, options: &Options) -> Self {
        let servers = found.servers.iter();
        let versions = servers.filter_map(|s| Some((s.server.name().to_owned(), s.named_version()?)));
        Self {
            machine,
            versions: versions.chain(found.wrk.clone().map(|wrk| ("wrk".to_owned(), wrk))).collect(),
            missing: found.missing.clone(),
            rounds: options.rounds,
            seconds: options.seconds,
            workers: options.workers,
            same_against_itself: None,
            failed: Vec::new(),
            workloads: Vec::new(),
        }
    }
}

impl Comparison {
    pub(super) fn of(run: Run) -> Self {
        Self { runs: vec![run], rows: Vec::new(), idle: Vec::new(), cold: Vec::new() }
    }

    /// The one that goes on.
    ///
    /// # Panics
    /// Without a run.
    pub(super) fn run_mut(&mut self) -> &mut Run {
        self.runs.last_mut().expect("a comparison has a run")
    }

    /// The run that `workload` was measured in.
    pub(super) fn run_of(&self, workload: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.workloads.iter().any(|name| name == workload))
    }

    /// Whether a server was measured in `workload`.
    pub(super) fn has(&self, workload: &Workload) -> bool {
        self.run_of(workload.name).is_some()
    }

    pub(super) fn row(&self, workload: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.workload == workload)
    }

    /// A line for each figure in which the client, the machine or failures had a part.
    pub(super) fn limited(&self) -> Vec<String> {
        let figures = self.rows.iter().flat_map(|row| row.servers.iter().map(move |figures| (row, figures)));
        let marked =
            figures.filter(|(row, figures)| !figures.marks.is_empty() && !is_at_its_limit(row, figures));
        let line = |(row, figures): (&Row, &Figures)| {
            format!("{}, {}: {}", row.workload, figures.server.name(), mark::words(&figures.marks))
        };
        let rate = |row: &Row| Some(format!("{}: {}", row.workload, row.offered.as_ref()?.fault()?));
        let cold = self.cold.iter().filter_map(|cold| Some((cold.server, cold.fault()?)));
        let cold = cold.map(|(server, fault)| format!("cold, {}: {fault}", server.name()));
        marked.map(line).chain(self.rows.iter().filter_map(rate)).chain(cold).collect()
    }

    /// This and a later one as one: of a workload that is in both, the later counts.
    pub(super) fn followed_by(mut self, later: Self) -> Self {
        let is_later = |workload: &str| later.run_of(workload).is_some();
        for run in &mut self.runs {
            run.workloads.retain(|workload| !is_later(workload));
        }
        self.runs.retain(|run| !run.workloads.is_empty());
        self.rows.retain(|row| !is_later(&row.workload));
        if is_later("idle") {
            self.idle.clear();
        }
        if is_later("cold") {
            self.cold.clear();
        }
        self.runs.extend(later.runs);
        self.rows.extend(later.rows);
        self.rows.sort_by_key(|row| workloads::place(&row.workload));
        self.idle.extend(later.idle);
        self.cold.extend(later.cold);
        self
    }

    /// The version of `server`, whatever its configuration, as some run has it.
    pub(super) fn version(&self, server: Server) -> Option<&str> {
        let name = if server.is_nginx() { Server::Nginx.name() } else { server.name() };
        self.runs.iter().rev().find_map(|run| run.versions.get(name)).map(String::as_str)
    }
}

/// Whether this is all that a peer can do, of a rate that is the same for all.
fn is_at_its_limit(row: &Row, figures: &Figures) -> bool {
    let is_at_rate = workloads::find(&row.workload)
        .is_some_and(|workload| matches!(workload.demand, Demand::Offered { .. }));
    is_at_rate && has_less_load(figures.server, &figures.marks)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::compare::{machine::Build, mark::Mark, summary::tests::sample};

    pub(in crate::compare) const GOOD: [(Server, f64); 4] =
        [(Server::Selvedge, 5.3), (Server::Ceiling, 5.0), (Server::Nginx, 9.0), (Server::H2o, 7.0)];

    /// A run of `small` in good order, but for these marks.
    pub(in crate::compare) fn measured(rounds: usize, marks: &[Mark]) -> Comparison {
        measured_of(rounds, &GOOD, marks)
    }

    /// A run of `small` in which each server cost the same in every round.
    pub(in crate::compare) fn measured_of(
        rounds: usize,
        costs: &[(Server, f64)],
        marks: &[Mark],
    ) -> Comparison {
        let samples = |cost: f64| (0..rounds).map(|round| sample(round, cost, marks)).collect();
        let samples = costs.iter().map(|&(server, cost)| (server, samples(cost)));
        let workload = workloads::select(&["small".into()]).unwrap()[0];
        let row = Row::new(workload, samples.collect());
        let run = Run {
            machine: Machine {
                cpu: "a CPU".into(),
                cpus: "0,1".into(),
                memory_bytes: 1 << 30,
                kernel: "Linux 6.18".into(),
                date: "Sun, 22 Nov 2026 12:00:00 GMT".into(),
                command: "cargo run --release -p selvedge-benches -- compare".into(),
                build: Build::Optimised,
            },
            versions: BTreeMap::from([("nginx".into(), "nginx version: nginx/1.22.1".into())]),
            missing: Vec::new(),
            rounds,
            seconds: 3,
            workers: 1,
            same_against_itself: None,
            failed: Vec::new(),
            workloads: vec!["small".into()],
        };
        Comparison { rows: vec![row], ..Comparison::of(run) }
    }

    #[test]
    fn what_was_limited_is_listed_with_its_row() {
        assert_eq!(measured(5, &[]).limited(), [""; 0]);
        let lines = measured_of(5, &GOOD[..1], &[Mark::Stolen, Mark::ClientBound]).limited();
        assert_eq!(lines, ["small, selvedge: client-bound, CPU stolen by the host"]);
    }

    #[test]
    fn a_peer_that_does_less_than_is_offered_is_at_its_own_limit() {
        let mut measured = measured_of(5, &[GOOD[0], GOOD[2]], &[Mark::RateMissed]);
        assert_eq!(measured.limited().len(), 2);
        measured.rows[0].workload = "small-at-rate".into();
        assert_eq!(measured.limited(), ["small-at-rate, selvedge: offered rate not reached"]);
        measured.rows[0].servers[1].marks.insert(Mark::Stolen);
        assert_eq!(measured.limited().len(), 2);
    }

    #[test]
    fn a_later_run_of_a_workload_replaces_the_earlier() {
        let mut earlier = measured(5, &[]);
        earlier.runs[0].workloads = vec!["small".into(), "many".into()];
        let both = earlier.followed_by(measured_of(3, &GOOD[..2], &[]));
        assert_eq!(both.rows.len(), 1);
        assert_eq!(both.rows[0].servers[0].samples.len(), 3);
        assert_eq!((both.run_of("small").unwrap().rounds, both.run_of("many").unwrap().rounds), (3, 5));
        let text = serde_json::to_string(&both).unwrap();
        let read: Comparison = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn a_run_of_which_nothing_counts_any_more_is_not_told_of() {
        let both = measured(5, &[]).followed_by(measured(3, &[]));
        assert_eq!(both.runs.iter().map(|run| run.rounds).collect::<Vec<_>>(), [3]);
    }
}
