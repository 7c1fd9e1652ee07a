//! Field lines of a head (RFC 9112 section 5): a known one without a search, any by a walk over all.

use http::{HeaderName, HeaderValue};
use memchr::memchr;

use super::known_field::KnownField;
use super::request::RequestHead;
use crate::syntax::trim_ows;

/// A place in a head. Offset 0 is the request line's or an empty line's, so a span that starts there means "absent".
///
/// ```
/// # use selvedge_http::h1::{HeadScanner, Limits, Reject, RequestHead, Scan};
/// use selvedge_http::h1::{Method, Span};
///
/// # fn main() -> Result<(), Reject> {
/// # let limits = Limits::default();
/// let octets = b"PURGE /a HTTP/1.1\r\nHost: example.org\r\n\r\n";
/// # let Scan::Complete(complete) = HeadScanner::new().scan(octets, &limits)? else { panic!("it is whole") };
/// # let head = RequestHead::parse(complete, &limits)?;
/// // `head` is the RequestHead of these octets.
/// let Method::Other(span) = head.method() else { panic!("it is none of the usual ones") };
/// assert_eq!(span.of(octets), b"PURGE");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first octet from the head's first octet.
    pub start: u16,
    /// Length in octets; 0 is an empty value.
    pub len: u16,
}

impl Span {
    /// No place: the field did not come.
    pub const ABSENT: Span = Span { start: 0, len: 0 };

    /// The span of `range`, whose ends fit: a head is at most 65,535 octets.
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= usize::from(u16::MAX));
        Span { start: start as u16, len: (end - start) as u16 }
    }

    /// The same place, of octets that `bytes` others precede.
    #[inline]
    pub(super) fn behind(self, bytes: usize) -> Self {
        if self.is_absent() { self } else { Span { start: self.start + bytes as u16, len: self.len } }
    }

    /// Whether this is [`Span::ABSENT`].
    #[inline]
    pub fn is_absent(self) -> bool {
        self.start == 0
    }

    /// The octets at this place of `head`.
    ///
    /// # Panics
    /// When `head` is shorter than the head the span was made from.
    #[inline]
    pub fn of(self, head: &[u8]) -> &[u8] {
        let start = usize::from(self.start);
        &head[start..start + usize::from(self.len)]
    }
}

/// The value of a field that should come on one line at most.
///
/// ```
/// use selvedge_http::h1::{Field, KnownField};
/// use selvedge_http::{Request, StatusCode, testing};
///
/// async fn agent(request: Request<'_>) -> Result<Vec<u8>, StatusCode> {
///     match request.field(KnownField::UserAgent) {
///         Field::One(agent) => Ok(agent.to_vec()),
///         Field::Absent => Ok(b"unknown".to_vec()),
///         Field::Several => Err(StatusCode::BAD_REQUEST),
///     }
/// }
///
/// testing::run(|| agent, async |client| {
///     client.get("/").send().await.assert_text("unknown").await;
///     client.get("/").header("user-agent", "curl").send().await.assert_text("curl").await;
///     client.get("/").header("user-agent", "a").header("user-agent", "b").send().await.assert_status(400);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'b> {
    /// No line.
    Absent,
    /// One line, and its value without the whitespace around it.
    One(&'b [u8]),
    /// Several lines. For a list ask for the values; for another field it is the sender's error.
    Several,
}

impl<'b> Field<'b> {
    /// The value, if there is exactly one line.
    pub fn one(self) -> Option<&'b [u8]> {
        match self {
            Field::One(value) => Some(value),
            Field::Absent | Field::Several => None,
        }
    }
}

/// One field line.
///
/// ```
/// use selvedge_http::h1::FieldLine;
/// use selvedge_http::{Request, testing};
///
/// fn shown(line: FieldLine<'_>) -> String {
///     format!("{}={};", line.name.escape_ascii(), line.value.escape_ascii())
/// }
///
/// async fn mirror(request: Request<'_>) -> String {
///     request.headers().map(shown).collect()
/// }
///
/// testing::run(|| mirror, async |client| {
///     let response = client.get("/").header("X-Trace", "  7 ").send();
///     response.await.assert_text("host=localhost;X-Trace=7;").await;
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLine<'b> {
    /// The name as it was sent: one or more token octets, in any case.
    pub name: &'b [u8],
    /// The value without the whitespace around it; it may be empty and may hold octets from 0x80 up.
    pub value: &'b [u8],
}

/// Writes a field line behind `lines`. The types say that neither part can end it.
pub(crate) fn append_line(lines: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
        lines.extend_from_slice(piece);
    }
}

/// All field lines of a head, in order, by [`RequestHead::field_lines`]; or of a trailer section, by
/// [`BodyDecoder::trailers`](super::BodyDecoder::trailers).
///
/// ```
/// # use selvedge_http::h1::{HeadScanner, Limits, Reject, RequestHead, Scan};
/// # fn main() -> Result<(), Reject> {
/// # let limits = Limits::default();
/// let octets = b"GET / HTTP/1.1\r\nHost: example.org\r\nAccept: text/html\r\n\r\n";
/// # let Scan::Complete(complete) = HeadScanner::new().scan(octets, &limits)? else { panic!("it is whole") };
/// # let head = RequestHead::parse(complete, &limits)?;
/// // `head` is the RequestHead of these octets.
/// let names: Vec<_> = head.field_lines(octets).map(|line| line.name).collect();
/// assert_eq!(names, [&b"Host"[..], b"Accept"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FieldLines<'b> {
    /// From the start of a line to the head's end.
    rest: &'b [u8],
}

impl<'b> FieldLines<'b> {
    /// `lines` is what follows the request line of a parsed head.
    pub(crate) fn new(lines: &'b [u8]) -> Self {
        FieldLines { rest: lines }
    }
}

impl<'b> Iterator for FieldLines<'b> {
    type Item = FieldLine<'b>;

    /// The lines were validated by the parser; other octets than the parsed ones end the walk early.
    fn next(&mut self) -> Option<FieldLine<'b>> {
        let line_feed = memchr(b'\n', self.rest)?;
        let line = self.rest[..line_feed].strip_suffix(b"\r")?;
        let colon = memchr(b':', line)?;
        self.rest = &self.rest[line_feed + 1..];
        Some(FieldLine { name: &line[..colon], value: trim_ows(&line[colon + 1..]) })
    }
}

/// The values of all lines of one field, in order; by [`RequestHead::values`] and [`RequestHead::values_named`].
///
/// ```
/// use selvedge_http::h1::KnownField;
/// use selvedge_http::{Request, testing};
///
/// // A list may come on several lines.
/// async fn accepted(request: Request<'_>) -> Vec<u8> {
///     request.values(KnownField::Accept).collect::<Vec<_>>().join(&b", "[..])
/// }
///
/// testing::run(|| accepted, async |client| {
///     let request = client.get("/").header("accept", "text/html").header("Accept", "*/*;q=0.1");
///     request.send().await.assert_text("text/html, */*;q=0.1").await;
/// });
/// ```
#[derive(Clone, Debug)]
pub struct FieldValues<'b> {
    source: Source<'b>,
}

#[derive(Clone, Debug)]
enum Source<'b> {
    /// At most one line, whose value is known.
    Known(Option<&'b [u8]>),
    /// Lines to look through.
    Walk { lines: FieldLines<'b>, name: &'b str },
}

impl<'b> FieldValues<'b> {
    pub(crate) fn known(value: Option<&'b [u8]>) -> Self {
        FieldValues { source: Source::Known(value) }
    }

    pub(crate) fn walk(lines: FieldLines<'b>, name: &'b str) -> Self {
        FieldValues { source: Source::Walk { lines, name } }
    }
}

impl<'b> Iterator for FieldValues<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        match &mut self.source {
            Source::Known(value) => value.take(),
            Source::Walk { lines, name } => {
                lines.find(|line| line.name.eq_ignore_ascii_case(name.as_bytes())).map(|line| line.value)
            }
        }
    }
}

impl RequestHead {
    /// All field lines in order. `head` is the octets the head was parsed from.
    ///
    /// # Panics
    /// When `head` is shorter than the parsed head was (so do all methods here).
    pub fn field_lines<'b>(&self, head: &'b [u8]) -> FieldLines<'b> {
        FieldLines::new(self.section_octets(head))
    }

    /// A known field, without a search.
    #[inline]
    pub fn field<'b>(&self, head: &'b [u8], field: KnownField) -> Field<'b> {
        self.section().field(self.section_octets(head), field)
    }

    /// The values of all lines of a known field; a search only if there are several.
    #[inline]
    pub fn values<'b>(&self, head: &'b [u8], field: KnownField) -> FieldValues<'b> {
        self.section().values(self.section_octets(head), field)
    }

    /// The field called `name` (in any case): a known one without a search, another by one through the head. What is no
    /// field's name is absent.
    pub fn field_named<'b>(&self, head: &'b [u8], name: &str) -> Field<'b> {
        if let Some(known) = KnownField::from_name(name.as_bytes()) {
            return self.field(head, known);
        }
        let is_named = |line: &FieldLine<'_>| line.name.eq_ignore_ascii_case(name.as_bytes());
        let mut lines = self.field_lines(head).filter(is_named);
        match (lines.next(), lines.next()) {
            (None, _) => Field::Absent,
            (Some(line), None) => Field::One(line.value),
            (Some(_), Some(_)) => Field::Several,
        }
    }

    /// The values of all lines of the field called `name` (in any case), by a search through the head.
    pub fn values_named<'b>(&self, head: &'b [u8], name: &'b str) -> FieldValues<'b> {
        FieldValues::walk(self.field_lines(head), name)
    }
}
