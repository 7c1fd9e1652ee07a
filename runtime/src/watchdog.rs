//! A thread that sees workers which do not come back from a turn: a poll that computes, or blocks, too long.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::report;
use crate::runtime::Handle;
use crate::sys::{self, Moment, StartError};

/// The watchdog's thread; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Watchdog {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Reports each turn that lasts longer than `limit`, once.
pub(crate) fn start(limit: Duration, handle: Handle) -> Result<Watchdog, StartError> {
    let (stop, stopped) = mpsc::channel();
    let thread = sys::spawn_thread("selvedge-watch".to_owned(), move || {
        let mut reported: Vec<Option<Moment>> = vec![None; handle.workers()];
        while stopped.recv_timeout(limit / 2) == Err(RecvTimeoutError::Timeout) {
            for (worker, reported) in reported.iter_mut().enumerate() {
                if let Some(line) = stalled(&handle, worker, limit, sys::monotonic(), reported) {
                    report::line(&line);
                }
            }
        }
    })
    .map_err(|error| StartError::Other("starting the watchdog", error))?;
    Ok(Watchdog { stop: Some(stop), thread: Some(thread) })
}

fn stalled(
    handle: &Handle,
    worker: usize,
    limit: Duration,
    now: Moment,
    reported: &mut Option<Moment>,
) -> Option<String> {
    let counters = handle.counters(worker);
    let since = counters.in_turn_since()?;
    let length = now.since(since);
    if length < limit || *reported == Some(since) {
        return None;
    }
    *reported = Some(since);
    let task = counters.last_task();
    Some(format!(
        "worker {worker} has been in one turn for {} ms, in a `{task}` task; its other connections wait",
        length.as_millis()
    ))
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
