//! Work that would hold a worker: system calls that wait, and long computations, done by a few helper threads.
//!
//! In: a function from a worker. Out: its result, to the task that waits for it. The helpers belong to the runtime, run on
//! any processor it was started on, and at a lower priority than the workers.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::report::{self, Reporter};
use crate::sim::{self, TakenOn};
use crate::sys;
use crate::worker::{self, panic_text};

/// How long the runtime's end waits for work that was taken on.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much work is taken on beside the workers.
///
/// ```
/// use selvedge_runtime::{BlockingLimits, Runtime, blocking};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let limits = BlockingLimits { threads_max: 8, ..BlockingLimits::default() };
/// let running = Runtime::builder().workers(1).blocking(limits).build()?.start(|_| async {
///     assert_eq!(blocking(|| 6 * 7).await, Ok(42));
/// })?;
/// running.join();
///
/// // With no thread at all nothing would ever be done.
/// let none = BlockingLimits { threads_max: 0, ..limits };
/// assert!(Runtime::builder().blocking(none).build().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockingLimits {
    /// Most helper threads of the runtime, started when there is work for them.
    pub threads_max: usize,
    /// Most pieces of work that wait for a helper; beyond it, [`Undone::Overloaded`].
    pub waiting_max: usize,
    /// A helper that has had nothing to do for so long ends.
    pub idle_max: Duration,
}

impl Default for BlockingLimits {
    fn default() -> Self {
        Self { threads_max: 4, waiting_max: 256, idle_max: Duration::from_secs(10) }
    }
}

/// Why there is no result.
///
/// ```
/// use selvedge_runtime::{Undone, block_on, blocking};
///
/// let status = block_on(|| async {
///     match blocking(|| -> u32 { panic!("this work breaks") }).await {
///         Ok(_) => 200,
///         Err(Undone::Overloaded) => 503,
///         Err(Undone::Lost) => 500,
///     }
/// });
/// assert_eq!(status, 500);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// As much work as may wait waits already, or no thread can be started. The work was not begun.
    Overloaded,
    /// The work panicked, or the runtime ended before it was begun.
    Lost,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overloaded => "too much work waits for the helper threads; try again later",
            Self::Lost => "the work panicked, or the runtime has ended",
        })
    }
}

impl std::error::Error for Undone {}

/// Has a helper thread do `work`, beginning now whether or not the future is polled. The future gives the result; dropped
/// before, it lets the work run to its end; its result is dropped then.
///
/// # Errors
/// See [`Undone`]; `Overloaded` comes at the first poll.
///
/// # Panics
/// Outside a worker.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Undone>> {
    let (sender, result) = crate::channel::bounded(1);
    // Refused, it is nobody's any more; a panic drops the sender, and so closes the channel.
    let work = Box::new(move || drop(sender.try_send(work())));
    let begun =
        worker::with_current(|core| core.expect("blocking work needs a worker").helpers().take_on(work));
    async move {
        begun?;
        result.recv().await.map_err(|_| Undone::Lost)
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// The helper threads of one runtime, and the work they have not begun.
pub(crate) struct Helpers {
    limits: BlockingLimits,
    /// Where they run: what the runtime could use when it was configured, not the one processor of the worker that starts
    /// them.
    cpus: Vec<usize>,
    state: Mutex<State>,
    /// Work came, or the end.
    called: Condvar,
    /// A helper has ended.
    left: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    /// Threads that have not ended.
    threads: usize,
    /// Those of them that wait for a call, the called ones included until they look.
    idle: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Open,
    /// The workers have ended: what waits is still done, nothing more is taken on.
    Ending,
}

impl Helpers {
    pub(crate) fn new(limits: BlockingLimits, cpus: Vec<usize>) -> Arc<Self> {
        let (called, left) = (Condvar::new(), Condvar::new());
        Arc::new(Self { limits, cpus, state: Mutex::default(), called, left })
    }

    /// Where the helpers run.
    pub(crate) fn cpus(&self) -> &[usize] {
        &self.cpus
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_on(self: &Arc<Self>, work: Work) -> Result<(), Undone> {
        if let Some(world) = sim::world() {
            let jobs_max = self.limits.threads_max + self.limits.waiting_max;
            let work = Box::new(move || do_work(work, &Reporter::default()));
            if self.state().stage == Stage::Ending || world.take_on(work, jobs_max) == TakenOn::No {
                return Err(Undone::Overloaded);
            }
            return Ok(());
        }
        // Refused work is dropped by the caller's thread, outside the lock.
        let mut state = self.state();
        if state.stage == Stage::Ending || state.waiting.len() >= self.limits.waiting_max {
            return Err(Undone::Overloaded);
        }
        if state.idle <= state.waiting.len() && state.threads < self.limits.threads_max {
            let helpers = Arc::clone(self);
            // It inherits what the worker has: blocked signals, dropped privileges.
            match sys::spawn_thread("selvedge-helper".to_owned(), move || helpers.help()) {
                Ok(_) => state.threads += 1,
                // Those there are will come to it.
                Err(_) if state.threads > 0 => {}
                Err(_) => return Err(Undone::Overloaded),
            }
        }
        state.waiting.push_back(work);
        drop(state);
        self.called.notify_one();
        Ok(())
    }

    /// A helper's life.
    fn help(&self) {
        sys::become_helper(&self.cpus);
        report::expect_panics();
        let reporter = Reporter::default();
        let mut state = self.state();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                do_work(work, &reporter);
                state = self.state();
                continue;
            }
            if state.stage == Stage::Ending {
                break;
            }
            state.idle += 1;
            let (again, waited) =
                self.called.wait_timeout(state, self.limits.idle_max).unwrap_or_else(PoisonError::into_inner);
            state = again;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        drop(state);
        self.left.notify_all();
    }

    /// Ends the helpers when they have done what waits. Those that take longer than 2 s are left behind, with a line that
    /// says so: what a disk does not answer cannot be ended.
    pub(crate) fn end(&self) {
        self.state().stage = Stage::Ending;
        self.called.notify_all();
        let ended = self.left.wait_timeout_while(self.state(), PATIENCE, |state| state.threads > 0);
        let (mut state, _) = ended.unwrap_or_else(PoisonError::into_inner);
        let (threads, waiting) = (state.threads, std::mem::take(&mut state.waiting));
        drop(state);
        if threads > 0 {
            report::line(&format!(
                "{threads} helper threads do not end; {} pieces of work behind them are dropped",
                waiting.len()
            ));
        }
    }
}

fn do_work(work: Work, reporter: &Reporter) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        let place = report::take_panic_place();
        reporter.report("helper", sys::monotonic(), || {
            format!("work on a helper thread panicked: {}{place}", panic_text(&*panic))
        });
        // Dropping the payload may panic again.
        #[expect(clippy::mem_forget, reason = "a payload whose drop panics would end the helper")]
        std::mem::forget(panic);
    }
}

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "Helpers({} threads, {} idle, {} waiting)", state.threads, state.idle, state.waiting.len())
    }
}
