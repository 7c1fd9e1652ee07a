//! Deadlines that a slow peer moves by making progress, and a dripping one does not.

use std::task::{Context, Poll};
use std::time::Duration;

use selvedge_runtime::Moment;
use selvedge_runtime::timer::Deadline;

/// How long each phase of a connection may take.
///
/// ```
/// # use std::io::{Read, Write};
/// use std::time::Duration;
///
/// use selvedge_http::{Request, Server, Timeouts};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let timeouts = Timeouts { head: Duration::from_millis(50), ..Timeouts::default() };
/// let server = Server::builder().listen("127.0.0.1:0").workers(1).timeouts(timeouts);
/// let server = server.start(|_| async |_: Request<'_>| "hello")?;
///
/// // Whoever begins a request and does not end it gets an answer all the same.
/// let mut client = std::net::TcpStream::connect(server.address())?;
/// client.write_all(b"GET / HTTP/1.1\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 408 "));
/// # server.control().stop();
/// # server.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A whole request head, from its first octet; bytes do not extend it. 408 then.
    pub head: Duration,
    /// Between requests. Closed silently then. It begins when the kernel has been seen to have the last answer, which is looked
    /// at a second after it, or after this time or `write_grace` where one of them is shorter.
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

/// A transfer's due time: its grace, and a second more for every so many octets, but never more than twice its grace ahead:
/// without that, a client that read fast for a while could stand still for days.
///
/// It is looked at only when it is reached, so that what moves freely costs nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    due: Moment,
    /// Octets moved when the due time was reckoned last.
    moved_bytes: i64,
    grace: Duration,
    bytes_per_second_min: u64,
    /// A wait shorter than this does not count: it may be the worker's own turn that was long.
    wait_free: Duration,
}

/// A peer below the slowest rate makes longer waits: buffers of sockets are free in steps of some kilobytes.
const WRITE_WAIT_FREE_MAX: Duration = Duration::from_secs(1);

impl Pace {
    /// The pace of a request's body.
    pub(super) fn reading(started: Moment, timeouts: &Timeouts) -> Self {
        Self::new(started, timeouts.body_grace, timeouts.bytes_per_second_min)
    }

    /// The pace of an answer.
    pub(super) fn writing(started: Moment, timeouts: &Timeouts) -> Self {
        let wait_free = WRITE_WAIT_FREE_MAX.min(timeouts.write_grace / 8);
        Self { wait_free, ..Self::new(started, timeouts.write_grace, timeouts.bytes_per_second_min) }
    }

    fn new(started: Moment, grace: Duration, bytes_per_second_min: u64) -> Self {
        let bytes_per_second_min = bytes_per_second_min.max(1);
        let (due, wait_free) = (started + grace, Duration::ZERO);
        Self { due, moved_bytes: 0, grace, bytes_per_second_min, wait_free }
    }

    /// The first wait begins: what moved before earns no time.
    pub(super) fn begun_at(self, moved_bytes: i64) -> Self {
        Self { moved_bytes, ..self }
    }

    /// Time that was not the peer's.
    fn put_off(&mut self, by: Duration) {
        self.due = self.due + by;
    }

    /// When the transfer is too slow, as it has moved so many octets by `now`.
    pub(super) fn due(&mut self, moved_bytes: i64, now: Moment) -> Moment {
        if let Ok(more @ 1..) = u64::try_from(moved_bytes - self.moved_bytes) {
            self.due = (self.due + self.earned(more)).min(now + self.grace * 2);
            self.moved_bytes = moved_bytes;
        }
        self.due
    }

    fn earned(&self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second_min);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX / 4))
    }
}

/// The pace of a transfer in pieces, from the first wait for its peer on. While nothing is waited for it rests: that time is
/// not the peer's.
#[derive(Debug, Default)]
pub(super) enum RestingPace {
    #[default]
    NotBegun,
    WaitsSince(Moment, Pace),
    RestsSince(Moment, Pace),
}

impl RestingPace {
    /// Nothing is waited for.
    pub(super) fn rest(&mut self, now: impl FnOnce() -> Moment) {
        if let Self::WaitsSince(since, mut pace) = *self {
            let now = now();
            let waited = now.since(since);
            if waited < pace.wait_free {
                pace.put_off(waited);
            }
            *self = Self::RestsSince(now, pace);
        }
    }

    /// The peer is waited for. `begin` makes the pace of the first wait, which begins now.
    pub(super) fn wait(&mut self, now: impl FnOnce() -> Moment, begin: impl FnOnce(Moment) -> Pace) {
        match *self {
            Self::WaitsSince(..) => {}
            Self::RestsSince(since, mut pace) => {
                let now = now();
                pace.put_off(now.since(since));
                *self = Self::WaitsSince(now, pace);
            }
            Self::NotBegun => {
                let now = now();
                *self = Self::WaitsSince(now, begin(now));
            }
        }
    }

    /// When it must be looked at, if the peer is waited for.
    pub(super) fn due_so_far(&self) -> Option<Moment> {
        match self {
            Self::WaitsSince(_, pace) => Some(pace.due),
            Self::NotBegun | Self::RestsSince(..) => None,
        }
    }

    /// Judges the peer, if it is waited for, by the octets that have moved by `now`.
    pub(super) fn judge(&mut self, moved_bytes: impl FnOnce() -> i64, now: Moment) -> Result<(), TooSlow> {
        if let Self::WaitsSince(_, pace) = self
            && pace.due(moved_bytes(), now) <= now
        {
            return Err(TooSlow);
        }
        Ok(())
    }
}

/// The time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooSlow;

/// Waits for `operation` on `stream` as long as `pace` allows for the progress it makes, in octets as `moved_bytes` counts
/// them; `begin` makes the pace of the first wait. Ready at once, it touches no timer and counts nothing.
pub(super) async fn paced<S, T>(
    deadline: &Deadline,
    pace: &mut RestingPace,
    begin: impl Fn(Moment) -> Pace,
    stream: &mut S,
    mut operation: impl FnMut(&mut S, &mut Context<'_>) -> Poll<T>,
    moved_bytes: impl Fn(&S) -> i64,
) -> Result<T, TooSlow> {
    let paced = std::future::poll_fn(|context| {
        if let Poll::Ready(result) = operation(stream, context) {
            return Poll::Ready(Ok(result));
        }
        pace.wait(selvedge_runtime::now, |now| begin(now).begun_at(moved_bytes(stream)));
        while let Some(due) = pace.due_so_far() {
            let now = selvedge_runtime::now();
            if due > now {
                deadline.wait_until(due, context);
                break;
            }
            if let Err(too_slow) = pace.judge(|| moved_bytes(stream), now) {
                return Poll::Ready(Err(too_slow));
            }
        }
        Poll::Pending
    })
    .await;
    pace.rest(selvedge_runtime::now);
    paced
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_nanoseconds(0);

    fn after(seconds: u64) -> Moment {
        START + Duration::from_secs(seconds)
    }

    #[test]
    fn progress_earns_time_and_standing_still_earns_none() {
        let mut pace = Pace::new(START, Duration::from_secs(10), 1_000);
        assert_eq!(pace.due(0, START), after(10));
        assert_eq!(pace.due(500, after(10)), after(10) + Duration::from_millis(500));
        assert_eq!(pace.due(500, after(10)), after(10) + Duration::from_millis(500));
        assert_eq!(pace.due(10_000, after(10)), after(20));
    }

    #[test]
    fn single_octets_earn_as_much_as_many_at_once() {
        let mut dripped = Pace::new(START, Duration::from_secs(10), 3_000);
        for bytes in 1..=3_000 {
            dripped.due(bytes, START);
        }
        let lost = after(11);
        assert!(lost.since(dripped.due(3_000, START)) < Duration::from_micros(3));
    }

    #[test]
    fn a_fast_start_earns_no_more_than_a_grace_ahead() {
        let mut pace = Pace::new(START, Duration::from_secs(10), 1_024);
        assert_eq!(pace.due(1 << 40, after(1)), after(21));
    }

    #[test]
    fn what_was_under_way_before_the_first_wait_earns_nothing() {
        // Octets of an earlier answer are in the socket still.
        let mut pace = Pace::new(START, Duration::from_secs(10), 1_000).begun_at(-4_000);
        assert_eq!(pace.due(-4_000, after(10)), after(10));
        assert_eq!(pace.due(-3_000, after(10)), after(11));
    }

    const ONE_PER_MILLISECOND: Timeouts = Timeouts {
        write_grace: Duration::from_secs(16),
        body_grace: Duration::from_secs(16),
        bytes_per_second_min: 1_000,
        head: Duration::ZERO,
        idle: Duration::ZERO,
        linger: Duration::ZERO,
    };

    fn waits(pace: &mut RestingPace, begin: fn(Moment, &Timeouts) -> Pace, since_seconds: u64) {
        let begin = |now| begin(now, &ONE_PER_MILLISECOND).begun_at(0);
        pace.wait(|| after(since_seconds), begin);
    }

    #[test]
    fn time_in_which_nothing_is_waited_for_does_not_count() {
        let mut pace = RestingPace::default();
        assert_eq!(pace.due_so_far(), None);
        waits(&mut pace, Pace::writing, 0);
        assert_eq!(pace.due_so_far(), Some(after(16)));
        assert_eq!(pace.judge(|| 0, after(10)), Ok(()));
        pace.rest(|| after(10));
        assert_eq!(pace.due_so_far(), None, "nobody is judged");
        assert_eq!(pace.judge(|| 0, after(1_000)), Ok(()));
        // Told twice, it rests once.
        pace.rest(|| after(500));
        waits(&mut pace, Pace::writing, 1_000);
        assert_eq!(pace.due_so_far(), Some(after(1_006)), "six seconds were left");
        assert_eq!(pace.judge(|| 0, after(1_006)), Err(TooSlow));
    }

    #[test]
    fn short_waits_of_a_writer_are_not_the_reader_s() {
        let (mut writing, mut reading) = (RestingPace::default(), RestingPace::default());
        let half = |seconds| after(seconds) + Duration::from_millis(500);
        for second in 0..10 {
            waits(&mut writing, Pace::writing, second);
            writing.rest(|| half(second));
            waits(&mut reading, Pace::reading, second);
            reading.rest(|| half(second));
        }
        waits(&mut writing, Pace::writing, 10);
        waits(&mut reading, Pace::reading, 10);
        assert_eq!(writing.due_so_far(), Some(after(26)), "as if nothing had been waited for");
        assert_eq!(reading.due_so_far(), Some(after(21)), "who drips waits shortly, too");
    }
}
