//! Basic authentication (RFC 7617): a user and a password with each request.
//!
//! In: a request. Out: the response of the application behind it, or the refusal: 401 with the challenge, 503 where it could
//! not be found out. Whether credentials are right says an [`Authenticator`].

mod authenticator;
mod credentials;

#[cfg(feature = "password-files")]
mod apr1;
#[cfg(feature = "password-files")]
mod password_file;
#[cfg(feature = "password-files")]
mod password_hash;
#[cfg(feature = "password-files")]
mod sign_in;

pub use authenticator::{Authenticator, SignIn};
pub use credentials::Credentials;
#[cfg(feature = "password-files")]
pub use password_file::{BadPasswordFile, PasswordFile};
#[cfg(feature = "password-files")]
pub use sign_in::SignIns;

use std::rc::Rc;

use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::application::Application;
use crate::h1::KnownField;
use crate::request::Request;
use crate::response::{Body, Response, ResponseHead};

/// When to come again where it could not be found out whether a password is right.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// Lets those through whom `authenticator` accepts, and tells the application behind it who they are by [`SignedIn`]. The
/// others are asked for a password for `realm`, which browsers show.
///
/// What it protects is as secret as the connection is (RFC 7617 section 4): put TLS before it. Preflights of CORS carry no
/// credentials, so [`cors`](super::cors()) goes around it: added after it.
///
/// ```
/// use selvedge_http::middleware::{Credentials, SignedIn, basic_auth};
/// use selvedge_http::{Application, Request};
///
/// async fn hello(request: Request<'_>) -> String {
///     let user = request.extensions().get::<SignedIn>().expect("nobody else comes here");
///     format!("hello, {}", String::from_utf8_lossy(user.name()))
/// }
///
/// let check = async |credentials: &Credentials| credentials.are("al", "open sesame");
/// let application = hello.with(basic_auth("the cave", check));
/// ```
///
/// # Panics
/// If a control character is in `realm`.
pub fn basic_auth<A, C>(realm: &str, authenticator: C) -> impl FnOnce(A) -> BasicAuth<A, C> + use<A, C>
where
    A: Application,
    C: Authenticator,
{
    let gate = BasicAuthGate::new(realm, authenticator);
    move |application| BasicAuth { gate, application }
}

/// An application behind a password: [`basic_auth`] makes one.
///
/// ```
/// use selvedge_http::middleware::{Authenticator, BasicAuth, Credentials, basic_auth};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> BasicAuth<impl Application, impl Authenticator> {
///     let check = async |credentials: &Credentials| credentials.are("al", "open sesame");
///     (async |_: Request<'_>| "jewels").with(basic_auth("the cave", check))
/// }
///
/// testing::run(application, async |client| {
///     let mut refusal = client.get("/").send().await;
///     refusal.assert_status(401).assert_header("www-authenticate", "Basic realm=\"the cave\", charset=\"UTF-8\"");
///     let signed_in = client.get("/").header("authorization", "Basic YWw6b3BlbiBzZXNhbWU=");
///     signed_in.send().await.assert_text("jewels").await;
/// });
/// ```
#[derive(Debug)]
pub struct BasicAuth<A, C> {
    gate: BasicAuthGate<C>,
    application: A,
}

impl<A: Application, C: Authenticator> Application for BasicAuth<A, C> {
    async fn call(&self, request: Request<'_>) -> Response {
        if let Some(refusal) = self.gate.refusal(&request).await {
            return refusal;
        }
        let credentials = request.field(KnownField::Authorization).one().and_then(Credentials::parse);
        if let Some(credentials) = credentials {
            request.extensions().insert(SignedIn(credentials.user().into()));
        }
        self.application.call(request).await
    }
}

/// Who has signed in: noted at the request's [`extensions`](Request::extensions) by [`basic_auth`].
///
/// ```
/// use selvedge_http::Request;
/// use selvedge_http::middleware::SignedIn;
///
/// fn is_admin(request: &Request<'_>) -> bool {
///     request.extensions().get::<SignedIn>().is_some_and(|user| user.name() == b"admin")
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn(Rc<[u8]>);

impl SignedIn {
    /// The user's name.
    pub fn name(&self) -> &[u8] {
        &self.0
    }
}

/// What [`basic_auth`] does with a request before the application, for applications that do more with a refusal than send it.
///
/// ```
/// use selvedge_http::middleware::{BasicAuthGate, Credentials};
/// use selvedge_http::{Request, Response};
///
/// # async fn answer(request: Request<'_>) -> Response {
/// let check = async |credentials: &Credentials| credentials.are("al", "open sesame");
/// let gate = BasicAuthGate::new("the cave", check);
/// if let Some(refusal) = gate.refusal(&request).await {
///     return refusal;
/// }
/// # Response::text("")
/// # }
/// ```
#[derive(Debug)]
pub struct BasicAuthGate<C> {
    challenge: HeaderValue,
    authenticator: C,
}

impl<C: Authenticator> BasicAuthGate<C> {
    /// A gate to `realm`.
    ///
    /// # Panics
    /// If a control character is in `realm`.
    pub fn new(realm: &str, authenticator: C) -> Self {
        Self { challenge: challenge(realm), authenticator }
    }

    /// The answer to a client who is not signed in; `None` where the request goes on.
    pub async fn refusal(&self, request: &Request<'_>) -> Option<Response> {
        match self.authenticator.sign_in(request.field(KnownField::Authorization)).await {
            SignIn::Accepted => None,
            SignIn::Refused => {
                Some(error(StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE, self.challenge.clone()))
            }
            SignIn::Busy => Some(error(StatusCode::SERVICE_UNAVAILABLE, header::RETRY_AFTER, RETRY_AFTER_S)),
        }
    }
}

/// What a client without a valid password is asked for (RFC 7617 section 2), the realm as a quoted string (RFC 9110 section
/// 5.6.4).
fn challenge(realm: &str) -> HeaderValue {
    let quoted = realm.replace('\\', r"\\").replace('"', "\\\"");
    let challenge = format!("Basic realm=\"{quoted}\", charset=\"UTF-8\"");
    HeaderValue::from_bytes(challenge.as_bytes()).expect("no control character is in the realm")
}

/// An error with a field of its own.
fn error(status: StatusCode, name: HeaderName, value: HeaderValue) -> Response {
    let head = ResponseHead {
        content_type: Some("text/plain; charset=utf-8"),
        fields: vec![(name, value)],
        ..ResponseHead::new(status)
    };
    Response::new(head, Body::Error { reason: "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_quoted() {
        assert_eq!(challenge("restricted"), "Basic realm=\"restricted\", charset=\"UTF-8\"");
        let expected = "Basic realm=\"a \\\"b\\\" \\\\ c\", charset=\"UTF-8\"";
        assert_eq!(challenge("a \"b\" \\ c"), expected);
    }

    #[test]
    #[should_panic(expected = "no control character")]
    fn a_realm_with_a_line_end_is_refused() {
        challenge("a\r\nb");
    }
}
