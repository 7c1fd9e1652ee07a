//! How much listings may take of the process, whichever worker they are for: at most so many are made at once, and at most
//! so many bytes of them are on their way to clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use selvedge_runtime::Turns;

use super::entries::{PAGE_BYTES_MAX, SORTED_BYTES_MAX};

/// Directories read at once. Half of the helper threads are left for others, however slow the disk is.
const AT_ONCE_MAX: usize = 2;
/// Bytes of all pages that are made and not yet sent.
const HELD_BYTES_MAX: usize = 64 << 20;

/// The shares of all workers; clones are the same.
#[derive(Debug, Clone)]
pub struct Shares {
    /// Turns at reading a directory.
    pub(super) turns: Turns,
    held_bytes: Arc<AtomicUsize>,
}

impl Shares {
    /// Bytes that all listings of a process take at most.
    pub const MEMORY_BYTES: usize = AT_ONCE_MAX * (SORTED_BYTES_MAX + PAGE_BYTES_MAX) + HELD_BYTES_MAX;

    /// Nothing taken yet.
    pub fn new() -> Self {
        Self { turns: Turns::new(AT_ONCE_MAX), held_bytes: Arc::default() }
    }

    /// Counts a page until it is dropped; `None` if there is no room for it.
    pub(super) fn hold(&self, page: Vec<u8>) -> Option<Bytes> {
        let length = page.len();
        let room = |held: usize| (held + length <= HELD_BYTES_MAX).then_some(held + length);
        self.held_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Bytes::from_owner(Held { page, held_bytes: Arc::clone(&self.held_bytes) }))
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self::new()
    }
}

/// A page that counts as held.
struct Held {
    page: Vec<u8>,
    held_bytes: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.page
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held_bytes.fetch_sub(self.page.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_held_as_far_as_there_is_room_and_give_it_back() {
        let shares = Shares::new();
        let page = || vec![0; HELD_BYTES_MAX / 2];
        let (first, second) = (shares.hold(page()), shares.hold(page()));
        assert!(first.is_some() && second.is_some());
        assert!(shares.hold(vec![0]).is_none());
        // A part of a page holds the whole.
        let part = first.map(|first| first.slice(..10));
        assert!(shares.hold(vec![0]).is_none());
        drop(part);
        assert!(shares.clone().hold(page()).is_some());
    }
}
