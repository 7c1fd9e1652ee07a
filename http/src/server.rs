//! A server: an intake, and an application on each worker.
//!
//! In: listeners and a factory. Out: connections served on every worker until the server is asked to stop, then drained.

use std::future::{Future, poll_fn};
use std::num::NonZero;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

use selvedge_runtime::net::{Door, Intake};
use selvedge_runtime::{Running, Runtime, StartError, Worker, report_line, spawn_detached, timer};

use crate::application::Application;
use crate::connection::{self, Connection, ExchangePool, Timeouts};
use crate::h1::{ConnectPolicy, Limits};
use crate::networks::Networks;
use crate::record::CloseReason;
use crate::refusal::OnRefusal;
use crate::shared::{Draining, Figures, Observer, Shared};

/// How a server treats its clients.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Bounds of a request.
    pub limits: Limits,
    /// How long each phase of a connection may take.
    pub timeouts: Timeouts,
    /// Requests a connection may have before it is closed after an answer; `None`: as many as it likes.
    pub requests_max: Option<NonZero<u64>>,
    /// Proxies, each of whose connections must begin with a header of the PROXY protocol. Connections from anybody else are
    /// closed. `None`: connections are the clients' own.
    pub proxies: Option<Networks>,
    /// What becomes of TRACE.
    pub trace: TracePolicy,
    /// What becomes of CONNECT.
    pub connect: ConnectPolicy,
    /// How long running requests have after [`Control::stop`].
    pub drain: Duration,
}

/// What becomes of a TRACE request (RFC 9110 section 9.3.8).
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
            requests_max: None,
            trace: TracePolicy::default(),
            connect: ConnectPolicy::default(),
            proxies: None,
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

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    running: Running,
    control: Control,
    drain: Duration,
}

/// Stops and watches a server, from any thread.
#[derive(Debug, Clone)]
pub struct Control {
    intake: Arc<Intake>,
    figures: Arc<[Arc<Figures>]>,
}

impl Control {
    /// Takes no new connections; answers what is in the backlogs and what runs, then every worker ends.
    pub fn stop(&self) {
        self.intake.stop();
    }

    /// The way connections are taken in.
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// What worker `worker` did.
    pub fn figures(&self, worker: usize) -> &Figures {
        &self.figures[worker]
    }
}

impl Server {
    /// Starts `runtime`'s workers; each serves what `intake` gives it with the application that `factory` makes there.
    /// Returns when all of them do.
    ///
    /// # Errors
    /// Those of [`Runtime::start`].
    pub fn start<A, W, F>(
        runtime: Runtime,
        intake: &Arc<Intake>,
        options: ServerOptions,
        factory: F,
    ) -> Result<Self, StartError>
    where
        A: Application,
        W: Into<WorkerApplication<A>>,
        F: Fn(&Worker) -> W + Send + Sync + 'static,
    {
        let figures: Arc<[Arc<Figures>]> = (0..runtime.workers()).map(|_| Arc::default()).collect();
        let control = Control { intake: Arc::clone(intake), figures };
        let control_there = control.clone();
        let workers = runtime.workers();
        let drain = options.drain;
        let (tell_open, open) = mpsc::channel();
        let running = runtime.start(move |worker| {
            let figures = Arc::clone(&control_there.figures[worker.index()]);
            let shared = Shared::new(factory(&worker).into(), &options, figures);
            let intake = Arc::clone(&control_there.intake);
            let door = intake.open_door(worker.index());
            let _ = tell_open.send(());
            serve(intake, door, shared, drain)
        })?;
        // Until then the first connections would not be shared out evenly. A worker that fails here ends the process.
        let _ = open.iter().take(workers).count();
        Ok(Self { running, control, drain })
    }

    /// Stops and watches it.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The runtime it runs on.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Waits until every worker has ended, after [`Control::stop`]; says how many connections the drain's end has cut off.
    pub fn join(self) {
        self.running.join();
        let cut: u64 = self.control.figures.iter().map(|figures| figures.closes(CloseReason::CutOff)).sum();
        if cut > 0 {
            report_line(&format!(
                "not finished within the {} s of the drain and cut off: {cut} connections",
                self.drain.as_secs_f32()
            ));
        }
    }
}

/// One worker: takes what comes through its door, then takes leave.
async fn serve<A: Application>(intake: Arc<Intake>, mut door: Door, shared: Rc<Shared<A>>, drain: Duration) {
    let for_exchanges = Rc::clone(&shared);
    let exchanges = Rc::new(move |connection| connection::run(connection, Rc::clone(&for_exchanges)));
    let pool = Rc::new(ExchangePool::new());
    let mut stopped = pin!(intake.stopped());
    loop {
        let handed = {
            let mut next = pin!(door.next());
            poll_fn(|context| {
                // At once, and not at the door's end: who comes from a backlog now is answered with a close.
                if shared.drain().state() == Draining::No && stopped.as_mut().poll(context).is_ready() {
                    shared.drain().begin();
                }
                next.as_mut().poll(context)
            })
            .await
        };
        let Some((stream, _listener, slot)) = handed else { break };
        let (shared, pool, exchanges) = (Rc::clone(&shared), Rc::clone(&pool), Rc::clone(&exchanges));
        let watcher = shared.drain().watch();
        let connection = Connection::new(stream, slot);
        let exchanges = move |connection| exchanges(connection);
        spawn_detached("connection", connection::live(connection, watcher, shared, pool, exchanges));
    }
    if shared.drain().state() == Draining::No {
        shared.drain().begin();
    }
    let mut over = pin!(timer::sleep(drain));
    poll_fn(|context| match shared.drain().poll_empty(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => over.as_mut().poll(context),
    })
    .await;
}
