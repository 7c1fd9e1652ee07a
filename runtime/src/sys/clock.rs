//! Time as the kernel tells it: a monotonic [`Moment`] and the wall clock.

use std::ops::{Add, Sub};
use std::time::Duration;

use crate::sim::world;

/// A point of the monotonic clock in nanoseconds since boot (CLOCK_MONOTONIC, clock_gettime(2)).
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_runtime::{Moment, block_on, now};
///
/// block_on(|| async {
///     let deadline: Moment = now() + Duration::from_secs(5);
///     assert_eq!(deadline - now(), Duration::from_secs(5), "the clock stands still within a turn");
///     // A difference is never negative.
///     assert_eq!(now().since(deadline), Duration::ZERO);
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment `nanoseconds` after the clock's zero.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the clock's zero.
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// Time since `earlier`, zero if that is later than this.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Saturates: a deadline beyond 584 years is never.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Moment {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// The monotonic clock now.
pub(crate) fn monotonic() -> Moment {
    if let Some(world) = world() {
        return world.now();
    }
    let time = read(libc::CLOCK_MONOTONIC);
    Moment(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// Seconds since 1970 (UTC), and nanoseconds within that second.
pub(crate) fn wall() -> (u64, u32) {
    if let Some(world) = world() {
        return world.wall_clock();
    }
    let time = read(libc::CLOCK_REALTIME);
    (u64::try_from(time.tv_sec).unwrap_or(0), time.tv_nsec as u32)
}

fn read(clock: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result; both clocks exist on every Linux (clock_gettime(2)).
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "clock_gettime of a standard clock cannot fail");
    time
}
