//! Step 4 of a request's walk, parse: its head. In: a [`CompleteHead`]. Out: a [`RequestHead`], offsets into those octets,
//! with the body's framing. Next: the application.

use super::field::Span;
use super::framing::{BodyFraming, Expect, Persistence, Upgrade, parse_connection};
use super::known_field::{KnownField, KnownFields};
use super::limits::Limits;
use super::method::Method;
use super::reject::Reject;
use super::request_line::RequestLine;
use super::scan::CompleteHead;
use super::target::{ConnectPolicy, TargetForm, is_authority};

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
    framing: BodyFraming,
    fields: KnownFields,
    method: Method,
    path: Span,
    query: Span,
    /// Of an absolute-form target, else Host's value, else absent.
    authority: Span,
    len: u16,
    fields_start: u16,
    version: Version,
    target_form: TargetForm,
    persistence: Persistence,
    expect: Expect,
    upgrade: Upgrade,
}

/// An exchange of each connection holds one.
const _: () = assert!(size_of::<RequestHead>() < 160);

/// Field lines that fit the small table; a browser sends about 15. More cost a second pass with a large table.
const FIELDS_USUAL: usize = 32;

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
        let line = RequestLine::parse(head, limits, connect)?;
        let mut fields = KnownFields::default();
        parse_fields(bytes, line.end, limits, &mut fields)?;
        let mut parsed = RequestHead {
            framing: BodyFraming::parse(bytes, &fields, line.version)?,
            fields,
            method: line.method,
            path: line.target.path,
            query: line.target.query,
            authority: parse_authority(bytes, &fields, line.target.authority, line.version)?,
            len: bytes.len() as u16,
            fields_start: line.end as u16,
            version: line.version,
            target_form: line.target.form,
            persistence: Persistence::Reuse,
            expect: Expect::None,
            upgrade: Upgrade::None,
        };
        parsed.expect = Expect::parse(parsed.field(bytes, KnownField::Expect), line.version);
        (parsed.persistence, parsed.upgrade) = parse_connection(
            parsed.values(bytes, KnownField::Connection),
            parsed.field(bytes, KnownField::Upgrade),
            line.version,
        );
        Ok(parsed)
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
        self.framing
    }

    /// Whether the client lets the connection be used again.
    pub fn persistence(&self) -> Persistence {
        self.persistence
    }

    /// What the client expects before it sends the body.
    pub fn expect(&self) -> Expect {
        self.expect
    }

    /// Whether the client offers another protocol.
    pub fn upgrade(&self) -> Upgrade {
        self.upgrade
    }

    /// Where the field lines begin.
    pub(crate) fn fields_start(&self) -> usize {
        usize::from(self.fields_start)
    }

    pub(crate) fn known_fields(&self) -> &KnownFields {
        &self.fields
    }
}

#[inline]
fn parse_fields(bytes: &[u8], start: usize, limits: &Limits, fields: &mut KnownFields) -> Result<(), Reject> {
    let fields_max = limits.fields_max_capped();
    let mut table = [httparse::EMPTY_HEADER; FIELDS_USUAL];
    match httparse::parse_headers(&bytes[start..], &mut table[..fields_max.min(FIELDS_USUAL)]) {
        Err(httparse::Error::TooManyHeaders) if fields_max > FIELDS_USUAL => {
            parse_many_fields(bytes, start, fields_max, fields)
        }
        result => index_fields(bytes, start, result, fields),
    }
}

#[cold]
#[inline(never)]
fn parse_many_fields(
    bytes: &[u8],
    start: usize,
    fields_max: usize,
    fields: &mut KnownFields,
) -> Result<(), Reject> {
    let mut table = [httparse::EMPTY_HEADER; Limits::FIELDS_CAP as usize];
    let result = httparse::parse_headers(&bytes[start..], &mut table[..fields_max]);
    index_fields(bytes, start, result, fields)
}

#[inline]
fn index_fields(
    bytes: &[u8],
    start: usize,
    result: httparse::Result<(usize, &[httparse::Header<'_>])>,
    fields: &mut KnownFields,
) -> Result<(), Reject> {
    let lines = match result {
        // The scanner and httparse must agree on where the head ends, or another message would be read than was scanned.
        Ok(httparse::Status::Complete((len, lines))) if start + len == bytes.len() => lines,
        Ok(_) => return Err(Reject::FieldName),
        Err(httparse::Error::TooManyHeaders) => return Err(Reject::TooManyFields),
        Err(httparse::Error::HeaderValue) => return Err(Reject::FieldValue),
        Err(_) => return Err(Reject::FieldName),
    };
    let base = bytes.as_ptr() as usize;
    for line in lines {
        if let Some(field) = KnownField::from_name(line.name.as_bytes()) {
            // httparse's slices point into `bytes`, empty ones too.
            let value_start = line.value.as_ptr() as usize - base;
            fields.note(field, Span::new(value_start, value_start + line.value.len()));
        }
    }
    Ok(())
}

/// RFC 9112 section 3.2: exactly one valid Host in HTTP/1.1, also beside an absolute-form target.
#[inline]
fn parse_authority(
    bytes: &[u8],
    fields: &KnownFields,
    target_authority: Span,
    version: Version,
) -> Result<Span, Reject> {
    let host = fields.span(KnownField::Host);
    if host.is_absent() {
        return match version {
            Version::Http11 => Err(Reject::HostMissing),
            Version::Http10 => Ok(target_authority),
        };
    }
    if fields.is_repeated(KnownField::Host) {
        return Err(Reject::HostRepeated);
    }
    if !is_authority(host.of(bytes)) {
        return Err(Reject::HostInvalid);
    }
    Ok(if target_authority.is_absent() { host } else { target_authority })
}

#[cfg(test)]
mod tests;
