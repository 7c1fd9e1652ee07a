//! Starting workers, talking to them, and their end.
//!
//! In: a configuration and a factory that is called on each worker. Out: one thread per worker, pinned, running what the
//! factory made, until it is ready on every worker.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use async_channel::{Receiver, Sender};

use crate::counters::Counters;
use crate::report;
use crate::stop::{StopSignal, StopSource};
use crate::sys::{self, RingFeatures, StartError};
use crate::task;
use crate::watchdog;
use crate::worker::{Core, WorkerLimits, panic_text};

#[cfg(panic = "abort")]
compile_error!("a panic must end one connection, not the process: build with panic = \"unwind\"");

/// Jobs that wait for one worker; [`Handle::run_on`] refuses more.
const JOBS_MAX: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

/// How a runtime is made. Every setting has a default.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    workers: Option<usize>,
    cpus: Option<Vec<usize>>,
    pinning: Pinning,
    limits: WorkerLimits,
    watchdog: WatchdogSetting,
}

/// Whether each worker stays on one processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pinning {
    /// Worker k on the k-th processor of the list, again from its start where there are more workers.
    #[default]
    Pinned,
    /// Wherever the scheduler puts it.
    Free,
}

/// Whether a thread watches for workers that stay in one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchdogSetting {
    /// Reports a turn that lasts longer than this.
    After(Duration),
    /// No such thread.
    Off,
}

impl Default for WatchdogSetting {
    fn default() -> Self {
        Self::After(Duration::from_secs(1))
    }
}

impl Builder {
    /// Number of workers. Default: one per processor of the list, at most the control group's quota.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Processors to run on. Default: the affinity mask of the calling thread (sched_getaffinity(2)).
    pub fn cpus(mut self, cpus: Vec<usize>) -> Self {
        self.cpus = Some(cpus);
        self
    }

    /// Whether workers are pinned.
    pub fn pinning(mut self, pinning: Pinning) -> Self {
        self.pinning = pinning;
        self
    }

    /// Sizes of each worker's ring and buffers.
    pub fn limits(mut self, limits: WorkerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The watchdog.
    pub fn watchdog(mut self, watchdog: WatchdogSetting) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// Checks the configuration and decides what is left open; starts nothing.
    ///
    /// # Errors
    /// [`StartError::Configuration`].
    pub fn build(self) -> Result<Runtime, StartError> {
        let allowed = sys::allowed_cpus();
        let cpus = self.cpus.unwrap_or_else(|| allowed.clone());
        if let Some(cpu) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
            return Err(StartError::Configuration(format!(
                "processor {cpu} is not in this process's affinity mask {allowed:?}; choose from those"
            )));
        }
        if cpus.is_empty() {
            return Err(StartError::Configuration("no processor to run on; name at least one".to_owned()));
        }
        let buffers = self.limits.kernel.receive_buffers;
        // io_uring_register_buf_ring(3)
        if !buffers.is_power_of_two() || buffers > 1 << 15 {
            return Err(StartError::Configuration(format!(
                "{buffers} receive buffers: their number must be a power of two of at most 32768"
            )));
        }
        let workers =
            self.workers.unwrap_or_else(|| cpus.len().min(sys::cpu_quota().unwrap_or(usize::MAX)).max(1));
        if workers == 0 {
            return Err(StartError::Configuration("no workers; ask for at least one".to_owned()));
        }
        let cpus = (0..workers).map(|worker| cpus[worker % cpus.len()]).collect();
        Ok(Runtime { cpus, pinning: self.pinning, limits: self.limits, watchdog: self.watchdog })
    }
}

/// A runtime that has not started yet.
#[derive(Debug)]
pub struct Runtime {
    /// The processor of each worker.
    cpus: Vec<usize>,
    pinning: Pinning,
    limits: WorkerLimits,
    watchdog: WatchdogSetting,
}

impl Runtime {
    /// The way to configure one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// How many workers it will have.
    pub fn workers(&self) -> usize {
        self.cpus.len()
    }

    /// The processor of each worker.
    pub fn cpus(&self) -> &[usize] {
        &self.cpus
    }

    /// Bytes the pools of all workers take when every page of them has been touched.
    pub fn memory_bytes(&self) -> usize {
        self.limits.memory_bytes() * self.workers()
    }

    /// Starts the workers and, once all of them have ring and buffers, calls `factory` on each. A worker ends when the
    /// future that `factory` made there is ready; a runtime when all have.
    ///
    /// A worker that dies (a panic outside any task) ends the process with its reason and status 1.
    ///
    /// # Errors
    /// Why the first worker that could not start could not. The others have ended then.
    pub fn start<F, M>(self, factory: F) -> Result<Running, StartError>
    where
        F: Fn(Worker) -> M + Send + Sync + 'static,
        M: Future<Output = ()> + 'static,
    {
        let factory = Arc::new(factory);
        let (stop, stopped) = StopSource::new();
        let workers: Arc<[Shared]> = self.cpus.iter().map(|&cpu| Shared::new(cpu)).collect();
        let handle = Handle { workers, stop };
        let (report_start, started) = mpsc::channel();
        let (report_ready, ready) = mpsc::channel();
        let mut limits = self.limits;
        if limits.kernel.locked_bytes_max.is_none() {
            let limit = sys::memlock_limit_bytes().and_then(|bytes| usize::try_from(bytes).ok());
            limits.kernel.locked_bytes_max = limit.map(|bytes| bytes / self.workers());
        }
        let mut threads = Starting(Vec::new());
        for index in 0..self.cpus.len() {
            // Dropped without a word, it tells the worker to end.
            let (go, may_go) = mpsc::channel::<()>();
            let (handle, factory, stopped) = (handle.clone(), Arc::clone(&factory), stopped.clone());
            let (report_start, report_ready) = (report_start.clone(), report_ready.clone());
            let pinning = self.pinning;
            let thread = sys::spawn_thread(format!("selvedge-{index}"), move || {
                let started = start_worker(index, &handle, &limits, pinning);
                let core = match started {
                    Ok(core) => {
                        let _ = report_start.send(Ok(()));
                        core
                    }
                    Err(error) => {
                        let _ = report_start.send(Err(error));
                        return;
                    }
                };
                drop(report_start);
                if may_go.recv().is_ok() {
                    core.kernel().register_file_blocks();
                    let _ = report_ready.send(core.kernel().features());
                    drop(report_ready);
                    live(&core, Worker { index, handle, stopped }, &*factory);
                }
            });
            threads.0.push((thread.map_err(|error| StartError::Other("starting a thread", error))?, go));
        }
        drop((report_start, report_ready));
        for _ in &threads.0 {
            // A thread that ended without a word has panicked; its message is on standard error.
            started.recv().unwrap_or_else(|_| {
                Err(StartError::Other("starting a worker", io::Error::other("it ended before it began")))
            })?;
        }
        let watchdog = match self.watchdog {
            WatchdogSetting::After(limit) => Some(watchdog::start(limit, handle.clone())?),
            WatchdogSetting::Off => None,
        };
        let threads: Vec<_> = std::mem::take(&mut threads.0)
            .into_iter()
            .map(|(thread, go)| {
                let _ = go.send(());
                thread
            })
            .collect();
        // What every worker has.
        let features = ready.iter().reduce(RingFeatures::and).unwrap_or_default();
        Ok(Running { handle, threads, watchdog, features })
    }
}

/// Threads that wait for the word to begin. Dropped, it ends them.
struct Starting(Vec<(JoinHandle<()>, mpsc::Sender<()>)>);

impl Drop for Starting {
    fn drop(&mut self) {
        for (thread, go) in self.0.drain(..) {
            drop(go);
            let _ = thread.join();
        }
    }
}

fn start_worker(
    index: usize,
    handle: &Handle,
    limits: &WorkerLimits,
    pinning: Pinning,
) -> Result<std::rc::Rc<Core>, StartError> {
    let shared = &handle.workers[index];
    if pinning == Pinning::Pinned && !sys::pin_to_cpu(shared.cpu) {
        return Err(StartError::Configuration(format!(
            "worker {index} cannot be pinned to processor {}; choose another list of processors",
            shared.cpu
        )));
    }
    // After pinning: the pools' pages are touched here and come from this processor's memory.
    Core::new(index, limits, Arc::clone(&shared.counters))
}

/// A worker's life. Its death takes the process along: connections it was given would hang for ever.
fn live<M: Future<Output = ()>>(core: &std::rc::Rc<Core>, worker: Worker, factory: &dyn Fn(Worker) -> M) {
    let index = worker.index;
    let jobs = worker.handle.workers[index].jobs.1.clone();
    let _end = JobsEnd(jobs.clone());
    let life = AssertUnwindSafe(|| {
        core.run(async move {
            task::spawn_detached("jobs", async move {
                while let Ok(job) = jobs.recv().await {
                    // A task of its own, so that one which panics does not end those behind it.
                    task::spawn_detached("job", async move { job() });
                }
            });
            factory(worker).await;
        });
    });
    if let Err(panic) = catch_unwind(life) {
        report::line(&format!("worker {index} died: {}{}", panic_text(&*panic), report::take_panic_place()));
        std::process::exit(1);
    }
}

/// With the worker ended, nobody runs its jobs: those that wait are dropped, further ones refused.
struct JobsEnd(Receiver<Job>);

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
struct Shared {
    cpu: usize,
    counters: Arc<Counters>,
    jobs: (Sender<Job>, Receiver<Job>),
}

impl Shared {
    fn new(cpu: usize) -> Self {
        Self { cpu, counters: Arc::default(), jobs: async_channel::bounded(JOBS_MAX) }
    }
}

/// Speaks to a runtime's workers from any thread.
#[derive(Debug, Clone)]
pub struct Handle {
    workers: Arc<[Shared]>,
    stop: StopSource,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the worker has too many jobs waiting, or has ended")
    }
}

impl std::error::Error for Busy {}

/// What a factory is told about the worker it is called on.
#[derive(Debug, Clone)]
pub struct Worker {
    index: usize,
    handle: Handle,
    stopped: StopSignal,
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

/// A runtime whose workers run.
#[derive(Debug)]
#[must_use = "join it, or its workers are cut off when the process ends"]
pub struct Running {
    handle: Handle,
    threads: Vec<JoinHandle<()>>,
    watchdog: Option<watchdog::Watchdog>,
    features: RingFeatures,
}

impl Running {
    /// Speaks to the workers.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What the kernel gave.
    pub fn features(&self) -> RingFeatures {
        self.features
    }

    /// Waits until every worker has ended.
    pub fn join(self) {
        for thread in self.threads {
            // A worker that dies ends the process, so this is its return.
            let _ = thread.join();
        }
        drop(self.watchdog);
    }
}

/// Runs one future on a runtime of one unpinned worker, and returns its output: for tests and small programs.
///
/// # Panics
/// When the runtime cannot start, with the [`StartError`]'s message, and with the future's own panic.
pub fn block_on<M, T>(main: impl FnOnce() -> M + Send + 'static) -> T
where
    M: Future<Output = T> + 'static,
    T: Send + 'static,
{
    let runtime = Runtime::builder().workers(1).pinning(Pinning::Free).watchdog(WatchdogSetting::Off);
    let runtime = runtime.build().unwrap_or_else(|error| panic!("{error}"));
    let (result, results) = mpsc::channel();
    let main = Mutex::new(Some(main));
    let running = runtime
        .start(move |_| {
            let main = main.lock().expect("one worker calls it once").take();
            let result = result.clone();
            async move {
                let mut main = std::pin::pin!(main.expect("one worker calls it once")());
                let outcome = std::future::poll_fn(|context| {
                    match catch_unwind(AssertUnwindSafe(|| main.as_mut().poll(context))) {
                        Ok(polled) => polled.map(Ok),
                        Err(panic) => Poll::Ready(Err(panic)),
                    }
                });
                let _ = result.send(outcome.await);
            }
        })
        .unwrap_or_else(|error| panic!("{error}"));
    running.join();
    match results.recv().expect("the main future has ended") {
        Ok(output) => output,
        Err(panic) => resume_unwind(panic),
    }
}
