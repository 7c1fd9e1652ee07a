//! Rounds. In: servers, and how one of them is measured. Out: what was measured of each, and which measurements failed.

use std::collections::BTreeMap;

use super::{
    interrupt,
    servers::{Installed, Server},
    workloads::Workload,
};

/// What came of some rounds.
#[derive(Debug)]
pub(super) struct Turns<S> {
    pub(super) samples: BTreeMap<Server, Vec<S>>,
    /// A sentence for each measurement that failed.
    pub(super) failed: Vec<String>,
}

/// Measures each of `servers` once per round, the order rotated by one from round to round, so that what drifts over minutes meets
/// all of them. A measurement that fails is left out, with a word on stderr.
///
/// # Errors
/// An interruption.
pub(super) fn in_turn<S>(
    rounds: usize,
    servers: &[Installed],
    workload: &Workload,
    mut measure: impl FnMut(&Installed, usize) -> anyhow::Result<S>,
) -> anyhow::Result<Turns<S>> {
    let mut turns = Turns { samples: BTreeMap::new(), failed: Vec::new() };
    for round in 0..rounds {
        for number in 0..servers.len() {
            let installed = &servers[(number + round) % servers.len()];
            match measure(installed, round) {
                Ok(sample) => turns.samples.entry(installed.server).or_default().push(sample),
                Err(error) => {
                    interrupt::check()?;
                    let failed = format!("{}, {}: {error:#}", workload.name, installed.server.name());
                    eprintln!("{failed}");
                    turns.failed.push(format!("round {}, {failed}", round + 1));
                }
            }
        }
    }
    Ok(turns)
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;
    use crate::compare::workloads;

    #[test]
    fn servers_take_turns_at_being_first_and_a_failure_costs_one_measurement() {
        let servers = [Server::Selvedge, Server::Nginx, Server::H2o].map(Installed::absent);
        let workload = workloads::select(&["small".into()]).unwrap()[0];
        let mut order = Vec::new();
        let turns = in_turn(3, &servers, workload, |installed, round| {
            order.push(installed.server);
            ensure!((installed.server, round) != (Server::Nginx, 1), "it does not answer");
            Ok(round)
        });
        let turns = turns.unwrap();
        let first: Vec<Server> = order.chunks(3).map(|round| round[0]).collect();
        assert_eq!(first, [Server::Selvedge, Server::Nginx, Server::H2o]);
        assert_eq!(turns.samples[&Server::Nginx], [0, 2]);
        assert_eq!(turns.samples[&Server::H2o], [0, 1, 2]);
        assert_eq!(turns.failed, ["round 2, small, nginx: it does not answer"]);
    }
}
