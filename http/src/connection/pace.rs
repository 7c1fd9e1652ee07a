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
    /// A request body beyond what its rate allows. Closed then: it is thrown away after the answer.
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

/// What a transfer can earn ahead, in octets: as much as a socket's send buffer takes at once (tcp_wmem, tcp(7)), since a
/// reader above the rate may need that long until the kernel shows any progress again. Without a bound, a client that read
/// fast for a while could stand still for days.
const AHEAD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A transfer's due time: its grace, and a second more for every so many octets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    due: Moment,
    moved_bytes: u64,
    grace: Duration,
    bytes_per_second_min: u64,
}

impl Pace {
    /// The pace of a request's body.
    pub(super) fn reading(started: Moment, timeouts: &Timeouts) -> Self {
        Self::new(started, timeouts.body_grace, timeouts.bytes_per_second_min)
    }

    /// The pace of an answer.
    pub(super) fn writing(started: Moment, timeouts: &Timeouts) -> Self {
        Self::new(started, timeouts.write_grace, timeouts.bytes_per_second_min)
    }

    fn new(started: Moment, grace: Duration, bytes_per_second_min: u64) -> Self {
        let bytes_per_second_min = bytes_per_second_min.max(1);
        Self { due: started + grace, moved_bytes: 0, grace, bytes_per_second_min }
    }

    /// When the transfer is too slow, as it has moved `bytes` by `now`.
    pub(super) fn due(&mut self, bytes: u64, now: Moment) -> Moment {
        if bytes > self.moved_bytes {
            let earned = self.earned(bytes - self.moved_bytes);
            self.due = (self.due + earned).min(now + self.grace + self.earned(AHEAD_BYTES_MAX));
            self.moved_bytes = bytes;
        }
        self.due
    }

    fn earned(&self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second_min);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX / 4))
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
    pace: &mut Pace,
    mut operation: impl FnMut(&mut Context<'_>) -> Step<T>,
) -> Result<T, TooSlow> {
    let mut armed = Armed::No;
    std::future::poll_fn(|context| {
        let progress = match operation(context) {
            Step::Done(result) => return Poll::Ready(Ok(result)),
            Step::Waits(progress) => progress,
        };
        let now = selvedge_runtime::now();
        let due = pace.due(progress, now);
        if armed == Armed::No {
            armed = Armed::Yes;
            deadline.set(due);
        }
        while deadline.poll_expired(context).is_ready() {
            if due <= now {
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

    const START: Moment = Moment::from_nanoseconds(0);

    #[test]
    fn progress_earns_time_and_standing_still_earns_none() {
        let mut pace = Pace::new(START, Duration::from_secs(10), 1_000);
        assert_eq!(pace.due(0, START), START + Duration::from_secs(10));
        assert_eq!(pace.due(500, START), START + Duration::from_millis(10_500));
        assert_eq!(pace.due(500, START + Duration::from_secs(9)), START + Duration::from_millis(10_500));
        assert_eq!(pace.due(60_000, START), START + Duration::from_secs(70));
    }

    #[test]
    fn single_octets_earn_as_much_as_many_at_once() {
        let mut dripped = Pace::new(START, Duration::from_secs(10), 3_000);
        for bytes in 1..=3_000 {
            dripped.due(bytes, START);
        }
        let lost = START + Duration::from_secs(11);
        assert!(lost.since(dripped.due(3_000, START)) < Duration::from_micros(3));
    }

    #[test]
    fn a_fast_start_earns_no_more_than_a_send_buffer_ahead() {
        let mut pace = Pace::new(START, Duration::from_secs(10), 1_024);
        let now = START + Duration::from_secs(1);
        assert_eq!(pace.due(1 << 40, now), now + Duration::from_secs(10 + 4 * 1_024));
    }
}
