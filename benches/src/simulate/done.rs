//! What a run has brought.
//!
//! In: a simulation whose clients are gone, and whose server was told to stop. Out: what went wrong, figures, the faults
//! met, the trace.

use selvedge_http::Server;
use selvedge_runtime::sim::{Fault, Simulation};

use crate::plural::counted;

/// What a run has brought.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) hash: u64,
    pub(super) failures: Vec<String>,
    pub(super) figures: Figures,
    pub(super) faults: Vec<(&'static str, Fault, u64)>,
    pub(super) trace: Vec<String>,
}

impl Done {
    /// Ends the run: whatever is left of its machine is a failure too.
    pub(super) fn of_run(
        simulation: &Simulation,
        server: Server,
        mut failures: Vec<String>,
        mut figures: Figures,
    ) -> Self {
        figures.simulated_s = simulation.elapsed().as_secs();
        match simulation.workers() {
            0 => {
                server.join();
                // What helpers have not ended holds what it reads.
                simulation.run_while(|| true);
                let open = simulation.descriptors_open();
                if open > 0 {
                    let descriptors = counted(open, "descriptor is", "descriptors are");
                    failures.push(format!("{descriptors} open at the end"));
                }
            }
            // Who waits for their end may wait for ever, and nobody would read what went wrong.
            workers => {
                if failures.is_empty() {
                    let workers = counted(workers, "worker is", "workers are");
                    failures.push(format!("{workers} left at the end"));
                }
                simulation.kill();
            }
        }
        failures.extend(simulation.take_leaks());
        Self {
            hash: simulation.trace_hash(),
            failures,
            figures,
            faults: simulation.faults(),
            trace: simulation.take_trace(),
        }
    }

    /// Of a run that has panicked, which was told by then.
    pub(super) fn of_panic() -> Self {
        let failures = vec!["it has panicked".to_owned()];
        Self { hash: 0, failures, figures: Figures::default(), faults: Vec::new(), trace: Vec::new() }
    }
}

/// How many of what there were.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Figures {
    /// Answers that were compared whole.
    pub(super) answers: u64,
    pub(super) whole: u64,
    pub(super) cut: u64,
    pub(super) left: u64,
    pub(super) released: u64,
    pub(super) evictions: u64,
    pub(super) simulated_s: u64,
}

impl Figures {
    pub(super) fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.whole += other.whole;
        self.cut += other.cut;
        self.left += other.left;
        self.released += other.released;
        self.evictions += other.evictions;
        self.simulated_s += other.simulated_s;
    }
}
