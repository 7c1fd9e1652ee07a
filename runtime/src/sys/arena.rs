//! One mapping of anonymous memory, made once and given back when its last user is gone.
//!
//! In: a size. Out: memory that every buffer of one pool is cut from. Next: [`super::pool`].

use std::io;
use std::ptr::NonNull;

/// A transparent huge page of x86-64, and of arm64 with pages of 4 KiB. Where they are larger, mappings next to each other may
/// share one.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// A private anonymous mapping, zeroed by the kernel at the first touch of each page (mmap(2)).
///
/// Pages are touched by the worker that uses them, after it is pinned, so they come from its own NUMA node. The kernel makes one
/// mapping of two that are next to each other, and a huge page that reached from one arena into another worker's would be
/// of the node of whoever touches it first. So no arena has a part of a huge page: from that size on it begins and ends between two.
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
    /// Maps `size_bytes`, rounded up to whole pages, or to whole huge pages where it is one at least. What nobody touches takes
    /// no memory.
    pub(super) fn map(size_bytes: usize) -> io::Result<Self> {
        let page_bytes = super::page_size_bytes();
        let (size_bytes, align_bytes) = rounded(size_bytes, page_bytes);
        // The kernel aligns to its pages: what is too much, on both sides, goes back.
        let mapped_bytes = size_bytes + align_bytes - page_bytes;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no existing memory (mmap(2)).
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                mapped_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mapped = NonNull::new(address.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
        let before_bytes = mapped.addr().get().next_multiple_of(align_bytes) - mapped.addr().get();
        // SAFETY: less than `align_bytes`, in whole pages, so at most what was mapped beyond `size_bytes`.
        let base = unsafe { mapped.add(before_bytes) };
        // SAFETY: the end of the arena, which is inside the mapping or its end.
        let behind = unsafe { base.add(size_bytes) };
        for (start, length) in [(mapped, before_bytes), (behind, mapped_bytes - before_bytes - size_bytes)] {
            if length > 0 {
                // SAFETY: whole pages of the mapping that was made above, outside the arena; nobody knows them yet.
                let result = unsafe { libc::munmap(start.as_ptr().cast(), length) };
                debug_assert_eq!(result, 0, "munmap of our own mapping cannot fail");
            }
        }
        Ok(Self { base, size_bytes, end: End::Unmapped })
    }

    /// Asks for transparent huge pages (madvise(2)), where there is room for one; for memory that is used whole, since
    /// one touch takes 2 MiB.
    pub(super) fn advise_huge_pages(&self) {
        if self.size_bytes < HUGE_PAGE_BYTES {
            return;
        }
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

/// An arena's size in whole pages of either kind, and what its beginning is a multiple of.
fn rounded(size_bytes: usize, page_bytes: usize) -> (usize, usize) {
    let pages_bytes = size_bytes.max(1).next_multiple_of(page_bytes);
    let align_bytes = if pages_bytes < HUGE_PAGE_BYTES { page_bytes } else { HUGE_PAGE_BYTES };
    (pages_bytes.next_multiple_of(align_bytes), align_bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_has_no_part_of_a_huge_page() {
        const HUGE: usize = HUGE_PAGE_BYTES;
        for page_bytes in [4_096, 16_384, 65_536] {
            for (asked, size_and_alignment) in [
                (0, (page_bytes, page_bytes)),
                (1, (page_bytes, page_bytes)),
                (page_bytes + 1, (2 * page_bytes, page_bytes)),
                (HUGE - page_bytes, (HUGE - page_bytes, page_bytes)),
                // In whole pages it is as large as a huge one.
                (HUGE - page_bytes + 1, (HUGE, HUGE)),
                (HUGE, (HUGE, HUGE)),
                (HUGE + 1, (2 * HUGE, HUGE)),
            ] {
                assert_eq!(
                    rounded(asked, page_bytes),
                    size_and_alignment,
                    "{asked} in pages of {page_bytes}"
                );
            }
        }
    }

    #[test]
    fn an_arena_begins_where_it_must_and_all_of_it_is_there() {
        let page_bytes = crate::sys::page_size_bytes();
        for asked in [1, page_bytes + 1, HUGE_PAGE_BYTES - 1, HUGE_PAGE_BYTES + 1] {
            let arena = Arena::map(asked).unwrap();
            let (size_bytes, align_bytes) = rounded(asked, page_bytes);
            assert_eq!(arena.size_bytes, size_bytes);
            assert_eq!(arena.base.addr().get() % align_bytes, 0, "{asked}");
            arena.advise_huge_pages();
            arena.prefault();
        }
    }
}
