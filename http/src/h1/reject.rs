//! Why the engine refuses a request: one reason, one status, one line of text.

use std::fmt;

use http::StatusCode;

/// A reason to refuse a request. Every one of them also ends the connection: after it, where the next request begins is
/// not known for certain (RFC 9112 section 9.6).
///
/// ```
/// use selvedge_http::h1::{HeadScanner, Limits, Reject};
///
/// let error = HeadScanner::new().scan(b"GET / HTTP/1.1\nHost: a\n\n", &Limits::default()).unwrap_err();
/// assert_eq!(error, Reject::BareLineFeed);
/// assert_eq!(error.status(), 400);
/// assert_eq!(error.to_string(), "line feed without carriage return");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// A line feed without a carriage return (RFC 9112 section 2.2 lets a server take it; proxies differ in it).
    BareLineFeed,
    /// A carriage return without a line feed (RFC 9112 section 2.2).
    BareCarriageReturn,
    /// The first octet begins no method: TLS on a cleartext port, a second empty line, noise.
    NotHttp,
    /// The request line is not `method SP request-target SP HTTP-version` (RFC 9112 section 3).
    RequestLine,
    /// The target holds an octet that no target may hold, or is no form of RFC 9112 section 3.2 for this method.
    Target,
    /// The target, or the request line before its end, is longer than the limit.
    TargetTooLong,
    /// The head is longer than the limit.
    HeadTooLong,
    /// The head has more field lines than the limit.
    TooManyFields,
    /// HTTP, but not version 1 (the HTTP/2 preface among them).
    VersionUnsupported,
    /// CONNECT: this is no tunnel.
    ConnectUnsupported,
    /// A field name with a wrong octet: whitespace before the colon and line folding among them (RFC 9112 section 5).
    FieldName,
    /// A field value with a control octet (RFC 9110 section 5.5).
    FieldValue,
    /// No Host in an HTTP/1.1 request (RFC 9112 section 3.2).
    HostMissing,
    /// More than one Host (RFC 9112 section 3.2).
    HostRepeated,
    /// A Host, or an authority in the target, that is not `uri-host [ ":" port ]`.
    HostInvalid,
    /// A Content-Length that is not `1*DIGIT`, or does not fit (RFC 9112 section 6.3).
    ContentLengthInvalid,
    /// More than one Content-Length, equal or not.
    ContentLengthRepeated,
    /// Transfer-Encoding together with Content-Length (RFC 9112 section 6.1).
    ContentLengthWithTransferEncoding,
    /// Transfer-Encoding in an HTTP/1.0 request (RFC 9112 section 6.1).
    TransferEncodingInHttp10,
    /// A Transfer-Encoding that does not end in `chunked`, once (RFC 9112 section 6.3).
    TransferEncodingInvalid,
    /// A transfer coding before `chunked` that is not understood (RFC 9112 section 6.1).
    TransferCodingUnsupported,
    /// A chunk size that is not `1*HEXDIG`, does not fit, or whose line does not end in CRLF (RFC 9112 section 7.1).
    ChunkSize,
    /// A chunk extension with a control octet.
    ChunkExtension,
    /// Chunk extensions beyond the limit.
    ChunkExtensionsTooLong,
    /// Chunk data not followed by CRLF.
    ChunkEnd,
    /// A trailer field that is no field line (RFC 9112 section 7.1.2).
    Trailer,
    /// A trailer section beyond the limit.
    TrailersTooLong,
    /// A body beyond the limit.
    BodyTooLarge,
    /// The head was begun and did not arrive in time.
    HeadTimeout,
    /// An expectation other than `100-continue` (RFC 9110 section 10.1.1).
    ExpectationUnsupported,
}

impl Reject {
    /// The status to answer with.
    pub const fn status(self) -> StatusCode {
        match self {
            Reject::BareLineFeed
            | Reject::BareCarriageReturn
            | Reject::NotHttp
            | Reject::RequestLine
            | Reject::Target
            | Reject::FieldName
            | Reject::FieldValue
            | Reject::HostMissing
            | Reject::HostRepeated
            | Reject::HostInvalid
            | Reject::ContentLengthInvalid
            | Reject::ContentLengthRepeated
            | Reject::ContentLengthWithTransferEncoding
            | Reject::TransferEncodingInHttp10
            | Reject::TransferEncodingInvalid
            | Reject::ChunkSize
            | Reject::ChunkExtension
            | Reject::ChunkExtensionsTooLong
            | Reject::ChunkEnd
            | Reject::Trailer => StatusCode::BAD_REQUEST,
            Reject::HeadTimeout => StatusCode::REQUEST_TIMEOUT,
            Reject::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reject::TargetTooLong => StatusCode::URI_TOO_LONG,
            Reject::ExpectationUnsupported => StatusCode::EXPECTATION_FAILED,
            Reject::HeadTooLong | Reject::TooManyFields | Reject::TrailersTooLong => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Reject::ConnectUnsupported | Reject::TransferCodingUnsupported => StatusCode::NOT_IMPLEMENTED,
            Reject::VersionUnsupported => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }

    /// A few words for the response's body and for a log line. They never repeat what the client sent.
    pub const fn reason(self) -> &'static str {
        match self {
            Reject::BareLineFeed => "line feed without carriage return",
            Reject::BareCarriageReturn => "carriage return without line feed",
            Reject::NotHttp => "not an HTTP/1.x request",
            Reject::RequestLine => "malformed request line",
            Reject::Target => "invalid request target",
            Reject::TargetTooLong => "request target too long",
            Reject::HeadTooLong => "request head too long",
            Reject::TooManyFields => "too many header fields",
            Reject::VersionUnsupported => "HTTP version not supported",
            Reject::ConnectUnsupported => "CONNECT not supported",
            Reject::FieldName => "malformed header field name",
            Reject::FieldValue => "control character in header field",
            Reject::HostMissing => "Host missing",
            Reject::HostRepeated => "more than one Host",
            Reject::HostInvalid => "invalid host",
            Reject::ContentLengthInvalid => "invalid Content-Length",
            Reject::ContentLengthRepeated => "more than one Content-Length",
            Reject::ContentLengthWithTransferEncoding => "Content-Length with Transfer-Encoding",
            Reject::TransferEncodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
            Reject::TransferEncodingInvalid => "invalid Transfer-Encoding",
            Reject::TransferCodingUnsupported => "transfer coding not supported",
            Reject::ChunkSize => "invalid chunk size",
            Reject::ChunkExtension => "invalid chunk extension",
            Reject::ChunkExtensionsTooLong => "chunk extensions too long",
            Reject::ChunkEnd => "chunk longer than its size",
            Reject::Trailer => "invalid trailer field",
            Reject::TrailersTooLong => "trailers too long",
            Reject::BodyTooLarge => "request body too large",
            Reject::HeadTimeout => "request head not received in time",
            Reject::ExpectationUnsupported => "expectation not supported",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for Reject {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why_in_words() {
        assert_eq!(Reject::HostMissing.reason(), "Host missing");
        assert_eq!(Reject::BodyTooLarge.to_string(), "request body too large");
    }
}
