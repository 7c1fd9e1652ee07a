//! Why requests were not answered. In: what happened on a connection. Out: its kind, to be counted, and a text.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailureKind {
    /// No connection was to be had.
    Connect,
    /// The connection failed: it was reset, mostly.
    Broken,
    /// The connection ended where an answer was to begin.
    Closed,
    /// The connection ended within an answer.
    CutShort,
    /// What came is no answer, or nobody asked for it.
    Garbage,
    /// An answer without a `Content-Length`: chunked, or as long as the connection lasts.
    Unframed,
    /// The answer did not come in time.
    Timeout,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Broken => "connection failed",
            Self::Closed => "closed before the answer",
            Self::CutShort => "cut short",
            Self::Garbage => "no answer of HTTP/1",
            Self::Unframed => "without Content-Length",
            Self::Timeout => "not in time",
        })
    }
}

/// A failure of one connection. All that is under way on it fails with it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn connect(error: &io::Error) -> Self {
        Self::new(FailureKind::Connect, error.to_string())
    }

    pub(super) fn broken(error: &io::Error) -> Self {
        Self::new(FailureKind::Broken, error.to_string())
    }
}
