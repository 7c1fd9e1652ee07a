//! What the connections of one worker share: application, limits, time, drain, and the counts of what they did.

use std::cell::{Cell, RefCell, RefMut};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use selvedge_runtime::{BufferPool, Counter, Moment, Turns};

use crate::address_limits::AddressLimiter;
use crate::budgets::ExchangeBudgets;
use crate::clock::Clock;
use crate::connection::{HeadMemory, LINGERING_MAX, Timeouts};
use crate::files::MachineFiles;
use crate::h1::section_memory::SectionMemory;
use crate::h1::{ConnectPolicy, Limits};
use crate::networks::Networks;
use crate::record::{CloseReason, ExchangeRecord};
use crate::refusal::{OnRefusal, Refusal, ask};
use crate::request::Request;
use crate::response::Response;
use crate::server::{ServerOptions, TracePolicy, WorkerApplication};

/// Is told of every exchange at its end, on its worker; of its request too, if that could be read.
///
/// ```
/// # use std::cell::Cell;
/// # use std::rc::Rc;
/// use selvedge_http::{Observer, Request, WorkerApplication, testing};
///
/// # selvedge_runtime::block_on(|| async {
/// let posts = Rc::new(Cell::new(0));
/// let there = Rc::clone(&posts);
/// let counting: Observer = Rc::new(move |_, request| {
///     let is_post = request.is_some_and(|request| request.method() == "POST");
///     there.set(there.get() + u32::from(is_post));
/// });
/// let hello = WorkerApplication::from(async |_: Request<'_>| "hello");
/// let client = testing::Client::new(WorkerApplication { observer: Some(counting), ..hello });
/// client.post("/").send().await.assert_text("hello").await;
/// client.get("/").send().await.assert_text("hello").await;
/// assert_eq!(posts.get(), 1);
/// # });
/// ```
pub type Observer = Rc<dyn Fn(&ExchangeRecord, Option<Request<'_>>)>;

/// One worker's server.
pub(crate) struct Shared<A> {
    pub(crate) application: A,
    limits: Limits,
    sections: RefCell<SectionMemory>,
    heads: RefCell<HeadMemory>,
    timeouts: Timeouts,
    budgets: ExchangeBudgets,
    requests_max: Option<NonZero<u64>>,
    trace: TracePolicy,
    connect: ConnectPolicy,
    proxies: Option<Networks>,
    address_limiter: Option<AddressLimiter>,
    lingering: Lingering,
    clock: RefCell<Clock>,
    drain: Rc<Drain>,
    figures: Arc<Figures>,
    observer: Option<Observer>,
    on_refusal: Option<OnRefusal>,
    file_turns: Turns,
    machine_files: MachineFiles,
}

impl<A> Shared<A> {
    pub(crate) fn new(
        application: WorkerApplication<A>,
        options: &ServerOptions,
        figures: Arc<Figures>,
    ) -> Rc<Self> {
        let WorkerApplication { application, observer, on_refusal } = application;
        Rc::new(Self {
            application,
            limits: options.limits,
            sections: RefCell::default(),
            heads: RefCell::default(),
            timeouts: options.timeouts,
            budgets: ExchangeBudgets::new(options.budgets),
            requests_max: options.requests_max,
            trace: options.trace,
            connect: options.connect,
            proxies: options.proxies.clone(),
            address_limiter: options.address_limiter.clone(),
            lingering: Lingering::default(),
            clock: RefCell::new(Clock::new()),
            drain: Rc::default(),
            figures,
            observer,
            on_refusal,
            file_turns: Turns::new(BufferPool::file_blocks()),
            machine_files: MachineFiles::default(),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Of the heads of all connections.
    pub(crate) fn sections(&self) -> RefMut<'_, SectionMemory> {
        self.sections.borrow_mut()
    }

    /// Of the answers of all connections.
    pub(crate) fn heads(&self) -> RefMut<'_, HeadMemory> {
        self.heads.borrow_mut()
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// What the application may spend on an exchange.
    pub(crate) fn budgets(&self) -> &ExchangeBudgets {
        &self.budgets
    }

    /// Requests a connection may have.
    pub(crate) fn requests_max(&self) -> Option<NonZero<u64>> {
        self.requests_max
    }

    /// Proxies whose connections begin with a PROXY header.
    pub(crate) fn proxies(&self) -> Option<&Networks> {
        self.proxies.as_ref()
    }

    /// Who says what an address may have.
    pub(crate) fn address_limiter(&self) -> Option<&AddressLimiter> {
        self.address_limiter.as_ref()
    }

    /// Those that were turned away and wait for their client's end.
    pub(crate) fn lingering(&self) -> &Lingering {
        &self.lingering
    }

    /// What becomes of TRACE.
    pub(crate) fn trace(&self) -> TracePolicy {
        self.trace
    }

    /// What becomes of CONNECT.
    pub(crate) fn connect(&self) -> ConnectPolicy {
        self.connect
    }

    /// The time of this turn.
    pub(crate) fn clock(&self) -> RefMut<'_, Clock> {
        let mut clock = self.clock.borrow_mut();
        clock.advance(selvedge_runtime::now());
        clock
    }

    /// Turns at the blocks for file contents.
    pub(crate) fn file_turns(&self) -> &Turns {
        &self.file_turns
    }

    /// Files that handlers name by their path.
    pub(crate) fn machine_files(&self) -> &MachineFiles {
        &self.machine_files
    }

    pub(crate) fn drain(&self) -> &Rc<Drain> {
        &self.drain
    }

    /// What the application wants said of a refusal; `None` where that is nothing, or of no use.
    pub(crate) fn refusal_response(&self, refusal: Refusal) -> Option<Response> {
        ask(self.on_refusal.as_ref()?, refusal)
    }

    /// Whether somebody is told of exchanges.
    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    pub(crate) fn note_exchange(&self, record: &ExchangeRecord, request: Option<Request<'_>>) {
        let class = record.status.map_or(0, |status| usize::from(status.as_u16() / 100).min(5));
        self.figures.exchanges[class].add(1);
        self.figures.bytes_sent.add(record.bytes);
        self.figures.note_duration(record.answered_at.since(record.received_at));
        if let Some(observer) = &self.observer {
            observer(record, request);
        }
    }

    pub(crate) fn note_close(&self, reason: CloseReason) {
        self.figures.closes[reason.number()].add(1);
        if let Some(text) = reason.report() {
            selvedge_runtime::report(text, || text.to_owned());
        }
    }
}

/// What one worker's server did; other threads may read it at any time.
///
/// ```
/// # use std::io::{Read, Write};
/// use selvedge_http::{CloseReason, Request, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::ephemeral(|_| async |_: Request<'_>| "hello")?;
/// let control = server.control().clone();
/// # let mut client = std::net::TcpStream::connect(server.address())?;
/// # client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
/// # client.read_to_string(&mut String::new())?;
/// # drop(client);
/// // A client has asked once, and has wanted the connection closed.
/// control.stop();
/// server.join();
/// let figures = control.figures(0);
/// assert_eq!((figures.exchanges(2), figures.exchanges(5)), (1, 0));
/// assert_eq!(figures.closes(CloseReason::Requested), 1);
/// assert!(figures.bytes_sent() > 5 && figures.durations().iter().sum::<u64>() == 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Figures {
    /// Exchanges by the hundreds of their status; 0 counts those without an answer.
    exchanges: [Counter; 6],
    bytes_sent: Counter,
    closes: [Counter; CloseReason::COUNT],
    /// Those that took longer than all bounds come last.
    durations: [Counter; DURATION_BOUNDS.len() + 1],
    durations_ns: Counter,
}

/// Exchanges are counted by how long they took, from a whole head to the last octet handed to the kernel, up to these times.
/// Both are times of turns: an answer of the same turn took none.
pub const DURATION_BOUNDS: [Duration; 14] = [
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(10),
];

impl Figures {
    fn note_duration(&self, duration: Duration) {
        // Nearly all are within the first.
        let place = DURATION_BOUNDS.iter().position(|bound| duration <= *bound);
        self.durations[place.unwrap_or(DURATION_BOUNDS.len())].add(1);
        self.durations_ns.add(duration.as_nanos() as u64);
    }

    /// Exchanges that took up to each of [`DURATION_BOUNDS`] and longer than the one before it; those that took longer than all
    /// come last.
    pub fn durations(&self) -> [u64; DURATION_BOUNDS.len() + 1] {
        std::array::from_fn(|place| self.durations[place].get())
    }

    /// How long all exchanges took together.
    pub fn duration_sum(&self) -> Duration {
        Duration::from_nanos(self.durations_ns.get())
    }

    /// Connections that ended, by the name of the reason ([`CloseReason::name`]).
    pub fn closes_by_name(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CloseReason::NAMES.into_iter().zip(self.closes.iter().map(Counter::get))
    }

    /// Exchanges with a status of `class` hundred, 1 to 5; 0 for those without an answer.
    pub fn exchanges(&self, class: usize) -> u64 {
        self.exchanges[class].get()
    }

    /// Octets of heads and bodies handed to the kernel.
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_sent.get()
    }

    /// Connections that ended for `reason`.
    pub fn closes(&self, reason: CloseReason) -> u64 {
        self.closes[reason.number()].get()
    }
}

/// How many connections of a worker were turned away and wait for their client's end.
#[derive(Debug, Default)]
pub(crate) struct Lingering(Cell<usize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct LingeringPlace<'a>(&'a Lingering);

impl Lingering {
    /// A place for one more, if there is one.
    pub(crate) fn enter(&self) -> Option<LingeringPlace<'_>> {
        let has_room = self.0.get() < LINGERING_MAX;
        has_room.then(|| {
            self.0.set(self.0.get() + 1);
            LingeringPlace(self)
        })
    }
}

impl Drop for LingeringPlace<'_> {
    fn drop(&mut self) {
        self.0.0.set(self.0.0.get() - 1);
    }
}

/// Whether a server takes leave.
///
/// ```
/// use selvedge_http::{Draining, Request};
///
/// /// Long polls end early, so that the drain need not cut them off.
/// async fn poll(request: Request<'_>) -> &'static str {
///     match request.draining() {
///         Draining::Yes => "come back",
///         Draining::No => "nothing new",
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draining {
    /// It answers what has come, and ends.
    Yes,
    /// It goes on.
    No,
}

/// A worker's leave: tells its connections, and knows when the last is gone.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    begun_at: Cell<Option<Moment>>,
    /// Those that live.
    connections: Cell<usize>,
    waits_for_last: RefCell<Option<Waker>>,
}

impl Drain {
    /// A connection has come.
    pub(crate) fn enter(&self) {
        self.connections.set(self.connections.get() + 1);
    }

    /// One is gone.
    pub(crate) fn leave(&self) {
        self.connections.set(self.connections.get() - 1);
        if self.connections.get() == 0
            && let Some(waker) = self.waits_for_last.borrow_mut().take()
        {
            waker.wake();
        }
    }

    pub(crate) fn state(&self) -> Draining {
        if self.begun_at.get().is_some() { Draining::Yes } else { Draining::No }
    }

    /// When the leave began.
    pub(crate) fn begun_at(&self) -> Option<Moment> {
        self.begun_at.get()
    }

    /// Begins the leave: idle connections close, the others after their next answer.
    pub(crate) fn begin(&self) {
        self.begun_at.set(Some(selvedge_runtime::now()));
        // Connections look at it whenever they are woken, and so need not be known one by one.
        selvedge_runtime::wake_all_tasks();
    }

    /// Ready when no connection is left.
    pub(crate) fn poll_empty(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.connections.get() == 0 {
            return Poll::Ready(());
        }
        *self.waits_for_last.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}
