//! Who says whether credentials are right: a function, or what else can.

use std::future::Future;

use super::credentials::Credentials;
use crate::h1::Field;

/// Whether a client is signed in. A check may also say so by a `bool`.
///
/// ```
/// use selvedge_http::middleware::SignIn;
///
/// assert_eq!((SignIn::from(true), SignIn::from(false)), (SignIn::Accepted, SignIn::Refused));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// It is.
    Accepted,
    /// No user and password, or wrong ones: 401.
    Refused,
    /// It could not be found out just now: 503, to be tried again in a second.
    Busy,
}

impl From<bool> for SignIn {
    fn from(right: bool) -> Self {
        if right { Self::Accepted } else { Self::Refused }
    }
}

/// Who says whether credentials are right: an async function of [`Credentials`] that gives back a `bool` or a [`SignIn`], or
/// the [`SignIns`](super::SignIns) of a password file.
///
/// A function is asked at every request with well-formed credentials. One that computes for long, as those for hashed
/// passwords do, belongs in [`blocking`](selvedge_runtime::blocking).
///
/// ```
/// use selvedge_http::middleware::{Authenticator, Credentials, SignIn};
///
/// async fn check(credentials: &Credentials) -> SignIn {
///     match credentials.user() {
///         b"guest" => SignIn::Busy,
///         _ => credentials.are("al", "open sesame").into(),
///     }
/// }
///
/// fn is_one(_: impl Authenticator) {}
/// is_one(check);
/// is_one(async |credentials: &Credentials| credentials.are("al", "open sesame"));
/// ```
pub trait Authenticator: 'static {
    /// Whether this value of `Authorization` signs its client in.
    fn sign_in(&self, authorization: Field<'_>) -> impl Future<Output = SignIn>;
}

impl<F, R> Authenticator for F
where
    F: for<'a> AsyncFn(&'a Credentials) -> R + 'static,
    R: Into<SignIn>,
{
    async fn sign_in(&self, authorization: Field<'_>) -> SignIn {
        // Boxed: they would be half of a small exchange.
        match authorization.one().and_then(Credentials::parse).map(Box::new) {
            Some(credentials) => self(&credentials).await.into(),
            None => SignIn::Refused,
        }
    }
}
