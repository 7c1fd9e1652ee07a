//! HEAD for applications that know GET alone. In: a request. Out: the answer to the same request as a GET.

use http::Method;

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Hands a HEAD on as a GET. The engine sends the answer's head, with the length of the body that a GET would get, and
/// leaves the body out (RFC 9110 section 9.3.2); one that is streamed is not written at all.
///
/// ```
/// use selvedge_http::middleware::head_from_get;
/// use selvedge_http::{Application, IntoResponse, Method, Request, Response, StatusCode};
///
/// async fn hello(request: Request<'_>) -> Response {
///     match request.method() {
///         Method::GET => "hello".into_response(),
///         _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
///     }
/// }
///
/// fn application() -> impl Application {
///     hello.with(head_from_get())
/// }
/// # application();
/// ```
pub fn head_from_get<A: Application>() -> impl FnOnce(A) -> HeadFromGet<A> {
    HeadFromGet
}

/// What [`head_from_get`] makes.
///
/// ```
/// use selvedge_http::middleware::{HeadFromGet, head_from_get};
/// use selvedge_http::{Application, Method, Request, Response, testing};
///
/// async fn hello(request: Request<'_>) -> Response {
///     match request.method() {
///         Method::GET => Response::text("hello"),
///         _ => Response::method_not_allowed("GET"),
///     }
/// }
///
/// fn application() -> HeadFromGet<impl Application> {
///     hello.with(head_from_get())
/// }
///
/// testing::run(application, async |client| {
///     client.head("/").send().await.assert_header("content-length", "5").assert_text("").await.assert_status(200);
/// });
/// ```
#[derive(Debug, Clone)]
pub struct HeadFromGet<A>(A);

impl<A: Application> Application for HeadFromGet<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        match request.method() {
            Method::HEAD => self.0.call(request.with_method(&Method::GET)).await,
            _ => self.0.call(request).await,
        }
    }
}
