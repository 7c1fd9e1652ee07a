//! Signals, taken by one thread that waits for them; no handler ever runs.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

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
}

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
            0 => Ok(Self { set }),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits for the next signal (sigwaitinfo(2)).
    pub fn wait(&self) -> Signal {
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
