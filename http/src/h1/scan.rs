//! Step 4 of a request's walk, parse: where the head ends. In: the octets received so far. Out: a [`CompleteHead`].
//! Next: [`super::request`].

use memchr::memchr2;

use super::limits::Limits;
use super::reject::Reject;
use crate::syntax::is_token;

/// Finds the end of a head that may arrive in pieces, without looking twice at what it has seen.
///
/// Feed it *all* octets of the head so far, contiguous and from the same start, each time more have come. It refuses a
/// bare CR or LF as soon as it sees one: a recipient that takes a bare LF for a line's end reads another message than a
/// proxy that does not. What it answers does not depend on how the octets were split.
///
/// ```
/// use selvedge_http::h1::{HeadScanner, Limits, Scan};
///
/// let mut scanner = HeadScanner::new();
/// let (mut received, mut length) = (Vec::new(), None);
/// for piece in [&b"GET / HT"[..], b"TP/1.1\r\nHost: a\r\n\r", b"\n", b"GET /next"] {
///     received.extend_from_slice(piece);
///     if let Scan::Complete(head) = scanner.scan(&received, &Limits::default())? {
///         length = Some(head.len());
///         break;
///     }
/// }
/// assert_eq!((length, received.len()), (Some(27), 27));
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadScanner {
    stage: Stage,
    /// Where the line being scanned begins.
    line_start: u16,
    /// Octets known to hold no line end after `line_start`; `line_start <= scanned`.
    scanned: u16,
}

/// What [`HeadScanner::scan`] found.
///
/// ```
/// use selvedge_http::h1::{HeadScanner, Limits, Scan};
///
/// let limits = Limits::default();
/// let mut scanner = HeadScanner::new();
/// assert_eq!(scanner.scan(b"GET / HTTP/1.1\r\nHo", &limits)?, Scan::Incomplete);
/// match scanner.scan(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &limits)? {
///     Scan::Complete(head) => assert_eq!(head.len(), 27),
///     Scan::Incomplete => unreachable!("its empty line has come"),
/// }
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan<'b> {
    /// More octets are needed.
    Incomplete,
    /// The head is there.
    Complete(CompleteHead<'b>),
}

/// Octets that are exactly one head: at most one leading CRLF, then lines that all end in CRLF, the last of them empty.
/// Only the scanner makes one, so the parser need not look for bare CR and LF again. What follows the head begins at
/// offset [`CompleteHead::len`] of the octets that were scanned.
///
/// ```
/// use selvedge_http::h1::{HeadScanner, Limits, Scan};
///
/// let received = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n";
/// let Scan::Complete(head) = HeadScanner::new().scan(received, &Limits::default())? else {
///     panic!("its empty line has come");
/// };
/// // Without a body, the next request follows at once.
/// assert!(received[head.len()..].starts_with(b"GET /2"));
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompleteHead<'b> {
    bytes: &'b [u8],
    start: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    RequestLine,
    FieldLines,
}

impl HeadScanner {
    /// A scanner at the start of a head.
    pub const fn new() -> Self {
        HeadScanner { stage: Stage::Start, line_start: 0, scanned: 0 }
    }

    /// Whether the request line has begun: a leading empty line alone is an idle connection (no 408 for it).
    pub fn has_begun(&self) -> bool {
        self.stage != Stage::Start
    }

    /// Looks for the head's end in `bytes`, which must extend what was given before. `limits` must stay the same.
    ///
    /// # Errors
    /// A bare CR or LF, a first octet that begins no method, 414 or 431 when a limit is passed.
    pub fn scan<'b>(&mut self, bytes: &'b [u8], limits: &Limits) -> Result<Scan<'b>, Reject> {
        if self.stage == Stage::Start && !self.begin(bytes)? {
            return Ok(Scan::Incomplete);
        }
        loop {
            let (cap, too_long) = self.cap(limits);
            let window = &bytes[..bytes.len().min(cap)];
            let scanned = usize::from(self.scanned).min(window.len());
            let line_end = match memchr2(b'\r', b'\n', &window[scanned..]) {
                None => Err(window.len()),
                Some(offset) => {
                    let at = scanned + offset;
                    match (window[at], window.get(at + 1)) {
                        (b'\n', _) => return Err(Reject::BareLineFeed),
                        (_, None) => Err(at),
                        (_, Some(b'\n')) => Ok(at),
                        (_, Some(_)) => return Err(Reject::BareCarriageReturn),
                    }
                }
            };
            match line_end {
                Err(_) if window.len() == cap => return Err(too_long),
                Err(seen) => {
                    self.scanned = seen as u16;
                    return Ok(Scan::Incomplete);
                }
                Ok(at) if at == usize::from(self.line_start) => {
                    let start = if bytes[0] == b'\r' { 2 } else { 0 };
                    return Ok(Scan::Complete(CompleteHead { bytes: &bytes[..at + 2], start }));
                }
                Ok(at) => {
                    self.stage = Stage::FieldLines;
                    self.line_start = (at + 2) as u16;
                    self.scanned = self.line_start;
                }
            }
        }
    }

    /// Skips at most one empty line before the request line (RFC 9112 section 2.2). False: more octets are needed.
    fn begin(&mut self, bytes: &[u8]) -> Result<bool, Reject> {
        let start = match bytes {
            [] | [b'\r'] => return Ok(false),
            [b'\r', b'\n', ..] => 2,
            [b'\r', ..] => return Err(Reject::BareCarriageReturn),
            _ => 0,
        };
        match bytes.get(start) {
            None => return Ok(false),
            Some(b'\n') => return Err(Reject::BareLineFeed),
            Some(&first) if !is_token(first) => return Err(Reject::NotHttp),
            Some(_) => {}
        }
        *self = HeadScanner { stage: Stage::RequestLine, line_start: start as u16, scanned: start as u16 };
        Ok(true)
    }

    /// How far the line's end may lie, and what it is called when it does not. At most `u16::MAX`, so that every offset
    /// kept here fits.
    fn cap(&self, limits: &Limits) -> (usize, Reject) {
        let head_cap = usize::from(limits.head_bytes_max);
        match self.stage {
            Stage::FieldLines => (head_cap, Reject::HeadTooLong),
            Stage::Start | Stage::RequestLine => {
                let line_cap = usize::from(self.line_start) + limits.request_line_bytes_max();
                (head_cap.min(line_cap), Reject::TargetTooLong)
            }
        }
    }
}

impl<'b> CompleteHead<'b> {
    /// All octets of the head, a leading CRLF included.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// Octets of the head, a leading CRLF included, at least 3: what to take off the front of the receive buffer.
    #[expect(clippy::len_without_is_empty, reason = "a head is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where the request line begins: 0, or 2 after a leading CRLF.
    pub(crate) fn start(&self) -> usize {
        usize::from(self.start)
    }
}

#[cfg(test)]
mod tests;
