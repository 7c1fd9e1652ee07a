//! Fixed-size buffers of one arena, and the rights to them.
//!
//! In: a count and a size. Out: [`Lease`] (exclusive) and [`SharedLease`] (read-only, counted), both on one worker only.
//! The receive buffers are such a pool too: its free buffers are handed to the kernel (see [`super::buffer_ring`]).

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::rc::Rc;

use super::arena::Arena;

/// Equal buffers cut from one arena. Never grows; exhaustion is a state the caller handles.
pub(crate) struct Pool {
    arena: Arena,
    buffer_bytes: usize,
    free: RefCell<Vec<u32>>,
    /// Holders per buffer: 0 free or with the kernel, 1 a lease, more: a shared lease.
    holders: Box<[Cell<u32>]>,
    leases_out: Cell<usize>,
}

impl Pool {
    /// Maps `buffers` buffers of `buffer_bytes` each.
    ///
    /// # Errors
    /// `InvalidInput` for sizes of 0 or beyond 32 bits; those of mmap(2).
    pub(crate) fn new(buffers: usize, buffer_bytes: usize) -> io::Result<Rc<Self>> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        // Lengths and indices are kept in 32 bits; a size of 0 would make every buffer the same.
        let (count, _) =
            u32::try_from(buffers).ok().zip(u32::try_from(buffer_bytes).ok()).ok_or_else(invalid)?;
        let size_bytes =
            buffers.checked_mul(buffer_bytes).filter(|_| buffer_bytes > 0).ok_or_else(invalid)?;
        let arena = Arena::map(size_bytes)?;
        Ok(Rc::new(Self {
            arena,
            buffer_bytes,
            // Highest first, so that low buffers are used first and untouched pages stay untouched.
            free: RefCell::new((0..count).rev().collect()),
            holders: (0..buffers).map(|_| Cell::new(0)).collect(),
            leases_out: Cell::new(0),
        }))
    }

    /// Touches all of it now, on the calling thread, with huge pages where the kernel gives them.
    pub(crate) fn prefault(&self) {
        self.arena.advise_huge_pages();
        self.arena.prefault();
    }

    /// An exclusive right to one buffer, or `None` when all are out.
    pub(crate) fn lease(self: &Rc<Self>) -> Option<Lease> {
        let index = self.free.borrow_mut().pop()?;
        Some(self.take(index, self.buffer_bytes))
    }

    /// Takes a buffer that the kernel has filled with `length` bytes.
    pub(super) fn take_filled(self: &Rc<Self>, index: u32, length: usize) -> Lease {
        assert!(length <= self.buffer_bytes, "the kernel filled {length} bytes of {}", self.buffer_bytes);
        self.take(index, length)
    }

    fn take(self: &Rc<Self>, index: u32, length: usize) -> Lease {
        let holders = &self.holders[index as usize];
        assert_eq!(holders.get(), 0, "buffer {index} leased twice");
        holders.set(1);
        self.leases_out.set(self.leases_out.get() + 1);
        Lease { pool: Rc::clone(self), index, length: length as u32 }
    }

    /// Writes into a buffer that nobody holds, as a kernel that it was handed to.
    ///
    /// # Panics
    /// When somebody holds it.
    pub(super) fn fill(&self, index: u32, length: usize, fill: impl FnOnce(&mut [u8])) {
        assert_eq!(self.holders[index as usize].get(), 0, "the kernel fills buffer {index}, which is leased");
        assert!(length <= self.buffer_bytes, "{length} bytes do not fit into a buffer");
        fill(self.bytes_mut(index, length as u32));
    }

    /// Moves all free buffers into `to`: they are handed to the kernel.
    pub(super) fn drain_free(&self, mut to: impl FnMut(u32)) -> usize {
        let mut free = self.free.borrow_mut();
        let count = free.len();
        for index in free.drain(..) {
            to(index);
        }
        count
    }

    pub(super) fn address(&self, index: u32) -> NonNull<u8> {
        self.arena.address(index as usize * self.buffer_bytes)
    }

    /// Size of each buffer in bytes.
    pub(crate) fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Buffers in all.
    pub(crate) fn buffers(&self) -> usize {
        self.holders.len()
    }

    /// Buffers held by a lease now.
    pub(crate) fn leases_out(&self) -> usize {
        self.leases_out.get()
    }

    /// Buffers on the free list now.
    pub(crate) fn free(&self) -> usize {
        self.free.borrow().len()
    }

    fn release(&self, index: u32) {
        let holders = &self.holders[index as usize];
        let left = holders.get().checked_sub(1).expect("a buffer is released once per holder");
        holders.set(left);
        if left == 0 {
            self.leases_out.set(self.leases_out.get() - 1);
            self.free.borrow_mut().push(index);
        }
    }

    fn bytes(&self, index: u32, length: u32) -> &[u8] {
        let address = self.address(index);
        // SAFETY: the range lies in the arena (length <= buffer_bytes); only holders call this, and nobody writes while
        // they read: a lease is exclusive, and a shared lease is written only when it is the last holder.
        unsafe { std::slice::from_raw_parts(address.as_ptr(), length as usize) }
    }

    #[allow(clippy::mut_from_ref, reason = "exclusiveness is the lease's, checked by its callers")]
    fn bytes_mut(&self, index: u32, length: u32) -> &mut [u8] {
        let address = self.address(index);
        // SAFETY: as `bytes`; the callers are `&mut Lease`, a `&mut SharedLease` that is the only holder, and `fill`, which has
        // seen that there is no holder, and gives the bytes to nobody for longer than its call.
        unsafe { std::slice::from_raw_parts_mut(address.as_ptr(), length as usize) }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("buffers", &self.buffers())
            .field("buffer_bytes", &self.buffer_bytes)
            .field("leases_out", &self.leases_out())
            .finish_non_exhaustive()
    }
}

/// The exclusive right to one buffer of its worker's pool, until it is dropped.
///
/// ```
/// # use std::net::Ipv4Addr;
/// # use selvedge_runtime::net::{Stream, TcpListener};
/// use selvedge_runtime::{Lease, block_on};
///
/// # fn main() -> std::io::Result<()> {
/// block_on(|| async {
///     # let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
///     # let mut client = Stream::connect(listener.address()).await?;
///     # let mut server = listener.accept().await?;
///     client.send("hello").await?;
///     // Changed where it was received, and sent from there: no byte is copied.
///     let mut lease: Lease = server.receive().await?.expect("the client has sent");
///     lease.make_ascii_uppercase();
///     server.send(lease).await?;
///     assert_eq!(client.receive().await?.as_deref(), Some(&b"HELLO"[..]));
///     # Ok(())
/// })
/// # }
/// ```
pub struct Lease {
    pool: Rc<Pool>,
    index: u32,
    length: u32,
}

impl Lease {
    /// Shortens the visible bytes to the first `length`; longer than now has no effect.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// Makes the buffer's whole capacity visible again.
    pub fn restore(&mut self) {
        self.length = self.pool.buffer_bytes as u32;
    }

    pub(super) fn is_of(&self, pool: &Rc<Pool>) -> bool {
        Rc::ptr_eq(&self.pool, pool)
    }

    /// Gives up exclusiveness: the bytes can be held several times and no longer change while they are.
    pub fn share(self) -> SharedLease {
        SharedLease(self)
    }
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.pool.bytes(self.index, self.length)
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.pool.bytes_mut(self.index, self.length)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.release(self.index);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({}, {} bytes)", self.index, self.length)
    }
}

/// A buffer that several holders read; cloning counts in the pool's own table, not on the heap.
///
/// ```
/// use selvedge_runtime::{BlockClass, BufferPool, Chunk, block_on};
///
/// block_on(|| async {
///     let mut page = BufferPool::lease(BlockClass::Small).expect("a free block").share();
///     page.get_mut().expect("the only holder")[..5].copy_from_slice(b"hello");
///     // As it is handed to a connection.
///     let chunk = Chunk::Shared(page.clone(), 0..5);
///     assert_eq!(*chunk, *b"hello");
///     assert!(page.get_mut().is_none(), "it must not change while it is sent");
///     drop(chunk);
///     assert!(page.get_mut().is_some());
/// });
/// ```
pub struct SharedLease(Lease);

impl SharedLease {
    /// The bytes for writing, if nobody else (a send in flight among them) holds the buffer.
    pub fn get_mut(&mut self) -> Option<&mut [u8]> {
        let lease = &mut self.0;
        (lease.pool.holders[lease.index as usize].get() == 1)
            .then(|| lease.pool.bytes_mut(lease.index, lease.length))
    }
}

impl Clone for SharedLease {
    fn clone(&self) -> Self {
        let Lease { pool, index, length } = &self.0;
        let holders = &pool.holders[*index as usize];
        holders.set(holders.get().checked_add(1).expect("fewer than 2^32 holders of one buffer"));
        Self(Lease { pool: Rc::clone(pool), index: *index, length: *length })
    }
}

impl Deref for SharedLease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SharedLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_lease_can_be_had_again_and_an_empty_pool_says_so() {
        let pool = Pool::new(2, 4096).unwrap();
        let first = pool.lease().unwrap();
        let second = pool.lease().unwrap();
        assert_eq!(pool.leases_out(), 2);
        assert!(pool.lease().is_none());
        drop(first);
        assert!(pool.lease().is_some());
        drop(second);
        assert_eq!(pool.leases_out(), 0);
        assert_eq!(pool.free(), 2);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused_and_not_wrapped() {
        for (buffers, buffer_bytes) in [(3, 0x5555_5555_5555_5556), (1, 1 << 33), (1 << 33, 1), (4, 0)] {
            let refused = Pool::new(buffers, buffer_bytes).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{buffers} x {buffer_bytes}");
        }
    }

    #[test]
    fn leases_do_not_overlap() {
        let pool = Pool::new(3, 64).unwrap();
        let mut leases: Vec<Lease> = (0..3).map(|_| pool.lease().unwrap()).collect();
        for (value, lease) in leases.iter_mut().enumerate() {
            lease.fill(value as u8);
        }
        for (value, lease) in leases.iter().enumerate() {
            assert!(lease.iter().all(|&byte| byte == value as u8));
        }
    }

    #[test]
    fn a_shared_lease_is_writable_only_for_its_last_holder() {
        let pool = Pool::new(1, 64).unwrap();
        let mut shared = pool.lease().unwrap().share();
        let other = shared.clone();
        assert!(shared.get_mut().is_none());
        drop(other);
        shared.get_mut().unwrap()[0] = 7;
        assert_eq!(shared[0], 7);
        assert_eq!(pool.free(), 0);
        drop(shared);
        assert_eq!(pool.free(), 1);
    }

    #[test]
    fn truncated_bytes_come_back_with_restore() {
        let pool = Pool::new(1, 64).unwrap();
        let mut lease = pool.lease().unwrap();
        lease.truncate(10);
        assert_eq!(lease.len(), 10);
        lease.truncate(20);
        assert_eq!(lease.len(), 10);
        lease.restore();
        assert_eq!(lease.len(), 64);
    }
}
