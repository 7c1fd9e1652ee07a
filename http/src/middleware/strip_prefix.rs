//! An application below a path. In: a request for a path below it. Out: the answer of what is behind, which sees the
//! rest of the path.

use http::StatusCode;

use super::path_match::{behind, prefix_of};
use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Takes `prefix` off the front of each path, and answers 404 where it is not there. Below `/api`, the path
/// `/api/users` is `/users`, `/api` and `/api/` are `/`, and `/apix` is not below it.
///
/// `prefix` is written as it is read, not encoded. The path as it was sent is [`Request::original_path`]; links of what
/// is behind need it, or have to be relative.
///
/// # Panics
/// When `prefix` does not begin with a slash.
///
/// ```
/// use selvedge_http::middleware::strip_prefix;
/// use selvedge_http::{Application, IntoResponse, Request, Response, StatusCode};
///
/// async fn users(request: Request<'_>) -> Response {
///     match request.path() {
///         b"/users" => "nobody".into_response(),
///         _ => StatusCode::NOT_FOUND.into_response(),
///     }
/// }
///
/// fn application() -> impl Application {
///     users.with(strip_prefix("/api"))
/// }
/// # application();
/// ```
pub fn strip_prefix<A: Application>(prefix: impl Into<String>) -> impl FnOnce(A) -> StripPrefix<A> {
    let prefix = prefix_of(prefix);
    move |application| StripPrefix { application, prefix }
}

/// What [`strip_prefix`] makes.
///
/// ```
/// use selvedge_http::middleware::{StripPrefix, strip_prefix};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> StripPrefix<impl Application> {
///     (async |request: Request<'_>| request.path().to_vec()).with(strip_prefix("/api"))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/api/users").send().await.assert_body("/users").await;
///     client.get("/api").send().await.assert_body("/").await;
///     client.get("/users").send().await.assert_status(404);
/// });
/// ```
#[derive(Debug, Clone)]
pub struct StripPrefix<A> {
    application: A,
    prefix: String,
}

impl<A: Application> Application for StripPrefix<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        match behind(request.path(), &self.prefix) {
            None => Response::error(StatusCode::NOT_FOUND, ""),
            Some(b"") => self.application.call(request.with_path(b"/")).await,
            Some(rest) => self.application.call(request.with_path(rest)).await,
        }
    }
}
