//! Simulated machines and workers on them, for several test binaries.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::SocketAddr;
use std::sync::mpsc;

use selvedge_runtime::sim::{Fault, FaultRates, Simulation, SimulationOptions};
use selvedge_runtime::{BlockingLimits, Pinning, Running, Runtime, WatchdogSetting, Worker, WorkerLimits};

pub(crate) const ALWAYS: u32 = 1_000_000;

pub(crate) fn address() -> SocketAddr {
    ([127, 0, 0, 1], 80).into()
}

pub(crate) fn simulation(faults: FaultRates) -> Simulation {
    Simulation::new(1, SimulationOptions { faults, ..SimulationOptions::default() })
}

/// One where nothing goes wrong by itself.
pub(crate) fn calm(seed: u64) -> Simulation {
    Simulation::new(seed, SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() })
}

pub(crate) fn only(fault: Fault, per_million: u32) -> FaultRates {
    let mut rates = FaultRates::NONE;
    rates.set(fault, per_million);
    rates
}

pub(crate) fn start<M: Future<Output = ()> + 'static>(
    workers: usize,
    main: impl Fn(Worker) -> M + Send + Sync + 'static,
) -> Running {
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = 64;
    let runtime = Runtime::builder().workers(workers).limits(limits).pinning(Pinning::Free);
    let runtime =
        runtime.blocking(BlockingLimits { threads_max: 1, waiting_max: 1, ..BlockingLimits::default() });
    runtime.watchdog(WatchdogSetting::Off).build().expect("it can be").start(main).expect("it starts")
}

/// What one worker's future gives, with all that happens until then.
pub(crate) fn outcome<T: Send + 'static, M: Future<Output = T> + 'static>(
    simulation: &Simulation,
    main: impl Fn() -> M + Send + Sync + 'static,
) -> T {
    let (tell, told) = mpsc::channel();
    let running = start(1, move |_| {
        let (tell, main) = (tell.clone(), main());
        async move { tell.send(main.await).expect("the test waits for it") }
    });
    simulation.run_while(|| simulation.workers() > 0);
    running.join();
    told.try_recv().expect("the worker has ended")
}
