//! Steps 7 and 8 of a request's walk for an answer that is in memory: it goes out as it stands, or behind those gathered before it.
//! In: a response. Out: its octets, all of them or none. Next: release, which is the drop of what was sent; what has no room,
//! or is no such answer, is for [`super::answer`].

use selvedge_runtime::net::More;
use selvedge_runtime::{BlockClass, Chunk};

use super::Connection;
use super::answer::{Framing, HEAD_BYTES_USUAL, Transfer, check_head, has_body};
use super::file::{check_unchanged, is_gathered, read_gathered};
use crate::fixed_fields::FixedFields;
use crate::h1::{BodyWish, ErrorBody, Persistence, Version};
use crate::response::{Body, FilePart, Prepared, Response};
use crate::shared::Shared;

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// All of it is sent, or gathered.
    Whole,
    /// None of it so far: it goes out as it stands, after the send that is in flight.
    NeedsSocket,
    /// None of it so far: there is room once what was gathered is sent.
    NeedsRoom,
    /// None of it, nor will it be: it goes out in pieces, or not at all.
    NotHere,
}

/// A body that is copied behind its head.
enum Copied<'a> {
    Nothing,
    Error(ErrorBody),
    Octets(&'a [u8]),
    File(&'a FilePart),
}

impl Connection {
    /// Answers, if that needs no wait. The octets are counted in `answered_bytes`.
    pub(super) fn place<A>(&mut self, shared: &Shared<A>, response: &Response, framing: Framing) -> Placed {
        self.begin_answer(response.head.status);
        let body = match &response.body {
            Body::Prepared(prepared) => {
                return self.place_prepared(prepared, &response.head.site_fields, framing);
            }
            Body::Empty => Copied::Nothing,
            Body::Error { reason } => Copied::Error(ErrorBody { status: response.head.status, reason }),
            Body::Full(chunk) if chunk.len() <= BlockClass::Small.bytes() => Copied::Octets(chunk),
            Body::File(part) if is_gathered(part) => Copied::File(part),
            _ => return Placed::NotHere,
        };
        let length = body.bytes();
        let transfer = Transfer::Length(length as u64);
        if check_head(&response.head, transfer).is_err() {
            return Placed::NotHere;
        }
        let body_bytes = if has_body(&response.head, framing) { length } else { 0 };
        let Some(room) = self.room(HEAD_BYTES_USUAL + body_bytes) else { return Placed::NeedsRoom };
        let written = shared.heads().write(room, &response.head, transfer, framing, &mut shared.clock());
        let Ok(head_bytes) = written else { return Placed::NotHere };
        let total = head_bytes + body_bytes;
        // Behind a head that is longer than usual there may be no room for it.
        let Some(place) = room.get_mut(head_bytes..total) else { return Placed::NotHere };
        // What does not come to its end is overwritten by the next.
        let is_there = match body_bytes {
            0 => body.is_unchanged(),
            _ => body.copy_to(place),
        };
        if !is_there {
            return Placed::NotHere;
        }
        self.output.fill(total);
        (self.answered_bytes, self.answered_head_bytes) = (total as u64, head_bytes as u64);
        Placed::Whole
    }

    /// The hot path: nothing gathered, nothing more received, nothing to add: the block goes out as it stands.
    fn place_prepared(&mut self, prepared: &Prepared, fields: &FixedFields, framing: Framing) -> Placed {
        let &Prepared { ref block, head_bytes, bytes } = prepared;
        let length = if framing.body == BodyWish::Send { bytes } else { head_bytes };
        let plain = framing.version == Version::Http11 && framing.persistence == Persistence::Reuse;
        if plain && fields.as_bytes().is_empty() && self.output.is_empty() && self.input.is_empty() {
            let stream = self.stream.get_mut();
            if !stream.may_start_send() {
                return Placed::NeedsSocket;
            }
            stream.start_send(Chunk::Shared(block.clone(), 0..length), More::Nothing);
            (self.answered_bytes, self.answered_head_bytes) = (u64::from(length), u64::from(head_bytes));
            return Placed::Whole;
        }
        let (head, body) = block[..length as usize].split_at(head_bytes as usize);
        let pieces = prepared_head_pieces(head, fields, framing);
        let head_length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let total = head_length + body.len();
        if total > BlockClass::Large.bytes() {
            return Placed::NotHere;
        }
        let Some(mut room) = self.room(total) else { return Placed::NeedsRoom };
        for piece in pieces.into_iter().chain([body]) {
            let (place, rest) = room.split_at_mut(piece.len());
            place.copy_from_slice(piece);
            room = rest;
        }
        self.output.fill(total);
        (self.answered_bytes, self.answered_head_bytes) = (total as u64, head_length as u64);
        Placed::Whole
    }
}

/// A prepared head with what is added, `connection` last.
pub(super) fn prepared_head_pieces<'a>(
    head: &'a [u8],
    fields: &'a FixedFields,
    framing: Framing,
) -> [&'a [u8]; 3] {
    let connection: &[u8] = match (framing.persistence, framing.version) {
        (Persistence::Close, _) => b"connection: close\r\n\r\n",
        (Persistence::Reuse, Version::Http10) => b"connection: keep-alive\r\n\r\n",
        (Persistence::Reuse, Version::Http11) => b"\r\n",
    };
    [&head[..head.len() - 2], fields.as_bytes(), connection]
}

impl Copied<'_> {
    fn bytes(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Error(error) => error.bytes(),
            Self::Octets(octets) => octets.len(),
            Self::File(part) => part.length as usize,
        }
    }

    /// Whether it is still what the head says, where no octet of it follows that.
    fn is_unchanged(&self) -> bool {
        match self {
            Self::File(part) => check_unchanged(part).is_ok(),
            Self::Nothing | Self::Error(_) | Self::Octets(_) => true,
        }
    }

    /// Fills `room`, which is as long. A file may not be in memory, or not what it was: then whoever can wait sees to it.
    fn copy_to(&self, room: &mut [u8]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Error(error) => {
                let mut rest = room;
                for piece in error.pieces() {
                    let (place, behind) = rest.split_at_mut(piece.len());
                    place.copy_from_slice(piece);
                    rest = behind;
                }
                true
            }
            Self::Octets(octets) => {
                room.copy_from_slice(octets);
                true
            }
            Self::File(part) => read_gathered(part, room),
        }
    }
}
