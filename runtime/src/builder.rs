//! The configuration of a runtime: what was asked for, checked, and what was left open, decided.

use std::time::Duration;

use crate::blocking::{BlockingLimits, Helpers};
use crate::runtime::Runtime;
use crate::sys::{self, StartError};
use crate::worker::WorkerLimits;

/// How a runtime is made. Every setting has a default.
///
/// ```
/// use selvedge_runtime::{Pinning, Runtime};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let runtime = Runtime::builder().workers(4).pinning(Pinning::Free).build()?;
/// assert_eq!(runtime.workers(), 4);
///
/// let error = Runtime::builder().cpus(vec![]).build().unwrap_err();
/// assert_eq!(error.to_string(), "no processor to run on; name at least one");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Builder {
    workers: Option<usize>,
    cpus: Option<Vec<usize>>,
    pinning: Pinning,
    limits: WorkerLimits,
    blocking: BlockingLimits,
    watchdog: WatchdogSetting,
}

/// Whether each worker stays on one processor.
///
/// ```
/// use selvedge_runtime::{Pinning, Runtime, process};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let allowed = process::allowed_cpus().len();
/// for (pinning, expected) in [(Pinning::Pinned, 1), (Pinning::Free, allowed)] {
///     let running = Runtime::builder().workers(1).pinning(pinning).build()?.start(move |_| async move {
///         assert_eq!(process::allowed_cpus().len(), expected);
///     })?;
///     running.join();
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pinning {
    /// Worker k on the k-th processor of the list, again from its start where there are more workers.
    #[default]
    Pinned,
    /// Wherever the scheduler puts it.
    Free,
}

/// Whether a thread watches for workers that stay in one turn.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_runtime::{Runtime, WatchdogSetting};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// // Requests are to be answered within 250 ms, so no turn may take that long.
/// let watchdog = WatchdogSetting::After(Duration::from_millis(250));
/// let running = Runtime::builder().workers(1).watchdog(watchdog).build()?.start(|worker| async move {
///     // What it looks at.
///     assert!(worker.counters().in_turn_since().is_some());
/// })?;
/// running.join();
///
/// assert_eq!(WatchdogSetting::default(), WatchdogSetting::After(Duration::from_secs(1)));
/// # Ok(())
/// # }
/// ```
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

    /// How much work is taken on beside the workers ([`blocking`](crate::blocking())).
    pub fn blocking(mut self, limits: BlockingLimits) -> Self {
        self.blocking = limits;
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
        if self.blocking.threads_max == 0 || self.blocking.waiting_max == 0 {
            return Err(StartError::Configuration(
                "no helper threads, or no work for them; ask for at least one of each".to_owned(),
            ));
        }
        let cpus = (0..workers).map(|worker| cpus[worker % cpus.len()]).collect();
        Ok(Runtime {
            cpus,
            pinning: self.pinning,
            limits: self.limits,
            helpers: Helpers::new(self.blocking, allowed),
            watchdog: self.watchdog,
        })
    }
}
