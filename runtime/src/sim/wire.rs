//! What is on its way between two ends, and when it arrives.
//!
//! In: what ends send, end and close. Out: the same at the other end: in order, whole or followed by a reset, never
//! more than it has room for. With TCP it comes later and in other pieces (tcp(7), RFC 9293), through a Unix socket at
//! once (unix(7)).

use super::simulation::Happening;
use super::stream::{Close, Delivery, End, Family, Fate, Flow, Holder, Reading, Refusal, Side};
use super::world::{Event, State, Told};
use crate::sys::More;

/// How long a last segment that is not full waits for more (tcp(7), TCP_CORK).
const CORKED_NS: u64 = 200_000_000;

/// What a receive brought.
pub(crate) type Received = Result<usize, Refusal>;

impl State {
    pub(super) fn end(&self, connection: usize, side: Side) -> &End {
        &self.connections[connection].ends[side as usize]
    }

    pub(super) fn end_mut(&mut self, connection: usize, side: Side) -> &mut End {
        &mut self.connections[connection].ends[side as usize]
    }

    fn has_ended(&self, connection: usize, side: Side) -> bool {
        self.end(connection, side).flow == Flow::Ended
    }

    /// How much of an end's send buffer is used. What a Unix socket has sent counts until it is read.
    fn taken_bytes(&self, connection: usize, side: Side) -> usize {
        match self.end(connection, side).family {
            Family::Tcp => self.end(connection, side).outgoing.len(),
            Family::Unix => self.end(connection, side.other()).incoming.len(),
        }
    }

    pub(super) fn send(
        &mut self,
        connection: usize,
        side: Side,
        bytes: &[u8],
        more: More,
    ) -> Result<usize, Refusal> {
        let taken_bytes = self.taken_bytes(connection, side);
        let corked_until_ns = self.now_ns + CORKED_NS;
        let end = self.end_mut(connection, side);
        let sent = end.send(bytes, taken_bytes)?;
        let family = end.family;
        match more {
            More::Follows | More::End if family == Family::Tcp => {
                end.cork(sent, corked_until_ns);
                self.schedule(CORKED_NS, Event::Uncork(connection, side));
            }
            More::Follows | More::End | More::Nothing => end.corked = 0,
        }
        self.trace.note(self.now_ns, "sends", &[connection as i64, side as i64, sent as i64]);
        self.trace.octets(&bytes[..sent]);
        match family {
            Family::Tcp => self.deliver_soon(connection, side),
            Family::Unix => self.bring(connection, side, sent),
        }
        Ok(sent)
    }

    /// What waited for more to follow has waited long enough, unless it has gone and something else waits.
    pub(super) fn uncork(&mut self, connection: usize, side: Side) {
        let now_ns = self.now_ns;
        let end = self.end_mut(connection, side);
        if now_ns < end.corked_until_ns {
            return;
        }
        if std::mem::take(&mut end.corked) > 0 {
            self.deliver_soon(connection, side);
        }
    }

    pub(super) fn is_writable(&self, connection: usize, side: Side) -> bool {
        let ended = self.has_ended(connection, side.other());
        self.end(connection, side).is_writable(self.taken_bytes(connection, side), ended)
    }

    pub(super) fn is_readable(&self, connection: usize, side: Side) -> bool {
        self.end(connection, side).is_readable(self.has_ended(connection, side.other()))
    }

    pub(super) fn receive(&mut self, connection: usize, side: Side, room: &mut [u8]) -> Received {
        let ended = self.has_ended(connection, side.other());
        let received = self.end_mut(connection, side).receive(room, ended);
        if let Ok(length @ 1..) = received {
            self.trace.octets(&room[..length]);
            match self.end(connection, side).family {
                Family::Tcp if !self.end(connection, side.other()).outgoing.is_empty() => {
                    self.deliver_soon(connection, side.other());
                }
                Family::Tcp => {}
                Family::Unix => self.tell(connection, side.other()),
            }
        }
        received
    }

    /// What an end has sent and the other's kernel has not got, or with a Unix socket its owner (SIOCOUTQ).
    pub(super) fn unread_bytes(&self, connection: usize, side: Side) -> usize {
        match self.end(connection, side).family {
            Family::Tcp => self.end(connection, side).unacknowledged(),
            Family::Unix => self.end(connection, side.other()).incoming.len(),
        }
    }

    /// Whether both ends have ended their sending, and know: TCP's CLOSED, or TIME_WAIT, which looks the same.
    pub(super) fn is_over(&self, connection: usize, side: Side) -> bool {
        self.end(connection, side).fate != Fate::Alive
            || (self.has_ended(connection, side) && self.has_ended(connection, side.other()))
    }

    // ---- what arrives ----

    fn deliver_soon(&mut self, connection: usize, side: Side) {
        if self.end(connection, side).delivery == Delivery::None {
            self.end_mut(connection, side).delivery = Delivery::Scheduled;
            let delay_ns = self.delay_ns();
            self.schedule(delay_ns, Event::Deliver(connection, side));
        }
    }

    pub(super) fn deliver(&mut self, connection: usize, side: Side) {
        let other = side.other();
        let end = self.end_mut(connection, side);
        end.delivery = Delivery::None;
        let waiting = end.outgoing.len() - end.corked;
        let there = self.end(connection, other);
        let room = there.incoming_bytes_max.saturating_sub(there.incoming.len());
        if waiting > 0 && self.nobody_reads(connection, other) {
            return self.answer_by_reset(connection, other);
        }
        let mut length = room.min(waiting);
        if length > 1 && self.dice.below(4) == 0 {
            length = self.dice.within(1..=length as u64) as usize;
        }
        if length > 0 {
            self.bring(connection, side, length);
            self.trace.note(self.now_ns, "arrives", &[connection as i64, side as i64, length as i64]);
            self.tell(connection, side);
        }
        let end = self.end(connection, side);
        if end.outgoing.len() > end.corked {
            if room > length {
                self.deliver_soon(connection, side);
            }
        } else if end.flow == Flow::Ending {
            self.end_arrives(connection, side);
        }
    }

    /// Whether octets that arrive at an end are refused: it was reset, is closed, or has ended both of its directions
    /// (tcp_rcv_state_process: after FIN_WAIT, with RCV_SHUTDOWN).
    fn nobody_reads(&self, connection: usize, side: Side) -> bool {
        let end = self.end(connection, side);
        end.fate != Fate::Alive
            || end.holder == Holder::Nobody
            || (end.reading == Reading::Shut && end.flow != Flow::Open)
    }

    /// Octets have come that nobody reads: both ends are reset, and what this one had still to send is lost with it.
    fn answer_by_reset(&mut self, connection: usize, side: Side) {
        if self.end(connection, side).fate == Fate::Alive {
            self.end_mut(connection, side).die(Fate::Reset(Refusal::Reset));
            self.trace.note(self.now_ns, "refuses octets", &[connection as i64, side as i64]);
            self.tell(connection, side);
        }
        self.reset_soon(connection, side.other());
    }

    fn bring(&mut self, connection: usize, side: Side, length: usize) {
        let [client, server] = &mut self.connections[connection].ends;
        let (from, to) = if side == Side::Client { (client, server) } else { (server, client) };
        to.take_over(&mut from.outgoing, length);
        self.tell(connection, side.other());
    }

    fn end_arrives(&mut self, connection: usize, side: Side) {
        self.end_mut(connection, side).flow = Flow::Ended;
        self.trace.note(self.now_ns, "end arrives", &[connection as i64, side as i64]);
        self.tell(connection, side.other());
    }

    fn reset_soon(&mut self, connection: usize, side: Side) {
        let delay_ns = self.delay_ns();
        self.schedule(delay_ns, Event::Reset(connection, side));
    }

    /// A reset arrives at an end (tcp_reset).
    pub(super) fn reset(&mut self, connection: usize, side: Side) {
        if self.is_over(connection, side) {
            return;
        }
        // In CLOSE_WAIT it is EPIPE, else ECONNRESET.
        let only_this_end_sends =
            self.has_ended(connection, side.other()) && self.end(connection, side).flow == Flow::Open;
        let refusal = if only_this_end_sends { Refusal::Broken } else { Refusal::Reset };
        self.end_mut(connection, side).die(Fate::Reset(refusal));
        self.trace.note(self.now_ns, "reset arrives", &[connection as i64, side as i64]);
        self.tell(connection, side);
    }

    // ---- ends ----

    /// Ends an end's sending, behind what it has sent.
    pub(super) fn end_flow(&mut self, connection: usize, side: Side) {
        let end = self.end_mut(connection, side);
        if end.flow != Flow::Open {
            return;
        }
        end.corked = 0;
        match end.family {
            Family::Tcp => {
                end.flow = Flow::Ending;
                self.deliver_soon(connection, side);
            }
            Family::Unix => self.end_arrives(connection, side),
        }
    }

    /// shutdown(2) of both directions.
    pub(super) fn shut_both(&mut self, connection: usize, side: Side) {
        self.end_mut(connection, side).reading = Reading::Shut;
        self.end_flow(connection, side);
        if self.end(connection, side).family == Family::Unix {
            // Nobody sends to who reads no more (unix_shutdown).
            self.cut(connection, side.other());
        }
        self.tell(connection, side);
    }

    /// close(2), by `how`; unread octets make it a reset whatever was asked for (RFC 1122 section 4.2.2.13).
    pub(super) fn close_end(&mut self, connection: usize, side: Side, how: Close) {
        let other = side.other();
        let end = self.end_mut(connection, side);
        end.holder = Holder::Nobody;
        let is_reset = how == Close::Reset || !end.incoming.is_empty();
        end.incoming.clear();
        match (end.family, end.fate) {
            (Family::Tcp, Fate::Alive) if is_reset => {
                end.die(Fate::ResetAndTold);
                self.reset_soon(connection, other);
            }
            (Family::Tcp, Fate::Alive) => self.end_flow(connection, side),
            (Family::Tcp, _) => {}
            (Family::Unix, _) => {
                self.end_flow(connection, side);
                self.cut(connection, other);
                if is_reset {
                    self.end_mut(connection, other).fate = Fate::Reset(Refusal::Reset);
                }
                self.tell(connection, other);
            }
        }
    }

    /// An end may send no more, and nobody is told that it has ended.
    fn cut(&mut self, connection: usize, side: Side) {
        let end = self.end_mut(connection, side);
        if end.flow == Flow::Open {
            end.flow = Flow::Cut;
        }
        self.tell(connection, side);
    }

    /// News for whoever holds an end.
    pub(super) fn tell(&mut self, connection: usize, side: Side) {
        match self.end(connection, side).holder {
            Holder::Descriptor(Some(ring)) => self.attend(ring),
            Holder::Peer if self.connections[connection].is_told == Told::No => {
                self.connections[connection].is_told = Told::Yes;
                self.happenings.push_back(Happening::Peer(connection));
            }
            Holder::Peer | Holder::Descriptor(None) | Holder::Backlog | Holder::Nobody => {}
        }
    }
}
