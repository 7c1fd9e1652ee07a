//! What a run's figures are worth. In: a plan and its report. Out: what is to be known before one believes them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::report::Report;

/// Share of a processor from which on a worker has none left.
const BUSY_SHARE: f64 = 0.9;
/// How late an open loop's requests may be sent: 99 in 100 of those for which a connection was free.
const LATE_US_MAX: f64 = 1_000.0;
/// Share of the requests due that may wait for a connection at the end.
const BACKLOG_SHARE_MAX: f64 = 0.01;

/// Something that is to be known of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Requests were not answered.
    Failures,
    /// Connections failed too often, so that the load was another one.
    ConnectionsGivenUp,
    /// Fewer requests were answered than were asked for, or none.
    TooFew,
    /// An answer had a status that was not expected.
    UnexpectedStatus,
    /// Requests of an open loop came to be due faster than they could be sent.
    RateNotReached,
    /// Requests of an open loop were sent late by the generator.
    GeneratorLate,
    /// A worker had no processor time left: the generator was the limit.
    GeneratorBusy,
}

impl Verdict {
    /// Whether the run has failed. A generator that was busy has measured itself, but no requests were lost.
    pub(crate) fn is_fault(self) -> bool {
        self != Self::GeneratorBusy
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failures => "requests failed",
            Self::ConnectionsGivenUp => "connections failed ten times with no answer between and were given up",
            Self::TooFew => "fewer requests were answered than were asked for",
            Self::UnexpectedStatus => "there were answers with another status than was expected",
            Self::RateNotReached => {
                "the rate was not reached: no connection was free when requests were due; ask for less, or for more \
                 connections"
            }
            Self::GeneratorLate => {
                "the generator was late: it needs a processor of its own (--cpus), or more workers (--workers)"
            }
            Self::GeneratorBusy => {
                "the generator was the limit: give it more workers (--workers) on processors of their own (--cpus)"
            }
        })
    }
}

pub(super) fn of(plan: &Plan, report: &Report) -> Vec<Verdict> {
    let is_unexpected = |status: &u16| !plan.expected.is_empty() && !plan.expected.contains(status);
    let is_rate_missed = report.schedule.is_some_and(|schedule| {
        let under_way_max = (plan.connections * plan.pipeline) as f64;
        schedule.unsent > 0
            || schedule.backlog as f64 > under_way_max.max(schedule.due as f64 * BACKLOG_SHARE_MAX)
    });
    [
        (!report.failures.is_empty(), Verdict::Failures),
        (report.connections_given_up > 0, Verdict::ConnectionsGivenUp),
        (report.requests == 0 || report.missing(plan) > 0, Verdict::TooFew),
        (report.statuses.keys().any(is_unexpected), Verdict::UnexpectedStatus),
        (is_rate_missed, Verdict::RateNotReached),
        (
            report.schedule.is_some_and(|schedule| schedule.lateness.p99_us > LATE_US_MAX),
            Verdict::GeneratorLate,
        ),
        (report.workers.iter().any(|worker| worker.cpu_share >= BUSY_SHARE), Verdict::GeneratorBusy),
    ]
    .into_iter()
    .filter_map(|(applies, verdict)| applies.then_some(verdict))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::ScheduleReport;
    use crate::load::tests::{good_report, plan_for};

    #[test]
    fn each_verdict_has_its_reason() {
        let schedule = |change: fn(&mut ScheduleReport)| {
            move |report: &mut Report| report.schedule.iter_mut().for_each(change)
        };
        let none: fn(&mut Report) = |_| ();
        let verdicts = |change: &dyn Fn(&mut Report)| {
            let mut report = good_report();
            change(&mut report);
            of(&plan_for("http://127.0.0.1:1/"), &report)
        };
        assert_eq!(verdicts(&none), []);
        assert_eq!(verdicts(&|report| report.workers[0].cpu_share = 0.9), [Verdict::GeneratorBusy]);
        assert_eq!(verdicts(&|report| report.requests = 99), [Verdict::TooFew]);
        assert_eq!(verdicts(&|report| report.connections_given_up = 1), [Verdict::ConnectionsGivenUp]);
        assert_eq!(verdicts(&|report| _ = report.statuses.insert(500, 1)), [Verdict::UnexpectedStatus]);
        assert_eq!(
            verdicts(&schedule(|schedule| schedule.lateness.p99_us = 1_001.0)),
            [Verdict::GeneratorLate]
        );
        assert_eq!(verdicts(&schedule(|schedule| schedule.unsent = 1)), [Verdict::RateNotReached]);
        // One under way is none too many, nor is one in a hundred.
        assert_eq!(verdicts(&schedule(|schedule| schedule.backlog = 1)), []);
        assert_eq!(verdicts(&schedule(|schedule| schedule.backlog = 2)), [Verdict::RateNotReached]);
        assert!([Verdict::Failures, Verdict::GeneratorLate].iter().all(|verdict| verdict.is_fault()));
        assert!(!Verdict::GeneratorBusy.is_fault());
    }
}
