//! The seam between a worker and the machine: all a worker asks of it goes through here.
//!
//! In: ops, by value. Out: their outcomes, and who is to be woken. Nothing above names a ring, a buffer id or F_MORE: a
//! multishot op is a subscription, and one that ends for a reason of the kernel's own is started again in here.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::Poll;

use io_uring::squeue;

use super::buffer_ring::BufferRing;
use super::chunk::Chunk;
use super::clock;
use super::descriptor::CloseQueue;
use super::doorbell::{Doorbell, RingAddress};
use super::fd::Fd;
use super::limits::KernelLimits;
use super::op::{self, Op, Supply, Tells};
use super::pool::{Lease, Pool};
use super::ring::{Bursts, RawCompletion, Ring, RingFeatures, Wait};
use super::simulated_flight::Flight;
use super::simulated_ring::{self, SimulatedRing};
use super::slots::{OpId, Phase, Slots};
use super::socket::{More, Socket};
use super::start_error::StartError;
use super::starvation::Starvation;
use super::token::Token;
use super::waker::Waiter;
use crate::sim::{World, world};

/// What went on inside, for the worker's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct KernelFigures {
    /// io_uring_enter(2) calls.
    pub(crate) enters: u64,
    /// Submission queue entries.
    pub(crate) submissions: u64,
    /// Completions.
    pub(crate) completions: u64,
    /// Turns in which the completion queue had overflowed.
    pub(crate) overflows: u64,
    /// Receives that found no buffer.
    pub(crate) starvations: u64,
    /// Connections given up because their unread input kept all buffers from others.
    pub(crate) evictions: u64,
    /// Subscriptions started again.
    pub(crate) rearms: u64,
    /// Sends that went out in more than one piece.
    pub(crate) short_sends: u64,
    /// Receives paused because their owner had enough to read.
    pub(crate) pauses: u64,
}

/// What a reap found besides completed ops.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// Who is to be woken. Filled by the kernel, emptied by the worker.
    pub(crate) woken: Vec<Waiter>,
    /// Somebody rang.
    pub(crate) rung: bool,
    /// Workers (by inbox) that our ring could not ring.
    pub(crate) unreached: Vec<u32>,
}

/// Something whose drop runs foreign code, which may come back to the kernel (by closing a stream, say).
#[derive(Debug)]
#[expect(dead_code, reason = "it is there to be dropped")]
pub(crate) enum Discarded {
    /// A waker that was replaced or given up.
    Waiter(Waiter),
    /// Bytes that were sent.
    Chunk(Chunk),
}

/// Whether the kernel has let go of all our memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum AtRest {
    /// No op is in flight.
    Yes,
    /// One is (a read from a disk that hangs): what it uses must never be freed.
    No,
}

/// The outcome of an op: the op itself, with all it owned, and the kernel's answer.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) op: Op,
    pub(crate) result: io::Result<u32>,
}

/// What a receive subscription has.
#[derive(Debug)]
pub(crate) enum Received {
    /// Bytes.
    Data(Lease),
    /// The peer has ended its sending.
    End,
    /// The connection failed.
    Failed(io::Error),
}

/// What a worker's ops go to.
#[derive(Debug)]
pub(super) enum Machine {
    /// The kernel below.
    Ring(Ring),
    /// One in memory.
    Simulated(Box<SimulatedRing>),
}

impl Machine {
    pub(super) fn features(&self) -> RingFeatures {
        match self {
            Self::Ring(ring) => ring.features(),
            Self::Simulated(_) => RingFeatures::default(),
        }
    }
}

/// Closes behind sends for which one enter is made. What follows in a chain is done with the kernel's deferred work, of which an
/// enter that waits for nothing does 20 pieces since Linux 6.13 (IO_LOCAL_TW_DEFAULT_MAX in io_uring/io_uring.c): the rest would
/// be left for the next one, or for ever where the ring goes. Half, since others have such work too.
const LINKED_CLOSES_PER_ENTER_MAX: u32 = 10;

/// One worker's kernel: its ring, its ops in flight and its receive buffers.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(super) machine: Machine,
    pub(super) slots: Slots,
    pub(super) buffers: BufferRing,
    pub(super) file_blocks: Rc<Pool>,
    pub(super) starved: VecDeque<OpId>,
    pub(super) starvation: Option<Starvation>,
    /// Entries that found the submission queue full, in order. At most one per op, and one cancel.
    pub(super) backlog: VecDeque<squeue::Entry>,
    pub(super) batch: Vec<RawCompletion>,
    /// Sends that say nothing if all goes well, since the last reap that found all said. At most one per stream, and those
    /// of streams that were dropped.
    pub(super) quiet_sends: Vec<OpId>,
    /// Closes behind sends, since the last wait.
    linked_closes: u32,
    pub(super) close_queue: Rc<CloseQueue>,
    pub(super) doorbell: Doorbell,
    pub(super) figures: KernelFigures,
    /// Emptied by the worker in every turn.
    pub(super) discarded: Vec<Discarded>,
}

impl Kernel {
    /// Makes ring and buffers on the calling thread. `doorbell` wakes it from threads without a ring.
    pub(crate) fn new(limits: &KernelLimits, doorbell: &Doorbell) -> Result<Self, StartError> {
        if let Some(world) = world() {
            let buffers = BufferRing::new(limits.receive_buffers, limits.receive_buffer_bytes);
            let buffers = buffers.map_err(StartError::Memory)?.simulated();
            let machine = Machine::Simulated(Box::new(SimulatedRing::new(world)));
            return Self::with_machine(machine, buffers, limits, doorbell);
        }
        let make = || {
            // Half for the ring, and what that leaves for the receive buffers' ring.
            let ring = Ring::new(limits.locked_bytes_max.map(|max| max / 2))?;
            Self::with_ring(ring, limits, doorbell)
        };
        super::with_patience(make, |made| matches!(made, Err(StartError::Memory(_))))
    }

    pub(super) fn with_ring(
        mut ring: Ring,
        limits: &KernelLimits,
        doorbell: &Doorbell,
    ) -> Result<Self, StartError> {
        let buffers = receive_buffers(&ring, limits)?;
        if buffers.buffers() < usize::from(limits.receive_buffers) {
            ring.note_fewer_buffers();
        }
        // Best effort (Linux 5.15): without it the kernel picks its own bounds.
        let _ = ring.submitter().register_iowq_max_workers(&mut limits.kernel_threads_max.clone());
        ring.enable()?;
        Self::with_machine(Machine::Ring(ring), buffers, limits, doorbell)
    }

    fn with_machine(
        machine: Machine,
        buffers: BufferRing,
        limits: &KernelLimits,
        doorbell: &Doorbell,
    ) -> Result<Self, StartError> {
        let file_blocks =
            Pool::new(limits.file_blocks, limits.file_block_bytes).map_err(StartError::Memory)?;
        let doorbell =
            doorbell.try_clone().map_err(|error| StartError::Other("duplicating an eventfd", error))?;
        let mut kernel = Self {
            machine,
            slots: Slots::with_capacity(4_096),
            buffers,
            file_blocks,
            starved: VecDeque::with_capacity(64),
            starvation: None,
            backlog: VecDeque::with_capacity(64),
            batch: Vec::with_capacity(super::ring::COMPLETIONS_PER_TURN_MAX),
            quiet_sends: Vec::with_capacity(64),
            linked_closes: 0,
            close_queue: CloseQueue::new(),
            doorbell,
            figures: KernelFigures::default(),
            discarded: Vec::new(),
        };
        kernel.buffers.publish();
        kernel.watch_doorbell();
        Ok(kernel)
    }

    /// Registers the blocks for files, if the kernel lets it. To be called when all rings of the process are made: they
    /// need locked memory more than the blocks do.
    pub(crate) fn register_file_blocks(&mut self) {
        if let Machine::Ring(ring) = &mut self.machine
            && register_blocks(ring, &self.file_blocks).is_ok()
        {
            ring.note_registered_blocks();
        }
    }

    // ---- ops ----

    /// Submits `op`; it goes to the kernel with the turn's enter.
    pub(crate) fn submit(&mut self, op: Op) -> OpId {
        let is_possible = op.socket().is_none_or(Socket::is_ours);
        let id = self.slots.insert(op);
        match is_possible {
            true => self.push_op(id),
            false => self.slots.get(id).phase = Phase::Done(-libc::ENOTCONN),
        }
        id
    }

    /// The outcome of a single-shot op, once: the slot is free after it. Until then `waiter` is remembered.
    pub(crate) fn poll(&mut self, id: OpId, waiter: Waiter) -> Poll<Outcome> {
        let slot = self.slots.get(id);
        match slot.phase {
            Phase::Done(result) => {
                let op = self.slots.remove(id);
                Poll::Ready(Outcome { op, result: to_result(result) })
            }
            _ => {
                replace_waiter(&mut slot.waiter, waiter, &mut self.discarded);
                Poll::Pending
            }
        }
    }

    /// Whether a single-shot op still owes its completion, without remembering anybody.
    #[cfg(test)]
    pub(crate) fn is_in_flight(&mut self, id: OpId) -> bool {
        self.slots.get(id).phase.in_flight()
    }

    /// Whether a receive has its socket in use, or has it as soon as there is a buffer.
    pub(crate) fn uses_socket(&mut self, id: OpId) -> bool {
        let phase = self.slots.get(id).phase;
        phase.in_flight() || phase == Phase::Starved
    }

    /// Bytes of a send that the kernel has taken so far.
    #[cfg(test)]
    pub(crate) fn sent_bytes(&mut self, id: OpId) -> u32 {
        match &self.slots.get(id).op {
            Op::Send { sent, .. } => *sent,
            other => panic!("{other:?} is not a send"),
        }
    }

    /// Asks the kernel to end an op early; its outcome still comes.
    pub(crate) fn cancel(&mut self, id: OpId) {
        let slot = self.slots.get(id);
        if slot.phase.in_flight() {
            slot.phase = Phase::Cancelling;
            self.cancel_entry(id);
        } else if slot.phase == Phase::Paused {
            slot.phase = Phase::Done(-libc::ECANCELED);
        }
    }

    /// The op's future is gone: cancels it, and frees its slot at the last completion.
    pub(crate) fn release(&mut self, id: OpId) {
        if matches!(self.slots.get(id).phase, Phase::InFlight | Phase::GivenUp) {
            self.cancel_entry(id);
        }
        self.release_ending(id);
    }

    /// As [`release`](Self::release), of an op that ends by itself soon: that of a socket that was shut down.
    pub(crate) fn release_ending(&mut self, id: OpId) {
        let slot = self.slots.get(id);
        replace_waiter(&mut slot.waiter, Waiter::Nobody, &mut self.discarded);
        match slot.phase {
            Phase::InFlight | Phase::Pausing | Phase::Cancelling | Phase::GivenUp => {
                slot.phase = Phase::Orphaned;
            }
            Phase::Starved => {
                self.starved.retain(|starved| *starved != id);
                self.free(id);
            }
            Phase::Paused | Phase::Done(_) => self.free(id),
            Phase::Orphaned => panic!("an op is released once"),
        }
    }

    /// Frees the slot of an op whose last completion is in, and gives back what it still holds.
    pub(super) fn free(&mut self, id: OpId) {
        match &mut self.slots.remove(id) {
            Op::Receive { received, .. } => while self.buffers.pop(received).is_some() {},
            Op::Send { chunk, .. } => let_go_of_chunk(chunk, &mut self.discarded),
            _ => {}
        }
    }

    pub(super) fn rearm(&mut self, id: OpId) {
        self.rearm_for(id, self.supply());
    }

    pub(super) fn rearm_for(&mut self, id: OpId, supply: Supply) {
        self.figures.rearms += 1;
        self.slots.get(id).phase = Phase::InFlight;
        self.push_op_for(id, supply);
    }

    pub(super) fn push_op(&mut self, id: OpId) {
        self.push_op_for(id, self.supply());
    }

    /// How many buffers a receive may take that starts now.
    fn supply(&self) -> Supply {
        match &self.machine {
            Machine::Ring(ring) if ring.bursts() == Bursts::Endless => Supply::Scarce,
            _ => self.buffers.supply(),
        }
    }

    fn push_op_for(&mut self, id: OpId, supply: Supply) {
        let op = &mut self.slots.get(id).op;
        if let Op::Send { tells: Tells::Failures, .. } = op {
            self.quiet_sends.push(id);
        }
        if let Machine::Simulated(ring) = &mut self.machine {
            self.figures.submissions += 1;
            ring.push(simulated_ring::Entry::Op(Flight::of(id, op, supply)));
            if let Op::Send { socket, more: More::End, .. } = op {
                socket.hand_over();
            }
            return;
        }
        let entry = op.encode(supply).user_data(id.token());
        let last = match op {
            Op::Send { socket, more: More::End, .. } => op::encode_last(entry.clone(), socket),
            _ => return self.push(entry),
        };
        let is_queued = self.push_both(&last);
        if let Op::Send { socket, more, .. } = &mut self.slots.get(id).op {
            match is_queued {
                true => socket.hand_over(),
                // The end is its owner's matter.
                false => *more = More::Follows,
            }
        }
        if !is_queued {
            self.push(entry);
        }
    }

    /// Both at once, or neither where the submission queue has no room: in the line behind it they might be torn apart.
    fn push_both(&mut self, entries: &[squeue::Entry; 2]) -> bool {
        if !self.backlog.is_empty() {
            return false;
        }
        let is_queued = self.push_both_to_ring(entries) || {
            self.enter(Wait::None);
            self.push_both_to_ring(entries)
        };
        self.figures.submissions += 2 * u64::from(is_queued);
        self.linked_closes += u32::from(is_queued);
        is_queued
    }

    fn push_both_to_ring(&mut self, entries: &[squeue::Entry; 2]) -> bool {
        let Machine::Ring(ring) = &mut self.machine else {
            panic!("a simulated ring has entries of its own")
        };
        // SAFETY: as of `push_to_ring`; the close points nowhere.
        unsafe { ring.push_both(entries) }.is_ok()
    }

    /// `entry` points only into what an op slot owns (see [`Op::encode`]), or to nothing.
    pub(super) fn push(&mut self, entry: squeue::Entry) {
        self.figures.submissions += 1;
        if self.backlog.is_empty() && self.try_push(&entry) {
            return;
        }
        self.backlog.push_back(entry);
    }

    fn try_push(&mut self, entry: &squeue::Entry) -> bool {
        if self.push_to_ring(entry) {
            return true;
        }
        self.enter(Wait::None);
        self.push_to_ring(entry)
    }

    fn push_to_ring(&mut self, entry: &squeue::Entry) -> bool {
        let Machine::Ring(ring) = &mut self.machine else {
            panic!("a simulated ring has entries of its own")
        };
        // SAFETY: entries are made by `op.rs` alone and point into their op, which its slot keeps until the last
        // completion; cancel, close, ring and watch entries point nowhere.
        unsafe { ring.push(entry) }.is_ok()
    }

    fn flush_backlog(&mut self) {
        while let Some(entry) = self.backlog.pop_front() {
            if !self.try_push(&entry) {
                self.backlog.push_front(entry);
                return;
            }
        }
    }

    // ---- the turn ----

    /// Something to be dropped by the worker while it does not hold the kernel.
    pub(crate) fn take_discarded(&mut self) -> Option<Discarded> {
        self.discarded.pop()
    }

    /// Submits everything and waits as told; ends early at a completion or a signal.
    pub(crate) fn wait(&mut self, wait: Wait) {
        while let Some(fd) = self.close_queue.pop() {
            match fd {
                Fd::Real(fd) if matches!(self.machine, Machine::Ring(_)) => {
                    self.push(op::encode_close(fd).user_data(Token::Unattended.encode()));
                }
                simulated => drop(simulated),
            }
        }
        self.flush_backlog();
        self.note_overflow();
        let wait = if self.backlog.is_empty() && !self.awaits_quiet_send() { wait } else { Wait::None };
        while self.linked_closes > LINKED_CLOSES_PER_ENTER_MAX {
            self.enter(Wait::None);
            self.linked_closes -= LINKED_CLOSES_PER_ENTER_MAX;
        }
        self.linked_closes = 0;
        self.enter(wait);
    }

    /// Whether somebody waits for a send whose success ends no wait, or for what it holds.
    fn awaits_quiet_send(&mut self) -> bool {
        let slots = &mut self.slots;
        self.quiet_sends.iter().any(|&id| match slots.phase(id) {
            Some(Phase::InFlight) => !matches!(slots.get(id).waiter, Waiter::Nobody),
            // It has completed, with a failure that was heard.
            None | Some(Phase::Done(_)) => false,
            // Its owner is gone: the socket it holds is to be closed.
            Some(_) => true,
        })
    }

    /// What has happened while a simulated worker waited: the rest of its enter.
    pub(crate) fn go_on(&mut self) {
        self.note_overflow();
        if let Machine::Simulated(ring) = &mut self.machine {
            ring.go_on(&mut self.slots, &mut self.buffers, &self.doorbell);
        }
    }

    fn note_overflow(&mut self) {
        let overflowed = match &mut self.machine {
            Machine::Ring(ring) => ring.overflowed(),
            Machine::Simulated(ring) => ring.has_overflowed(),
        };
        self.figures.overflows += u64::from(overflowed);
    }

    fn enter(&mut self, wait: Wait) {
        self.figures.enters += 1;
        let entered = match &mut self.machine {
            Machine::Ring(ring) => ring.enter(wait),
            Machine::Simulated(ring) => {
                ring.enter(&mut self.slots, &mut self.buffers, &self.doorbell);
                Ok(())
            }
        };
        if let Err(error) = entered {
            // EBADF, EFAULT, EINVAL, EOPNOTSUPP, ENXIO: a mistake of this program (io_uring_enter(2)).
            panic!("io_uring_enter: {error}");
        }
    }

    /// Whether the enter in which a simulated worker waits returns.
    pub(crate) fn has_news(&mut self) -> bool {
        matches!(&self.machine, Machine::Simulated(ring) if ring.has_news()) || self.awaits_quiet_send()
    }

    /// The number of a simulated ring.
    pub(crate) fn simulated_ring(&self) -> Option<usize> {
        match &self.machine {
            Machine::Ring(_) => None,
            Machine::Simulated(ring) => Some(ring.number()),
        }
    }

    /// Figures since the start.
    pub(crate) fn figures(&self) -> KernelFigures {
        self.figures
    }

    /// Ops whose slots are in use.
    pub(crate) fn ops(&self) -> usize {
        self.slots.len()
    }

    /// Whether less than a quarter of the receive buffers is left.
    pub(crate) fn is_receive_scarce(&self) -> bool {
        self.buffers.supply() == Supply::Scarce
    }

    /// Receive buffers: held by leases, left with the kernel, in all.
    pub(crate) fn receive_buffers(&self) -> (usize, usize, usize) {
        (self.buffers.leases_out(), self.buffers.with_kernel(), self.buffers.buffers())
    }

    /// Blocks for files that somebody holds.
    pub(crate) fn file_block_leases(&self) -> usize {
        self.file_blocks.leases_out()
    }

    /// Cancels everything and waits until the kernel uses none of our memory any more, at most 2 s. What it still uses then
    /// is given up when this is dropped.
    pub(crate) fn shut_down(&mut self, reaped: &mut Reaped) -> AtRest {
        let deadline = clock::monotonic() + std::time::Duration::from_secs(2);
        let mut rounds = 0;
        while self.slots.in_flight() > 0 && clock::monotonic() < deadline {
            self.wait(Wait::None);
            let ring = match &mut self.machine {
                Machine::Ring(ring) => ring,
                Machine::Simulated(ring) => {
                    // Everything ends at once there; what does not was lost, and the clock stands still.
                    ring.cancel_all();
                    self.reap(reaped);
                    reaped.woken.clear();
                    rounds += 1;
                    if rounds == SIMULATED_ROUNDS_MAX {
                        break;
                    }
                    continue;
                }
            };
            // ENOENT: nothing left to cancel; ETIME: not all of it has ended yet, seen by the count. Without a time it
            // would wait for an op that runs on a thread of the kernel's as long as that takes.
            let cancel_all = io_uring::types::CancelBuilder::any().all();
            let patience = io_uring::types::Timespec::from(std::time::Duration::from_millis(10));
            let _ = ring.submitter().register_sync_cancel(Some(patience), cancel_all);
            self.wait(Wait::AtMost(std::time::Duration::from_millis(10)));
            self.reap(reaped);
            reaped.woken.clear();
        }
        // The last closes, and what became of the last messages to other rings.
        self.wait(Wait::None);
        self.reap(reaped);
        if self.slots.in_flight() == 0 { AtRest::Yes } else { AtRest::No }
    }

    // ---- doorbells ----

    /// Where other rings ring this one.
    pub(crate) fn ring_address(&self) -> RingAddress {
        match &self.machine {
            Machine::Ring(ring) => RingAddress(ring.raw()),
            Machine::Simulated(ring) => RingAddress(World::ring_address(ring.number())),
        }
    }

    /// Rings the ring at `address` with the turn's enter. If that fails, `inbox` is reported as unreached.
    pub(crate) fn ring_other(&mut self, address: RingAddress, inbox: u32) {
        let token = Token::RingFailed { index: inbox }.encode();
        if let Machine::Simulated(ring) = &mut self.machine {
            return ring.push(simulated_ring::Entry::Ring { address: address.0, token });
        }
        let entry = op::encode_ring(address.0, Token::Doorbell.encode());
        self.push(entry.user_data(token));
    }

    pub(super) fn watch_doorbell(&mut self) {
        if let Machine::Simulated(ring) = &mut self.machine {
            return ring.push(simulated_ring::Entry::Watch);
        }
        let entry = op::encode_watch(self.doorbell.raw());
        self.push(entry.user_data(Token::EventFd.encode()));
    }
}

/// Times that a simulated ring is asked to end everything: an enter may be interrupted, and a reap has its bound.
const SIMULATED_ROUNDS_MAX: u32 = 100;

/// Receive buffers a worker has at least, however little memory it may lock.
const RECEIVE_BUFFERS_MIN: u16 = 64;

/// The receive buffers asked for, or as many as can be registered.
fn receive_buffers(ring: &Ring, limits: &KernelLimits) -> Result<BufferRing, StartError> {
    let mut count = limits.receive_buffers;
    if let Some(max) = limits.locked_bytes_max {
        let room = max.saturating_sub(ring.locked_bytes());
        while count > RECEIVE_BUFFERS_MIN && BufferRing::locked_bytes(count) > room {
            count /= 2;
        }
    }
    loop {
        let buffers = BufferRing::new(count, limits.receive_buffer_bytes).map_err(StartError::Memory)?;
        match buffers.register(ring.submitter()) {
            Ok(()) => return Ok(buffers),
            Err(error) if error.raw_os_error() != Some(libc::ENOMEM) => {
                return Err(StartError::Other("registering receive buffers", error));
            }
            Err(error) if count <= RECEIVE_BUFFERS_MIN => return Err(StartError::Memory(error)),
            Err(_) => count /= 2,
        }
    }
}

impl Drop for Kernel {
    /// Memory that the kernel may still write into is given up, never freed: fact (a) of this module's safety holds even
    /// for a kernel that was not shut down.
    fn drop(&mut self) {
        if self.slots.in_flight() > 0 {
            self.buffers.give_up();
            #[expect(clippy::mem_forget, reason = "the kernel may still write into this memory")]
            std::mem::forget((
                std::mem::replace(&mut self.slots, Slots::with_capacity(0)),
                Rc::clone(&self.file_blocks),
            ));
        }
    }
}

fn register_blocks(ring: &Ring, pool: &Pool) -> io::Result<()> {
    let iovec = libc::iovec {
        iov_base: pool.address(0).as_ptr().cast(),
        iov_len: pool.buffers() * pool.buffer_bytes(),
    };
    // SAFETY: the pool's arena is one mapping of that size, and the kernel object keeps it until the ring is closed.
    unsafe { ring.submitter().register_buffers(&[iovec]) }
}

/// What was sent is free again. An application's own octets are dropped by the worker, as their drop may run anything.
pub(super) fn let_go_of_chunk(chunk: &mut Chunk, discarded: &mut Vec<Discarded>) {
    let spent = std::mem::replace(chunk, Chunk::Static(&[]));
    if let Chunk::Bytes(_) = spent {
        discarded.push(Discarded::Chunk(spent));
    }
}

/// Puts `waiter` in the place of another, which is dropped when the kernel is not held.
pub(super) fn replace_waiter(place: &mut Waiter, waiter: Waiter, discarded: &mut Vec<Discarded>) {
    let before = std::mem::replace(place, waiter);
    if let Waiter::Foreign(_) = before {
        discarded.push(Discarded::Waiter(before));
    }
}

pub(super) fn to_result(result: i32) -> io::Result<u32> {
    u32::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}
