//! The worker's blocks, and figures of its buffers.

use crate::blocks::BlockClass;
use crate::sys::Lease;
use crate::worker;

/// The current worker's pool of blocks.
///
/// ```
/// use selvedge_runtime::{BlockClass, BufferPool, Lease, block_on};
///
/// /// A line in a block of this worker; `None` when all blocks are out.
/// fn line(text: &str) -> Option<Lease> {
///     let mut block = BufferPool::lease(BlockClass::fitting(text.len())?)?;
///     block[..text.len()].copy_from_slice(text.as_bytes());
///     block.truncate(text.len());
///     Some(block)
/// }
///
/// block_on(|| async {
///     let block = line("hello\n").expect("a free block");
///     assert_eq!(*block, *b"hello\n");
/// });
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BufferPool;

impl BufferPool {
    /// A block of the class, or `None` when all are out: then wait for one's own sends to end, or answer 503. It has its
    /// whole length, and what its last user wrote is in it still: fill it, and [`truncate`](Lease::truncate) it to that.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn lease(class: BlockClass) -> Option<Lease> {
        worker::with_current(|core| core.expect("a lease needs a worker").blocks().lease(class))
    }

    /// A block of 128 KiB for file contents on their way, or `None` when all are out. As with [`lease`](Self::lease), what its
    /// last user wrote is in it still.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn file_block() -> Option<Lease> {
        worker::with_current(|core| core.expect("a lease needs a worker").kernel().file_block())
    }

    /// Blocks for file contents in all.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn file_blocks() -> usize {
        worker::with_current(|core| core.expect("buffer figures need a worker").kernel().file_blocks())
    }

    /// Whether less than a quarter of the receive buffers is left: then nothing should hold one across an await.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn is_scarce() -> bool {
        worker::with_current(|core| core.expect("buffer figures need a worker").kernel().is_receive_scarce())
    }

    /// What is out now.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn usage() -> BufferUsage {
        worker::with_current(|core| {
            let core = core.expect("buffer figures need a worker");
            let (receive_leases, receive_with_kernel, receive_buffers) = core.kernel().receive_buffers();
            BufferUsage {
                receive_leases,
                receive_with_kernel,
                receive_buffers,
                block_leases: core.blocks().leases_out(),
                ops: core.kernel().ops(),
                tasks: core.tasks(),
            }
        })
    }
}

/// What a worker holds at one moment.
///
/// ```
/// use selvedge_runtime::{BlockClass, BufferPool, BufferUsage, block_on};
///
/// block_on(|| async {
///     let block = BufferPool::lease(BlockClass::Large).expect("a free block");
///     let BufferUsage { block_leases, receive_buffers, receive_with_kernel, .. } = BufferPool::usage();
///     assert_eq!(block_leases, 1);
///     // Nothing was received, so the kernel has them all.
///     assert_eq!(receive_with_kernel, receive_buffers);
///     drop(block);
///     assert_eq!(BufferPool::usage().block_leases, 0);
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferUsage {
    /// Receive buffers held by leases.
    pub receive_leases: usize,
    /// Receive buffers the kernel can still fill.
    pub receive_with_kernel: usize,
    /// Receive buffers in all.
    pub receive_buffers: usize,
    /// Blocks held.
    pub block_leases: usize,
    /// Op slots in use.
    pub ops: usize,
    /// Tasks.
    pub tasks: usize,
}
