//! A ring of the simulated machine: what an io_uring does with its entries, in memory.
//!
//! In: ops by their tokens, and with each enter the slots and buffers they live in. Out: completions as the kernel writes them.
//! An op whose slot was freed too early, a buffer that is used twice, a descriptor that is closed under an op: each ends the run
//! with a panic here, where the real kernel would write into foreign memory.

use std::collections::VecDeque;
use std::rc::Rc;

use super::buffer_ring::BufferRing;
use super::doorbell::Doorbell;
use super::op::{AcceptBatch, Op, Supply};
use super::ring::RawCompletion;
use super::slots::{OpId, Slots};
use crate::sim::{Fault, Refusal, World};

/// IORING_CQE_F_BUFFER and IORING_CQE_F_MORE (io_uring(7)).
const BUFFER: u32 = 1;
const MORE: u32 = 1 << 1;
const BUFFER_SHIFT: u32 = 16;

/// Completions the queue has room for.
const COMPLETIONS_MAX: usize = 4_096;
/// Receives of one subscription in one go (multishot receives retry so often, io_uring/net.c).
const RECEIVES_IN_A_ROW_MAX: u32 = 32;

/// One simulated io_uring.
#[derive(Debug)]
pub(super) struct SimulatedRing {
    world: Rc<World>,
    number: usize,
    entries: VecDeque<Entry>,
    flights: Vec<Flight>,
    completions: VecDeque<RawCompletion>,
}

/// An entry of the submission queue.
#[derive(Debug)]
pub(super) enum Entry {
    /// An op, or what is left of it.
    Op { token: u64, id: OpId, supply: Supply },
    /// A cancel of the op with that token.
    Cancel { target: u64, token: u64 },
    /// A message to another ring.
    Ring { address: i32, token: u64 },
}

/// An op that the kernel has.
#[derive(Debug, Clone, Copy)]
struct Flight {
    token: u64,
    id: OpId,
    supply: Supply,
}

/// What became of an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Over,
    Waits,
}

impl SimulatedRing {
    pub(super) fn new(world: Rc<World>) -> Self {
        let number = world.new_ring();
        Self { world, number, entries: VecDeque::new(), flights: Vec::new(), completions: VecDeque::new() }
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn world(&self) -> &Rc<World> {
        &self.world
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
    }

    pub(super) fn has_completions(&self) -> bool {
        !self.completions.is_empty()
    }

    pub(super) fn take_completions(&mut self, into: &mut Vec<RawCompletion>, max: usize) {
        let count = self.completions.len().min(max);
        into.extend(self.completions.drain(..count));
    }

    /// Submits what is queued, and goes on with what waits.
    pub(super) fn enter(&mut self, slots: &mut Slots, buffers: &mut BufferRing, doorbell: &Doorbell) {
        if self.world.meets(Fault::Interrupted, "enter") {
            // The worker's wait is over: it has a turn.
            self.world.attend(self.number);
            return;
        }
        let waited = self.flights.len();
        while let Some(entry) = self.entries.pop_front() {
            self.submit(entry, slots, buffers);
        }
        // In whatever order: none is promised among ops that have nothing to do with each other.
        let start = self.world.below(waited.max(1));
        let mut over = Vec::new();
        for step in 0..waited {
            let at = (start + step) % waited;
            if at >= self.flights.len() {
                continue;
            }
            let flight = self.flights[at];
            if self.attempt(flight, slots, buffers) == Attempt::Over {
                over.push(flight.token);
            }
        }
        self.flights.retain(|flight| !over.contains(&flight.token));
        if self.world.take_message(self.number) {
            self.post(super::token::Token::Doorbell.encode(), 0, 0);
        }
        if doorbell.take_ringing() {
            self.post(super::token::Token::EventFd.encode(), 1, MORE);
        }
    }

    fn submit(&mut self, entry: Entry, slots: &mut Slots, buffers: &mut BufferRing) {
        match entry {
            Entry::Op { token, id, supply } => {
                let flight = Flight { token, id, supply };
                assert!(
                    !self.flights.iter().any(|other| other.token == token),
                    "an op is in the kernel's hands twice"
                );
                if let Some(descriptor) = descriptor_of(&slots.get(id).op) {
                    self.world.watch(descriptor, self.number);
                }
                if self.world.meets(Fault::Delayed, name_of(&slots.get(id).op))
                    || self.attempt(flight, slots, buffers) == Attempt::Waits
                {
                    self.flights.push(flight);
                    self.world.attend(self.number);
                }
            }
            Entry::Cancel { target, token } => self.cancel(target, token, slots, buffers),
            Entry::Ring { address, token } => {
                if self.world.meets(Fault::MessageRefused, "message") || !self.world.send_message(address) {
                    self.post(token, -libc::EBADFD, 0);
                }
            }
        }
    }

    fn cancel(&mut self, target: u64, token: u64, slots: &mut Slots, buffers: &mut BufferRing) {
        let Some(at) = self.flights.iter().position(|flight| flight.token == target) else {
            return self.post(token, -libc::ENOENT, 0);
        };
        let flight = self.flights[at];
        let name = name_of(&slots.get(flight.id).op);
        if self.world.meets(Fault::CancelMissed, name) {
            return self.post(token, -libc::ENOENT, 0);
        }
        if self.world.meets(Fault::CancelTooLate, name)
            && self.attempt(flight, slots, buffers) == Attempt::Over
        {
            self.flights.swap_remove(at);
            return self.post(token, -libc::EALREADY, 0);
        }
        self.flights.swap_remove(at);
        if self.world.below(2) == 0 {
            self.post(target, -libc::ECANCELED, 0);
            self.post(token, 0, 0);
        } else {
            self.post(token, 0, 0);
            self.post(target, -libc::ECANCELED, 0);
        }
    }

    /// Ends everything, as the last enter of a ring that goes does.
    pub(super) fn cancel_all(&mut self) {
        for flight in std::mem::take(&mut self.flights) {
            self.post(flight.token, -libc::ECANCELED, 0);
        }
    }

    fn post(&mut self, token: u64, result: i32, flags: u32) {
        self.completions.push_back(RawCompletion { token, result, flags });
    }

    /// Whether the queue has no room for a further completion of a subscription, which ends it.
    fn overflows(&self, name: &'static str) -> bool {
        self.completions.len() >= COMPLETIONS_MAX || self.world.meets(Fault::Overflow, name)
    }

    /// Lets an op do what it can now.
    fn attempt(&mut self, flight: Flight, slots: &mut Slots, buffers: &mut BufferRing) -> Attempt {
        let op = &slots.get(flight.id).op;
        match op {
            Op::Accept { listener, batch, .. } => self.accept(flight.token, listener.raw(), *batch),
            Op::Receive { socket, .. } => self.receive(flight, socket.raw(), buffers),
            Op::Send { socket, chunk, sent, .. } => {
                self.send(flight.token, socket.raw(), &chunk[*sent as usize..])
            }
            Op::Writable { socket } => {
                if !self.world.is_writable(socket.raw()) {
                    return Attempt::Waits;
                }
                self.post(flight.token, i32::from(libc::POLLOUT), 0);
                Attempt::Over
            }
            Op::Connect { .. } | Op::Open { .. } | Op::Read { .. } => {
                self.post(flight.token, -libc::EOPNOTSUPP, 0);
                Attempt::Over
            }
        }
    }

    fn accept(&mut self, token: u64, listener: i32, batch: AcceptBatch) -> Attempt {
        let name = "accept";
        while self.world.has_backlog(listener) {
            for (fault, error) in
                [(Fault::AcceptWithoutDescriptor, libc::EMFILE), (Fault::AcceptWithoutMemory, libc::ENOMEM)]
            {
                if self.world.meets(fault, name) {
                    self.post(token, -error, 0);
                    return Attempt::Over;
                }
            }
            if self.world.meets(Fault::AcceptAborted, name) && self.world.abort_first(listener) {
                self.post(token, -libc::ECONNABORTED, 0);
                return Attempt::Over;
            }
            let Some(accepted) = self.world.accept(listener) else { break };
            let ends = batch == AcceptBatch::One
                || self.world.meets(Fault::AcceptEndsEarly, name)
                || self.overflows(name);
            self.post(token, accepted, if ends { 0 } else { MORE });
            if ends {
                return Attempt::Over;
            }
        }
        Attempt::Waits
    }

    fn receive(&mut self, flight: Flight, socket: i32, buffers: &mut BufferRing) -> Attempt {
        let (token, name) = (flight.token, "receive");
        for _ in 0..RECEIVES_IN_A_ROW_MAX {
            let Some(waiting) = self.world.receivable(socket) else {
                return match self.world.receive(socket, &mut [0]) {
                    Err(Refusal::NotNow) => Attempt::Waits,
                    Err(Refusal::Reset | Refusal::Broken) => {
                        self.post(token, -libc::ECONNRESET, 0);
                        Attempt::Over
                    }
                    Ok(0) => {
                        self.post(token, 0, 0);
                        Attempt::Over
                    }
                    Ok(_) => unreachable!("nothing is there to be received"),
                };
            };
            if self.world.meets(Fault::ReceiveWithoutBuffer, name) {
                self.post(token, -libc::ENOBUFS, 0);
                return Attempt::Over;
            }
            let Some(buffer) = buffers.take_published() else {
                self.post(token, -libc::ENOBUFS, 0);
                return Attempt::Over;
            };
            let mut length = waiting.min(buffers.buffer_bytes());
            if length > 1 && self.world.meets(Fault::ShortReceive, name) {
                length = 1 + self.world.below(length - 1);
            }
            let world = &self.world;
            buffers.fill(buffer, length, |room| {
                assert_eq!(world.receive(socket, room), Ok(length), "it was there a moment ago");
            });
            let ends = flight.supply == Supply::Scarce
                || self.world.meets(Fault::ReceiveEndsEarly, name)
                || self.overflows(name);
            let more = if ends { 0 } else { MORE };
            self.post(token, length as i32, BUFFER | more | u32::from(buffer) << BUFFER_SHIFT);
            if ends {
                return Attempt::Over;
            }
        }
        self.world.attend(self.number);
        Attempt::Waits
    }

    fn send(&mut self, token: u64, socket: i32, bytes: &[u8]) -> Attempt {
        let name = "send";
        let mut length = bytes.len();
        if self.world.meets(Fault::SendWithoutMemory, name) {
            self.post(token, -libc::ENOBUFS, 0);
            return Attempt::Over;
        }
        if length > 1 && self.world.meets(Fault::ShortSend, name) {
            length = 1 + self.world.below(length - 1);
        }
        match self.world.send(socket, &bytes[..length]) {
            Ok(sent) => self.post(token, sent as i32, 0),
            Err(Refusal::NotNow) => return Attempt::Waits,
            Err(Refusal::Reset) => self.post(token, -libc::ECONNRESET, 0),
            Err(Refusal::Broken) => self.post(token, -libc::EPIPE, 0),
        }
        Attempt::Over
    }
}

impl Drop for SimulatedRing {
    fn drop(&mut self) {
        self.world.end_ring(self.number);
    }
}

fn descriptor_of(op: &Op) -> Option<i32> {
    match op {
        Op::Accept { listener: socket, .. }
        | Op::Receive { socket, .. }
        | Op::Send { socket, .. }
        | Op::Writable { socket } => Some(socket.raw()),
        Op::Connect { .. } | Op::Open { .. } | Op::Read { .. } => None,
    }
}

fn name_of(op: &Op) -> &'static str {
    match op {
        Op::Accept { .. } => "accept",
        Op::Receive { .. } => "receive",
        Op::Send { .. } => "send",
        Op::Writable { .. } => "writable",
        Op::Connect { .. } => "connect",
        Op::Open { .. } => "open",
        Op::Read { .. } => "read",
    }
}
