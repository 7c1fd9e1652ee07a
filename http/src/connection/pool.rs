//! The room exchanges run in: boxes that are used again, so that a request allocates nothing and a parked connection
//! costs nothing.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Connection, Received};

/// Boxes kept for the next exchanges; more are given back to the system.
const FREE_MAX: usize = 1_024;

/// Empty boxes, each the size of an exchange's future, and who makes such futures.
#[derive(Debug)]
pub(crate) struct ExchangePool<F, E> {
    exchanges: E,
    free: RefCell<Vec<Pin<Box<Option<F>>>>>,
}

/// An exchange's future in its box.
#[derive(Debug)]
pub(crate) struct Running<F>(Pin<Box<Option<F>>>);

impl<F, E> ExchangePool<F, E>
where
    F: Future,
    E: Fn(Box<Connection>, Option<Received>) -> F,
{
    pub(crate) fn new(exchanges: E) -> Self {
        Self { exchanges, free: RefCell::new(Vec::with_capacity(FREE_MAX)) }
    }

    pub(super) fn start(&self, connection: Box<Connection>, first: Option<Received>) -> Running<F> {
        let future = (self.exchanges)(connection, first);
        match self.free.borrow_mut().pop() {
            Some(mut room) => {
                room.set(Some(future));
                Running(room)
            }
            None => Running(Box::pin(Some(future))),
        }
    }

    pub(super) fn finish(&self, running: Running<F>) {
        let mut room = running.0;
        room.set(None);
        let mut free = self.free.borrow_mut();
        if free.len() < FREE_MAX {
            free.push(room);
        }
    }
}

impl<F: Future> Running<F> {
    pub(super) fn future(&mut self) -> impl Future<Output = F::Output> {
        RunningFuture(self.0.as_mut())
    }
}

struct RunningFuture<'a, F>(Pin<&'a mut Option<F>>);

impl<F: Future> Future for RunningFuture<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().as_pin_mut().expect("a running exchange has its future");
        future.poll(context)
    }
}
