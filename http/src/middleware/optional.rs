//! Middleware that is there or not, as a configuration says. In: a request. Out: what the one or the other answers.

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Puts `middleware` around an application if there is one.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::middleware::{optional, timeout};
/// use selvedge_http::{Application, Request};
///
/// fn application(patience: Option<Duration>) -> impl Application {
///     let hello = async |_: Request<'_>| "hello";
///     hello.with(optional(patience.map(timeout)))
/// }
/// # application(None);
/// ```
pub fn optional<A: Application, B: Application, M: FnOnce(A) -> B>(
    middleware: Option<M>,
) -> impl FnOnce(A) -> Optional<A, B> {
    move |application| match middleware {
        Some(middleware) => Optional::Within(middleware(application)),
        None => Optional::Bare(application),
    }
}

/// What [`optional`] makes.
///
/// ```
/// use selvedge_http::middleware::{Optional, body_limit, optional};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application(bytes_max: Option<u64>) -> Optional<impl Application, impl Application> {
///     (async |_: Request<'_>| "hello").with(optional(bytes_max.map(body_limit)))
/// }
///
/// assert!(matches!(application(None), Optional::Bare(_)));
/// testing::run(|| application(Some(4)), async |client| {
///     client.post("/").body("of five").send().await.assert_status(413);
/// });
/// ```
#[derive(Debug, Clone)]
pub enum Optional<A, B> {
    /// The application as it was.
    Bare(A),
    /// The application within middleware.
    Within(B),
}

impl<A: Application, B: Application> Application for Optional<A, B> {
    async fn call(&self, request: Request<'_>) -> Response {
        match self {
            Self::Bare(application) => application.call(request).await,
            Self::Within(application) => application.call(request).await,
        }
    }
}
