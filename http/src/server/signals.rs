//! SIGINT and SIGTERM while a program serves. In: signals, on a thread of their own. Out: the first stops every server that
//! [`ServerBuilder::serve`](super::ServerBuilder::serve) runs, a second cuts off what they do and ends the process.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use selvedge_runtime::process::{self, Signal, Signals};
use selvedge_runtime::report_line;

use super::Control;

/// Who waits for signals, and what they stop. Of the process, as signals are.
static SERVING: Mutex<Serving> =
    Mutex::new(Serving { watch: Watch::NotYet, wish: Wish::Serve, controls: Vec::new() });

struct Serving {
    watch: Watch,
    wish: Wish,
    /// Of servers that serve: one for each thread that is in `serve`.
    controls: Vec<Control>,
}

/// Whether a thread waits for signals.
#[derive(PartialEq, Eq)]
enum Watch {
    NotYet,
    Running,
}

/// What was asked for so far.
#[derive(PartialEq, Eq)]
enum Wish {
    Serve,
    Stop,
    StopAtOnce,
}

/// Takes the signals from their defaults, once for the process, and has a thread wait for them.
///
/// # Errors
/// Those of [`Signals::take`] and of starting a thread.
pub(super) fn watch() -> io::Result<()> {
    let mut serving = serving();
    if serving.watch == Watch::NotYet {
        process::watch_signals(Signals::take()?, obey)?;
        serving.watch = Watch::Running;
    }
    Ok(())
}

/// A server that signals stop, until this is dropped.
pub(super) struct Stoppable(Control);

impl Stoppable {
    pub(super) fn new(control: Control) -> Self {
        serving().controls.push(control.clone());
        Self(control)
    }

    /// Its server has ended. After a second signal this does not return: the process ends with the last of its servers.
    pub(super) fn ended(self) {
        let is_at_once = serving().wish == Wish::StopAtOnce;
        drop(self);
        if !is_at_once {
            return;
        }
        if serving().controls.is_empty() {
            std::process::exit(1);
        }
        loop {
            std::thread::park();
        }
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        let mut serving = serving();
        serving.controls.retain(|control| !control.is_of_the_same_server(&self.0));
        if serving.controls.is_empty() {
            serving.wish = Wish::Serve;
        }
    }
}

fn obey(signal: Signal) {
    // Nothing is loaded anew and no log opened again: the others are no reason to end.
    if signal != Signal::Stop {
        return;
    }
    let mut serving = serving();
    if serving.controls.is_empty() {
        report_line("stopped at once: nothing is served now");
        std::process::exit(1);
    }
    let open: u64 = serving.controls.iter().flat_map(|control| control.intake().open()).sum();
    if serving.wish != Wish::Serve {
        serving.wish = Wish::StopAtOnce;
        report_line(&format!("stopping at once; connections that are cut off: {open}"));
        serving.controls.iter().for_each(Control::stop_at_once);
        drop(serving);
        process::exit_when_late();
    }
    serving.wish = Wish::Stop;
    serving.controls.iter().for_each(Control::stop);
    if open > 0 {
        report_line("stopping: running answers are finished first; once more stops at once");
    }
}

fn serving() -> MutexGuard<'static, Serving> {
    SERVING.lock().unwrap_or_else(PoisonError::into_inner)
}
