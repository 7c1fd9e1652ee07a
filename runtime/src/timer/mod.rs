//! Waiting for time: [`sleep()`] and [`timeout`] to the millisecond, [`Deadline`] for what is put off at every request.

mod sleep;
mod wheel;

pub use sleep::{Elapsed, Sleep, Timeout, sleep, sleep_until, timeout};
pub use wheel::TICK;

pub(crate) use sleep::Sleeps;
pub(crate) use wheel::Wheel;

use std::rc::Rc;
use std::task::{Context, Poll};

use crate::sys::Moment;
use crate::waker;
use crate::worker::{self, Core};

/// A point in time that is put off often and reached seldom: setting it later is one store.
///
/// It expires up to [`TICK`] late, never early; of very many at once, eight in a turn, and eight more for every second that they
/// are late, up to 64.
///
/// ```
/// use std::future::poll_fn;
/// use std::task::Poll;
/// use std::time::Duration;
///
/// use selvedge_runtime::timer::Deadline;
/// use selvedge_runtime::{block_on, now};
///
/// block_on(|| async {
///     let idle = Deadline::new();
///     // At every message.
///     idle.set(now() + Duration::from_secs(30));
///     poll_fn(|context| {
///         // Beside the receive of the next one.
///         assert_eq!(idle.poll_expired(context), Poll::Pending);
///         Poll::Ready(())
///     })
///     .await;
///     idle.set(now());
///     poll_fn(|context| idle.poll_expired(context)).await;
/// });
/// ```
#[derive(Debug)]
pub struct Deadline {
    core: Rc<Core>,
    entry: u32,
}

impl Deadline {
    /// A deadline of the current worker, not set yet.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn new() -> Self {
        let core = worker::current();
        let entry = core.wheel().insert();
        Self { core, entry }
    }

    /// Sets it, instead of what was set before.
    pub fn set(&self, at: Moment) {
        self.core.wheel().set(self.entry, Some(at));
    }

    /// [Sets](Self::set) it to a moment to come, for the task of `context` to be polled again then: as if it was
    /// [asked](Self::poll_expired) besides. Whether the moment has come is for the clock to say.
    pub fn wait_until(&self, at: Moment, context: &Context<'_>) {
        // Dropped after the wheel is let go.
        let _before = self.core.wheel().wait_until(self.entry, at, waker::waiter(context));
    }

    /// It is not to be reached any more.
    pub fn clear(&self) {
        self.core.wheel().set(self.entry, None);
    }

    /// Ready once the moment has passed, until it is set anew.
    pub fn poll_expired(&self, context: &Context<'_>) -> Poll<()> {
        // The one who waited before is dropped after the wheel is let go.
        let (expired, _before) = self.core.wheel().poll_expired(self.entry, waker::waiter(context));
        match expired {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let waiter = self.core.wheel().remove(self.entry);
        drop(waiter);
    }
}
