//! What one worker counts. In: answers and failures, as they happen. Out: figures that add up over workers.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use selvedge_runtime::Moment;

use super::answer::Answer;
use super::failure::{Failure, FailureKind};
use super::window::Window;

/// The longest time that is told apart, in nanoseconds: an hour.
const TIME_MAX_NS: u64 = 3_600_000_000_000;
/// Digits to which times are told apart.
const DIGITS: u8 = 3;
/// Statuses have three digits (RFC 9110 15).
const STATUSES: usize = 1_000;

/// Times in nanoseconds, to three digits. Some 300 KiB, of which those near the usual times are touched.
pub(super) type Times = Histogram<u64>;

pub(super) fn no_times() -> Times {
    Histogram::new_with_bounds(1, TIME_MAX_NS, DIGITS).expect("the bounds and the digits are possible ones")
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) requests: u64,
    /// Of the first one.
    pub(super) text: String,
}

/// One worker's counts, or those of all.
///
/// What is said of a rate is of the answers that came within the window. Latencies are of the requests that were due within it,
/// however late their answers came: else the slowest would be left out. Where requests are counted the two are the same.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    window: Window,
    /// Answers within the window.
    pub(super) measured: u64,
    /// Octets of all that was received within the window, and of bodies of the measured answers.
    pub(super) received_bytes: u64,
    pub(super) body_bytes: u64,
    pub(super) latencies: Times,
    /// How late requests were sent for the generator's own sake, in an open loop.
    pub(super) lateness: Times,
    /// Of all answers, those of the warm-up among them.
    statuses: Box<[u64]>,
    /// Of the whole run.
    pub(super) failures: BTreeMap<FailureKind, Failed>,
    pub(super) connections_opened: u64,
    pub(super) connections_given_up: u64,
}

impl Tally {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            measured: 0,
            received_bytes: 0,
            body_bytes: 0,
            latencies: no_times(),
            lateness: no_times(),
            statuses: vec![0; STATUSES].into(),
            failures: BTreeMap::new(),
            connections_opened: 0,
            connections_given_up: 0,
        }
    }

    pub(super) fn received(&mut self, bytes: usize, now: Moment) {
        if self.window.contains(now) {
            self.received_bytes += bytes as u64;
        }
    }

    /// An answer to a request that was due at `due`. Asks the allocator for nothing.
    pub(super) fn answered(&mut self, answer: Answer, due: Moment, now: Moment) {
        if let Some(count) = self.statuses.get_mut(usize::from(answer.status)) {
            *count += 1;
        }
        let is_due_within = self.window.contains(due);
        if is_due_within {
            self.latencies.saturating_record(nanoseconds(now.since(due)));
        }
        // Where requests are counted the window has no end, and answers of the warm-up are none of them.
        let is_measured = if self.window.ends() { self.window.contains(now) } else { is_due_within };
        if is_measured {
            self.measured += 1;
            self.body_bytes += answer.body_bytes;
        }
    }

    /// A request that was due at `due` is sent by a connection that was waiting for it.
    pub(super) fn sent_late(&mut self, due: Moment, now: Moment) {
        if self.window.contains(due) {
            self.lateness.saturating_record(nanoseconds(now.since(due)));
        }
    }

    /// `requests` of them will not be answered.
    pub(super) fn failed(&mut self, failure: Failure, requests: usize) {
        let Failure { kind, text } = failure;
        self.failures.entry(kind).or_insert(Failed { requests: 0, text }).requests += requests as u64;
    }

    /// Each status that came, and how often.
    pub(super) fn statuses(&self) -> BTreeMap<u16, u64> {
        let came = (0..).zip(&self.statuses).filter(|(_, count)| **count > 0);
        came.map(|(status, &count)| (status, count)).collect()
    }

    /// Adds those of another worker.
    pub(super) fn add(&mut self, other: &Self) {
        self.measured += other.measured;
        self.received_bytes += other.received_bytes;
        self.body_bytes += other.body_bytes;
        for (times, others) in
            [(&mut self.latencies, &other.latencies), (&mut self.lateness, &other.lateness)]
        {
            times.add(others).expect("all have the same bounds");
        }
        self.statuses.iter_mut().zip(&other.statuses).for_each(|(count, others)| *count += others);
        for (kind, Failed { requests, text }) in &other.failures {
            let failed = self.failures.entry(*kind).or_insert(Failed { requests: 0, text: text.clone() });
            failed.requests += requests;
        }
        self.connections_opened += other.connections_opened;
        self.connections_given_up += other.connections_given_up;
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::answer::After;
    use crate::load::plan::{Extent, Plan};
    use crate::load::tests::plan_for;

    const SECOND: Duration = Duration::from_secs(1);
    const ANSWER: Answer = Answer { status: 206, body_bytes: 10, after: After::GoesOn };

    fn at(milliseconds: u64) -> Moment {
        Moment::from_nanoseconds(0) + Duration::from_millis(milliseconds)
    }

    fn tally(extent: Extent) -> Tally {
        let plan = Plan { extent, warm_up: SECOND, ..plan_for("http://127.0.0.1:1/") };
        Tally::new(Window::new(&plan, at(0)))
    }

    #[test]
    fn rates_are_of_answers_within_the_window_and_latencies_of_what_was_due_within_it() {
        let mut tally = tally(Extent::Duration(SECOND));
        for (due, now) in [(500, 900), (900, 1_100), (1_100, 1_200), (1_999, 2_500), (2_000, 2_001)] {
            tally.received(100, at(now));
            tally.answered(ANSWER, at(due), at(now));
        }
        assert_eq!((tally.measured, tally.body_bytes, tally.received_bytes), (2, 20, 200));
        assert_eq!((tally.latencies.len(), tally.latencies.max() / 1_000_000), (2, 501));
        assert_eq!(tally.statuses(), BTreeMap::from([(206, 5)]));
    }

    #[test]
    fn counted_requests_are_those_that_were_due_behind_the_warm_up() {
        let mut tally = tally(Extent::Requests(2));
        for (due, now) in [(999, 1_001), (1_000, 1_001), (1_002, 9_000)] {
            tally.answered(ANSWER, at(due), at(now));
        }
        assert_eq!((tally.measured, tally.latencies.len()), (2, 2));
    }

    #[test]
    fn workers_add_up() {
        let (mut one, mut other) = (tally(Extent::Duration(SECOND)), tally(Extent::Duration(SECOND)));
        one.answered(ANSWER, at(1_000), at(1_001));
        other.answered(Answer { status: 200, ..ANSWER }, at(1_000), at(1_003));
        other.failed(Failure::new(FailureKind::Timeout, "a"), 3);
        other.failed(Failure::new(FailureKind::Timeout, "b"), 1);
        other.sent_late(at(1_000), at(1_001));
        one.add(&other);
        assert_eq!((one.measured, one.latencies.len(), one.lateness.len()), (2, 2, 1));
        assert_eq!(one.statuses(), BTreeMap::from([(200, 1), (206, 1)]));
        let failed = Failed { requests: 4, text: "a".to_owned() };
        assert_eq!(one.failures, BTreeMap::from([(FailureKind::Timeout, failed)]));
    }
}
