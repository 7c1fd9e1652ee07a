//! A handler's time. In: a request. Out: what is behind answers within its time, else an error.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use selvedge_runtime::timer;

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// A handler has `duration`, from its first await on; then it is dropped at the await it is in, and 503 is answered.
///
/// The time is that to the response. A streamed body may take longer: the server's own [`Timeouts`](crate::Timeouts)
/// see to it that its client reads. A handler that reads the request's body waits for the client too, so its time
/// includes the upload's.
///
/// A handler that answers without having to wait costs nothing.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::middleware::{timeout, timeout_with_status};
/// use selvedge_http::{Application, Request, StatusCode};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// fn application() -> impl Application {
///     hello.with(timeout(Duration::from_secs(10)))
/// }
///
/// /// Of a gateway, whose own servers are slow.
/// fn gateway() -> impl Application {
///     hello.with(timeout_with_status(Duration::from_secs(10), StatusCode::GATEWAY_TIMEOUT))
/// }
/// # application();
/// # gateway();
/// ```
pub fn timeout<A: Application>(duration: Duration) -> impl FnOnce(A) -> Timeout<A> {
    timeout_with_status(duration, StatusCode::SERVICE_UNAVAILABLE)
}

/// As [`timeout`], with another status.
pub fn timeout_with_status<A: Application>(
    duration: Duration,
    status: StatusCode,
) -> impl FnOnce(A) -> Timeout<A> {
    move |application| Timeout { application, duration, status }
}

/// What [`timeout`] makes.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::middleware::{Timeout, timeout_with_status};
/// use selvedge_http::{Application, Request, StatusCode, testing};
///
/// fn application() -> Timeout<impl Application> {
///     let stuck = async |_: Request<'_>| std::future::pending::<String>().await;
///     stuck.with(timeout_with_status(Duration::from_millis(1), StatusCode::GATEWAY_TIMEOUT))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_status(504);
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Timeout<A> {
    application: A,
    duration: Duration,
    status: StatusCode,
}

impl<A: Application> Application for Timeout<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut answering = pin!(self.application.call(request));
        let mut sleep = None;
        let answered = poll_fn(|context| {
            if let Poll::Ready(response) = answering.as_mut().poll(context) {
                return Poll::Ready(Some(response));
            }
            let sleep = sleep.get_or_insert_with(|| timer::sleep(self.duration));
            Pin::new(sleep).poll(context).map(|()| None)
        });
        match answered.await {
            Some(response) => response,
            None => Response::error(self.status, "the answer took too long"),
        }
    }
}
