//! What the project wants to reach: rows of workloads, and in each how much more than the ceiling, and than the best peer, a request
//! may cost. Data alone.

/// What is compared of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// CPU time of the process tree per request.
    CpuTime,
    /// Latency that half, 99 % and 99.9 % of the requests have at most.
    P50,
    P99,
    P999,
    /// p99 of small requests beside cold files.
    BesideCold,
    /// Growth of memory per idle connection.
    IdleMemory,
}

impl Figure {
    /// Whether it comes out so differently from round to round that the median alone says little.
    pub(super) fn is_latency(self) -> bool {
        matches!(self, Self::P50 | Self::P99 | Self::P999)
    }
}

/// Who must reach the goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Selvedge,
    /// What is measured against it means little unless it is low itself.
    Ceiling,
}

/// With whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    Ceiling,
    /// The same server without the cold files.
    Itself,
    /// The peer with the least of the figure.
    BestPeer,
    /// The best of its configurations.
    Nginx,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    pub(super) against: Against,
    /// The ratio of the figures, at most.
    pub(super) ratio_max: f64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) title: &'static str,
    /// The workload's name.
    pub(super) workload: &'static str,
    pub(super) figure: Figure,
    pub(super) whose: Whose,
    /// What a request has to cost anyhow.
    pub(super) floor: Option<Goal>,
    pub(super) peer: Option<Goal>,
}

/// Goals that may stay short in all.
pub(super) const SHORT_MAX: usize = 3;
/// None of these may.
pub(super) const NEVER_SHORT: [&str; 2] = ["small-at-rate", "many-at-rate"];
/// Rounds below which nothing is said.
pub(super) const ROUNDS_MIN: usize = 5;
/// Rounds, and seconds of each, that a verdict about p99.9 is to be from. From less it is told as such.
pub(super) const TAIL_ROUNDS_MIN: usize = 10;
pub(super) const TAIL_SECONDS_MIN: f64 = 30.0;

pub(super) static ROWS: [Row; 22] = [
    Row {
        title: "the ceiling itself, 151 B, 64 connections",
        workload: "small-at-rate",
        figure: Figure::CpuTime,
        whose: Whose::Ceiling,
        floor: None,
        peer: at_most(Against::Nginx, 0.62),
    },
    cpu_time("151 B, 64 connections", "small-at-rate", 1.08, 0.90),
    cpu_time("151 B, 1,000 connections", "many-at-rate", 1.08, 0.75),
    cpu_time("151 B, 16-deep pipelining", "pipelined-at-rate", 1.15, 0.60),
    cpu_time("16 KiB", "16k-at-rate", 1.10, 0.85),
    cpu_time("100 KiB", "100k-at-rate", 1.10, 0.95),
    cpu_time("1 MiB", "1m", 1.10, 0.95),
    cpu_time("64 MiB", "64m", 1.10, 0.95),
    cpu_time("a connection per request", "close-at-rate", 1.10, 0.98),
    cpu_time("304 answers", "304-at-rate", 1.10, 0.85),
    cpu_time("404 answers", "404-at-rate", 1.10, 0.85),
    cpu_time("single-range answers", "range-at-rate", 1.10, 0.85),
    against_peers("20 real files of a site, br or gzip", "site-at-rate", 0.90),
    against_peers("10,000 files, Zipf-distributed", "zipf-at-rate", 0.80),
    Row {
        title: "small requests beside cold files, p99",
        workload: "cold",
        figure: Figure::BesideCold,
        whose: Whose::Selvedge,
        floor: at_most(Against::Itself, 1.5),
        peer: at_most(Against::Nginx, 1.0),
    },
    latency("latency of 1 connection, p50", "latency", Figure::P50),
    latency("latency of 1 connection, p99", "latency", Figure::P99),
    latency("latency of 1 connection, p99.9", "latency", Figure::P999),
    latency("latency at half the capacity, open loop, p50", "open", Figure::P50),
    latency("latency at half the capacity, open loop, p99", "open", Figure::P99),
    latency("latency at half the capacity, open loop, p99.9", "open", Figure::P999),
    Row {
        title: "memory per idle connection",
        workload: "idle",
        figure: Figure::IdleMemory,
        whose: Whose::Selvedge,
        floor: None,
        peer: at_most(Against::Nginx, 1.0),
    },
];

const fn cpu_time(title: &'static str, workload: &'static str, ceiling: f64, peer: f64) -> Row {
    Row {
        title,
        workload,
        figure: Figure::CpuTime,
        whose: Whose::Selvedge,
        floor: at_most(Against::Ceiling, ceiling),
        peer: at_most(Against::BestPeer, peer),
    }
}

const fn against_peers(title: &'static str, workload: &'static str, peer: f64) -> Row {
    Row { floor: None, ..cpu_time(title, workload, 0.0, peer) }
}

const fn latency(title: &'static str, workload: &'static str, figure: Figure) -> Row {
    Row { figure, ..against_peers(title, workload, 1.0) }
}

const fn at_most(against: Against, ratio_max: f64) -> Option<Goal> {
    Some(Goal { against, ratio_max })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::workloads;

    #[test]
    fn every_row_names_a_workload_that_exists() {
        for row in &ROWS {
            assert!(workloads::select(&[row.workload.to_owned()]).is_ok(), "{}", row.title);
        }
        assert!(NEVER_SHORT.iter().all(|name| ROWS.iter().any(|row| row.workload == *name)));
    }

    #[test]
    fn every_row_has_a_goal_and_no_two_are_the_same() {
        for (number, row) in ROWS.iter().enumerate() {
            assert!(row.floor.is_some() || row.peer.is_some(), "{}", row.title);
            let key = |row: &Row| (row.workload, row.figure, row.whose);
            assert!(!ROWS[..number].iter().any(|other| key(other) == key(row)), "{}", row.title);
        }
    }
}
