//! Tokio beside the workers: one thread of its own, for clients and drivers that need it (reqwest, sqlx), and for services that
//! use its timers, sockets and files.
//!
//! In: futures to be run there, from any thread, and applications to be polled in its context. Out: results, to whoever waits.
//!
//! Two ways:
//! * [`TokioBridge::run`]: a future runs on the bridge's thread, and its result comes back to the worker. A worker does nothing of
//!   it.
//! * [`TokioBridge::context`]: an application runs on its worker as ever, but finds a tokio runtime where it looks for one. What it
//!   waits for (a timer, a socket) is watched by the bridge's thread, which wakes the worker.

mod context;

pub use context::InContext;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use selvedge_runtime::channel::{self, Receiver, Sender};
use selvedge_runtime::{Undone, process};
use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

use crate::application::Application;

/// How long the bridge's end waits for work on its blocking threads.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much runs on a bridge.
///
/// ```
/// use selvedge_http::tokio_bridge::{BridgeLimits, TokioBridge};
/// use selvedge_runtime::Undone;
///
/// let limits = BridgeLimits { running_max: 1, ..BridgeLimits::default() };
/// let bridge = TokioBridge::start_with(limits)?;
/// let second = selvedge_runtime::block_on(move || async move {
///     let _first = bridge.run(async || std::future::pending::<()>().await);
///     bridge.run(async || 42).await
/// });
/// assert_eq!(second, Err(Undone::Overloaded));
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeLimits {
    /// Most futures that run or wait to be begun; beyond it, [`Undone::Overloaded`].
    pub running_max: usize,
    /// Most threads for tokio's blocking work, its files among it, started when there is work for them. What waits for them has
    /// no bound of tokio's: it is bounded by the futures that wait for it.
    pub blocking_threads_max: usize,
}

impl Default for BridgeLimits {
    /// 1,024 futures, 16 threads.
    fn default() -> Self {
        Self { running_max: 1_024, blocking_threads_max: 16 }
    }
}

/// A tokio runtime on a thread of its own. Clones share it; with the last of them it ends, and drops what still runs.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::tokio_bridge::TokioBridge;
///
/// // Before the workers, which each get a clone.
/// let bridge = TokioBridge::start()?;
/// let answer = selvedge_runtime::block_on(move || async move {
///     bridge
///         .run(async || {
///             tokio::time::sleep(Duration::from_millis(1)).await;
///             42
///         })
///         .await
/// });
/// assert_eq!(answer, Ok(42));
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TokioBridge {
    handle: Handle,
    jobs: Sender<Job>,
    running: Arc<AtomicUsize>,
    running_max: usize,
}

type Job = Box<dyn FnOnce() + Send>;

impl TokioBridge {
    /// Starts one.
    ///
    /// # Errors
    /// Those of starting a thread, and of tokio's own polling.
    pub fn start() -> io::Result<Self> {
        Self::start_with(BridgeLimits::default())
    }

    /// Starts one with other limits.
    ///
    /// # Errors
    /// As [`start`](Self::start); `InvalidInput` for a limit of 0.
    pub fn start_with(limits: BridgeLimits) -> io::Result<Self> {
        let BridgeLimits { running_max, blocking_threads_max } = limits;
        if running_max == 0 || blocking_threads_max == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a bridge's limits are at least 1"));
        }
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(blocking_threads_max)
            .thread_name("selvedge-tokio")
            .build()?;
        let handle = runtime.handle().clone();
        // Whoever has a place has room in it.
        let (jobs, jobs_there) = channel::bounded(running_max);
        process::spawn_thread("selvedge-tokio", move || live(runtime, &jobs_there))?;
        Ok(Self { handle, jobs, running: Arc::default(), running_max })
    }

    /// Runs the future that `make` makes on the bridge's thread, beginning now whether or not what is returned is polled. That gives
    /// the result; dropped before, it has the future dropped there at its await. The future itself need not be `Send`.
    ///
    /// # Errors
    /// `Overloaded` where as many run as may; `Lost` where it has panicked.
    pub fn run<M, F>(&self, make: M) -> impl Future<Output = Result<F::Output, Undone>> + use<M, F>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let (sender, result) = oneshot::channel();
        let begun = self.place().ok_or(Undone::Overloaded).and_then(|place| {
            let job = Box::new(move || drop(spawn_local(work(make, sender, place))));
            self.jobs.try_send(job).map_err(|_| Undone::Lost)
        });
        async move {
            begun?;
            result.await.map_err(|_| Undone::Lost)
        }
    }

    /// Makes the bridge's runtime the one that tokio finds on this thread, until the guard is dropped: for one poll, not across an
    /// await.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Middleware that has the application find the bridge's runtime, in its handlers and while its bodies are written.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use selvedge_http::{Application, Request};
    /// use selvedge_http::tokio_bridge::TokioBridge;
    ///
    /// let bridge = TokioBridge::start()?;
    /// let patient = async |_: Request<'_>| {
    ///     tokio::time::sleep(Duration::from_secs(1)).await;
    ///     "a second later"
    /// };
    /// let application = patient.with(bridge.context());
    /// # let _ = application;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn context<A: Application>(&self) -> impl FnOnce(A) -> InContext<A> + use<A> {
        let bridge = self.clone();
        move |application| InContext::new(application, bridge)
    }

    fn place(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.running));
        // Counted before it is judged, as the place's drop counts it out.
        (self.running.fetch_add(1, Ordering::Relaxed) < self.running_max).then_some(place)
    }
}

/// A share of what may run.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The thread's life, until the last bridge is dropped.
fn live(runtime: Runtime, jobs: &Receiver<Job>) {
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        while let Ok(job) = jobs.recv().await {
            job();
        }
    });
    let entered = runtime.enter();
    drop(tasks);
    drop(entered);
    runtime.shutdown_timeout(PATIENCE);
}

/// A future's life on the bridge's thread, until it is ready or nobody waits for it.
async fn work<M, F>(make: M, mut sender: oneshot::Sender<F::Output>, _place: Place)
where
    M: FnOnce() -> F,
    F: Future,
{
    if sender.is_closed() {
        return;
    }
    let output = {
        let mut future = pin!(make());
        poll_fn(|context| match sender.poll_closed(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(context).map(Some),
        })
        .await
    };
    if let Some(output) = output {
        let _ = sender.send(output);
    }
}

impl fmt::Debug for TokioBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokioBridge({} of {} run)", self.running.load(Ordering::Relaxed), self.running_max)
    }
}
