//! Tasks as numbers: who is woken, by whom, on which worker.
//!
//! In: a wake, from anywhere. Out: an index in the ready queue of the task's worker, or a bit in its inbox.

use std::task::{Context, RawWaker, Waker};

use crate::inbox;
use crate::sys::{IndexTable, Waiter};
use crate::worker;

const INDEX_BITS: u32 = 28;
const GENERATION_BITS: u32 = 24;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

/// A task of some worker: 12 bits of inbox, 24 of generation, 28 of index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId(u64);

impl TaskId {
    pub(crate) fn new(inbox: u16, generation: u32, index: u32) -> Self {
        debug_assert!(u64::from(index) <= INDEX_MASK, "task indices are bounded by the inbox");
        Self(
            (u64::from(inbox) << (INDEX_BITS + GENERATION_BITS))
                | (u64::from(generation & GENERATION_MASK) << INDEX_BITS)
                | u64::from(index),
        )
    }

    pub(crate) fn inbox(self) -> u16 {
        (self.0 >> (INDEX_BITS + GENERATION_BITS)) as u16
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> INDEX_BITS) as u32 & GENERATION_MASK
    }

    pub(crate) fn index(self) -> u32 {
        (self.0 & INDEX_MASK) as u32
    }

    pub(crate) fn from_bits(bits: usize) -> Self {
        Self(bits as u64)
    }

    pub(crate) fn waker(self) -> Waker {
        TABLE.waker(self.0 as usize)
    }
}

/// The next generation of a slot, in the bits a [`TaskId`] carries.
pub(crate) fn next_generation(generation: u32) -> u32 {
    generation.wrapping_add(1) & GENERATION_MASK
}

static TABLE: IndexTable = IndexTable::new(clone, wake, drop);

fn clone(data: *const ()) -> RawWaker {
    TABLE.raw(data.addr())
}

fn wake(data: *const ()) {
    let task = TaskId::from_bits(data.addr());
    worker::with_current(|core| match core {
        Some(core) if core.inbox() == task.inbox() => core.make_ready(task),
        core => inbox::post(task, core),
    });
}

fn drop(_: *const ()) {}

/// What an op remembers of the future that polls it: our own wakers as their index, foreign ones cloned.
pub(crate) fn waiter(context: &Context<'_>) -> Waiter {
    match TABLE.index_of(context.waker()) {
        Some(index) => Waiter::Index(index),
        None => Waiter::Foreign(Box::new(context.waker().clone())),
    }
}

/// Wakes whoever waits.
pub(crate) fn wake_waiter(waiter: Waiter) {
    match waiter {
        Waiter::Nobody => {}
        Waiter::Index(index) => TABLE.waker(index).wake(),
        Waiter::Foreign(waker) => waker.wake(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_survive_packing() {
        let task = TaskId::new(4_095, GENERATION_MASK, INDEX_MASK as u32);
        assert_eq!(
            (task.inbox(), task.generation(), task.index()),
            (4_095, GENERATION_MASK, INDEX_MASK as u32)
        );
        let task = TaskId::new(1, 2, 3);
        assert_eq!((task.inbox(), task.generation(), task.index()), (1, 2, 3));
        assert_eq!(TaskId::from_bits(task.waker().data().addr()), task);
    }

    #[test]
    fn generations_follow_each_other_and_begin_anew() {
        assert_eq!((next_generation(0), next_generation(41)), (1, 42));
        assert_eq!(next_generation(GENERATION_MASK - 1), GENERATION_MASK);
        assert_eq!(next_generation(GENERATION_MASK), 0);
    }

    #[test]
    fn a_foreign_waker_is_woken_and_nobody_is_not_missed() {
        let count = std::sync::Arc::new(Count::default());
        let foreign = Waker::from(std::sync::Arc::clone(&count));
        let waiter = waiter(&Context::from_waker(&foreign));
        assert!(matches!(waiter, Waiter::Foreign(_)));
        wake_waiter(waiter);
        wake_waiter(Waiter::Nobody);
        assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[derive(Default)]
    struct Count(std::sync::atomic::AtomicU32);

    impl std::task::Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
