//! Latencies in the report. In: a row about them. Out: what its requests' rate was, and each quantile with the interval that its
//! median is in.

use std::fmt::Write;

use crate::compare::{
    interval::Interval,
    mark::Mark,
    measure::Sample,
    open::{Capacity, Offered, Part},
    servers::Server,
    summary::{Figures, Row},
};
use crate::plural::counted;

/// A quantile of one measurement.
pub(in crate::compare) type Quantile = fn(&Sample) -> f64;

/// Those that are told, by name.
pub(in crate::compare) const QUANTILES: [(&str, Quantile); 3] =
    [("p50", |sample| sample.p50_us), ("p99", |sample| sample.p99_us), ("p99.9", |sample| sample.p999_us)];

/// What stands behind the table of an open loop, or of one connection.
pub(super) fn text(row: &Row) -> String {
    let mut text = row.offered.as_ref().map(offered).unwrap_or_default();
    let rounds = row.servers.iter().map(|figures| figures.samples.len()).max().unwrap_or(0);
    let certainty = Interval::of((0..rounds).map(|_| 0.0)).map_or(0.0, |interval| interval.certainty);
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "\nLatencies in microseconds: medians of the rounds, and the interval that holds the median of all such rounds with a \
         certainty of {:.0} % (order statistics of {}).\n",
        certainty * 100.0,
        counted(rounds, "round", "rounds")
    );
    let names: Vec<&str> = QUANTILES.iter().map(|(name, _)| *name).collect();
    let late = if row.offered.is_some() { " client late, p50 |" } else { "" };
    let _ = writeln!(text, "| server | {} | requests |{late}", names.join(" | "));
    let _ = writeln!(text, "|---|---:|---:|---:|---:|{}", if late.is_empty() { "" } else { "---:|" });
    for figures in &row.servers {
        let _ = writeln!(text, "{}", line(figures));
    }
    text
}

fn line(figures: &Figures) -> String {
    let samples = &figures.samples;
    let quantiles = QUANTILES.iter().map(|(_, quantile)| {
        let median = figures.median(*quantile);
        match Interval::of(samples.iter().map(quantile)) {
            Some(Interval { low, high, .. }) if samples.len() > 1 => {
                format!("{median:.0} ({low:.0}..{high:.0})")
            }
            _ => format!("{median:.0}"),
        }
    });
    let requests: f64 = samples.iter().map(|sample| sample.requests_per_second * sample.seconds).sum::<f64>();
    let late = match samples.first().and_then(|sample| sample.late_p50_us) {
        Some(_) => format!(" {:.0} |", figures.median(|sample| sample.late_p50_us.unwrap_or(0.0))),
        None => String::new(),
    };
    let quantiles: Vec<String> = quantiles.collect();
    format!("| {} | {} | {requests:.0} |{late}", figures.server.name(), quantiles.join(" | "))
}

fn offered(offered: &Offered) -> String {
    let slowest = offered.capacities.iter().find(|capacity| capacity.part == Part::Slowest);
    let least = slowest.map_or("the slowest", |capacity| capacity.server.name());
    let capacities: Vec<String> = offered.capacities.iter().map(capacity).collect();
    let left_out: Vec<&str> = offered
        .capacities
        .iter()
        .filter(|capacity| capacity.part == Part::LeftOut)
        .map(|capacity| capacity.server.name())
        .collect();
    let mut text = format!(
        "\nRequests come at fixed times, {:.0} in a second for every server, whatever the answers do. That is half of what {least} can \
         do, the least of those compared. A latency begins when its request is due. What each can do in a closed loop of as many \
         connections, by the same client, in requests/s: {}.\n",
        offered.requests_per_second,
        capacities.join("; ")
    );
    if !left_out.is_empty() {
        text += &format!(
            "\nLeft out: {}, which can do less than half of what the fastest server can: at a rate that they can bear the others would \
             hardly be loaded.\n",
            left_out.join(", ")
        );
    }
    if let Some(fault) = offered.fault() {
        text += &format!("\n**The rate may not be half of what the servers can do; {fault}.**\n");
    }
    text
}

fn capacity(capacity: &Capacity) -> String {
    let at_least = if capacity.marks.contains(&Mark::ClientBound) { "at least " } else { "" };
    let canned = if capacity.server == Server::Ceiling { " (no server)" } else { "" };
    format!("{}{canned} {at_least}{:.0}", capacity.server.name(), capacity.requests_per_second.median)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compare::{
        summary::{Spread, tests::sample},
        workloads,
    };

    fn row(rounds: usize) -> Row {
        let sample = |round: usize| Sample {
            p999_us: 100.0 * (round + 1) as f64,
            late_p50_us: Some(7.0),
            requests_per_second: 50.0,
            seconds: 30.0,
            ..sample(round, 1.0, &[])
        };
        let samples = (0..rounds).map(sample).collect();
        let workload = workloads::select(&["open".into()]).unwrap()[0];
        Row::new(workload, BTreeMap::from([(Server::Selvedge, samples)]))
    }

    fn capacity(server: Server, rate: f64, marks: &[Mark], part: Part) -> Capacity {
        let requests_per_second = Spread { median: rate, min: rate, max: rate };
        Capacity { server, requests_per_second, marks: marks.iter().copied().collect(), part }
    }

    #[test]
    fn a_quantile_stands_with_its_interval_and_what_it_is_made_of() {
        let text = text(&row(10));
        assert!(text.contains("certainty of 98 % (order statistics of 10 rounds)"), "{text}");
        assert!(text.contains("| selvedge | 1 (1..1) | 1 (1..1) | 550 (200..900) | 15000 | 7 |"), "{text}");
    }

    #[test]
    fn the_rate_is_said_with_its_reason_and_who_is_left_out_for_it() {
        let capacities = vec![
            capacity(Server::Selvedge, 120_000.0, &[Mark::ClientBound], Part::Compared),
            capacity(Server::Nginx, 60_000.0, &[], Part::Slowest),
            capacity(Server::Caddy, 20_000.0, &[], Part::LeftOut),
        ];
        let mut row = row(1);
        row.offered = Some(Offered { requests_per_second: 30_000.0, capacities });
        let said = text(&row);
        for told in [
            "30000 in a second for every server",
            "half of what nginx can",
            "selvedge at least 120000; nginx 60000; caddy 20000.",
            "Left out: caddy,",
            "| server | p50 | p99 | p99.9 | requests | client late, p50 |",
        ] {
            assert!(said.contains(told), "{told}: {said}");
        }
        assert!(!said.contains("**"), "{said}");
        row.offered.as_mut().unwrap().capacities[1].marks.insert(Mark::BusyMachine);
        assert!(text(&row).contains("when the capacity of nginx was measured: busy machine.**"));
    }
}
