//! Why routes can't stand in one router. In: what was added, and what was there. Out: a line that names both.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// A route that a router can't have. It says which one, where in the program that was added, and with which it is at odds.
///
/// ```
/// use selvedge_http::{Method, Request, Router};
///
/// async fn user(_: Request<'_>) -> &'static str {
///     "user"
/// }
///
/// let mut router = Router::new().get("/users/{id}", user);
/// let error = router.try_on(Method::GET, "/users/{name}", user).unwrap_err();
/// let message = error.to_string();
/// assert!(message.starts_with("the route GET /users/{name} (added at "), "{message}");
/// assert!(message.contains(") answers the same requests as the route GET /users/{id} (added at "), "{message}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// Its path is none.
    Path {
        /// The path, and where it was added.
        route: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another one answers the same requests.
    Conflict {
        /// The one that was added.
        added: String,
        /// The one that was there.
        before: String,
    },
}

impl RouteError {
    pub(super) fn path(path: &str, added_at: &Location<'_>, reason: &'static str) -> Self {
        Self::Path { route: placed(&format!("{path:?}"), added_at), reason }
    }
}

/// What was added, and where.
pub(super) fn placed(what: &str, added_at: &Location<'_>) -> String {
    format!("{what} (added at {added_at})")
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { route, reason } => write!(f, "the path {route} is not one of a route: {reason}"),
            Self::Conflict { added, before } => {
                write!(f, "{added} answers the same requests as {before}")
            }
        }
    }
}

impl Error for RouteError {}
