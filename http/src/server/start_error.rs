//! Why a server does not start.

use std::error::Error;
use std::fmt;
use std::io;

use selvedge_runtime::net::listen::ListenError;

/// A server that does not start. Its text, by `Display` and by `Debug`, is one line: what is wrong, then what helps. So a
/// `main` that returns it tells its user all.
///
/// ```
/// use selvedge_http::{Request, Server, StartError};
///
/// let started = Server::builder().listen("8080").start(|_| async |_: Request<'_>| "hello");
/// let error = started.expect_err("that is no address");
/// assert!(matches!(error, StartError::Listen(_)));
/// assert_eq!(
///     error.to_string(),
///     "cannot listen at '8080': there is no port; write :8080 for a port on all addresses"
/// );
/// ```
#[non_exhaustive]
pub enum StartError {
    /// A place can't be listened at: it is none, it is taken, or it needs a privilege.
    Listen(ListenError),
    /// The runtime does not start: the configuration can't be met, or the kernel gives no ring.
    Runtime(selvedge_runtime::StartError),
    /// Signals can't be taken.
    Signals(io::Error),
}

impl StartError {
    /// A configuration that can't be met; `text` says what is wrong, and behind a semicolon what helps.
    pub(super) fn configuration(text: String) -> Self {
        Self::Runtime(selvedge_runtime::StartError::Configuration(text))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::Runtime(error) => error.fmt(f),
            Self::Signals(error) => write!(
                f,
                "signals cannot be taken: {error}; look at the limits of this process, or use `start` in place of \
                 `serve`"
            ),
        }
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Listen(_) => None,
            Self::Runtime(error) => error.source(),
            Self::Signals(error) => Some(error),
        }
    }
}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

impl From<selvedge_runtime::StartError> for StartError {
    fn from(error: selvedge_runtime::StartError) -> Self {
        Self::Runtime(error)
    }
}
