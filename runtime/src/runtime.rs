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

use crate::blocking::Helpers;
use crate::builder::{Builder, Pinning, WatchdogSetting};
use crate::handle::{Handle, JobsEnd, Shared, Worker};
use crate::report;
use crate::sim::{self, Life, World};
use crate::stop::{StopSignal, StopSource};
use crate::sys::{self, RingFeatures, StartError};
use crate::task;
use crate::watchdog;
use crate::worker::{Core, WorkerLimits, panic_text};

#[cfg(panic = "abort")]
compile_error!("a panic must end one connection, not the process: build with panic = \"unwind\"");

/// A runtime that has not started yet.
///
/// ```
/// use selvedge_runtime::Runtime;
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let runtime = Runtime::builder().workers(2).build()?;
/// assert_eq!(runtime.cpus().len(), 2);
/// println!("the workers take up to {} MiB", runtime.memory_bytes() >> 20);
/// let running = runtime.start(|worker| async move {
///     assert!(worker.index() < 2);
/// })?;
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Runtime {
    /// The processor of each worker.
    pub(crate) cpus: Vec<usize>,
    pub(crate) pinning: Pinning,
    pub(crate) limits: WorkerLimits,
    pub(crate) helpers: Arc<Helpers>,
    pub(crate) watchdog: WatchdogSetting,
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
        if let Some(world) = sim::world() {
            return self.start_simulated(&world, &factory, handle, &stopped);
        }
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
            let helpers = Arc::clone(&self.helpers);
            let (handle, factory, stopped) = (handle.clone(), Arc::clone(&factory), stopped.clone());
            let (report_start, report_ready) = (report_start.clone(), report_ready.clone());
            let pinning = self.pinning;
            let thread = sys::spawn_thread(format!("selvedge-{index}"), move || {
                let started = start_worker(index, &handle, &limits, helpers, pinning);
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
        Ok(Running { handle, threads, rings: Vec::new(), helpers: self.helpers, watchdog, features })
    }
}

impl Runtime {
    /// As [`start`](Self::start), on the simulated machine of the calling thread: each worker has had its first turn then.
    fn start_simulated<F, M>(
        self,
        world: &World,
        factory: &Arc<F>,
        handle: Handle,
        stopped: &StopSignal,
    ) -> Result<Running, StartError>
    where
        F: Fn(Worker) -> M + Send + Sync + 'static,
        M: Future<Output = ()> + 'static,
    {
        let cores: Vec<_> = (0..self.workers())
            .map(|index| {
                let counters = Arc::clone(&handle.workers[index].counters);
                Core::new(index, &self.limits, Arc::clone(&self.helpers), counters)
            })
            .collect::<Result<_, _>>()?;
        // All rings are there before anybody can use them.
        let mut rings = Vec::new();
        for (index, core) in cores.into_iter().enumerate() {
            let ring =
                core.kernel().simulated_ring().expect("a kernel made in a simulation is a simulated one");
            let worker = Worker { index, handle: handle.clone(), stopped: stopped.clone() };
            let (factory, jobs) = (Arc::clone(factory), JobsEnd(worker.handle.workers[index].jobs.1.clone()));
            let main = Box::pin(async move { main_of(worker, &*factory).await });
            world.add_life(ring, Life::new(core, main, jobs));
            rings.push(ring);
        }
        // One that dies takes the others along.
        rings.iter().for_each(|&ring| world.step(ring));
        let features = RingFeatures::default();
        Ok(Running { handle, threads: Vec::new(), rings, helpers: self.helpers, watchdog: None, features })
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
    helpers: Arc<Helpers>,
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
    Core::new(index, limits, helpers, Arc::clone(&shared.counters))
}

/// A worker's life. Its death takes the process along: connections it was given would hang for ever.
fn live<M: Future<Output = ()>>(core: &std::rc::Rc<Core>, worker: Worker, factory: &dyn Fn(Worker) -> M) {
    let index = worker.index;
    let _end = JobsEnd(worker.handle.workers[index].jobs.1.clone());
    let life = AssertUnwindSafe(|| core.run(main_of(worker, factory)));
    if let Err(panic) = catch_unwind(life) {
        report::line(&format!("worker {index} died: {}{}", panic_text(&*panic), report::take_panic_place()));
        std::process::exit(1);
    }
}

/// What a worker does: its jobs, and what the factory makes.
async fn main_of<M: Future<Output = ()>>(worker: Worker, factory: &dyn Fn(Worker) -> M) {
    let jobs = worker.handle.workers[worker.index].jobs.1.clone();
    task::spawn_detached("jobs", async move {
        while let Ok(job) = jobs.recv().await {
            // A task of its own, so that one which panics does not end those behind it.
            task::spawn_detached("job", async move { job() });
        }
    });
    factory(worker).await;
}

/// A runtime whose workers run.
///
/// ```
/// use selvedge_runtime::Runtime;
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let runtime = Runtime::builder().workers(1).build()?;
/// let running = runtime.start(|worker| async move { worker.stopped().await })?;
/// let handle = running.handle().clone();
/// assert_eq!(handle.workers(), 1);
/// // Whatever is to end the program: a signal, mostly.
/// std::thread::spawn(move || handle.stop());
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "join it, or its workers are cut off when the process ends"]
pub struct Running {
    handle: Handle,
    threads: Vec<JoinHandle<()>>,
    /// Where its workers are on a simulated machine.
    rings: Vec<usize>,
    helpers: Arc<Helpers>,
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

    /// Waits until every worker has ended, and then at most 2 s for what [`blocking`](crate::blocking()) has taken on.
    ///
    /// # Panics
    /// In a [simulation](crate::sim::Simulation), when nothing happens any more and a worker has not ended.
    pub fn join(self) {
        if let Some(world) = sim::world() {
            let living = || world.living_at(&self.rings);
            while living() > 0 {
                let happening = world.next();
                assert!(
                    happening.is_some(),
                    "nothing happens any more, and {} workers have not ended",
                    living()
                );
            }
        }
        for thread in self.threads {
            // A worker that dies ends the process, so this is its return.
            let _ = thread.join();
        }
        self.helpers.end();
        drop(self.watchdog);
    }
}

/// Runs the future that `main` makes on a runtime of one unpinned worker, and returns its output: for tests and small programs.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_runtime::{block_on, timer};
///
/// let slept = block_on(|| async {
///     timer::sleep(Duration::from_millis(1)).await;
///     "well"
/// });
/// assert_eq!(slept, "well");
/// ```
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
