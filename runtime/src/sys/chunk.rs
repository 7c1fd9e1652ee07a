//! Bytes to send, by who owns them.

use std::ops::{Deref, Range};
use std::rc::Rc;

use bytes::Bytes;

use super::pool::{Lease, SharedLease};

/// A run of bytes whose address does not change while the chunk lives, so that a send can borrow it.
///
/// Clones of [`Bytes`] are atomic and clones of the others are not; the hot path uses the others.
///
/// ```
/// use std::rc::Rc;
///
/// use selvedge_runtime::Chunk;
///
/// // What `Stream::send` takes becomes one by itself.
/// let chunk: Chunk = String::from("hello").into();
/// assert_eq!(*chunk, *b"hello");
///
/// // A part of what stays in memory goes out without a copy.
/// let page: Rc<[u8]> = Rc::from(*b"0123456789");
/// assert_eq!(*Chunk::Rc(Rc::clone(&page), 2..5), *b"234");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Chunk {
    /// Bytes of the program itself.
    Static(&'static [u8]),
    /// A whole lease, given back after the send.
    Lease(Lease),
    /// A part of a shared lease.
    Shared(SharedLease, Range<u32>),
    /// A part of a counted slice on the heap.
    Rc(Rc<[u8]>, Range<u32>),
    /// Bytes of an application.
    Bytes(Bytes),
}

impl Chunk {
    /// Bytes in it.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Static(bytes) => bytes.len(),
            Self::Lease(lease) => lease.len(),
            // Said without a look at the bytes.
            Self::Shared(_, range) | Self::Rc(_, range) => range.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether it has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Lease(lease) => lease,
            Self::Shared(lease, range) => &lease[range.start as usize..range.end as usize],
            Self::Rc(bytes, range) => &bytes[range.start as usize..range.end as usize],
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<&'static [u8]> for Chunk {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Static(bytes)
    }
}

impl From<&'static str> for Chunk {
    fn from(text: &'static str) -> Self {
        Self::Static(text.as_bytes())
    }
}

impl From<Lease> for Chunk {
    fn from(lease: Lease) -> Self {
        Self::Lease(lease)
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Bytes::from(bytes))
    }
}

impl From<String> for Chunk {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}
