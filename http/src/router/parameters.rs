//! What a request's path says where its route has a name: `7` of `/users/7` by `/users/{id}`. In: a request that came through
//! a router, and a name. Out: the value, decoded, as text or as any type that is read from text.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::iter;
use std::str::FromStr;

use http::StatusCode;
use percent_encoding::percent_decode;

use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;

/// What one router has found in a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matched<'a> {
    pub(super) names: &'a [Box<str>],
    /// As they were sent; perhaps one more than there are names, of a nested application's rest.
    pub(super) values: &'a [&'a [u8]],
    /// Of the router around it.
    pub(super) outer: Option<&'a Matched<'a>>,
}

/// All parameters of a request's path.
///
/// ```
/// use selvedge_http::{Request, Router};
///
/// async fn page(request: Request<'_>) -> String {
///     let parameters: Vec<_> = request.parameters().map(|(name, value)| format!("{name}: {value}")).collect();
///     parameters.join("\n")
/// }
///
/// let router = Router::new().get("/{language}/pages/{*path}", page);
/// ```
#[derive(Debug, Clone)]
pub struct Parameters<'a> {
    matched: Option<&'a Matched<'a>>,
    at: usize,
}

/// Why a parameter has no value of the type that was asked for.
///
/// ```
/// use selvedge_http::{IntoResponse, ParamError, Request, Router, StatusCode};
///
/// async fn user(request: Request<'_>) -> Result<String, ParamError> {
///     let id: u64 = request.param_as("id")?;
///     Ok(format!("the user of number {id}"))
/// }
///
/// let router = Router::new().get("/users/{id}", user);
/// assert_eq!(ParamError::Malformed.into_response().status(), StatusCode::BAD_REQUEST);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamError {
    /// The request's route has none of this name: 404.
    Absent,
    /// What is there is not of the type: 400.
    Malformed,
}

impl<'a> Request<'a> {
    /// The parameter of this name in the path, decoded: `a b` of `/a%20b` by `/{name}`. It is UTF-8: a router answers 400 by
    /// itself where one is not. `None` where the route has no such parameter.
    ///
    /// ```
    /// use selvedge_http::{Request, Router};
    ///
    /// async fn greet(request: Request<'_>) -> String {
    ///     format!("hello, {}", request.param("name").unwrap_or_default())
    /// }
    ///
    /// let router = Router::new().get("/hello/{name}", greet);
    /// ```
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.parameters().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The parameter of this name, read as a `T`.
    ///
    /// # Errors
    /// [`ParamError::Absent`] if the route has no such parameter, [`ParamError::Malformed`] if its value is no `T`.
    pub fn param_as<T: FromStr>(&self, name: &str) -> Result<T, ParamError> {
        let value = self.param(name).ok_or(ParamError::Absent)?;
        value.parse().map_err(|_| ParamError::Malformed)
    }

    /// All parameters of the path in their order. Where a router is in another one that is not told its routes, those of the
    /// inner come first, and hide those of the outer with the same names from [`param`](Self::param).
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters { matched: self.matched(), at: 0 }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let matched = self.matched?;
            if let (Some(name), Some(value)) = (matched.names.get(self.at), matched.values.get(self.at)) {
                self.at += 1;
                return Some((name, percent_decode(value).decode_utf8_lossy()));
            }
            *self = Self { matched: matched.outer, at: 0 };
        }
    }
}

impl iter::FusedIterator for Parameters<'_> {}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the path has no such parameter",
            Self::Malformed => "a parameter of the path is malformed",
        })
    }
}

impl Error for ParamError {}

/// 404 or 400.
impl IntoResponse for ParamError {
    fn into_response(self) -> Response {
        match self {
            Self::Absent => Response::error(StatusCode::NOT_FOUND, ""),
            Self::Malformed => Response::error(StatusCode::BAD_REQUEST, "malformed parameter in the path"),
        }
    }
}
