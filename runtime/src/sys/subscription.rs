//! Subscriptions, as their owners see them: what has been received or accepted so far, and why it has ended.
//!
//! In: completions that [`super::reap`] has queued. Out: leases, sockets, errors, one at a time.

use std::io;
use std::task::Poll;

use super::kernel::{Kernel, Received, replace_waiter, to_result};
use super::op::{AcceptBatch, Op, ReceiveBatch};
use super::slots::{OpId, Phase};
use super::socket::Accepted;
use super::waker::Waiter;

impl Kernel {
    /// The next of a receive subscription.
    pub(crate) fn poll_received(&mut self, id: OpId, waiter: Waiter) -> Poll<Received> {
        let slot = self.slots.get(id);
        let Op::Receive { socket, received, batch } = &mut slot.op else {
            panic!("{:?} is not a receive", slot.op)
        };
        if let Some(lease) = self.buffers.pop(received) {
            let goes_on = *batch == ReceiveBatch::All && socket.is_ours();
            if slot.phase == Phase::Paused && received.len() == 0 && goes_on {
                self.rearm(id);
            }
            return Poll::Ready(Received::Data(lease));
        }
        match slot.phase {
            Phase::Done(0) => Poll::Ready(Received::End),
            Phase::Done(result) => {
                Poll::Ready(Received::Failed(to_result(result).err().unwrap_or_else(unexpected)))
            }
            Phase::Paused if !socket.is_ours() => {
                Poll::Ready(Received::Failed(socket.check_ours().err().unwrap_or_else(unexpected)))
            }
            Phase::Paused => {
                replace_waiter(&mut slot.waiter, waiter, &mut self.discarded);
                *batch = ReceiveBatch::All;
                self.rearm(id);
                Poll::Pending
            }
            _ => {
                replace_waiter(&mut slot.waiter, waiter, &mut self.discarded);
                Poll::Pending
            }
        }
    }

    /// Ready when a receive subscription has ended with an error, whatever it still has to read.
    pub(crate) fn poll_failure(&mut self, id: OpId, waiter: Waiter) -> Poll<io::Error> {
        let slot = self.slots.get(id);
        match slot.phase {
            Phase::Done(result) if result < 0 => {
                Poll::Ready(to_result(result).err().unwrap_or_else(unexpected))
            }
            phase => {
                replace_waiter(&mut slot.waiter, waiter, &mut self.discarded);
                // Nothing is heard of a failure before there is a receive.
                if let Op::Receive { socket, received, batch: batch @ ReceiveBatch::First } = &mut slot.op
                    && phase == Phase::Paused
                    && received.len() == 0
                    && socket.is_ours()
                {
                    *batch = ReceiveBatch::All;
                    self.rearm(id);
                }
                Poll::Pending
            }
        }
    }

    /// The next connection of an accept subscription, or why it has ended.
    pub(crate) fn poll_accepted(&mut self, id: OpId, waiter: Waiter) -> Poll<io::Result<Accepted>> {
        let slot = self.slots.get(id);
        let Op::Accept { accepted, .. } = &mut slot.op else { panic!("{:?} is not an accept", slot.op) };
        if let Some(socket) = accepted.pop_front() {
            return Poll::Ready(Ok(socket));
        }
        match slot.phase {
            Phase::Done(result) => Poll::Ready(Err(to_result(result).err().unwrap_or_else(unexpected))),
            phase => {
                replace_waiter(&mut slot.waiter, waiter, &mut self.discarded);
                if phase == Phase::Paused {
                    self.rearm(id);
                }
                Poll::Pending
            }
        }
    }

    /// How many connections an accept subscription takes from now on before it is asked for more; those the kernel has
    /// taken by now still come.
    pub(crate) fn set_accept_batch(&mut self, id: OpId, batch: AcceptBatch) {
        let slot = self.slots.get(id);
        let Op::Accept { batch: before, .. } = &mut slot.op else { panic!("{:?} is not an accept", slot.op) };
        if std::mem::replace(before, batch) == AcceptBatch::All
            && batch == AcceptBatch::One
            && slot.phase == Phase::InFlight
        {
            slot.phase = Phase::Pausing;
            self.cancel_entry(id);
        }
    }

    /// A connection that waits in the backlog of an accept subscription's listener, taken directly.
    pub(crate) fn accept_now(&mut self, id: OpId) -> Option<Accepted> {
        match &self.slots.get(id).op {
            Op::Accept { listener, .. } => listener.accept_now(),
            other => panic!("{other:?} is not an accept"),
        }
    }

    /// Starts a subscription that has ended with an error again.
    pub(crate) fn restart(&mut self, id: OpId) {
        assert!(
            matches!(self.slots.get(id).phase, Phase::Done(_)),
            "only an ended subscription is started again"
        );
        self.rearm(id);
    }
}

fn unexpected() -> io::Error {
    io::Error::other("a subscription ended without an error")
}
