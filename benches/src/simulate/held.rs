//! What the workers hold, asked in the midst of a run: each by a job of its own.
//!
//! In: a server, and how long its workers have for an answer. Out: what each holds, and the machine for them.

use std::sync::{Arc, Mutex, PoisonError};

use selvedge_http::Server;
use selvedge_runtime::sim::Simulation;
use selvedge_runtime::{BufferPool, BufferUsage};

/// What is held by the workers, and by the machine for them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) workers: Vec<BufferUsage>,
    pub(super) descriptors: usize,
}

impl Held {
    /// Asks every worker, and lets `settle` let events happen until they have answered.
    ///
    /// # Errors
    /// Which worker does not answer: it had no room for the question, or was not woken for it.
    pub(super) fn ask(
        simulation: &Simulation,
        server: &Server,
        settle: impl FnOnce(),
    ) -> Result<Self, String> {
        let handle = server.running().handle();
        let usages = Arc::new(Mutex::new(vec![None; handle.workers()]));
        for worker in 0..handle.workers() {
            let usages = Arc::clone(&usages);
            let tell = move || {
                usages.lock().unwrap_or_else(PoisonError::into_inner)[worker] = Some(BufferPool::usage());
            };
            handle
                .run_on(worker, tell)
                .map_err(|error| format!("worker {worker} takes no job: {error:?}"))?;
        }
        settle();
        let usages = usages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let silent =
            |worker: usize| format!("worker {worker} does not answer when it is asked what it holds");
        let workers =
            usages.into_iter().enumerate().map(|(worker, usage)| usage.ok_or_else(|| silent(worker)));
        Ok(Self { workers: workers.collect::<Result<_, _>>()?, descriptors: simulation.descriptors_open() })
    }
}
