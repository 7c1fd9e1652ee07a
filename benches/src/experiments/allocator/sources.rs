//! Where threads get buffers from. In: a source, threads, and how many buffers all of them take. Out: how quick that was, what it
//! cost, and how often one waited for another.

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use selvedge_runtime::{
    BlockClass, BlockLimits, BufferPool, KernelLimits, Pinning, Runtime, WatchdogSetting, WorkerLimits,
};
use serde::Serialize;

use crate::compare::proc::sleeps_of_thread;
use crate::cpus;

/// Buffers a thread holds before it gives them back: answers on their way.
pub(super) const HELD: usize = 16;
const BUFFER_BYTES: usize = BlockClass::Small.bytes();

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Source {
    Leases,
    Global,
    GlobalFreedElsewhere,
    LockedPool,
}

impl Source {
    pub(super) const ALL: [Self; 4] =
        [Self::Leases, Self::Global, Self::GlobalFreedElsewhere, Self::LockedPool];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Leases => "leases of a worker's own pool",
            Self::Global => "global allocator (of the C library)",
            Self::GlobalFreedElsewhere => "global allocator, freed by another thread",
            Self::LockedPool => "one pool behind one lock",
        }
    }

    /// Has so many threads take and give back so many buffers, all threads together.
    pub(super) fn measure(self, threads: usize, buffers: u64) -> anyhow::Result<Sample> {
        // Each gives back before it takes more.
        let rounds = (buffers / (threads * HELD) as u64).max(1);
        match self {
            Self::Leases => lease(threads, rounds),
            Self::Global => on_threads(threads, rounds, |_| || drop(take())),
            Self::GlobalFreedElsewhere => {
                let slots: Arc<[Mutex<Vec<Vec<u8>>>]> = (0..threads).map(|_| Mutex::default()).collect();
                on_threads(threads, rounds, move |number| {
                    let slots = Arc::clone(&slots);
                    // What its neighbour took goes back here; the lock is asked for once per `HELD` buffers.
                    move || {
                        let mut held = take();
                        let slot = &slots[(number + 1) % slots.len()];
                        std::mem::swap(&mut *slot.lock().expect("no holder panics"), &mut held);
                        drop(held);
                    }
                })
            }
            Self::LockedPool => {
                let free: Vec<Vec<u8>> = (0..threads * HELD).map(|_| vec![0; BUFFER_BYTES]).collect();
                let pool = Arc::new(Mutex::new(free));
                on_threads(threads, rounds, move |_| {
                    let pool = Arc::clone(&pool);
                    let mut held = Vec::with_capacity(HELD);
                    move || {
                        for _ in 0..HELD {
                            let buffer = pool.lock().expect("no holder panics").pop();
                            let mut buffer = buffer.expect("there are enough for all");
                            touch(&mut buffer);
                            held.push(buffer);
                        }
                        for buffer in held.drain(..) {
                            pool.lock().expect("no holder panics").push(buffer);
                        }
                    }
                })
            }
        }
    }
}

/// Buffers of the global allocator, written to at both ends.
fn take() -> Vec<Vec<u8>> {
    let mut held = Vec::with_capacity(HELD);
    for _ in 0..HELD {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        buffer.push(1);
        buffer.spare_capacity_mut()[BUFFER_BYTES - 2].write(1);
        held.push(black_box(buffer));
    }
    held
}

fn touch(buffer: &mut [u8]) {
    buffer[0] = 1;
    buffer[BUFFER_BYTES - 1] = 1;
    black_box(buffer);
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) buffers_per_second: f64,
    /// CPU time of all threads.
    pub(super) cpu_ns_per_buffer: f64,
    /// How often a thread slept until another was done (voluntary_ctxt_switches, proc_pid_status(5)).
    pub(super) waits_per_million: f64,
}

/// What one thread used.
struct Used {
    started: Instant,
    ended: Instant,
    cpu: Duration,
    waits: u64,
}

impl Used {
    /// Runs `work` so many times, once all threads are there.
    fn by(rounds: u64, all_are_there: &Barrier, mut work: impl FnMut()) -> anyhow::Result<Self> {
        // The first time memory is asked of the kernel.
        work();
        let thread_self = Path::new("/proc/thread-self");
        all_are_there.wait();
        let (started, cpu, waits) = (Instant::now(), cpus::thread_time(), sleeps_of_thread(thread_self)?);
        for _ in 0..rounds {
            work();
        }
        Ok(Self {
            started,
            ended: Instant::now(),
            cpu: cpus::thread_time() - cpu,
            waits: sleeps_of_thread(thread_self)? - waits,
        })
    }

    fn sum(used: &[Self], rounds: u64) -> anyhow::Result<Sample> {
        let first = used.iter().map(|used| used.started).min().context("no thread has run")?;
        let last = used.iter().map(|used| used.ended).max().context("no thread has run")?;
        let buffers = rounds as f64 * (HELD * used.len()) as f64;
        Ok(Sample {
            buffers_per_second: buffers / last.duration_since(first).as_secs_f64(),
            cpu_ns_per_buffer: used.iter().map(|used| used.cpu.as_secs_f64()).sum::<f64>() * 1e9 / buffers,
            waits_per_million: used.iter().map(|used| used.waits as f64).sum::<f64>() / buffers * 1e6,
        })
    }
}

fn on_threads<W: FnMut() + Send>(
    threads: usize,
    rounds: u64,
    work_of: impl Fn(usize) -> W,
) -> anyhow::Result<Sample> {
    let all_are_there = Barrier::new(threads);
    let used: anyhow::Result<Vec<Used>> = thread::scope(|scope| {
        let run = |number| {
            let work = work_of(number);
            scope.spawn(|| Used::by(rounds, &all_are_there, work))
        };
        let started: Vec<_> = (0..threads).map(run).collect();
        let joined =
            started.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        joined.collect()
    });
    Used::sum(&used?, rounds)
}

/// The same on workers, each with the pool that is its own.
fn lease(workers: usize, rounds: u64) -> anyhow::Result<Sample> {
    let kernel = KernelLimits { receive_buffers: 64, file_blocks: 1, ..KernelLimits::default() };
    let limits = WorkerLimits { kernel, blocks: BlockLimits { small: 2 * HELD, medium: 1, large: 1 } };
    let all_are_there = Arc::new(Barrier::new(workers));
    let (tell, told) = mpsc::channel();
    let runtime = Runtime::builder()
        .workers(workers)
        .pinning(Pinning::Free)
        .limits(limits)
        // Each worker is held in one turn on purpose.
        .watchdog(WatchdogSetting::Off)
        .build()?;
    let running = runtime.start(move |_worker| {
        let (tell, all_are_there) = (tell.clone(), Arc::clone(&all_are_there));
        async move {
            let mut held = Vec::with_capacity(HELD);
            let used = Used::by(rounds, &all_are_there, || {
                for _ in 0..HELD {
                    let mut lease = BufferPool::lease(BlockClass::Small).expect("there are enough");
                    touch(&mut lease);
                    held.push(lease);
                }
                held.clear();
            });
            // Nobody listens any more only if the measurement has failed.
            let _ = tell.send(used);
        }
    })?;
    running.join();
    Used::sum(&told.into_iter().collect::<anyhow::Result<Vec<_>>>()?, rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_measured_with_as_many_threads_as_asked_for() {
        for source in Source::ALL {
            let sample = source.measure(3, 30_000).unwrap();
            assert!(
                sample.buffers_per_second > 0.0 && sample.cpu_ns_per_buffer > 0.0,
                "{source:?} {sample:?}"
            );
        }
    }
}
