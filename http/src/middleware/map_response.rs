//! Middleware out of a function of the response alone. In: what is behind answers. Out: what the function makes of it.

use crate::application::Application;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;

/// What `map` makes of each response.
///
/// A response whose head is not asked for by [`Response::head_mut`] stays as cheap to send as it was.
///
/// ```
/// use selvedge_http::middleware::map_response;
/// use selvedge_http::{Application, Request, Response, StatusCode};
///
/// async fn lookup(_: Request<'_>) -> StatusCode {
///     StatusCode::NOT_FOUND
/// }
///
/// fn application() -> impl Application {
///     lookup.with(map_response(|response: Response| match response.status() {
///         StatusCode::NOT_FOUND => Response::html("<h1>Not here</h1>").with_status(StatusCode::NOT_FOUND),
///         _ => response,
///     }))
/// }
/// # application();
/// ```
pub fn map_response<A, F, R>(map: F) -> impl FnOnce(A) -> MapResponse<A, F>
where
    A: Application,
    F: Fn(Response) -> R + 'static,
    R: IntoResponse,
{
    move |application| MapResponse { application, map }
}

/// As [`map_response`], for an async function.
///
/// ```
/// use selvedge_http::middleware::map_response_async;
/// use selvedge_http::{Application, Request, Response, StatusCode};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// /// In capitals.
/// async fn shout(response: Response) -> Result<Vec<u8>, StatusCode> {
///     let (_, mut body) = response.into_reader();
///     let said = body.bytes(64 * 1024).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
///     Ok(said.to_ascii_uppercase())
/// }
///
/// fn application() -> impl Application {
///     hello.with(map_response_async(shout))
/// }
/// # application();
/// ```
pub fn map_response_async<A, F, R>(map: F) -> impl FnOnce(A) -> MapResponseAsync<A, F>
where
    A: Application,
    F: AsyncFn(Response) -> R + 'static,
    R: IntoResponse,
{
    move |application| MapResponseAsync { application, map }
}

/// What [`map_response`] makes.
///
/// ```
/// use selvedge_http::middleware::{MapResponse, map_response};
/// use selvedge_http::{Application, Request, Response, header, testing};
///
/// fn application() -> MapResponse<impl Application, impl Fn(Response) -> Response> {
///     let sign = |response: Response| response.with_header(header::SERVER, "hello/1");
///     (async |_: Request<'_>| "hello").with(map_response(sign))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_header("server", "hello/1").assert_text("hello").await;
/// });
/// ```
#[derive(Debug, Clone)]
pub struct MapResponse<A, F> {
    application: A,
    map: F,
}

/// What [`map_response_async`] makes.
///
/// ```
/// use selvedge_http::middleware::{MapResponseAsync, map_response_async};
/// use selvedge_http::{Application, Request, Response, StatusCode, testing};
///
/// /// How long a body is, in its place.
/// async fn measured(response: Response) -> Result<String, StatusCode> {
///     let (_, mut body) = response.into_reader();
///     let octets = body.bytes(1_000).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
///     Ok(format!("{} octets", octets.len()))
/// }
///
/// let hello = async |_: Request<'_>| "hello";
/// let application = move || -> MapResponseAsync<_, _> { hello.with(map_response_async(measured)) };
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_text("5 octets").await;
/// });
/// ```
#[derive(Debug, Clone)]
pub struct MapResponseAsync<A, F> {
    application: A,
    map: F,
}

impl<A, F, R> Application for MapResponse<A, F>
where
    A: Application,
    F: Fn(Response) -> R + 'static,
    R: IntoResponse,
{
    async fn call(&self, request: Request<'_>) -> Response {
        (self.map)(self.application.call(request).await).into_response()
    }
}

impl<A, F, R> Application for MapResponseAsync<A, F>
where
    A: Application,
    F: AsyncFn(Response) -> R + 'static,
    R: IntoResponse,
{
    async fn call(&self, request: Request<'_>) -> Response {
        (self.map)(self.application.call(request).await).await.into_response()
    }
}
