//! The application's end of a request's body.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::StatusCode;
use selvedge_runtime::Chunk;

use super::incoming::Incoming;
use crate::h1::Reject;

/// A request's body, pulled piece by piece. What is not pulled is not received: a slow reader holds its client back.
///
/// It belongs to the request and not to its handler: a response that is still being written may read it. When the exchange
/// is over, what was not read is thrown away.
#[derive(Debug)]
pub struct RequestBody {
    /// `None` where the request has no body.
    incoming: Option<Rc<Incoming>>,
}

/// Why a body, or the rest of it, does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// It is not what it was asked to be: text in UTF-8, JSON, a form: 400.
    Unreadable,
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
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed(reject) => reject.status(),
            Self::CutShort | Self::ExchangeOver | Self::Unreadable => StatusCode::BAD_REQUEST,
        }
    }

    /// A few words about it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "request body too large",
            Self::TooSlow => "request body too slow",
            Self::Malformed(reject) => reject.reason(),
            Self::CutShort => "request body cut short",
            Self::ExchangeOver => "the exchange is over",
            Self::Unreadable => "request body not understood",
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
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
