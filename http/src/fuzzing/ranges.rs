//! `ranges`: byte ranges of files of several sizes, and the bodies of several parts made of them.

use crate::multipart_ranges::{Boundary, FRAMING_BYTES_MAX, MultipartRanges};
use crate::multipart_reader;
use crate::range::{ByteRange, RANGES_MAX, RangeOutcome, Ranges, parse_range};

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
