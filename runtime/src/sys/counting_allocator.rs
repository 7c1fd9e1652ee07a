//! Counts the calls each thread makes to an allocator and the bytes it holds, to prove that there are none where there must
//! be none, and few where there may be few.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
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
    CALLS.with(Cell::get)
}

/// Bytes the calling thread has allocated so far, less those it has freed: negative where it frees what others allocate.
pub fn allocated_bytes_of_thread() -> i64 {
    BYTES.with(Cell::get)
}

fn count(bytes: i64) {
    // While a thread's storage is torn down nobody asks for its count any more.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    let _ = BYTES.try_with(|held| held.set(held.get().wrapping_add(bytes)));
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
