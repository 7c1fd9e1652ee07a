//! The provided-buffer ring: receive buffers the kernel picks from, so that an idle connection holds none.
//!
//! In: free buffers of the receive pool. Out: the buffers that completions name, queued per subscription.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use super::arena::Arena;
use super::op::Supply;
use super::pool::{Lease, Pool};

/// The one buffer group of a ring.
pub(super) const BUFFER_GROUP: u16 = 0;

/// Marks the end of a [`ReceivedQueue`].
const NONE: u16 = u16::MAX;

/// The ring memory shared with the kernel, and the pool whose buffers travel through it.
#[derive(Debug)]
pub(super) struct BufferRing {
    memory: Arena,
    pool: Rc<Pool>,
    entries: u16,
    tail: u16,
    with_kernel: usize,
    queued: usize,
    /// A clock for what happens between two looks at the completions.
    reaps: u64,
    /// Per buffer: the next in its connection's queue, and how many bytes the kernel put into it.
    links: Box<[Link]>,
    /// The kernel's side of it, where that is a simulated one.
    published: Option<Published>,
}

/// The buffers that a simulated kernel has.
#[derive(Debug, Default)]
struct Published {
    in_order: VecDeque<u16>,
    all: BTreeSet<u16>,
}

#[derive(Debug, Clone)]
struct Link {
    next: Cell<u16>,
    length: Cell<u32>,
}

impl BufferRing {
    /// `buffers` must be a power of two of at most 32,768 (io_uring_register_buf_ring(3)).
    pub(super) fn new(buffers: u16, buffer_bytes: usize) -> io::Result<Self> {
        assert!(
            buffers.is_power_of_two() && buffers <= 1 << 15,
            "{buffers} receive buffers: not a power of two"
        );
        let pool = Pool::new(usize::from(buffers), buffer_bytes)?;
        pool.prefault();
        let memory = Arena::map(usize::from(buffers) * size_of::<BufRingEntry>())?;
        let links = vec![Link { next: Cell::new(NONE), length: Cell::new(0) }; usize::from(buffers)];
        Ok(Self {
            memory,
            pool,
            entries: buffers,
            tail: 0,
            with_kernel: 0,
            queued: 0,
            reaps: 0,
            links: links.into_boxed_slice(),
            published: None,
        })
    }

    /// The same for a simulated kernel.
    pub(super) fn simulated(mut self) -> Self {
        self.published = Some(Published::default());
        self
    }

    /// Whether the simulated kernel has a buffer to fill.
    pub(super) fn has_published(&self) -> bool {
        self.published.as_ref().is_some_and(|published| !published.in_order.is_empty())
    }

    /// Has the simulated kernel fill the first `length` bytes of its next buffer: which that is.
    ///
    /// # Panics
    /// When it has none, or one that it was not given.
    pub(super) fn fill_next(&mut self, length: usize, fill: impl FnOnce(&mut [u8])) -> u16 {
        let published = self.published.as_mut().expect("only a simulated kernel is told what to fill");
        let buffer = published.in_order.pop_front().expect("a buffer was asked for before");
        assert!(published.all.remove(&buffer), "the kernel fills buffer {buffer}, which it does not have");
        self.pool.fill(u32::from(buffer), length, fill);
        buffer
    }

    /// Size of each buffer in bytes.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.pool.buffer_bytes()
    }

    /// Memory that a ring of so many buffers locks, in whole pages. The buffers themselves are not locked.
    pub(super) fn locked_bytes(buffers: u16) -> usize {
        (usize::from(buffers) * size_of::<BufRingEntry>()).next_multiple_of(super::page_size_bytes())
    }

    /// Makes the ring known to the kernel; it stays until the io_uring is closed.
    pub(super) fn register(&self, submitter: &Submitter<'_>) -> io::Result<()> {
        let address = self.memory.address(0).as_ptr() as u64;
        // SAFETY: `address` is page-aligned memory for `entries` entries, kept by the kernel object that owns this ring
        // until after the io_uring is closed.
        unsafe { submitter.register_buf_ring_with_flags(address, self.entries, BUFFER_GROUP, 0) }
    }

    /// Hands every free buffer to the kernel; returns how many.
    pub(super) fn publish(&mut self) -> usize {
        let (mask, mut tail) = (self.entries - 1, self.tail);
        let (memory, pool) = (&self.memory, &self.pool);
        let published = &mut self.published;
        let buffer_bytes = pool.buffer_bytes() as u32;
        let count = pool.drain_free(|index| {
            let offset = usize::from(tail & mask) * size_of::<BufRingEntry>();
            let entry = memory.address(offset).cast::<BufRingEntry>();
            // SAFETY: entry `tail & mask` is inside the ring memory, and the kernel does not read it before the tail
            // passes it; `resv` of entry 0 is the tail itself and is not touched by these three setters.
            let entry = unsafe { &mut *entry.as_ptr() };
            entry.set_addr(pool.address(index).as_ptr() as u64);
            entry.set_len(buffer_bytes);
            entry.set_bid(index as u16);
            tail = tail.wrapping_add(1);
            if let Some(published) = published {
                assert!(published.all.insert(index as u16), "the kernel has buffer {index} already");
                published.in_order.push_back(index as u16);
            }
        });
        if count > 0 {
            self.tail = tail;
            self.with_kernel += count;
            self.shared_tail().store(tail, Ordering::Release);
        }
        count
    }

    fn shared_tail(&self) -> &AtomicU16 {
        let base = self.memory.address(0).as_ptr().cast::<BufRingEntry>();
        // SAFETY: `base` is the first entry of the ring, whose `resv` field is the tail (io_uring_register_buf_ring(3)).
        let tail = unsafe { BufRingEntry::tail(base) };
        // SAFETY: the tail is an aligned u16 in memory that lives as long as `self` and is shared with the kernel only.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }
    }

    pub(super) fn begin_reap(&mut self) {
        self.reaps += 1;
    }

    /// Looks at the completions so far.
    pub(super) fn reaps(&self) -> u64 {
        self.reaps
    }

    /// A completion filled `buffer` with `length` bytes: puts it at the end of `queue`.
    pub(super) fn push(&mut self, queue: &mut ReceivedQueue, buffer: u16, length: u32) {
        self.with_kernel =
            self.with_kernel.checked_sub(1).expect("the kernel fills only buffers it was given");
        self.queued += 1;
        let link = &self.links[usize::from(buffer)];
        link.next.set(NONE);
        link.length.set(length);
        if queue.last == NONE {
            queue.first = buffer;
            queue.untouched_since_reap = self.reaps;
        } else {
            self.links[usize::from(queue.last)].next.set(buffer);
        }
        queue.last = buffer;
        queue.count += 1;
    }

    /// A completion named `buffer` but put nothing into it (the end of a stream): it is free again.
    pub(super) fn recycle(&mut self, buffer: u16) {
        self.with_kernel =
            self.with_kernel.checked_sub(1).expect("the kernel names only buffers it was given");
        drop(self.pool.take_filled(u32::from(buffer), 0));
    }

    /// The oldest received buffer of `queue`.
    pub(super) fn pop(&mut self, queue: &mut ReceivedQueue) -> Option<Lease> {
        if queue.first == NONE {
            return None;
        }
        let buffer = queue.first;
        let link = &self.links[usize::from(buffer)];
        queue.first = link.next.get();
        if queue.first == NONE {
            queue.last = NONE;
        }
        queue.count -= 1;
        queue.untouched_since_reap = self.reaps;
        self.queued -= 1;
        Some(self.pool.take_filled(u32::from(buffer), link.length.get() as usize))
    }

    /// Never unmaps the ring and its buffers: the kernel may still use them.
    pub(super) fn give_up(&mut self) {
        self.memory.give_up();
        #[expect(clippy::mem_forget, reason = "the kernel may still write into the pool's arena")]
        std::mem::forget(Rc::clone(&self.pool));
    }

    #[cfg(test)]
    pub(super) fn memory_address(&self) -> std::ptr::NonNull<u8> {
        self.memory.address(0)
    }

    /// Buffers the kernel can still fill.
    pub(super) fn with_kernel(&self) -> usize {
        self.with_kernel
    }

    /// Whether at least a quarter of the buffers is left for the kernel to fill.
    pub(super) fn supply(&self) -> Supply {
        if self.with_kernel >= self.buffers() / 4 { Supply::Plenty } else { Supply::Scarce }
    }

    /// Buffers in all.
    pub(super) fn buffers(&self) -> usize {
        usize::from(self.entries)
    }

    /// Buffers held by leases.
    pub(super) fn leases_out(&self) -> usize {
        self.pool.leases_out()
    }

    /// # Panics
    /// When a buffer was lost or counted twice.
    pub(super) fn assert_conserved(&self) {
        let known = self.with_kernel + self.queued + self.pool.leases_out() + self.pool.free();
        assert_eq!(known, self.buffers(), "receive buffers: kernel + queued + leased + free = all");
    }
}

/// Received buffers of one subscription, first in first out, linked through the ring's table.
#[derive(Debug)]
pub(crate) struct ReceivedQueue {
    first: u16,
    last: u16,
    count: u16,
    /// The reap since which nobody has read from it.
    untouched_since_reap: u64,
}

impl ReceivedQueue {
    pub(crate) const fn new() -> Self {
        Self { first: NONE, last: NONE, count: 0, untouched_since_reap: 0 }
    }

    pub(super) const fn len(&self) -> u16 {
        self.count
    }

    /// The reap since which nobody has read from it, though it has something.
    pub(super) const fn untouched_since_reap(&self) -> u64 {
        self.untouched_since_reap
    }
}
