use proptest::prelude::*;

use super::*;
use crate::h1::{Field, HeadScanner, KnownField, Scan};

fn parse_with(bytes: &[u8], limits: &Limits) -> Result<RequestHead, Reject> {
    match HeadScanner::new().scan(bytes, limits)? {
        Scan::Complete(head) => RequestHead::parse(head, limits),
        Scan::Incomplete => panic!("incomplete: {:?}", bytes.escape_ascii()),
    }
}

fn parse(text: &str) -> Result<RequestHead, Reject> {
    parse_with(text.as_bytes(), &Limits::default())
}

/// Parses a GET of 1.1 with a Host and these lines.
fn parse_lines(lines: &str) -> Result<RequestHead, Reject> {
    parse(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
}

fn parse_target(method: &str, target: &str) -> Result<RequestHead, Reject> {
    parse(&format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
}

#[test]
fn usual_request_is_read() {
    let text =
        b"GET /a/b?c=d HTTP/1.1\r\nHost: example.com:80\r\nUser-Agent:  x y \t\r\nX-Other: 1\r\n\r\nmore";
    let head = parse_with(text, &Limits::default()).unwrap();
    assert_eq!((head.method(), head.version()), (Method::Get, Version::Http11));
    assert_eq!((head.path(text), head.query(text)), (&b"/a/b"[..], Some(&b"c=d"[..])));
    assert_eq!(head.authority(text), Some(&b"example.com:80"[..]));
    assert_eq!(head.len(), text.len() - 4);
    assert_eq!((head.framing(), head.persistence()), (BodyFraming::None, Persistence::Reuse));
    assert_eq!((head.expect(), head.upgrade()), (Expect::None, Upgrade::None));
    assert_eq!(head.field(text, KnownField::UserAgent), Field::One(b"x y"));
    assert_eq!(head.field_named(text, "x-OTHER"), Field::One(b"1"));
    assert_eq!(head.field_named(text, "missing"), Field::Absent);
    let names: Vec<_> = head.field_lines(text).map(|line| line.name).collect();
    assert_eq!(names, [&b"Host"[..], b"User-Agent", b"X-Other"]);
}

#[test]
fn leading_empty_line_moves_every_offset() {
    let text = b"\r\nFROB /x HTTP/1.1\r\nHost: a\r\nRange: r\r\n\r\n";
    let head = parse_with(text, &Limits::default()).unwrap();
    assert_eq!(head.method().name(text), b"FROB");
    assert_eq!(head.path(text), b"/x");
    assert_eq!(head.field(text, KnownField::Range), Field::One(b"r"));
    assert_eq!(head.len(), text.len());
}

#[test]
fn any_token_is_a_method_and_case_counts() {
    for (name, method) in [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("DELETE", Method::Delete),
        ("OPTIONS", Method::Options),
        ("TRACE", Method::Trace),
        ("PATCH", Method::Patch),
        ("get", Method::Other(Span { start: 0, len: 3 })),
        ("M-SEARCH!", Method::Other(Span { start: 0, len: 9 })),
    ] {
        let head = parse_target(name, "/").unwrap();
        assert_eq!(head.method(), method);
        assert_eq!(head.method().name(name.as_bytes()), name.as_bytes());
        assert_eq!(head.method().to_http(name.as_bytes()).unwrap().as_str(), name);
    }
}

#[test]
fn malformed_request_lines_are_refused() {
    for line in [
        "GET /",
        "GET",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1.1x",
        "GET / HTTP/11",
        "GET / HTTP/1.10",
        "GET / HTTP/a.1",
        "GET / HTTP/1",
        "GET  HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET / x HTTP/1.1",
        "GET / HTTPS/1.1",
        "GET: / HTTP/1.1",
    ] {
        assert_eq!(parse(&format!("{line}\r\nHost: a\r\n\r\n")), Err(Reject::RequestLine), "{line:?}");
    }
}

#[test]
fn versions_are_1_x_or_refused() {
    for (version, expected) in [
        ("HTTP/1.1", Ok(Version::Http11)),
        ("HTTP/1.0", Ok(Version::Http10)),
        ("HTTP/1.2", Ok(Version::Http11)),
        ("HTTP/1.9", Ok(Version::Http11)),
        ("HTTP/2.0", Err(Reject::VersionUnsupported)),
        ("HTTP/0.9", Err(Reject::VersionUnsupported)),
        ("HTTP/3.1", Err(Reject::VersionUnsupported)),
    ] {
        let head = parse(&format!("GET / {version}\r\nHost: a\r\n\r\n"));
        assert_eq!(head.map(|head| head.version()), expected, "{version}");
    }
    assert_eq!(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(Reject::VersionUnsupported));
}

#[test]
fn targets_with_foreign_octets_are_refused() {
    for target in ["/#f", "/a\"", "/<", "/>", "/\x01", "/\x7f", "/é", "/a\tb", "/a?\x0b", "/?#", "/\0"] {
        assert_eq!(parse_target("GET", target), Err(Reject::Target), "{target:?}");
    }
    for target in ["/|^{}[]`\\", "//a", "/?", "/%zz", "/a?b?c"] {
        assert!(parse_target("GET", target).is_ok(), "{target:?}");
    }
}

#[test]
fn target_form_must_suit_the_method() {
    for (method, target, expected) in [
        ("OPTIONS", "*", Ok(TargetForm::Asterisk)),
        ("OPTIONS", "/", Ok(TargetForm::Origin)),
        ("GET", "HTTP://b/", Ok(TargetForm::Absolute)),
        ("GET", "*", Err(Reject::Target)),
        ("OPTIONS", "*a", Err(Reject::Target)),
        ("OPTIONS", "*?a", Err(Reject::Target)),
        ("GET", "b:80", Err(Reject::Target)),
        ("GET", "?a", Err(Reject::Target)),
        ("GET", "a", Err(Reject::Target)),
        ("GET", "ftp://b/", Err(Reject::Target)),
        ("GET", "http:/b", Err(Reject::Target)),
        ("GET", "http:?//b", Err(Reject::Target)),
        ("GET", "http://", Err(Reject::HostInvalid)),
        ("GET", "http:///x", Err(Reject::HostInvalid)),
        ("GET", "http://?x", Err(Reject::HostInvalid)),
        ("GET", "http://:80/", Err(Reject::HostInvalid)),
        ("GET", "http://u@b/", Err(Reject::HostInvalid)),
        ("GET", "http://b:x/", Err(Reject::HostInvalid)),
        ("GET", "http://b\\c/", Err(Reject::HostInvalid)),
        ("CONNECT", "b:80", Err(Reject::ConnectUnsupported)),
        ("CONNECT", "/", Err(Reject::ConnectUnsupported)),
    ] {
        assert_eq!(
            parse_target(method, target).map(|head| head.target_form()),
            expected,
            "{method} {target}"
        );
    }
}

#[test]
fn authority_of_the_target_wins_over_host() {
    for (target, authority, path, query) in [
        ("http://b:8/p?q", "b:8", "/p", Some("q")),
        ("https://[::1]", "[::1]", "/", None),
        ("http://b?q/r", "b", "/", Some("q/r")),
        ("http://b/", "b", "/", None),
        ("/p?", "a", "/p", Some("")),
    ] {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = parse(&text).unwrap();
        assert_eq!(head.authority(text.as_bytes()), Some(authority.as_bytes()), "{target}");
        assert_eq!(head.path(text.as_bytes()), path.as_bytes(), "{target}");
        assert_eq!(head.query(text.as_bytes()), query.map(str::as_bytes), "{target}");
    }
}

#[test]
fn target_beyond_its_limit_is_414() {
    let limits = Limits { target_bytes_max: 10, ..Limits::default() };
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(parse_with(request("/123456789").as_bytes(), &limits).is_ok());
    assert_eq!(parse_with(request("/1234567890").as_bytes(), &limits), Err(Reject::TargetTooLong));
}

#[test]
fn host_is_one_and_valid() {
    for (version, lines, expected) in [
        ("1.1", "", Err(Reject::HostMissing)),
        ("1.1", "Host:\r\n", Ok(Some(""))),
        ("1.1", "Host: a\r\nhost: a\r\n", Err(Reject::HostRepeated)),
        ("1.1", "Host: a b\r\n", Err(Reject::HostInvalid)),
        ("1.1", "Host: http://a\r\n", Err(Reject::HostInvalid)),
        ("1.1", "Host: a/b\r\n", Err(Reject::HostInvalid)),
        ("1.1", "Host: u@a\r\n", Err(Reject::HostInvalid)),
        ("1.0", "", Ok(None)),
        ("1.0", "Host: a\r\n", Ok(Some("a"))),
        ("1.0", "Host: a\r\nHost: b\r\n", Err(Reject::HostRepeated)),
        ("1.0", "Host: a b\r\n", Err(Reject::HostInvalid)),
    ] {
        let text = format!("GET / HTTP/{version}\r\n{lines}\r\n");
        let authority = parse(&text).map(|head| head.authority(text.as_bytes()));
        assert_eq!(authority, expected.map(|host| host.map(str::as_bytes)), "{version} {lines:?}");
    }
    assert_eq!(parse("GET http://b/ HTTP/1.1\r\n\r\n"), Err(Reject::HostMissing));
    assert!(parse("GET http://b/ HTTP/1.0\r\n\r\n").is_ok());
}

#[test]
fn malformed_field_lines_are_refused() {
    for (lines, reject) in [
        ("Content-Length : 5\r\n", Reject::FieldName),
        ("A\t: b\r\n", Reject::FieldName),
        (" A: b\r\n", Reject::FieldName),
        ("A: b\r\n c\r\n", Reject::FieldName),
        ("A: b\r\n\tc\r\n", Reject::FieldName),
        ("A\r\n", Reject::FieldName),
        (": b\r\n", Reject::FieldName),
        ("A b: c\r\n", Reject::FieldName),
        ("A\0: b\r\n", Reject::FieldName),
        ("é: b\r\n", Reject::FieldName),
        ("A: \0\r\n", Reject::FieldValue),
        ("A: b\x0bc\r\n", Reject::FieldValue),
        ("A: b\x7f\r\n", Reject::FieldValue),
        ("A: \x01\r\n", Reject::FieldValue),
    ] {
        assert_eq!(parse_lines(lines), Err(reject), "{lines:?}");
    }
}

#[test]
fn every_octet_of_a_value_is_accepted_or_refused_at_every_place() {
    for byte in (0..=255u8).filter(|byte| !b"\r\n".contains(byte)) {
        for place in 0..70 {
            let mut text = b"GET / HTTP/1.1\r\nHost: a\r\nA: ".to_vec();
            let mut value = vec![b'x'; 70];
            value[place] = byte;
            text.extend_from_slice(&value);
            text.extend_from_slice(b"\r\n\r\n");
            let accepted = byte == b'\t' || byte >= b' ' && byte != 0x7f;
            let result = parse_with(&text, &Limits::default()).map(|_| ());
            assert_eq!(
                result,
                if accepted { Ok(()) } else { Err(Reject::FieldValue) },
                "{byte:#x} at {place}"
            );
        }
    }
}

#[test]
fn empty_first_line_of_fields_ends_the_head() {
    let text = "GET / HTTP/1.0\r\n\r\n";
    assert_eq!(parse(text).unwrap().field_lines(text.as_bytes()).count(), 0);
}

#[test]
fn content_length_is_one_number() {
    for (lines, expected) in [
        ("Content-Length: 5\r\n", Ok(BodyFraming::Length(5))),
        ("content-LENGTH: 18446744073709551615\r\n", Ok(BodyFraming::Length(u64::MAX))),
        ("Content-Length: 0\r\n", Ok(BodyFraming::None)),
        ("Content-Length: 007\r\n", Ok(BodyFraming::Length(7))),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", Err(Reject::ContentLengthRepeated)),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Err(Reject::ContentLengthRepeated)),
        ("Content-Length: 5, 5\r\n", Err(Reject::ContentLengthInvalid)),
        ("Content-Length: +5\r\n", Err(Reject::ContentLengthInvalid)),
        ("Content-Length: -5\r\n", Err(Reject::ContentLengthInvalid)),
        ("Content-Length: 0x5\r\n", Err(Reject::ContentLengthInvalid)),
        ("Content-Length: 5 5\r\n", Err(Reject::ContentLengthInvalid)),
        ("Content-Length: 5.0\r\n", Err(Reject::ContentLengthInvalid)),
        ("Content-Length:\r\n", Err(Reject::ContentLengthInvalid)),
        ("Content-Length: 18446744073709551616\r\n", Err(Reject::ContentLengthInvalid)),
    ] {
        assert_eq!(parse_lines(lines).map(|head| head.framing()), expected, "{lines:?}");
    }
}

#[test]
fn transfer_encoding_is_chunked_or_refused() {
    for (lines, expected) in [
        ("Transfer-Encoding: chunked\r\n", Ok(BodyFraming::Chunked)),
        ("transfer-encoding:  CHUNKED \r\n", Ok(BodyFraming::Chunked)),
        ("Transfer-Encoding: gzip, chunked\r\n", Err(Reject::TransferCodingUnsupported)),
        ("Transfer-Encoding: x;a=b ,\tchunked\r\n", Err(Reject::TransferCodingUnsupported)),
        ("Transfer-Encoding: gzip\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: identity\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: xchunked\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: \"chunked\"\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: chunked;a=b\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: chunked, gzip\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: chunked, chunked\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: , chunked\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding: chunked,\r\n", Err(Reject::TransferEncodingInvalid)),
        ("Transfer-Encoding:\r\n", Err(Reject::TransferEncodingInvalid)),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Err(Reject::TransferEncodingInvalid),
        ),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", Err(Reject::TransferEncodingInvalid)),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            Err(Reject::ContentLengthWithTransferEncoding),
        ),
        ("Transfer-Encoding: x\r\nContent-Length: 0\r\n", Err(Reject::ContentLengthWithTransferEncoding)),
    ] {
        assert_eq!(parse_lines(lines).map(|head| head.framing()), expected, "{lines:?}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(parse(old), Err(Reject::TransferEncodingInHttp10));
    assert_eq!(Reject::TransferCodingUnsupported.status(), 501);
}

#[test]
fn declared_length_is_held_against_the_limit() {
    let limits = Limits { body_bytes_max: 5, ..Limits::default() };
    assert_eq!(BodyFraming::Length(5).check(&limits), Ok(()));
    assert_eq!(BodyFraming::Length(6).check(&limits), Err(Reject::BodyTooLarge));
    assert_eq!(BodyFraming::Chunked.check(&limits), Ok(()));
}

#[test]
fn connection_options_come_from_all_lines() {
    for (version, lines, persistence) in [
        ("1.1", "", Persistence::Reuse),
        ("1.1", "Connection: Close\r\n", Persistence::Close),
        ("1.1", "Connection: keep-alive , close\r\n", Persistence::Close),
        ("1.1", "Connection: x\r\nConnection: y,close\r\n", Persistence::Close),
        ("1.1", "Connection: closed\r\n", Persistence::Reuse),
        ("1.0", "", Persistence::Close),
        ("1.0", "Connection: Keep-Alive\r\n", Persistence::Reuse),
        ("1.0", "Connection: keep-alive\r\nConnection: close\r\n", Persistence::Close),
    ] {
        let head = parse(&format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).unwrap();
        assert_eq!(head.persistence(), persistence, "{version} {lines:?}");
    }
}

#[test]
fn upgrade_needs_both_fields_and_a_1_1_client() {
    for (version, lines, upgrade) in [
        ("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n", Upgrade::Offered),
        ("1.1", "Connection: upgrade\r\n", Upgrade::None),
        ("1.1", "Upgrade: websocket\r\n", Upgrade::None),
        ("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", Upgrade::None),
    ] {
        let head = parse(&format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).unwrap();
        assert_eq!(head.upgrade(), upgrade, "{version} {lines:?}");
    }
}

#[test]
fn expectations_are_continue_or_unsupported() {
    for (version, lines, expect) in [
        ("1.1", "Expect: 100-Continue\r\n", Expect::Continue),
        ("1.0", "Expect: 100-continue\r\n", Expect::None),
        ("1.1", "Expect: 100-continue, x\r\n", Expect::Unsupported),
        ("1.1", "Expect: 100-continue\r\nExpect: 100-continue\r\n", Expect::Unsupported),
        ("1.1", "Expect: x\r\n", Expect::Unsupported),
    ] {
        let head = parse(&format!("POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).unwrap();
        assert_eq!(head.expect(), expect, "{version} {lines:?}");
    }
}

#[test]
fn repeated_fields_are_never_read_as_one() {
    let text =
        "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"a\"\r\nX: 1\r\nif-none-match: \"b\"\r\nx:\r\n\r\n";
    let (head, bytes) = (parse(text).unwrap(), text.as_bytes());
    assert_eq!(head.field(bytes, KnownField::IfNoneMatch), Field::Several);
    assert_eq!(head.field(bytes, KnownField::IfNoneMatch).one(), None);
    let values: Vec<_> = head.values(bytes, KnownField::IfNoneMatch).collect();
    assert_eq!(values, [b"\"a\"", b"\"b\""]);
    assert_eq!(head.field_named(bytes, "X"), Field::Several);
    assert_eq!(head.values_named(bytes, "X").collect::<Vec<_>>(), [&b"1"[..], b""]);
    assert_eq!(head.values(bytes, KnownField::Host).collect::<Vec<_>>(), [b"a"]);
    assert_eq!(head.values(bytes, KnownField::Range).count(), 0);
}

#[test]
fn fields_are_counted_against_the_limit() {
    for (fields_max, count, expected) in [
        (100, 100, Ok(())),
        (100, 101, Err(Reject::TooManyFields)),
        (32, 32, Ok(())),
        (32, 33, Err(Reject::TooManyFields)),
        (2, 2, Ok(())),
        (2, 3, Err(Reject::TooManyFields)),
        (u16::MAX, 256, Ok(())),
        (u16::MAX, 257, Err(Reject::TooManyFields)),
    ] {
        let limits = Limits { fields_max, ..Limits::default() };
        let lines = "A: b\r\n".repeat(count - 1);
        let text = format!("GET / HTTP/1.1\r\n{lines}Host: last\r\n\r\n");
        assert_eq!(parse_with(text.as_bytes(), &limits).map(|_| ()), expected, "{count} of {fields_max}");
    }
}

#[test]
fn known_field_after_many_others_is_found() {
    let text = format!("GET / HTTP/1.1\r\n{}Host: last\r\n\r\n", "A: b\r\n".repeat(60));
    let head = parse(&text).unwrap();
    assert_eq!(head.field(text.as_bytes(), KnownField::Host), Field::One(b"last"));
    assert_eq!(head.field_lines(text.as_bytes()).count(), 61);
}

/// Heads that are nearly right.
fn nearly_heads() -> impl Strategy<Value = Vec<u8>> {
    const LINES: [&[u8]; 7] = [
        b"Host: a\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"If-None-Match: \"a\", *\r\n",
        b"Connection: close\r\n",
        b"A:\r\n",
        b" folded\r\n",
    ];
    const STARTS: [&[u8]; 3] =
        [b"GET /a?b HTTP/1.1\r\n", b"\r\nPOST http://h/ HTTP/1.0\r\n", b"OPTIONS * HTTP/1.3\r\n"];
    let start = proptest::sample::select(&STARTS[..]);
    let line = proptest::sample::select(&LINES[..]);
    (
        start,
        proptest::collection::vec(line, 0..5),
        proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
    )
        .prop_map(|(start, lines, change)| {
            let mut bytes = [start, &lines.concat(), b"\r\n"].concat();
            if let Some((at, byte)) = change {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        })
}

proptest! {
    #[test]
    fn no_octets_make_it_panic_and_accepted_heads_hold_together(bytes in nearly_heads()) {
        crate::fuzzing::head(&bytes);
    }

    #[test]
    fn random_octets_do_not_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzzing::head(&bytes);
        crate::fuzzing::head(&[&b"GET / HTTP/1.1\r\nHost: a\r\nA: "[..], &bytes, b"\r\n\r\n"].concat());
    }
}

#[test]
fn a_version_is_the_same_for_others() {
    assert_eq!(http::Version::from(Version::Http10), http::Version::HTTP_10);
    assert_eq!(http::Version::from(Version::Http11), http::Version::HTTP_11);
}
