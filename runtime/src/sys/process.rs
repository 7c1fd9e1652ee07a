//! What the process may use: descriptors, processors, locked memory; and what it reads before it serves.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::sim;

/// The limit on open descriptors (RLIMIT_NOFILE, getrlimit(2)).
///
/// ```no_run
/// use selvedge_runtime::process::{DescriptorLimit, raise_descriptor_limit};
///
/// let DescriptorLimit { before, now } = raise_descriptor_limit();
/// assert!(now >= before);
/// if now < 10_000 {
///     println!("{now} descriptors are few for a server: raise the hard limit");
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// What was in force when the process started.
    pub before: u64,
    /// What is in force now.
    pub now: u64,
}

/// Raises the soft limit on descriptors to the hard one; keeps what is there if that is refused.
pub fn raise_descriptor_limit() -> DescriptorLimit {
    let limit = getrlimit(Resource::Nofile);
    // None is infinity.
    let before = limit.current.unwrap_or(u64::MAX);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(_) => before,
    };
    DescriptorLimit { before, now }
}

/// Bytes of memory this user may lock, `None` for no limit (RLIMIT_MEMLOCK).
pub fn memlock_limit_bytes() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}

/// Descriptors open now (/proc/self/fd, the one that counts left out).
///
/// # Errors
/// Where /proc is not mounted; under [`FileRules`](super::FileRules) that do not let /proc/self be read.
pub fn descriptors_open() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count().saturating_sub(1))
}

/// The processors the calling thread may run on, in order (sched_getaffinity(2)).
pub fn allowed_cpus() -> Vec<usize> {
    let cpus = core_affinity::get_core_ids().unwrap_or_default();
    let mut cpus: Vec<usize> = cpus.into_iter().map(|core| core.id).collect();
    cpus.sort_unstable();
    cpus
}

/// Processors' worth of time the control group may use, rounded up; `None` where it has no quota.
pub fn cpu_quota() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().filter_map(quota_of_line).min()
}

/// One line of /proc/self/cgroup: `hierarchy:controllers:path` (cgroups(7)).
fn quota_of_line(line: &str) -> Option<usize> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?.trim_start_matches('/'));
    if controllers.is_empty() {
        // Version 2: every group on the way to the root may have a quota, and the smallest counts.
        let mut path = std::path::Path::new("/sys/fs/cgroup").join(path);
        let mut smallest = None;
        while path.starts_with("/sys/fs/cgroup") {
            if let Ok(text) = fs::read_to_string(path.join("cpu.max")) {
                smallest = smallest.into_iter().chain(parse_cpu_max(&text)).min();
            }
            if !path.pop() {
                break;
            }
        }
        return smallest;
    }
    if !controllers.split(',').any(|controller| controller == "cpu") {
        return None;
    }
    let read = |name: &str| -> Option<i64> {
        let path = std::path::Path::new("/sys/fs/cgroup/cpu").join(path).join(name);
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    processors(read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)
}

/// `"200000 100000"` is two processors, `"max 100000"` no limit.
fn parse_cpu_max(text: &str) -> Option<usize> {
    let (quota, period) = text.trim().split_once(' ')?;
    processors(quota.parse().ok()?, period.parse().ok()?)
}

fn processors(quota: i64, period: i64) -> Option<usize> {
    if quota <= 0 || period <= 0 {
        return None;
    }
    usize::try_from((quota + period - 1) / period).ok()
}

/// Whether `path` leads to a regular file.
pub fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Whether this process may read the file at `path`.
///
/// # Errors
/// Those of faccessat(2).
pub fn check_file(path: &Path) -> io::Result<()> {
    let (here, effective) = (rustix::fs::CWD, rustix::fs::AtFlags::EACCESS);
    Ok(rustix::fs::accessat(here, path, rustix::fs::Access::READ_OK, effective)?)
}

/// The directory that `path` names something in: `.` for a mere name.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether this process may make and rename files in a directory (faccessat(2)).
pub(super) fn may_change_directory(directory: &Path) -> bool {
    let (here, effective) = (rustix::fs::CWD, rustix::fs::AtFlags::EACCESS);
    let rights = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::accessat(here, directory, rights, effective).is_ok()
}

/// Whether `path` leads to a directory whose files this process may reach. To list it needs another permission.
///
/// # Errors
/// Those of stat(2) and faccessat(2); `NotADirectory`.
pub fn check_directory(path: &Path) -> io::Result<()> {
    // By its absolute path, as it is followed later: a current directory that was removed can still be used by `.`.
    let path = std::path::absolute(path)?;
    if !fs::metadata(&path)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let (here, effective) = (rustix::fs::CWD, rustix::fs::AtFlags::EACCESS);
    rustix::fs::accessat(here, &path, rustix::fs::Access::EXEC_OK, effective)?;
    Ok(())
}

/// All of a file that is read once, at the start.
///
/// # Errors
/// Those of open(2) and read(2); `FileTooLarge` for one of more than `bytes_max`, of which no more than that is read.
pub fn read_file(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Whether what `path` leads to is what `place` leads to, or lies below it. They are compared by what they are, not by name:
/// the same directory may be mounted twice.
///
/// # Errors
/// Those of realpath(3) and stat(2).
pub fn is_within(path: &Path, place: &Path) -> io::Result<bool> {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let place = identity(fs::metadata(place)?);
    for above in fs::canonicalize(path)?.ancestors() {
        if identity(fs::metadata(above)?) == place {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The kernel's release, as in `6.18.44` (uname(2)).
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// The longest listen backlog the kernel grants (net.core.somaxconn, listen(2)).
pub fn listen_backlog_max() -> Option<u32> {
    if sim::world().is_some() {
        return Some(sim::BACKLOG_MAX);
    }
    fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?.trim().parse().ok()
}

/// Whether `stream` takes a line of up to PIPE_BUF bytes without waiting (poll(2), pipe(7)).
pub(crate) fn takes_a_line(stream: &impl std::os::fd::AsFd) -> bool {
    let mut asked = [rustix::event::PollFd::new(stream, rustix::event::PollFlags::OUT)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    // If it cannot be asked, the write will say.
    rustix::event::poll(&mut asked, Some(&now)) != Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_round_up_to_whole_processors_and_max_is_none() {
        assert_eq!(parse_cpu_max("200000 100000\n"), Some(2));
        assert_eq!(parse_cpu_max("150000 100000\n"), Some(2));
        assert_eq!(parse_cpu_max("5000 100000\n"), Some(1));
        assert_eq!(parse_cpu_max("max 100000\n"), None);
        assert_eq!(parse_cpu_max("garbage"), None);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_not_beyond() {
        let path = std::env::temp_dir().join(format!("selvedge-read-{}", std::process::id()));
        fs::write(&path, b"12345").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"12345");
        assert_eq!(read_file(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::remove_file(&path).unwrap();
        assert_eq!(read_file(&path, 5).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_is_within_itself_and_every_directory_above_it_by_whatever_name() {
        let root = std::env::temp_dir().join(format!("selvedge-within-{}", std::process::id()));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "").unwrap();
        fs::write(root.join("a/b/other"), "").unwrap();
        std::os::unix::fs::symlink("a/b", root.join("link")).unwrap();
        std::os::unix::fs::symlink("../a/b/file", root.join("a/file")).unwrap();
        for (file, directory, expected) in [
            ("a/b/file", "a/b", true),
            ("a/b/file", "a", true),
            ("a/b/file", "link", true),
            ("a/b/file", "link/../..", true),
            ("a/file", "a/b", true),
            ("link/file", "a", true),
            ("a/file", "a/b/file", true),
            ("a", "link", false),
            ("a/b/file", "a/b/other", false),
        ] {
            let within = is_within(&root.join(file), &root.join(directory)).unwrap();
            assert_eq!(within, expected, "{file} in {directory}");
        }
        assert!(is_within(&root.join("none"), &root).is_err());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn this_thread_may_run_somewhere() {
        assert!(!allowed_cpus().is_empty());
    }
}
