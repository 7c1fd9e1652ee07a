//! Connections of the simulated machine: two ends, and what is on its way between them.
//!
//! In: octets, ends and resets of either side. Out: the same at the other, later, in other pieces, as TCP brings them (tcp(7),
//! RFC 9293): in order, whole or followed by a reset, never more than the other has room for.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// Who has connected.
    Client,
    /// Who has accepted.
    Server,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Who holds an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// It waits in the backlog of a listener.
    Backlog,
    /// A descriptor of the machine's, used by the ring of this number, if any yet.
    Descriptor(Option<usize>),
    /// A peer outside the machine.
    Peer,
    Nobody,
}

/// What is on its way has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Open,
    /// The end follows what is on its way.
    Ending,
    /// The end has arrived.
    Ended,
    /// Nothing of it comes any more: a reset is on its way.
    Cut,
}

/// Why an end takes and gives nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    /// A reset has come: once told, it is as if ended.
    Reset,
    ResetAndTold,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) holder: Holder,
    pub(super) address: SocketAddr,
    /// Sent and not yet arrived.
    pub(super) outgoing: VecDeque<u8>,
    pub(super) outgoing_bytes_max: usize,
    /// Arrived and not yet read.
    pub(super) incoming: VecDeque<u8>,
    pub(super) incoming_bytes_max: usize,
    /// Of what this end sends.
    pub(super) flow: Flow,
    pub(super) fate: Fate,
    /// shutdown(2) for reading.
    pub(super) reading: Reading,
    /// The coming close discards and resets (SO_LINGER 0).
    pub(super) close: Close,
    /// Whether an event is under way that brings what is outgoing on.
    pub(super) delivery: Delivery,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Open,
    Shut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    Graceful,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    None,
    Scheduled,
}

/// Why nothing was taken or given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not now (EAGAIN).
    NotNow,
    /// ECONNRESET.
    Reset,
    /// EPIPE.
    Broken,
}

impl End {
    pub(super) fn new(holder: Holder, address: SocketAddr, buffer_bytes: (usize, usize)) -> Self {
        Self {
            holder,
            address,
            outgoing: VecDeque::new(),
            outgoing_bytes_max: buffer_bytes.0.max(1),
            incoming: VecDeque::new(),
            incoming_bytes_max: buffer_bytes.1.max(1),
            flow: Flow::Open,
            fate: Fate::Alive,
            reading: Reading::Open,
            close: Close::Graceful,
            delivery: Delivery::None,
        }
    }

    /// Takes up to `bytes` to be sent; how many it took.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        match self.fate {
            Fate::Reset => {
                self.fate = Fate::ResetAndTold;
                return Err(Refusal::Reset);
            }
            Fate::ResetAndTold => return Err(Refusal::Broken),
            Fate::Alive => {}
        }
        if self.flow != Flow::Open {
            return Err(Refusal::Broken);
        }
        let room = self.outgoing_bytes_max.saturating_sub(self.outgoing.len());
        if room == 0 {
            return Err(Refusal::NotNow);
        }
        let taken = room.min(bytes.len());
        self.outgoing.extend(&bytes[..taken]);
        Ok(taken)
    }

    /// Brings the first `length` octets of `from` on to here.
    pub(super) fn take_over(&mut self, from: &mut VecDeque<u8>, length: usize) {
        let (front, back) = from.as_slices();
        let of_front = length.min(front.len());
        self.incoming.extend(&front[..of_front]);
        self.incoming.extend(&back[..length - of_front]);
        from.drain(..length);
    }

    /// Whether a send would take something or fail.
    pub(super) fn is_writable(&self) -> bool {
        self.fate != Fate::Alive
            || self.flow != Flow::Open
            // Linux calls it writable when a third is free (sk_stream_is_writeable).
            || self.outgoing_bytes_max - self.outgoing.len().min(self.outgoing_bytes_max) >= self.outgoing_bytes_max.div_ceil(3)
    }

    /// Gives up to `room.len()` octets; `Ok(0)` is the end. `ended` says that the other's flow has.
    pub(super) fn receive(&mut self, room: &mut [u8], ended: bool) -> Result<usize, Refusal> {
        if !self.incoming.is_empty() && self.reading == Reading::Open {
            let length = room.len().min(self.incoming.len());
            let (front, back) = self.incoming.as_slices();
            let of_front = length.min(front.len());
            room[..of_front].copy_from_slice(&front[..of_front]);
            room[of_front..length].copy_from_slice(&back[..length - of_front]);
            self.incoming.drain(..length);
            return Ok(length);
        }
        match self.fate {
            Fate::Reset => {
                self.fate = Fate::ResetAndTold;
                Err(Refusal::Reset)
            }
            Fate::ResetAndTold => Ok(0),
            Fate::Alive if ended || self.reading == Reading::Shut => Ok(0),
            Fate::Alive => Err(Refusal::NotNow),
        }
    }
}
