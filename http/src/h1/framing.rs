//! How long a request's body is (RFC 9112 section 6), and what its head asks of the connection (section 9).
//!
//! Where RFC 9112 leaves a choice between repairing and refusing, this refuses: two recipients that repair differently
//! are what request smuggling is made of.

use super::field::{Field, FieldValues};
use super::known_field::{KnownField, KnownFields};
use super::limits::Limits;
use super::reject::Reject;
use super::request::Version;
use crate::syntax::{parse_digits, trim_ows};

/// The framing of a request's body.
///
/// ```
/// # use selvedge_http::h1::{HeadScanner, RequestHead, Scan};
/// use selvedge_http::h1::{BodyFraming, Limits, Reject};
///
/// # fn main() -> Result<(), Reject> {
/// # let limits = Limits::default();
/// let octets = b"POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5000\r\n\r\n";
/// # let Scan::Complete(complete) = HeadScanner::new().scan(octets, &limits)? else { panic!("it is whole") };
/// # let head = RequestHead::parse(complete, &limits)?;
/// // `head` is the RequestHead of these octets.
/// assert_eq!(head.framing(), BodyFraming::Length(5000));
/// let narrow = Limits { body_bytes_max: 1000, ..Limits::default() };
/// assert_eq!(head.framing().check(&narrow), Err(Reject::BodyTooLarge));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// No body: no length, or a length of 0.
    None,
    /// As many octets, at least 1.
    Length(u64),
    /// Chunked transfer coding: give the octets to a [`super::ChunkedDecoder`].
    Chunked,
}

/// What becomes of the connection after this exchange, as far as the request decides it (RFC 9112 section 9.3).
///
/// ```
/// use selvedge_http::h1::Persistence;
/// use selvedge_http::{Request, testing};
///
/// async fn afterwards(request: Request<'_>) -> &'static str {
///     match request.head().persistence() {
///         Persistence::Reuse => "stays open",
///         Persistence::Close => "closes",
///     }
/// }
///
/// testing::run(|| afterwards, async |client| {
///     client.get("/").send().await.assert_text("stays open").await;
///     client.get("/").http10().send().await.assert_text("closes").await;
///     client.get("/").header("connection", "close").send().await.assert_text("closes").await;
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It may carry another request.
    Reuse,
    /// It is closed after the response.
    Close,
}

/// What the request expects (RFC 9110 section 10.1.1).
///
/// ```
/// use selvedge_http::h1::Expect;
/// use selvedge_http::{Request, StatusCode, testing};
///
/// async fn upload(request: Request<'_>) -> StatusCode {
///     // Whoever waits to be asked for the body can be spared sending it.
///     match request.head().expect() {
///         Expect::Continue if request.body().length() > Some(10) => StatusCode::PAYLOAD_TOO_LARGE,
///         _ => StatusCode::NO_CONTENT,
///     }
/// }
///
/// testing::run(|| upload, async |client| {
///     let request = client.put("/").header("expect", "100-continue");
///     request.body("rather a lot").send().await.assert_status(413);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing, or `100-continue` from an HTTP/1.0 client, which must be ignored.
    None,
    /// `100-continue`: the client waits for a 100 before it sends the body.
    Continue,
    /// Something else: 417.
    Unsupported,
}

/// Whether the client offers another protocol for this connection (RFC 9110 section 7.8).
///
/// ```
/// use selvedge_http::h1::Upgrade;
/// use selvedge_http::{HeaderValue, IntoResponse, Request, Response, StreamBody, testing};
///
/// async fn chat(request: Request<'_>) -> Response {
///     match request.head().upgrade() {
///         Upgrade::Offered => Response::upgrade(HeaderValue::from_static("chat"), async |mut client| {
///             client.write(b"hello").await
///         }),
///         Upgrade::None => "only for programs that chat".into_response(),
///     }
/// }
///
/// testing::run(|| chat, async |client| {
///     client.get("/").send().await.assert_status(200);
///     let silent = StreamBody::of(|_| async { Ok(()) });
///     client.get("/").upgrade("chat", silent).send().await.assert_status(101).assert_text("hello").await;
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// No, or from an HTTP/1.0 client, where it must be ignored.
    None,
    /// `Connection: upgrade` with an Upgrade field: its values say what.
    Offered,
}

impl BodyFraming {
    /// Refuses a declared length beyond `limits.body_bytes_max` (413). A chunked body is counted by its decoder.
    ///
    /// # Errors
    /// [`Reject::BodyTooLarge`].
    pub fn check(self, limits: &Limits) -> Result<(), Reject> {
        match self {
            BodyFraming::Length(length) if length > limits.body_bytes_max => Err(Reject::BodyTooLarge),
            _ => Ok(()),
        }
    }

    #[inline]
    pub(crate) fn parse(head: &[u8], fields: &KnownFields, version: Version) -> Result<Self, Reject> {
        let length = fields.span(KnownField::ContentLength);
        let coding = fields.span(KnownField::TransferEncoding);
        if length.is_absent() && coding.is_absent() {
            return Ok(BodyFraming::None);
        }
        if !coding.is_absent() {
            if version == Version::Http10 {
                return Err(Reject::TransferEncodingInHttp10);
            }
            if !length.is_absent() {
                return Err(Reject::ContentLengthWithTransferEncoding);
            }
            if fields.is_repeated(KnownField::TransferEncoding) {
                return Err(Reject::TransferEncodingInvalid);
            }
            return parse_transfer_encoding(coding.of(head)).map(|()| BodyFraming::Chunked);
        }
        if fields.is_repeated(KnownField::ContentLength) {
            return Err(Reject::ContentLengthRepeated);
        }
        match parse_digits(length.of(head)) {
            None => Err(Reject::ContentLengthInvalid),
            Some(0) => Ok(BodyFraming::None),
            Some(length) => Ok(BodyFraming::Length(length)),
        }
    }
}

/// Accepts `chunked` alone. RFC 9112 section 6.3: what does not end in `chunked` has no known length, 400; section 6.1:
/// a coding before it that is not understood, 501. None is: no client sends one, every proxy reads it differently.
fn parse_transfer_encoding(value: &[u8]) -> Result<(), Reject> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.rsplit(|&byte| byte == b',').map(trim_ows);
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    if !codings.next().is_some_and(is_chunked)
        || codings.any(|coding| coding.is_empty() || is_chunked(coding))
    {
        return Err(Reject::TransferEncodingInvalid);
    }
    Err(Reject::TransferCodingUnsupported)
}

impl Expect {
    #[inline]
    pub(crate) fn parse(field: Field<'_>, version: Version) -> Self {
        match field {
            Field::Absent => Expect::None,
            Field::One(value) if value.eq_ignore_ascii_case(b"100-continue") => match version {
                Version::Http10 => Expect::None,
                Version::Http11 => Expect::Continue,
            },
            Field::One(_) | Field::Several => Expect::Unsupported,
        }
    }
}

/// The connection options that matter here, from all Connection lines (RFC 9110 section 7.6.1).
#[inline]
pub(crate) fn parse_connection(
    values: FieldValues<'_>,
    upgrade: Field<'_>,
    version: Version,
) -> (Persistence, Upgrade) {
    let (mut close, mut keep_alive, mut upgrades) = (false, false, false);
    for value in values {
        for option in value.split(|&byte| byte == b',').map(trim_ows) {
            close |= option.eq_ignore_ascii_case(b"close");
            keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            upgrades |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }
    let persistence = match version {
        _ if close => Persistence::Close,
        Version::Http11 => Persistence::Reuse,
        Version::Http10 if keep_alive => Persistence::Reuse,
        Version::Http10 => Persistence::Close,
    };
    let upgrade = match version {
        Version::Http11 if upgrades && upgrade != Field::Absent => Upgrade::Offered,
        _ => Upgrade::None,
    };
    (persistence, upgrade)
}
