//! One attack by a crowd: rounds without and with attackers, one after the other. In: who attacks. Out: the good
//! client's times in both, and what the server held.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use super::Options;
use super::attacks::Attack;
use super::crowd::{Crowd, CrowdFigures, Presence};
use super::good_client::{self, Load, UNDER_WAY_MAX};
use super::target::{SMALL_BYTES, SMALL_PATH, Target};
use crate::compare::process::descriptor_limit;
use crate::content::content;
use crate::cpus::Placement;
use crate::latencies::{Latencies, machine_is_busy};
use crate::plural::counted;

/// How much the good client's p99 may grow.
const P99_RATIO_MAX: f64 = 2.0;
/// How much more memory the server may have after the last round than after the first, which fills its pools and
/// tables.
const GROWTH_BYTES_MAX: u64 = 4 << 20;
/// Of the attackers that were asked for, there must be so many.
const ATTACKERS_SHARE_MIN: f64 = 0.1;
/// Of those that are there for long, the server must have so many connections: others are just coming again.
const PRESENT_SHARE_MIN: f64 = 0.5;
/// Of the steps that they take in the time of the good client's requests, there must be so many: attackers have what is left of
/// their CPU.
const STEPS_SHARE_MIN: f64 = 0.5;
/// Descriptors of this process for everything but attackers and the good client.
const DESCRIPTORS_KEPT: usize = 128;
/// Of the server's, beside connections (see app/src/descriptors.rs).
const SERVER_DESCRIPTORS_KEPT: usize = 512;

/// What an attack has come to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) attack: Attack,
    pub(super) attackers: usize,
    /// Of each round: without attackers, with them.
    pub(super) latencies: Vec<(Latencies, Latencies)>,
    pub(super) crowds: Vec<CrowdFigures>,
    /// Fewest connections that the server had before and after the good client's requests among attackers.
    pub(super) present: u64,
    /// Least share, over the rounds, of the steps that attackers were to take beside the good client.
    pub(super) steps_share: f64,
    /// The server's memory before the attack, in it at most, and after it.
    pub(super) rss_bytes: (u64, u64, u64),
    /// The longest time after which everything was there again.
    pub(super) recovery: Duration,
    /// What was not as it must be.
    pub(super) faults: Vec<String>,
}

/// How many attackers there can be: this process has a descriptor for each, and the server another one.
pub(super) fn attackers(wanted: usize) -> usize {
    let limit = descriptor_limit();
    let own = limit.saturating_sub(UNDER_WAY_MAX + DESCRIPTORS_KEPT);
    let server = limit.saturating_sub(UNDER_WAY_MAX + SERVER_DESCRIPTORS_KEPT);
    wanted.min(own).min(server).max(1)
}

/// Attacks for as many rounds as are asked for.
pub(super) fn run(
    attack: Attack,
    server: &Path,
    placement: &Placement,
    options: &Options,
) -> anyhow::Result<Outcome> {
    let attackers = attackers(options.attackers);
    let target = Target::start(server, &placement.server, attackers + UNDER_WAY_MAX)?;
    let content = content(SMALL_BYTES);
    let load = Load {
        server: target.address(),
        path: SMALL_PATH,
        content: &content,
        requests_per_second: options.rate,
        duration: Duration::from_secs(options.seconds),
    };
    // The first requests load the file, and start what is started when it is needed.
    good_client::measure(Load { duration: Duration::from_millis(500), ..load })?;
    let held = target.held()?;
    let mut outcome = Outcome {
        attack,
        attackers,
        latencies: Vec::new(),
        crowds: Vec::new(),
        present: u64::MAX,
        steps_share: f64::INFINITY,
        rss_bytes: (target.memory()?.rss_bytes, 0, 0),
        recovery: Duration::ZERO,
        faults: Vec::new(),
    };
    let mut after_rounds = Vec::new();
    for _ in 0..options.rounds {
        let without = good_client::measure(load)?;
        let conduct = attack.conduct().expect("the attack is one of a crowd");
        let mut crowd = Crowd::gather(conduct, attackers, load.server, &placement.client)?;
        let (before, steps_before) = (target.held()?.connections, crowd.steps());
        let with = good_client::measure(load)?;
        let share = (crowd.steps() - steps_before) as f64 / Crowd::steps_due(attackers, load.duration);
        outcome.steps_share = outcome.steps_share.min(share);
        outcome.present = outcome.present.min(before).min(target.held()?.connections);
        outcome.rss_bytes.1 = outcome.rss_bytes.1.max(target.memory()?.rss_bytes);
        outcome.crowds.push(crowd.leave()?);
        outcome.latencies.push((without, with));
        outcome.recovery = outcome.recovery.max(target.recover(&held)?);
        after_rounds.push(target.memory()?.rss_bytes);
    }
    ensure!(!after_rounds.is_empty(), "there was no round");
    outcome.rss_bytes.2 = after_rounds[after_rounds.len() - 1];
    outcome.judge(after_rounds[0], options);
    Ok(outcome)
}

impl Outcome {
    fn judge(&mut self, rss_after_first: u64, options: &Options) {
        let lost: usize = self.latencies.iter().map(|(without, with)| without.lost + with.lost).sum();
        if lost > 0 {
            let requests = counted(lost, "request", "requests");
            self.faults.push(format!("unanswered: {requests} of the good client"));
        }
        let growth = self.rss_bytes.2.saturating_sub(rss_after_first);
        if growth > GROWTH_BYTES_MAX {
            self.faults.push(format!("the server grew by {} KiB from the first round on", growth / 1024));
        }
        if self.crowds.iter().any(|crowd| crowd.failed > 0) {
            self.faults.push("attackers could not connect: the machine is the limit".into());
        }
        if !options.quick && (self.attackers as f64) < options.attackers as f64 * ATTACKERS_SHARE_MIN {
            let attackers = counted(self.attackers, "attacker", "attackers");
            self.faults.push(format!("{attackers}: the descriptor limit is the limit"));
        }
        self.judge_presence();
        if !options.quick {
            if self.steps_share < STEPS_SHARE_MIN {
                let percent = self.steps_share * 100.0;
                self.faults.push(format!("attackers had the CPU for {percent:.0} % of their steps"));
            }
            self.faults.extend(machine_is_busy(self.latencies.iter().map(|(without, _)| without)));
        }
        let ratio = self.p99_ratio();
        if !options.quick && ratio > P99_RATIO_MAX {
            self.faults.push(format!("the good client's p99 is {ratio:.2} x that without attackers"));
        }
    }

    /// An attack that did not take place is none that was withstood.
    fn judge_presence(&mut self) {
        let attackers = self.attackers as f64;
        let begun = self.crowds.iter().map(|crowd| crowd.begun).min().unwrap_or(0);
        let is_there = match self.attack.conduct().map(|conduct| conduct.presence()) {
            Some(Presence::Lasting) => self.present as f64 >= attackers * PRESENT_SHARE_MIN,
            Some(Presence::Passing) | None => begun as f64 >= attackers,
        };
        if !is_there {
            let attackers = counted(begun, "attacker", "attackers");
            let connections = counted(self.present, "connection", "connections");
            self.faults.push(format!("{attackers} came, and the server had {connections}"));
        }
    }

    /// The median round's quantile without attackers and with them, in microseconds.
    pub(super) fn quantile_us(&self, share: f64) -> (u64, u64) {
        let of =
            |side: &dyn Fn(&(Latencies, Latencies)) -> u64| median(self.latencies.iter().map(side).collect());
        (of(&|(without, _)| whole_us(without, share)), of(&|(_, with)| whole_us(with, share)))
    }

    pub(super) fn p99_ratio(&self) -> f64 {
        let (without, with) = self.quantile_us(0.99);
        with as f64 / without.max(1) as f64
    }
}

/// A quantile in whole microseconds.
pub(super) fn whole_us(latencies: &Latencies, share: f64) -> u64 {
    latencies.quantile(share).as_micros() as u64
}

/// The middle one; of an even number the lower of the two.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[(values.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_lower_of_the_two_in_the_middle() {
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(median(vec![9, 1, 5, 3]), 3);
    }
}
