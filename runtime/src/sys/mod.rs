//! The only module that talks to the kernel, and the only one with unsafe code.
//!
//! What it offers to the rest of the runtime:
//! - [`Kernel`]: one worker's ring, ops, buffers and direct calls;
//! - handles that own descriptors ([`Socket`], [`File`], [`Listening`], [`Accepted`]); a raw number never leaves this module;
//! - the rights to memory the kernel reads and writes ([`Lease`], [`SharedLease`], [`Chunk`]);
//! - what belongs to the process: threads, signals, limits, clocks, allocation counts.
//!
//! Two facts carry its safety. (a) Memory the kernel uses is owned by an op slot, or is an arena that outlives the ring.
//! (b) A slot is freed only at its op's last completion.

mod account;
mod arena;
mod buffer_ring;
mod chunk;
mod clock;
mod counting_allocator;
mod descriptor;
mod directory;
mod doorbell;
mod fd;
mod file;
mod handles;
mod kernel;
mod landlock;
mod limits;
mod log_file;
mod op;
mod pool;
mod prefetch;
mod privileges;
mod process;
mod reap;
mod residency;
mod restrictions;
mod ring;
mod sends;
mod signals;
mod simulated_completions;
mod simulated_files;
mod simulated_flight;
mod simulated_ring;
mod slots;
mod socket;
mod start_error;
mod starvation;
mod subscription;
mod thread;
mod token;
mod waker;

#[cfg(test)]
mod tests;

pub use account::{Account, AccountError};
pub(crate) use buffer_ring::ReceivedQueue;
pub use chunk::Chunk;
pub use clock::Moment;
pub(crate) use clock::monotonic;
pub(crate) use counting_allocator::requested_bytes_of_thread;
pub use counting_allocator::{
    CountingAllocator, allocated_bytes_of_thread, allocator_calls_of_thread, counts_allocations,
};
pub(crate) use directory::DirectoryReader;
pub use directory::{DirectoryEntries, DirectoryEntry, MoreNames};
pub(crate) use doorbell::{Doorbell, RingAddress};
pub use file::FileReader;
pub use file::{Access, File, Kind, Metadata, Resolve};
pub(crate) use file::{OPEN_TRIES, OpenArguments};
pub(crate) use kernel::KernelFigures;
pub(crate) use kernel::{AtRest, Kernel, Outcome, Reaped, Received};
pub use landlock::{FileNeeds, FileRules, Landlock, outermost, replaceable_places};
pub use limits::KernelLimits;
pub(crate) use log_file::LogFile;
pub use log_file::LogTarget;
pub(crate) use op::{AcceptBatch, Op, ReceiveBatch};
pub(crate) use pool::Pool;
pub use pool::{Lease, SharedLease};
pub(crate) use prefetch::prefetch;
pub use privileges::{CapabilitiesLeft, drop_privileges, forbid_new_privileges, may_change_user};
pub(crate) use process::takes_a_line;
pub use process::{
    DescriptorLimit, allowed_cpus, check_directory, check_file, cpu_quota, descriptors_open, directory_of,
    is_file, is_within, kernel_release, listen_backlog_max, memlock_limit_bytes, raise_descriptor_limit,
    read_file,
};
pub use residency::Residency;
pub use ring::RingFeatures;
pub(crate) use ring::Wait;
pub(crate) use sends::Sent;
pub use signals::{Signal, Signals};
pub(crate) use slots::OpId;
pub(crate) use socket::Socket;
pub use socket::{Accepted, Address, Listening, More, PortSharing, SocketFile};
pub use start_error::StartError;
pub(crate) use thread::{become_helper, pin_to_cpu, run_on, sleep, spawn_thread};
pub(crate) use waker::{IndexTable, Waiter};

/// The numbers of errno(3) that code above this module tells apart, as this architecture has them.
pub(crate) mod errno {
    pub(crate) use libc::{
        EACCES, EAFNOSUPPORT, EAGAIN, EBADF, ECANCELED, ECONNREFUSED, ECONNRESET, EINVAL, EIO, EISDIR, ELOOP,
        EMFILE, ENAMETOOLONG, ENFILE, ENOBUFS, ENOENT, ENOMEM, ENOTCONN, ENOTDIR, ENOTSOCK, EPERM, ESPIPE,
        ETIMEDOUT, EXDEV,
    };
}

/// Tries `attempt` again while what it needs `is_taken`, with patience for a process that has just ended: the kernel takes
/// its rings apart some 20 ms later, and until then its ports, unix sockets and locked memory are taken. A server that was
/// killed and is started again at once must not fail for it. Blocks, 250 ms at most: for the start.
fn with_patience<T>(mut attempt: impl FnMut() -> T, is_taken: impl Fn(&T) -> bool) -> T {
    for _ in 0..25 {
        let tried = attempt();
        if !is_taken(&tried) {
            return tried;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    attempt()
}

/// The size of a page of memory in bytes.
fn page_size_bytes() -> usize {
    rustix::param::page_size()
}
