//! The provided-buffer ring: receive buffers the kernel picks from, given back once per turn.

use std::{
    io, ptr, slice,
    sync::atomic::{AtomicU16, Ordering},
};

use io_uring::{Submitter, types::BufRingEntry};

/// Buffers in the ring, a power of two.
const BUFFERS: u16 = 4096;
/// Bytes of one buffer.
const BUFFER_BYTES: usize = 2048;
/// The ring's group, named by each receive.
pub(super) const GROUP: u16 = 0;

#[derive(Debug)]
pub(super) struct Buffers {
    entries: *mut BufRingEntry,
    arena: *mut u8,
    tail: u16,
}

impl Buffers {
    /// Maps the memory, registers it with the ring of `submitter` and gives every buffer to the kernel.
    pub(super) fn register(submitter: &Submitter<'_>) -> io::Result<Self> {
        let entries = map(usize::from(BUFFERS) * size_of::<BufRingEntry>())?.cast::<BufRingEntry>();
        let arena = map(usize::from(BUFFERS) * BUFFER_BYTES)?;
        // SAFETY: the memory is mapped for as long as the process lives and holds exactly BUFFERS entries.
        unsafe { submitter.register_buf_ring_with_flags(entries as u64, BUFFERS, GROUP, 0) }?;
        let mut buffers = Self { entries, arena, tail: 0 };
        for id in 0..BUFFERS {
            buffers.give_back(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// The received bytes of buffer `id`, which is ours between its completion and `give_back`.
    pub(super) fn bytes(&self, id: u16, len: usize) -> &[u8] {
        assert!(id < BUFFERS && len <= BUFFER_BYTES);
        // SAFETY: the id is in range, so the buffer lies within the arena.
        let start = unsafe { self.arena.add(usize::from(id) * BUFFER_BYTES) };
        // SAFETY: the kernel wrote `len` bytes there and does not touch them until the tail is published again.
        unsafe { slice::from_raw_parts(start, len) }
    }

    /// Puts buffer `id` back; the kernel sees it after `publish`.
    pub(super) fn give_back(&mut self, id: u16) {
        // SAFETY: an id below BUFFERS lies within the arena.
        let start = unsafe { self.arena.add(usize::from(id) * BUFFER_BYTES) };
        // SAFETY: the masked tail lies within the mapped entries.
        let entry = unsafe { self.entries.add(usize::from(self.tail & (BUFFERS - 1))) };
        // SAFETY: the kernel reads entries between its head and the published tail only; this one lies outside.
        let entry = unsafe { &mut *entry };
        entry.set_addr(start as u64);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows all returned buffers to the kernel by one release store.
    pub(super) fn publish(&self) {
        // SAFETY: the first entry exists; its reserved field is the tail.
        let tail = unsafe { BufRingEntry::tail(self.entries) };
        // SAFETY: the tail is an aligned u16 within the mapping, and only this thread writes it.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }.store(self.tail, Ordering::Release);
    }
}

fn map(bytes: usize) -> io::Result<*mut u8> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
    // SAFETY: an anonymous mapping at an address the kernel chooses touches no existing memory.
    let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start.cast()) }
}
