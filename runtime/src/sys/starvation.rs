//! Receive buffers that run out: who may keep how many, who gets the next one, and what happens when none comes back.
//!
//! In: buffers that were read, and subscriptions that found none. Out: subscriptions that go on, first come first served; or
//! connections that are given up, since what their owners leave unread keeps all others from being heard.

use std::time::Duration;

use super::buffer_ring::BufferRing;
use super::clock::{self, Moment};
use super::kernel::{Kernel, Reaped};
use super::op::{Op, Shape, Supply};
use super::reap;
use super::slots::{OpId, Phase};

/// Received buffers a connection may leave unread before its receiving is paused, while at least half of all are left: 64 KiB.
pub(super) const UNREAD_BUFFERS_MAX: u16 = 16;

/// How long nobody gets a buffer before connections with unread input are given up.
pub(super) const RELIEF_AFTER: Duration = Duration::from_secs(1);

/// Since when nobody has got a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starvation {
    since: Moment,
    since_reap: u64,
}

impl Kernel {
    /// Gives read buffers back to the kernel and lets starved receives go on, first come first served, one per buffer
    /// that the kernel has: those given back now, and those given back before a starved receive was heard of.
    pub(crate) fn publish(&mut self) {
        self.buffers.publish();
        let with_kernel = self.buffers.with_kernel();
        for _ in 0..with_kernel.min(self.starved.len()) {
            if let Some(id) = self.starved.pop_front() {
                // One for each in line, whatever one of them could fill.
                self.rearm_for(id, Supply::Scarce);
            }
        }
        if self.starved.is_empty() || with_kernel > 0 {
            self.starvation = None;
        } else if self.starvation.is_none() {
            self.starvation =
                Some(Starvation { since: clock::monotonic(), since_reap: self.buffers.reaps() });
        }
        self.buffers.assert_conserved();
    }

    /// When [`Self::relieve`] has something to do, if nothing happens until then.
    pub(crate) fn relief_due(&self) -> Option<Moment> {
        self.starvation.map(|starvation| starvation.since + RELIEF_AFTER)
    }

    /// As if nobody had got a buffer for so much longer already.
    #[cfg(test)]
    pub(super) fn has_starved_for(&mut self, time: Duration) {
        let starvation = self.starvation.as_mut().expect("somebody starves");
        let since_ns = starvation.since.nanoseconds() - time.as_nanos() as u64;
        starvation.since = Moment::from_nanoseconds(since_ns);
    }

    /// Where all buffers have been out for a while, gives up the connections whose input has been left unread longest,
    /// until there is a buffer for everyone who waits for one.
    pub(super) fn relieve(&mut self, reaped: &mut Reaped) {
        let Some(starvation) = self.starvation else { return };
        let now = clock::monotonic();
        if now.since(starvation.since) < RELIEF_AFTER {
            return;
        }
        let mut unread: Vec<(u64, OpId)> = self
            .slots
            .iter()
            .filter_map(|(id, slot)| match &slot.op {
                Op::Receive { received, .. } if received.len() > 0 && slot.phase != Phase::Orphaned => {
                    Some((received.untouched_since_reap(), id))
                }
                _ => None,
            })
            .filter(|(since_reap, _)| *since_reap <= starvation.since_reap)
            .collect();
        unread.sort_unstable_by_key(|(since_reap, _)| *since_reap);
        let mut wanted = self.starved.len();
        for (_, id) in unread {
            if wanted == 0 {
                break;
            }
            wanted = wanted.saturating_sub(self.give_up(id, reaped));
        }
        self.starvation = Some(Starvation { since: now, since_reap: self.buffers.reaps() });
    }

    /// Ends a connection and drops its unread input; returns how many buffers that was.
    fn give_up(&mut self, id: OpId, reaped: &mut Reaped) -> usize {
        self.figures.evictions += 1;
        let slot = self.slots.get(id);
        debug_assert_eq!(slot.op.shape(), Shape::Subscription);
        let Op::Receive { socket, received, .. } = &mut slot.op else {
            panic!("{:?} is not a receive", slot.op)
        };
        // Ends the receive, if the kernel has it, and whatever is being sent.
        socket.shutdown_both();
        let mut freed = 0;
        while self.buffers.pop(received).is_some() {
            freed += 1;
        }
        match slot.phase {
            Phase::Paused => {
                slot.phase = Phase::Done(-libc::ENOBUFS);
                reap::wake(&mut slot.waiter, reaped);
            }
            // What is in the socket still is the middle of something now.
            Phase::InFlight | Phase::Pausing => slot.phase = Phase::GivenUp,
            // Nobody will read it, or it has ended.
            _ => {}
        }
        freed
    }
}

/// How many buffers a connection may leave unread now: the fewer are left, the fewer anybody may keep, so that it takes many
/// that read nothing to make those starve that read.
pub(super) fn unread_buffers_max(buffers: &BufferRing) -> u16 {
    let share = usize::from(UNREAD_BUFFERS_MAX) * 2 * buffers.with_kernel() / buffers.buffers();
    // At most 32: the kernel has no more buffers than there are.
    (share as u16).clamp(1, UNREAD_BUFFERS_MAX)
}
