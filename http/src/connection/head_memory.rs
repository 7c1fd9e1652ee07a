//! Step 7 of a request's walk for heads that come again: those of a 304, of an error, of what a handler says. In: a response's head.
//! Out: its octets, copied from those written before, with the second's Date. Next: send.

use http::StatusCode;

use super::answer::{Framing, Transfer, write_head};
use crate::clock::Clock;
use crate::fixed_fields::FixedFields;
use crate::h1::{DATE_LEN, HeadError, Persistence, Version};
use crate::negotiation::Coding;
use crate::response::{RangeField, ResponseHead};

/// Heads that are kept: each has one place, which it shares with others.
const HEADS_MAX: usize = 1 << HEADS_MAX_BITS;
const HEADS_MAX_BITS: u32 = 6;

/// Octets of one; longer ones are written each time.
const HEAD_BYTES_MAX: usize = 512;

/// Heads of a worker's last answers. What is kept next allocates nothing.
#[derive(Debug)]
pub(crate) struct HeadMemory(Box<[Place]>);

#[derive(Debug)]
struct Place {
    /// What the head says that is kept here.
    said: Option<Said>,
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
    version_fields: FixedFields,
    resource_fields: FixedFields,
    site_fields: FixedFields,
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
        let place = &mut self.0[place_of(head, length)];
        if place.said.as_ref().is_some_and(|said| said.is_of(head, length)) {
            return place.copy_to(room, clock);
        }
        let written = write_head(room, head, transfer, framing, clock)?;
        if let Some(date_start) = written.date_start
            && written.len <= HEAD_BYTES_MAX
            && (place.said.is_none() || place.unix_s != clock.unix_s())
        {
            place.said = Some(Said::of(head, length));
            place.octets.clear();
            place.octets.extend_from_slice(&room[..written.len]);
            (place.date_start, place.unix_s) = (date_start, clock.unix_s());
        }
        Ok(written.len)
    }
}

impl Default for HeadMemory {
    fn default() -> Self {
        let place =
            || Place { said: None, octets: Vec::with_capacity(HEAD_BYTES_MAX), date_start: 0, unix_s: 0 };
        Self((0..HEADS_MAX).map(|_| place()).collect())
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

fn place_of(head: &ResponseHead, length: u64) -> usize {
    let fields = [&head.version_fields, &head.resource_fields, &head.site_fields];
    let parts = [u64::from(head.status.as_u16()), length];
    let parts = parts.into_iter().chain(fields.map(|fields| fields.place() as u64));
    // The highest bits of a product depend on all of its factors' (Knuth, The Art of Computer Programming, 6.4: by the golden ratio).
    let mixed = parts.fold(0_u64, |mixed, part| (mixed ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (mixed >> (u64::BITS - HEADS_MAX_BITS)) as usize
}

impl Said {
    fn of(head: &ResponseHead, length: u64) -> Self {
        Self {
            status: head.status,
            length,
            content_type: head.content_type,
            content_coding: head.content_coding,
            range: head.range,
            version_fields: head.version_fields.clone(),
            resource_fields: head.resource_fields.clone(),
            site_fields: head.site_fields.clone(),
        }
    }

    fn is_of(&self, head: &ResponseHead, length: u64) -> bool {
        self.status == head.status
            && self.length == length
            && self.version_fields.is_same(&head.version_fields)
            && self.resource_fields.is_same(&head.resource_fields)
            && self.site_fields.is_same(&head.site_fields)
            && self.content_type == head.content_type
            && self.content_coding == head.content_coding
            && self.range == head.range
    }
}

impl Place {
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
mod tests;
