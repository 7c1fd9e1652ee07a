//! Op slots: where an op lives from its submission to its last completion.
//!
//! In: an op. Out: its name, and the op again when the kernel is done with it.

use slab::Slab;

use super::op::{OnceTaken, Op, Tells};
use super::token::{GENERATION_MASK, Token};
use super::waker::Waiter;

/// Names an op that was submitted, until its future has taken the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl OpId {
    pub(super) fn token(self) -> u64 {
        Token::Op { index: self.index, generation: self.generation }.encode()
    }
}

/// How far an op has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The kernel has it, or it waits in the submission queue.
    InFlight,
    /// Its future is gone; the slot waits only for the last completion.
    Orphaned,
    /// A subscription that ended for want of receive buffers, in line for the next one.
    Starved,
    /// A subscription told to stop because its owner has enough to read; its last completion is still to come.
    Pausing,
    /// Told to end by its owner, who still waits for its last completion.
    Cancelling,
    /// A subscription whose connection was given up for want of buffers: what still comes is thrown away.
    GivenUp,
    /// A subscription that has stopped and is started again when its owner has read.
    Paused,
    /// The last completion is in, with this result.
    Done(i32),
}

impl Phase {
    /// Whether a completion is still owed.
    pub(super) fn in_flight(self) -> bool {
        matches!(self, Self::InFlight | Self::Orphaned | Self::Pausing | Self::Cancelling | Self::GivenUp)
    }
}

/// One op. Everything the kernel uses for it is in `op`.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) phase: Phase,
    pub(super) waiter: Waiter,
    pub(super) op: Op,
}

/// Each open connection has one, for what it receives.
const _: () = assert!(size_of::<Slot>() <= 88);

/// All ops of a ring. Grows with the number of connections, whose limit bounds it.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Slab<Slot>,
    next_generation: u32,
}

impl Slots {
    pub(super) fn with_capacity(ops: usize) -> Self {
        Self { slots: Slab::with_capacity(ops), next_generation: 0 }
    }

    pub(super) fn insert(&mut self, op: Op) -> OpId {
        self.next_generation = self.next_generation.wrapping_add(1) & GENERATION_MASK;
        let generation = self.next_generation;
        let slot = Slot { generation, phase: Phase::InFlight, waiter: Waiter::Nobody, op };
        let index = u32::try_from(self.slots.insert(slot)).expect("fewer than 2^32 ops");
        OpId { index, generation }
    }

    /// # Panics
    /// When the op's slot has been freed: completions and futures come only while it lives.
    pub(super) fn get(&mut self, id: OpId) -> &mut Slot {
        let slot =
            self.slots.get_mut(id.index as usize).expect("an op's slot lives until its last completion");
        assert_eq!(slot.generation, id.generation, "an op's slot was reused before its last completion");
        slot
    }

    /// The slot of an op, `None` once it has been freed.
    pub(super) fn find(&self, id: OpId) -> Option<&Slot> {
        self.slots.get(id.index as usize).filter(|slot| slot.generation == id.generation)
    }

    /// The phase of an op, `None` once its slot has been freed.
    pub(super) fn phase(&self, id: OpId) -> Option<Phase> {
        self.find(id).map(|slot| slot.phase)
    }

    pub(super) fn remove(&mut self, id: OpId) -> Op {
        let slot = self.slots.remove(id.index as usize);
        assert_eq!(slot.generation, id.generation, "an op's slot was reused before its last completion");
        assert!(!slot.phase.in_flight() || slot.phase == Phase::Orphaned, "a slot in flight cannot be freed");
        slot.op
    }

    /// Frees the slot of a send that was to say nothing of success, if it has said nothing: its caller knows that it is over.
    pub(super) fn take_forgotten(&mut self, id: OpId) -> Option<Slot> {
        let slot = self.find(id)?;
        let is_forgotten = slot.phase == Phase::InFlight
            && matches!(
                &slot.op,
                Op::Send { sent: 0, tells: Tells::Failures, once_taken: OnceTaken::Forgotten, .. }
            );
        is_forgotten.then(|| self.slots.remove(id.index as usize))
    }

    /// All ops whose slots are in use.
    pub(super) fn iter(&self) -> impl Iterator<Item = (OpId, &Slot)> {
        self.slots
            .iter()
            .map(|(index, slot)| (OpId { index: index as u32, generation: slot.generation }, slot))
    }

    /// Ops that still owe a completion.
    pub(super) fn in_flight(&self) -> usize {
        self.slots.iter().filter(|(_, slot)| slot.phase.in_flight()).count()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::super::descriptor::CloseQueue;
    use super::super::socket::{Accepted, Socket};
    use super::*;

    fn op() -> Op {
        let (socket, _) = UnixStream::pair().expect("a pair of sockets");
        Op::Writable { socket: Socket::new(Accepted::new(socket.into()).into_fd(), &CloseQueue::new()) }
    }

    #[test]
    fn an_op_that_is_over_is_not_taken_for_a_later_one_in_its_slot() {
        let mut slots = Slots::with_capacity(4);
        let mut former = Vec::new();
        for _ in 0..5 {
            let id = slots.insert(op());
            assert_eq!((id.index, slots.phase(id)), (0, Some(Phase::InFlight)));
            assert!(former.iter().all(|former| slots.phase(*former).is_none()), "{id:?}, {former:?}");
            slots.get(id).phase = Phase::Done(0);
            slots.remove(id);
            assert_eq!(slots.phase(id), None);
            former.push(id);
        }
    }

    #[test]
    fn generations_fit_a_token_and_begin_anew() {
        let mut slots = Slots::with_capacity(4);
        slots.next_generation = GENERATION_MASK - 1;
        let (last, first) = (slots.insert(op()), slots.insert(op()));
        assert_eq!((last.generation, first.generation), (GENERATION_MASK, 0));
        assert_eq!(Token::decode(last.token()), Token::Op { index: 0, generation: GENERATION_MASK });
        assert_eq!(Token::decode(first.token()), Token::Op { index: 1, generation: 0 });
    }

    #[test]
    fn an_op_owes_a_completion_until_its_last_one() {
        let phases = [
            (Phase::InFlight, 1),
            (Phase::Orphaned, 1),
            (Phase::Starved, 0),
            (Phase::Pausing, 1),
            (Phase::Cancelling, 1),
            (Phase::GivenUp, 1),
            (Phase::Paused, 0),
            (Phase::Done(0), 0),
        ];
        for (phase, owed) in phases {
            let mut slots = Slots::with_capacity(4);
            let id = slots.insert(op());
            slots.get(id).phase = phase;
            assert_eq!((slots.in_flight(), slots.len(), slots.iter().count()), (owed, 1, 1), "{phase:?}");
        }
    }

    #[test]
    #[should_panic(expected = "a slot in flight cannot be freed")]
    fn a_slot_whose_op_is_in_flight_is_not_freed() {
        let mut slots = Slots::with_capacity(4);
        let id = slots.insert(op());
        slots.remove(id);
    }

    #[test]
    #[should_panic(expected = "reused before its last completion")]
    fn a_completion_for_an_op_that_is_over_is_a_mistake() {
        let mut slots = Slots::with_capacity(4);
        let id = slots.insert(op());
        slots.get(OpId { generation: id.generation + 1, ..id });
    }
}
