//! A password file that can't be used.

use std::io::{self, ErrorKind};
use std::path::Path;

use selvedge_http::middleware::BadPasswordFile;

use super::{Failure, quoted};

impl Failure {
    /// The file of `--auth-file` could not be read.
    pub fn password_file(path: &Path, error: &io::Error) -> Self {
        let name = quoted(path);
        match error.kind() {
            ErrorKind::NotFound => Self::fatal(
                format!("password file {name} does not exist"),
                format!("make it with `htpasswd -B -c {name} USER`"),
            ),
            ErrorKind::PermissionDenied => Self::fatal(
                format!("password file {name} may not be read by this user"),
                "grant this user, and nobody else, the right to read it",
            ),
            ErrorKind::IsADirectory => {
                Self::fatal(format!("{name} is a directory"), "name the password file in it")
            }
            ErrorKind::FileTooLarge => Self::fatal(
                format!("password file {name} is larger than 1 MiB"),
                "name a file of lines USER:HASH, as htpasswd writes them",
            ),
            _ => Self::fatal(format!("cannot read password file {name}: {error}"), "name another file"),
        }
    }

    /// The file of `--auth-file` lies where clients can ask for it. Hidden files are no exception: whether they are served is
    /// another option, and other servers may serve the directory too.
    pub fn password_file_served(path: &Path, place: &Path) -> Self {
        Self::fatal(
            format!("password file {} lies in {}, which is served", quoted(path), quoted(place)),
            "move it out of there, where nobody can download it",
        )
    }

    /// Something in the file of `--auth-file` is not taken.
    pub fn password_line(path: &Path, bad: &BadPasswordFile) -> Self {
        let place = match bad.line {
            Some(line) => format!("password file {}, line {line}", quoted(path)),
            None => format!("password file {}", quoted(path)),
        };
        Self::fatal(format!("{place}: {}", bad.what), bad.fix.clone())
    }
}
