//! A bound of request bodies. In: a request. Out: what is behind answers, who cannot read more than that.

use http::StatusCode;

use crate::application::Application;
use crate::h1::BodyFraming;
use crate::request::Request;
use crate::response::Response;

/// Refuses request bodies of more than `bytes_max` octets: at once with 413 where the length is said, else whoever
/// reads it gets [`BodyError::TooLarge`](crate::BodyError::TooLarge), whose response is a 413.
///
/// It only lowers: the server's own limit ([`Limits`](crate::h1::Limits)) holds before it.
///
/// ```
/// use selvedge_http::middleware::body_limit;
/// use selvedge_http::{Application, BodyError, Request};
///
/// async fn length(request: Request<'_>) -> Result<String, BodyError> {
///     let mut body = request.body();
///     let mut length = 0;
///     while let Some(chunk) = body.chunk().await? {
///         length += chunk.len();
///     }
///     Ok(format!("{length} octets"))
/// }
///
/// fn application() -> impl Application {
///     length.with(body_limit(16 * 1024))
/// }
/// # application();
/// ```
pub fn body_limit<A: Application>(bytes_max: u64) -> impl FnOnce(A) -> BodyLimit<A> {
    move |application| BodyLimit { application, bytes_max }
}

/// What [`body_limit`] makes.
///
/// ```
/// use selvedge_http::middleware::{BodyLimit, body_limit};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> BodyLimit<impl Application> {
///     (async |request: Request<'_>| request.body().text(1_000).await).with(body_limit(4))
/// }
///
/// testing::run(application, async |client| {
///     client.put("/").body("four").send().await.assert_text("four").await;
///     client.put("/").body("of five").send().await.assert_status(413);
///     // Here nobody says the length: who reads it finds out.
///     client.put("/").chunks(["of ", "five"]).send().await.assert_status(413);
/// });
/// ```
#[derive(Debug, Clone)]
pub struct BodyLimit<A> {
    application: A,
    bytes_max: u64,
}

impl<A: Application> Application for BodyLimit<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        if let BodyFraming::Length(length) = request.head().framing()
            && length > self.bytes_max
        {
            return Response::error(StatusCode::PAYLOAD_TOO_LARGE, "request body too large");
        }
        request.limit_body(self.bytes_max);
        self.application.call(request).await
    }
}
