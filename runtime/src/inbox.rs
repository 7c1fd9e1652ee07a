//! Wake-ups that come from outside a worker: one bit per task, in a table that is never freed.
//!
//! Wakers outlive tasks, workers and runtimes, so what they point into must too. A bit that is set twice is one wake-up,
//! so no inbox grows; a bit for a task that is gone wakes its successor in the slot, which is harmless.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::sys::{Doorbell, RingAddress};
use crate::waker::TaskId;
use crate::worker::Core;

/// Inboxes of a process: the most workers that can live at once.
const INBOXES_MAX: usize = 4_096;
const CHUNKS: usize = 256;
const WORDS_PER_CHUNK: usize = 64;
const TASKS_PER_CHUNK: usize = WORDS_PER_CHUNK * 64;
/// The most tasks one worker can have.
pub(crate) const TASKS_MAX: usize = CHUNKS * TASKS_PER_CHUNK;

static INBOXES: [OnceLock<Box<Inbox>>; INBOXES_MAX] = [const { OnceLock::new() }; INBOXES_MAX];
/// Which inboxes have an owner; locked when a worker starts or ends.
static CLAIMED: Mutex<Vec<bool>> = Mutex::new(Vec::new());

/// Wake-ups for the tasks of one worker.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// One bit per chunk that has a bit set.
    summary: [AtomicU64; CHUNKS / 64],
    chunks: [OnceLock<Box<[AtomicU64; WORDS_PER_CHUNK]>>; CHUNKS],
    /// Set by the first of several wakers, who alone rings; cleared by the worker before it looks.
    rung: AtomicBool,
    doorbell: Doorbell,
    /// Where rings of other workers ring, -1 while there is no ring.
    ring: AtomicI32,
}

/// The ownership of one inbox, from a worker's start to its end.
#[derive(Debug)]
pub(crate) struct InboxClaim {
    index: u16,
}

impl InboxClaim {
    /// Takes a free inbox.
    pub(crate) fn new() -> io::Result<Self> {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        let index = claimed.iter().position(|taken| !taken).unwrap_or(claimed.len());
        if index >= INBOXES_MAX {
            return Err(io::Error::other(format!("more than {INBOXES_MAX} workers in one process")));
        }
        if INBOXES[index].get().is_none() {
            let inbox = Box::new(Inbox::new()?);
            // The lock is held, so nobody else sets it.
            let _ = INBOXES[index].set(inbox);
        }
        if let Some(inbox) = inbox(index as u16) {
            inbox.forget_former_owner(|_| {});
        }
        if index == claimed.len() {
            claimed.push(true);
        } else {
            claimed[index] = true;
        }
        Ok(Self { index: index as u16 })
    }

    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    pub(crate) fn inbox(&self) -> &'static Inbox {
        inbox(self.index).expect("a claimed inbox exists")
    }
}

impl Drop for InboxClaim {
    fn drop(&mut self) {
        self.inbox().set_ring(None);
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        claimed[usize::from(self.index)] = false;
    }
}

fn inbox(index: u16) -> Option<&'static Inbox> {
    INBOXES[usize::from(index)].get().map(|inbox| &**inbox)
}

/// Wakes `task` from outside its worker: by a message to its ring where `from` has a ring of its own, else by eventfd.
pub(crate) fn post(task: TaskId, from: Option<&Core>) {
    let Some(inbox) = inbox(task.inbox()) else { return };
    if !inbox.set(task.index()) {
        return;
    }
    match (from, RingAddress::from_bits(inbox.ring.load(Ordering::Acquire))) {
        (Some(core), Some(address)) if core.ring_other(address, task.inbox()) => {}
        _ => inbox.doorbell.ring(),
    }
}

/// Rings a worker that a message did not reach.
pub(crate) fn ring_by_eventfd(index: u32) {
    if let Some(inbox) = u16::try_from(index).ok().and_then(inbox) {
        inbox.doorbell.ring();
    }
}

impl Inbox {
    fn new() -> io::Result<Self> {
        Ok(Self {
            summary: [const { AtomicU64::new(0) }; CHUNKS / 64],
            chunks: [const { OnceLock::new() }; CHUNKS],
            rung: AtomicBool::new(false),
            doorbell: Doorbell::new()?,
            ring: AtomicI32::new(-1),
        })
    }

    pub(crate) fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }

    pub(crate) fn set_ring(&self, address: Option<RingAddress>) {
        self.ring.store(RingAddress::to_bits(address), Ordering::Release);
    }

    /// Sets a task's bit; true if the worker must be rung.
    ///
    /// Ordering: the bits are set before `rung` is (AcqRel), and the worker clears `rung` before it reads them, so either it
    /// sees the bit, or the waker sees a cleared `rung` and rings.
    fn set(&self, task: u32) -> bool {
        let (chunk, word, bit) = position(task);
        let words =
            self.chunks[chunk].get_or_init(|| Box::new([const { AtomicU64::new(0) }; WORDS_PER_CHUNK]));
        words[word].fetch_or(1 << bit, Ordering::AcqRel);
        self.summary[chunk / 64].fetch_or(1 << (chunk % 64), Ordering::AcqRel);
        !self.rung.swap(true, Ordering::AcqRel)
    }

    /// Drops what a former owner was told and did not hear, calling `unheard` with each of its tasks' indices: `rung` left
    /// set would silence everybody who wakes the new one.
    ///
    /// Ordering: a former task may be woken at any time. The doorbell is hushed before `rung` is cleared, so that no
    /// ringing is taken back of somebody who set `rung` after that.
    fn forget_former_owner(&self, unheard: impl FnMut(u32)) {
        self.doorbell.hush();
        self.drain(unheard);
    }

    /// Takes all bits, calling `wake` with each task's index. Only the owner calls it.
    pub(crate) fn drain(&self, mut wake: impl FnMut(u32)) {
        self.rung.swap(false, Ordering::AcqRel);
        for (group, summary) in self.summary.iter().enumerate() {
            for chunk in bits_of(summary.swap(0, Ordering::AcqRel)).map(|bit| group * 64 + bit) {
                let Some(words) = self.chunks[chunk].get() else { continue };
                for (word, bits) in words.iter().enumerate() {
                    for bit in bits_of(bits.swap(0, Ordering::AcqRel)) {
                        wake((chunk * TASKS_PER_CHUNK + word * 64 + bit) as u32);
                    }
                }
            }
        }
    }
}

fn position(task: u32) -> (usize, usize, u32) {
    let task = task as usize;
    assert!(task < TASKS_MAX, "a worker has at most {TASKS_MAX} tasks");
    (task / TASKS_PER_CHUNK, task % TASKS_PER_CHUNK / 64, (task % 64) as u32)
}

fn bits_of(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let bit = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_set_twice_is_one_wake_up_and_one_ring() {
        let inbox = Inbox::new().unwrap();
        assert!(inbox.set(5));
        assert!(!inbox.set(5));
        assert!(!inbox.set(70_000));
        let mut woken = Vec::new();
        inbox.drain(|task| woken.push(task));
        assert_eq!(woken, [5, 70_000]);
        assert!(inbox.set(5));
    }

    #[test]
    fn a_task_anywhere_is_woken_and_no_other() {
        let inbox = Inbox::new().unwrap();
        let tasks = [0, 63, 64, 65, 4_095, 4_096, 4_161, 262_143, 262_144, TASKS_MAX as u32 - 1];
        for task in tasks {
            inbox.set(task);
        }
        let mut woken = Vec::new();
        inbox.drain(|task| woken.push(task));
        assert_eq!(woken, tasks);
        inbox.drain(|task| panic!("{task} is woken once more"));
    }

    #[test]
    fn a_new_owner_is_rung_although_the_former_one_did_not_hear() {
        for _ in 0..1_000 {
            let former = InboxClaim::new().unwrap();
            let index = former.index();
            // Rung by a message that its ring never delivered.
            former.inbox().set(5);
            drop(former);
            let new = InboxClaim::new().unwrap();
            // Other tests' workers may have been faster.
            if new.index() == index {
                assert!(new.inbox().set(6), "the waker of a new task must ring");
                return;
            }
        }
        panic!("never got the same inbox again");
    }

    #[test]
    fn a_new_owner_hears_who_wakes_a_former_task_while_it_begins() {
        let inbox = Inbox::new().unwrap();
        inbox.set(5);
        inbox.doorbell.ring();
        let mut unheard = 0;
        inbox.forget_former_owner(|_| {
            unheard += 1;
            // As `post` does, just now.
            if inbox.set(6) {
                inbox.doorbell.ring();
            }
        });
        assert_eq!(unheard, 1);
        assert!(inbox.doorbell.is_rung(), "or nobody rings, since somebody has");
    }

    #[test]
    fn wake_ups_from_many_threads_are_all_seen() {
        let inbox = Inbox::new().unwrap();
        let seen = std::thread::scope(|scope| {
            let wakers: Vec<_> = (0..4_u32)
                .map(|thread| {
                    let inbox = &inbox;
                    scope.spawn(move || (0..1_000_u32).for_each(|task| _ = inbox.set(task * 4 + thread)))
                })
                .collect();
            let mut seen = std::collections::BTreeSet::new();
            while wakers.iter().any(|waker| !waker.is_finished()) {
                inbox.drain(|task| _ = seen.insert(task));
            }
            inbox.drain(|task| _ = seen.insert(task));
            seen
        });
        assert_eq!(seen.len(), 4_000);
    }
}
