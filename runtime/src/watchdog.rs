//! A thread that sees workers which do not come back from a turn: a poll that computes, or blocks, too long.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::handle::Handle;
use crate::report::{Report, Reporter};
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
        let reporter = Reporter::default();
        let mut reported: Vec<Option<Moment>> = vec![None; handle.workers()];
        while stopped.recv_timeout(limit / 2) == Err(RecvTimeoutError::Timeout) {
            for (worker, reported) in reported.iter_mut().enumerate() {
                let now = sys::monotonic();
                if let Some((since, line)) = stalled(&handle, worker, limit, now, *reported)
                    // One that is left out is tried again at the next look.
                    && reporter.report("stall", now, || line) == Report::Told
                {
                    *reported = Some(since);
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
    reported: Option<Moment>,
) -> Option<(Moment, String)> {
    let counters = handle.counters(worker);
    let since = counters.in_turn_since()?;
    let length = now.since(since);
    if length < limit || reported == Some(since) {
        return None;
    }
    // Before the line is written: it may end meanwhile.
    counters.watch_turn(since);
    let line = format!(
        "worker {worker} has been in one turn for {} ms, in a task {}; its other connections wait",
        length.as_millis(),
        counters.last_work()
    );
    Some((since, line))
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{Pinning, WatchdogSetting};
    use crate::runtime::Runtime;

    #[test]
    fn a_turn_that_lasts_is_reported_once_with_the_task_it_is_in() {
        let limit = Duration::from_millis(1_000);
        let builder = Runtime::builder().workers(1).pinning(Pinning::Free).watchdog(WatchdogSetting::Off);
        let running = builder.build().unwrap().start(|worker| async move { worker.stopped().await }).unwrap();
        let handle = running.handle().clone();
        for _ in 0..2 {
            let (began, has_begun) = mpsc::channel();
            let (go, may_go) = mpsc::channel::<()>();
            let job = move || {
                crate::label_work(b"GET /reports/7");
                began.send(()).unwrap();
                let _ = may_go.recv();
            };
            handle.run_on(0, job).unwrap();
            has_begun.recv().unwrap();
            let since = handle.counters(0).in_turn_since().expect("the job holds the turn");
            let mut reported = None;
            let after = |milliseconds, reported| {
                stalled(&handle, 0, limit, since + Duration::from_millis(milliseconds), reported)
            };
            assert_eq!(after(999, reported), None);
            let (told, line) = after(1_500, reported).expect("longer than the limit");
            reported = Some(told);
            assert_eq!(
                line,
                "worker 0 has been in one turn for 1500 ms, in a task `job`, at GET /reports/7; its other connections wait"
            );
            assert_eq!(after(2_000, reported), None, "once per turn");
            go.send(()).unwrap();
        }
        handle.stop();
        running.join();
        assert_eq!(stalled(&handle, 0, limit, sys::monotonic() + limit, None), None, "it has ended");
    }

    #[test]
    fn the_watchdogs_thread_ends_when_it_is_dropped() {
        let builder = Runtime::builder().workers(1).pinning(Pinning::Free);
        let watchdog = WatchdogSetting::After(Duration::from_secs(3_600));
        builder.watchdog(watchdog).build().unwrap().start(|_| async {}).unwrap().join();
    }
}
