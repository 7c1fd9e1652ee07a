//! The request line (RFC 9112 section 3), read strictly: single spaces, no other whitespace.

use super::field::Span;
use super::limits::Limits;
use super::method::Method;
use super::reject::Reject;
use super::request::Version;
use super::target::{ConnectPolicy, Target};
use crate::syntax::{is_target, is_target_word, is_token};

/// A parsed request line.
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) target: Target,
    /// Offset of the first octet after its CRLF.
    pub(crate) end: usize,
}

impl RequestLine {
    /// Parses the line that begins at `method_start`, of octets that may go on behind it.
    ///
    /// httparse is not asked for this line: it knows no minor version but 0 and 1, and takes targets that must be
    /// refused, so that the line would have to be read twice.
    #[inline]
    pub(crate) fn parse(
        bytes: &[u8],
        method_start: usize,
        limits: &Limits,
        connect: ConnectPolicy,
    ) -> Result<Self, Reject> {
        let (method, method_end) = parse_method(bytes, method_start)?;

        let target_start = method_end + 1;
        let passed = pass_words(bytes, target_start);
        let query_mark = end_of(bytes, passed, |byte| is_target(byte) && byte != b'?');
        let target_end = end_of(bytes, query_mark, is_target);
        match bytes.get(target_end) {
            Some(b' ') if target_end > target_start => {}
            Some(b' ' | b'\r') | None => return Err(Reject::RequestLine),
            Some(_) => return Err(Reject::Target),
        }
        if target_end - target_start > usize::from(limits.target_bytes_max) {
            return Err(Reject::TargetTooLong);
        }

        // Before the target's form, so that the HTTP/2 preface (`PRI * HTTP/2.0`) gets its 505.
        let version_start = target_end + 1;
        let end = version_start + VERSION_LINE_BYTES;
        let version = parse_version(bytes.get(version_start..end).ok_or(Reject::RequestLine)?)?;
        let target = Target::parse(bytes, target_start, query_mark, target_end, method, connect)?;
        Ok(RequestLine { method, version, target, end })
    }
}

/// `HTTP/1.1` and CRLF.
pub(super) const VERSION_LINE_BYTES: usize = 10;

/// The method, and where it ends.
#[inline]
fn parse_method(bytes: &[u8], start: usize) -> Result<(Method, usize), Reject> {
    // Nearly all requests.
    if bytes[start..].starts_with(b"GET ") {
        return Ok((Method::Get, start + 3));
    }
    let end = end_of(bytes, start, is_token);
    if bytes.get(end) != Some(&b' ') || end == start {
        return Err(Reject::RequestLine);
    }
    Ok((Method::from_token(&bytes[start..end], Span::new(start, end)), end))
}

/// A minor version above 1 is served as 1.1 (RFC 9110 section 2.5).
#[inline]
fn parse_version(line: &[u8]) -> Result<Version, Reject> {
    match line {
        b"HTTP/1.1\r\n" => Ok(Version::Http11),
        b"HTTP/1.0\r\n" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', b'0'..=b'9', b'\r', b'\n'] => match major {
            b'1' => Ok(Version::Http11),
            _ => Err(Reject::VersionUnsupported),
        },
        _ => Err(Reject::RequestLine),
    }
}

/// Passes over words of a target that hold no question mark. What it stops at may be such an octet all the same.
#[inline]
fn pass_words(bytes: &[u8], start: usize) -> usize {
    let (words, _) = bytes[start..].as_chunks();
    let passed = words.iter().take_while(|&&word| is_target_word(u64::from_ne_bytes(word))).count();
    start + 8 * passed
}

/// The offset of the first octet from `start` on that is not in the class, or the end.
#[inline]
fn end_of(bytes: &[u8], start: usize, class: impl Fn(u8) -> bool) -> usize {
    bytes[start..].iter().position(|&byte| !class(byte)).map_or(bytes.len(), |len| start + len)
}
