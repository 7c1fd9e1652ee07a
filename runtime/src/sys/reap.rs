//! Completions: from what the kernel wrote to the op it is about.
//!
//! In: raw completions. Out: received bytes in their queues, outcomes in their slots, tasks to wake. A send's last completion
//! is step 9 of a request's walk, release: what it held goes back to its pool.

use std::os::fd::{FromRawFd, OwnedFd};

use io_uring::cqueue;

use super::fd::{Fd, SimulatedFd};
use super::kernel::{Kernel, Machine, Reaped, let_go_of_chunk};
use super::op::{self, AcceptBatch, OnceTaken, Op, ReceiveBatch, Shape, Tells};
use super::ring::{COMPLETIONS_PER_TURN_MAX, RawCompletion};
use super::simulated_ring;
use super::slots::{OpId, Phase, Slot};
use super::socket::{Accepted, More};
use super::starvation::unread_buffers_max;
use super::token::Token;
use super::waker::Waiter;

impl Kernel {
    /// Takes the completions that are there, at most 1,024, into their ops.
    pub(crate) fn reap(&mut self, reaped: &mut Reaped) {
        self.buffers.begin_reap();
        let mut batch = std::mem::take(&mut self.batch);
        match &mut self.machine {
            Machine::Ring(ring) => ring.take_completions(&mut batch),
            Machine::Simulated(ring) => ring.take_completions(&mut batch, COMPLETIONS_PER_TURN_MAX),
        }
        self.figures.completions += batch.len() as u64;
        // As of the enter: what is pushed below is for the next one.
        let is_all_said = self.backlog.is_empty()
            && match &mut self.machine {
                Machine::Ring(ring) => ring.is_all_said(),
                Machine::Simulated(ring) => ring.is_all_said(),
            };
        for completion in batch.drain(..) {
            match Token::decode(completion.token) {
                Token::Op { index, generation } => {
                    self.complete(OpId { index, generation }, completion, reaped)
                }
                Token::Doorbell => reaped.rung = true,
                Token::EventFd => {
                    self.doorbell.hush();
                    reaped.rung = true;
                    if !cqueue::more(completion.flags) {
                        self.watch_doorbell();
                    }
                }
                Token::RingFailed { index } => reaped.unreached.push(index),
                Token::Cancel { index, generation } => {
                    self.cancel_tried(OpId { index, generation }, completion.result);
                }
                Token::Unattended => {}
            }
        }
        self.batch = batch;
        match is_all_said {
            true => {
                self.end_quiet_sends(reaped);
                if let Machine::Ring(ring) = &mut self.machine {
                    ring.forget_tear();
                }
            }
            false => self.quiet_sends.retain(|&id| self.slots.phase(id).is_some_and(Phase::in_flight)),
        }
        self.relieve(reaped);
    }

    /// All was submitted and every completion is in: a send that is to say nothing of success, and still is in flight, has
    /// succeeded.
    fn end_quiet_sends(&mut self, reaped: &mut Reaped) {
        let mut quiet_sends = std::mem::take(&mut self.quiet_sends);
        for id in quiet_sends.drain(..) {
            if let Some(slot) = self.slots.take_forgotten(id) {
                self.let_go(slot, reaped);
            } else if self.slots.phase(id).is_some_and(Phase::in_flight)
                && let Op::Send { tells: Tells::Failures, chunk, .. } = &self.slots.get(id).op
            {
                let length = chunk.len() as i32;
                self.complete_once(id, length, reaped);
            }
        }
        self.quiet_sends = quiet_sends;
    }

    /// What most sends end with: all of it was taken, and nobody has asked to be told.
    fn let_go(&mut self, mut slot: Slot, reaped: &mut Reaped) {
        wake(&mut slot.waiter, reaped);
        if let Op::Send { chunk, .. } = &mut slot.op {
            let_go_of_chunk(chunk, &mut self.discarded);
        }
    }

    fn complete(&mut self, id: OpId, completion: RawCompletion, reaped: &mut Reaped) {
        let last = !cqueue::more(completion.flags);
        let slot = self.slots.get(id);
        assert!(slot.phase.in_flight(), "{:?} completes in phase {:?}", slot.op, slot.phase);
        match slot.op.shape() {
            Shape::Once => self.complete_once(id, completion.result, reaped),
            Shape::Subscription => self.complete_subscription(id, completion, last, reaped),
        }
    }

    fn complete_once(&mut self, id: OpId, mut result: i32, reaped: &mut Reaped) {
        let slot = self.slots.get(id);
        if let Op::Send { socket, chunk, more: more @ More::End, .. } = &mut slot.op
            && result != chunk.len() as i32
        {
            *more = More::Follows;
            match &self.machine {
                // Its close may have been submitted by itself, and then the number is no more ours.
                Machine::Ring(ring) if ring.may_have_torn() => result = -libc::EPIPE,
                // The chain has ended before the close.
                _ => socket.take_back(),
            }
        }
        match &mut slot.op {
            // Taken in part, or not at all: from here on as the socket takes it.
            Op::Send { tells: tells @ Tells::Failures, .. }
                if -result == libc::EAGAIN && slot.phase == Phase::InFlight =>
            {
                *tells = Tells::Everything;
                self.push_op(id);
                return;
            }
            Op::Send { socket, chunk, sent, tells, once_taken, .. } => {
                if result > 0 {
                    *sent += result as u32;
                    assert!(*sent as usize <= chunk.len(), "the kernel sent more than it was given");
                    if (*sent as usize) < chunk.len() && slot.phase == Phase::InFlight {
                        self.figures.short_sends += 1;
                        *tells = Tells::Everything;
                        self.push_op(id);
                        return;
                    }
                } else if slot.phase == Phase::InFlight {
                    // Wakes whoever receives on this connection: it is of no more use.
                    socket.shutdown_both();
                }
                let is_forgotten = *once_taken == OnceTaken::Forgotten && *sent as usize == chunk.len();
                // The bytes are free again before anybody asks for the outcome.
                let_go_of_chunk(chunk, &mut self.discarded);
                if is_forgotten {
                    wake(&mut slot.waiter, reaped);
                    slot.phase = Phase::Done(result);
                    return self.free(id);
                }
            }
            Op::Open { opened, .. } if result >= 0 => {
                let fd = match self.machine {
                    Machine::Simulated(_) => Fd::Simulated(SimulatedFd::new(result)),
                    // SAFETY: openat2 has just made this descriptor for us alone; nothing else knows the number.
                    Machine::Ring(_) => Fd::Real(unsafe { OwnedFd::from_raw_fd(result) }),
                };
                *opened = Some(fd);
            }
            // A system call would be started again by the kernel or by its caller (signal(7)); an op is by us.
            Op::Read { .. } | Op::Open { .. } if -result == libc::EINTR && slot.phase == Phase::InFlight => {
                self.push_op(id);
                return;
            }
            _ => {}
        }
        self.finish(id, result, reaped);
    }

    fn complete_subscription(
        &mut self,
        id: OpId,
        completion: RawCompletion,
        last: bool,
        reaped: &mut Reaped,
    ) {
        let result = completion.result;
        let slot = self.slots.get(id);
        match &mut slot.op {
            Op::Accept { accepted, .. } => {
                // Also the last one can carry a live descriptor (a completion queue that overflowed ends the
                // subscription with a success).
                if result >= 0 && matches!(self.machine, Machine::Simulated(_)) {
                    accepted.push_back(Accepted::simulated(result));
                } else if result >= 0 {
                    // SAFETY: a completion of an accept that is no error names a socket made for us alone, once.
                    accepted.push_back(unsafe { Accepted::from_raw(result) });
                }
            }
            Op::Receive { received, batch, .. } => {
                if cqueue::sock_nonempty(completion.flags) {
                    *batch = ReceiveBatch::All;
                }
                if let Some(buffer) = cqueue::buffer_select(completion.flags) {
                    match u32::try_from(result) {
                        Ok(length @ 1..) if slot.phase != Phase::GivenUp => {
                            self.buffers.push(received, buffer, length)
                        }
                        _ => self.buffers.recycle(buffer),
                    }
                }
                if received.len() >= unread_buffers_max(&self.buffers) && slot.phase == Phase::InFlight {
                    self.figures.pauses += 1;
                    slot.phase = Phase::Pausing;
                    if !last {
                        self.cancel_entry(id);
                    }
                }
            }
            other => panic!("{other:?} is not a subscription"),
        }
        let slot = self.slots.get(id);
        let phase = slot.phase;
        if !last {
            wake(&mut slot.waiter, reaped);
            return;
        }
        match (phase, result) {
            (Phase::Orphaned, _) => self.free(id),
            (Phase::GivenUp, _) => self.finish(id, -libc::ENOBUFS, reaped),
            // Also where it ended by itself at the same time: its owner waits for its end, not for more.
            (Phase::Cancelling, result) => {
                let result = if result < 0 { result } else { -libc::ECANCELED };
                self.finish(id, result, reaped);
            }
            (_, result) if -result == libc::ENOBUFS => {
                // ENOBUFS is also what accept(2) may answer for want of memory; that one is its owner's matter.
                let slot = self.slots.get(id);
                let Op::Receive { received, .. } = &slot.op else { return self.finish(id, result, reaped) };
                self.figures.starvations += 1;
                if received.len() == 0 {
                    slot.phase = Phase::Starved;
                    self.starved.push_back(id);
                } else {
                    // In line are only those who have nothing: this one has something to read first.
                    slot.phase = Phase::Paused;
                    wake(&mut slot.waiter, reaped);
                }
            }
            (Phase::Pausing, result) if result > 0 || -result == libc::ECANCELED => {
                let slot = self.slots.get(id);
                slot.phase = Phase::Paused;
                wake(&mut slot.waiter, reaped);
            }
            // It took the one connection, or what has come first, as it was to.
            (Phase::InFlight, result) if self.is_for_one(id, result) => {
                let slot = self.slots.get(id);
                slot.phase = Phase::Paused;
                wake(&mut slot.waiter, reaped);
            }
            // It ended for a reason of the kernel's own.
            (_, result)
                if result > 0 || (result == 0 && matches!(self.slots.get(id).op, Op::Accept { .. })) =>
            {
                wake(&mut self.slots.get(id).waiter, reaped);
                self.rearm(id);
            }
            (_, result) => self.finish(id, result, reaped),
        }
    }

    /// Whether `result` is the success that a subscription was to stop after.
    fn is_for_one(&mut self, id: OpId, result: i32) -> bool {
        match self.slots.get(id).op {
            Op::Accept { batch: AcceptBatch::One, .. } => result >= 0,
            Op::Receive { batch: ReceiveBatch::First, .. } => result > 0,
            _ => false,
        }
    }

    fn finish(&mut self, id: OpId, result: i32, reaped: &mut Reaped) {
        let slot = self.slots.get(id);
        if slot.phase == Phase::Orphaned {
            self.free(id);
        } else {
            slot.phase = Phase::Done(result);
            wake(&mut slot.waiter, reaped);
        }
    }

    pub(super) fn cancel_entry(&mut self, id: OpId) {
        let token = Token::Cancel { index: id.index, generation: id.generation }.encode();
        if let Machine::Simulated(ring) = &mut self.machine {
            return ring.push(simulated_ring::Entry::Cancel { target: id.token(), token });
        }
        self.push(op::encode_cancel(id.token()).user_data(token));
    }

    /// A cancel that meets its op on the way from one wait to the next finds nothing (ENOENT) although the op goes on:
    /// it is tried again until the op's last completion is in. EALREADY is an op that runs now and ends by itself.
    fn cancel_tried(&mut self, id: OpId, result: i32) {
        let phase = self.slots.phase(id);
        if -result == libc::ENOENT
            && matches!(phase, Some(Phase::Orphaned | Phase::Pausing | Phase::Cancelling | Phase::GivenUp))
        {
            self.cancel_entry(id);
        }
    }
}

pub(super) fn wake(waiter: &mut Waiter, reaped: &mut Reaped) {
    match std::mem::take(waiter) {
        Waiter::Nobody => {}
        waiter => reaped.woken.push(waiter),
    }
}
