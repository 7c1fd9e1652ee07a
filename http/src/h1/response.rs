//! Step 7 of a request's walk, head: by byte copies. In: status and fields. Out: octets in a block. Next: send.

use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode};

use super::date::DATE_LEN;
use super::framing::Persistence;
use super::request::Version;
use super::status::status_line;
use crate::fixed_fields::FixedFields;
use crate::negotiation::Coding;
use crate::syntax::{is_field_text, is_token};

/// Writes one response head into a buffer of fixed size, in the order of its calls: [`HeadWriter::status`] first,
/// [`HeadWriter::finish`] last.
///
/// A call that fails is remembered and answered by `finish`, so that calls chain; what stands in the buffer is worthless
/// then. Which fields a status may carry is the caller's business.
///
/// ```
/// use selvedge_http::StatusCode;
/// use selvedge_http::h1::HeadWriter;
///
/// let mut buffer = [0; 256];
/// let mut writer = HeadWriter::new(&mut buffer);
/// let head = writer.status(StatusCode::OK).content_length(5).field("x-trace", b"7").finish()?;
/// assert_eq!(&buffer[..head.len], b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-trace: 7\r\n\r\n");
/// # Ok::<(), selvedge_http::h1::HeadError>(())
/// ```
#[derive(Debug)]
pub struct HeadWriter<'b> {
    buffer: &'b mut [u8],
    /// Octets written; at most the buffer's length.
    len: usize,
    date_start: Option<usize>,
    error: Option<HeadError>,
}

/// A finished head.
///
/// ```
/// use selvedge_http::StatusCode;
/// use selvedge_http::h1::date::format_date;
/// use selvedge_http::h1::{DATE_LEN, HeadWriter};
///
/// let mut buffer = [0; 256];
/// let head = HeadWriter::new(&mut buffer).status(StatusCode::NO_CONTENT).date(&format_date(0)).finish()?;
/// // A second later the same head is used again.
/// if let Some(start) = head.date_start {
///     buffer[start..start + DATE_LEN].copy_from_slice(&format_date(1));
/// }
/// assert!(buffer[..head.len].ends_with(b"date: Thu, 01 Jan 1970 00:00:01 GMT\r\n\r\n"));
/// # Ok::<(), selvedge_http::h1::HeadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenHead {
    /// Octets of the head with its empty line, from the buffer's start.
    pub len: usize,
    /// Where the [`DATE_LEN`] octets of the Date stand, so that a prepared response can be patched in a new second.
    pub date_start: Option<usize>,
}

/// Whether a response's body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyWish {
    /// Head and body.
    Send,
    /// The head alone, with the body's length: the answer to HEAD (RFC 9110 section 9.3.2).
    Omit,
}

/// Why a head could not be written.
///
/// ```
/// use selvedge_http::StatusCode;
/// use selvedge_http::h1::{HeadError, HeadWriter};
///
/// let mut buffer = [0; 256];
/// let mut writer = HeadWriter::new(&mut buffer);
/// // What a client has sent must not begin a field of its own.
/// writer.status(StatusCode::SEE_OTHER).field("location", b"/\r\nset-cookie: a=1");
/// assert_eq!(writer.finish(), Err(HeadError::Value));
/// assert_eq!(HeadWriter::new(&mut []).status(StatusCode::OK).finish(), Err(HeadError::Full));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The buffer is too small.
    Full,
    /// A field name that is not a token.
    Name,
    /// A field value with CR, LF, NUL or another control octet: it could begin a field or a response of its own.
    Value,
}

impl<'b> HeadWriter<'b> {
    /// A writer at the start of `buffer`.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        HeadWriter { buffer, len: 0, date_start: None, error: None }
    }

    /// The status line.
    #[inline]
    pub fn status(&mut self, status: StatusCode) -> &mut Self {
        match status_line(status) {
            Some(line) => self.put(line),
            // RFC 9112 section 4: the space stays when the phrase is empty.
            None => self.put(b"HTTP/1.1 ").put(status.as_str().as_bytes()).put(b" \r\n"),
        }
    }

    /// `Date`; its place is in [`WrittenHead::date_start`].
    #[inline]
    pub fn date(&mut self, date: &[u8; DATE_LEN]) -> &mut Self {
        self.put(b"date: ");
        self.date_start = Some(self.len);
        self.put(date).put(b"\r\n")
    }

    /// `Content-Length`, in octets.
    #[inline]
    pub fn content_length(&mut self, length: u64) -> &mut Self {
        self.put(b"content-length: ").number(length).put(b"\r\n")
    }

    /// `Content-Type`; its value is checked, as that of any [`field`](Self::field).
    #[inline]
    pub(crate) fn content_type(&mut self, value: &str) -> &mut Self {
        self.check_value(value.as_bytes());
        self.put(b"content-type: ").put(value.as_bytes()).put(b"\r\n")
    }

    /// `Content-Encoding`.
    pub(crate) fn content_coding(&mut self, coding: Coding) -> &mut Self {
        self.put(b"content-encoding: ").put(coding.as_str().as_bytes()).put(b"\r\n")
    }

    /// `Transfer-Encoding: chunked`; never beside a Content-Length, never to an HTTP/1.0 client.
    pub fn chunked(&mut self) -> &mut Self {
        self.put(b"transfer-encoding: chunked\r\n")
    }

    /// `Connection`, only where it says something: `close`, or `keep-alive` to an HTTP/1.0 client.
    #[inline]
    pub fn connection(&mut self, version: Version, persistence: Persistence) -> &mut Self {
        match (version, persistence) {
            (_, Persistence::Close) => self.put(b"connection: close\r\n"),
            (Version::Http10, Persistence::Reuse) => self.put(b"connection: keep-alive\r\n"),
            (Version::Http11, Persistence::Reuse) => self,
        }
    }

    /// `Connection` of a 426: who says Upgrade names it here too (RFC 9110 section 7.8).
    pub fn connection_upgrade_required(&mut self, version: Version, persistence: Persistence) -> &mut Self {
        match (version, persistence) {
            (_, Persistence::Close) => self.put(b"connection: upgrade, close\r\n"),
            (Version::Http10, Persistence::Reuse) => self.put(b"connection: upgrade, keep-alive\r\n"),
            (Version::Http11, Persistence::Reuse) => self.connection_upgrade(),
        }
    }

    /// `Connection` of a 101 (RFC 9110 section 7.8).
    pub fn connection_upgrade(&mut self) -> &mut Self {
        self.put(b"connection: upgrade\r\n")
    }

    /// `Last-Modified`.
    pub fn last_modified(&mut self, date: &[u8; DATE_LEN]) -> &mut Self {
        self.put(b"last-modified: ").put(date).put(b"\r\n")
    }

    /// `Accept-Ranges: bytes` (RFC 9110 section 14.3).
    pub fn accept_ranges(&mut self) -> &mut Self {
        self.put(b"accept-ranges: bytes\r\n")
    }

    /// `Content-Range` of a 206 (RFC 9110 section 14.4): the octets from `start` on, `len` of them, at least 1, out of
    /// `size`.
    pub fn content_range(&mut self, start: u64, len: u64, size: u64) -> &mut Self {
        debug_assert!(len > 0 && start < size && len <= size - start);
        self.put(b"content-range: bytes ").number(start).put(b"-").number(start + (len - 1));
        self.put(b"/").number(size).put(b"\r\n")
    }

    /// `Content-Range` of a 416: the size there is.
    pub fn content_range_unsatisfied(&mut self, size: u64) -> &mut Self {
        self.put(b"content-range: bytes */").number(size).put(b"\r\n")
    }

    /// A field by name and value, both checked: CR, LF, NUL and other controls never reach the client.
    pub fn field(&mut self, name: &str, value: &[u8]) -> &mut Self {
        if name.is_empty() || !name.bytes().all(is_token) {
            self.error = self.error.or(Some(HeadError::Name));
        }
        self.check_value(value);
        self.line(name.as_bytes(), value)
    }

    /// A field of the `http` crate, which has checked it already.
    pub fn header(&mut self, name: &HeaderName, value: &HeaderValue) -> &mut Self {
        self.line(name.as_str().as_bytes(), value.as_bytes())
    }

    /// Field lines that were checked when they were made.
    #[inline]
    pub fn fixed(&mut self, fields: &FixedFields) -> &mut Self {
        self.put(fields.as_bytes())
    }

    /// The empty line.
    ///
    /// # Errors
    /// The first error of all calls.
    #[inline]
    pub fn finish(&mut self) -> Result<WrittenHead, HeadError> {
        self.put(b"\r\n");
        match self.error {
            Some(error) => Err(error),
            None => Ok(WrittenHead { len: self.len, date_start: self.date_start }),
        }
    }

    #[inline]
    fn check_value(&mut self, value: &[u8]) {
        if !is_field_text(value) {
            self.error = self.error.or(Some(HeadError::Value));
        }
    }

    #[inline]
    fn line(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        self.put(name).put(b": ").put(value).put(b"\r\n")
    }

    #[inline]
    fn number(&mut self, number: u64) -> &mut Self {
        self.put(itoa::Buffer::new().format(number).as_bytes())
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        match self.buffer[self.len..].get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.error = self.error.or(Some(HeadError::Full)),
        }
        self
    }
}

/// The value that [`HeadWriter::content_range`] writes.
pub(crate) fn content_range(start: u64, len: u64, size: u64) -> String {
    format!("bytes {start}-{}/{size}", start + (len - 1))
}

/// The value that [`HeadWriter::content_range_unsatisfied`] writes.
pub(crate) fn content_range_unsatisfied(size: u64) -> String {
    format!("bytes */{size}")
}

impl fmt::Display for HeadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            HeadError::Full => "response head does not fit its buffer",
            HeadError::Name => "response field name is not a token",
            HeadError::Value => "control octet in a response field value",
        })
    }
}

impl std::error::Error for HeadError {}

#[cfg(test)]
mod tests;
