//! Sends of streams, whose slots are free as soon as all was taken: a connection that waits for its next request has no slot for
//! its last answer.
//!
//! In: what is to be sent, and later its name and its socket. Out: that all of it was taken, or the outcome of what was not.

use std::task::Poll;

use super::chunk::Chunk;
use super::kernel::{Kernel, Outcome};
use super::op::{OnceTaken, Op};
use super::slots::{OpId, Slot};
use super::socket::{More, Socket};
use super::waker::Waiter;

/// How a send of a stream has ended.
#[derive(Debug)]
pub(crate) enum Sent {
    /// All of it was taken.
    Whole,
    /// Not all, or its owner was told of it before.
    Otherwise(Outcome),
}

impl Kernel {
    /// As [`sending`](Self::sending) and [`submit`](Self::submit). A stream has one such send at a time.
    pub(crate) fn start_sending(&mut self, socket: &Socket, chunk: Chunk, more: More) -> OpId {
        let mut op = self.sending(socket, chunk, more);
        if let Op::Send { once_taken, .. } = &mut op {
            *once_taken = OnceTaken::Forgotten;
        }
        self.submit(op)
    }

    /// How it has ended, once. Until then `waiter` is remembered.
    pub(crate) fn poll_sent(&mut self, id: OpId, socket: &Socket, waiter: Waiter) -> Poll<Sent> {
        match self.slot_of_send(id, socket) {
            Some(_) => self.poll(id, waiter).map(Sent::Otherwise),
            None => Poll::Ready(Sent::Whole),
        }
    }

    /// Whether its completion is still owed.
    pub(crate) fn is_sending(&self, id: OpId, socket: &Socket) -> bool {
        self.slot_of_send(id, socket).is_some_and(|slot| slot.phase.in_flight())
    }

    /// Bytes of it that the kernel has taken so far, `None` for all.
    pub(crate) fn taken_bytes(&self, id: OpId, socket: &Socket) -> Option<u32> {
        match &self.slot_of_send(id, socket)?.op {
            Op::Send { sent, .. } => Some(*sent),
            _ => None,
        }
    }

    /// As [`release`](Self::release).
    pub(crate) fn release_send(&mut self, id: OpId, socket: &Socket) {
        if self.slot_of_send(id, socket).is_some() {
            self.release(id);
        }
    }

    /// Its slot, while it has one. The socket tells it from whatever is in its place later, also when generations have begun anew.
    fn slot_of_send(&self, id: OpId, socket: &Socket) -> Option<&Slot> {
        let slot = self.slots.find(id)?;
        matches!(&slot.op, Op::Send { socket: there, .. } if there.is_same(socket)).then_some(slot)
    }
}
