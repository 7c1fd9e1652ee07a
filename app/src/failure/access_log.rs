//! A log that can't be written.

use std::io::{self, ErrorKind};

use selvedge_runtime::{LogTarget, process};

use super::{Failure, quoted};

impl Failure {
    /// The target of `--access-log` could not be opened (open(2)).
    pub fn access_log(target: &LogTarget, error: &io::Error) -> Self {
        let LogTarget::File(path) = target else {
            return Self::fatal(
                format!("standard output cannot be a log: {error}"),
                "name a file with --access-log",
            );
        };
        let name = quoted(path);
        let directory = quoted(process::directory_of(path));
        match error.kind() {
            ErrorKind::NotFound => Self::fatal(
                format!("directory {directory} of access log {name} does not exist"),
                "create it first",
            ),
            ErrorKind::PermissionDenied => Self::fatal(
                format!("this user may not write access log {name}"),
                format!("grant it the file, or {directory}, or choose another path for --access-log"),
            ),
            ErrorKind::IsADirectory => {
                Self::fatal(format!("{name} is a directory"), "name the access log in it")
            }
            _ => Self::fatal(
                format!("cannot open access log {name}: {error}"),
                "choose another path for --access-log",
            ),
        }
    }
}
