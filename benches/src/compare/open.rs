//! Requests at fixed times (an open loop). In: servers. Out: their latencies at a rate that is the same for all and half of what the
//! slowest of them can do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Setting,
    generator::Pace,
    mark::{self, Mark},
    measure::{self, Sample},
    servers::{Installed, Server},
    summary::{self, Spread},
    turns::{Turns, in_turn},
    workloads::Workload,
};

/// Rounds and seconds in which is measured what a server can do.
const CAPACITY_ROUNDS_MAX: usize = 3;
const CAPACITY_SECONDS_MAX: u64 = 2;
/// A peer that can do less than this share of what the fastest can is left out: at half of that the others would hardly be loaded.
const CAPACITY_SHARE_MIN: f64 = 0.5;
/// The share of the least capacity that is offered.
const OFFERED_SHARE: f64 = 0.5;

/// The rate of an open loop, and why it is that.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Offered {
    pub(super) requests_per_second: f64,
    /// The greatest first.
    pub(super) capacities: Vec<Capacity>,
}

/// What a server can do, in a closed loop of the same client and as many connections.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Capacity {
    pub(super) server: Server,
    pub(super) requests_per_second: Spread,
    /// Why it may be able to do more: see [`summary::marks`].
    pub(super) marks: BTreeSet<Mark>,
    pub(super) part: Part,
}

/// What becomes of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    /// The offered rate is half of its capacity.
    Slowest,
    Compared,
    /// It is too slow.
    LeftOut,
}

/// All rounds of all servers, and what they were offered: no rounds where no server could be measured.
///
/// # Errors
/// An interruption.
pub(super) fn measure(
    setting: &Setting<'_>,
    servers: &[Installed],
    workload: &'static Workload,
) -> anyhow::Result<(Turns<Sample>, Option<Offered>)> {
    let (rounds, seconds) = (setting.options.rounds, setting.options.seconds);
    let mut servers = measure::taking_part(setting, servers, workload);
    let (short_rounds, short_seconds) = (rounds.min(CAPACITY_ROUNDS_MAX), seconds.min(CAPACITY_SECONDS_MAX));
    let capacities = in_turn(short_rounds, &servers, workload, |installed, round| {
        measure_once(setting, installed, workload, round, Pace::Closed, short_seconds)
    })?;
    let Some(offered) = Offered::of(&capacities.samples) else {
        return Ok((Turns { samples: BTreeMap::new(), ..capacities }, None));
    };
    servers.retain(|installed| offered.includes(installed.server));
    let pace = Pace::Open { requests_per_second: offered.requests_per_second };
    let mut turns = in_turn(rounds, &servers, workload, |installed, round| {
        measure_once(setting, installed, workload, round, pace, seconds)
    })?;
    turns.failed.splice(0..0, capacities.failed);
    Ok((turns, Some(offered)))
}

fn measure_once(
    setting: &Setting<'_>,
    installed: &Installed,
    workload: &Workload,
    round: usize,
    pace: Pace,
    seconds: u64,
) -> anyhow::Result<Sample> {
    let (placement, workers) = measure::placement(setting, workload);
    let running = measure::start(setting, installed, workload, &placement, workers)?;
    let checked = measure::checked(setting, &running, workload)?;
    measure::measure_by(&running, &placement, round, checked, |checked| {
        measure::load(setting, &running, workload, &placement, checked, (pace, seconds))
    })
}

impl Offered {
    /// From what each server was measured to do. The ceiling is offered what the servers are.
    fn of(samples: &BTreeMap<Server, Vec<Sample>>) -> Option<Self> {
        let capacity = |(&server, samples): (&Server, &Vec<Sample>)| {
            let requests_per_second = Spread::of(samples.iter().map(|sample| sample.requests_per_second))?;
            let marks = summary::marks(samples);
            Some(Capacity { server, requests_per_second, marks, part: Part::Compared })
        };
        let mut capacities: Vec<Capacity> = samples.iter().filter_map(capacity).collect();
        capacities.sort_by(|a, b| b.requests_per_second.median.total_cmp(&a.requests_per_second.median));
        let fastest = capacities.iter().find(|capacity| !capacity.server.is_ceiling());
        let least = fastest?.requests_per_second.median * CAPACITY_SHARE_MIN;
        for capacity in &mut capacities {
            if capacity.server.is_peer() && capacity.requests_per_second.median < least {
                capacity.part = Part::LeftOut;
            }
        }
        let decides =
            |capacity: &&mut Capacity| !capacity.server.is_ceiling() && capacity.part == Part::Compared;
        let slowest = capacities.iter_mut().rev().find(decides)?;
        slowest.part = Part::Slowest;
        let requests_per_second = (slowest.requests_per_second.median * OFFERED_SHARE).floor().max(1.0);
        Some(Self { requests_per_second, capacities })
    }

    /// Whether this server is offered it.
    fn includes(&self, server: Server) -> bool {
        self.capacities.iter().any(|capacity| capacity.server == server && capacity.part != Part::LeftOut)
    }

    /// Why it may not be half of what the servers can do.
    pub(super) fn fault(&self) -> Option<String> {
        let slowest = self.capacities.iter().find(|capacity| capacity.part == Part::Slowest)?;
        let (server, marks) = (slowest.server.name(), mark::words(&slowest.marks));
        (!marks.is_empty()).then(|| format!("when the capacity of {server} was measured: {marks}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::summary::tests::sample;

    fn offered(rates: &[(Server, f64)], marks: &[Mark]) -> Offered {
        let samples = |rate| vec![Sample { requests_per_second: rate, ..sample(0, 1.0, marks) }];
        let samples = rates.iter().map(|&(server, rate)| (server, samples(rate)));
        Offered::of(&samples.collect()).unwrap()
    }

    #[test]
    fn half_of_what_the_slowest_can_do_is_offered_and_much_slower_peers_are_left_out() {
        let rates = [
            (Server::Selvedge, 120_000.0),
            (Server::Ceiling, 300_000.0),
            (Server::H2o, 100_000.0),
            (Server::Nginx, 61_001.0),
            (Server::Caddy, 20_000.0),
        ];
        let offered = offered(&rates, &[]);
        assert_eq!(offered.requests_per_second, 30_500.0);
        let parts: Vec<_> = offered.capacities.iter().map(|one| (one.server, one.part)).collect();
        assert_eq!(
            parts,
            [
                (Server::Ceiling, Part::Compared),
                (Server::Selvedge, Part::Compared),
                (Server::H2o, Part::Compared),
                (Server::Nginx, Part::Slowest),
                (Server::Caddy, Part::LeftOut),
            ]
        );
        assert!(!offered.includes(Server::Caddy) && !offered.includes(Server::Lighttpd));
        assert_eq!(offered.fault(), None);
    }

    #[test]
    fn this_project_s_servers_decide_however_slow_they_are() {
        let offered = offered(&[(Server::Selvedge, 10_000.0), (Server::Nginx, 60_000.0)], &[]);
        assert_eq!(offered.requests_per_second, 5_000.0);
    }

    #[test]
    fn a_capacity_that_is_the_client_s_or_the_machine_s_is_told() {
        for mark in [Mark::ClientBound, Mark::BusyMachine] {
            let fault = offered(&[(Server::Nginx, 60_000.0)], &[mark]).fault().unwrap();
            assert!(fault.ends_with(&format!("capacity of nginx was measured: {}", mark.words())), "{fault}");
        }
    }

    #[test]
    fn without_a_server_nothing_is_offered() {
        let ceiling = BTreeMap::from([(Server::Ceiling, vec![sample(0, 1.0, &[])])]);
        assert!(Offered::of(&ceiling).is_none() && Offered::of(&BTreeMap::new()).is_none());
    }
}
