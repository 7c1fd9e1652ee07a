//! Ctrl-C and SIGTERM end the comparison in good order: the servers are stopped by the unwinding of their guards.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on the signals set a flag; a second one ends the process at once.
pub(crate) fn catch() -> anyhow::Result<()> {
    let interrupted = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 130, Arc::clone(interrupted))?;
        flag::register(signal, Arc::clone(interrupted))?;
    }
    Ok(())
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
