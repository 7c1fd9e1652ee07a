//! The bodies of the fuzz targets in `fuzz/`, as plain functions, so that the stable tests run them too. Each takes any
//! octets and panics if one of the promises of its module is broken.

use crate::h1::{
    BodyFraming, ChunkEvent, ChunkedDecoder, Field, HeadScanner, KnownField, Limits, Method, Reject,
    RequestHead, Scan, TargetForm, Version,
};
use crate::multipart_ranges::{Boundary, FRAMING_BYTES_MAX, MultipartRanges};
use crate::multipart_reader;
use crate::path::{SitePath, TrailingSlash, Visibility};
use crate::range::{ByteRange, RANGES_MAX, RangeOutcome, Ranges, parse_range};

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
    }
}

fn check_accepted_head(head: &RequestHead, octets: &[u8]) {
    let method = head.method();
    assert!(!method.name(octets).is_empty() && method != Method::Connect);
    assert!(method.to_http(octets).is_ok());

    let path = head.path(octets);
    match head.target_form() {
        TargetForm::Asterisk => assert_eq!((path, method), (&b"*"[..], Method::Options)),
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

/// Decodes a chunked body: the same data, end or error however it is split; never more data than input.
pub fn chunked(bytes: &[u8]) {
    let limits = Limits {
        body_bytes_max: 4096,
        chunk_extension_bytes_max: 64,
        trailer_bytes_max: 64,
        ..Limits::default()
    };
    let decode = |piece_len: usize| {
        let mut decoder = ChunkedDecoder::new(&limits);
        let (mut data, mut at) = (Vec::new(), 0);
        for piece in bytes.chunks(piece_len.max(1)) {
            let mut rest = piece;
            loop {
                let decoded = match decoder.decode(rest) {
                    Ok(decoded) => decoded,
                    Err(reject) => return (data, Err(reject)),
                };
                at += decoded.consumed;
                match decoded.event {
                    ChunkEvent::Data(range) => {
                        assert!(!range.is_empty() && range.end == decoded.consumed);
                        data.extend_from_slice(&rest[range]);
                    }
                    ChunkEvent::End => return (data, Ok(Some(at))),
                    ChunkEvent::NeedMore => {
                        assert_eq!(decoded.consumed, rest.len());
                        break;
                    }
                }
                rest = &rest[decoded.consumed..];
            }
        }
        (data, Ok(None))
    };
    let whole = decode(bytes.len());
    assert_eq!(decode(1), whole, "octet by octet");
    assert_eq!(decode(7), whole, "in pieces of seven");
    assert!(whole.0.len() <= bytes.len() && whole.0.len() <= 4096);
}

/// Resolves a path: it stays below the root, and the redirect made from it stays on the host and comes back to it.
pub fn path(bytes: &[u8]) {
    let mut buffer = Vec::new();
    let Ok(path) = SitePath::resolve(bytes, &mut buffer) else {
        return;
    };
    let relative = path.relative();
    if !relative.is_empty() {
        for segment in relative.split(|&byte| byte == b'/') {
            assert!(!segment.is_empty() && segment != b"." && segment != b".." && !segment.contains(&0));
        }
    }
    let is_hidden = relative
        .split(|&byte| byte == b'/')
        .enumerate()
        .any(|(index, segment)| segment.starts_with(b".") && !(index == 0 && segment == b".well-known"));
    assert_eq!(path.visibility() == Visibility::Hidden, is_hidden);

    let mut location = Vec::new();
    assert!(path.redirect_location(TrailingSlash::Present, Some(b"q=%2F"), &mut location).is_ok());
    let target = location.strip_suffix(b"?q=%2F").expect("the query is kept");
    assert!(target.starts_with(b"/") && !target.starts_with(b"//") && target.ends_with(b"/"));
    assert!(target.iter().all(|&byte| byte > b' ' && byte < 0x7f && byte != b'\\'));
    let mut again = Vec::new();
    let resolved = SitePath::resolve(target, &mut again).expect("the redirect's path is valid");
    assert_eq!((resolved.relative(), resolved.trailing_slash()), (relative, TrailingSlash::Present));

    let mut location = Vec::new();
    assert!(path.redirect_location(TrailingSlash::Absent, None, &mut location).is_ok());
    assert!(location.starts_with(b"/") && !location.starts_with(b"//"));
    let mut again = Vec::new();
    let resolved = SitePath::resolve(&location, &mut again).expect("the redirect's path is valid");
    assert_eq!(resolved.key(), relative);
    assert_eq!(SitePath::decoded(path.key()), Some(path));
}

/// Holds a Range field against files of several sizes: what is sent lies in the file, never adds up to more than it, and
/// a composed body falls apart into the same octets again.
pub fn ranges(bytes: &[u8]) {
    for size in [0, 1, 2, 10, 1_000, 70_000] {
        check_ranges(bytes, size, 0x0123_4567_89ab_cdef);
    }
    for size in [i64::MAX as u64, u64::MAX] {
        check_outcome(&parse_range(bytes, size), size);
    }
}

/// Checks what is sent of a file of `size` octets, down to the octets.
pub(crate) fn check_ranges(value: &[u8], size: u64, boundary_bits: u128) {
    let outcome = parse_range(value, size);
    check_outcome(&outcome, size);
    let RangeOutcome::Parts(ranges) = outcome else { return };
    let file: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
    let boundary = Boundary::new(boundary_bits);
    let multipart = MultipartRanges::new(boundary, Some("text/plain"), &ranges);
    let body = compose(&multipart, &ranges, &file);
    assert_eq!(Ok(body.len() as u64), multipart.body_bytes());
    assert!(body.len() <= file.len() + (ranges.len() + 1) * FRAMING_BYTES_MAX);

    let content_type = multipart.content_type();
    let named = multipart_reader::boundary(content_type.to_str().expect("ASCII"));
    assert_eq!(named.as_bytes(), boundary.as_bytes());
    let parts = multipart_reader::split(&body, named);
    assert_eq!(parts.len(), ranges.len());
    for (part, range) in parts.iter().zip(ranges.iter()) {
        let octets = range.start as usize..(range.start + range.len) as usize;
        assert_eq!(part.octets(), (octets.clone(), file.len()));
        assert_eq!(part.content_type, Some("text/plain"));
        assert!(part.content == &file[octets]);
    }
}

fn compose(multipart: &MultipartRanges<'_>, ranges: &Ranges, file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut room = [0; FRAMING_BYTES_MAX];
    for part in 0..=ranges.len() {
        let written = multipart.write_framing(part, &mut room).expect("it fits");
        body.extend_from_slice(&room[..written]);
        if let Some(range) = ranges.get(part) {
            body.extend_from_slice(&file[range.start as usize..][..range.len as usize]);
        }
    }
    body
}

fn check_outcome(outcome: &RangeOutcome, size: u64) {
    let is_within =
        |range: &ByteRange| range.len > 0 && range.start < size && range.len <= size - range.start;
    match outcome {
        RangeOutcome::Whole => {}
        RangeOutcome::Unsatisfiable => assert!(size > 0),
        RangeOutcome::Part(range) => assert!(is_within(range)),
        RangeOutcome::Parts(ranges) => {
            assert!((2..=RANGES_MAX).contains(&ranges.len()) && ranges.size() == size);
            assert!(ranges.iter().all(is_within));
            let mut sorted = ranges.to_vec();
            sorted.sort_by_key(|range| range.start);
            // With an octet between each two, so their lengths add up to less than the size.
            assert!(sorted.windows(2).all(|pair| pair[0].start + pair[0].len < pair[1].start));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Runs a target on each file of its corpus, and on each beginning of it.
    #[allow(clippy::disallowed_methods, reason = "the corpus is files; the library itself reads none")]
    fn replay(target: &str, run: fn(&[u8]), files_min: usize) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for end in 0..=bytes.len().min(512) {
                run(&bytes[..end]);
            }
            run(&bytes);
            files += 1;
        }
        assert!(files >= files_min, "{files} files in {}", folder.display());
    }

    #[test]
    fn head_corpus_keeps_its_promises() {
        replay("head", super::head, 30);
    }

    #[test]
    fn chunked_corpus_keeps_its_promises() {
        replay("chunked", super::chunked, 15);
    }

    #[test]
    fn path_corpus_keeps_its_promises() {
        replay("path", super::path, 15);
    }

    #[test]
    fn ranges_corpus_keeps_its_promises() {
        replay("ranges", super::ranges, 20);
    }
}
