use proptest::prelude::*;

use super::*;
use crate::h1::{ConnectPolicy, HeadScanner, Limits, Reject, Scan};

const CONNECT: ConnectPolicy = ConnectPolicy::Refused;

/// By the scanner and the parser; `None` where more is needed.
fn parse(received: &[u8], limits: &Limits) -> Result<Option<RequestHead>, Reject> {
    match HeadScanner::new().scan(received, limits)? {
        Scan::Complete(head) => RequestHead::parse(head, limits).map(Some),
        Scan::Incomplete => Ok(None),
    }
}

fn recall(memory: &mut SectionMemory, hint: &mut Hint, received: &[u8]) -> Option<RequestHead> {
    RequestHead::recall(received, &Limits::default(), CONNECT, memory, hint)
}

/// Parses a head and has it remembered.
fn remember(memory: &mut SectionMemory, hint: &mut Hint, received: &[u8]) {
    let head = parse(received, &Limits::default()).unwrap().unwrap();
    memory.remember(hint, &head, received);
}

fn get(path: &str, fields: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes()
}

#[test]
fn a_section_that_came_before_is_known_behind_another_request_line() {
    let (mut memory, mut hint) = (SectionMemory::default(), Hint::default());
    remember(&mut memory, &mut hint, &get("/", "Accept: */*\r\nRange: bytes=1-2\r\n"));
    let mut received = get("/a/longer/path?query", "Accept: */*\r\nRange: bytes=1-2\r\n");
    let length = received.len();
    received.extend_from_slice(b"GET /next");
    let head = recall(&mut memory, &mut hint, &received).unwrap();
    assert_eq!((head.len(), head.path(&received)), (length, &b"/a/longer/path"[..]));
    assert_eq!(head.field(&received, KnownField::Range).one(), Some(&b"bytes=1-2"[..]));
    assert_eq!(head.authority(&received), Some(&b"a"[..]));
    assert_eq!(Ok(Some(head)), parse(&received, &Limits::default()));
    // Another connection finds it too, as the last one that was found.
    assert!(recall(&mut memory, &mut Hint(7), &received).is_some());
}

#[test]
fn what_differs_in_an_octet_or_in_the_version_is_not_known() {
    let (mut memory, mut hint) = (SectionMemory::default(), Hint::default());
    let known = get("/", "Accept: */*\r\n");
    remember(&mut memory, &mut hint, &known);
    let section = known.windows(4).position(|octets| octets == b"Host").unwrap();
    for position in section..known.len() {
        let mut other = known.clone();
        other[position] ^= 1;
        assert_eq!(recall(&mut memory, &mut hint, &other), None, "{position}");
        assert_eq!(recall(&mut memory, &mut hint, &known[..position]), None, "{position}");
    }
    let old = [b"GET / HTTP/1.0\r\n", &known[section..]].concat();
    assert_eq!(recall(&mut memory, &mut hint, &old), None);
    assert!(recall(&mut memory, &mut hint, &known).is_some());
}

#[test]
fn what_is_too_long_is_not_recalled() {
    let (mut memory, mut hint) = (SectionMemory::default(), Hint::default());
    let known = get("/abcdefgh", "");
    remember(&mut memory, &mut hint, &known);
    let usual = Limits::default();
    for length in 0..known.len() as u16 + 2 {
        for limits in [
            Limits { head_bytes_max: length, ..usual },
            Limits { target_bytes_max: length, ..usual },
            Limits { head_bytes_max: length, target_bytes_max: 9, ..usual },
        ] {
            let recalled = RequestHead::recall(&known, &limits, CONNECT, &mut memory, &mut hint);
            assert_eq!(recalled, parse(&known, &limits).ok().flatten(), "{limits:?}");
        }
    }
}

#[test]
fn secrets_and_long_sections_are_not_kept() {
    let (mut memory, mut hint) = (SectionMemory::default(), Hint::default());
    let long = format!("A: {}\r\n", "a".repeat(SECTION_BYTES_MAX));
    for fields in ["Authorization: Basic YTpi\r\n", "cookie: a=b\r\n", "Cookie: \r\nCookie: c\r\n", &long] {
        remember(&mut memory, &mut hint, &get("/", fields));
        assert_eq!(recall(&mut memory, &mut hint, &get("/", fields)), None, "{fields}");
    }
    assert!(memory.sections.is_empty());
}

#[test]
fn the_oldest_section_goes_first() {
    let mut memory = SectionMemory::default();
    let fields = |number: usize| get("/", &format!("Number: {number:04}\r\n"));
    let mut hints = [Hint::default(); 3 * SECTIONS_MAX];
    for (number, hint) in hints.iter_mut().enumerate() {
        remember(&mut memory, hint, &fields(number));
        assert!(memory.sections.len() <= SECTIONS_MAX);
    }
    for (number, hint) in hints.iter_mut().enumerate() {
        let is_known = recall(&mut memory, hint, &fields(number)).is_some();
        assert_eq!(is_known, number >= 2 * SECTIONS_MAX, "{number}");
    }
}

#[test]
fn clients_of_two_kinds_that_come_by_turns_take_two_places() {
    let mut memory = SectionMemory::default();
    remember(&mut memory, &mut Hint::default(), &get("/", "Number: 0\r\n"));
    let kinds = [get("/", "Number: 1\r\n"), get("/", "Number: 2\r\n")];
    for kind in kinds.iter().cycle().take(3 * SECTIONS_MAX) {
        // A connection of its own each time.
        let mut hint = Hint::default();
        assert_eq!(recall(&mut memory, &mut hint, kind), None);
        remember(&mut memory, &mut hint, kind);
        assert!(recall(&mut memory, &mut hint, kind).is_some());
    }
    assert_eq!(memory.sections.len(), 3);
}

proptest! {
    /// Pieces that make valid heads and others, of which many have the same section.
    #[test]
    fn what_is_recalled_is_what_would_be_parsed(
        heads in prop::collection::vec(
            (
                prop::sample::select(vec!["GET / ", "GET /a?b ", "HEAD /%41 ", "OPTIONS * ", "GET http://b/ ", "GET /\x7f ", "CONNECT a:1 ", "\r\nGET / "]),
                prop::sample::select(vec!["HTTP/1.1\r\n", "HTTP/1.0\r\n", "HTTP/1.2\r\n", "HTTP/2.0\r\n", "HTTP/1.1\n"]),
                prop::sample::select(vec![
                    "Host: a\r\n\r\n", "Host: a\r\n\r\nHost: a\r\n\r\n", "\r\n", "Host: a\r\nHost: a\r\n\r\n",
                    "Host: a\r\nConnection: close\r\n\r\n", "Host: a\r\nContent-Length: 3\r\n\r\nabc", "Host: a\r\n\r",
                    "Host: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "Host: a\r\nExpect: 100-continue\r\n\r\n",
                    "Host: a\r\nAccept: b\r\nAccept: c\r\n\r\n", "Host: a\r\n X: y\r\n\r\n", "Host:a\r\n\r\n",
                ]),
                0..3u8,
            ),
            1..40,
        ),
    ) {
        let (mut memory, limits) = (SectionMemory::default(), Limits::default());
        for (line, version, section, hint) in heads {
            let received = [line, version, section].concat().into_bytes();
            let mut hint = Hint(hint);
            let parsed = parse(&received, &limits);
            match recall(&mut memory, &mut hint, &received) {
                Some(head) => prop_assert_eq!(parsed, Ok(Some(head))),
                None => if let Ok(Some(head)) = parsed {
                    memory.remember(&mut hint, &head, &received);
                    let recalled = recall(&mut memory, &mut hint, &received);
                    // An empty line before the request is rare, and left to the scanner.
                    prop_assert!(recalled == Some(head) || line.starts_with('\r'));
                },
            }
        }
    }
}
