use proptest::prelude::*;

use super::*;

fn scan_whole(bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Reject> {
    HeadScanner::new().scan(bytes, limits).map(head_len)
}

/// Feeds the octets up to each of `ends` in turn, then all.
fn scan_split(bytes: &[u8], ends: &[usize], limits: &Limits) -> Result<Option<usize>, Reject> {
    let mut scanner = HeadScanner::new();
    for &end in ends.iter().chain([&bytes.len()]) {
        match scanner.scan(&bytes[..end], limits)? {
            Scan::Incomplete => {}
            complete => return Ok(head_len(complete)),
        }
    }
    Ok(None)
}

fn head_len(scan: Scan<'_>) -> Option<usize> {
    match scan {
        Scan::Incomplete => None,
        Scan::Complete(head) => Some(head.len()),
    }
}

fn limits(head_bytes_max: u16, target_bytes_max: u16) -> Limits {
    Limits { head_bytes_max, target_bytes_max, ..Limits::default() }
}

#[test]
fn head_ends_after_the_first_empty_line() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\n\r\n";
    assert_eq!(scan_whole(bytes, &Limits::default()), Ok(Some(27)));
    assert_eq!(scan_whole(&bytes[..26], &Limits::default()), Ok(None));
    assert_eq!(scan_whole(b"", &Limits::default()), Ok(None));
}

#[test]
fn exactly_one_leading_empty_line_is_skipped_and_counted() {
    let Ok(Scan::Complete(head)) =
        HeadScanner::new().scan(b"\r\nG / HTTP/1.1\r\n\r\nrest", &Limits::default())
    else {
        panic!("not complete");
    };
    assert_eq!((head.len(), head.start()), (18, 2));
    assert_eq!(scan_whole(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", &Limits::default()), Err(Reject::NotHttp));
}

#[test]
fn leading_empty_line_alone_does_not_begin_a_head() {
    let mut scanner = HeadScanner::new();
    for bytes in [&b"\r"[..], b"\r\n"] {
        assert_eq!(scanner.scan(bytes, &Limits::default()), Ok(Scan::Incomplete));
        assert!(!scanner.has_begun());
    }
    assert_eq!(scanner.scan(b"\r\nG", &Limits::default()), Ok(Scan::Incomplete));
    assert!(scanner.has_begun());
}

#[test]
fn bare_line_ends_are_refused_before_the_head_is_complete() {
    for (bytes, reject) in [
        (&b"GET / HTTP/1.1\n"[..], Reject::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\n", Reject::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", Reject::BareLineFeed),
        (b"\nGET / HTTP/1.1\r\n", Reject::BareLineFeed),
        (b"\r\n\nGET", Reject::BareLineFeed),
        (b"\rG", Reject::BareCarriageReturn),
        (b"GET / HTTP/1.1\rX", Reject::BareCarriageReturn),
        (b"GET / HTTP/1.1\r\r\n", Reject::BareCarriageReturn),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\rX", Reject::BareCarriageReturn),
    ] {
        assert_eq!(scan_whole(bytes, &Limits::default()), Err(reject), "{:?}", bytes.escape_ascii());
    }
}

#[test]
fn first_octet_that_begins_no_method_is_refused_at_once() {
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b" GET / HTTP/1.1", b"\0", b"\x80"] {
        assert_eq!(scan_whole(bytes, &Limits::default()), Err(Reject::NotHttp), "{:?}", bytes.escape_ascii());
    }
}

#[test]
fn request_line_beyond_its_limit_is_a_long_target() {
    let small = limits(1000, 100);
    let mut bytes = b"GET /".to_vec();
    bytes.resize(143, b'a');
    assert_eq!(scan_whole(&bytes, &small), Ok(None));
    bytes.push(b'a');
    assert_eq!(scan_whole(&bytes, &small), Err(Reject::TargetTooLong));
    assert_eq!(scan_whole(&bytes, &limits(144, 1000)), Err(Reject::TargetTooLong));
}

#[test]
fn head_may_be_as_long_as_the_limit_and_no_longer() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(scan_whole(bytes, &limits(27, 100)), Ok(Some(27)));
    assert_eq!(scan_whole(bytes, &limits(26, 100)), Err(Reject::HeadTooLong));
    assert_eq!(scan_whole(&bytes[..25], &limits(26, 100)), Ok(None));
}

#[test]
fn head_of_the_widest_limit_keeps_its_offsets() {
    let mut bytes = b"GET / HTTP/1.1\r\nA: ".to_vec();
    bytes.resize(usize::from(u16::MAX) - 4, b'a');
    bytes.extend_from_slice(b"\r\n\r\n");
    assert_eq!(scan_whole(&bytes, &limits(u16::MAX, u16::MAX)), Ok(Some(65_535)));
    let one_by_one: Vec<usize> = (65_000..65_535).collect();
    assert_eq!(scan_split(&bytes, &one_by_one, &limits(u16::MAX, u16::MAX)), Ok(Some(65_535)));
}

#[test]
fn octet_by_octet_scanning_looks_at_each_octet_once() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut scanner = HeadScanner::new();
    for end in 1..bytes.len() {
        assert_eq!(scanner.scan(&bytes[..end], &Limits::default()), Ok(Scan::Incomplete));
        let pending_carriage_return = usize::from(bytes[end - 1] == b'\r');
        assert_eq!(usize::from(scanner.scanned), end - pending_carriage_return);
    }
}

/// Octets that meet the scanner's edges often.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\n".to_vec()),
        6 => proptest::collection::vec(b'a'..=b'z', 1..12),
        1 => proptest::collection::vec(any::<u8>(), 1..3),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn splitting_anywhere_changes_nothing(
        bytes in noise(),
        head_bytes_max in 0u16..80,
        target_bytes_max in 0u16..40,
        mut ends in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let limits = limits(head_bytes_max, target_bytes_max);
        let mut ends: Vec<usize> = ends.drain(..).map(|end| end.index(bytes.len() + 1)).collect();
        ends.sort_unstable();
        let whole = scan_whole(&bytes, &limits);
        prop_assert_eq!(scan_split(&bytes, &ends, &limits), whole);
        let one_by_one: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(scan_split(&bytes, &one_by_one, &limits), whole);
    }
}
