//! What other threads, and a worker's own code, see of a runtime that runs.
//!
//! In: jobs from any thread, and the wish to stop. Out: jobs to the worker they are for, one after the other.

use std::sync::Arc;

use async_channel::{Receiver, Sender};

use crate::counters::Counters;
use crate::stop::{StopSignal, StopSource};

/// Jobs that wait for one worker; [`Handle::run_on`] refuses more.
const JOBS_MAX: usize = 64;

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// With the worker ended, nobody runs its jobs: those that wait are dropped, further ones refused.
pub(crate) struct JobsEnd(pub(crate) Receiver<Job>);

impl Drop for JobsEnd {
    fn drop(&mut self) {
        self.0.close();
        while let Ok(job) = self.0.try_recv() {
            drop(job);
        }
    }
}

/// What other threads see of a worker.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cpu: usize,
    pub(crate) counters: Arc<Counters>,
    pub(crate) jobs: (Sender<Job>, Receiver<Job>),
}

impl Shared {
    pub(crate) fn new(cpu: usize) -> Self {
        Self { cpu, counters: Arc::default(), jobs: async_channel::bounded(JOBS_MAX) }
    }
}

/// Speaks to a runtime's workers from any thread.
///
/// ```
/// use std::sync::mpsc;
///
/// use selvedge_runtime::Runtime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = Runtime::builder().workers(2).build()?;
/// let running = runtime.start(|worker| async move { worker.stopped().await })?;
/// let handle = running.handle().clone();
///
/// let (tell, told) = mpsc::channel();
/// handle.run_on(1, move || {
///     let _ = tell.send(std::thread::current().name().map(String::from));
/// })?;
/// assert_eq!(told.recv()?.as_deref(), Some("selvedge-1"));
/// handle.stop();
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) workers: Arc<[Shared]>,
    pub(crate) stop: StopSource,
}

impl Handle {
    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The processor worker `worker` was given.
    pub fn cpu(&self, worker: usize) -> usize {
        self.workers[worker].cpu
    }

    /// The counters of worker `worker`.
    pub fn counters(&self, worker: usize) -> &Arc<Counters> {
        &self.workers[worker].counters
    }

    /// Runs `job` on worker `worker`, between polls of its tasks.
    ///
    /// # Errors
    /// [`Busy`] when 64 jobs wait already, or when the worker has ended.
    pub fn run_on(&self, worker: usize, job: impl FnOnce() + Send + 'static) -> Result<(), Busy> {
        self.workers[worker].jobs.0.try_send(Box::new(job)).map_err(|_| Busy)
    }

    /// Asks every worker's main future to end ([`Worker::stopped`]).
    pub fn stop(&self) {
        self.stop.stop();
    }
}

/// A worker has no room for another job, or has ended.
///
/// ```
/// use selvedge_runtime::{Busy, Runtime};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let running = Runtime::builder().workers(1).build()?.start(|_| async {})?;
/// let handle = running.handle().clone();
/// running.join();
/// // The worker has ended.
/// assert_eq!(handle.run_on(0, || println!("never printed")), Err(Busy));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the worker has too many jobs waiting, or has ended")
    }
}

impl std::error::Error for Busy {}

/// What a factory is told about the worker it is called on.
///
/// ```
/// use std::sync::mpsc;
///
/// use selvedge_runtime::Runtime;
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let (tell, told) = mpsc::channel();
/// let running = Runtime::builder().workers(2).build()?.start(move |worker| {
///     let _ = tell.send((worker.index(), worker.handle().workers()));
///     async move { worker.stopped().await }
/// })?;
/// let mut workers: Vec<_> = told.iter().take(2).collect();
/// workers.sort();
/// assert_eq!(workers, [(0, 2), (1, 2)]);
/// running.handle().stop();
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Worker {
    pub(crate) index: usize,
    pub(crate) handle: Handle,
    pub(crate) stopped: StopSignal,
}

impl Worker {
    /// The worker's number, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The handle to all workers.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// This worker's counters.
    pub fn counters(&self) -> &Arc<Counters> {
        self.handle.counters(self.index)
    }

    /// Waits until the runtime is asked to stop.
    pub async fn stopped(&self) {
        self.stopped.stopped().await;
    }

    /// Whether the runtime was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_stopped()
    }
}
