//! A bounded channel between workers, and between workers and other threads.
//!
//! It is the `async-channel` crate's: its wakers are ours, so a message for a sleeping worker rings that worker's ring, and
//! several before it wakes ring it once.

pub use async_channel::{Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError};

/// A channel that holds at most `capacity` messages; a sender waits, or is refused, beyond that.
///
/// # Panics
/// When `capacity` is 0.
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    async_channel::bounded(capacity)
}
