//! What a task uses that is not in its future. In: told when it is spawned. Out: fetched before it runs.

use crate::sys::prefetch;

/// Octets that are fetched: as many as a connection's box has.
const NEAR_BYTES: usize = 256;

/// Memory outside its future that a task uses first whenever it runs: fetched while the tasks before it run. Nothing of it is
/// read by way of this, so it may be gone before the task is.
///
/// ```
/// use selvedge_runtime::{Near, block_on, spawn_detached_near, yield_now};
///
/// block_on(|| async {
///     let mut counter = Box::new(0_u64);
///     spawn_detached_near("counter", Near::of(&*counter), async move {
///         while *counter < 3 {
///             *counter += 1;
///             yield_now().await;
///         }
///     });
///     yield_now().await;
/// });
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Near(*const u8);

impl Near {
    /// This and what follows it, 256 octets in all.
    pub fn of<T>(memory: &T) -> Self {
        Self((&raw const *memory).cast())
    }

    pub(crate) const NOTHING: Self = Self(std::ptr::null());

    pub(crate) fn prefetch(self) {
        if !self.0.is_null() {
            prefetch(self.0, NEAR_BYTES);
        }
    }
}
