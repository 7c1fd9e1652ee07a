//! A root directory that can't be served.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::{Failure, errno, quoted};

impl Failure {
    /// The directory to serve could not be opened or read (open(2)).
    pub fn root(path: &Path, error: &io::Error) -> Self {
        let name = quoted(path);
        match error.kind() {
            ErrorKind::NotFound => Self::fatal(format!("directory {name} does not exist"), missing_fix(path)),
            ErrorKind::NotADirectory => {
                Self::fatal(format!("{name} is not a directory"), "name the directory that holds the files")
            }
            ErrorKind::PermissionDenied => Self::fatal(
                format!("directory {name} may not be read by this user"),
                format!("run as its owner, or `chmod o+rx` {name} (and o+x the directories above it)"),
            ),
            ErrorKind::InvalidFilename => Self::fatal(
                format!("directory name {name} is too long"),
                "name it by a shorter or relative path",
            ),
            _ if error.raw_os_error() == Some(errno::ELOOP) => Self::fatal(
                format!("{name} leads through too many symbolic links"),
                "look for a link to itself",
            ),
            _ => Self::fatal(format!("cannot open directory {name}: {error}"), "name another directory"),
        }
    }
}

impl Failure {
    /// The one file to serve could not be read.
    pub fn root_file(path: &Path, error: &io::Error) -> Self {
        let name = quoted(path);
        Self::fatal(
            format!("file {name} may not be read by this user: {error}"),
            format!("`chmod o+r` {name}"),
        )
    }
}

impl Failure {
    /// A root, a mount or the one file that could be read before capabilities were given up, and cannot be any more.
    pub fn root_out_of_reach(path: &Path) -> Self {
        let name = quoted(path);
        Self::fatal(
            format!("{name} may not be read without capabilities, which this server gives up"),
            format!(
                "become its owner with --user, let others read it (`chmod o+rX` {name}, and o+x the directories \
                 above it), or write --sandbox off"
            ),
        )
    }
}

/// Other servers take the port as their only argument.
fn missing_fix(path: &Path) -> String {
    // Values of flags that take them behind an equals sign alone.
    let flag = match path.to_str() {
        Some("gzip" | "br" | "zstd") => Some("--compress"),
        Some("redirect") => Some("--clean-urls"),
        Some(origin) if origin == "*" || origin.contains("://") => Some("--cors"),
        _ => None,
    };
    if let Some(flag) = flag {
        return format!("create it, or write {flag}={} if you meant that", path.display());
    }
    match path.to_str().map(str::parse::<u16>) {
        Some(Ok(port)) => format!("create it, or write -p {port} if you meant the port"),
        _ => String::from("create it, or name another one"),
    }
}
