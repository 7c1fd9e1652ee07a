//! Step 4 of a request's walk, parse: its head. In: a [`CompleteHead`]. Out: a [`RequestHead`], offsets into those octets,
//! with the body's framing. Next: the application.

use super::field::Span;
use super::field_section::FieldSection;
use super::framing::{BodyFraming, Expect, Persistence, Upgrade};
use super::limits::Limits;
use super::method::Method;
use super::reject::Reject;
use super::request_line::{RequestLine, VERSION_LINE_BYTES};
use super::scan::CompleteHead;
use super::section_memory::{Hint, SectionMemory};
use super::target::{ConnectPolicy, TargetForm};

/// A version of HTTP/1.x.
///
/// ```
/// use selvedge_http::h1::Version;
/// use selvedge_http::{Request, testing};
///
/// async fn spoken(request: Request<'_>) -> &'static str {
///     match request.version() {
///         Version::Http10 => "an old client",
///         Version::Http11 => "a usual client",
///     }
/// }
///
/// testing::run(|| spoken, async |client| {
///     client.get("/").http10().send().await.assert_text("an old client").await;
///     client.raw("GET / HTTP/1.7\r\nHost: a\r\n\r\n").await.assert_text("a usual client").await;
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1, or a later 1.x, which is served as 1.1.
    Http11,
}

impl From<Version> for http::Version {
    fn from(version: Version) -> Self {
        match version {
            Version::Http10 => http::Version::HTTP_10,
            Version::Http11 => http::Version::HTTP_11,
        }
    }
}

/// A validated request head, as offsets: it holds no octets and no table of fields, so that an exchange stays small.
/// Methods that need the octets take the head's octets ([`CompleteHead::bytes`], or a copy of them).
///
/// ```
/// use selvedge_http::h1::{HeadScanner, KnownField, Limits, Method, RequestHead, Scan};
///
/// let limits = Limits::default();
/// let octets = b"GET /a?b=1 HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n";
/// if let Scan::Complete(complete) = HeadScanner::new().scan(octets, &limits)? {
///     let head = RequestHead::parse(complete, &limits)?;
///     assert_eq!(head.method(), Method::Get);
///     assert_eq!((head.path(octets), head.query(octets)), (&b"/a"[..], Some(&b"b=1"[..])));
///     assert_eq!(head.field(octets, KnownField::Accept).one(), Some(&b"*/*"[..]));
/// }
/// # else { panic!("it is whole") }
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead {
    section: FieldSection,
    method: Method,
    path: Span,
    query: Span,
    /// Of an absolute-form target, else Host's value, else absent.
    authority: Span,
    len: u16,
    fields_start: u16,
    version: Version,
    target_form: TargetForm,
}

/// An exchange of each connection holds one.
const _: () = assert!(size_of::<RequestHead>() < 160);

impl RequestHead {
    /// Parses a head that the scanner found to be complete. Allocates nothing. CONNECT is refused.
    ///
    /// # Errors
    /// What RFC 9112 and [`Limits`] refuse: see [`Reject`].
    pub fn parse(head: CompleteHead<'_>, limits: &Limits) -> Result<Self, Reject> {
        Self::parse_with(head, limits, ConnectPolicy::Refused)
    }

    /// As [`parse`](Self::parse), with CONNECT as `connect` has it.
    ///
    /// # Errors
    /// As there.
    pub fn parse_with(
        head: CompleteHead<'_>,
        limits: &Limits,
        connect: ConnectPolicy,
    ) -> Result<Self, Reject> {
        let bytes = head.bytes();
        let line = RequestLine::parse(bytes, head.start(), limits, connect)?;
        let section = FieldSection::parse(&bytes[line.end..], limits, line.version)?;
        Ok(Self::of(&line, &section, bytes.len()))
    }

    /// As by the scanner and [`parse_with`](Self::parse_with), for the head that `received` begins with, if its field section has
    /// come before. `None` says nothing else of it.
    #[inline]
    pub(crate) fn recall(
        received: &[u8],
        limits: &Limits,
        connect: ConnectPolicy,
        memory: &mut SectionMemory,
        hint: &mut Hint,
    ) -> Option<Self> {
        let received = &received[..received.len().min(usize::from(limits.head_bytes_max))];
        let line = RequestLine::parse(received, 0, limits, connect).ok()?;
        let (section, section_bytes) = memory.find(hint, received.get(line.end..)?, line.version)?;
        (line.end <= limits.request_line_bytes_max())
            .then(|| Self::of(&line, section, line.end + section_bytes))
    }

    #[inline]
    fn of(line: &RequestLine, section: &FieldSection, length: usize) -> Self {
        let named = line.target.authority;
        let authority = if named.is_absent() { section.host().behind(line.end) } else { named };
        Self {
            section: *section,
            method: line.method,
            path: line.target.path,
            query: line.target.query,
            authority,
            len: length as u16,
            fields_start: line.end as u16,
            version: line.version,
            target_form: line.target.form,
        }
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The version, of which later minor ones count as 1.1.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Octets of the head, a leading empty line included.
    #[expect(clippy::len_without_is_empty, reason = "a head is never empty")]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The form of the target.
    pub fn target_form(&self) -> TargetForm {
        self.target_form
    }

    /// The path as it was sent, beginning with `/` (which stands for the empty path of an absolute-form); `*` in
    /// asterisk-form, empty in authority-form. Not decoded: see [`crate::path::SitePath`].
    ///
    /// # Panics
    /// When `head` is shorter than the parsed head was (so do all methods that take the octets).
    pub fn path<'b>(&self, head: &'b [u8]) -> &'b [u8] {
        match (self.target_form, self.path.is_absent()) {
            (TargetForm::Asterisk, _) => b"*",
            (TargetForm::Authority, _) => b"",
            (_, true) => b"/",
            (_, false) => self.path.of(head),
        }
    }

    /// The query as it was sent, without its `?`; `Some` of nothing after a lone `?`.
    pub fn query<'b>(&self, head: &'b [u8]) -> Option<&'b [u8]> {
        (!self.query.is_absent()).then(|| self.query.of(head))
    }

    /// The authority the request is for: the target's own, else Host's value (it may be empty), else `None` (HTTP/1.0).
    /// It is a valid `uri-host [ ":" port ]`, and the client's choice: never make a link from it unchecked.
    pub fn authority<'b>(&self, head: &'b [u8]) -> Option<&'b [u8]> {
        (!self.authority.is_absent()).then(|| self.authority.of(head))
    }

    /// How the body is framed.
    pub fn framing(&self) -> BodyFraming {
        self.section.framing
    }

    /// Whether the client lets the connection be used again.
    pub fn persistence(&self) -> Persistence {
        self.section.persistence
    }

    /// What the client expects before it sends the body.
    pub fn expect(&self) -> Expect {
        self.section.expect
    }

    /// Whether the client offers another protocol.
    pub fn upgrade(&self) -> Upgrade {
        self.section.upgrade
    }

    /// The request line without the query and the version: method, one space, target.
    pub(crate) fn what_is_asked<'b>(&self, head: &'b [u8]) -> &'b [u8] {
        let start = if head[0] == b'\r' { 2 } else { 0 };
        let end = match self.query.is_absent() {
            true => self.fields_start() - VERSION_LINE_BYTES - 1,
            false => usize::from(self.query.start) - 1,
        };
        &head[start..end]
    }

    /// Where the field lines begin.
    pub(crate) fn fields_start(&self) -> usize {
        usize::from(self.fields_start)
    }

    pub(crate) fn section(&self) -> &FieldSection {
        &self.section
    }

    /// The field lines and the empty line behind them, of the octets that the head was parsed from.
    #[inline]
    pub(crate) fn section_octets<'b>(&self, head: &'b [u8]) -> &'b [u8] {
        &head[self.fields_start()..self.len()]
    }
}

#[cfg(test)]
mod tests;
