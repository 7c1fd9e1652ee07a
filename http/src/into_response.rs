//! What a handler may give back instead of a whole [`Response`].

use std::borrow::Cow;
use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::body::BodyError;
use crate::h1::ErrorBody;
use crate::response::Response;

/// What a response can be made of.
///
/// ```
/// use selvedge_http::{BodyError, IntoResponse, Request, Response, StatusCode};
///
/// async fn echo(request: Request<'_>) -> Result<(StatusCode, String), BodyError> {
///     Ok((StatusCode::ACCEPTED, request.body().text(1_024).await?))
/// }
/// assert_eq!(BodyError::TooLarge.into_response().status(), StatusCode::PAYLOAD_TOO_LARGE);
/// ```
pub trait IntoResponse {
    /// The response.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

/// 204.
impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::empty(StatusCode::NO_CONTENT)
    }
}

/// An empty answer, or an error with its line of text.
impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        match self.is_client_error() || self.is_server_error() {
            true => Response::error(self, ""),
            false => Response::empty(self),
        }
    }
}

/// Text.
impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

/// Text.
impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::text(self.into_bytes())
    }
}

/// Text.
impl IntoResponse for Cow<'static, str> {
    fn into_response(self) -> Response {
        match self {
            Cow::Borrowed(text) => text.into_response(),
            Cow::Owned(text) => text.into_response(),
        }
    }
}

/// Octets of no certain type.
impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        Response::octets(self)
    }
}

/// Octets of no certain type.
impl IntoResponse for &'static [u8] {
    fn into_response(self) -> Response {
        Response::octets(self)
    }
}

/// Octets of no certain type.
impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        Response::octets(self)
    }
}

/// With another status.
impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self) -> Response {
        self.1.into_response().with_status(self.0)
    }
}

/// With more fields.
impl<R: IntoResponse, const N: usize> IntoResponse for ([(HeaderName, HeaderValue); N], R) {
    fn into_response(self) -> Response {
        let fields = self.0.into_iter();
        fields.fold(self.1.into_response(), |response, (name, value)| response.with_header(name, value))
    }
}

/// Either.
impl<R: IntoResponse, E: IntoResponse> IntoResponse for Result<R, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl IntoResponse for Infallible {
    fn into_response(self) -> Response {
        match self {}
    }
}

/// 400, 408, 413, 415 or 422, with what is known about it.
impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        match self.detail() {
            Some(_) => {
                let mut text = ErrorBody { status: self.status(), reason: "" }.pieces().concat();
                text.pop();
                text.extend_from_slice(format!(": {self}\n").as_bytes());
                Response::text(text).with_status(self.status())
            }
            None => Response::error(self.status(), self.reason()),
        }
    }
}
