//! JSON, both ways: a request's body as a value, and a value as a response.

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::media::{RequestMedia, content_error, syntax_error};
use super::request_body::BodyError;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::{Body, Response, ResponseHead};

impl Request<'_> {
    /// The body, of at most `bytes_max` octets, read as JSON.
    ///
    /// ```
    /// use selvedge_http::{BodyError, Json, Request};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     article: String,
    ///     count: u32,
    /// }
    ///
    /// async fn order(request: Request<'_>) -> Result<Json<u32>, BodyError> {
    ///     let order: Order = request.json(16 << 10).await?;
    ///     println!("{} of {}", order.count, order.article);
    ///     Ok(Json(order.count))
    /// }
    /// ```
    ///
    /// # Errors
    /// * [`BodyError::MediaType`] unless Content-Type is `application/json` or ends in `+json`: a browser lets any page
    ///   send other types across origins without asking.
    /// * [`BodyError::Syntax`] if it is not JSON, [`BodyError::Content`] if it does not make a `T`; both tell line and
    ///   column.
    /// * Those of [`RequestBody::bytes`](crate::RequestBody::bytes).
    pub async fn json<T: DeserializeOwned>(&self, bytes_max: usize) -> Result<T, BodyError> {
        if self.media() != RequestMedia::Json {
            return Err(BodyError::MediaType);
        }
        let bytes = self.body().bytes(bytes_max).await?;
        serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
            Category::Data => content_error(error),
            Category::Syntax | Category::Eof | Category::Io => syntax_error(error),
        })
    }
}

/// A value that is answered as JSON: 200, or with another status by [`Response::with_status`].
///
/// ```
/// use selvedge_http::{IntoResponse, Json, StatusCode};
///
/// let response = (StatusCode::CREATED, Json([1, 2, 3])).into_response();
/// assert_eq!(response.head().content_type, Some("application/json"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        Response::json(&self.0)
    }
}

impl Response {
    /// 200 with a value as JSON. A value that JSON cannot say, such as a map whose keys are no strings, is reported and
    /// makes it a 500.
    ///
    /// ```
    /// use selvedge_http::{Response, StatusCode};
    ///
    /// assert_eq!(Response::json(&["a", "b"]).status(), StatusCode::OK);
    /// ```
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => {
                let head = ResponseHead {
                    content_type: Some("application/json"),
                    ..ResponseHead::new(StatusCode::OK)
                };
                Self::new(head, Body::Full(json.into()))
            }
            Err(error) => {
                selvedge_runtime::report("json", || {
                    format!("a response cannot be written as JSON; 500 is answered instead: {error}")
                });
                Self::error(StatusCode::INTERNAL_SERVER_ERROR, "")
            }
        }
    }
}
