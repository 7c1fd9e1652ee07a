//! Sleeping to the millisecond: an ordered set per worker, apart from the connections' wheel.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::sys::{Moment, Waiter};
use crate::waker;
use crate::worker::{self, Core};

/// All sleeps of a worker by time; a dropped sleep leaves no trace, so there are as many as futures that hold one.
#[derive(Debug, Default)]
pub(crate) struct Sleeps {
    by_time: BTreeMap<(Moment, u64), Waiter>,
    next_key: u64,
}

impl Sleeps {
    pub(crate) fn advance(&mut self, now: Moment, mut wake: impl FnMut(Waiter)) {
        while let Some(first) = self.by_time.first_entry()
            && first.key().0 <= now
        {
            wake(first.remove());
        }
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.by_time.first_key_value().map(|(key, _)| key.0)
    }
}

/// Waits for `duration`.
///
/// # Panics
/// Outside a worker.
pub fn sleep(duration: Duration) -> Sleep {
    let core = worker::current();
    // Not from the turn's beginning, or it would end early by what this turn has taken so far.
    let until = core.kernel().now() + duration;
    Sleep { core, until, key: None }
}

/// Waits until `moment`.
///
/// # Panics
/// Outside a worker.
pub fn sleep_until(moment: Moment) -> Sleep {
    Sleep { core: worker::current(), until: moment, key: None }
}

/// The future of [`sleep`].
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_runtime::timer::sleep_until;
/// use selvedge_runtime::{block_on, now};
///
/// block_on(|| async {
///     // At regular times, however long the work at each of them takes.
///     let mut next = now();
///     for _ in 0..3 {
///         next = next + Duration::from_millis(2);
///         sleep_until(next).await;
///         assert!(now() >= next, "never early");
///     }
/// });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    core: Rc<Core>,
    until: Moment,
    key: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.core.now() >= this.until {
            return Poll::Ready(());
        }
        let mut sleeps = this.core.sleeps();
        let key = *this.key.get_or_insert_with(|| {
            sleeps.next_key += 1;
            sleeps.next_key
        });
        let before = sleeps.by_time.insert((this.until, key), waker::waiter(context));
        drop(sleeps);
        // A foreign waker's drop may come back to the sleeps.
        drop(before);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waiter = self.core.sleeps().by_time.remove(&(self.until, key));
            // As above: after the sleeps are let go.
            drop(waiter);
        }
    }
}

/// The time of a [`timeout`] was over before its future was ready.
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::timer::{Elapsed, timeout};
///
/// block_on(|| async {
///     let answer = timeout(Duration::from_millis(1), pending::<&str>()).await;
///     assert_eq!(answer, Err(Elapsed));
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl std::error::Error for Elapsed {}

/// Runs `future` for at most `duration`; then drops it at its await.
///
/// # Errors
/// [`Elapsed`] when the time was over first.
///
/// # Panics
/// Outside a worker.
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout { sleep: sleep(duration), future: Box::pin(future) }
}

/// The future of [`timeout`].
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_runtime::timer::timeout;
/// use selvedge_runtime::{block_on, channel, spawn_detached};
///
/// block_on(|| async {
///     let (sender, receiver) = channel::bounded(1);
///     spawn_detached("answers", async move {
///         let _ = sender.send("hello").await;
///     });
///     let answer = timeout(Duration::from_secs(60), receiver.recv()).await;
///     assert_eq!(answer, Ok(Ok("hello")));
/// });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Timeout<F> {
    sleep: Sleep,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.sleep).poll(context).map(|()| Err(Elapsed))
    }
}
