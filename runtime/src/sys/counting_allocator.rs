//! Counts the calls each thread makes to an allocator, the bytes it asks for and those it holds: to prove that there are none
//! where there must be none, and to hold work within a budget of them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNTS: Counts = const { Counts { calls: Cell::new(0), requested: Cell::new(0), held: Cell::new(0) } };
}

/// One thread's.
struct Counts {
    calls: Cell<u64>,
    /// Bytes asked for, freed again or not.
    requested: Cell<u64>,
    /// Bytes asked for, less those freed.
    held: Cell<i64>,
}

/// An allocator that counts per thread and leaves the work to `A`. The `#[global_allocator]` static stands in binaries
/// only.
///
/// ```
/// use std::alloc::System;
///
/// use selvedge_runtime::{CountingAllocator, allocated_bytes_of_thread, allocator_calls_of_thread};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator(System);
///
/// fn main() {
///     let (calls, bytes) = (allocator_calls_of_thread(), allocated_bytes_of_thread());
///     let block = std::hint::black_box(Box::new([0_u8; 100]));
///     assert_eq!(allocated_bytes_of_thread() - bytes, 100);
///     drop(block);
///     assert_eq!(allocator_calls_of_thread() - calls, 2);
/// }
/// ```
#[derive(Debug, Default)]
pub struct CountingAllocator<A = System>(pub A);

/// Calls of the calling thread so far: allocate, zeroed, reallocate and free.
pub fn allocator_calls_of_thread() -> u64 {
    COUNTS.with(|counts| counts.calls.get())
}

/// Bytes the calling thread has allocated so far, less those it has freed: negative where it frees what others allocate.
pub fn allocated_bytes_of_thread() -> i64 {
    COUNTS.with(|counts| counts.held.get())
}

/// Bytes the calling thread has asked for so far, freed again or not; of what is made larger, moved or not, those that were
/// added. It never goes down.
pub(crate) fn requested_bytes_of_thread() -> u64 {
    COUNTS.with(|counts| counts.requested.get())
}

/// Whether this program's allocator is a [`CountingAllocator`]: one allocation, whose count is looked at.
///
/// ```
/// // Without such a `#[global_allocator]` nothing is counted.
/// assert!(!selvedge_runtime::counts_allocations());
/// ```
pub fn counts_allocations() -> bool {
    let calls = allocator_calls_of_thread();
    drop(std::hint::black_box(Box::new(0_u8)));
    allocator_calls_of_thread() != calls
}

fn count(change: i64) {
    // While a thread's storage is torn down nobody asks for its count any more.
    let _ = COUNTS.try_with(|counts| {
        counts.calls.set(counts.calls.get() + 1);
        counts.requested.set(counts.requested.get().wrapping_add(u64::try_from(change).unwrap_or(0)));
        counts.held.set(counts.held.get().wrapping_add(change));
    });
}

// SAFETY: every method hands its arguments to `A` unchanged and returns what it returns; counting neither allocates (the
// cell is constant-initialised and has no destructor) nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise for `layout` is passed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's promise for `pointer` and `layout` is passed on; it came from `self.0`.
        unsafe { self.0.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise for `layout` is passed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: the caller's promises are passed on; `pointer` came from `self.0`.
        unsafe { self.0.realloc(pointer, layout, size) }
    }
}
