//! One connection of the generator. In: requests, as they are due. Out: an [exchange](super::exchange) for each batch of them,
//! and failures in the worker's tally.
//!
//! A request costs a send op and what its answer's octets take of the receive subscription. The sends of all connections that
//! have something to send in a turn go to the kernel with one `io_uring_enter`, which also waits for the next answers. So many
//! of these system calls were counted per request (`strace -c -f`), and no other: 2.0 with one connection, where one ends with the
//! send's completion and one with the answer; 0.06 with 64; 0.006 with 64 that send 16 requests at a time. A new connection
//! costs three more. Nothing is asked of the allocator, but for a new connection.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use selvedge_runtime::net::{Address, Stream};
use selvedge_runtime::timer::{Deadline, sleep_until};
use selvedge_runtime::{BlockClass, Moment, now};

use super::answer::{AnswerReader, garbage};
use super::failure::Failure;
use super::idle::Idle;
use super::paths::Chooser;
use super::plan::{Pace, Plan, Reuse};
use super::request::Template;
use super::schedule::{Supply, Taken};
use super::tally::Tally;
use super::window::Window;

/// Failures one behind the other, with no answer between them, after which a connection gives up.
pub(super) const FAILURES_MAX: u32 = 10;
/// The rest behind the first of them; behind the n-th it is n times as long.
const REST: Duration = Duration::from_millis(5);

/// What the connections of a worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) address: Address,
    pub(super) template: Template,
    /// Of the block that the requests of one send fit into.
    pub(super) block: BlockClass,
    pub(super) window: Window,
    pub(super) paths: RefCell<Chooser>,
    pub(super) supply: RefCell<Supply>,
    pub(super) idle: RefCell<Idle>,
    pub(super) tally: RefCell<Tally>,
}

/// A connection, over all streams that it has one after the other.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) shared: Rc<Shared>,
    /// Its place among the idle ones.
    number: usize,
    pub(super) stream: Option<Stream>,
    pub(super) reader: AnswerReader,
    /// When the requests under way were due, in order.
    pub(super) due: VecDeque<Moment>,
    /// Requests sent on this stream.
    pub(super) sent: u64,
    pub(super) deadline: Deadline,
    /// One behind the other, with no answer between.
    pub(super) failures: u32,
}

impl Connection {
    pub(super) fn new(shared: &Rc<Shared>, number: usize, stream: Option<Stream>) -> Self {
        Self {
            shared: Rc::clone(shared),
            number,
            stream,
            reader: AnswerReader::new(shared.plan.method),
            due: VecDeque::with_capacity(shared.plan.pipeline),
            sent: 0,
            deadline: Deadline::new(),
            failures: 0,
        }
    }

    /// Asks until nothing is due any more, or until it has failed too often with no answer between.
    pub(super) async fn run(mut self) {
        while self.take().await == Taken::Some {
            match self.exchange().await {
                Ok(()) => self.think().await,
                Err(failure) => {
                    self.note(failure);
                    if self.failures >= FAILURES_MAX {
                        self.shared.tally.borrow_mut().connections_given_up += 1;
                        return;
                    }
                    self.wait_until(now() + REST * self.failures).await;
                }
            }
        }
    }

    fn note(&mut self, failure: Failure) {
        // Without one under way it was a stream that failed between two.
        self.shared.tally.borrow_mut().failed(failure, self.due.len().max(1));
        self.due.clear();
        self.stream = None;
        self.failures += 1;
    }

    // ---- what is due ----

    /// Waits until requests are due.
    async fn take(&mut self) -> Taken {
        let freed = now();
        poll_fn(|context| {
            let shared = Rc::clone(&self.shared);
            let count_max = self.requests_of_one_send();
            match shared.supply.borrow_mut().take(now(), count_max, &mut self.due) {
                Taken::NotYet => {}
                taken => {
                    shared.idle.borrow_mut().leave(self.number);
                    if let Some(&due) = self.due.front()
                        && due > freed
                    {
                        shared.tally.borrow_mut().sent_late(due, now());
                    }
                    return Poll::Ready(taken);
                }
            }
            shared.idle.borrow_mut().enter(self.number, context.waker());
            self.watch(context);
            Poll::Pending
        })
        .await
    }

    fn requests_of_one_send(&self) -> usize {
        let deepest = self.shared.plan.pipeline;
        match self.shared.plan.reuse {
            Reuse::Always => deepest,
            Reuse::Requests { count, .. } => {
                let sent = if self.stream.is_some() { self.sent } else { 0 };
                usize::try_from(count - sent).map_or(deepest, |left| left.min(deepest))
            }
        }
    }

    /// Gives the stream up if it has ended while nothing was under way, as a server may do with an idle one.
    fn watch(&mut self, context: &Context<'_>) {
        let Some(stream) = &mut self.stream else { return };
        match stream.poll_receive(context) {
            Poll::Pending => {}
            Poll::Ready(Ok(Some(lease))) => {
                let failure = garbage(&lease, "octets that nobody asked for");
                self.note(failure);
            }
            Poll::Ready(Ok(None) | Err(_)) => self.stream = None,
        }
    }

    async fn think(&mut self) {
        if let Pace::Closed { think_time } = self.shared.plan.pace
            && !think_time.is_zero()
        {
            self.wait_until(now() + think_time).await;
        }
    }

    async fn wait_until(&mut self, moment: Moment) {
        // At the end nobody waits for it.
        let mut sleep = pin!(sleep_until(moment.min(self.shared.window.end)));
        poll_fn(|context| {
            self.watch(context);
            sleep.as_mut().poll(context)
        })
        .await;
    }
}
