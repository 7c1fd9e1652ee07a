//! A server: an intake, and an application on each worker.
//!
//! In: listeners and a factory. Out: connections served on every worker until the server is asked to stop, then drained.

mod builder;
mod listen_target;
mod signals;
mod start_error;

use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

use selvedge_runtime::net::{Address, Door, Intake};
use selvedge_runtime::{
    Near, Pinning, Running, Runtime, StopSignal, StopSource, WatchdogSetting, Worker, report_line,
    spawn_detached, spawn_detached_near, timer,
};

use crate::address_limits::AddressLimiter;
use crate::application::Application;
use crate::budgets::Budgets;
use crate::connection::{self, Close, Connection, ExchangePool, Timeouts};
use crate::h1::{ConnectPolicy, Limits};
use crate::networks::Networks;
use crate::record::CloseReason;
use crate::refusal::OnRefusal;
use crate::shared::{Draining, Figures, Observer, Shared};

pub use builder::ServerBuilder;
pub use listen_target::ListenTarget;
pub use start_error::StartError;

/// How a server treats its clients.
///
/// ```
/// # use std::io::{Read, Write};
/// use std::num::NonZero;
/// use std::time::Duration;
///
/// use selvedge_http::{Request, Server, ServerOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = ServerOptions {
///     requests_max: NonZero::new(1),
///     drain: Duration::from_secs(20),
///     ..ServerOptions::default()
/// };
/// let server = Server::builder().listen("127.0.0.1:0").workers(1).options(options);
/// let server = server.start(|_| async |_: Request<'_>| "hello")?;
/// # let mut client = std::net::TcpStream::connect(server.address())?;
/// # client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// // The answer to a GET, which was the only one of its connection:
/// assert!(answer.contains("\r\nconnection: close\r\n"));
/// # server.control().stop();
/// # server.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Bounds of a request.
    pub limits: Limits,
    /// How long each phase of a connection may take.
    pub timeouts: Timeouts,
    /// What the application may spend on an exchange.
    pub budgets: Budgets,
    /// Requests a connection may have before it is closed after an answer; `None`: as many as it likes.
    pub requests_max: Option<NonZero<u64>>,
    /// Proxies, each of whose connections must begin with a header of the PROXY protocol. Connections from anybody else are
    /// closed. `None`: connections are the clients' own.
    pub proxies: Option<Networks>,
    /// Keeps connections of an address within its limits. `None`: one address may have all of them.
    pub address_limiter: Option<AddressLimiter>,
    /// What becomes of TRACE.
    pub trace: TracePolicy,
    /// What becomes of CONNECT.
    pub connect: ConnectPolicy,
    /// How long running requests have after [`Control::stop`].
    pub drain: Duration,
}

/// What becomes of a TRACE request (RFC 9110 section 9.3.8).
///
/// ```
/// use selvedge_http::{Request, ServerOptions, TracePolicy, testing};
///
/// selvedge_runtime::block_on(|| async {
///     let echo = async |request: Request<'_>| request.head_bytes().to_vec();
///     testing::Client::new(echo).request("TRACE", "/").send().await.assert_status(501);
///     // For a server that no browser asks.
///     let options = ServerOptions { trace: TracePolicy::Application, ..ServerOptions::default() };
///     let client = testing::Client::with_options(echo, &options);
///     client.request("TRACE", "/").send().await.assert_body_contains("TRACE / HTTP/1.1\r\n").await;
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TracePolicy {
    /// It is refused with 501: its answer would show a page's script what the browser keeps from it.
    #[default]
    Refused,
    /// It reaches the application as any method does.
    Application,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            budgets: Budgets::default(),
            requests_max: None,
            trace: TracePolicy::default(),
            connect: ConnectPolicy::default(),
            proxies: None,
            address_limiter: None,
            drain: Duration::from_secs(8),
        }
    }
}

/// What a factory makes on each worker: the application, who is told of its exchanges, and what is said of refusals.
///
/// ```
/// use std::rc::Rc;
///
/// use selvedge_http::{Application, Refusal, Request, Response, WorkerApplication};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// fn on_each_worker() -> WorkerApplication<impl Application> {
///     WorkerApplication {
///         observer: Some(Rc::new(|record, _| println!("{record:?}"))),
///         on_refusal: Some(Rc::new(|refusal: &Refusal| {
///             Response::html(format!("<h1>{}</h1>", refusal.status()).into_bytes()).with_status(refusal.status())
///         })),
///         ..WorkerApplication::from(hello)
///     }
/// }
/// # on_each_worker();
/// ```
pub struct WorkerApplication<A> {
    /// Answers the requests.
    pub application: A,
    /// Told of every exchange at its end.
    pub observer: Option<Observer>,
    /// Says what a client gets that the engine refuses by itself, instead of a line of text.
    pub on_refusal: Option<OnRefusal>,
}

impl<A> std::fmt::Debug for WorkerApplication<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerApplication")
            .field("observed", &self.observer.is_some())
            .field("words_for_refusals", &self.on_refusal.is_some())
            .finish_non_exhaustive()
    }
}

impl<A: Application> From<A> for WorkerApplication<A> {
    fn from(application: A) -> Self {
        Self { application, observer: None, on_refusal: None }
    }
}

/// A server that runs. Dropped, it goes on; that of [`Server::ephemeral`] stops.
///
/// ```
/// use selvedge_http::{Request, Server, StartError};
///
/// fn main() -> Result<(), StartError> {
///     let server = Server::builder().listen("127.0.0.1:0").workers(1).start(|_| async |_: Request<'_>| "hello")?;
///     println!("http://{}", server.address());
///     server.control().stop();
///     server.join();
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Server {
    /// `None` once it was joined.
    running: Option<Running>,
    control: Control,
    drain: Duration,
    at_drop: AtDrop,
}

/// What becomes of a server whose handle is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtDrop {
    GoOn,
    Stop,
}

/// How long a server for tests waits for running requests when it is dropped.
const DRAIN_OF_EPHEMERAL: Duration = Duration::from_secs(1);

/// Stops and watches a server, from any thread.
///
/// ```
/// use selvedge_http::{Request, Server, StartError};
///
/// fn main() -> Result<(), StartError> {
///     let server = Server::builder().listen("127.0.0.1:0").workers(1).start(|_| async |_: Request<'_>| "hello")?;
///     let control = server.control().clone();
///     let stopping = std::thread::spawn({
///         let control = control.clone();
///         move || control.stop()
///     });
///     // Until that thread has said so, and every connection is done.
///     server.join();
///     assert!(stopping.join().is_ok());
///     assert_eq!(control.figures(0).exchanges(2), 0, "nobody has asked for anything");
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Control {
    intake: Arc<Intake>,
    figures: Arc<[Arc<Figures>]>,
    cut_off: StopSource,
    is_cut_off: StopSignal,
}

impl Control {
    /// Takes no new connections; answers what is in the backlogs and what runs, then every worker ends. The files of Unix
    /// sockets are removed at once.
    pub fn stop(&self) {
        self.intake.stop();
    }

    /// As [`stop`](Self::stop), but nobody is waited for any more: what runs is cut off, and told to the observers.
    pub fn stop_at_once(&self) {
        self.intake.stop();
        self.cut_off.stop();
    }

    /// Whether it was told to [stop at once](Self::stop_at_once).
    pub fn is_stopped_at_once(&self) -> bool {
        self.is_cut_off.is_stopped()
    }

    /// The way connections are taken in.
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// What worker `worker` did.
    pub fn figures(&self, worker: usize) -> &Figures {
        &self.figures[worker]
    }

    fn is_of_the_same_server(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.intake, &other.intake)
    }
}

impl Server {
    /// The way to configure one, and to start it.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// A server of one worker on a free port of 127.0.0.1, for tests. Dropped, it stops, and running requests have a second.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use selvedge_http::{Request, Server, StartError};
    ///
    /// fn main() -> Result<(), StartError> {
    ///     let server = Server::ephemeral(|_| async |_: Request<'_>| "hello")?;
    ///     let mut client = std::net::TcpStream::connect(server.address()).expect("it listens");
    ///     client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("it reads");
    ///     let mut answer = String::new();
    ///     client.read_to_string(&mut answer).expect("it answers");
    ///     assert!(answer.ends_with("\r\n\r\nhello"));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// When the kernel gives no ring, mostly.
    pub fn ephemeral<A, W, F>(factory: F) -> Result<Self, StartError>
    where
        A: Application,
        W: Into<WorkerApplication<A>>,
        F: Fn(&Worker) -> W + Send + Sync + 'static,
    {
        let mut server = Self::builder()
            .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .drain(DRAIN_OF_EPHEMERAL)
            .runtime(|runtime| runtime.workers(1).pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
            .start(factory)?;
        server.at_drop = AtDrop::Stop;
        Ok(server)
    }

    /// Starts `runtime`'s workers; each serves what `intake` gives it with the application that `factory` makes there.
    /// Returns when all of them do. [`builder`](Self::builder) is the short way.
    ///
    /// # Errors
    /// Those of [`Runtime::start`], and a budget of allocated bytes where nobody counts them.
    pub fn start<A, W, F>(
        runtime: Runtime,
        intake: &Arc<Intake>,
        options: ServerOptions,
        factory: F,
    ) -> Result<Self, selvedge_runtime::StartError>
    where
        A: Application,
        W: Into<WorkerApplication<A>>,
        F: Fn(&Worker) -> W + Send + Sync + 'static,
    {
        if options.budgets.allocated_bytes.is_some() && !selvedge_runtime::counts_allocations() {
            let text = Budgets::NOTHING_COUNTS.to_owned();
            return Err(selvedge_runtime::StartError::Configuration(text));
        }
        let figures: Arc<[Arc<Figures>]> = (0..runtime.workers()).map(|_| Arc::default()).collect();
        let (cut_off, is_cut_off) = StopSource::new();
        let control = Control { intake: Arc::clone(intake), figures, cut_off, is_cut_off };
        let control_there = control.clone();
        let workers = runtime.workers();
        let drain = options.drain;
        let (tell_open, open) = mpsc::channel();
        let running = runtime.start(move |worker| {
            let figures = Arc::clone(&control_there.figures[worker.index()]);
            let shared = Shared::new(factory(&worker).into(), &options, figures);
            let (intake, cut_off) = (Arc::clone(&control_there.intake), control_there.is_cut_off.clone());
            let door = intake.open_door(worker.index());
            let _ = tell_open.send(());
            serve(intake, door, shared, drain, cut_off)
        })?;
        // Until then the first connections would not be shared out evenly. A worker that fails here ends the process.
        let _ = open.iter().take(workers).count();
        Ok(Self { running: Some(running), control, drain, at_drop: AtDrop::GoOn })
    }

    /// Stops and watches it.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Where it listens, as bound: with the ports that the kernel chose.
    pub fn addresses(&self) -> &[Address] {
        self.control.intake.addresses()
    }

    /// The first of its TCP addresses.
    ///
    /// # Panics
    /// Where it listens at Unix sockets alone: see [`addresses`](Self::addresses).
    pub fn address(&self) -> SocketAddr {
        let tcp = |address: &Address| match address {
            Address::Ip(address) => Some(*address),
            Address::Unix(_) | Address::Unnamed => None,
        };
        self.addresses().iter().find_map(tcp).expect("the server has a TCP address")
    }

    /// The first place it listens at, as a client is told it: `http://127.0.0.1:8080`, or `unix:/run/site.sock`.
    pub fn url(&self) -> String {
        match &self.addresses()[0] {
            Address::Ip(address) => format!("http://{address}"),
            other => other.to_string(),
        }
    }

    /// The runtime it runs on.
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("only the end takes it")
    }

    /// Waits until every worker has ended, after [`Control::stop`]; says how many connections the drain's end has cut off, unless
    /// it was [stopped at once](Control::stop_at_once).
    pub fn join(mut self) {
        if let Some(running) = self.running.take() {
            running.join();
        }
        let cut: u64 = self.control.figures.iter().map(|figures| figures.closes(CloseReason::CutOff)).sum();
        if cut > 0 && !self.control.is_stopped_at_once() {
            report_line(&format!(
                "connections not finished within the {} s of the drain and cut off: {cut}",
                self.drain.as_secs_f32()
            ));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        if self.at_drop == AtDrop::GoOn {
            return;
        }
        self.control.stop();
        // A test that has failed is not kept from saying so.
        if !std::thread::panicking() {
            running.join();
        }
    }
}

/// One worker: takes what comes through its door, then takes leave. What is left when this ends is cut off.
async fn serve<A: Application>(
    intake: Arc<Intake>,
    mut door: Door,
    shared: Rc<Shared<A>>,
    drain: Duration,
    is_cut_off: StopSignal,
) {
    let for_exchanges = Rc::clone(&shared);
    let exchanges = move |connection, first| connection::run(connection, first, Rc::clone(&for_exchanges));
    let pool = Rc::new(ExchangePool::new(exchanges));
    let mut stopped = pin!(intake.stopped());
    let mut cut_off = pin!(is_cut_off.stopped());
    loop {
        let handed = {
            let mut next = pin!(door.next());
            poll_fn(|context| {
                // At once, and not at the door's end: who comes from a backlog now is answered with a close.
                if shared.drain().state() == Draining::No && stopped.as_mut().poll(context).is_ready() {
                    shared.drain().begin();
                }
                // Never before the leave begins, so a connection that comes while it serves pays nothing for it.
                if shared.drain().state() == Draining::Yes && cut_off.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                next.as_mut().poll(context)
            })
            .await
        };
        let Some((stream, _listener, slot)) = handed else { break };
        let close = Close::of_connection(&shared);
        let mut connection = Connection::new(stream, slot);
        if let Err(refusal) = connection.claim_place(&shared) {
            spawn_detached("turned away", connection::turn_away(connection, close, refusal));
            continue;
        }
        let near = Near::of(&*connection);
        spawn_detached_near("connection", near, connection::live(connection, close, Rc::clone(&pool)));
    }
    if is_cut_off.is_stopped() {
        return;
    }
    if shared.drain().state() == Draining::No {
        shared.drain().begin();
    }
    let mut over = pin!(timer::sleep(drain));
    poll_fn(|context| match shared.drain().poll_empty(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending if cut_off.as_mut().poll(context).is_ready() => Poll::Ready(()),
        Poll::Pending => over.as_mut().poll(context),
    })
    .await;
}
