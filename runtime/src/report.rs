//! Lines for the operator on standard error: at most one per reason and second from each worker.

use std::cell::RefCell;
use std::io::Write;
use std::time::Duration;

use crate::sys::Moment;

/// Reasons a worker remembers; beyond that many distinct ones, further reasons share a line.
const REASONS_MAX: usize = 64;

/// Writes one line, now. Never fails: with standard error gone there is nobody to tell.
pub fn line(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "selvedge: {text}");
}

thread_local! {
    /// Where the last panic of this thread happened, for the line that reports it.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Leaves panics on workers to the runtime, which reports them once a second at most; other threads keep the hook they
/// had. For binaries: a hook belongs to the process.
pub fn install_panic_hook() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if crate::worker::with_current(|core| core.is_some()) {
            PANICKED_AT.with(|at| *at.borrow_mut() = panic.location().map(ToString::to_string));
        } else {
            others(panic);
        }
    }));
}

/// Where the last panic happened, if the hook is installed, as ` (at src/x.rs:1:2)`.
pub(crate) fn take_panic_place() -> String {
    let place = PANICKED_AT.with(|at| at.borrow_mut().take());
    place.map_or_else(String::new, |place| format!(" (at {place})"))
}

/// Remembers when each reason was last reported.
#[derive(Debug, Default)]
pub(crate) struct Reporter(RefCell<Vec<Reported>>);

#[derive(Debug)]
struct Reported {
    reason: &'static str,
    at: Moment,
    suppressed: u64,
}

impl Reporter {
    /// Reports unless the same reason was reported within the last second; says how many were left out.
    pub(crate) fn report(&self, reason: &'static str, now: Moment, text: impl FnOnce() -> String) {
        if let Some(left_out) = self.admit(reason, now) {
            match left_out {
                0 => line(&text()),
                more => line(&format!("{} (and {more} more since the last such line)", text())),
            }
        }
    }

    fn admit(&self, reason: &'static str, now: Moment) -> Option<u64> {
        let mut reported = self.0.borrow_mut();
        if let Some(entry) = reported.iter_mut().find(|entry| entry.reason == reason) {
            if now.since(entry.at) < Duration::from_secs(1) {
                entry.suppressed += 1;
                return None;
            }
            entry.at = now;
            return Some(std::mem::take(&mut entry.suppressed));
        }
        if reported.len() < REASONS_MAX {
            reported.push(Reported { reason, at: now, suppressed: 0 });
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_admitted_once_a_second_and_the_rest_is_counted() {
        let reporter = Reporter::default();
        let at = |milliseconds: u64| Moment::from_nanoseconds(milliseconds * 1_000_000);
        assert_eq!(reporter.admit("a", at(0)), Some(0));
        assert_eq!(reporter.admit("a", at(500)), None);
        assert_eq!(reporter.admit("b", at(500)), Some(0));
        assert_eq!(reporter.admit("a", at(999)), None);
        assert_eq!(reporter.admit("a", at(1_000)), Some(2));
    }
}
