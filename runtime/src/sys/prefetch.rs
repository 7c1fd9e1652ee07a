//! Asks the processor to fetch memory that is about to be used.

/// Octets that are fetched together (`PREFETCHT0`; Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2B).
const LINE_BYTES: usize = 64;

/// Fetches the `bytes` from `address` on. A hint: nothing is read of what is there, and nothing needs to be there any more.
/// On other processors than x86-64 it does nothing.
#[inline]
pub(crate) fn prefetch(address: *const u8, bytes: usize) {
    let before = address.addr() % LINE_BYTES;
    for line in (0..before + bytes).step_by(LINE_BYTES) {
        prefetch_line(address.wrapping_sub(before).wrapping_add(line));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_line(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    // SAFETY: the instruction changes nothing, and faults at no address (same manual).
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch_line(_address: *const u8) {}
