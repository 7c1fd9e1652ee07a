//! Which files a process may still open: Landlock (landlock(7)), as far as the kernel has it.
//!
//! In: the places that are needed. Out: what is enforced, on the calling thread and on all it starts.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};

use super::log_file::LogTarget;
use super::process::directory_of;

/// What the runtime reads of its own process (proc(5)), and what it tells why there is no io_uring.
const OWN_PLACES: [&str; 2] = ["/proc/self", "/proc/sys/kernel/io_uring_disabled"];

/// The files that a process needs, all others being out of its reach. What is open already stays open.
///
/// ```no_run
/// use std::path::Path;
///
/// use selvedge_runtime::process::{FileNeeds, Landlock, replaceable_places, restrict_files};
///
/// # fn main() -> std::io::Result<()> {
/// let needs = FileNeeds { read: replaceable_places(Path::new("/srv/www/current"))?, ..FileNeeds::default() };
/// match restrict_files(&needs)? {
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
    /// Rules about files; from ABI 4 on no TCP port can be bound or connected to, from ABI 6 on no signal be sent to, and no
    /// abstract Unix socket be connected to of, a process outside.
    Enforced {
        /// The version of the kernel's interface, as far as it is used.
        abi: u8,
    },
    /// There is none.
    Missing {
        /// `ENOSYS`: the kernel was built without it. `EOPNOTSUPP`: it was not switched on at boot (`lsm=`).
        why: &'static str,
    },
}

/// Restricts the calling thread, and all it starts, to `needs`, and where the kernel can do that to no new TCP ports. To be
/// called before the first thread is started, when everything is bound.
///
/// # Errors
/// A place cannot be opened, or the kernel refuses the rules.
pub fn restrict_files(needs: &FileNeeds) -> io::Result<Landlock> {
    // The newest rights this code knows. The crate leaves out what the kernel does not, which is told by its ABI.
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V4)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .map_err(refused)?;
    let rules = add_needs(rules, needs)?;
    let status = rules.restrict_self().map_err(refused)?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => {
            Landlock::Enforced { abi: (effective_abi as u8).min(ABI::V6 as u8) }
        }
        LandlockStatus::NotEnabled => Landlock::Missing { why: "EOPNOTSUPP" },
        LandlockStatus::NotImplemented => Landlock::Missing { why: "ENOSYS" },
    })
}

fn add_needs(mut rules: RulesetCreated, needs: &FileNeeds) -> io::Result<RulesetCreated> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    for place in &needs.read {
        rules = allow(rules, place, read)?;
    }
    for place in OWN_PLACES.map(Path::new) {
        if let Ok(metadata) = fs::metadata(place) {
            let rights = if metadata.is_dir() { read } else { AccessFs::ReadFile.into() };
            rules = allow(rules, place, rights)?;
        }
    }
    for log in &needs.logs {
        if let LogTarget::File(path) = log {
            rules = allow_log(rules, path)?;
        }
    }
    for place in &needs.remove {
        rules = allow(rules, place, AccessFs::RemoveFile.into())?;
    }
    Ok(rules)
}

/// A log that is rotated is made anew in its directory, and where its name is a link in the link's.
fn allow_log(rules: RulesetCreated, path: &Path) -> io::Result<RulesetCreated> {
    let file_type = fs::metadata(path).map(|metadata| metadata.file_type());
    let is_special = file_type.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device() || kind.is_socket());
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        // A pipe without a name (/dev/stdout): Landlock lets it be opened again without a rule.
        Err(_) if is_special => return Ok(rules),
        Err(_) => path.to_path_buf(),
    };
    if is_special {
        return allow(rules, &target, AccessFs::ReadFile | AccessFs::WriteFile);
    }
    let rights = AccessFs::WriteFile | AccessFs::MakeReg;
    let rules = allow(rules, directory_of(path), rights)?;
    allow(rules, directory_of(&target), rights)
}

fn allow(rules: RulesetCreated, place: &Path, rights: BitFlags<AccessFs>) -> io::Result<RulesetCreated> {
    let opened = PathFd::new(place).map_err(|error| io::Error::other(error.to_string()))?;
    rules.add_rule(PathBeneath::new(opened, rights)).map_err(refused)
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
