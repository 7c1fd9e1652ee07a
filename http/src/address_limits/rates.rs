//! How often each address comes. In: its cells, when it comes. Out: whether it may.
//!
//! A token bucket in one number, the time at which it is full again (the generic cell rate algorithm, ITU-T I.371): each that
//! may come moves it by the time of one token.

use std::sync::atomic::{AtomicU64, Ordering};

use selvedge_runtime::Moment;

use super::ConnectionRate;
use super::rows::{Cells, Rows};

/// The buckets of all addresses.
#[derive(Debug)]
pub(super) struct Rates {
    /// When each is full again, in nanoseconds of the monotonic clock.
    cells: Box<[AtomicU64]>,
    token_ns: u64,
    /// How far ahead of now a bucket may be that still has a token.
    ahead_ns_max: u64,
}

impl Rates {
    pub(super) const CELL_BYTES: usize = size_of::<AtomicU64>();

    pub(super) fn new(rows: &Rows, rate: ConnectionRate) -> Self {
        let token_ns = 1_000_000_000 / u64::from(rate.connections_per_second.get());
        Self {
            cells: (0..rows.len()).map(|_| AtomicU64::new(0)).collect(),
            // Of more than a billion in a second none is too many.
            token_ns: token_ns.max(1),
            ahead_ns_max: token_ns.max(1) * (u64::from(rate.burst.get()) - 1),
        }
    }

    /// Takes a token, if a row has one left. Whoever gets none has taken none.
    pub(super) fn take(&self, cells: Cells, now: Moment) -> bool {
        let now_ns = now.nanoseconds();
        let mut is_taken = false;
        for cell in cells {
            let taken = self.cells[cell].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let ahead = full_at.saturating_sub(now_ns);
                (ahead <= self.ahead_ns_max).then(|| full_at.max(now_ns) + self.token_ns)
            });
            is_taken |= taken.is_ok();
        }
        is_taken
    }
}
