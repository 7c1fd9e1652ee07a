//! Signals, taken by a handler of the process and told to one thread: whatever other threads block or don't.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::iterator;

use super::clock::{self, Moment};

/// The signals a server answers to.
///
/// ```
/// use selvedge_runtime::StopSource;
/// use selvedge_runtime::process::Signal;
///
/// let (stop, stopped) = StopSource::new();
/// let act = move |signal| match signal {
///     Signal::Stop => stop.stop(),
///     Signal::Hangup => println!("the configuration is read again"),
///     Signal::User1 => println!("the logs are opened again"),
/// };
/// // As `process::watch_signals` calls it.
/// act(Signal::Stop);
/// assert!(stopped.is_stopped());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT or SIGTERM: stop.
    Stop,
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
}

/// The signals of [`Signal`], taken from their defaults. They stay without effect when this is dropped.
///
/// ```no_run
/// use selvedge_runtime::Runtime;
/// use selvedge_runtime::process::{Signal, Signals, watch_signals};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let signals = Signals::take()?;
/// let running = Runtime::builder().build()?.start(|worker| async move { worker.stopped().await })?;
/// let handle = running.handle().clone();
/// watch_signals(signals, move |signal| {
///     if signal == Signal::Stop {
///         handle.stop();
///     }
/// })?;
/// running.join();
/// # Ok(())
/// # }
/// ```
pub struct Signals {
    pending: iterator::Signals,
    last: Option<(Signal, Moment)>,
}

/// The same signal again within this time is the same wish: some senders signal a process and then its group.
const SAME_WISH: Duration = Duration::from_millis(100);

impl Signals {
    /// From now on these signals end nobody and wait for [`wait`](Self::wait), each remembered once, whichever thread the
    /// kernel gives them to (signal(7)). Handlers that were there before are called too.
    ///
    /// # Errors
    /// Those of socketpair(2) and sigaction(2): too many open files.
    pub fn take() -> io::Result<Self> {
        let pending = iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])?;
        Ok(Self { pending, last: None })
    }

    /// Waits for the next signal; one that comes twice within 100 ms is told once.
    pub fn wait(&mut self) -> Signal {
        loop {
            let signal = match self.pending.forever().next() {
                Some(SIGINT | SIGTERM) => Signal::Stop,
                Some(SIGHUP) => Signal::Hangup,
                Some(SIGUSR1) => Signal::User1,
                other => unreachable!("{other:?} was not asked for"),
            };
            let now = clock::monotonic();
            if !self.last.is_some_and(|(told, at)| told == signal && now.since(at) < SAME_WISH) {
                // Of what was told, not of what came: a signal that comes all the time is told ten times a second.
                self.last = Some((signal, now));
                return signal;
            }
        }
    }
}

/// From now on a write beyond the process's limit of a file's size (RLIMIT_FSIZE, setrlimit(2)) fails with EFBIG, and does not
/// end the process (SIGXFSZ).
///
/// # Errors
/// Those of sigaction(2).
pub(super) fn outlive_file_size_limit() -> io::Result<()> {
    static TAKEN: Mutex<bool> = Mutex::new(false);
    let mut is_taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_taken {
        // The flag is nobody's: what counts is that there is a handler.
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        *is_taken = true;
    }
    Ok(())
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").field("last", &self.last).finish_non_exhaustive()
    }
}
