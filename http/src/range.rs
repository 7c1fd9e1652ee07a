//! Byte ranges of a GET (RFC 9110 section 14). In: a request's head, validators and a size. Out: which part to send.
//!
//! One range is served. Several are answered with the whole file, which section 14.2 leaves to the server.

use crate::h1::date::parse_date;
use crate::h1::{Field, KnownField, Method, RequestHead};
use crate::syntax::trim_ows;
use crate::validators::Validators;

/// What of a file to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOutcome {
    /// All of it: 200.
    Whole,
    /// A part: 206.
    Part(ByteRange),
    /// The range lies beyond the end: 416 with the size.
    Unsatisfiable,
}

/// A part of a file; never empty, never beyond the size it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// Offset of the first octet.
    pub start: u64,
    /// Length in octets, at least 1.
    pub len: u64,
}

/// Evaluates Range and If-Range of a request whose head stands in `bytes`, for a file of `size` octets, after the other
/// preconditions let it proceed ([`crate::conditional::evaluate`]).
///
/// A Range is ignored on other methods than GET, when it comes twice, in another unit or in no valid form, on an empty
/// file, and when If-Range is there and does not hold.
pub fn evaluate(
    head: &RequestHead,
    bytes: &[u8],
    validators: &Validators,
    size: u64,
    now_unix_s: u64,
) -> RangeOutcome {
    let Field::One(range) = head.field(bytes, KnownField::Range) else {
        return RangeOutcome::Whole;
    };
    let if_range_holds = match head.field(bytes, KnownField::IfRange) {
        Field::Absent => true,
        Field::One(value) => if_range_holds(value, validators, now_unix_s),
        Field::Several => false,
    };
    if head.method() != Method::Get || !if_range_holds {
        return RangeOutcome::Whole;
    }
    parse_range(range, size)
}

/// RFC 9110 section 13.1.5: an entity tag that matches strongly, or a date that is exactly Last-Modified and a strong
/// validator: the file's second is over, so that it will not change within it again (section 8.8.2.2).
fn if_range_holds(value: &[u8], validators: &Validators, now_unix_s: u64) -> bool {
    if value.starts_with(b"\"") {
        return validators.entity_tag.is_some_and(|tag| tag.as_bytes() == value);
    }
    let Some(modified_unix_s) = validators.modified_unix_s else { return false };
    parse_date(value) == Some(modified_unix_s) && modified_unix_s < now_unix_s
}

/// The value of a Range field, held against a size in octets.
pub fn parse_range(value: &[u8], size: u64) -> RangeOutcome {
    match parse_bytes_range(value, size) {
        Some(outcome) if size > 0 => outcome,
        _ => RangeOutcome::Whole,
    }
}

/// `None`: to be ignored.
fn parse_bytes_range(value: &[u8], size: u64) -> Option<RangeOutcome> {
    const UNIT: &[u8] = b"bytes=";
    let (unit, set) = value.split_at_checked(UNIT.len())?;
    if !unit.eq_ignore_ascii_case(UNIT) {
        return None;
    }
    let range = trim_ows(set);
    let dash = memchr::memchr(b'-', range)?;
    let (first, last) = (&range[..dash], &range[dash + 1..]);
    let (start, end) = match (first, last) {
        (b"", suffix) => {
            let len = parse_position(suffix)?;
            (size - len.min(size), size)
        }
        (first, b"") => (parse_position(first)?, size),
        (first, last) => {
            let (first, last) = (parse_position(first)?, parse_position(last)?);
            // Section 14.1.1: such a range is invalid, not unsatisfiable.
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(size))
        }
    };
    // Section 14.1.2: a range is satisfiable if it begins before the end; a suffix, if it is longer than 0.
    Some(if start < end {
        RangeOutcome::Part(ByteRange { start, len: end - start })
    } else {
        RangeOutcome::Unsatisfiable
    })
}

/// `1*DIGIT`; what does not fit is as good as the largest number.
fn parse_position(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0u64, |number, byte| number.saturating_mul(10).saturating_add(u64::from(byte - b'0'))),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::parse_head;

    fn part(start: u64, len: u64) -> RangeOutcome {
        RangeOutcome::Part(ByteRange { start, len })
    }

    #[test]
    fn one_range_is_cut_to_the_file() {
        for (value, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-5", part(2, 4)),
            ("BYTES= 2-5 ", part(2, 4)),
            ("bytes=2-", part(2, 8)),
            ("bytes=2-99", part(2, 8)),
            ("bytes=9-", part(9, 1)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-99", part(0, 10)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("bytes=-99999999999999999999999", part(0, 10)),
            ("bytes=0-18446744073709551615", part(0, 10)),
        ] {
            assert_eq!(parse_range(value.as_bytes(), 10), expected, "{value}");
        }
    }

    #[test]
    fn range_beyond_the_end_is_unsatisfiable() {
        for value in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(parse_range(value.as_bytes(), 10), RangeOutcome::Unsatisfiable, "{value}");
        }
        let last = u64::MAX.to_string();
        assert_eq!(parse_range(format!("bytes={last}-").as_bytes(), u64::MAX), RangeOutcome::Unsatisfiable);
    }

    #[test]
    fn several_ranges_other_units_and_nonsense_are_ignored() {
        for value in [
            "bytes=0-1,3-4",
            "bytes=0-1,",
            "items=0-1",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1 -2",
            "bytes=1--2",
            "bytes 0-1",
            "bytes =0-1",
            "",
            "0-1",
        ] {
            assert_eq!(parse_range(value.as_bytes(), 10), RangeOutcome::Whole, "{value}");
        }
    }

    #[test]
    fn empty_file_is_always_whole() {
        for value in ["bytes=0-", "bytes=-1", "bytes=0-0", "bytes=5-"] {
            assert_eq!(parse_range(value.as_bytes(), 0), RangeOutcome::Whole, "{value}");
        }
    }

    const MODIFIED_UNIX_S: i64 = 784_111_777;

    fn outcome(method: &str, lines: &str, now_unix_s: u64) -> RangeOutcome {
        let validators = Validators::of_file(10, MODIFIED_UNIX_S, 5);
        let ours = validators.entity_tag.unwrap();
        let ours = str::from_utf8(ours.as_bytes()).unwrap();
        let text = format!("{method} / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.replace("OURS", ours));
        evaluate(&parse_head(text.as_bytes()).unwrap(), text.as_bytes(), &validators, 10, now_unix_s)
    }

    #[test]
    fn only_one_range_field_of_a_get_counts() {
        let now = MODIFIED_UNIX_S as u64 + 100;
        assert_eq!(outcome("GET", "Range: bytes=0-1\r\n", now), part(0, 2));
        assert_eq!(outcome("HEAD", "Range: bytes=0-1\r\n", now), RangeOutcome::Whole);
        assert_eq!(outcome("POST", "Range: bytes=0-1\r\n", now), RangeOutcome::Whole);
        assert_eq!(outcome("GET", "Range: bytes=0-1\r\nRange: bytes=0-1\r\n", now), RangeOutcome::Whole);
        assert_eq!(outcome("GET", "", now), RangeOutcome::Whole);
    }

    #[test]
    fn if_range_needs_a_strong_validator() {
        let now = MODIFIED_UNIX_S as u64 + 1;
        let exact = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (if_range, now, expected) in [
            ("OURS", now, part(0, 2)),
            ("W/OURS", now, RangeOutcome::Whole),
            ("\"x\"", now, RangeOutcome::Whole),
            ("\"x\", OURS", now, RangeOutcome::Whole),
            (exact, now, part(0, 2)),
            (exact, now - 1, RangeOutcome::Whole),
            ("Sun, 06 Nov 1994 08:49:38 GMT", now, RangeOutcome::Whole),
            ("Sun, 06 Nov 1994 08:49:36 GMT", now, RangeOutcome::Whole),
            ("*", now, RangeOutcome::Whole),
            ("", now, RangeOutcome::Whole),
        ] {
            let lines = format!("Range: bytes=0-1\r\nIf-Range: {if_range}\r\n");
            assert_eq!(outcome("GET", &lines, now), expected, "{if_range}");
        }
        let twice = "Range: bytes=0-1\r\nIf-Range: OURS\r\nIf-Range: OURS\r\n";
        assert_eq!(outcome("GET", twice, now), RangeOutcome::Whole);
        assert_eq!(outcome("GET", "Range: bytes=50-\r\nIf-Range: \"x\"\r\n", now), RangeOutcome::Whole);
    }

    proptest! {
        #[test]
        fn part_never_exceeds_the_file(value in "bytes=[0-9]{0,21}-[0-9]{0,21}", size in any::<u64>()) {
            if let RangeOutcome::Part(ByteRange { start, len }) = parse_range(value.as_bytes(), size) {
                prop_assert!(len > 0 && start < size && len <= size - start);
            }
        }

        #[test]
        fn small_ranges_are_exact(first in 0u64..20, last in 0u64..20, size in 1u64..20) {
            let expected: Vec<u64> = (first..=last).filter(|&at| at < size).collect();
            let outcome = parse_range(format!("bytes={first}-{last}").as_bytes(), size);
            match outcome {
                RangeOutcome::Part(ByteRange { start, len }) => {
                    prop_assert_eq!((start..start + len).collect::<Vec<_>>(), expected);
                }
                RangeOutcome::Unsatisfiable => prop_assert!(first <= last && first >= size),
                RangeOutcome::Whole => prop_assert!(last < first),
            }
        }
    }
}
