//! What belongs to the process rather than to a worker: signals and limits.

pub use crate::sys::{
    DescriptorLimit, Signal, Signals, allowed_cpus, check_directory, check_file, cpu_quota, descriptors_open,
    is_file, is_within, kernel_release, listen_backlog_max, memlock_limit_bytes, raise_descriptor_limit,
    read_file,
};

use std::io;

/// Calls `act` with every signal, on a thread of its own that lives as long as the process.
///
/// # Errors
/// Those of starting a thread.
pub fn watch_signals(signals: Signals, mut act: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    crate::sys::spawn_thread("selvedge-signals".to_owned(), move || {
        loop {
            act(signals.wait());
        }
    })
    .map(drop)
}
