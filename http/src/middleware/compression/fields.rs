//! What a response's head says that compression depends on, and what compression changes in it.

use http::{HeaderName, HeaderValue, header};
use memchr::memmem;

use crate::fixed_fields::FixedFields;
use crate::h1::KnownField;
use crate::negotiation::Coding;
use crate::request::Request;
use crate::response::{RangeField, ResponseHead};

/// Fields that are right for these octets and no others: their coding, their place in a whole, their digests (RFC 9530,
/// RFC 3230, RFC 1864).
const OF_OCTETS: [HeaderName; 6] = [
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// The values of all lines of a field, but for Content-Type and those of ranges and codings where they are no lines.
pub(super) fn values<'h>(head: &'h ResponseHead, name: &'h HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let fixed = [&head.version_fields, &head.resource_fields, &head.site_fields].into_iter();
    let fixed = fixed.flat_map(|fields| fields.as_bytes().split(|&byte| byte == b'\n')).filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let is_it = line[..colon].eq_ignore_ascii_case(name.as_str().as_bytes());
        is_it.then(|| line[colon + 1..].trim_ascii())
    });
    let others = head.fields.iter().filter(move |(other, _)| other == name);
    fixed.chain(others.map(|(_, value)| value.as_bytes()))
}

/// Whether a field would be wrong beside other octets, such as that of a file which has ranges.
pub(super) fn speak_of_octets(head: &ResponseHead) -> bool {
    head.range != RangeField::None
        || head.content_coding.is_some()
        || OF_OCTETS.iter().any(|name| values(head, name).next().is_some())
}

/// Whether Cache-Control has `no-transform` (RFC 9111 section 5.2.2.6).
pub(super) fn forbid_transform(head: &ResponseHead) -> bool {
    values(head, &header::CACHE_CONTROL).any(|value| lists(value, b"no-transform"))
}

/// Says that the answer depends on Accept-Encoding, unless that is said already (RFC 9110 section 12.5.5).
pub(super) fn add_vary(head: &mut ResponseHead) {
    let is_said = |value| lists(value, b"accept-encoding") || lists(value, b"*");
    if values(head, &header::VARY).any(is_said) {
        return;
    }
    let said = head.fields.iter_mut().find(|(name, _)| *name == header::VARY);
    match said {
        Some((_, value)) => {
            let both = [value.as_bytes(), b", Accept-Encoding"].concat();
            *value = HeaderValue::from_bytes(&both).expect("a field's value and a token are one");
        }
        None => head.fields.push((header::VARY, HeaderValue::from_static("Accept-Encoding"))),
    }
}

/// Makes the head that of the same answer in `coding`.
pub(super) fn set_coding(head: &mut ResponseHead, coding: Coding) {
    head.make_plain();
    head.content_coding = Some(coding);
    // Ranges would be of the encoded octets, which are not kept.
    head.fields.retain(|(name, _)| *name != header::ACCEPT_RANGES);
    weaken_tag(head);
}

/// Makes a 304 that of the answer which the client has: with Vary, and with the weak tag if it was compressed. A cache
/// holds a strong tag against strong ones alone (RFC 9111 section 4.3.4).
pub(super) fn not_modified(head: &mut ResponseHead, request: Request<'_>) {
    let has_encoded = values(head, &header::ETAG).any(|tag| names_weakly(request, tag));
    if has_encoded {
        head.make_plain();
        weaken_tag(head);
    }
    // A file's answer says by itself what it depends on.
    if has_encoded || head.version_fields == FixedFields::NONE {
        add_vary(head);
    }
}

/// Whether If-None-Match has the weak form of a strong tag.
fn names_weakly(request: Request<'_>, tag: &[u8]) -> bool {
    let is_weak = |value: &[u8]| memmem::find_iter(value, tag).any(|at| value[..at].ends_with(b"W/"));
    is_strong(tag) && request.values(KnownField::IfNoneMatch).any(is_weak)
}

/// Strong tags tell octets apart, and these are not what they were made of (RFC 9110 section 8.8.1).
fn weaken_tag(head: &mut ResponseHead) {
    for (_, tag) in head.fields.iter_mut().filter(|(name, _)| *name == header::ETAG) {
        if is_strong(tag.as_bytes()) {
            let weak = [b"W/", tag.as_bytes()].concat();
            *tag = HeaderValue::from_bytes(&weak).expect("a tag is a field's value with W/ before it too");
        }
    }
}

fn is_strong(tag: &[u8]) -> bool {
    tag.starts_with(b"\"")
}

/// Whether a list has `wanted`, in any case.
fn lists(value: &[u8], wanted: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|element| element.trim_ascii().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn head(fields: &[(HeaderName, &'static str)]) -> ResponseHead {
        let mut head = ResponseHead::new(StatusCode::OK);
        head.fields =
            fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        head
    }

    fn all<'h>(head: &'h ResponseHead, name: &'h HeaderName) -> Vec<&'h str> {
        values(head, name).map(|value| str::from_utf8(value).unwrap()).collect()
    }

    #[test]
    fn vary_is_added_to_what_is_there_and_said_once() {
        for (before, after) in [
            (&[][..], &["Accept-Encoding"][..]),
            (&["Origin"], &["Origin, Accept-Encoding"]),
            (&["Origin", "Cookie"], &["Origin, Accept-Encoding", "Cookie"]),
            (&["Origin, accept-encoding"], &["Origin, accept-encoding"]),
            (&["Origin", "Accept-Encoding"], &["Origin", "Accept-Encoding"]),
            (&["*"], &["*"]),
            (&["X-Accept-Encoding"], &["X-Accept-Encoding, Accept-Encoding"]),
        ] {
            let fields: Vec<_> = before.iter().map(|value| (header::VARY, *value)).collect();
            let mut head = head(&fields);
            for _ in 0..2 {
                add_vary(&mut head);
                assert_eq!(all(&head, &header::VARY), after);
            }
        }
    }

    #[test]
    fn fixed_fields_are_read_too() {
        let mut head = head(&[]);
        let vary = HeaderValue::from_static("accept-encoding");
        head.site_fields = FixedFields::new([(&header::VARY, &vary)]).unwrap();
        add_vary(&mut head);
        assert_eq!(all(&head, &header::VARY), ["accept-encoding"]);
        let tag = HeaderValue::from_static("\"a\"");
        head.resource_fields = FixedFields::new([(&header::ETAG, &tag)]).unwrap();
        set_coding(&mut head, Coding::Gzip);
        assert_eq!(all(&head, &header::ETAG), ["W/\"a\""]);
    }

    #[test]
    fn an_encoded_answer_has_a_weak_tag_and_no_ranges() {
        let mut head = head(&[(header::ACCEPT_RANGES, "bytes"), (header::ETAG, "\"a\"")]);
        head.range = RangeField::Accepted;
        set_coding(&mut head, Coding::Brotli);
        assert_eq!(head.fields, [(header::ETAG, HeaderValue::from_static("W/\"a\""))]);
        assert_eq!((head.content_coding, head.range), (Some(Coding::Brotli), RangeField::None));
        set_coding(&mut head, Coding::Brotli);
        assert_eq!(all(&head, &header::ETAG), ["W/\"a\""]);
    }

    #[test]
    fn what_is_said_of_the_octets_stands_against_encoding_them() {
        for (name, value) in [
            (header::CONTENT_ENCODING, "gzip"),
            (header::CONTENT_RANGE, "bytes 0-1/2"),
            (HeaderName::from_static("repr-digest"), "sha-256=:AAAA:"),
        ] {
            assert!(speak_of_octets(&head(&[(name, value)])));
        }
        assert!(!speak_of_octets(&head(&[(header::CONTENT_LANGUAGE, "en")])));
        for (value, forbids) in [
            ("no-transform", true),
            ("public, No-Transform", true),
            ("max-age=1", false),
            ("x-no-transform", false),
        ] {
            assert_eq!(forbid_transform(&head(&[(header::CACHE_CONTROL, value)])), forbids, "{value}");
        }
    }
}
