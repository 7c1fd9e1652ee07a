//! Reading bodies that a client has compressed. In: a request with Content-Encoding. Out: the same with a body that is decoded
//! while it is pulled.

use http::{HeaderValue, StatusCode, header};

use super::places::Places;
use crate::application::Application;
use crate::content_coding::Decoder;
use crate::h1::BodyFraming;
use crate::negotiation::Coding;
use crate::request::Request;
use crate::response::Response;

/// Bodies that a worker decodes at a time; 503 beyond it. A decoder's window has at most 16 MiB, of which as much is in
/// memory as was decoded.
const DECODERS_MAX: usize = 256;

/// What is decoded, for who has sent something else (RFC 7694 section 3).
const ACCEPTED: HeaderValue = HeaderValue::from_static("gzip, br, zstd");

/// Decodes the bodies of requests in `gzip`, `br` or `zstd`, piece by piece as they are pulled.
///
/// * The limit of a body ([`Request::limit_body`] and the server's own) holds for the octets that are received and for those
///   that come out, so that a short body which makes a very long one is refused with 413.
/// * Another coding, or several, is refused with 415 and `Accept-Encoding` (RFC 7694); a body that is not of its coding is a
///   [`BodyError::Unreadable`](crate::BodyError::Unreadable), 400.
/// * The head stays as it was sent, `Content-Encoding` and `Content-Length` included:
///   [`RequestBody::length`](crate::RequestBody::length) is not known.
/// * Beyond 256 such bodies of one worker at a time, 503.
///
/// ```
/// use selvedge_http::middleware::decompression;
/// use selvedge_http::{Application, BodyError, Request};
///
/// async fn length(request: Request<'_>) -> Result<String, BodyError> {
///     Ok(request.body().bytes(64 * 1024).await?.len().to_string())
/// }
///
/// let application = length.with(decompression());
/// ```
pub fn decompression<A: Application>() -> impl FnOnce(A) -> Decompression<A> {
    |application| Decompression { application, places: Places::new(DECODERS_MAX) }
}

/// An application whose requests' bodies are decoded: see [`decompression`].
///
/// ```
/// use selvedge_http::middleware::{Decompression, decompression};
/// use selvedge_http::{Application, Request};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
/// let decoding: Decompression<_> = hello.with(decompression());
/// ```
#[derive(Debug)]
pub struct Decompression<A> {
    application: A,
    places: Places,
}

impl<A: Application> Application for Decompression<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let coding = match coding(request) {
            Ok(Coding::Identity) => return self.application.call(request).await,
            Ok(coding) => coding,
            Err(NotDecoded) => {
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                let refusal = Response::error(status, "content coding not supported");
                return refusal.with_header(header::ACCEPT_ENCODING, ACCEPTED);
            }
        };
        let (Some(place), Some(decoder)) = (self.places.take(), Decoder::new(coding)) else {
            return Response::unavailable("too many compressed bodies at once", 1);
        };
        match request.body().decoded(decoder, request.body_bytes_max(), place) {
            Some(body) => self.application.call(request.with_body(&body)).await,
            None => self.application.call(request).await,
        }
    }
}

/// A coding that is not known here, or several.
struct NotDecoded;

/// The coding of a request's body; identity where there is no body.
fn coding(request: Request<'_>) -> Result<Coding, NotDecoded> {
    if let BodyFraming::None | BodyFraming::Length(0) = request.head().framing() {
        return Ok(Coding::Identity);
    }
    let lines = request.head().values_named(request.head_bytes(), header::CONTENT_ENCODING.as_str());
    let names = lines.flat_map(|line| line.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let mut found = Coding::Identity;
    for name in names.filter(|name| !name.is_empty()) {
        found = match (found, Coding::from_name(name).ok_or(NotDecoded)?) {
            (coding, Coding::Identity) | (Coding::Identity, coding) => coding,
            _ => return Err(NotDecoded),
        };
    }
    Ok(found)
}
