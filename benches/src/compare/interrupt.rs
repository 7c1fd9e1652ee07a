//! Ctrl-C, SIGTERM and the end of the terminal end a measurement in good order: the servers are stopped, and the files removed, by
//! the unwinding of their guards.

use std::{
    fs,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on the signals set a flag. A second Ctrl-C ends the process at once. A second SIGTERM or SIGHUP does not: timeout(1)
/// sends each signal twice, and a terminal that is closed does, too.
pub(crate) fn catch() -> anyhow::Result<()> {
    let interrupted = INTERRUPTED.get_or_init(Arc::default);
    let by_hand = Arc::new(AtomicBool::new(false));
    flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&by_hand))?;
    flag::register(SIGINT, by_hand)?;
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(interrupted))?;
    }
    // Whoever was started by nohup(1) goes on.
    if !is_ignored(SIGHUP) {
        flag::register(SIGHUP, Arc::clone(interrupted))?;
    }
    Ok(())
}

/// Whether this process was started with the signal ignored.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (signal - 1) != 0)
}

/// Fails once a signal has come.
pub(crate) fn check() -> anyhow::Result<()> {
    match INTERRUPTED.get() {
        Some(interrupted) if interrupted.load(Ordering::Relaxed) => anyhow::bail!("interrupted"),
        _ => Ok(()),
    }
}

/// Waits, unless a signal comes.
pub(crate) fn sleep(duration: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + duration;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(20)));
    }
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGPIPE, SIGWINCH};

    use super::*;

    #[test]
    fn what_was_ignored_at_the_start_is_known() {
        // A Rust program ignores SIGPIPE from its start on.
        assert_eq!([SIGPIPE, SIGWINCH].map(is_ignored), [true, false]);
    }
}
