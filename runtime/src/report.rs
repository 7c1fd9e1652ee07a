//! Lines for the operator on standard error: at most one per reason and second, or longer, and none that waits for its reader.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sim;
use crate::sys::{Moment, takes_a_line};

/// Reasons that are told apart; beyond that many, further ones are not limited.
const REASONS_MAX: usize = 64;
/// The longest line in bytes: a pipe with room takes as much without waiting (PIPE_BUF, pipe(7)).
const LINE_BYTES_MAX: usize = 4_096;
/// The time in which a reason is told once, unless its own is longer.
const PERIOD: Duration = Duration::from_secs(1);

/// Lines nobody took, to be told of with the next one.
static LINES_LOST: AtomicU64 = AtomicU64::new(0);
/// What any worker has told last.
static TOLD: Mutex<Told> = Mutex::new(Told(Vec::new()));

/// Writes one line, now. Never fails and never waits: where standard error is a pipe that nobody empties, the line is
/// lost, and counted in the next that is not.
pub fn line(text: &str) {
    if let Some(world) = sim::world() {
        return world.remark(|| text.to_owned());
    }
    let mut stderr = std::io::stderr().lock();
    if !takes_a_line(&stderr) {
        LINES_LOST.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let mut line = format!("selvedge: {}", printable(text));
    match LINES_LOST.swap(0, Ordering::Relaxed) {
        0 => {}
        lost => line += &format!(" (before this, {lost} lines were lost: standard error took none)"),
    }
    let mut line = line.into_bytes();
    line.truncate(LINE_BYTES_MAX - 1);
    line.push(b'\n');
    let _ = stderr.write_all(&line);
}

/// One line of it, whatever it quotes: control characters are escaped.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().collect::<String>(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// Prints one line on standard output, or on standard error where that is a pipe which takes none: whoever starts a program
/// need not read it.
pub fn print_line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if !takes_a_line(&stdout) {
        return line(text);
    }
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

thread_local! {
    /// Where the last panic of this thread happened, for the line that reports it.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Set on threads that report their panics themselves although they are no workers.
    static EXPECTS_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// Leaves panics on workers and helpers to the runtime, which reports them once a second at most; other threads keep the hook they
/// had. For binaries: a hook belongs to the process.
pub fn install_panic_hook() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if EXPECTS_PANICS.get() || crate::worker::with_current(|core| core.is_some()) {
            PANICKED_AT.with(|at| *at.borrow_mut() = panic.location().map(ToString::to_string));
        } else {
            others(panic);
        }
    }));
}

/// The calling thread will report its panics itself.
pub(crate) fn expect_panics() {
    EXPECTS_PANICS.set(true);
}

/// Where the last panic happened, if the hook is installed, as ` (at src/x.rs:1:2)`.
pub(crate) fn take_panic_place() -> String {
    let place = PANICKED_AT.with(|at| at.borrow_mut().take());
    place.map_or_else(String::new, |place| format!(" (at {place})"))
}

/// What a worker wants to tell: asks the other workers at most once a second, so that a flood meets no lock.
#[derive(Debug, Default)]
pub(crate) struct Reporter(RefCell<Told>);

impl Reporter {
    /// Reports unless any worker has reported for the same reason within the last second; says how many this worker has
    /// left out.
    pub(crate) fn report(&self, reason: &'static str, now: Moment, text: impl FnOnce() -> String) -> Report {
        self.report_each(PERIOD, reason, now, text)
    }

    /// As [`report`](Self::report), once in this time and not in a second: for what lasts, and is no fault.
    pub(crate) fn report_each(
        &self,
        period: Duration,
        reason: &'static str,
        now: Moment,
        text: impl FnOnce() -> String,
    ) -> Report {
        match self.admit(reason, now, period) {
            None => return Report::LeftOut,
            Some(0) => line(&text()),
            Some(more) => line(&format!("{} (and {more} more since the last such line)", text())),
        }
        Report::Told
    }

    /// Whether it may be told now: with how many that were left out.
    fn admit(&self, reason: &'static str, now: Moment, period: Duration) -> Option<u64> {
        // Times of different simulations, and real ones, are not to be compared.
        if sim::world().is_some() {
            return Some(0);
        }
        let left_out = self.0.borrow_mut().admit(reason, now, period)?;
        let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner).admit(reason, now, period);
        if told.is_none() {
            self.0.borrow_mut().leave_out(reason, left_out + 1);
            return None;
        }
        Some(left_out)
    }
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    Told,
    LeftOut,
}

/// Remembers when each reason was last told.
#[derive(Debug, Default)]
struct Told(Vec<Reason>);

#[derive(Debug)]
struct Reason {
    reason: &'static str,
    told_at: Moment,
    left_out: u64,
}

impl Told {
    /// Whether `reason` may be told: with how many that were left out.
    fn admit(&mut self, reason: &'static str, now: Moment, period: Duration) -> Option<u64> {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.reason == reason) {
            if now.since(entry.told_at) < period {
                entry.left_out += 1;
                return None;
            }
            entry.told_at = now;
            return Some(std::mem::take(&mut entry.left_out));
        }
        if self.0.len() < REASONS_MAX {
            self.0.push(Reason { reason, told_at: now, left_out: 0 });
        }
        Some(0)
    }

    fn leave_out(&mut self, reason: &'static str, count: u64) {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.reason == reason) {
            entry.left_out += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_nanoseconds(milliseconds * 1_000_000)
    }

    #[test]
    fn a_line_is_one_whatever_it_quotes() {
        assert_eq!(printable("as \"it\" is, \u{e9}"), "as \"it\" is, \u{e9}");
        let forged = "first\nselvedge: forged\u{1b}[31m";
        assert_eq!(printable(forged), "first\\nselvedge: forged\\u{1b}[31m");
    }

    #[test]
    fn a_reason_is_admitted_once_a_second_and_the_rest_is_counted() {
        let mut reporter = Told::default();
        let mut admit = |reason, milliseconds| reporter.admit(reason, at(milliseconds), PERIOD);
        assert_eq!(admit("a", 0), Some(0));
        assert_eq!(admit("a", 500), None);
        assert_eq!(admit("b", 500), Some(0));
        assert_eq!(admit("a", 999), None);
        assert_eq!(admit("a", 1_000), Some(2));
    }

    #[test]
    fn a_reason_with_a_longer_time_is_admitted_once_in_that() {
        let reporter = Reporter::default();
        let admit = |milliseconds| reporter.admit("once a minute", at(milliseconds), Duration::from_secs(60));
        assert_eq!(admit(0), Some(0));
        assert_eq!(admit(1_000), None);
        assert_eq!(admit(59_999), None);
        assert_eq!(admit(60_000), Some(2));
    }

    #[test]
    fn what_one_worker_has_told_another_does_not_tell_within_the_second() {
        let (first, second) = (Reporter::default(), Reporter::default());
        let admit = |reporter: &Reporter, milliseconds| {
            reporter.admit("two workers in a test", at(milliseconds), PERIOD)
        };
        assert_eq!(admit(&first, 0), Some(0));
        assert_eq!(admit(&second, 100), None);
        assert_eq!(admit(&second, 200), None);
        assert_eq!(admit(&second, 1_100), Some(2));
        assert_eq!(admit(&first, 1_200), None);
    }
}
