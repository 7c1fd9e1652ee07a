//! The time that responses carry: one formatted Date per second and worker.

use std::time::Duration;

use selvedge_runtime::Moment;

use crate::h1::DateCache;
use crate::h1::date::DATE_LEN;

/// The wall clock of a worker, asked about once a second.
///
/// ```
/// use selvedge_http::Clock;
/// use selvedge_http::h1::date::parse_date;
///
/// selvedge_runtime::block_on(|| async {
///     let mut clock = Clock::new();
///     // Before each use, with the time of the worker's turn.
///     clock.advance(selvedge_runtime::now());
///     assert_eq!(parse_date(clock.date()), Some(clock.unix_s()));
/// });
/// ```
#[derive(Debug)]
pub struct Clock {
    unix_s: u64,
    /// The moment at which the next second begins.
    valid_until: Moment,
    date: DateCache,
}

impl Clock {
    /// The current worker's time.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn new() -> Self {
        let mut clock = Self { unix_s: 0, valid_until: Moment::default(), date: DateCache::new(0) };
        clock.advance(selvedge_runtime::now());
        clock
    }

    /// Brings it to the turn's time: a comparison, but for one turn a second.
    #[inline]
    pub fn advance(&mut self, now: Moment) {
        if now >= self.valid_until {
            let (unix_s, nanoseconds) = selvedge_runtime::wall_clock();
            self.unix_s = unix_s;
            self.valid_until = now + Duration::from_nanos(u64::from(1_000_000_000 - nanoseconds));
            self.date.at(unix_s);
        }
    }

    /// Seconds of Unix time.
    pub fn unix_s(&self) -> u64 {
        self.unix_s
    }

    /// The same as a Date.
    pub fn date(&mut self) -> &[u8; DATE_LEN] {
        self.date.at(self.unix_s)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
