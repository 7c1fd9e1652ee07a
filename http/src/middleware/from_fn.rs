//! Middleware out of an async closure. In: a request, and what is behind. Out: what the closure answers.

use crate::application::Application;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;

/// Middleware that is an async function or closure: it sees each request, and what is behind it as [`Next`].
///
/// ```
/// use selvedge_http::middleware::{Next, from_fn};
/// use selvedge_http::{Application, IntoResponse, Request, Response, StatusCode};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// async fn with_a_key<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
///     match request.header("authorization") {
///         Some(b"Bearer key") => next.call(request).await,
///         _ => StatusCode::UNAUTHORIZED.into_response(),
///     }
/// }
///
/// fn application() -> impl Application {
///     hello.with(from_fn(with_a_key)).with(from_fn(async |request: Request<'_>, next: Next<'_, _>| {
///         let response = next.call(request).await;
///         println!("{} {}", request.method(), response.status());
///         response
///     }))
/// }
/// # application();
/// ```
///
/// A generic function before an application that is itself an async closure is more than the compiler bears (Rust 1.95: "reached
/// the recursion limit"): one of the two has to be the other kind.
pub fn from_fn<A, F, R>(function: F) -> impl FnOnce(A) -> FromFn<A, F>
where
    A: Application,
    F: for<'r, 'n> AsyncFn(Request<'r>, Next<'n, A>) -> R + 'static,
    R: IntoResponse,
{
    move |application| FromFn { application, function }
}

/// What [`from_fn`] makes.
///
/// ```
/// use selvedge_http::middleware::{FromFn, Next, from_fn};
/// use selvedge_http::{Application, Request, Response, testing};
/// # async fn hello(_: Request<'_>) -> &'static str {
/// #     "hello"
/// # }
///
/// async fn read_only<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
///     match request.is_get_or_head() {
///         true => next.call(request).await,
///         false => Response::method_not_allowed("GET, HEAD"),
///     }
/// }
///
/// testing::run(|| -> FromFn<_, _> { hello.with(from_fn(read_only)) }, async |client| {
///     client.get("/").send().await.assert_text("hello").await;
///     client.put("/").send().await.assert_status(405).assert_header("allow", "GET, HEAD");
/// });
/// ```
#[derive(Debug, Clone)]
pub struct FromFn<A, F> {
    application: A,
    function: F,
}

/// The application behind a [`from_fn`].
///
/// ```
/// use selvedge_http::middleware::{Next, from_fn};
/// use selvedge_http::{Application, Request, Response, StatusCode, testing};
///
/// /// Asks once more where there is no answer for the moment.
/// async fn twice<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
///     let response = next.call(request).await;
///     match response.status() {
///         StatusCode::SERVICE_UNAVAILABLE => next.call(request).await,
///         _ => response,
///     }
/// }
/// # static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
/// # async fn shaky(_: Request<'_>) -> (StatusCode, &'static str) {
/// #     match CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
/// #         0 => (StatusCode::SERVICE_UNAVAILABLE, "in a moment"),
/// #         _ => (StatusCode::OK, "now it works"),
/// #     }
/// # }
///
/// testing::run(|| shaky.with(from_fn(twice)), async |client| {
///     client.get("/").send().await.assert_status(200).assert_text("now it works").await;
/// });
/// ```
#[derive(Debug)]
pub struct Next<'n, A>(&'n A);

impl<A: Application> Next<'_, A> {
    /// What it answers. It may be called several times, or not at all.
    pub async fn call(&self, request: Request<'_>) -> Response {
        self.0.call(request).await
    }
}

impl<A, F, R> Application for FromFn<A, F>
where
    A: Application,
    F: for<'r, 'n> AsyncFn(Request<'r>, Next<'n, A>) -> R + 'static,
    R: IntoResponse,
{
    async fn call(&self, request: Request<'_>) -> Response {
        (self.function)(request, Next(&self.application)).await.into_response()
    }
}
