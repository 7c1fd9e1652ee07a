//! A value that an option or a variable does not take.

use std::error::Error;
use std::fmt;

use selvedge_runtime::net::listen::ListenError;

/// What is wrong with a value and what to give instead. The caller knows where the value stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// What is wrong, without the closing stop.
    pub what: String,
    /// How to fix it, as an imperative.
    pub fix: String,
}

impl BadValue {
    /// A value with `what` wrong with it, mended by `fix`.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.fix)
    }
}

impl Error for BadValue {}

impl From<ListenError> for BadValue {
    fn from(error: ListenError) -> Self {
        Self::new(error.what, error.fix)
    }
}
