//! Why a runtime cannot start, with the cause and what helps.

use std::fmt;
use std::io;

/// A runtime that cannot start. Its text is one line: what is wrong, then what to do.
///
/// ```
/// use selvedge_runtime::{Runtime, StartError};
///
/// /// Whether another machine, or another kernel, is needed: then a program may fall back to threads.
/// fn has_no_ring(error: &StartError) -> bool {
///     matches!(error, StartError::Forbidden { .. } | StartError::Missing(_) | StartError::KernelTooOld { .. })
/// }
///
/// let error = Runtime::builder().workers(0).build().unwrap_err();
/// assert!(!has_no_ring(&error));
/// assert_eq!(error.to_string(), "no workers; ask for at least one");
/// assert!(has_no_ring(&StartError::Forbidden { sysctl: Some(2) }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// io_uring is switched off for this process by sysctl, or by a container's seccomp profile that answers EPERM.
    Forbidden {
        /// The value of `kernel.io_uring_disabled`, where it can be read.
        sysctl: Option<u32>,
    },
    /// The kernel has no io_uring, or a filter hides it (ENOSYS, EOPNOTSUPP).
    Missing(io::Error),
    /// The kernel is older than Linux 6.1.
    KernelTooOld {
        /// What uname(2) calls the release.
        release: String,
    },
    /// Memory for the ring or its buffers cannot be had.
    Memory(io::Error),
    /// The configuration cannot be met.
    Configuration(String),
    /// Anything else, with what was being done.
    Other(&'static str, io::Error),
}

impl StartError {
    pub(super) fn from_ring_set_up(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::Forbidden { sysctl: io_uring_disabled() },
            Some(libc::ENOSYS | libc::EOPNOTSUPP) => Self::Missing(error),
            Some(libc::EINVAL) => {
                let release = rustix::system::uname().release().to_string_lossy().into_owned();
                Self::KernelTooOld { release }
            }
            Some(libc::ENOMEM) => Self::Memory(error),
            _ => Self::Other("io_uring_setup", error),
        }
    }
}

fn io_uring_disabled() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok()
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden { sysctl: Some(1) } => f.write_str(
                "io_uring is reserved for privileged users (kernel.io_uring_disabled=1); \
                 run `sysctl -w kernel.io_uring_disabled=0` as root, or add this user to kernel.io_uring_group",
            ),
            Self::Forbidden { sysctl: Some(2) } => f.write_str(
                "io_uring is switched off on this machine (kernel.io_uring_disabled=2); \
                 run `sysctl -w kernel.io_uring_disabled=0` as root",
            ),
            Self::Forbidden { .. } => f.write_str(
                "io_uring is forbidden to this process, most likely by a container's seccomp profile; \
                 start the container with `--security-opt seccomp=unconfined`, or with a profile that allows \
                 io_uring_setup, io_uring_enter and io_uring_register",
            ),
            Self::Missing(error) => write!(
                f,
                "this kernel offers no io_uring ({error}): it was built without it, or a sandbox (gVisor, seccomp) \
                 hides it; use Linux 6.1 or newer, in a container with `--security-opt seccomp=unconfined`"
            ),
            Self::KernelTooOld { release } => write!(
                f,
                "Linux {release} is too old: single-issuer rings with deferred task work came with 6.1; \
                 boot Linux 6.1 or newer"
            ),
            Self::Memory(error) => write!(
                f,
                "no memory for rings and buffers ({error}); use fewer workers, raise the memory limit of the \
                 container, or `ulimit -l` where the kernel counts rings against it: for all processes of this user \
                 together"
            ),
            Self::Configuration(text) => f.write_str(text),
            Self::Other(what, error) => write!(
                f,
                "{what} failed: {error}; look at the limits of this process (`ulimit -a`, a unit's TasksMax and \
                 LimitNOFILE, the container's), or use fewer workers"
            ),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Missing(error) | Self::Memory(error) | Self::Other(_, error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(errno: i32) -> String {
        StartError::from_ring_set_up(io::Error::from_raw_os_error(errno)).to_string()
    }

    #[test]
    fn each_refusal_of_a_ring_is_told_with_its_cause_and_what_helps() {
        for (sysctl, wanted) in [
            (Some(2), "switched off on this machine (kernel.io_uring_disabled=2); run `sysctl -w"),
            (Some(1), "reserved for privileged users (kernel.io_uring_disabled=1); run `sysctl -w"),
            (Some(0), "forbidden to this process, most likely by a container's seccomp profile; start"),
            (None, "forbidden to this process, most likely by a container's seccomp profile; start"),
        ] {
            let message = StartError::Forbidden { sysctl }.to_string();
            assert!(message.contains(wanted), "{message}");
        }
        for errno in [libc::ENOSYS, libc::EOPNOTSUPP] {
            let message = told(errno);
            assert!(message.starts_with("this kernel offers no io_uring ("), "{message}");
            assert!(message.contains("; use Linux 6.1 or newer"), "{message}");
        }
        assert!(told(libc::EPERM).starts_with("io_uring is "));
    }

    #[test]
    fn an_old_kernel_is_named_with_the_one_that_is_needed() {
        let message = StartError::KernelTooOld { release: "5.15.0-91-generic".to_owned() }.to_string();
        assert!(message.starts_with("Linux 5.15.0-91-generic is too old: "), "{message}");
        assert!(message.ends_with("; boot Linux 6.1 or newer"), "{message}");
        // It does not know the flags of the set-up.
        assert!(matches!(
            StartError::from_ring_set_up(io::Error::from_raw_os_error(libc::EINVAL)),
            StartError::KernelTooOld { .. }
        ));
    }
}
