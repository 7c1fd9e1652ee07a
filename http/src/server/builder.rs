//! The short way to a server. In: where to listen, and settings, each with a default. Out: a [`Server`] that runs, or one that
//! is served to its end.

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use selvedge_runtime::net::listen::{
    BACKLOG_DEFAULT, LISTENERS_MAX, ListenError, lists_for_workers, refuse_overlaps,
};
use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{Runtime, Worker, process};

use super::listen_target::ListenTarget;
use super::signals::{self, Stoppable};
use super::{Server, ServerOptions, StartError, TracePolicy, WorkerApplication};
use crate::address_limits::AddressLimiter;
use crate::application::Application;
use crate::budgets::Budgets;
use crate::connection::Timeouts;
use crate::h1::{ConnectPolicy, Limits};
use crate::networks::Networks;

/// Where a server listens that was told nothing else.
const LISTEN_DEFAULT: &str = "localhost:8080";

/// Connections of a server that was told nothing else, where the limit of descriptors allows them.
const CONNECTIONS_MAX: usize = 65_536;

/// Done when every worker serves.
type OnStart = Box<dyn FnOnce(&Server)>;

/// How a server is made and started. Every setting has a default; where to listen is `localhost:8080`.
///
/// ```no_run
/// use std::time::Duration;
/// use selvedge_http::{Request, Response, Server, StartError};
///
/// fn main() -> Result<(), StartError> {
///     Server::builder()
///         .listen("[::]:8080")
///         .workers(2)
///         .drain(Duration::from_secs(20))
///         .on_start(|server| println!("listening on http://{}", server.address()))
///         .serve(|_worker| async |_: Request<'_>| Response::text("hello"))
/// }
/// ```
#[must_use = "a builder does nothing until it is started or served"]
pub struct ServerBuilder {
    targets: Vec<ListenTarget>,
    runtime: selvedge_runtime::Builder,
    options: ServerOptions,
    accept: AcceptPolicy,
    connections_max: Option<usize>,
    backlog: u32,
    on_start: Vec<OnStart>,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            runtime: Runtime::builder(),
            options: ServerOptions::default(),
            accept: AcceptPolicy::default(),
            connections_max: None,
            backlog: BACKLOG_DEFAULT,
            on_start: Vec::new(),
        }
    }
}

impl ServerBuilder {
    // ---- where ----

    /// Listens there too: a text, an address, or a socket that listens already (see [`ListenTarget`]). At most 64 places,
    /// none of them in another (`127.0.0.1:80` is in `:80`). What is wrong with it is told by [`serve`](Self::serve) and [`start`](Self::start).
    pub fn listen(mut self, target: impl Into<ListenTarget>) -> Self {
        self.targets.push(target.into());
        self
    }

    /// Connections that may wait for accept, per listener. Default: 4,096; the kernel cuts it to `net.core.somaxconn`.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Who accepts. Default: one worker for all.
    pub fn accept(mut self, policy: AcceptPolicy) -> Self {
        self.accept = policy;
        self
    }

    /// Open connections of all workers together; others wait in the backlog. Default: half of the descriptors the process may
    /// have, at most 65,536.
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = Some(connections);
        self
    }

    // ---- who works ----

    /// Number of workers. Default: one per processor the process may run on, at most its control group's quota.
    pub fn workers(self, workers: usize) -> Self {
        self.runtime(|runtime| runtime.workers(workers))
    }

    /// Whatever else there is to say about the runtime: processors, pinning, buffers, the watchdog.
    pub fn runtime(
        mut self,
        configure: impl FnOnce(selvedge_runtime::Builder) -> selvedge_runtime::Builder,
    ) -> Self {
        self.runtime = configure(self.runtime);
        self
    }

    // ---- how clients are treated ----

    /// All of the settings below at once.
    pub fn options(mut self, options: ServerOptions) -> Self {
        self.options = options;
        self
    }

    /// Bounds of a request.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Octets of a request's body at most; a longer one is 413. Default: 1 MiB.
    pub fn body_bytes_max(mut self, bytes: u64) -> Self {
        self.options.limits.body_bytes_max = bytes;
        self
    }

    /// How long each phase of a connection may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options.timeouts = timeouts;
        self
    }

    /// What the application may spend on an exchange, in time and in memory; then it is answered with 503, or closed. Default: no
    /// bounds. Routes lower theirs by [`middleware::budgets`](crate::middleware::budgets).
    pub fn budgets(mut self, budgets: Budgets) -> Self {
        self.options.budgets = budgets;
        self
    }

    /// Requests a connection may have before it is closed after an answer. Default: as many as it likes.
    pub fn requests_max(mut self, requests: NonZero<u64>) -> Self {
        self.options.requests_max = Some(requests);
        self
    }

    /// The proxies that may connect, and nobody else; each connection must begin with a header of the PROXY protocol. Default:
    /// connections are the clients' own.
    pub fn proxies(mut self, proxies: Networks) -> Self {
        self.options.proxies = Some(proxies);
        self
    }

    /// Keeps connections of an address within its limits. Default: one address may have all of them.
    pub fn address_limiter(mut self, limiter: AddressLimiter) -> Self {
        self.options.address_limiter = Some(limiter);
        self
    }

    /// What becomes of TRACE. Default: it is refused.
    pub fn trace(mut self, policy: TracePolicy) -> Self {
        self.options.trace = policy;
        self
    }

    /// What becomes of CONNECT. Default: it is refused.
    pub fn connect(mut self, policy: ConnectPolicy) -> Self {
        self.options.connect = policy;
        self
    }

    /// How long running requests have when the server stops; then they are cut off. Default: 8 s.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.options.drain = drain;
        self
    }

    // ---- go ----

    /// Calls `act` when every worker serves: to say where, to drop privileges, to keep the server's
    /// [`Control`](super::Control).
    pub fn on_start(mut self, act: impl FnOnce(&Server) + 'static) -> Self {
        self.on_start.push(Box::new(act));
        self
    }

    /// Serves until SIGINT or SIGTERM comes, or [`Control::stop`](super::Control::stop) is called; then no new connections are
    /// taken, and running requests have the time of [`drain`](Self::drain). A second signal cuts them off and ends the process with
    /// status 1, after 2 s at most. `factory` makes the application, once on each worker.
    ///
    /// For a `main`: SIGINT, SIGTERM, SIGHUP and SIGUSR1 lose their defaults for the whole process and for good, and panics on
    /// workers are told in one line each. [`start`](Self::start) does neither.
    ///
    /// # Errors
    /// Why it cannot start, and what helps.
    pub fn serve<A, W, F>(mut self, factory: F) -> Result<(), StartError>
    where
        A: Application,
        W: Into<WorkerApplication<A>>,
        F: Fn(&Worker) -> W + Send + Sync + 'static,
    {
        signals::watch().map_err(StartError::Signals)?;
        selvedge_runtime::install_panic_hook();
        let on_start = std::mem::take(&mut self.on_start);
        let server = self.start(factory)?;
        // Before anybody is told that it serves: who reads that may stop it by a signal.
        let stoppable = Stoppable::new(server.control().clone());
        on_start.into_iter().for_each(|act| act(&server));
        server.join();
        stoppable.ended();
        Ok(())
    }

    /// Starts it and returns when every worker serves. `factory` makes the application, once on each worker.
    ///
    /// # Errors
    /// Why it cannot start, and what helps.
    pub fn start<A, W, F>(mut self, factory: F) -> Result<Server, StartError>
    where
        A: Application,
        W: Into<WorkerApplication<A>>,
        F: Fn(&Worker) -> W + Send + Sync + 'static,
    {
        let runtime = self.runtime.build()?;
        let workers = runtime.workers();
        let connections_max = connections_max(self.connections_max)?;
        let policy = self.accept.resolve(workers);
        let sharing = match policy {
            AcceptPolicy::ReusePort => PortSharing::Shared,
            _ => PortSharing::Exclusive,
        };
        if self.targets.is_empty() {
            self.targets.push(LISTEN_DEFAULT.into());
        }
        let listeners = bind(self.targets, self.backlog, sharing, workers)?;
        let intake = Intake::new(listeners, workers, &IntakeOptions { policy, connections_max })
            .map_err(|error| selvedge_runtime::StartError::Other("sharing out the listeners", error))?;
        intake.advise_when_full("a higher connections_max takes more");
        let server = Server::start(runtime, &intake, self.options, factory)?;
        self.on_start.into_iter().for_each(|act| act(&server));
        Ok(server)
    }
}

fn bind(
    targets: Vec<ListenTarget>,
    backlog: u32,
    sharing: PortSharing,
    workers: usize,
) -> Result<Vec<Vec<Listening>>, ListenError> {
    if targets.len() > LISTENERS_MAX {
        let what = format!("{} places to listen at are too many", targets.len());
        return Err(ListenError::new(what, format!("name at most {LISTENERS_MAX}")));
    }
    refuse_overlaps(targets.iter().filter_map(ListenTarget::spec))?;
    let bound = targets.into_iter().map(|target| target.bind(backlog, sharing));
    let bound: Vec<Vec<Listening>> = bound.collect::<Result<_, _>>()?;
    lists_for_workers(bound.into_iter().flatten().collect(), backlog, sharing, workers)
}

/// Half of the descriptors are the application's, and the workers' own.
fn connections_max(asked: Option<usize>) -> Result<usize, StartError> {
    let limit = usize::try_from(process::raise_descriptor_limit().now).unwrap_or(usize::MAX);
    match asked {
        None => Ok((limit / 2).clamp(1, CONNECTIONS_MAX)),
        Some(asked) if asked < limit => Ok(asked),
        Some(asked) => Err(StartError::configuration(format!(
            "{asked} connections need more descriptors than the limit of {limit}; raise it (`ulimit -Hn`, LimitNOFILE= in \
             systemd), or ask for fewer"
        ))),
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("targets", &self.targets)
            .field("runtime", &self.runtime)
            .field("options", &self.options)
            .field("accept", &self.accept)
            .field("connections_max", &self.connections_max)
            .field("backlog", &self.backlog)
            .finish_non_exhaustive()
    }
}
