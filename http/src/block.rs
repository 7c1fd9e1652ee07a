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
    /// One of the class; where there is none, room for `bytes` and little more: in a block that is just large enough, or in a large
    /// one for what a medium one would hold.
    pub(crate) fn new(class: BlockClass, bytes: usize) -> Self {
        let fitting = BlockClass::fitting(bytes);
        let instead = (fitting == Some(BlockClass::Medium)).then_some(BlockClass::Large);
        let mut classes = [Some(class), fitting, instead].into_iter().flatten();
        match classes.find_map(BufferPool::lease) {
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

#[cfg(test)]
mod tests {
    use selvedge_runtime::block_on;

    use super::*;

    fn all(class: BlockClass) -> Vec<Lease> {
        std::iter::from_fn(|| BufferPool::lease(class)).collect()
    }

    fn room(class: BlockClass, bytes: usize) -> (usize, bool) {
        let mut block = Block::new(class, bytes);
        let length = block.bytes().len();
        (length, matches!(block, Block::Pooled(_)))
    }

    #[test]
    fn a_medium_answer_has_a_large_block_before_the_heap_and_a_small_one_has_not() {
        block_on(|| async {
            let (medium, large) = (BlockClass::Medium, BlockClass::Large);
            assert_eq!(room(medium, 10_000), (medium.bytes(), true));
            let _medium = all(medium);
            assert_eq!(room(medium, 10_000), (large.bytes(), true));
            let _small = all(BlockClass::Small);
            assert_eq!(room(BlockClass::Small, 2_000), (2_000, false));
            let _large = all(large);
            assert_eq!(room(medium, 10_000), (10_000, false));
        });
    }

    #[test]
    fn what_is_to_have_a_large_block_has_one_that_is_just_large_enough_instead() {
        block_on(|| async {
            let _large = all(BlockClass::Large);
            assert_eq!(room(BlockClass::Large, 10_000), (BlockClass::Medium.bytes(), true));
            assert_eq!(room(BlockClass::Large, 60_000), (60_000, false));
        });
    }
}
