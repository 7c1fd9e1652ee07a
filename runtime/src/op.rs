//! The future of a single-shot op: what every leaf future of the runtime is made of.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::sys::{Op, OpId, Outcome};
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

    pub(crate) fn poll_outcome(&mut self, context: &Context<'_>) -> Poll<Outcome> {
        let id = self.id.expect("an op future is not polled after it was ready");
        let polled = self.core.kernel().poll(id, waker::waiter(context));
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
