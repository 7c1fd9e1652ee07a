//! Signals, taken by one thread that waits for them; no handler ever runs.

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::clock::{self, Moment};

/// The signals a server answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT or SIGTERM: stop.
    Stop,
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
}

/// The right to wait for the blocked signals.
#[derive(Debug)]
pub struct Signals {
    set: libc::sigset_t,
    last: Cell<Option<(Signal, Moment)>>,
}

/// The same signal again within this time is the same wish: some senders signal a process and then its group.
const SAME_WISH: Duration = Duration::from_millis(100);

impl Signals {
    /// Blocks the signals in the calling thread and all it starts later, so that they wait for [`wait`](Self::wait)
    /// and kill nobody. To be called before the first thread is started (pthread_sigmask(3)).
    ///
    /// # Errors
    /// Those of pthread_sigmask(3), none of which can happen here.
    pub fn block() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set it is given.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: initialised by the call above.
        let mut set = unsafe { set.assume_init() };
        for number in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1] {
            // SAFETY: `set` is an initialised set, and the number is a valid signal.
            unsafe { libc::sigaddset(&raw mut set, number) };
        }
        // SAFETY: `set` is initialised; the old mask is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) } {
            0 => Ok(Self { set, last: Cell::new(None) }),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits for the next signal (sigwaitinfo(2)); one that comes twice within 100 ms is told once.
    pub fn wait(&self) -> Signal {
        loop {
            let signal = self.wait_for_any();
            let now = clock::monotonic();
            let before = self.last.replace(Some((signal, now)));
            if before.is_none_or(|(before, at)| before != signal || now.since(at) >= SAME_WISH) {
                return signal;
            }
        }
    }

    fn wait_for_any(&self) -> Signal {
        loop {
            // SAFETY: the set is initialised, and no details are asked for.
            match unsafe { libc::sigwaitinfo(&raw const self.set, ptr::null_mut()) } {
                libc::SIGINT | libc::SIGTERM => return Signal::Stop,
                libc::SIGHUP => return Signal::Hangup,
                libc::SIGUSR1 => return Signal::User1,
                // EINTR: a signal outside the set, SIGCONT for one.
                _ => {}
            }
        }
    }
}
