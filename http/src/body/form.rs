//! Forms and queries as values: `application/x-www-form-urlencoded` (URL Standard section 5) by serde.

use serde::de::DeserializeOwned;

use super::media::{RequestMedia, content_error};
use super::request_body::BodyError;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;

impl Request<'_> {
    /// The body, of at most `bytes_max` octets, read as a form that a browser has sent without files. A name that comes
    /// several times makes a `Vec`. What is not UTF-8 is replaced.
    ///
    /// ```
    /// use selvedge_http::{BodyError, Request};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Comment {
    ///     author: String,
    ///     #[serde(default)]
    ///     tag: Vec<String>,
    /// }
    ///
    /// async fn comment(request: Request<'_>) -> Result<String, BodyError> {
    ///     let comment: Comment = request.form(16 << 10).await?;
    ///     Ok(format!("{} has set {} tags", comment.author, comment.tag.len()))
    /// }
    /// ```
    ///
    /// # Errors
    /// * [`BodyError::MediaType`] unless Content-Type is `application/x-www-form-urlencoded`.
    /// * [`BodyError::Content`] if it does not make a `T`.
    /// * Those of [`RequestBody::bytes`](crate::RequestBody::bytes).
    pub async fn form<T: DeserializeOwned>(&self, bytes_max: usize) -> Result<T, BodyError> {
        if self.media() != RequestMedia::Form {
            return Err(BodyError::MediaType);
        }
        let bytes = self.body().bytes(bytes_max).await?;
        serde_html_form::from_bytes(&bytes).map_err(content_error)
    }

    /// The query as a value; no query is as an empty one. A name that comes several times makes a `Vec`. What is not
    /// UTF-8 is replaced.
    ///
    /// ```
    /// use selvedge_http::{QueryError, Request};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Page {
    ///     #[serde(default)]
    ///     from: u64,
    ///     limit: Option<u64>,
    /// }
    ///
    /// async fn list(request: Request<'_>) -> Result<String, QueryError> {
    ///     let page: Page = request.query_as()?;
    ///     Ok(format!("{} from {}", page.limit.unwrap_or(100), page.from))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`QueryError`] if it does not make a `T`.
    pub fn query_as<T: DeserializeOwned>(&self) -> Result<T, QueryError> {
        serde_html_form::from_bytes(self.query().unwrap_or_default())
            .map_err(|error| QueryError(content_error(error)))
    }
}

/// A query that does not make the value it was asked for. As a response it is a 400 that says why.
///
/// ```
/// use selvedge_http::{IntoResponse, QueryError, StatusCode};
///
/// fn answer(error: QueryError) {
///     assert!(error.to_string().starts_with("query not as expected: "));
///     assert_eq!(error.into_response().status(), StatusCode::BAD_REQUEST);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError(BodyError);

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "query not as expected: {}", self.0.detail().unwrap_or_default())
    }
}

impl std::error::Error for QueryError {}

impl IntoResponse for QueryError {
    fn into_response(self) -> Response {
        let status = http::StatusCode::BAD_REQUEST;
        Response::text(format!("{status}: {self}\n").into_bytes()).with_status(status)
    }
}
