//! A ring of the simulated machine: what an io_uring does with its entries, in memory.
//!
//! In: ops by their tokens, and with each enter the slots and buffers they live in. Out: completions as the kernel
//! writes them, in the order of steps of io_uring/net.c. An op whose slot was freed too early, a buffer that is used
//! twice, a descriptor that is closed under an op: each ends the run with a panic here, where the real kernel would
//! write into foreign memory.

use std::collections::VecDeque;
use std::rc::Rc;

use super::buffer_ring::BufferRing;
use super::doorbell::Doorbell;
use super::op::{Op, Tells};
use super::ring::RawCompletion;
use super::simulated_completions::{Place, SimulatedCompletions};
use super::simulated_files::{perform, time_ns};
use super::simulated_flight::{Attempts, Disk, Flight, Shots};
use super::slots::Slots;
use super::socket::{Address, More, errno_of};
use super::token::Token;
use crate::sim::{Answering, Fault, Message, Opening, Reached, Refusal, World};

/// IORING_CQE_F_BUFFER and IORING_CQE_F_MORE (io_uring(7)).
const BUFFER: u32 = 1;
const MORE: u32 = 1 << 1;
const BUFFER_SHIFT: u32 = 16;

/// Receives of one subscription in one go (multishot receives retry so often, io_uring/net.c).
const RECEIVES_IN_A_ROW_MAX: u32 = 32;

/// One simulated io_uring.
#[derive(Debug)]
pub(super) struct SimulatedRing {
    world: Rc<World>,
    number: usize,
    entries: VecDeque<Entry>,
    flights: Vec<Flight>,
    completions: SimulatedCompletions,
    waiting: Waiting,
    watch: Watch,
}

/// Whether a poll of the doorbell is under way, which goes on until a completion without F_MORE (multishot).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Armed,
    Ended,
}

/// What became of the wait of an enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Goes,
    /// EINTR: the worker has a turn although there is nothing for it.
    Interrupted,
}

/// An entry of the submission queue.
#[derive(Debug)]
pub(super) enum Entry {
    /// An op, or what is left of it.
    Op(Flight),
    /// A cancel of the op with that token.
    Cancel { target: u64, token: u64 },
    /// A poll of the doorbell, again and again.
    Watch,
    /// A message to another ring.
    Ring { address: i32, token: u64 },
}

/// What became of an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Over,
    /// With a success of which nothing is said, after which a chain goes on.
    OverUnsaid,
    Waits,
}

impl SimulatedRing {
    pub(super) fn new(world: Rc<World>) -> Self {
        let number = world.new_ring();
        Self {
            world,
            number,
            entries: VecDeque::new(),
            flights: Vec::new(),
            completions: SimulatedCompletions::default(),
            waiting: Waiting::Goes,
            watch: Watch::Ended,
        }
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

    /// Whether an enter that waits returns.
    pub(super) fn has_news(&self) -> bool {
        self.completions.are_there() || self.has_overflowed() || self.waiting == Waiting::Interrupted
    }

    /// Whether completions wait outside the queue.
    pub(super) fn has_overflowed(&self) -> bool {
        self.completions.has_overflowed()
    }

    pub(super) fn take_completions(&mut self, into: &mut Vec<RawCompletion>, max: usize) {
        self.waiting = Waiting::Goes;
        self.completions.take(into, max);
    }

    /// Whether all that was queued was submitted, and every completion so far was taken.
    pub(super) fn is_all_said(&self) -> bool {
        self.entries.is_empty() && !self.completions.are_there() && !self.has_overflowed()
    }

    /// Submits what is queued, and goes on with what waited before.
    pub(super) fn enter(&mut self, slots: &mut Slots, buffers: &mut BufferRing, doorbell: &Doorbell) {
        self.completions.flush();
        let waited = self.flights.len();
        while let Some(entry) = self.entries.pop_front() {
            self.submit(entry, slots, buffers);
        }
        self.try_again(waited, slots, buffers);
        self.hear(doorbell);
        // What was submitted is submitted: only the wait ends (io_uring_enter(2)).
        if !self.completions.are_there() && self.world.meets(Fault::Interrupted, "enter") {
            self.waiting = Waiting::Interrupted;
            self.world.attend(self.number);
        }
    }

    /// The rest of an enter that waits: what has happened meanwhile.
    pub(super) fn go_on(&mut self, slots: &mut Slots, buffers: &mut BufferRing, doorbell: &Doorbell) {
        self.completions.flush();
        self.try_again(self.flights.len(), slots, buffers);
        self.hear(doorbell);
    }

    fn try_again(&mut self, waited: usize, slots: &mut Slots, buffers: &mut BufferRing) {
        // In whatever order: none is promised among ops that have nothing to do with each other.
        let start = self.world.below(waited.max(1));
        let mut over = Vec::new();
        for step in 0..waited {
            let at = (start + step) % waited;
            if at < self.flights.len() && self.attempt(at, slots, buffers) != Attempt::Waits {
                over.push(self.flights[at].token);
            }
        }
        for token in over {
            let at = self.flights.iter().position(|flight| flight.token == token);
            self.land(at.expect("it was in flight"));
        }
    }

    /// An op's last completion is written.
    fn land(&mut self, at: usize) -> Flight {
        let flight = self.flights.swap_remove(at);
        if let Some(descriptor) = flight.descriptor {
            self.world.let_go(descriptor, flight.name);
        }
        flight
    }

    fn hear(&mut self, doorbell: &Doorbell) {
        if self.world.take_message(self.number) == Message::Waits {
            self.post(Token::Doorbell.encode(), 0, 0);
        }
        if self.watch == Watch::Armed && doorbell.take_ringing() {
            let place = self.place_for("doorbell");
            let flags = if place == Place::Queue { MORE } else { 0 };
            if place == Place::Overflow {
                self.watch = Watch::Ended;
            }
            let token = Token::EventFd.encode();
            self.completions.put(place, RawCompletion { token, result: i32::from(libc::POLLIN), flags });
        }
    }

    fn submit(&mut self, entry: Entry, slots: &mut Slots, buffers: &mut BufferRing) {
        match entry {
            Entry::Op(flight) => {
                if self.flights.iter().any(|other| other.token == flight.token) {
                    self.world.end_run(format!("{} is in the kernel's hands twice", flight.name));
                }
                if let Some(descriptor) = flight.descriptor {
                    self.world.hold(descriptor, flight.name, self.number);
                }
                self.flights.push(flight);
                let at = self.flights.len() - 1;
                let attempt = match flight.tells {
                    Tells::Everything if self.world.meets(Fault::Delayed, flight.name) => Attempt::Waits,
                    _ => self.attempt(at, slots, buffers),
                };
                match (attempt, flight.descriptor) {
                    (Attempt::Waits, _) => self.world.attend(self.number),
                    (Attempt::OverUnsaid, Some(descriptor)) if flight.more == More::End => {
                        self.land(at);
                        self.world.close(descriptor);
                    }
                    _ => drop(self.land(at)),
                }
            }
            Entry::Cancel { target, token } => self.cancel(target, token, slots, buffers),
            // What has rung meanwhile is heard by this enter.
            Entry::Watch => self.watch = Watch::Armed,
            Entry::Ring { address, token } => {
                if self.world.meets(Fault::MessageRefused, "message")
                    || self.world.send_message(address) == Reached::No
                {
                    self.post(token, -libc::EBADFD, 0);
                }
            }
        }
    }

    fn cancel(&mut self, target: u64, token: u64, slots: &mut Slots, buffers: &mut BufferRing) {
        let Some(at) = self.flights.iter().position(|flight| flight.token == target) else {
            return self.post(token, -libc::ENOENT, 0);
        };
        if let Disk::BusyUntil(_) = self.flights[at].disk {
            // A thread of the kernel's waits for the disk: nothing ends that (io_uring_prep_cancel(3)).
            return self.post(token, -libc::EALREADY, 0);
        }
        let name = self.flights[at].name;
        if self.world.meets(Fault::CancelMissed, name) {
            return self.post(token, -libc::ENOENT, 0);
        }
        if self.world.meets(Fault::CancelTooLate, name) && self.attempt(at, slots, buffers) != Attempt::Waits
        {
            self.land(at);
            return self.post(token, -libc::EALREADY, 0);
        }
        self.land(at);
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
        while !self.flights.is_empty() {
            let flight = self.land(0);
            self.post(flight.token, -libc::ECANCELED, 0);
        }
    }

    // ---- completions ----

    /// A completion that is no op's, or an op's last one.
    fn post(&mut self, token: u64, result: i32, flags: u32) {
        let place = self.completions.place();
        self.completions.put(place, RawCompletion { token, result, flags });
    }

    /// The last completion of an op.
    fn complete(&mut self, flight: &Flight, result: i32) -> Attempt {
        let place = self.place_for(flight.name);
        self.completions.put(place, RawCompletion { token: flight.token, result, flags: 0 });
        Attempt::Over
    }

    /// A completion of an op with a success, after which a subscription goes on, unless there is no room for F_MORE
    /// (io_req_post_cqe) or it meets `ends_early`.
    fn shoot(&mut self, flight: &Flight, result: i32, flags: u32, ends_early: Fault) -> Attempt {
        let place = self.place_for(flight.name);
        let goes_on = flight.shots == Shots::Many
            && place == Place::Queue
            && !self.world.meets(ends_early, flight.name);
        let flags = if goes_on { flags | MORE } else { flags };
        self.completions.put(place, RawCompletion { token: flight.token, result, flags });
        if goes_on { Attempt::Waits } else { Attempt::Over }
    }

    /// Where the next completion of an op of this name goes.
    fn place_for(&self, op: &'static str) -> Place {
        if self.world.meets(Fault::Overflow, op) { Place::Overflow } else { self.completions.place() }
    }

    // ---- ops ----

    /// Lets an op do what it can now.
    fn attempt(&mut self, at: usize, slots: &mut Slots, buffers: &mut BufferRing) -> Attempt {
        // A process that has ended asks for nothing more: its descriptors name nothing.
        if self.world.is_gone(self.number) {
            return Attempt::Waits;
        }
        let flight = self.flights[at];
        if slots.phase(flight.id).is_none() {
            self.world.end_run(format!("the slot of {} was freed under it", flight.name));
        }
        self.flights[at].attempts = Attempts::Some;
        match &mut slots.get(flight.id).op {
            Op::Accept { listener, .. } => self.accept(&flight, listener.raw()),
            Op::Receive { socket, .. } => self.receive(&flight, socket.raw(), buffers),
            Op::Send { chunk, sent, .. } => self.send(&flight, &chunk[*sent as usize..]),
            Op::Writable { socket } => {
                if !self.world.is_writable(socket.raw()) {
                    return Attempt::Waits;
                }
                self.complete(&flight, i32::from(libc::POLLOUT))
            }
            Op::Connect { socket, address } => {
                self.connect(&flight, socket.raw(), &Address::from_native(address))
            }
            op @ (Op::Open { .. } | Op::Read { .. }) => self.ask_disk(at, op),
        }
    }

    fn accept(&mut self, flight: &Flight, listener: i32) -> Attempt {
        if flight.attempts == Attempts::Some && !self.world.has_backlog(listener) {
            return Attempt::Waits;
        }
        loop {
            // The descriptor and the memory are taken before anybody looks for a connection (io_accept, do_accept).
            if self.world.meets(Fault::AcceptWithoutDescriptor, flight.name) {
                return self.complete(flight, -libc::EMFILE);
            }
            if self.world.meets(Fault::AcceptWithoutMemory, flight.name) {
                let error = [libc::ENOMEM, libc::ENOBUFS, libc::ENFILE][self.world.below(3)];
                return self.complete(flight, -error);
            }
            if !self.world.has_backlog(listener) {
                return Attempt::Waits;
            }
            if self.world.meets(Fault::AcceptAborted, flight.name) {
                self.world.abort_first(listener);
                return self.complete(flight, -libc::ECONNABORTED);
            }
            let Some(accepted) = self.world.accept(listener) else { return Attempt::Waits };
            if self.shoot(flight, accepted, 0, Fault::AcceptEndsEarly) == Attempt::Over {
                return Attempt::Over;
            }
        }
    }

    fn receive(&mut self, flight: &Flight, socket: i32, buffers: &mut BufferRing) -> Attempt {
        let mut attempts = flight.attempts;
        for _ in 0..RECEIVES_IN_A_ROW_MAX {
            if attempts == Attempts::Some && !self.world.is_readable(socket) {
                return Attempt::Waits;
            }
            attempts = Attempts::Some;
            // The buffer is chosen before anybody looks at the socket (io_recv): one that is idle, has ended or failed
            // needs one too.
            if self.world.meets(Fault::ReceiveWithoutBuffer, flight.name) || !buffers.has_published() {
                return self.complete(flight, -libc::ENOBUFS);
            }
            let waiting = self.world.receivable_bytes(socket);
            if waiting == 0 {
                return match self.world.receive(socket, &mut [0]) {
                    Err(Refusal::NotNow) => Attempt::Waits,
                    Err(refusal) => self.complete(flight, -errno_of(refusal)),
                    Ok(0) => self.complete(flight, 0),
                    Ok(_) => unreachable!("nothing is there to be received"),
                };
            }
            let mut length = waiting.min(buffers.buffer_bytes());
            if length > 1 && self.world.meets(Fault::ShortReceive, flight.name) {
                length = 1 + self.world.below(length - 1);
            }
            let world = &self.world;
            let buffer = buffers.fill_next(length, |room| {
                assert_eq!(world.receive(socket, room), Ok(length), "it was there a moment ago");
            });
            let flags = BUFFER | u32::from(buffer) << BUFFER_SHIFT;
            if self.shoot(flight, length as i32, flags, Fault::ReceiveEndsEarly) == Attempt::Over {
                return Attempt::Over;
            }
        }
        self.world.attend(self.number);
        Attempt::Waits
    }

    fn send(&mut self, flight: &Flight, bytes: &[u8]) -> Attempt {
        let socket = flight.descriptor.expect("a send has a socket");
        if flight.attempts == Attempts::Some && !self.world.is_writable(socket) {
            return Attempt::Waits;
        }
        if self.world.meets(Fault::SendWithoutMemory, flight.name) {
            return self.complete(flight, -libc::ENOBUFS);
        }
        let mut length = bytes.len();
        if length > 1 && self.world.meets(Fault::ShortSend, flight.name) {
            length = 1 + self.world.below(length - 1);
        }
        match (self.world.send(socket, &bytes[..length], flight.more), flight.tells) {
            (Ok(sent), Tells::Failures) if sent == bytes.len() => Attempt::OverUnsaid,
            (Ok(sent), _) => self.complete(flight, sent as i32),
            (Err(Refusal::NotNow), Tells::Failures) => self.complete(flight, -libc::EAGAIN),
            (Err(Refusal::NotNow), Tells::Everything) => Attempt::Waits,
            (Err(refusal), _) => self.complete(flight, -errno_of(refusal)),
        }
    }

    /// An open or a read: at once from memory, or after the disk's time.
    fn ask_disk(&mut self, at: usize, op: &mut Op) -> Attempt {
        let flight = self.flights[at];
        let now_ns = self.world.now().nanoseconds();
        match flight.disk {
            Disk::BusyUntil(done_ns) if done_ns > now_ns => return Attempt::Waits,
            Disk::BusyUntil(_) => {}
            Disk::NotAsked => {
                let disk_ns = time_ns(&self.world, op);
                if disk_ns > 0 {
                    self.flights[at].disk = Disk::BusyUntil(now_ns + disk_ns);
                    self.world.attend_after(self.number, disk_ns);
                    return Attempt::Waits;
                }
            }
        }
        let result = perform(&self.world, op).unwrap_or_else(|error| -error);
        self.complete(&flight, result)
    }

    fn connect(&mut self, flight: &Flight, socket: i32, to: &Address) -> Attempt {
        let mut answering = Answering::Yes;
        if flight.attempts == Attempts::None {
            if self.world.meets(Fault::ConnectRefused, flight.name) {
                return self.complete(flight, -libc::ECONNREFUSED);
            }
            if matches!(to, Address::Ip(_)) && self.world.meets(Fault::ConnectTimedOut, flight.name) {
                answering = Answering::Never;
            }
        }
        match self.world.connect(socket, self.number, to, answering) {
            Opening::Waits => Attempt::Waits,
            Opening::Open => self.complete(flight, 0),
            Opening::Failed(error) => self.complete(flight, -error),
        }
    }
}

impl Drop for SimulatedRing {
    fn drop(&mut self) {
        // The kernel ends what is in flight, some time later; nobody hears of it.
        self.cancel_all();
        self.world.end_ring(self.number);
    }
}
