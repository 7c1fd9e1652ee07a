//! A thread-per-core runtime on io_uring, made for servers.
//!
//! Each worker is a pinned thread with its own ring, buffers, tasks and timers; workers share nothing that is written per
//! request. One worker accepts for all and hands connections round. Futures need not be `Send`: they live and die on the
//! worker that spawned them.
//!
//! ```no_run
//! use selvedge_runtime::{Runtime, StartError};
//!
//! fn main() -> Result<(), StartError> {
//!     let running = Runtime::builder().workers(2).build()?.start(|worker| async move {
//!         println!("worker {} runs", worker.index());
//!     })?;
//!     running.join();
//!     Ok(())
//! }
//! ```
//!
//! Everything that talks to the kernel is in the private module `sys`, the only one with unsafe code.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use std::any::Any;
use std::fmt::Display;

mod allocation_budget;
mod blocking;
mod blocks;
mod buffers;
mod builder;
mod counters;
mod handle;
mod inbox;
mod line_log;
mod near;
mod op;
mod report;
mod runtime;
mod stop;
#[expect(unsafe_code, reason = "the one module that talks to the kernel")]
#[allow(clippy::disallowed_methods, reason = "the one module that talks to the kernel")]
mod sys;
mod task;
mod tasks;
mod turns;
mod waker;
mod watchdog;
mod work_label;
mod worker;

pub mod channel;
pub mod fs;
pub mod net;
pub mod process;
pub mod sim;
pub mod timer;

pub use allocation_budget::AllocationBudget;
pub use blocking::{BlockingLimits, Undone, blocking};
pub use blocks::{BlockClass, BlockLimits};
pub use buffers::{BufferPool, BufferUsage};
pub use builder::{Builder, Pinning, WatchdogSetting};
pub use counters::{Counter, Counters, TURN_BUCKETS};
pub use handle::{Busy, Handle, Worker};
pub use line_log::{LINE_BYTES_MAX, LineLog, LineSink, OpenLog};
pub use near::Near;
pub use report::{install_panic_hook, line as report_line, print_line};
pub use runtime::{Running, Runtime, block_on};
pub use stop::{StopSignal, StopSource};
pub use sys::{
    Chunk, CountingAllocator, KernelLimits, Lease, LogTarget, Moment, RingFeatures, SharedLease, StartError,
    allocated_bytes_of_thread, allocator_calls_of_thread, counts_allocations,
};
pub use task::{JoinHandle, Lost, spawn, spawn_detached, spawn_detached_near, wake_all_tasks, yield_now};
pub use turns::{Turn, Turns};
pub use worker::WorkerLimits;

/// The monotonic clock at the beginning of the current turn: free of a system call.
///
/// # Panics
/// Outside a worker.
pub fn now() -> Moment {
    worker::with_current(|core| core.expect("the turn's clock needs a worker").now())
}

/// The number of the worker's current turn. In one turn a task does not wait, so what it has found out of the world at the
/// beginning need not be asked for again at the end, by itself or by another.
///
/// ```
/// use selvedge_runtime::{block_on, turn_number, yield_now};
///
/// block_on(|| async {
///     let before = turn_number();
///     assert_eq!(turn_number(), before);
///     yield_now().await;
///     assert!(turn_number() > before);
/// });
/// ```
///
/// # Panics
/// Outside a worker.
pub fn turn_number() -> u64 {
    worker::with_current(|core| core.expect("turns are a worker's").turn_number())
}

/// The wall clock: seconds since 1970 (UTC) and nanoseconds within the second.
///
/// # Panics
/// Outside a worker.
pub fn wall_clock() -> (u64, u32) {
    worker::with_current(|core| core.expect("the wall clock needs a worker").kernel().wall_clock())
}

/// 128 bits that nobody can foretell: one system call (getrandom(2)).
///
/// # Panics
/// Outside a worker.
pub fn random_bits() -> u128 {
    worker::with_current(|core| core.expect("random bits need a worker").kernel().random_bits())
}

/// Says what the current task is at, such as a method and a path: lines about a panic, and about a turn that lasts, name it.
/// Forgotten when another task is polled, or this one again; so it is said in each poll. Some nanoseconds; 120 octets at most,
/// with what is not printable escaped.
///
/// # Panics
/// Outside a worker.
pub fn label_work(what: &[u8]) {
    worker::with_current(|core| core.expect("a label needs a worker").label_work(what));
}

/// Writes a line for the operator, at most one per `reason`, second and worker; says how many it left out.
///
/// # Panics
/// Outside a worker.
pub fn report(reason: &'static str, text: impl FnOnce() -> String) {
    worker::with_current(|core| {
        let core = core.expect("a worker's report needs a worker");
        core.reporter().report(reason, core.now(), text);
    });
}

/// Writes a line about a failure that nobody else hears of, with the task and its [label](label_work): at most one per `what`,
/// second and worker.
///
/// # Panics
/// Outside a worker.
pub fn report_failure(what: &'static str, failure: &dyn Display) {
    worker::with_current(|core| core.expect("a worker's report needs a worker").note_failure(what, failure));
}

/// Counts and reports a panic that the caller has caught, as the runtime does with one that ends a task: at most one
/// line per `what`, second and worker.
///
/// # Panics
/// Outside a worker.
pub fn report_panic(what: &'static str, panic: Box<dyn Any + Send>) {
    worker::with_current(|core| core.expect("a worker's report needs a worker").note_panic(what, panic));
}

/// The guide's code is compiled and run with the documentation's.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../docs/guides/protocol-on-the-runtime.md")]
    struct ProtocolOnTheRuntime;
}
