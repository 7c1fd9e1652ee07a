//! Threads: made and pinned here, so that everything above runs in a simulated machine too.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

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

/// Stops the calling thread, which is none of a worker's, for this time.
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// Keeps the calling thread on one processor; false if that is not in its affinity mask.
pub(crate) fn pin_to_cpu(cpu: usize) -> bool {
    core_affinity::set_for_current(core_affinity::CoreId { id: cpu })
}

/// How much nicer than the thread it was started from a helper is (sched(7)): a worker that wants the same processor gets
/// about nine tenths of it.
const HELPER_NICENESS: i32 = 10;
const NICENESS_MAX: i32 = 19;

/// Makes the calling thread one that leaves the workers their processors: any of `cpus` will do, at a lower priority. Best
/// effort: one that cannot be set stays as it was inherited.
pub(crate) fn become_helper(cpus: &[usize]) {
    run_on(cpus);
    // Of this thread alone: Linux has a niceness for each (setpriority(2)).
    let niceness = rustix::process::getpriority_process(None).unwrap_or(0) + HELPER_NICENESS;
    let _ = rustix::process::setpriority_process(None, niceness.min(NICENESS_MAX));
}

/// Lets the calling thread run on any of `cpus`, as far as it may. Best effort.
pub(crate) fn run_on(cpus: &[usize]) {
    let mut set = rustix::thread::CpuSet::new();
    for &cpu in cpus.iter().filter(|&&cpu| cpu < rustix::thread::CpuSet::MAX_CPU) {
        set.set(cpu);
    }
    let _ = rustix::thread::sched_setaffinity(None, &set);
}
