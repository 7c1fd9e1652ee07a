//! The application's end of a request's body.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue, StatusCode};
use selvedge_runtime::Chunk;

use super::incoming::Incoming;
use super::trailers;
use crate::h1::Reject;

/// A request's body, pulled piece by piece. What is not pulled is not received: a slow reader holds its client back.
///
/// It belongs to the request and not to its handler: a response that is still being written may read it. When the exchange
/// is over, what was not read is thrown away.
///
/// ```
/// use selvedge_http::{BodyError, Request, testing};
///
/// async fn count_lines(request: Request<'_>) -> Result<String, BodyError> {
///     let mut body = request.body();
///     body.limit(1_000);
///     let mut lines = 0;
///     while let Some(piece) = body.chunk().await? {
///         lines += piece.iter().filter(|&&octet| octet == b'\n').count();
///     }
///     Ok(lines.to_string())
/// }
///
/// testing::run(|| count_lines, async |client| {
///     client.post("/").chunks(["one\ntw", "o\n"]).send().await.assert_text("2").await;
///     client.post("/").body("\n".repeat(1_001)).send().await.assert_status(413);
/// });
/// ```
#[derive(Debug)]
pub struct RequestBody {
    /// `None` where the request has no body.
    pub(super) incoming: Option<Rc<Incoming>>,
}

/// Why a body, or the rest of it, does not come, or what is wrong with it. As a response it tells the client so.
///
/// ```
/// use selvedge_http::{BodyError, IntoResponse, StatusCode};
///
/// let error = BodyError::Content("missing field `name` at line 1 column 2".into());
/// assert_eq!(error.to_string(), "request body not as expected: missing field `name` at line 1 column 2");
/// assert_eq!(error.into_response().status(), StatusCode::UNPROCESSABLE_ENTITY);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than the limit: 413.
    TooLarge,
    /// It came too slowly: 408.
    TooSlow,
    /// Its framing is broken: 400, mostly.
    Malformed(Reject),
    /// The client is gone, or ended its sending before the body's end.
    CutShort,
    /// The exchange is over: its response was sent.
    ExchangeOver,
    /// It is not text in UTF-8: 400.
    Unreadable,
    /// Its Content-Type is not the one that is read, or there is none: 415.
    MediaType,
    /// It is not written as its format asks for. Says what is wrong, and in JSON the line and column: 400.
    Syntax(Box<str>),
    /// It is well written, and not what was asked for: a field is missing, a number too large. Says which, and in JSON
    /// the line and column: 422.
    Content(Box<str>),
}

impl RequestBody {
    pub(crate) fn new(incoming: Option<Rc<Incoming>>) -> Self {
        Self { incoming }
    }

    /// Octets of the whole body: 0 where there is none, `None` where its end tells its length.
    pub fn length(&self) -> Option<u64> {
        self.incoming.as_ref().map_or(Some(0), |incoming| incoming.length())
    }

    /// The next piece, never an empty one; `None` at the end. A piece keeps one of the worker's receive buffers until it is
    /// dropped: what is to be kept for long should be copied.
    ///
    /// The client that waits for `100 Continue` gets it with the first call.
    ///
    /// # Errors
    /// See [`BodyError`]; it stays.
    pub async fn chunk(&mut self) -> Result<Option<Chunk>, BodyError> {
        let asking = Asking(self);
        poll_fn(|context| asking.0.poll_chunk(context)).await
    }

    /// As [`chunk`](Self::chunk).
    pub fn poll_chunk(&mut self, context: &Context<'_>) -> Poll<Result<Option<Chunk>, BodyError>> {
        match &self.incoming {
            Some(incoming) => incoming.poll_piece(context),
            None => Poll::Ready(Ok(None)),
        }
    }

    /// Refuses more than `bytes_max` octets from now on; a limit that was lower stays.
    pub fn limit(&mut self, bytes_max: u64) {
        if let Some(incoming) = &self.incoming {
            incoming.limit(bytes_max);
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] beyond `bytes_max` octets, and those of [`chunk`](Self::chunk).
    pub async fn bytes(&mut self, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
        let Some(incoming) = &self.incoming else { return Ok(Vec::new()) };
        incoming.limit(bytes_max as u64);
        let length = incoming.length().unwrap_or(0).min(incoming.bytes_max());
        let mut bytes = Vec::with_capacity(length as usize);
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The whole body as text.
    ///
    /// # Errors
    /// [`BodyError::Unreadable`] if it is not UTF-8, and those of [`bytes`](Self::bytes).
    pub async fn text(&mut self, bytes_max: usize) -> Result<String, BodyError> {
        String::from_utf8(self.bytes(bytes_max).await?).map_err(|_| BodyError::Unreadable)
    }
}

impl RequestBody {
    /// The trailer fields that followed a chunked body (RFC 9110 section 6.5), once its end was read; empty before, and
    /// for bodies that are not chunked. They come from `trailer_bytes_max` octets at most. They are never merged into
    /// the head, and fields for framing, routing, conditions, authentication and the content's format are left out, as
    /// they must not stand in a trailer (RFC 9110 section 6.5.1).
    ///
    /// ```
    /// use selvedge_http::{BodyError, Request};
    ///
    /// async fn upload(request: Request<'_>) -> Result<String, BodyError> {
    ///     let mut body = request.body();
    ///     let length = body.bytes(1 << 20).await?.len();
    ///     let trailers = body.trailers();
    ///     let sum = trailers.iter().find(|(name, _)| name == "x-checksum").map(|(_, value)| value);
    ///     Ok(format!("{length} octets, {sum:?}"))
    /// }
    /// ```
    pub fn trailers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match &self.incoming {
            Some(incoming) => trailers::acceptable(incoming.decoder.borrow().trailers()),
            None => Vec::new(),
        }
    }
}

/// A wait for a piece. Dropped, it does not ask for it any more.
struct Asking<'a>(&'a mut RequestBody);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(incoming) = &self.0.incoming {
            incoming.stop_asking();
        }
    }
}

impl BodyError {
    /// The status that tells the client.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed(reject) => reject.status(),
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Content(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::CutShort | Self::ExchangeOver | Self::Unreadable | Self::Syntax(_) => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    /// A few words about it.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "request body too large",
            Self::TooSlow => "request body too slow",
            Self::Malformed(reject) => reject.reason(),
            Self::CutShort => "request body cut short",
            Self::ExchangeOver => "the exchange is over",
            Self::Unreadable | Self::Syntax(_) => "request body not understood",
            Self::MediaType => "request body of a media type that is not read here",
            Self::Content(_) => "request body not as expected",
        }
    }

    /// What is wrong with its content, where that is known: a line of at most 512 octets. It may quote the client.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Syntax(detail) | Self::Content(detail) => Some(detail),
            _ => None,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())?;
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for BodyError {}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::CutShort => io::ErrorKind::UnexpectedEof,
            BodyError::TooSlow => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
