//! What the application may spend on one exchange. In: what the server and the route allow. Out: between polls, whether it was
//! more. [`crate::connection`] ends the exchange then.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use selvedge_runtime::{AllocationBudget, Moment};

/// Budgets in memory that wait to be used again, per worker.
const SPARE_MAX: usize = 1_024;

/// What the application may spend on one exchange: its handler, with the middleware around it, and whoever writes a streamed body.
/// Octets of the request's body are bounded by [`Limits::body_bytes_max`](crate::h1::Limits::body_bytes_max).
///
/// They are looked at between polls. Over budget, the exchange ends: the application's future is dropped at its await, and the
/// client gets 503, or, where the head of the response was sent, a connection that closes before the body's end. The connection
/// closes in any case, its [`CloseReason`](crate::CloseReason) says which budget it was, and the operator is told the request.
/// Within one poll nobody can stop a handler: the guide on budgets says what tells of it.
///
/// They end where another protocol begins (WebSocket, CONNECT), and are not looked at by [`testing`](crate::testing)'s client.
///
/// ```
/// # use std::io::{Read, Write};
/// use std::time::Duration;
///
/// use selvedge_http::{Budgets, CloseReason, Refusal, Request, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let budgets = Budgets { handler_time: Some(Duration::from_millis(50)), ..Budgets::default() };
/// let server = Server::builder().listen("127.0.0.1:0").workers(1).budgets(budgets);
/// let server = server.start(|_| async |_: Request<'_>| std::future::pending::<String>().await)?;
///
/// let mut client = std::net::TcpStream::connect(server.address())?;
/// client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 503 "));
/// # server.control().stop();
/// # server.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budgets {
    /// From the request's whole head to the handler's response, looked at every 100 ms. A handler that reads the request's body
    /// waits for its client too. `None`: as long as the client stays.
    pub handler_time: Option<Duration>,
    /// From the request's whole head to the end of a streamed body, while its client reads it; the handler's time is part of it.
    /// Looked at every 100 ms. `None`: as long as the client reads.
    pub exchange_time: Option<Duration>,
    /// Bytes asked of the allocator, freed again or not, as [`AllocationBudget`] counts them: those of tasks that the handler
    /// has spawned are among them. It needs a [`CountingAllocator`](selvedge_runtime::CountingAllocator); without one the
    /// server does not start. `None`: as many as there are.
    pub allocated_bytes: Option<u64>,
}

impl Budgets {
    /// Why allocated bytes cannot be bounded, and what helps.
    pub(crate) const NOTHING_COUNTS: &'static str = "nobody counts the allocated bytes that requests are to be held to; put \
        `#[global_allocator] static ALLOCATOR: selvedge_runtime::CountingAllocator = \
        selvedge_runtime::CountingAllocator(std::alloc::System);` into the program, or leave that budget out";
}

/// One of the [`Budgets`].
///
/// ```
/// use selvedge_http::{Budget, CloseReason, Refusal, StatusCode};
///
/// let refusal = Refusal::OverBudget(Budget::AllocatedBytes);
/// assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
/// assert_eq!(CloseReason::OverBudget(Budget::AllocatedBytes).name(), "over_allocated_bytes");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// [`Budgets::handler_time`].
    HandlerTime,
    /// [`Budgets::exchange_time`].
    ExchangeTime,
    /// [`Budgets::allocated_bytes`].
    AllocatedBytes,
}

impl Budget {
    /// A few words for the client.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::HandlerTime | Self::ExchangeTime => "the answer took too long",
            Self::AllocatedBytes => "the answer took too much memory",
        }
    }
}

impl fmt::Display for Budget {
    /// For the operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HandlerTime => "time of its handler",
            Self::ExchangeTime => "time of the exchange",
            Self::AllocatedBytes => "allocated bytes",
        })
    }
}

/// What one worker's exchanges may spend.
#[derive(Debug)]
pub(crate) struct ExchangeBudgets {
    budgets: Budgets,
    /// Of exchanges that are over, so that the next ones need no memory.
    spare: RefCell<Vec<AllocationBudget>>,
}

impl ExchangeBudgets {
    pub(crate) fn new(budgets: Budgets) -> Self {
        Self { budgets, spare: RefCell::default() }
    }

    /// Whether there is a bound to anything.
    #[inline]
    pub(crate) fn are_bounded(&self) -> bool {
        self.budgets != Budgets::default()
    }

    /// What an exchange may spend whose head was complete at `received_at`.
    #[inline]
    pub(crate) fn begin(&self, received_at: Moment) -> Allowance<'_> {
        let allowance = Allowance {
            handler_due: Cell::default(),
            exchange_due: Cell::default(),
            allocations: OnceCell::new(),
            spare: Some(&self.spare),
        };
        if self.are_bounded() {
            allowance.set_times(received_at, &self.budgets);
            if let Some(bytes_max) = self.budgets.allocated_bytes {
                allowance.begin_allocations(bytes_max);
            }
        }
        allowance
    }
}

/// What one exchange may spend. That of `default` is without a bound.
#[derive(Debug, Default)]
pub(crate) struct Allowance<'c> {
    handler_due: Cell<Option<Moment>>,
    exchange_due: Cell<Option<Moment>>,
    allocations: OnceCell<AllocationBudget>,
    spare: Option<&'c RefCell<Vec<AllocationBudget>>>,
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its handler has not answered.
    Handler,
    /// The head of its response is written.
    Body,
}

impl Allowance<'_> {
    /// What it may ask the allocator for, if that is bounded.
    pub(crate) fn allocations(&self) -> Option<&AllocationBudget> {
        self.allocations.get()
    }

    /// Lowers what may be spent to `budgets`. Returns what the caller has to charge: whoever polls it may not know of it.
    pub(crate) fn lower(&self, received_at: Moment, budgets: &Budgets) -> Option<&AllocationBudget> {
        self.set_times(received_at, budgets);
        let bytes_max = budgets.allocated_bytes?;
        let allocations = self.begin_allocations(bytes_max);
        allocations.lower(bytes_max);
        Some(allocations)
    }

    /// Ready when more was spent than may be; if not yet, the task is woken when tasks of the exchange's ask for too much memory.
    /// The caller sees to the time.
    pub(crate) fn poll_over(&self, stage: Stage, context: &Context<'_>) -> Poll<Budget> {
        if let Some(allocations) = self.allocations()
            && allocations.poll_exceeded(context).is_ready()
        {
            return Poll::Ready(Budget::AllocatedBytes);
        }
        let is_over = |due: Moment| due <= selvedge_runtime::now();
        if stage == Stage::Handler && self.handler_due.get().is_some_and(is_over) {
            return Poll::Ready(Budget::HandlerTime);
        }
        if self.exchange_due.get().is_some_and(is_over) {
            return Poll::Ready(Budget::ExchangeTime);
        }
        Poll::Pending
    }

    /// Whether too much memory was asked for.
    pub(crate) fn check_allocations(&self) -> Result<(), Budget> {
        match self.allocations() {
            Some(allocations) if allocations.is_exceeded() => Err(Budget::AllocatedBytes),
            _ => Ok(()),
        }
    }

    /// When the time is over.
    pub(crate) fn due(&self, stage: Stage) -> Option<Moment> {
        match stage {
            Stage::Handler => [self.handler_due.get(), self.exchange_due.get()].into_iter().flatten().min(),
            Stage::Body => self.exchange_due.get(),
        }
    }

    fn set_times(&self, received_at: Moment, budgets: &Budgets) {
        let times = [(&self.handler_due, budgets.handler_time), (&self.exchange_due, budgets.exchange_time)];
        for (due, time) in times {
            if let Some(time) = time {
                let lowered = received_at + time;
                due.set(Some(due.get().map_or(lowered, |before| before.min(lowered))));
            }
        }
    }

    /// The budget of its memory; one of `bytes_max` if there was none.
    fn begin_allocations(&self, bytes_max: u64) -> &AllocationBudget {
        self.allocations.get_or_init(|| match self.spare.and_then(|spare| spare.borrow_mut().pop()) {
            Some(mut used) => {
                used.renew(bytes_max);
                used
            }
            None => AllocationBudget::new(bytes_max),
        })
    }
}

impl Drop for Allowance<'_> {
    fn drop(&mut self) {
        if let (Some(allocations), Some(spare)) = (self.allocations.take(), self.spare) {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARE_MAX {
                spare.push(allocations);
            }
        }
    }
}

/// Does a part of an exchange's work, and charges it, if it is to be charged.
#[inline]
pub(crate) fn charge<T>(allocations: Option<&AllocationBudget>, work: impl FnOnce() -> T) -> T {
    match allocations {
        Some(allocations) => allocations.charge(work),
        None => work(),
    }
}
