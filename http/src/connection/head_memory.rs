//! Step 7 of a request's walk for heads that come again: those of a file that has not changed, of an error. In: a response's head.
//! Out: its octets, copied from those written before, with the second's Date. Next: send.

use http::StatusCode;

use super::answer::{Framing, Transfer, write_head};
use crate::clock::Clock;
use crate::fixed_fields::FixedFields;
use crate::h1::{DATE_LEN, HeadError, Persistence, Version, WrittenHead};
use crate::negotiation::Coding;
use crate::response::{RangeField, ResponseHead};

/// Heads that are kept: each has one place, which it shares with others.
const HEADS_MAX: usize = 64;

/// Octets of one; longer ones are written each time.
const HEAD_BYTES_MAX: usize = 512;

/// Heads of a worker's last answers.
#[derive(Debug)]
pub(crate) struct HeadMemory([Option<Remembered>; HEADS_MAX]);

#[derive(Debug)]
struct Remembered {
    said: Said,
    octets: Vec<u8>,
    date_start: usize,
    /// The second whose Date stands in it: the last in which it was used.
    unix_s: u64,
}

/// What a head says, but for the Date. Field lines are known by their place, in which none others can be meanwhile.
#[derive(Debug)]
struct Said {
    status: StatusCode,
    length: u64,
    content_type: Option<&'static str>,
    content_coding: Option<Coding>,
    range: RangeField,
    fields: [FixedFields; 3],
}

impl HeadMemory {
    /// As [`write_head`]. A place that was used in this second is not taken for another head: where more heads come than there are
    /// places, they are not all written down for nothing.
    pub(super) fn write(
        &mut self,
        room: &mut [u8],
        head: &ResponseHead,
        transfer: Transfer,
        framing: Framing,
        clock: &mut Clock,
    ) -> Result<usize, HeadError> {
        let Some(length) = rememberable(head, transfer, framing) else {
            return Ok(write_head(room, head, transfer, framing, clock)?.len);
        };
        let place = &mut self.0[place_of(head)];
        if let Some(remembered) = place
            && remembered.said.is_of(head, length)
        {
            return remembered.copy_to(room, clock);
        }
        let written = write_head(room, head, transfer, framing, clock)?;
        if place.as_ref().is_none_or(|remembered| remembered.unix_s != clock.unix_s()) {
            *place = Remembered::new(&room[..written.len], written, Said::of(head, length), clock.unix_s());
        }
        Ok(written.len)
    }
}

impl Default for HeadMemory {
    fn default() -> Self {
        Self([const { None }; HEADS_MAX])
    }
}

/// The length that a head says whose other fields may come again: not one of a part, of which there are many, or with fields of
/// its own.
fn rememberable(head: &ResponseHead, transfer: Transfer, framing: Framing) -> Option<u64> {
    match transfer {
        Transfer::Length(length)
            if framing.version == Version::Http11
                && framing.persistence == Persistence::Reuse
                && head.fields.is_empty()
                && matches!(head.range, RangeField::None | RangeField::Accepted) =>
        {
            Some(length)
        }
        _ => None,
    }
}

fn place_of(head: &ResponseHead) -> usize {
    let places = [&head.version_fields, &head.resource_fields, &head.site_fields].map(FixedFields::place);
    // Allocations begin at multiples of 16.
    let mixed = places
        .into_iter()
        .fold(usize::from(head.status.as_u16()), |mixed, place| mixed.rotate_left(7) ^ (place >> 4));
    (mixed ^ (mixed >> 6) ^ (mixed >> 12)) % HEADS_MAX
}

impl Said {
    fn of(head: &ResponseHead, length: u64) -> Self {
        Self {
            status: head.status,
            length,
            content_type: head.content_type,
            content_coding: head.content_coding,
            range: head.range,
            fields: [&head.version_fields, &head.resource_fields, &head.site_fields].map(FixedFields::clone),
        }
    }

    fn is_of(&self, head: &ResponseHead, length: u64) -> bool {
        let [version_fields, resource_fields, site_fields] = &self.fields;
        self.status == head.status
            && self.length == length
            && version_fields.is_same(&head.version_fields)
            && resource_fields.is_same(&head.resource_fields)
            && site_fields.is_same(&head.site_fields)
            && self.content_type == head.content_type
            && self.content_coding == head.content_coding
            && self.range == head.range
    }
}

impl Remembered {
    fn new(octets: &[u8], written: WrittenHead, said: Said, unix_s: u64) -> Option<Self> {
        let date_start = written.date_start?;
        (octets.len() <= HEAD_BYTES_MAX).then(|| Self { said, octets: octets.to_vec(), date_start, unix_s })
    }

    fn copy_to(&mut self, room: &mut [u8], clock: &mut Clock) -> Result<usize, HeadError> {
        if self.unix_s != clock.unix_s() {
            self.unix_s = clock.unix_s();
            self.octets[self.date_start..self.date_start + DATE_LEN].copy_from_slice(clock.date());
        }
        let room = room.get_mut(..self.octets.len()).ok_or(HeadError::Full)?;
        room.copy_from_slice(&self.octets);
        Ok(room.len())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;
    use crate::h1::BodyWish;

    const KEPT: Framing =
        Framing { version: Version::Http11, persistence: Persistence::Reuse, body: BodyWish::Send };

    fn fields(value: &'static str) -> FixedFields {
        FixedFields::new([(&header::SERVER, &HeaderValue::from_static(value))]).expect("not the engine's")
    }

    /// What is written by way of the memory is what is written without one.
    fn assert_written(memory: &mut HeadMemory, head: &ResponseHead, transfer: Transfer, framing: Framing) {
        let clock = &mut Clock::new();
        let (mut room, mut expected) = ([0; 1024], [0; 1024]);
        let length = memory.write(&mut room, head, transfer, framing, clock).expect("it fits");
        let written = write_head(&mut expected, head, transfer, framing, clock).expect("it fits");
        assert_eq!(
            room[..length].escape_ascii().to_string(),
            expected[..written.len].escape_ascii().to_string()
        );
    }

    fn remembered(memory: &HeadMemory) -> usize {
        memory.0.iter().flatten().count()
    }

    #[test]
    fn heads_that_differ_in_anything_are_not_taken_for_one_another() {
        selvedge_runtime::block_on(|| async {
            let mut memory = HeadMemory::default();
            let (first, second) = (fields("first"), fields("second"));
            let usual = || ResponseHead {
                content_type: Some("text/plain"),
                version_fields: first.clone(),
                resource_fields: first.clone(),
                site_fields: first.clone(),
                ..ResponseHead::new(StatusCode::NOT_FOUND)
            };
            let heads = [
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
                ResponseHead { range: RangeField::Part(1, 2, 3), ..usual() },
                ResponseHead { fields: vec![(header::AGE, 7.into())], ..usual() },
            ];
            // Each is remembered at one time or other, as the place is empty or of another second.
            for first in &heads {
                memory.0.iter_mut().flatten().for_each(|remembered| remembered.unix_s = 0);
                for head in [first].into_iter().chain(&heads) {
                    assert_written(&mut memory, head, Transfer::Length(5), KEPT);
                    assert_written(&mut memory, head, Transfer::Length(6), KEPT);
                    assert_written(&mut memory, head, Transfer::Chunked, KEPT);
                    for (version, persistence) in
                        [(Version::Http10, Persistence::Reuse), (Version::Http11, Persistence::Close)]
                    {
                        assert_written(
                            &mut memory,
                            head,
                            Transfer::Length(5),
                            Framing { version, persistence, ..KEPT },
                        );
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
            for remembered in memory.0.iter_mut().flatten() {
                remembered.unix_s = 0;
                let date = remembered.date_start..remembered.date_start + DATE_LEN;
                remembered.octets[date].copy_from_slice(b"Thu, 01 Jan 1970 00:00:00 GMT");
            }
            assert_written(&mut memory, &head, Transfer::Length(0), KEPT);
            assert_eq!(remembered(&memory), 1);
        });
    }

    #[test]
    fn a_place_in_use_is_not_taken_for_another_head() {
        selvedge_runtime::block_on(|| async {
            let mut memory = HeadMemory::default();
            let heads =
                [5, 6].map(|length| (ResponseHead::new(StatusCode::NOT_FOUND), Transfer::Length(length)));
            let lengths =
                |memory: &HeadMemory| memory.0.iter().flatten().map(|it| it.said.length).collect::<Vec<_>>();
            let clock = &mut Clock::new();
            for (head, transfer) in &heads {
                memory.write(&mut [0; 1024], head, *transfer, KEPT, clock).expect("it fits");
            }
            assert_eq!(lengths(&memory), [5]);
            memory.0.iter_mut().flatten().for_each(|remembered| remembered.unix_s = 0);
            let (head, transfer) = &heads[1];
            memory.write(&mut [0; 1024], head, *transfer, KEPT, clock).expect("it fits");
            assert_eq!(lengths(&memory), [6]);
        });
    }

    #[test]
    fn a_long_head_is_written_each_time_and_one_that_has_no_room_is_refused() {
        selvedge_runtime::block_on(|| async {
            let mut memory = HeadMemory::default();
            let value = HeaderValue::try_from("v".repeat(HEAD_BYTES_MAX)).expect("a value");
            let long = FixedFields::new([(&header::SERVER, &value)]).expect("not the engine's");
            let head = ResponseHead { site_fields: long, ..ResponseHead::new(StatusCode::OK) };
            assert_written(&mut memory, &head, Transfer::Length(0), KEPT);
            assert_eq!(remembered(&memory), 0);
            let head = ResponseHead::new(StatusCode::OK);
            assert_written(&mut memory, &head, Transfer::Length(0), KEPT);
            let refused = memory.write(&mut [0; 40], &head, Transfer::Length(0), KEPT, &mut Clock::new());
            assert_eq!(refused, Err(HeadError::Full));
        });
    }
}
