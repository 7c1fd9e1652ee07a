//! Whether two servers were asked for as much. In: a workload, and what each did. Out: why they cannot be compared, if they cannot.

use crate::compare::{
    summary::Figures,
    workloads::{self, Demand},
};

/// Rates that differ by more, as a share, are not equal: where requests come at fixed times, and where they wait for answers.
const RATE_DIFFERENCE_MAX: f64 = 0.02;
const THINKING_RATE_DIFFERENCE_MAX: f64 = 0.10;

/// Where a rate is offered, both have to have kept it.
pub(super) fn has_equal_rates(workload: &str, ours: &Figures, other: &Figures) -> Result<(), String> {
    let Some(workload) = workloads::find(workload).filter(|workload| workload.is_offered()) else {
        return Ok(());
    };
    let difference_max = match workload.demand {
        Demand::Thinking { .. } => THINKING_RATE_DIFFERENCE_MAX,
        Demand::Closed | Demand::Offered { .. } => RATE_DIFFERENCE_MAX,
    };
    let [a, b] = [ours, other].map(|figures| figures.requests_per_second.median);
    match (a - b).abs() > a.min(b) * difference_max {
        true => Err(format!("the rates differ: {a:.0} and {b:.0} requests/s")),
        false => Ok(()),
    }
}
