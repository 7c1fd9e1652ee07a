//! Panics of handlers. In: a request. Out: what is behind answers, or 500 if it panics.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use http::StatusCode;

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// A handler that panics is answered for with 500, and its connection goes on; without this, the connection ends
/// without an answer. Either way the panic is counted and reported, and nobody else's request is touched.
///
/// A streamed body is written after the handler has returned. If its writer panics, the body ends as one that failed:
/// its client sees that it is not whole.
///
/// ```
/// use selvedge_http::middleware::{recover, recover_with};
/// use selvedge_http::{Application, Request, Response, StatusCode};
///
/// async fn divide(request: Request<'_>) -> String {
///     (100 / request.path().len().saturating_sub(1)).to_string()
/// }
///
/// fn application() -> impl Application {
///     divide.with(recover())
/// }
///
/// fn with_a_page() -> impl Application {
///     let page = || Response::html("<h1>Our fault</h1>").with_status(StatusCode::INTERNAL_SERVER_ERROR);
///     divide.with(recover_with(page))
/// }
/// # application();
/// # with_a_page();
/// ```
pub fn recover<A: Application>() -> impl FnOnce(A) -> Recover<A, fn() -> Response> {
    let respond: fn() -> Response = || Response::error(StatusCode::INTERNAL_SERVER_ERROR, "");
    recover_with(respond)
}

/// As [`recover`], with a response of one's own.
pub fn recover_with<A: Application, F: Fn() -> Response + 'static>(
    respond: F,
) -> impl FnOnce(A) -> Recover<A, F> {
    move |application| Recover { application, respond }
}

/// What [`recover`] makes.
///
/// ```
/// use selvedge_http::middleware::{Recover, recover};
/// use selvedge_http::{Application, Request, Response, testing};
///
/// async fn echo(request: Request<'_>) -> Vec<u8> {
///     request.query().expect("a query").to_vec()
/// }
///
/// fn application() -> Recover<impl Application, fn() -> Response> {
///     echo.with(recover())
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_status(500);
///     client.get("/?a=1").send().await.assert_body("a=1").await;
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Recover<A, F> {
    application: A,
    respond: F,
}

impl<A: Application, F: Fn() -> Response + 'static> Application for Recover<A, F> {
    async fn call(&self, request: Request<'_>) -> Response {
        // The call itself is foreign code, too: it is made in the first poll.
        let mut answering = pin!(async { self.application.call(request).await });
        let answered = poll_fn(|context| {
            // Unwind safe as a task is: the future is not polled again, and what the application shares among its
            // requests is in the state in which a panic that ends the connection would leave it.
            match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))) {
                Ok(polled) => polled.map(Some),
                Err(panic) => {
                    selvedge_runtime::report_panic("a handler panicked", panic);
                    Poll::Ready(None)
                }
            }
        });
        match answered.await {
            Some(response) => response,
            None => (self.respond)(),
        }
    }
}
