//! Threads: made and pinned here, so that everything above runs in a simulated machine too.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread.
///
/// # Errors
/// Those of pthread_create(3): `WouldBlock` for want of memory or by RLIMIT_NPROC.
pub(crate) fn spawn_thread<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name).spawn(run)
}

/// Keeps the calling thread on one processor; false if that is not in its affinity mask.
pub(crate) fn pin_to_cpu(cpu: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: cpu })
}
