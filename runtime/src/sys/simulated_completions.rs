//! The completion queue of a simulated ring, and the list of those that find it full (io_uring.c,
//! io_cqring_add_overflow).
//!
//! In: completions. Out: the same, in their order; those of the list with a later enter.

use std::collections::VecDeque;

use super::ring::RawCompletion;

/// Completions the queue has room for.
const COMPLETIONS_MAX: usize = 4_096;

/// Completions that nobody has taken.
#[derive(Debug, Default)]
pub(super) struct SimulatedCompletions {
    queue: VecDeque<RawCompletion>,
    /// At most a few per op in flight: subscriptions end by it.
    overflowed: VecDeque<RawCompletion>,
}

/// Where a completion goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Queue,
    Overflow,
}

impl SimulatedCompletions {
    /// Whether the next one finds room. Once one has not, the others queue up behind it (io_cqe_cache_refill).
    pub(super) fn place(&self) -> Place {
        let is_full = self.has_overflowed() || self.queue.len() >= COMPLETIONS_MAX;
        if is_full { Place::Overflow } else { Place::Queue }
    }

    pub(super) fn put(&mut self, place: Place, completion: RawCompletion) {
        match place {
            Place::Queue => self.queue.push_back(completion),
            Place::Overflow => self.overflowed.push_back(completion),
        }
    }

    /// Brings what has overflowed into the queue, as far as there is room: with each enter.
    pub(super) fn flush(&mut self) {
        let room = COMPLETIONS_MAX.saturating_sub(self.queue.len());
        let count = self.overflowed.len().min(room);
        self.queue.extend(self.overflowed.drain(..count));
    }

    pub(super) fn take(&mut self, into: &mut Vec<RawCompletion>, max: usize) {
        let count = self.queue.len().min(max);
        into.extend(self.queue.drain(..count));
    }

    /// Whether there are some in the queue.
    pub(super) fn are_there(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether some wait outside the queue.
    pub(super) fn has_overflowed(&self) -> bool {
        !self.overflowed.is_empty()
    }
}
