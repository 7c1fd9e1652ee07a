//! From samples to figures: medians with their spread, and ratios taken within each round.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    interval::Interval, mark::Mark, measure::Sample, open::Offered, servers::Server, workloads::Workload,
};

/// The median of some figures and their range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (&min, &max) = (figures.first()?, figures.last()?);
        let middle = figures.len() / 2;
        let median = if figures.len() % 2 == 1 {
            figures[middle]
        } else {
            f64::midpoint(figures[middle - 1], figures[middle])
        };
        Some(Self { median, min, max })
    }
}

/// One workload.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) workload: String,
    pub(super) title: String,
    /// The peer with the least CPU time per request, of those that did what was offered.
    pub(super) best_peer: Option<Server>,
    /// Of an open loop.
    pub(super) offered: Option<Offered>,
    pub(super) servers: Vec<Figures>,
}

/// One server under one workload.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) server: Server,
    pub(super) cpu_us_per_request: Spread,
    /// Server and client together.
    pub(super) both_cpu_us_per_request: f64,
    pub(super) requests_per_second: Spread,
    pub(super) server_utilisation: f64,
    pub(super) client_utilisation: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    pub(super) rss_bytes: f64,
    /// CPU time per request relative to the best peer's, and to the ceiling's, in the same rounds.
    pub(super) to_best_peer: Option<Spread>,
    pub(super) to_ceiling: Option<Spread>,
    /// See [`marks`].
    pub(super) marks: BTreeSet<Mark>,
    pub(super) samples: Vec<Sample>,
}

impl Row {
    /// Whether it is there for the sake of its latencies.
    pub(super) fn is_about_latency(&self) -> bool {
        self.offered.is_some() || self.workload == "latency"
    }

    pub(super) fn new(workload: &Workload, samples: BTreeMap<Server, Vec<Sample>>) -> Self {
        let cost =
            |samples: &[Sample]| Spread::of(samples.iter().map(|s| s.cpu_us_per_request)).map(|s| s.median);
        let least = |wanted: fn(Server) -> bool| {
            let costs = samples.iter().filter(|(server, _)| wanted(**server));
            let costs = costs.filter(|(server, samples)| !has_less_load(**server, &marks(samples)));
            let costs = costs.filter_map(|(&server, samples)| Some((server, cost(samples)?)));
            costs.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(server, _)| server)
        };
        let best_peer = least(Server::is_peer);
        let peer = best_peer.map(|server| samples[&server].clone());
        let ceiling = least(Server::is_ceiling).map(|server| samples[&server].clone());
        let figures = |(server, samples)| Figures::new(server, samples, peer.as_deref(), ceiling.as_deref());
        let mut servers: Vec<Figures> = samples.into_iter().filter_map(figures).collect();
        servers.sort_by(|a, b| a.cpu_us_per_request.median.total_cmp(&b.cpu_us_per_request.median));
        let (name, title) = (workload.name.to_owned(), workload.title.to_owned());
        Self { workload: name, title, best_peer, offered: None, servers }
    }
}

impl Figures {
    /// The median of the rounds.
    pub(super) fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        Spread::of(self.samples.iter().map(figure)).map_or(f64::NAN, |spread| spread.median)
    }

    fn new(
        server: Server,
        samples: Vec<Sample>,
        peer: Option<&[Sample]>,
        ceiling: Option<&[Sample]>,
    ) -> Option<Self> {
        let spread = |figure: fn(&Sample) -> f64| Spread::of(samples.iter().map(figure));
        Some(Self {
            server,
            cpu_us_per_request: spread(|s| s.cpu_us_per_request)?,
            both_cpu_us_per_request: spread(|s| s.cpu_us_per_request + s.client_cpu_us_per_request)?.median,
            requests_per_second: spread(|s| s.requests_per_second)?,
            server_utilisation: spread(|s| s.server_utilisation)?.median,
            client_utilisation: spread(|s| s.client_utilisation)?.median,
            p50_us: spread(|s| s.p50_us)?.median,
            p99_us: spread(|s| s.p99_us)?.median,
            p999_us: spread(|s| s.p999_us)?.median,
            rss_bytes: spread(|s| s.memory.rss_bytes as f64)?.median,
            to_best_peer: peer.and_then(|peer| ratio(&samples, peer, |s| s.cpu_us_per_request)),
            to_ceiling: ceiling.and_then(|ceiling| ratio(&samples, ceiling, |s| s.cpu_us_per_request)),
            marks: marks(&samples),
            samples,
        })
    }
}

/// A figure's ratios of the same rounds: what drifts over minutes cancels out.
pub(super) fn ratio(samples: &[Sample], base: &[Sample], figure: fn(&Sample) -> f64) -> Option<Spread> {
    Spread::of(ratios(samples, base, figure))
}

/// The same, with the interval that their median is in.
pub(super) fn ratio_interval(
    samples: &[Sample],
    base: &[Sample],
    figure: fn(&Sample) -> f64,
) -> Option<Interval> {
    Interval::of(ratios(samples, base, figure))
}

fn ratios(samples: &[Sample], base: &[Sample], figure: fn(&Sample) -> f64) -> impl Iterator<Item = f64> {
    let of_round = move |round| base.iter().find(|b| b.round == round).map(figure);
    samples.iter().filter_map(move |s| Some(figure(s) / of_round(s.round)?))
}

/// Marks that more than half of the rounds bear; errors count from the first.
pub(super) fn marks(samples: &[Sample]) -> BTreeSet<Mark> {
    let mut counts: BTreeMap<Mark, usize> = BTreeMap::new();
    for mark in samples.iter().flat_map(|sample| &sample.marks) {
        *counts.entry(*mark).or_default() += 1;
    }
    let counts = counts.into_iter();
    counts
        .filter(|&(mark, count)| mark == Mark::Errors || 2 * count > samples.len())
        .map(|(mark, _)| mark)
        .collect()
}

/// Whether a peer did less than was offered to all, and so had another load than the others. Where the client or the machine had a
/// part in that, it is not known what it can do, and it counts with its marks.
pub(super) fn has_less_load(server: Server, marks: &BTreeSet<Mark>) -> bool {
    server.is_peer() && marks.iter().eq([&Mark::RateMissed])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::compare::{proc::Memory, workloads};

    pub(in crate::compare) fn sample(round: usize, cpu_us_per_request: f64, marks: &[Mark]) -> Sample {
        Sample {
            round,
            seconds: 1.0,
            cpu_us_per_request,
            client_cpu_us_per_request: 1.0,
            requests: 1,
            requests_per_second: 1.0,
            server_utilisation: 1.0,
            client_utilisation: 1.0,
            others_utilisation: 0.0,
            stolen: 0.0,
            p50_us: 1.0,
            p99_us: 1.0,
            p999_us: 1.0,
            late_p50_us: None,
            errors: 0,
            answer_bytes: Some(443),
            codings: BTreeMap::new(),
            memory: Memory::default(),
            marks: marks.to_vec(),
        }
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).map(|s| s.median), Some(2.5));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is twice as slow in the second round; the ratio does not see it.
        let row = Row::new(
            workloads::select(&["small".into()]).unwrap()[0],
            BTreeMap::from([
                (Server::Selvedge, vec![sample(0, 6.0, &[]), sample(1, 12.0, &[])]),
                (Server::Ceiling, vec![sample(0, 5.0, &[]), sample(1, 10.0, &[])]),
                (Server::Nginx, vec![sample(0, 10.0, &[]), sample(1, 20.0, &[])]),
                (Server::H2o, vec![sample(0, 8.0, &[]), sample(1, 16.0, &[])]),
            ]),
        );
        assert_eq!(row.best_peer, Some(Server::H2o));
        let order: Vec<Server> = row.servers.iter().map(|figures| figures.server).collect();
        assert_eq!(order, [Server::Ceiling, Server::Selvedge, Server::H2o, Server::Nginx]);
        let selvedge = &row.servers[1];
        assert_eq!(selvedge.to_ceiling, Some(Spread { median: 1.2, min: 1.2, max: 1.2 }));
        assert_eq!(selvedge.to_best_peer.map(|ratio| ratio.median), Some(0.75));
    }

    #[test]
    fn one_bad_round_of_three_is_outvoted_but_errors_are_not() {
        let samples =
            [sample(0, 1.0, &[Mark::BusyMachine, Mark::Errors]), sample(1, 1.0, &[]), sample(2, 1.0, &[])];
        assert_eq!(marks(&samples), BTreeSet::from([Mark::Errors]));
    }
}
