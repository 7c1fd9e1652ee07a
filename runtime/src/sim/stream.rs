//! Connections of the simulated machine: two ends, and what is on its way between them.
//!
//! In: octets, ends and resets of either side. Out: what each side may take and is told, in the words of Linux's tcp.c,
//! tcp_input.c and af_unix.c. When things arrive is [`super::wire`]'s.

use std::collections::VecDeque;

use crate::sys::Address;

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

/// What carries a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Octets, ends and resets take their time.
    Tcp,
    /// All that one end does the other sees at once.
    Unix,
}

/// Who holds an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// It waits in the backlog of a listener, or is on its way there.
    Backlog,
    /// A descriptor of the machine's, used by the ring of this number, if any yet.
    Descriptor(Option<usize>),
    /// A peer outside the machine.
    Peer,
    Nobody,
}

/// How far the beginning of a connection has come, as who connects sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Waits,
    Open,
    /// It came to nothing, with this errno; told once.
    Failed(i32),
}

/// What is on its way has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Open,
    /// The end follows what is on its way.
    Ending,
    /// The end has arrived.
    Ended,
    /// Nothing of it comes any more, not even an end.
    Cut,
}

/// Why an end takes and gives nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    /// A reset has come, which is told once (sk_err).
    Reset(Refusal),
    /// That was told, or this end has reset the connection itself.
    ResetAndTold,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    pub(super) family: Family,
    pub(super) holder: Holder,
    pub(super) address: Address,
    /// Sent and not yet arrived.
    pub(super) outgoing: VecDeque<u8>,
    pub(super) outgoing_bytes_max: usize,
    /// The last so many of `outgoing` wait for what follows them (MSG_MORE).
    pub(super) corked: usize,
    /// Until then, in nanoseconds of the simulated clock.
    pub(super) corked_until_ns: u64,
    /// Arrived and not yet read.
    pub(super) incoming: VecDeque<u8>,
    pub(super) incoming_bytes_max: usize,
    /// Of what this end sends.
    pub(super) flow: Flow,
    pub(super) fate: Fate,
    /// What had not arrived when the reset came: Linux goes on counting it.
    pub(super) unacknowledged_at_reset: usize,
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
    /// ENOTCONN.
    NotConnected,
}

/// Octets of the segments that MSG_MORE fills: Ethernet's, with timestamps.
const SEGMENT_BYTES: usize = 1_448;

impl End {
    pub(super) fn new(
        family: Family,
        holder: Holder,
        address: Address,
        buffer_bytes: (usize, usize),
    ) -> Self {
        Self {
            family,
            holder,
            address,
            outgoing: VecDeque::new(),
            outgoing_bytes_max: buffer_bytes.0.max(1),
            corked: 0,
            corked_until_ns: 0,
            incoming: VecDeque::new(),
            incoming_bytes_max: buffer_bytes.1.max(1),
            flow: Flow::Open,
            fate: Fate::Alive,
            unacknowledged_at_reset: 0,
            reading: Reading::Open,
            close: Close::Graceful,
            delivery: Delivery::None,
        }
    }

    /// Takes up to `bytes` to be sent, if `taken_bytes` of the buffer are used; how many it took.
    pub(super) fn send(&mut self, bytes: &[u8], taken_bytes: usize) -> Result<usize, Refusal> {
        // unix_stream_sendmsg asks for the shutdown first, tcp_sendmsg for the error.
        if self.family == Family::Unix && self.flow != Flow::Open {
            return Err(Refusal::Broken);
        }
        match self.fate {
            Fate::Reset(refusal) => {
                self.fate = Fate::ResetAndTold;
                return Err(refusal);
            }
            Fate::ResetAndTold => return Err(Refusal::Broken),
            Fate::Alive => {}
        }
        if self.flow != Flow::Open {
            return Err(Refusal::Broken);
        }
        let room = self.outgoing_bytes_max.saturating_sub(taken_bytes);
        if room == 0 {
            return Err(Refusal::NotNow);
        }
        let taken = room.min(bytes.len());
        self.outgoing.extend(&bytes[..taken]);
        Ok(taken)
    }

    /// Holds a last segment back that is not full, until then; what waits already has its time.
    pub(super) fn cork(&mut self, sent: usize, until_ns: u64) {
        if self.corked == 0 || self.corked + sent >= SEGMENT_BYTES {
            self.corked_until_ns = until_ns;
        }
        self.corked = self.outgoing.len() % SEGMENT_BYTES;
    }

    /// Brings the first `length` octets of `from` on to here.
    pub(super) fn take_over(&mut self, from: &mut VecDeque<u8>, length: usize) {
        let (front, back) = from.as_slices();
        let of_front = length.min(front.len());
        self.incoming.extend(&front[..of_front]);
        self.incoming.extend(&back[..length - of_front]);
        from.drain(..length);
    }

    /// Whether poll(2) says that a send would take something or fail, `taken_bytes` of the buffer being used. `ended` says
    /// that the other's flow has.
    pub(super) fn is_writable(&self, taken_bytes: usize, ended: bool) -> bool {
        let free_bytes = self.outgoing_bytes_max.saturating_sub(taken_bytes);
        // A third (sk_stream_is_writeable), or three quarters (unix_writable).
        let wanted_bytes = match self.family {
            Family::Tcp => self.outgoing_bytes_max.div_ceil(3),
            Family::Unix => self.outgoing_bytes_max - self.outgoing_bytes_max / 4,
        };
        // The end of its own sending is enough for tcp_poll; unix_poll hangs up when both directions have ended.
        let is_shut = match self.family {
            Family::Tcp => self.flow != Flow::Open,
            Family::Unix => self.flow != Flow::Open && (ended || self.reading == Reading::Shut),
        };
        self.fate != Fate::Alive || is_shut || free_bytes >= wanted_bytes
    }

    /// Whether poll(2) says that a receive would bring something, an end or a failure. `ended` says that the other's
    /// flow has.
    pub(super) fn is_readable(&self, ended: bool) -> bool {
        !self.incoming.is_empty() || ended || self.fate != Fate::Alive || self.reading == Reading::Shut
    }

    /// Gives up to `room.len()` octets; `Ok(0)` is the end. `ended` says that the other's flow has.
    pub(super) fn receive(&mut self, room: &mut [u8], ended: bool) -> Result<usize, Refusal> {
        // What came before a reset, or before a shutdown for reading, is read first.
        if !self.incoming.is_empty() {
            let length = room.len().min(self.incoming.len());
            let (front, back) = self.incoming.as_slices();
            let of_front = length.min(front.len());
            room[..of_front].copy_from_slice(&front[..of_front]);
            room[of_front..length].copy_from_slice(&back[..length - of_front]);
            self.incoming.drain(..length);
            return Ok(length);
        }
        // tcp_recvmsg asks for the end (SOCK_DONE) before the error, unix_stream_read_generic for the error.
        match self.fate {
            _ if ended && self.family == Family::Tcp => Ok(0),
            Fate::Reset(refusal) => {
                self.fate = Fate::ResetAndTold;
                Err(refusal)
            }
            Fate::ResetAndTold => Ok(0),
            Fate::Alive if ended || self.reading == Reading::Shut => Ok(0),
            Fate::Alive => Err(Refusal::NotNow),
        }
    }

    /// What it has sent and the other end's kernel has not got; an end counts as an octet (SIOCOUTQ of TCP).
    pub(super) fn unacknowledged(&self) -> usize {
        match self.fate {
            Fate::Alive => self.outgoing.len() + usize::from(self.flow == Flow::Ending),
            Fate::Reset(_) | Fate::ResetAndTold => self.unacknowledged_at_reset,
        }
    }

    /// The end of everything, by a reset that has come or that goes.
    pub(super) fn die(&mut self, fate: Fate) {
        self.unacknowledged_at_reset = self.unacknowledged();
        self.fate = fate;
        self.outgoing.clear();
        self.corked = 0;
        if self.flow != Flow::Ended {
            self.flow = Flow::Cut;
        }
    }
}
