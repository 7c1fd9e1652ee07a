//! One mapping of anonymous memory, made once and given back when its last user is gone.
//!
//! In: a size. Out: memory that every buffer of one pool is cut from. Next: [`super::pool`].

use std::io;
use std::ptr::NonNull;

/// A private anonymous mapping, zeroed by the kernel at the first touch of each page (mmap(2)).
///
/// Pages are touched by the worker that uses them, after it is pinned, so they come from its own NUMA node.
#[derive(Debug)]
pub(super) struct Arena {
    base: NonNull<u8>,
    size_bytes: usize,
    end: End,
}

/// What becomes of the mapping when its arena goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Unmapped,
    /// It stays until the process ends.
    GivenUp,
}

impl Arena {
    /// Maps `size_bytes` (rounded up to whole pages) and asks for transparent huge pages, a hint that may be ignored.
    pub(super) fn map(size_bytes: usize) -> io::Result<Self> {
        let page_bytes = super::page_size_bytes();
        let size_bytes = size_bytes.max(1).next_multiple_of(page_bytes);
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no existing memory (mmap(2)).
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(address.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { base, size_bytes, end: End::Unmapped })
    }

    /// Asks for transparent huge pages (madvise(2)); for memory that is used whole, since one touch takes 2 MiB.
    pub(super) fn advise_huge_pages(&self) {
        // SAFETY: the range is exactly the mapping this arena owns; MADV_HUGEPAGE changes no contents.
        let _ = unsafe { libc::madvise(self.base.as_ptr().cast(), self.size_bytes, libc::MADV_HUGEPAGE) };
    }

    /// Touches every page, so that no page fault falls into a request.
    pub(super) fn prefault(&self) {
        let page_bytes = super::page_size_bytes();
        for offset in (0..self.size_bytes).step_by(page_bytes) {
            // SAFETY: `offset` is below `size_bytes`, so the pointer stays inside the mapping.
            let page = unsafe { self.base.as_ptr().add(offset) };
            // SAFETY: `page` is inside the writable mapping, and nothing else refers to it before the first lease.
            unsafe { page.write_volatile(0) };
        }
    }

    /// The address of the byte at `offset`.
    ///
    /// # Panics
    /// When `offset` is not inside the arena.
    pub(super) fn address(&self, offset: usize) -> NonNull<u8> {
        assert!(offset < self.size_bytes, "offset {offset} outside an arena of {} bytes", self.size_bytes);
        // SAFETY: checked above: the result is inside the mapping.
        unsafe { self.base.add(offset) }
    }
}

impl Arena {
    /// Leaves the mapping to whoever else writes into it.
    pub(super) fn give_up(&mut self) {
        self.end = End::GivenUp;
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if self.end == End::GivenUp {
            return;
        }
        // SAFETY: the mapping is ours alone and every lease into it holds the pool that owns this arena, so none is left.
        let result = unsafe { libc::munmap(self.base.as_ptr().cast(), self.size_bytes) };
        debug_assert_eq!(result, 0, "munmap of our own mapping cannot fail");
    }
}
