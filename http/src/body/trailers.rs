//! The trailer fields of a request. In: field lines behind a chunked body. Out: those that an application may see.

use http::{HeaderName, HeaderValue, header};

use crate::h1::FieldLines;

/// What may not stand in a trailer (RFC 9110 section 6.5.1): fields for framing, routing, request modifiers,
/// authentication and content format mean something before the content or not at all. Whoever sends one hopes that
/// somebody on the way takes it for the head's.
const REFUSED: [HeaderName; 31] = [
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::TRAILER,
    header::CONNECTION,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    header::HOST,
    header::VIA,
    header::FORWARDED,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::EXPECT,
    header::MAX_FORWARDS,
    header::TE,
    header::RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::ORIGIN,
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::WWW_AUTHENTICATE,
    header::PROXY_AUTHENTICATE,
    header::COOKIE,
    header::SET_COOKIE,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::CONTENT_LOCATION,
];

/// By which proxies and servers behind them tell each other who the client is.
const REFUSED_PREFIX: &str = "x-forwarded-";

/// Those of `lines` that may be trailer fields, in order.
pub(super) fn acceptable(lines: FieldLines<'_>) -> Vec<(HeaderName, HeaderValue)> {
    lines
        .filter_map(|line| {
            let name = HeaderName::from_bytes(line.name).ok()?;
            let value = HeaderValue::from_bytes(line.value).ok()?;
            let refused = REFUSED.contains(&name) || name.as_str().starts_with(REFUSED_PREFIX);
            (!refused).then_some((name, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::{ChunkEvent, ChunkedDecoder, Limits};

    fn trailers(section: &str) -> Vec<(String, String)> {
        let mut decoder = ChunkedDecoder::new(&Limits::default());
        let decoded = decoder.decode(format!("0\r\n{section}\r\n").as_bytes()).expect("field lines");
        assert_eq!(decoded.event, ChunkEvent::End);
        let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
        acceptable(decoder.trailers()).iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    #[test]
    fn fields_come_in_order_and_with_their_repetitions() {
        let pairs = trailers("X-Sum: 1\r\nDigest:\t2 \r\nx-sum:3\r\nX-Empty:\r\n");
        let expected = [("x-sum", "1"), ("digest", "2"), ("x-sum", "3"), ("x-empty", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn fields_that_steer_a_message_are_left_out() {
        for name in REFUSED.iter().map(HeaderName::as_str).chain(["X-Forwarded-For", "HOST"]) {
            assert_eq!(trailers(&format!("{name}: 1\r\nX-Sum: 2\r\n")).len(), 1, "{name}");
        }
    }
}
