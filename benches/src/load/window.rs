//! The time that is measured. In: a plan, and the moment at which all connections are there. Out: when it begins, and when it ends.

use std::time::Duration;

use selvedge_runtime::Moment;

use super::plan::{Extent, Pace, Plan};

/// A moment that does not come.
const NEVER: Moment = Moment::from_nanoseconds(u64::MAX);

/// What is measured, in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// All connections are there, and the warm-up begins.
    pub(super) start: Moment,
    pub(super) begin: Moment,
    /// A closed loop sends nothing from here on, and in an open one nothing is due. [`NEVER`] where requests are counted.
    pub(super) end: Moment,
}

impl Window {
    pub(super) fn new(plan: &Plan, start: Moment) -> Self {
        let warmed_up = start + plan.warm_up;
        match (plan.extent, plan.pace) {
            (Extent::Duration(duration), _) => Self { start, begin: warmed_up, end: warmed_up + duration },
            // With the first of them that is due.
            (Extent::Requests(_), Pace::Open { requests_per_second, .. }) => {
                let before = plan.pace.due_within(plan.warm_up);
                Self { start, begin: start + time_of(before, requests_per_second), end: NEVER }
            }
            (Extent::Requests(_), Pace::Closed { .. }) => Self { start, begin: warmed_up, end: NEVER },
        }
    }

    /// Whether it has an end by the clock.
    pub(super) fn ends(&self) -> bool {
        self.end != NEVER
    }

    pub(super) fn contains(&self, moment: Moment) -> bool {
        self.begin <= moment && moment < self.end
    }
}

/// How long so many requests of all workers are due in.
pub(super) fn time_of(requests: u64, requests_per_second: f64) -> Duration {
    Duration::from_nanos((requests as f64 * (1e9 / requests_per_second)) as u64)
}
