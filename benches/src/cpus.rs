//! Sets of CPUs: which this process may use, how they are shared out, pinning; and the time that a thread has had of them.

use std::io;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The CPUs this process may run on, in order (sched_getaffinity(2)).
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
}

/// Keeps the calling thread, and what it starts from now on, on `cpus` (sched_setaffinity(2)).
pub(crate) fn pin(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Gives the calling thread next to nothing of a CPU while anybody else wants it (SCHED_IDLE, sched(7)). Niceness alone would
/// not do: who runs then keeps the CPU until its slice is over, some milliseconds.
#[expect(unsafe_code, reason = "sched_setscheduler(2) has no safe wrapper here")]
pub(crate) fn give_way() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the structure lives across the call, which reads it. On Linux 0 is the calling thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// CPU time that the calling thread has used so far (clock_gettime(2), CLOCK_THREAD_CPUTIME_ID).
pub(crate) fn thread_time() -> Duration {
    // It is never negative.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Who runs where during one measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// CPUs of the server under test.
    pub(crate) server: Vec<usize>,
    /// CPUs of the load generator.
    pub(crate) client: Vec<usize>,
}

impl Placement {
    /// The first `workers` CPUs to the server and the others to the client; both share all where none would be left.
    pub(crate) fn apart(cpus: &[usize], workers: usize) -> Self {
        if workers >= cpus.len() {
            return Self::together(cpus);
        }
        let (server, client) = cpus.split_at(workers);
        Self { server: server.to_vec(), client: client.to_vec() }
    }

    /// Server and client on all CPUs.
    pub(crate) fn together(cpus: &[usize]) -> Self {
        Self { server: cpus.to_vec(), client: cpus.to_vec() }
    }

    /// Whether server and client compete for the same CPUs.
    pub(crate) fn is_shared(&self) -> bool {
        self.server.iter().any(|cpu| self.client.contains(cpu))
    }
}

/// A list as `0,1,5`.
pub(crate) fn list(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_and_client_are_kept_apart_while_cpus_last() {
        let apart = Placement::apart(&[2, 3, 6, 7], 1);
        assert_eq!(apart, Placement { server: vec![2], client: vec![3, 6, 7] });
        assert!(!apart.is_shared());
        assert!(Placement::apart(&[0, 1], 2).is_shared());
    }

    #[test]
    fn a_thread_s_time_grows_while_it_works_and_is_its_own() {
        let before = thread_time();
        while thread_time() == before {
            std::hint::black_box(before);
        }
        let other = std::thread::spawn(|| {
            let before = thread_time();
            while thread_time() < before + Duration::from_millis(20) {}
        });
        let waiting = thread_time();
        other.join().unwrap();
        assert!(thread_time() - waiting < Duration::from_millis(20));
    }

    #[test]
    fn lists_are_written_with_commas() {
        assert_eq!(list(&[0, 1, 5]), "0,1,5");
    }
}
