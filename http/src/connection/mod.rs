//! One connection, from its hand-off to its close.
//!
//! In: a stream. Out: its exchanges, one after the other. Between them the connection is *parked*: it waits in a small
//! task of its own, holds no buffer, and the room its exchanges need comes from a pool. Next: [`exchange`].

mod answer;
mod body;
mod exchange;
mod file;
mod input;
mod pace;
mod pool;

pub(crate) use exchange::run;
pub use pace::Timeouts;
pub(crate) use pool::ExchangePool;

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll};

use selvedge_runtime::Moment;
use selvedge_runtime::net::{Slot, Stream};
use selvedge_runtime::timer::Deadline;

use crate::application::{Application, Peer};
use crate::h1::Reject;
use crate::record::CloseReason;
use crate::shared::{Draining, Shared};
use answer::Output;
use input::Input;

/// Octets read and thrown away after the last response, before the connection is closed all the same.
const LINGER_BYTES_MAX: u64 = 256 * 1024;

/// What a connection keeps between its exchanges.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    input: Input,
    output: Output,
    deadline: Deadline,
    peer: Peer,
    /// When it was last parked, or when the head it waits for began.
    waits_since: Moment,
    exchanges: u64,
    _slot: Slot,
}

/// What comes after a run of exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Everything received is answered, or a head is incomplete.
    Park,
    /// Close, so that the client reads what was sent.
    Close(CloseReason),
    /// Drop it: nobody reads any more.
    Abort(CloseReason),
}

impl Connection {
    pub(crate) fn new(stream: Stream, slot: Slot) -> Box<Self> {
        Box::new(Self {
            stream,
            input: Input::default(),
            output: Output::default(),
            deadline: Deadline::new(),
            peer: Peer::default(),
            waits_since: selvedge_runtime::now(),
            exchanges: 0,
            _slot: slot,
        })
    }
}

/// A connection's task.
pub(crate) async fn live<A, F>(
    mut connection: Box<Connection>,
    shared: Rc<Shared<A>>,
    pool: Rc<ExchangePool<F>>,
    exchanges: impl Fn(Box<Connection>) -> F,
) where
    A: Application,
    F: Future<Output = (Box<Connection>, After)>,
{
    let watcher = shared.drain().watch();
    let reason = loop {
        let waited = poll_fn(|context| connection.poll_parked(context, &shared, &watcher)).await;
        match waited {
            Parked::Input => {}
            Parked::Over(reason) => break After::Abort(reason),
            Parked::HeadTimeout => {
                connection.refuse(&shared, Reject::HeadTimeout).await;
                break After::Close(CloseReason::HeadTimeout);
            }
        }
        let exchanges_before = connection.exchanges;
        let mut running = pool.start(exchanges(connection));
        let after;
        (connection, after) = running.future().await;
        pool.finish(running);
        match after {
            After::Park => {
                // A head that is still incomplete keeps the time it began.
                if connection.input.is_empty() || connection.exchanges > exchanges_before {
                    connection.waits_since = selvedge_runtime::now();
                }
            }
            end => break end,
        }
    };
    let reason = match reason {
        After::Close(reason) => {
            connection.linger(&shared).await;
            reason
        }
        After::Abort(reason) => reason,
        After::Park => unreachable!("a parked connection goes on"),
    };
    shared.note_close(reason);
}

/// What ends a connection's wait.
enum Parked {
    Input,
    HeadTimeout,
    Over(CloseReason),
}

impl Connection {
    fn poll_parked<A>(
        &mut self,
        context: &mut Context<'_>,
        shared: &Shared<A>,
        watcher: &crate::shared::DrainWatcher,
    ) -> Poll<Parked> {
        match self.stream.poll_receive(context) {
            Poll::Ready(Ok(Some(lease))) => {
                if self.input.is_empty() {
                    self.waits_since = selvedge_runtime::now();
                }
                self.input.push(lease);
                return Poll::Ready(Parked::Input);
            }
            Poll::Ready(Ok(None)) if self.stream.is_sending() => {
                // Half-closed: the last answer is still on its way; its end is seen by the deadline or its failure.
                return self.poll_last_send(context, shared);
            }
            Poll::Ready(Ok(None)) => {
                let reason = match self.input.head_has_begun() {
                    true => CloseReason::ClientCutShort,
                    false => CloseReason::ClientEnd,
                };
                return Poll::Ready(Parked::Over(reason));
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Parked::Over(CloseReason::ClientFailure)),
            Poll::Pending => {}
        }
        if watcher.poll(context) == Draining::Yes && self.exchanges > 0 && !self.input.head_has_begun() {
            if self.stream.is_sending() {
                return self.poll_last_send(context, shared);
            }
            return Poll::Ready(Parked::Over(CloseReason::Drain));
        }
        self.poll_waiting(context, shared)
    }

    /// Judges the wait by what it is a wait for: the rest of a head, the client's reading, or the next request.
    fn poll_waiting<A>(&mut self, context: &mut Context<'_>, shared: &Shared<A>) -> Poll<Parked> {
        let timeouts = shared.timeouts();
        let (limit, expired) = if self.input.head_has_begun() {
            (timeouts.head, Parked::HeadTimeout)
        } else if self.stream.is_sending() {
            (timeouts.write_grace, Parked::Over(CloseReason::WriteTimeout))
        } else {
            (timeouts.idle, Parked::Over(CloseReason::IdleTimeout))
        };
        let due = self.waits_since + limit;
        if due <= selvedge_runtime::now() {
            if matches!(expired, Parked::Over(CloseReason::WriteTimeout)) {
                self.stream.reset_on_drop();
            }
            return Poll::Ready(expired);
        }
        // Setting it anew each time is a store; an expiry only brings the task back here.
        self.deadline.set(due);
        self.deadline.poll_expired(context).map(|()| expired)
    }

    fn poll_last_send<A>(&mut self, context: &mut Context<'_>, shared: &Shared<A>) -> Poll<Parked> {
        match self.stream.poll_sent(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Parked::Over(CloseReason::ClientEnd)),
            Poll::Ready(Err(_)) => Poll::Ready(Parked::Over(CloseReason::ClientFailure)),
            Poll::Pending => self.poll_waiting(context, shared),
        }
    }

    /// Closes so that the client reads the last response: ends the sending, then throws away what still comes, until the
    /// client closes or for a moment (RFC 9112 section 9.6).
    async fn linger<A>(&mut self, shared: &Shared<A>) {
        if self.sent(shared).await.is_err() || self.stream.shutdown_write().is_err() {
            return;
        }
        let until = selvedge_runtime::now() + shared.timeouts().linger;
        self.deadline.set(until);
        let mut discarded = 0;
        poll_fn(|context| {
            while let Poll::Ready(received) = self.stream.poll_receive(context) {
                match received {
                    Ok(Some(lease)) => discarded += lease.len() as u64,
                    Ok(None) | Err(_) => return Poll::Ready(()),
                }
                if discarded > LINGER_BYTES_MAX {
                    return Poll::Ready(());
                }
            }
            self.deadline.poll_expired(context)
        })
        .await;
    }
}
