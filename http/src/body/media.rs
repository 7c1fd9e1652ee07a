//! What a request says its body is (RFC 9110 section 8.3), and errors about what it turns out to be.

use std::fmt::Display;

use super::request_body::BodyError;
use crate::h1::KnownField;
use crate::request::Request;
use crate::syntax::{is_token, trim_ows};

/// Octets of an error's detail, which may quote the client.
const DETAIL_BYTES_MAX: usize = 512;

/// The formats of bodies that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestMedia {
    /// `application/json`, or another type that ends in `+json` (RFC 6839 section 3.1).
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data`
    Multipart,
    /// Another one, or none.
    Other,
}

impl Request<'_> {
    /// What Content-Type says, its parameters left out.
    pub(super) fn media(&self) -> RequestMedia {
        let value = self.field(KnownField::ContentType).one().unwrap_or_default();
        let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
        let media_type = trim_ows(&value[..end]);
        let is = |other: &str| media_type.eq_ignore_ascii_case(other.as_bytes());
        if is("application/json") || has_json_suffix(media_type) {
            RequestMedia::Json
        } else if is("application/x-www-form-urlencoded") {
            RequestMedia::Form
        } else if is("multipart/form-data") {
            RequestMedia::Multipart
        } else {
            RequestMedia::Other
        }
    }
}

fn has_json_suffix(media_type: &[u8]) -> bool {
    let (stem, suffix) = media_type.split_at(media_type.len().saturating_sub(b"+json".len()));
    suffix.eq_ignore_ascii_case(b"+json")
        && stem.split(|&byte| byte == b'/').count() == 2
        && stem
            .split(|&byte| byte == b'/')
            .all(|part| !part.is_empty() && part.iter().all(|&byte| is_token(byte)))
}

/// A body that is not written as its format asks for.
pub(super) fn syntax_error(what: impl Display) -> BodyError {
    BodyError::Syntax(detail(what))
}

/// A body that is well written and not what was asked for.
#[cfg(any(feature = "json", feature = "form"))]
pub(super) fn content_error(what: impl Display) -> BodyError {
    BodyError::Content(detail(what))
}

/// One line, not too long.
fn detail(what: impl Display) -> Box<str> {
    let mut text = what.to_string();
    let end = (0..=DETAIL_BYTES_MAX.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or(0));
    text.replace(char::is_control, " ").into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_its_suffix_in_any_case() {
        for yes in ["application/problem+json", "A/B+JSON", "a/b+c+json"] {
            assert!(has_json_suffix(yes.as_bytes()), "{yes}");
        }
        for no in
            ["+json", "a/+json", "/b+json", "a/b/c+json", "a/b+jso", "a/b json", "a/b+json2", "json", ""]
        {
            assert!(!has_json_suffix(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn a_detail_is_one_short_line() {
        assert_eq!(&*detail("two\r\nlines"), "two  lines");
        let long = "\u{e9}".repeat(DETAIL_BYTES_MAX);
        assert_eq!(detail(long).len(), DETAIL_BYTES_MAX);
        let odd = format!("a{}", "\u{e9}".repeat(DETAIL_BYTES_MAX));
        assert_eq!(detail(odd).len(), DETAIL_BYTES_MAX - 1);
    }
}
