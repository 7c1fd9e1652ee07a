use std::collections::BTreeSet;

use http::{HeaderValue, header};

use super::*;
use crate::h1::BodyWish;

const KEPT: Framing =
    Framing { version: Version::Http11, persistence: Persistence::Reuse, body: BodyWish::Send };

fn fields(value: &str) -> FixedFields {
    let value = HeaderValue::try_from(value).expect("a value");
    FixedFields::new([(&header::SERVER, &value)]).expect("not the engine's")
}

/// What is written by way of the memory is what is written without one.
fn assert_written(memory: &mut HeadMemory, head: &ResponseHead, transfer: Transfer, framing: Framing) {
    let clock = &mut Clock::new();
    let (mut room, mut expected) = ([0; 1024], [0; 1024]);
    let length = memory.write(&mut room, head, transfer, framing, clock).expect("it fits");
    let written = write_head(&mut expected, head, transfer, framing, clock).expect("it fits");
    assert_eq!(room[..length].escape_ascii().to_string(), expected[..written.len].escape_ascii().to_string());
}

fn remembered(memory: &HeadMemory) -> usize {
    memory.0.iter().filter(|place| place.said.is_some()).count()
}

/// As if what is there were of an earlier second.
fn grow_old(memory: &mut HeadMemory) {
    memory.0.iter_mut().for_each(|place| place.unix_s = 0);
}

/// Each differs from the first in one thing.
fn different_heads() -> Vec<ResponseHead> {
    let (first, second) = (fields("first"), fields("second"));
    let usual = || ResponseHead {
        content_type: Some("text/plain"),
        version_fields: first.clone(),
        resource_fields: first.clone(),
        site_fields: first.clone(),
        ..ResponseHead::new(StatusCode::NOT_FOUND)
    };
    vec![
        usual(),
        ResponseHead { status: StatusCode::FORBIDDEN, ..usual() },
        ResponseHead { content_type: Some("text/html"), ..usual() },
        ResponseHead { content_type: None, ..usual() },
        ResponseHead { content_coding: Some(Coding::Gzip), ..usual() },
        ResponseHead { range: RangeField::Accepted, ..usual() },
        ResponseHead { version_fields: second.clone(), ..usual() },
        ResponseHead { resource_fields: second.clone(), ..usual() },
        ResponseHead { site_fields: second.clone(), ..usual() },
        ResponseHead { site_fields: FixedFields::NONE, ..usual() },
    ]
}

#[test]
fn what_a_head_says_is_not_what_another_says_that_differs_in_anything() {
    let heads = different_heads();
    for (number, head) in heads.iter().enumerate() {
        let said = Said::of(head, 5);
        for (other_number, other) in heads.iter().enumerate() {
            assert_eq!(said.is_of(other, 5), number == other_number, "{head:?}, {other:?}");
            assert!(!said.is_of(other, 6));
        }
    }
}

#[test]
fn heads_are_written_as_without_a_memory() {
    selvedge_runtime::block_on(|| async {
        let mut memory = HeadMemory::default();
        let mut heads = different_heads();
        heads.push(ResponseHead { range: RangeField::Part(1, 2, 3), ..ResponseHead::new(StatusCode::OK) });
        heads.push(ResponseHead {
            fields: vec![(header::AGE, 7.into())],
            ..ResponseHead::new(StatusCode::OK)
        });
        // Each is kept at one time or other, as the place is empty or of another second.
        for first in &heads {
            grow_old(&mut memory);
            for head in [first].into_iter().chain(&heads) {
                for transfer in [Transfer::Length(5), Transfer::Length(6), Transfer::Chunked] {
                    assert_written(&mut memory, head, transfer, KEPT);
                }
                for (version, persistence) in
                    [(Version::Http10, Persistence::Reuse), (Version::Http11, Persistence::Close)]
                {
                    let framing = Framing { version, persistence, ..KEPT };
                    assert_written(&mut memory, head, Transfer::Length(5), framing);
                }
            }
        }
        assert!((1..=HEADS_MAX).contains(&remembered(&memory)));
    });
}

#[test]
fn a_head_of_another_second_has_this_one_s_date() {
    selvedge_runtime::block_on(|| async {
        let mut memory = HeadMemory::default();
        let head = ResponseHead::new(StatusCode::NOT_MODIFIED);
        assert_written(&mut memory, &head, Transfer::Length(0), KEPT);
        for place in memory.0.iter_mut().filter(|place| place.said.is_some()) {
            place.unix_s = 0;
            let date = place.date_start..place.date_start + DATE_LEN;
            place.octets[date].copy_from_slice(b"Thu, 01 Jan 1970 00:00:00 GMT");
        }
        assert_written(&mut memory, &head, Transfer::Length(0), KEPT);
        assert_eq!(remembered(&memory), 1);
    });
}

#[test]
fn a_place_in_use_is_not_taken_for_another_head() {
    selvedge_runtime::block_on(|| async {
        let (mut memory, clock) = (HeadMemory::default(), &mut Clock::new());
        let head = ResponseHead::new(StatusCode::NOT_FOUND);
        let shared = place_of(&head, 0);
        let mut lengths = (0..).filter(|&length| place_of(&head, length) == shared);
        let lengths = [lengths.next(), lengths.next()].map(|length| length.expect("there are many"));
        for (length, kept) in [(lengths[0], lengths[0]), (lengths[1], lengths[0])] {
            memory.write(&mut [0; 1024], &head, Transfer::Length(length), KEPT, clock).expect("it fits");
            assert!(memory.0[shared].said.as_ref().is_some_and(|said| said.length == kept));
        }
        grow_old(&mut memory);
        memory.write(&mut [0; 1024], &head, Transfer::Length(lengths[1]), KEPT, clock).expect("it fits");
        assert!(memory.0[shared].said.as_ref().is_some_and(|said| said.length == lengths[1]));
    });
}

#[test]
fn heads_that_differ_in_one_thing_have_places_far_and_wide() {
    let statuses = (200..600).map(|code| StatusCode::from_u16(code).expect("a status"));
    let of_statuses: BTreeSet<usize> =
        statuses.map(|status| place_of(&ResponseHead::new(status), 0)).collect();
    let versions: Vec<_> = (0..400).map(|number| fields(&number.to_string())).collect();
    let of_versions: BTreeSet<usize> = versions
        .iter()
        .map(|version| {
            let head = ResponseHead { version_fields: version.clone(), ..ResponseHead::new(StatusCode::OK) };
            place_of(&head, 0)
        })
        .collect();
    let usual = ResponseHead::new(StatusCode::OK);
    let of_lengths: BTreeSet<usize> = (0..400).map(|length| place_of(&usual, length)).collect();
    for places in [of_statuses, of_versions, of_lengths] {
        assert!(places.len() > HEADS_MAX / 2, "{places:?}");
    }
}

#[test]
fn a_long_head_is_written_each_time_and_one_that_has_no_room_is_refused() {
    selvedge_runtime::block_on(|| async {
        let mut memory = HeadMemory::default();
        let long = ResponseHead {
            site_fields: fields(&"v".repeat(HEAD_BYTES_MAX)),
            ..ResponseHead::new(StatusCode::OK)
        };
        assert_written(&mut memory, &long, Transfer::Length(0), KEPT);
        assert_eq!(remembered(&memory), 0);
        let head = ResponseHead::new(StatusCode::OK);
        assert_written(&mut memory, &head, Transfer::Length(0), KEPT);
        let refused = memory.write(&mut [0; 40], &head, Transfer::Length(0), KEPT, &mut Clock::new());
        assert_eq!(refused, Err(HeadError::Full));
    });
}
