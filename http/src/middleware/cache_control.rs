//! How long answers may be kept. In: a response of what is behind. Out: the same with Cache-Control, where it had none.

use std::fmt;

use http::{HeaderValue, StatusCode, header};

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Says `Cache-Control: value` in every successful answer that does not say anything about it itself, and in 304, which
/// takes the place of one (RFC 9110 section 15.4.5).
///
/// # Panics
/// When no field can have the value.
///
/// ```
/// use selvedge_http::middleware::cache_control;
/// use selvedge_http::{Application, Request};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// fn application() -> impl Application {
///     hello.with(cache_control("public, max-age=3600"))
/// }
/// # application();
/// ```
pub fn cache_control<A: Application, V>(value: V) -> impl FnOnce(A) -> CacheControl<A>
where
    V: TryInto<HeaderValue, Error: fmt::Debug>,
{
    let value = value.try_into().expect("a field's value");
    move |application| CacheControl { application, value }
}

/// What [`cache_control`] makes.
///
/// ```
/// use selvedge_http::middleware::{CacheControl, cache_control};
/// use selvedge_http::{Application, Request, Router, testing};
///
/// fn application() -> CacheControl<impl Application> {
///     Router::new().get("/", async |_: Request<'_>| "hello").with(cache_control("public, max-age=3600"))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_header("cache-control", "public, max-age=3600");
///     client.get("/nothing").send().await.assert_status(404).assert_no_header("cache-control");
/// });
/// ```
#[derive(Debug, Clone)]
pub struct CacheControl<A> {
    application: A,
    value: HeaderValue,
}

impl<A: Application> Application for CacheControl<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut response = self.application.call(request).await;
        let status = response.status();
        if (status.is_success() || status == StatusCode::NOT_MODIFIED)
            && !response.has_field(header::CACHE_CONTROL)
        {
            response.head_mut().fields.push((header::CACHE_CONTROL, self.value.clone()));
        }
        response
    }
}
