//! The one line that a start which succeeds prints.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::AcceptPolicy;
use crate::cpu_list::CpuList;
use crate::memory::MemoryBudget;
use crate::rights::RightsInForce;

/// What the start line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner<'a> {
    /// Where the server listens, as bound: with the port that the kernel chose.
    pub endpoints: &'a [Endpoint],
    /// The directory served.
    pub root: &'a Path,
    /// Number of worker threads.
    pub workers: usize,
    /// The CPUs the workers are pinned to, `None` if they are not pinned.
    pub cpus: Option<&'a CpuList>,
    /// The policy in force: what `auto` came to.
    pub accept: AcceptPolicy,
    /// Release of the kernel, as in `6.18` (uname(2)).
    pub kernel_release: &'a str,
    /// Kernel features in use, by short names.
    pub kernel_features: &'a [&'a str],
    /// Whom the server became, and what it gave up.
    pub rights: &'a RightsInForce,
    /// Memory that it takes.
    pub memory: MemoryBudget,
}

/// Where clients reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port (getsockname(2)).
    Tcp(SocketAddr),
    /// A unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Banner<'_> {
    /// One line without its end, whatever characters the paths hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "selvedge {}", env!("CARGO_PKG_VERSION"))?;
        for endpoint in self.endpoints {
            write!(f, " {endpoint}")?;
        }
        write!(f, " root={} workers={}", Word(self.root), self.workers)?;
        match self.cpus {
            Some(cpus) => write!(f, " (cpus {cpus})")?,
            None => write!(f, " (not pinned)")?,
        }
        write!(f, " accept={} kernel={}", self.accept, self.kernel_release)?;
        if !self.kernel_features.is_empty() {
            write!(f, " ({})", self.kernel_features.join(", "))?;
        }
        let MemoryBudget { usual_bytes, bytes_max } = self.memory;
        write!(f, " {} memory~{} (at most {})", self.rights, Bytes(usual_bytes), Bytes(bytes_max))
    }
}

impl fmt::Display for Endpoint {
    /// The URL; for a unix socket `unix:PATH`, as no URL scheme for these is agreed on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}/"),
            Self::Unix(path) => write!(f, "unix:{}", Word(path)),
        }
    }
}

/// A path as one word of the line: quoted and escaped where it would fall apart otherwise.
pub(crate) struct Word<'a>(pub(crate) &'a Path);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        if text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control() || character == '"')
        {
            write!(f, "{text:?}")
        } else {
            f.write_str(&text)
        }
    }
}

/// A number of bytes in binary units, rounded up to three digits or so: what stands behind `at most` must stay true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut unit = 1_u64;
        for name in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
            unit *= 1024;
            let tenths = (u128::from(self.0) * 10).div_ceil(u128::from(unit));
            let whole = self.0.div_ceil(unit);
            if tenths < 100 {
                return write!(f, "{}.{} {name}", tenths / 10, tenths % 10);
            }
            if whole < 1024 || name == "EiB" {
                return write!(f, "{whole} {name}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::Sandbox;

    fn tcp(address: &str) -> Endpoint {
        Endpoint::Tcp(address.parse().unwrap())
    }

    #[test]
    fn the_line_tells_all_in_order() {
        let cpus = CpuList::from_cpus([0, 1]);
        let banner = Banner {
            endpoints: &[tcp("[::]:8080")],
            root: Path::new("./public"),
            workers: 2,
            cpus: Some(&cpus),
            accept: AcceptPolicy::Shared,
            kernel_release: "6.18",
            kernel_features: &["defer_taskrun", "no_sqarray", "registered ring fd"],
            rights: &RightsInForce {
                user: Some("nobody".to_owned()),
                sandbox: Some(Sandbox {
                    parts: vec!["no capabilities".to_owned()],
                    missing: vec!["no landlock: ENOSYS".to_owned()],
                }),
            },
            memory: MemoryBudget { usual_bytes: 312 << 20, bytes_max: 3 << 29 },
        };
        assert_eq!(
            banner.to_string(),
            "selvedge 0.1.0 http://[::]:8080/ root=./public workers=2 (cpus 0-1) accept=shared \
             kernel=6.18 (defer_taskrun, no_sqarray, registered ring fd) user=nobody \
             sandbox=partial (no capabilities, no landlock: ENOSYS) memory~312 MiB (at most 1.5 GiB)"
        );
    }

    #[test]
    fn several_endpoints_and_unpinned_workers_fit_in_the_line() {
        let endpoints = [tcp("127.0.0.1:80"), tcp("[::1]:80"), Endpoint::Unix(PathBuf::from("/run/s"))];
        let banner = Banner {
            endpoints: &endpoints,
            root: Path::new("my\nfiles"),
            workers: 1,
            cpus: None,
            accept: AcceptPolicy::Reuseport,
            kernel_release: "6.1",
            kernel_features: &[],
            rights: &RightsInForce::default(),
            memory: MemoryBudget { usual_bytes: 1, bytes_max: 1_024 },
        };
        assert_eq!(
            banner.to_string(),
            "selvedge 0.1.0 http://127.0.0.1:80/ http://[::1]:80/ unix:/run/s root=\"my\\nfiles\" \
             workers=1 (not pinned) accept=reuseport kernel=6.1 sandbox=off memory~1 B (at most 1.0 KiB)"
        );
    }

    #[test]
    fn bytes_are_rounded_up_in_their_largest_fitting_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1025, "1.1 KiB"),
            (10 * 1024, "10 KiB"),
            (10 * 1024 - 1, "10 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            ((312 << 20) + 1, "313 MiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text, "{bytes}");
        }
    }
}
