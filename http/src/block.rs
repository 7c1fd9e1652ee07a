//! Room for octets on their way out: a block of the worker's pool, or of the heap where slow readers hold the whole pool.

use std::ops::Range;

use bytes::Bytes;
use selvedge_runtime::{BlockClass, BufferPool, Chunk, Lease};

/// Room for answers on the heap: a head, or an error with its body.
const HEAP_BLOCK_BYTES_MIN: usize = 1_024;

/// A block that is being filled.
#[derive(Debug)]
pub(crate) enum Block {
    Pooled(Lease),
    Heap(Vec<u8>),
}

impl Block {
    /// One of the class; where there is none, room for `bytes` and little more.
    pub(crate) fn new(class: BlockClass, bytes: usize) -> Self {
        let lease =
            BufferPool::lease(class).or_else(|| BlockClass::fitting(bytes).and_then(BufferPool::lease));
        match lease {
            Some(lease) => Self::Pooled(lease),
            None => Self::Heap(vec![0; bytes.max(HEAP_BLOCK_BYTES_MIN)]),
        }
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Pooled(lease) => lease,
            Self::Heap(bytes) => bytes,
        }
    }

    pub(crate) fn into_chunk(self, range: Range<usize>) -> Chunk {
        match self {
            Self::Pooled(lease) => Chunk::Shared(lease.share(), range.start as u32..range.end as u32),
            Self::Heap(bytes) => Bytes::from(bytes).slice(range).into(),
        }
    }
}
