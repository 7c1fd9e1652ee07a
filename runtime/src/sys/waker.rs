//! Wakers that are a number: cloning and dropping them does nothing.

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

#[cfg(not(target_pointer_width = "64"))]
compile_error!("a task's index, generation and worker travel in one pointer: 64 bits are needed");

/// The functions behind index wakers: one static table per program, so that its address tells ours from foreign ones.
#[derive(Debug)]
pub(crate) struct IndexTable(RawWakerVTable);

impl IndexTable {
    /// `clone` returns a waker of the same table, `wake` gets the index as an address that points nowhere.
    ///
    /// All three are safe functions, so they cannot use the address but as a number.
    pub(crate) const fn new(
        clone: fn(*const ()) -> RawWaker,
        wake: fn(*const ()),
        drop: fn(*const ()),
    ) -> Self {
        Self(RawWakerVTable::new(clone, wake, wake, drop))
    }

    /// The raw waker for `index`, for this table's `clone`.
    pub(crate) const fn raw(&'static self, index: usize) -> RawWaker {
        RawWaker::new(ptr::without_provenance(index), &self.0)
    }

    /// A waker for `index`.
    pub(crate) fn waker(&'static self, index: usize) -> Waker {
        // SAFETY: the table's functions are safe ones that treat the data as a number, from any thread, so the contract of
        // RawWaker (thread-safe, no resource behind the data) holds.
        unsafe { Waker::from_raw(self.raw(index)) }
    }

    /// The index of `waker`, if it is one of this table's.
    pub(crate) fn index_of(&'static self, waker: &Waker) -> Option<usize> {
        ptr::eq(waker.vtable(), &self.0).then(|| waker.data().addr())
    }
}

/// Who waits for a completion.
#[derive(Debug, Default)]
pub(crate) enum Waiter {
    /// Nobody.
    #[default]
    Nobody,
    /// A task of a worker, by its index.
    Index(usize),
    /// A waker of somebody else's (`FuturesUnordered` and its kind bring their own). In a box, as few are, and every connection has
    /// room for two waiters.
    Foreign(Box<Waker>),
}

const _: () = assert!(size_of::<Waiter>() <= 16);
