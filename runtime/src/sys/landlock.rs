//! Which files a process may still open: Landlock (landlock(7)), as far as the kernel has it.
//!
//! In: the places that are needed. Out: what is enforced, on the calling thread and on all it starts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, AddRuleError, AddRulesError, BitFlags, LandlockStatus, PathBeneath,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use rustix::fs::{CWD, Mode, OFlags};

use super::log_file::{LogPlace, LogTarget};
use super::process::directory_of;

/// What the runtime reads of the kernel once it is restricted: how long a listener's backlog may be, and why there is no
/// io_uring. Of its own process it reads links alone (/proc/self/fd), which needs no rule.
const OWN_PLACES: [&str; 2] = ["/proc/sys/net/core/somaxconn", "/proc/sys/kernel/io_uring_disabled"];

/// The files that a process needs, all others being out of its reach. What is open already stays open.
///
/// ```no_run
/// use std::path::Path;
///
/// use selvedge_runtime::process::{FileNeeds, FileRules, Landlock, drop_privileges, replaceable_places};
///
/// # fn main() -> std::io::Result<()> {
/// let needs = FileNeeds { read: replaceable_places(Path::new("/srv/www/current"))?, ..FileNeeds::default() };
/// let rules = FileRules::open(&needs)?;
/// drop_privileges(None)?;
/// match rules.enforce()? {
///     Landlock::Enforced { abi } => println!("nothing but {:?} can be read (Landlock {abi})", needs.read),
///     Landlock::Missing { why } => println!("every file can be read as before: no Landlock ({why})"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileNeeds {
    /// Directories below which everything may be read and listed.
    pub read: Vec<PathBuf>,
    /// Logs, which may be opened again by their names.
    pub logs: Vec<LogTarget>,
    /// Directories in which files may be removed.
    pub remove: Vec<PathBuf>,
}

/// What Landlock enforces.
///
/// ```
/// use selvedge_runtime::process::Landlock;
///
/// let Landlock::Enforced { abi } = (Landlock::Enforced { abi: 4 }) else { unreachable!() };
/// assert!(abi >= 4, "TCP ports can be neither bound nor connected to");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landlock {
    /// Rules about files, from ABI 3 on about their truncation too; from ABI 4 on no TCP port can be bound or connected to, from
    /// ABI 5 on no device be steered (ioctl(2)), from ABI 6 on no signal be sent to, and no abstract Unix socket be connected
    /// to of, a process outside.
    Enforced {
        /// The version of the kernel's interface, as far as it is used: 6 at most.
        abi: u8,
    },
    /// There is none.
    Missing {
        /// `ENOSYS`: the kernel was built without it. `EOPNOTSUPP`: it was not switched on at boot (`lsm=`).
        why: &'static str,
    },
}

/// Rules that are made and not in force yet. Every place they are about is open, so that a process may make them with rights
/// that it gives up before it enforces them.
///
/// ```no_run
/// use selvedge_runtime::LogTarget;
/// use selvedge_runtime::process::{FileNeeds, FileRules};
///
/// # fn main() -> std::io::Result<()> {
/// let needs = FileNeeds { logs: vec![LogTarget::File("/var/log/site/log".into())], ..FileNeeds::default() };
/// let rules = FileRules::open(&needs)?;
/// println!("files may be written below {:?}", rules.written());
/// rules.enforce()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FileRules {
    rules: RulesetCreated,
    written: Vec<PathBuf>,
    removed: Vec<PathBuf>,
}

impl FileRules {
    /// Makes the rules. A place that is not there, or is out of this process's reach, gets none: it needs none.
    ///
    /// # Errors
    /// A place cannot be opened for another reason, or the kernel refuses the rules.
    pub fn open(needs: &FileNeeds) -> io::Result<Self> {
        // Known from now on: before Linux 6.4 it is read from /proc/self/auxv, which will be out of reach.
        super::page_size_bytes();
        // The newest rights this code knows. The crate leaves out what the kernel does not, which is told by its ABI.
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V5))
            .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V4)))
            .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
            .and_then(Ruleset::create)
            .map_err(refused)?;
        let mut rules = Self { rules, written: Vec::new(), removed: Vec::new() };
        for place in &needs.read {
            rules.allow(place, AccessFs::ReadFile | AccessFs::ReadDir)?;
        }
        for place in OWN_PLACES.map(Path::new) {
            rules.allow(place, AccessFs::ReadFile.into())?;
        }
        for log in &needs.logs {
            rules.allow_log(log)?;
        }
        for place in &needs.remove {
            rules.allow(place, AccessFs::RemoveFile.into())?;
            rules.removed.extend(fs::canonicalize(place));
        }
        rules.written = outermost(rules.written);
        rules.removed = outermost(rules.removed);
        Ok(rules)
    }

    /// The directories below which files may be made and written to, for the sake of logs; none lies below another one.
    pub fn written(&self) -> &[PathBuf] {
        &self.written
    }

    /// The directories below which files may be removed; none lies below another one.
    pub fn removed(&self) -> &[PathBuf] {
        &self.removed
    }

    /// Restricts the calling thread, and all it starts, to what was asked for, and where the kernel can do that to no new TCP
    /// ports. To be called before the first thread is started, when everything is bound. Nor do programs that are executed
    /// from now on get more rights than this thread has (PR_SET_NO_NEW_PRIVS).
    ///
    /// # Errors
    /// Those of prctl(2) and landlock_restrict_self(2).
    pub fn enforce(self) -> io::Result<Landlock> {
        let status = self.rules.restrict_self().map_err(refused)?;
        Ok(match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => {
                Landlock::Enforced { abi: (effective_abi as u8).min(ABI::V6 as u8) }
            }
            LandlockStatus::NotEnabled => Landlock::Missing { why: "EOPNOTSUPP" },
            LandlockStatus::NotImplemented => Landlock::Missing { why: "ENOSYS" },
        })
    }

    /// A log that is rotated is made anew in its directory, and where its name is a link in the link's.
    fn allow_log(&mut self, log: &LogTarget) -> io::Result<()> {
        let LogTarget::File(path) = log else { return Ok(()) };
        match log.place() {
            LogPlace::Open => self.allow(path, AccessFs::WriteFile.into()),
            LogPlace::Special => self.allow(path, AccessFs::ReadFile | AccessFs::WriteFile),
            LogPlace::Named => {
                let target = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
                for directory in [directory_of(path), directory_of(&target)] {
                    self.allow(directory, AccessFs::WriteFile | AccessFs::MakeReg)?;
                    self.written.extend(fs::canonicalize(directory));
                }
                Ok(())
            }
        }
    }

    fn allow(&mut self, place: &Path, rights: BitFlags<AccessFs>) -> io::Result<()> {
        let opened = match rustix::fs::openat(CWD, place, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(opened) => opened,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::ACCESS) => return Ok(()),
            Err(error) => return Err(io::Error::other(format!("{place:?}: {error}"))),
        };
        match (&mut self.rules).add_rule(PathBeneath::new(opened, rights)) {
            // A pipe without a name, say (/dev/stdout): it is in no directory, so that no rule can keep it out of reach.
            Err(RulesetError::AddRules(AddRulesError::Fs(AddRuleError::AddRuleCall { source, .. })))
                if source.raw_os_error() == Some(libc::EBADFD) =>
            {
                Ok(())
            }
            added => added.map(drop).map_err(refused),
        }
    }
}

fn refused(error: RulesetError) -> io::Error {
    io::Error::other(error.to_string())
}

/// The directories below which `directory` is found even after it was replaced by another one of its name: the one that it
/// lies in, and where a part of its path is a symbolic link, the one that this link's target lies in, since a deploy
/// switches links between neighbours. None of them lies below another one.
///
/// # Errors
/// Those of realpath(3).
pub fn replaceable_places(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let path = std::path::absolute(directory)?;
    let mut places = vec![parent_of(&fs::canonicalize(&path)?)];
    for part in path.ancestors() {
        if fs::symlink_metadata(part)?.is_symlink() {
            places.push(parent_of(&fs::canonicalize(part)?));
        }
    }
    // A link by which the directory is named may itself be replaced.
    places.push(fs::canonicalize(parent_of(&path))?);
    Ok(outermost(places))
}

/// Those that do not lie below another one, each once.
pub fn outermost(mut places: Vec<PathBuf>) -> Vec<PathBuf> {
    places.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for place in places {
        // Sorted by their parts, a directory comes right before what lies below it.
        if !kept.last().is_some_and(|above| place.starts_with(above)) {
            kept.push(place);
        }
    }
    kept
}

fn parent_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_path_buf()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_stays_within_reach_whichever_way_a_deploy_replaces_it() {
        let top = std::env::temp_dir().join(format!("selvedge-places-{}", std::process::id()));
        for directory in ["srv/www", "srv/releases/1/public", "data"] {
            fs::create_dir_all(top.join(directory)).unwrap();
        }
        let top = fs::canonicalize(top).unwrap();
        symlink("../releases/1", top.join("srv/www/current")).unwrap();
        symlink(top.join("srv"), top.join("data/link")).unwrap();
        for (directory, expected) in [
            ("srv/www", &["srv"][..]),
            // By rename, and by switching the link.
            ("srv/www/current", &["srv/releases", "srv/www"]),
            // The link in the middle is switched.
            ("srv/www/current/public", &["srv/releases"]),
            ("data/link/www", &[""]),
        ] {
            let expected: Vec<_> = expected.iter().map(|place| top.join(place)).collect();
            let places = replaceable_places(&top.join(directory)).unwrap();
            assert_eq!(places, expected, "{directory}");
        }
        assert_eq!(replaceable_places(Path::new("/")).unwrap(), [Path::new("/")]);
        assert!(replaceable_places(&top.join("none")).is_err());
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn what_lies_below_another_place_is_left_out() {
        let places = ["/srv/a", "/srv-b", "/srv", "/srv/a/b", "/srv"].map(PathBuf::from).to_vec();
        assert_eq!(outermost(places), ["/srv", "/srv-b"].map(PathBuf::from));
    }
}
