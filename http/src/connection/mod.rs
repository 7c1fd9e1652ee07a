//! One connection, from its hand-off to its close.
//!
//! In: a stream. Out: its exchanges, one after the other. Between them the connection is *parked*: it waits in a small
//! task of its own, holds no buffer, and the room its exchanges need comes from a pool. Next: [`at_once`], or [`exchange`] for
//! what has to wait.

mod answer;
mod at_once;
mod body;
mod exchange;
mod file;
mod head_memory;
mod in_process;
mod input;
mod pace;
mod parts;
mod place;
mod pool;
mod proxied;
#[cfg(test)]
mod sizes;
mod stream;
mod turned_away;
mod underway;
mod unsent;

pub(crate) use exchange::run;
pub(crate) use head_memory::HeadMemory;
pub(crate) use in_process::{Answered, AnsweredBody, Sending, exchange as exchange_in_process};
pub(crate) use input::Received;
pub use pace::Timeouts;
pub(crate) use pool::ExchangePool;
use pool::Running;
pub(crate) use turned_away::{LINGERING_MAX, turn_away};

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use selvedge_runtime::Moment;
use selvedge_runtime::net::{Slot, Stream};
use selvedge_runtime::timer::Deadline;

use crate::address_limits::AddressPlace;
use crate::application::Application;
use crate::record::CloseReason;
use crate::request::Peer;
use crate::shared::{Draining, Shared};
use answer::Output;
use at_once::Left;
use exchange::Share;
use input::Input;
use pace::Pace;

/// Octets read and thrown away after the last response, before the connection is closed all the same.
const LINGER_BYTES_MAX: u64 = 256 * 1024;

/// What a connection without a request so far has for its first one when the server takes leave: its request may be on the
/// way, as those of the backlog's connections mostly are.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// When it is looked whether the last answer is with the kernel: nearly always long before, and the idle time begins then.
const READER_LOOK: Duration = Duration::from_secs(1);

/// What a connection keeps between its exchanges.
#[derive(Debug)]
pub(crate) struct Connection {
    /// In a cell for the handler, which sees it while the answers before its own are sent.
    stream: RefCell<Stream>,
    input: Input,
    output: Output,
    deadline: Deadline,
    peer: Peer,
    /// Since when it has waited for what it waits for now.
    waits_since: Moment,
    waits_for: WaitsFor,
    exchanges: u64,
    /// The status of the answer under way, or of the last one; `None` while an exchange has none.
    answered_status: Option<StatusCode>,
    /// Octets of that answer that were handed to the kernel or gathered for it.
    answered_bytes: u64,
    /// Those of them that are its head.
    answered_head_bytes: u64,
    /// Those of all answers since it was last looked whether they are read.
    unjudged_bytes: u32,
    share: Share,
    /// Among those of its address, where these are counted.
    place: Option<Box<AddressPlace>>,
    _slot: Slot,
}

/// What a parked connection waits for; each has its own deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    /// The client to send a request.
    Request,
    /// The rest of a head that has begun.
    Head,
    /// The client to read the last answer.
    Reader,
}

/// What comes after a run of exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Everything received is answered, or a head is incomplete.
    Park,
    /// Close, so that the client reads what was sent.
    Close(CloseReason),
    /// Close as soon as the kernel has the last answer, as the client wishes, who sends nothing more.
    End,
    /// Drop it: nobody reads any more.
    Abort(CloseReason),
}

impl Connection {
    pub(crate) fn new(stream: Stream, slot: Slot) -> Box<Self> {
        Box::new(Self {
            stream: RefCell::new(stream),
            input: Input::default(),
            output: Output::default(),
            deadline: Deadline::new(),
            peer: Peer::default(),
            waits_since: selvedge_runtime::now(),
            waits_for: WaitsFor::Request,
            exchanges: 0,
            answered_status: None,
            answered_bytes: 0,
            answered_head_bytes: 0,
            unjudged_bytes: 0,
            share: Share::default(),
            place: None,
            _slot: slot,
        })
    }
}

/// A connection's task. `close` is made with it and not by it, so that a drain that begins before its first poll waits for it,
/// and its end is counted where there is no first poll.
#[expect(
    clippy::manual_async_fn,
    reason = "an async function keeps what it is given twice: as it came, and as it is used"
)]
pub(crate) fn live<A, F, E>(
    mut connection: Box<Connection>,
    mut close: Close<A>,
    pool: Rc<ExchangePool<F, E>>,
) -> impl Future<Output = ()>
where
    A: Application,
    F: Future<Output = (Box<Connection>, After)>,
    E: Fn(Box<Connection>, Option<Received>) -> F,
{
    async move {
        let reason = 'over: {
            if close.shared.proxies().is_some() {
                // Boxed, as every task has room for what it awaits in place: a parked connection is small.
                let begun = Box::pin(proxied::begin(connection, &close.shared, &pool));
                let after;
                (connection, after) = begun.await;
                if after != After::Park {
                    break 'over after;
                }
            } else if close.shared.is_observed() {
                // Whoever is told of exchanges wants to know whose they were, also when the client is gone by then.
                let _ = connection.peer.get(Some(&connection.stream));
            }
            loop {
                if connection.share.is_used_up() {
                    // What else was received is answered when the others have had their turn.
                    connection.share = Share::default();
                    selvedge_runtime::yield_now().await;
                } else {
                    match poll_fn(|context| connection.poll_parked(context, &close.shared)).await {
                        Parked::Input => {}
                        Parked::Over(reason) => break connection.after_wait(reason),
                        Parked::HeadTimeout => {
                            Box::pin(connection.refuse_late_head(&close.shared)).await;
                            break After::Close(CloseReason::HeadTimeout);
                        }
                    }
                }
                let exchanges_before = connection.exchanges;
                let mut running = match begin(connection, &close.shared, &pool) {
                    Begun::Exchanges(running) => running,
                    Begun::Over(answered) => {
                        connection = answered;
                        connection.park_at_once(exchanges_before);
                        continue;
                    }
                    Begun::Last(ended, after) => {
                        connection = ended;
                        break after;
                    }
                };
                let after;
                (connection, after) = running.future().await;
                pool.finish(running);
                match after {
                    After::Park => connection.park(exchanges_before),
                    end => break end,
                }
            }
        };
        let reason = match reason {
            After::Close(reason) => {
                Box::pin(connection.linger(&close.shared)).await;
                reason
            }
            After::End => poll_fn(|context| connection.poll_end(context, &close.shared)).await,
            After::Abort(reason) => reason,
            After::Park => unreachable!("a parked connection goes on"),
        };
        close.note(reason);
    }
}

/// What became of what was received.
enum Begun<F> {
    /// All is answered, or waits for more to be received, or for another turn.
    Over(Box<Connection>),
    /// The rest of it waits for something.
    Exchanges(Running<F>),
    /// No other exchange follows.
    Last(Box<Connection>, After),
}

/// Answers what needs no wait, and begins what does. No future has room for what it hands over.
fn begin<A, F, E>(mut connection: Box<Connection>, shared: &Shared<A>, pool: &ExchangePool<F, E>) -> Begun<F>
where
    A: Application,
    F: Future<Output = (Box<Connection>, After)>,
    E: Fn(Box<Connection>, Option<Received>) -> F,
{
    match connection.answer_at_once(shared) {
        Left::Nothing => Begun::Over(connection),
        Left::End => {
            (connection.waits_for, connection.waits_since) = (WaitsFor::Reader, selvedge_runtime::now());
            Begun::Last(connection, After::End)
        }
        Left::Failure => Begun::Last(connection, After::Abort(CloseReason::ClientFailure)),
        Left::Exchanges(first) => Begun::Exchanges(pool.start(connection, first)),
    }
}

/// Notes a connection's end exactly once, also where its task panics or is dropped. Until it is dropped, the drain waits for the
/// connection.
pub(crate) struct Close<A> {
    shared: Rc<Shared<A>>,
    end: End,
}

/// Whether a connection's end was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Noted,
    ToCome,
}

impl<A> Close<A> {
    pub(crate) fn of_connection(shared: &Rc<Shared<A>>) -> Self {
        shared.drain().enter();
        Self { shared: Rc::clone(shared), end: End::ToCome }
    }

    fn note(&mut self, reason: CloseReason) {
        self.end = End::Noted;
        self.shared.note_close(reason);
    }
}

impl<A> Drop for Close<A> {
    fn drop(&mut self) {
        if self.end == End::ToCome {
            self.note(CloseReason::of_drop());
        }
        self.shared.drain().leave();
    }
}

/// What ends a connection's wait.
enum Parked {
    Input,
    HeadTimeout,
    Over(CloseReason),
}

impl Connection {
    /// As [`park`](Self::park), in the turn of the answers: if there was one, its send was started just now.
    fn park_at_once(&mut self, exchanges_before: u64) {
        if self.exchanges > exchanges_before && !self.input.head_has_begun() {
            (self.waits_for, self.waits_since) = (WaitsFor::Reader, selvedge_runtime::now());
        } else {
            self.park(exchanges_before);
        }
    }

    /// Judges what the next wait is for. A head that was incomplete before these exchanges too keeps the time it began.
    fn park(&mut self, exchanges_before: u64) {
        let waits_for = if self.input.head_has_begun() {
            WaitsFor::Head
        } else if self.stream.get_mut().is_sending() {
            WaitsFor::Reader
        } else {
            WaitsFor::Request
        };
        if waits_for != self.waits_for || self.exchanges > exchanges_before {
            self.waits_for = waits_for;
            self.waits_since = selvedge_runtime::now();
        }
    }

    /// How a wait that is over ends the connection. A client that the server lets go may be sending its next request: while the
    /// last answer is still on its way, the reset to that would take the answer along (RFC 9112 section 9.6).
    fn after_wait(&mut self, reason: CloseReason) -> After {
        match reason {
            CloseReason::Drain | CloseReason::IdleTimeout if self.stream.get_mut().unread_bytes() > 0 => {
                After::Close(reason)
            }
            _ => After::Abort(reason),
        }
    }

    fn poll_parked<A>(&mut self, context: &mut Context<'_>, shared: &Shared<A>) -> Poll<Parked> {
        match self.stream.get_mut().poll_receive(context) {
            Poll::Ready(Ok(Some(lease))) => {
                self.input.push(lease);
                return Poll::Ready(Parked::Input);
            }
            Poll::Ready(Ok(None)) => {
                let reason = match self.input.head_has_begun() {
                    true => CloseReason::ClientCutShort,
                    false => CloseReason::ClientEnd,
                };
                // Half-closed, which is no reason to cut off the last answer.
                return self.poll_last_send(context, shared, reason);
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Parked::Over(CloseReason::ClientFailure)),
            Poll::Pending => {}
        }
        if shared.drain().state() == Draining::Yes && self.exchanges > 0 && !self.input.head_has_begun() {
            return self.poll_last_send(context, shared, CloseReason::Drain);
        }
        self.poll_waiting(context, shared)
    }

    /// Ready when the wait has taken too long for what it is a wait for.
    fn poll_waiting<A>(&mut self, context: &mut Context<'_>, shared: &Shared<A>) -> Poll<Parked> {
        let timeouts = shared.timeouts();
        let now = selvedge_runtime::now();
        self.share = Share::default();
        if self.waits_for == WaitsFor::Reader {
            // The answer's completion wakes nobody before, or a busy connection would be polled twice for every answer.
            let look_at = self.waits_since + READER_LOOK.min(timeouts.idle).min(timeouts.write_grace);
            if now < look_at {
                self.deadline.wait_until(look_at, context);
                return Poll::Pending;
            }
            if self.look_at_reader(context, now).is_err() {
                return Poll::Ready(Parked::Over(CloseReason::ClientFailure));
            }
        }
        let (due, over) = match (self.waits_for, shared.drain().begun_at()) {
            (WaitsFor::Request, None) => {
                (self.waits_since + timeouts.idle, Parked::Over(CloseReason::IdleTimeout))
            }
            (WaitsFor::Request, Some(begun_at)) => {
                (begun_at.max(self.waits_since) + FIRST_REQUEST_GRACE, Parked::Over(CloseReason::Drain))
            }
            (WaitsFor::Head, _) => (self.waits_since + timeouts.head, Parked::HeadTimeout),
            (WaitsFor::Reader, _) => {
                let due = Pace::writing(self.waits_since, timeouts)
                    .due(i64::from(self.stream.get_mut().sent_bytes()), now);
                (due, Parked::Over(CloseReason::WriteTimeout))
            }
        };
        if due <= now {
            if self.waits_for == WaitsFor::Reader {
                self.stream.get_mut().reset_on_drop();
            }
            return Poll::Ready(over);
        }
        self.deadline.wait_until(due, context);
        Poll::Pending
    }

    /// Goes over to waiting for a request once the kernel has all of the last answer.
    fn look_at_reader(&mut self, context: &Context<'_>, now: Moment) -> io::Result<()> {
        if let Poll::Ready(sent) = self.stream.get_mut().poll_sent(context) {
            sent?;
            (self.waits_for, self.waits_since) = (WaitsFor::Request, now);
        }
        Ok(())
    }

    /// Ready when the client has read the last answer, or too slowly; then the connection is over for `reason`.
    fn poll_last_send<A>(
        &mut self,
        context: &mut Context<'_>,
        shared: &Shared<A>,
        reason: CloseReason,
    ) -> Poll<Parked> {
        match self.stream.get_mut().poll_sent(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Parked::Over(reason)),
            Poll::Ready(Err(_)) => Poll::Ready(Parked::Over(CloseReason::ClientFailure)),
            Poll::Pending => {
                if self.waits_for != WaitsFor::Reader {
                    (self.waits_for, self.waits_since) = (WaitsFor::Reader, selvedge_runtime::now());
                }
                self.poll_waiting(context, shared)
            }
        }
    }

    /// Ready when the kernel has the last answer, and the end behind it; or when the client reads it too slowly.
    fn poll_end<A>(&mut self, context: &mut Context<'_>, shared: &Shared<A>) -> Poll<CloseReason> {
        let Parked::Over(reason) = ready!(self.poll_last_send(context, shared, CloseReason::Requested))
        else {
            unreachable!("it waits for the reader of the last answer");
        };
        if reason == CloseReason::Requested {
            self.stream.get_mut().shutdown();
        }
        Poll::Ready(reason)
    }

    /// Closes so that the client reads the last response: ends the sending, then throws away what still comes, until the
    /// client closes or for a moment (RFC 9112 section 9.6).
    async fn linger<A>(&mut self, shared: &Shared<A>) {
        if self.sent(shared).await.is_err() || self.stream.get_mut().shutdown_write().is_err() {
            return;
        }
        let until = selvedge_runtime::now() + shared.timeouts().linger;
        self.deadline.set(until);
        let mut discarded = 0;
        poll_fn(|context| {
            while let Poll::Ready(received) = self.stream.get_mut().poll_receive(context) {
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
