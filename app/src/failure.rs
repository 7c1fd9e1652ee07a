//! How the program ends when it can't do what was asked: one line on standard error that says what is wrong and how
//! to fix it, and an exit status that tells misuse (2) from all else (1).

mod access_log;
mod clap_error;
pub(crate) mod errno;
mod password_file;
mod root;
mod start;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use selvedge_runtime::net::listen::{ListenError, ListenSpec};

use crate::bad_value::BadValue;

/// Whose fault it is, and so the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The command line or a variable: exit status 2.
    Usage,
    /// The machine, its files or the network: exit status 1.
    Fatal,
}

/// Why the program ends, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    what: String,
    fix: String,
}

impl Failure {
    /// Misuse: `what` is wrong with the command line or a variable, `fix` (an imperative) mends it.
    pub fn usage(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { kind: FailureKind::Usage, what: what.into(), fix: fix.into() }
    }

    /// Any other failure: `what` is wrong, `fix` (an imperative) mends it.
    pub fn fatal(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { kind: FailureKind::Fatal, what: what.into(), fix: fix.into() }
    }

    /// An option (`--cpus`) or variable whose value turned out wrong after it was read.
    pub fn bad_value(option: &str, bad: &BadValue) -> Self {
        Self::usage(format!("{option}: {}", bad.what), bad.fix.clone())
    }

    /// A place that can't be listened at, and the options that name another.
    pub fn listen(spec: &ListenSpec, error: ListenError) -> Self {
        match spec {
            ListenSpec::Tcp { .. } => {
                Self::fatal(error.what, format!("{}; --port, --address or --listen says where", error.fix))
            }
            ListenSpec::Unix { .. } | ListenSpec::Inherited { .. } => error.into(),
        }
    }

    /// Whose fault it is.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The exit status: 2 for misuse, 1 for all else.
    pub fn exit_status(&self) -> u8 {
        match self.kind {
            FailureKind::Usage => 2,
            FailureKind::Fatal => 1,
        }
    }

    /// Writes `selvedge: ` and the line to standard error. Ends with the status to exit with.
    pub fn report(&self) -> ExitCode {
        // With standard error closed there is nobody left to tell; the status still tells the parent.
        let _ = writeln!(io::stderr(), "selvedge: {self}");
        ExitCode::from(self.exit_status())
    }
}

impl fmt::Display for Failure {
    /// `what; fix`, in one line whatever names and values stand in it: control characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.what, "; ", &self.fix] {
            for character in part.chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
        }
        Ok(())
    }
}

impl Error for Failure {}

/// A place that can't be listened at.
impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        Self::fatal(error.what, error.fix)
    }
}

/// A path as it stands in a message.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}
