//! A worker's blocks for heads, small bodies and prepared responses: pooled, never from the global allocator.

use std::io;
use std::rc::Rc;

use crate::sys::{Lease, Pool};

/// How many blocks a worker has of each class.
///
/// ```
/// use selvedge_runtime::{BlockClass, BlockLimits, BufferPool, Runtime, WorkerLimits};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let blocks = BlockLimits { small: 2, medium: 1, large: 1 };
/// assert_eq!(blocks.memory_bytes(), (2 * 4 + 24 + 68) * 1_024);
///
/// let limits = WorkerLimits { blocks, ..WorkerLimits::default() };
/// let running = Runtime::builder().workers(1).limits(limits).build()?.start(|_| async {
///     let held = [BufferPool::lease(BlockClass::Small), BufferPool::lease(BlockClass::Small)];
///     assert!(held.iter().all(Option::is_some));
///     assert!(BufferPool::lease(BlockClass::Small).is_none());
/// })?;
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockLimits {
    /// Blocks of [`BlockClass::Small`].
    pub small: usize,
    /// Blocks of [`BlockClass::Medium`].
    pub medium: usize,
    /// Blocks of [`BlockClass::Large`].
    pub large: usize,
}

impl Default for BlockLimits {
    fn default() -> Self {
        Self { small: 4_096, medium: 1_024, large: 256 }
    }
}

impl BlockLimits {
    /// Bytes the blocks take when every page of them has been touched.
    pub fn memory_bytes(&self) -> usize {
        self.small * BlockClass::Small.bytes()
            + self.medium * BlockClass::Medium.bytes()
            + self.large * BlockClass::Large.bytes()
    }
}

/// The sizes blocks come in.
///
/// ```
/// use selvedge_runtime::{BlockClass, BufferPool, block_on};
///
/// let head = "HTTP/1.1 204 No Content\r\n\r\n";
/// let class = BlockClass::fitting(head.len()).expect("a head is short");
/// assert_eq!(class, BlockClass::Small);
/// let length = block_on(move || async move { BufferPool::lease(class).map(|block| block.len()) });
/// assert_eq!(length, Some(class.bytes()));
///
/// // More than the largest block holds goes out in several.
/// assert_eq!(BlockClass::fitting(100_000), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockClass {
    /// 4 KiB: heads, error answers, small files with their head.
    Small,
    /// 24 KiB: files up to 20 KiB with their head, and somewhat longer ones.
    Medium,
    /// 68 KiB: files up to 64 KiB with their head, answers to pipelined requests.
    Large,
}

impl BlockClass {
    /// Size in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Small => 4 * 1024,
            Self::Medium => 24 * 1024,
            Self::Large => 68 * 1024,
        }
    }

    /// The smallest class that holds `bytes`, if one does.
    pub fn fitting(bytes: usize) -> Option<Self> {
        [Self::Small, Self::Medium, Self::Large].into_iter().find(|class| bytes <= class.bytes())
    }
}

/// The pools of all classes. A page is taken from the system when it is first written.
#[derive(Debug)]
pub(crate) struct Blocks {
    small: Rc<Pool>,
    medium: Rc<Pool>,
    large: Rc<Pool>,
}

impl Blocks {
    pub(crate) fn new(limits: &BlockLimits) -> io::Result<Self> {
        Ok(Self {
            small: Pool::new(limits.small, BlockClass::Small.bytes())?,
            medium: Pool::new(limits.medium, BlockClass::Medium.bytes())?,
            large: Pool::new(limits.large, BlockClass::Large.bytes())?,
        })
    }

    pub(crate) fn lease(&self, class: BlockClass) -> Option<Lease> {
        match class {
            BlockClass::Small => self.small.lease(),
            BlockClass::Medium => self.medium.lease(),
            BlockClass::Large => self.large.lease(),
        }
    }

    /// Blocks held now, of all classes.
    pub(crate) fn leases_out(&self) -> usize {
        self.small.leases_out() + self.medium.leases_out() + self.large.leases_out()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_class_that_fits_is_taken() {
        assert_eq!(BlockClass::fitting(1), Some(BlockClass::Small));
        assert_eq!(BlockClass::fitting(4_096), Some(BlockClass::Small));
        assert_eq!(BlockClass::fitting(4_097), Some(BlockClass::Medium));
        assert_eq!(BlockClass::fitting(24_576), Some(BlockClass::Medium));
        assert_eq!(BlockClass::fitting(24_577), Some(BlockClass::Large));
        assert_eq!(BlockClass::fitting(69_632), Some(BlockClass::Large));
        assert_eq!(BlockClass::fitting(69_633), None);
    }
}
