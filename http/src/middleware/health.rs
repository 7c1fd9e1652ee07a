//! For load balancers. In: a request for the path they ask. Out: whether this server wants requests. All others go on.

use http::{HeaderValue, StatusCode, header};

use super::path_match::{is_path, path_of};
use crate::application::Application;
use crate::request::Request;
use crate::response::Response;
use crate::shared::Draining;

/// Answers GET and HEAD for `path` with 200 and `ok`, or with 503 once the server takes leave, so that it gets no
/// further requests through connections that are open still. New ones are not accepted by then.
///
/// # Panics
/// When `path` does not begin with a slash.
///
/// ```
/// use selvedge_http::middleware::health;
/// use selvedge_http::{Application, Request};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// fn application() -> impl Application {
///     hello.with(health("/healthz"))
/// }
/// # application();
/// ```
pub fn health<A: Application>(path: impl Into<String>) -> impl FnOnce(A) -> Health<A> {
    let path = path_of(path);
    move |application| Health { application, path }
}

/// What [`health`] makes.
///
/// ```
/// use selvedge_http::middleware::{Health, health};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> Health<impl Application> {
///     (async |_: Request<'_>| "hello").with(health("/healthz"))
/// }
///
/// testing::run(application, async |client| {
///     let mut answer = client.get("/healthz").send().await;
///     answer.assert_status(200).assert_header("cache-control", "no-store").assert_text("ok").await;
///     client.get("/").send().await.assert_text("hello").await;
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Health<A> {
    application: A,
    path: String,
}

impl<A: Application> Application for Health<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        if !is_path(request.path(), &self.path) {
            return self.application.call(request).await;
        }
        let mut response = match request.draining() {
            _ if !request.is_get_or_head() => Response::method_not_allowed("GET, HEAD"),
            Draining::No => Response::text("ok"),
            Draining::Yes => Response::error(StatusCode::SERVICE_UNAVAILABLE, "the server takes leave"),
        };
        response.head_mut().fields.push((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
        response
    }
}
