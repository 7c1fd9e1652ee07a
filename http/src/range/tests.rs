use proptest::prelude::*;

use super::*;
use crate::test_support::parse_head;

fn part(start: u64, len: u64) -> RangeOutcome {
    RangeOutcome::Part(ByteRange { start, len })
}

/// The parts that `bytes=` and `set` name of a file, as first octet and length.
fn parts(set: &str, size: u64) -> Vec<(u64, u64)> {
    match parse_range(format!("bytes={set}").as_bytes(), size) {
        RangeOutcome::Parts(ranges) => {
            assert_eq!(ranges.size(), size);
            ranges.iter().map(|range| (range.start, range.len)).collect()
        }
        other => panic!("{set} of {size}: {other:?}"),
    }
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
fn other_units_and_nonsense_are_ignored() {
    for value in [
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
        "bytes=,",
        "bytes= , ,, ",
        "bytes=0-1,x",
        "bytes=x,0-1",
        "bytes=0-1,5-2",
        "bytes=0-1,3",
        "bytes=0-1;3-4",
        "bytes=0-1 3-4",
        "bytes=0-1,bytes=3-4",
        "bytes=99-,-",
    ] {
        assert_eq!(parse_range(value.as_bytes(), 10), RangeOutcome::Whole, "{value}");
    }
}

#[test]
fn several_ranges_are_several_parts_in_their_order() {
    assert_eq!(parts("0-1,3-4", 10), [(0, 2), (3, 2)]);
    assert_eq!(parts("-2,5-6,0-0", 10), [(8, 2), (5, 2), (0, 1)]);
    assert_eq!(parts(" 0-1 ,\t,, 3-4\t,", 10), [(0, 2), (3, 2)]);
}

#[test]
fn what_overlaps_or_touches_is_one_part_in_the_place_of_its_first() {
    assert_eq!(parts("0-1,5-6,1-2", 10), [(0, 3), (5, 2)]);
    assert_eq!(parts("5-6,0-1,7-8", 10), [(5, 4), (0, 2)]);
    assert_eq!(parts("0-0,2-2,4-4,9-9,1-3", 10), [(0, 5), (9, 1)]);
    assert_eq!(parts("9-9,4-4,2-2,0-0,1-3", 10), [(9, 1), (0, 5)]);
    assert_eq!(parts("0-0,0-0,9-9,-1", 10), [(0, 1), (9, 1)]);
    for all_in_one in ["bytes=0-4,5-9", "bytes=5-,0-4", "bytes=0-,3-4", "bytes=-1,0-8", "bytes=3-4,0-,3-4"] {
        assert_eq!(parse_range(all_in_one.as_bytes(), 10), part(0, 10), "{all_in_one}");
    }
}

#[test]
fn what_cannot_be_satisfied_is_left_out() {
    assert_eq!(parts("0-1,10-,5-6,-0,99-100", 10), [(0, 2), (5, 2)]);
    assert_eq!(parse_range(b"bytes=10-,3-4,99-", 10), part(3, 2));
    assert_eq!(parse_range(b"bytes=10-,-0,99-100", 10), RangeOutcome::Unsatisfiable);
    assert_eq!(parse_range(b"bytes=0-1,", 10), part(0, 2));
}

#[test]
fn more_ranges_than_are_served_are_the_whole_file() {
    let set =
        |count: u64| (0..count).map(|at| format!("{}-{}", 3 * at, 3 * at + 1)).collect::<Vec<_>>().join(",");
    let most = RANGES_MAX as u64;
    assert_eq!(parts(&set(most), 1_000), (0..most).map(|at| (3 * at, 2)).collect::<Vec<_>>());
    for too_many in [
        set(most + 1),
        set(most + 1_000),
        // However little of it is left.
        "0-0,".repeat(RANGES_MAX) + "0-0",
        "5000-,".repeat(RANGES_MAX) + "0-0",
        // A reasonable number of empty elements is ignored, and no more.
        ",".repeat(ELEMENTS_MAX) + "0-0",
    ] {
        let value = format!("bytes={too_many}");
        assert_eq!(parse_range(value.as_bytes(), 1_000), RangeOutcome::Whole, "{value}");
    }
    let empty_ones = format!("bytes={}0-0", ",".repeat(ELEMENTS_MAX - 1));
    assert_eq!(parse_range(empty_ones.as_bytes(), 1_000), part(0, 1));
}

#[test]
fn outcome_of_a_request_without_several_ranges_stays_small() {
    assert_eq!(size_of::<RangeOutcome>(), size_of::<(u64, ByteRange)>());
}

#[test]
fn empty_file_is_always_whole() {
    for value in ["bytes=0-", "bytes=-1", "bytes=0-0", "bytes=5-", "bytes=0-,1-2"] {
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

/// A range as a request spells it, and the octets of a file that it names; `None`: it is malformed.
fn spelled() -> impl Strategy<Value = (String, Option<std::ops::Range<u64>>)> {
    let position = || 0_u64..60;
    let blank = prop::sample::select(vec!["", " ", "\t "]);
    let range = prop_oneof![
        8 => (position(), 0_u64..9).prop_map(|(first, more)| {
            (format!("{first}-{}", first + more), Some(first..first + more + 1))
        }),
        2 => position().prop_map(|first| (format!("{first}-"), Some(first..u64::MAX))),
        1 => Just((String::new(), Some(0..0))),
        1 => (1_u64..30).prop_map(|first| (format!("{first}-{}", first - 1), None)),
    ];
    (range, blank).prop_map(|((text, octets), blank)| (format!("{blank}{text}{blank}"), octets))
}

proptest! {
    #[test]
    fn part_never_exceeds_the_file(value in "bytes=[0-9]{0,21}-[0-9]{0,21}", size in any::<u64>()) {
        if let RangeOutcome::Part(ByteRange { start, len }) = parse_range(value.as_bytes(), size) {
            prop_assert!(len > 0 && start < size && len <= size - start);
        }
    }

    #[test]
    fn parts_are_what_was_named_and_in_its_order(
        specs in prop::collection::vec(spelled(), 0..20),
        size in 1_u64..80,
    ) {
        let text: Vec<&str> = specs.iter().map(|(text, _)| text.as_str()).collect();
        let count = text.iter().filter(|text| !trim_ows(text.as_bytes()).is_empty()).count();
        let is_malformed = specs.iter().any(|(_, octets)| octets.is_none());
        let outcome = parse_range(format!("bytes={}", text.join(",")).as_bytes(), size);
        // Who names each octet first.
        let named_by = |octet: &u64| {
            specs.iter().position(|(_, octets)| octets.as_ref().is_some_and(|octets| octets.contains(octet)))
        };
        let named: Vec<u64> = (0..size).filter(|octet| named_by(octet).is_some()).collect();
        let got = match &outcome {
            RangeOutcome::Whole => {
                prop_assert!(count == 0 || count > RANGES_MAX || is_malformed, "{text:?}");
                return Ok(());
            }
            RangeOutcome::Unsatisfiable => vec![],
            RangeOutcome::Part(part) => vec![*part],
            RangeOutcome::Parts(ranges) => ranges.to_vec(),
        };
        prop_assert!(count > 0 && count <= RANGES_MAX && !is_malformed, "{text:?}");
        // Each octet of the file once at most, so the sum never exceeds it.
        let octets = |part: &ByteRange| part.start..part.end();
        let mut sent: Vec<u64> = got.iter().flat_map(octets).collect();
        sent.sort_unstable();
        prop_assert_eq!(sent, named);
        let firsts: Vec<_> = got.iter().map(|part| octets(part).filter_map(|at| named_by(&at)).min()).collect();
        prop_assert!(firsts.is_sorted(), "{text:?} {got:?}");
    }

    #[test]
    fn small_ranges_are_exact(first in 0u64..20, last in 0u64..20, size in 1u64..20) {
        let expected: Vec<u64> = (first..=last).filter(|&at| at < size).collect();
        let outcome = parse_range(format!("bytes={first}-{last}").as_bytes(), size);
        match outcome {
            RangeOutcome::Part(ByteRange { start, len }) => {
                prop_assert_eq!((start..start + len).collect::<Vec<_>>(), expected);
            }
            RangeOutcome::Parts(ranges) => prop_assert!(false, "{:?}", ranges),
            RangeOutcome::Unsatisfiable => prop_assert!(first <= last && first >= size),
            RangeOutcome::Whole => prop_assert!(last < first),
        }
    }
}
