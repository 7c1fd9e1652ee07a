mod allocations;
mod failures;
mod modes;
mod open_loop;
mod real;
mod simulated;

use std::collections::BTreeMap;
use std::time::Duration;

use super::paths::Paths;
use super::plan::{Extent, Method, Pace, Plan, Reuse};
use super::report::{Quantiles, Report, ScheduleReport, WorkerReport};
use super::target::Target;
use super::verdict::Verdict;

/// A hundred requests on one connection, one after the other, that are to be answered by 200.
pub(super) fn plan_for(url: &str) -> Plan {
    let (target, path) = Target::parse(url).unwrap();
    Plan {
        target,
        method: Method::Get,
        fields: Vec::new(),
        paths: Paths::one(&path).unwrap(),
        connections: 1,
        pipeline: 1,
        reuse: Reuse::Always,
        pace: Pace::Closed { think_time: Duration::ZERO },
        extent: Extent::Requests(100),
        warm_up: Duration::ZERO,
        timeout: Duration::from_secs(60),
        expected: vec![200],
        workers: 1,
        cpus: Vec::new(),
        server_pid: None,
        seed: 1,
    }
}

/// What has gone wrong. How busy the generator is depends on the machine that the tests run on.
fn faults(report: &Report) -> Vec<Verdict> {
    report.verdicts.iter().copied().filter(|verdict| verdict.is_fault()).collect()
}

/// A hundred requests of an open loop that were answered in good order.
pub(crate) fn good_report() -> Report {
    let latency = Quantiles { count: 100, ..Quantiles::default() };
    let worker = WorkerReport { cpu: None, requests: 100, cpu_seconds: 0.5, cpu_share: 0.5, latency };
    let lateness = Quantiles { count: 100, p99_us: 900.0, ..Quantiles::default() };
    let schedule = ScheduleReport {
        requests_per_second: 100.0,
        due: 100,
        moments: 100,
        backlog: 0,
        unsent: 0,
        lateness,
    };
    Report {
        address: "127.0.0.1:1".to_owned(),
        connections: 1,
        pipeline: 1,
        seconds: 1.0,
        requests: 100,
        requests_per_second: 100.0,
        answers: 100,
        received_bytes: 10_000,
        body_bytes: 1_000,
        statuses: BTreeMap::from([(200, 100)]),
        failures: BTreeMap::new(),
        connections_opened: 1,
        connections_given_up: 0,
        latency,
        concurrency: 0.1,
        schedule: Some(schedule),
        cpu_seconds: 0.5,
        server_cpu_seconds: None,
        workers: vec![worker],
        verdicts: Vec::new(),
    }
}
