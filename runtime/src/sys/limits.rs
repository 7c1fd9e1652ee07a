//! Sizes of a worker's ring and buffers.

/// Sizes of a worker's ring and buffers.
///
/// ```
/// use selvedge_runtime::{BufferPool, KernelLimits, Runtime, WorkerLimits};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// // A worker that sends few files.
/// let kernel = KernelLimits { file_blocks: 4, ..KernelLimits::default() };
/// assert!(kernel.memory_bytes() < KernelLimits::default().memory_bytes());
///
/// let limits = WorkerLimits { kernel, ..WorkerLimits::default() };
/// let running = Runtime::builder().workers(1).limits(limits).build()?.start(|_| async {
///     assert_eq!(BufferPool::file_blocks(), 4);
/// })?;
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelLimits {
    /// Receive buffers: a power of two, at most 32,768.
    pub receive_buffers: u16,
    /// Size of a receive buffer in bytes.
    pub receive_buffer_bytes: usize,
    /// Blocks for file contents on their way, registered with the kernel where the memlock limit allows.
    pub file_blocks: usize,
    /// Size of such a block in bytes.
    pub file_block_bytes: usize,
    /// Threads the kernel may use for ops that cannot be done inline: for files, and for the rest.
    pub kernel_threads_max: [u32; 2],
    /// Memory that ring and receive buffers may lock: they are made smaller to stay within. `None` is no limit; at the start
    /// of a runtime it is then this worker's share of RLIMIT_MEMLOCK.
    pub locked_bytes_max: Option<usize>,
}

impl Default for KernelLimits {
    fn default() -> Self {
        Self {
            receive_buffers: 2_048,
            receive_buffer_bytes: 4_096,
            file_blocks: 32,
            file_block_bytes: 128 * 1024,
            kernel_threads_max: [4, 4],
            locked_bytes_max: None,
        }
    }
}

impl KernelLimits {
    /// Bytes the pools take when every page of them has been touched.
    pub fn memory_bytes(&self) -> usize {
        usize::from(self.receive_buffers) * (self.receive_buffer_bytes + 16)
            + self.file_blocks * self.file_block_bytes
    }
}
