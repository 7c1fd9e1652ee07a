//! What a worker did, in numbers that other threads may read at any time.
//!
//! Each counter has one writer, its worker, so a plain load and store (relaxed) counts without a locked instruction.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sys::{KernelFigures, Moment};
use crate::work_label::WorkLabel;

/// A number with one writer.
///
/// ```
/// use std::sync::Arc;
///
/// use selvedge_runtime::{Counter, block_on};
///
/// let served = Arc::new(Counter::default());
/// let served_there = Arc::clone(&served);
/// // The worker counts, any thread reads.
/// block_on(move || async move { (0..3).for_each(|_| served_there.add(1)) });
/// assert_eq!(served.get(), 3);
/// ```
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds; only the owner's thread may.
    pub fn add(&self, amount: u64) {
        self.set(self.get().wrapping_add(amount));
    }

    /// Takes away; only the owner's thread may.
    pub fn subtract(&self, amount: u64) {
        self.set(self.get().wrapping_sub(amount));
    }

    /// Replaces; only the owner's thread may.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// Turn lengths are counted in powers of two of a microsecond: below 1, 2, 4 ... us, the last is all that is longer.
pub const TURN_BUCKETS: usize = 24;

/// Names of tasks a worker tells apart; further ones are called by the last.
const TASK_NAMES_MAX: usize = 32;

/// One worker's counters. Aligned so that no two workers write the same cache line (128 bytes: pairs of 64-byte lines are
/// fetched together, and aarch64 has lines of 128).
///
/// ```
/// use std::sync::Arc;
///
/// use selvedge_runtime::{Runtime, yield_now};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let running = Runtime::builder().workers(1).build()?.start(|_| async {
///     yield_now().await;
/// })?;
/// let counters = Arc::clone(running.handle().counters(0));
/// running.join();
/// assert!(counters.turns.get() >= 2, "one before the yield, one after");
/// assert_eq!(counters.turn_lengths().iter().sum::<u64>(), counters.turns.get());
/// assert_eq!(counters.panics.get(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    /// Turns of the loop.
    pub turns: Counter,
    /// Nanoseconds in them: the time in which the worker did not wait.
    pub busy_ns: Counter,
    /// Panics that were caught: of tasks, of handlers, of whoever writes a body.
    pub panics: Counter,
    /// io_uring_enter(2) calls.
    pub enters: Counter,
    /// Submission queue entries.
    pub submissions: Counter,
    /// Completions.
    pub completions: Counter,
    /// Turns with an overflowed completion queue.
    pub overflows: Counter,
    /// Receives that found no buffer.
    pub starvations: Counter,
    /// Connections given up because their unread input kept all buffers from others.
    pub evictions: Counter,
    /// Subscriptions started again.
    pub rearms: Counter,
    /// Sends in more than one piece.
    pub short_sends: Counter,
    /// Receives paused for want of a reader.
    pub pauses: Counter,
    turn_lengths: [Counter; TURN_BUCKETS],
    /// When the running turn began, 0 while the worker waits.
    turn_started: AtomicU64,
    /// Which of `task_names` was polled last, for the watchdog.
    task: Counter,
    task_names: [OnceLock<&'static str>; TASK_NAMES_MAX],
    work: WorkLabel,
    /// When the turn began whose end is to be told, by the watchdog's wish.
    watched: AtomicU64,
}

/// One turn's span.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) started: Moment,
    pub(crate) ended: Moment,
}

impl Counters {
    pub(crate) fn begin_turn(&self, started: Moment) {
        self.turn_started.store(started.nanoseconds(), Ordering::Relaxed);
    }

    pub(crate) fn end_turn(&self, turn: &Turn) {
        let length = turn.ended.since(turn.started);
        self.turns.add(1);
        self.busy_ns.add(length.as_nanos() as u64);
        self.turn_lengths[bucket(length)].add(1);
        self.turn_started.store(0, Ordering::Relaxed);
    }

    /// The number that stands for a task's name here.
    pub(crate) fn task_name(&self, name: &'static str) -> u8 {
        let known = self.task_names.iter().position(|entry| *entry.get_or_init(|| name) == name);
        known.unwrap_or(TASK_NAMES_MAX - 1) as u8
    }

    pub(crate) fn note_task(&self, name: u8) {
        self.task.set(u64::from(name));
        self.work.clear();
    }

    pub(crate) fn label_work(&self, what: &[u8]) {
        self.work.set(what);
    }

    /// The task that was polled last, and what it was at, if it has said so.
    pub(crate) fn last_work(&self) -> String {
        let task = self.last_task();
        match &*self.work.text() {
            "" => format!("`{task}`"),
            work => format!("`{task}`, at {work}"),
        }
    }

    /// The end of the turn that began then is to be told.
    pub(crate) fn watch_turn(&self, started: Moment) {
        self.watched.store(started.nanoseconds(), Ordering::Relaxed);
    }

    /// Whether the end of the turn that began then is to be told.
    pub(crate) fn is_watched(&self, started: Moment) -> bool {
        self.watched.load(Ordering::Relaxed) == started.nanoseconds()
    }

    /// The name of the task that was polled last.
    pub fn last_task(&self) -> &'static str {
        let entry = self.task_names.get(self.task.get() as usize);
        entry.and_then(OnceLock::get).copied().unwrap_or("main")
    }

    pub(crate) fn note_kernel(&self, figures: &KernelFigures) {
        self.enters.set(figures.enters);
        self.submissions.set(figures.submissions);
        self.completions.set(figures.completions);
        self.overflows.set(figures.overflows);
        self.starvations.set(figures.starvations);
        self.evictions.set(figures.evictions);
        self.rearms.set(figures.rearms);
        self.short_sends.set(figures.short_sends);
        self.pauses.set(figures.pauses);
    }

    /// How many turns were shorter than 1, 2, 4, ... microseconds; the last entry is all that were longer.
    pub fn turn_lengths(&self) -> [u64; TURN_BUCKETS] {
        std::array::from_fn(|bucket| self.turn_lengths[bucket].get())
    }

    /// Since when the worker has been in one turn, if it is.
    pub fn in_turn_since(&self) -> Option<Moment> {
        match self.turn_started.load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => Some(Moment::from_nanoseconds(nanoseconds)),
        }
    }
}

fn bucket(length: Duration) -> usize {
    let microseconds = length.as_nanos() as u64 / 1_000;
    ((u64::BITS - microseconds.leading_zeros()) as usize).min(TURN_BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_lengths_fall_into_powers_of_two() {
        for (nanoseconds, expected) in [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (2_000, 2), (4_000, 3)] {
            assert_eq!(bucket(Duration::from_nanos(nanoseconds)), expected, "{nanoseconds} ns");
        }
        assert_eq!(bucket(Duration::from_secs(3_600)), TURN_BUCKETS - 1);
    }
}
