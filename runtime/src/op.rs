//! The future of a single-shot op: what every leaf future of the runtime is made of.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::sys::{Op, OpId, Outcome, Waiter};
use crate::waker;
use crate::worker::Core;

/// An op in the kernel's hands. Dropped before it is ready, it is cancelled, and what it owns is freed at its last
/// completion.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(crate) struct OpFuture {
    core: Rc<Core>,
    id: Option<OpId>,
}

impl OpFuture {
    /// Submits `op` with the turn's enter.
    pub(crate) fn submit(core: &Rc<Core>, op: Op) -> Self {
        let id = core.kernel().submit(op);
        Self { core: Rc::clone(core), id: Some(id) }
    }

    /// Whether its outcome can be had at once.
    pub(crate) fn is_done(&self) -> bool {
        self.id.is_none_or(|id| !self.core.kernel().is_in_flight(id))
    }

    /// Bytes the kernel has taken so far, for a send.
    pub(crate) fn sent_bytes(&self) -> u32 {
        self.id.map_or(0, |id| self.core.kernel().sent_bytes(id))
    }

    pub(crate) fn poll_outcome(&mut self, context: &Context<'_>) -> Poll<Outcome> {
        self.poll_for(waker::waiter(context))
    }

    /// The outcome, if it is there; nobody is woken for it.
    pub(crate) fn take_outcome(&mut self) -> Poll<Outcome> {
        self.poll_for(Waiter::Nobody)
    }

    fn poll_for(&mut self, waiter: Waiter) -> Poll<Outcome> {
        let id = self.id.expect("an op future is not polled after it was ready");
        let polled = self.core.kernel().poll(id, waiter);
        if polled.is_ready() {
            self.id = None;
        }
        polled
    }
}

impl Future for OpFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        self.poll_outcome(context)
    }
}

impl Drop for OpFuture {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.core.kernel().release(id);
        }
    }
}
