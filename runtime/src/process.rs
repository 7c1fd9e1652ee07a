//! What belongs to the process rather than to a worker: signals, limits, and the rights that it gives up.

pub use crate::sys::{
    Account, AccountError, CapabilitiesLeft, DescriptorLimit, FileNeeds, FileRules, Landlock, Signal,
    Signals, allowed_cpus, check_directory, check_file, cpu_quota, descriptors_open, directory_of,
    drop_privileges, forbid_new_privileges, is_file, is_within, kernel_release, listen_backlog_max,
    may_change_user, memlock_limit_bytes, outermost, raise_descriptor_limit, read_file, replaceable_places,
};

use std::io;
use std::time::Duration;

use crate::{report, sys, worker};

/// How long a process that is to end at once has for its last words.
const END_TIME_MAX: Duration = Duration::from_secs(2);

/// Calls `act` with every signal, on a thread of its own that lives as long as the process.
///
/// # Errors
/// Those of starting a thread.
pub fn watch_signals(mut signals: Signals, mut act: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    sys::spawn_thread("selvedge-signals".to_owned(), move || {
        loop {
            act(signals.wait());
        }
    })
    .map(drop)
}

/// Gives the process 2 s to come to its end by itself, then ends it with status 1, whatever holds it up. For the thread that
/// handles signals, once it has told everybody to end at once.
pub fn exit_when_late() -> ! {
    sys::sleep(END_TIME_MAX);
    report::line("ended without waiting for what does not end");
    std::process::exit(1)
}

/// Starts a thread beside the workers, for what has a loop of its own: another runtime. It runs on the processors its starter may
/// use; started by a worker, on all that the runtime may.
///
/// # Errors
/// Those of starting a thread.
pub fn spawn_thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let cpus = worker::with_current(|core| core.map(|core| core.helpers().cpus().to_vec()));
    sys::spawn_thread(name.to_owned(), move || {
        if let Some(cpus) = cpus {
            sys::run_on(&cpus);
        }
        run();
    })
    .map(drop)
}
