//! `head`: the scanner and the parser of one head.

use crate::h1::section_memory::{Hint, SectionMemory};
use crate::h1::{
    BodyFraming, ConnectPolicy, Field, HeadScanner, KnownField, Limits, Method, Reject, RequestHead, Scan,
    TargetForm, Version,
};

/// Scans and parses a head: the same however it is split; an accepted head holds what it says and nothing dangerous.
pub fn head(bytes: &[u8]) {
    let limits = Limits::default();
    let scan = |ends: &mut dyn Iterator<Item = usize>| -> Result<Option<usize>, Reject> {
        let mut scanner = HeadScanner::new();
        for end in ends.chain([bytes.len()]) {
            if let Scan::Complete(head) = scanner.scan(&bytes[..end], &limits)? {
                return Ok(Some(head.len()));
            }
        }
        Ok(None)
    };
    let whole = scan(&mut std::iter::empty());
    assert_eq!(scan(&mut (0..bytes.len())), whole, "scanned octet by octet");
    assert_eq!(scan(&mut std::iter::once(bytes.len() / 2)), whole, "scanned in two pieces");

    let Ok(Scan::Complete(complete)) = HeadScanner::new().scan(bytes, &limits) else {
        return;
    };
    let octets = complete.bytes();
    assert!(octets.ends_with(b"\r\n\r\n"));
    assert!(octets.iter().enumerate().all(|(at, &byte)| byte != b'\n' || octets[at - 1] == b'\r'));
    if let Ok(head) = RequestHead::parse(complete, &limits) {
        check_accepted_head(&head, octets);
        check_recalled(&head, bytes, &limits);
    }
}

/// Once a head was seen, it is found as it was parsed; and so is what follows it, if its section is the same.
fn check_recalled(head: &RequestHead, bytes: &[u8], limits: &Limits) {
    let (mut memory, mut hint) = (SectionMemory::default(), Hint::default());
    memory.remember(&mut hint, head, bytes);
    for received in [bytes, &bytes[head.len()..]] {
        let recalled = RequestHead::recall(received, limits, ConnectPolicy::Refused, &mut memory, &mut hint);
        let Some(recalled) = recalled else { continue };
        let Ok(Scan::Complete(complete)) = HeadScanner::new().scan(received, limits) else {
            panic!("no whole head was recalled")
        };
        assert_eq!(RequestHead::parse(complete, limits), Ok(recalled));
    }
}

fn check_accepted_head(head: &RequestHead, octets: &[u8]) {
    let method = head.method();
    assert!(!method.name(octets).is_empty() && method != Method::Connect);
    assert!(method.to_http(octets).is_ok());

    let path = head.path(octets);
    match head.target_form() {
        TargetForm::Asterisk => assert_eq!((path, method), (&b"*"[..], Method::Options)),
        TargetForm::Authority => panic!("CONNECT is refused"),
        TargetForm::Origin | TargetForm::Absolute => assert_eq!(path[0], b'/'),
    }
    for part in [Some(path), head.query(octets), head.authority(octets)].into_iter().flatten() {
        assert!(part.iter().all(|&byte| byte > b' ' && byte < 0x7f && byte != b'#'));
    }

    let mut lines = 0;
    for line in head.field_lines(octets) {
        lines += 1;
        assert!(http::HeaderName::from_bytes(line.name).is_ok());
        assert!(http::HeaderValue::from_bytes(line.value).is_ok());
    }
    // Every CRLF but those of the request line, of the empty lines and of a leading empty line ends a field line.
    let line_feeds = octets.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lines, line_feeds - 2 - usize::from(octets[0] == b'\r'));

    for field in
        [KnownField::Host, KnownField::ContentLength, KnownField::TransferEncoding, KnownField::IfNoneMatch]
    {
        let count = head.values_named(octets, field.name()).count();
        assert!(head.values(octets, field).eq(head.values_named(octets, field.name())));
        match head.field(octets, field) {
            Field::Absent => assert_eq!(count, 0),
            Field::One(_) => assert_eq!(count, 1),
            Field::Several => assert!(count > 1 && field == KnownField::IfNoneMatch),
        }
    }
    let is_absent = |field| head.field(octets, field) == Field::Absent;
    match head.framing() {
        BodyFraming::None => assert!(is_absent(KnownField::TransferEncoding)),
        BodyFraming::Length(length) => assert!(length > 0 && is_absent(KnownField::TransferEncoding)),
        BodyFraming::Chunked => {
            assert!(is_absent(KnownField::ContentLength) && head.version() == Version::Http11);
        }
    }
    assert!(head.version() == Version::Http10 || !is_absent(KnownField::Host));
}
