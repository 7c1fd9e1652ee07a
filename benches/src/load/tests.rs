mod allocations;
mod failures;
mod modes;
mod open_loop;
mod real;
mod simulated;

use std::time::Duration;

use super::paths::Paths;
use super::plan::{Extent, Method, Pace, Plan, Reuse};
use super::report::Report;
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
