//! Deadlines that a slow peer moves by making progress, and a dripping one does not.

use std::task::{Context, Poll};
use std::time::Duration;

use selvedge_runtime::Moment;
use selvedge_runtime::timer::Deadline;

/// How long each phase of a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A whole request head, from its first octet; bytes do not extend it. 408 then.
    pub head: Duration,
    /// Between requests. Closed silently then.
    pub idle: Duration,
    /// A request body beyond what its rate allows. 408 then.
    pub body_grace: Duration,
    /// A response beyond what its rate allows. The connection is reset then.
    pub write_grace: Duration,
    /// The slowest a body may come or go, in octets per second, after its grace.
    pub bytes_per_second_min: u64,
    /// After the last response, for the client to read it and close.
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body_grace: Duration::from_secs(10),
            write_grace: Duration::from_secs(60),
            bytes_per_second_min: 1_024,
            linger: Duration::from_secs(2),
        }
    }
}

/// A transfer's due time: its grace, and a second more for every so many octets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    started: Moment,
    grace: Duration,
    bytes_per_second_min: u64,
}

impl Pace {
    pub(super) fn new(started: Moment, grace: Duration, bytes_per_second_min: u64) -> Self {
        Self { started, grace, bytes_per_second_min: bytes_per_second_min.max(1) }
    }

    /// When a transfer that has moved `bytes` is too slow.
    pub(super) fn due(&self, bytes: u64) -> Moment {
        let earned_ms = bytes.saturating_mul(1_000) / self.bytes_per_second_min;
        self.started + self.grace + Duration::from_millis(earned_ms)
    }
}

/// The time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooSlow;

/// One poll of a paced operation.
pub(super) enum Step<T> {
    /// It is finished.
    Done(T),
    /// It waits, having moved so many octets so far.
    Waits(u64),
}

impl<T> Step<T> {
    pub(super) fn of(poll: Poll<T>, progress: impl FnOnce() -> u64) -> Self {
        match poll {
            Poll::Ready(result) => Self::Done(result),
            Poll::Pending => Self::Waits(progress()),
        }
    }
}

/// Waits for `operation` as long as `pace` allows for the progress it makes. Ready at once, it touches no timer.
pub(super) async fn paced<T>(
    deadline: &Deadline,
    pace: Pace,
    mut operation: impl FnMut(&mut Context<'_>) -> Step<T>,
) -> Result<T, TooSlow> {
    let mut armed = Armed::No;
    std::future::poll_fn(|context| {
        let progress = match operation(context) {
            Step::Done(result) => return Poll::Ready(Ok(result)),
            Step::Waits(progress) => progress,
        };
        if armed == Armed::No {
            armed = Armed::Yes;
            deadline.set(pace.due(progress));
        }
        while deadline.poll_expired(context).is_ready() {
            let due = pace.due(progress);
            if due <= selvedge_runtime::now() {
                return Poll::Ready(Err(TooSlow));
            }
            deadline.set(due);
        }
        Poll::Pending
    })
    .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Armed {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_earns_time_and_standing_still_earns_none() {
        let started = Moment::from_nanoseconds(0);
        let pace = Pace::new(started, Duration::from_secs(10), 1_000);
        assert_eq!(pace.due(0), started + Duration::from_secs(10));
        assert_eq!(pace.due(500), started + Duration::from_millis(10_500));
        assert_eq!(pace.due(60_000), started + Duration::from_secs(70));
    }
}
