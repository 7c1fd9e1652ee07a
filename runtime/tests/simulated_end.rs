//! How a simulated machine, and a process on it, ends: at any moment, with anything under way, and never in silence.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use selvedge_runtime::fs::{self, Access, File, Resolve};
use selvedge_runtime::sim::{Disk, FaultRates, Simulation, SimulationOptions, WorkerDeath};
use selvedge_runtime::{BufferPool, Pinning, Running, Runtime, WatchdogSetting, Worker, block_on};

fn calm(seed: u64) -> Simulation {
    let simulation =
        Simulation::new(seed, SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() });
    simulation.disk().write("/site/file", &[7; 10_000]);
    simulation
}

fn start<M: Future<Output = ()> + 'static>(main: impl Fn(Worker) -> M + Send + Sync + 'static) -> Running {
    let runtime = Runtime::builder().workers(1).pinning(Pinning::Free).watchdog(WatchdogSetting::Off);
    runtime.build().expect("it can be").start(main).expect("it starts")
}

/// Opens the file where nothing of it is in memory.
fn opening(root: &File) -> impl Future<Output = io::Result<File>> {
    Disk::current().expect("the thread is in a simulation").evict("/site/file");
    fs::open(root, c"file".to_owned(), Access::Read, Resolve::Beneath)
}

async fn read_for_ever() {
    let root = fs::open_directory(Path::new("/site")).expect("it is there");
    loop {
        let file = opening(&root).await.expect("it is there");
        let block = BufferPool::file_block().expect("a free block");
        let read = fs::read_at(&file, block, 0).await.expect("the disk works");
        assert_eq!(read.len(), 10_000);
    }
}

#[test]
fn a_process_is_killed_whatever_it_waits_for_from_the_disk() {
    for events in 0..400 {
        let simulation = calm(1);
        let running = start(|_| read_for_ever());
        for _ in 0..events {
            simulation.next().expect("it reads for ever");
        }
        simulation.kill();
        assert_eq!((simulation.workers(), simulation.descriptors_open()), (0, 0), "after {events} events");
        running.join();
    }
}

#[test]
fn a_worker_dies_with_an_open_that_it_has_not_submitted() {
    let simulation = calm(1);
    simulation.set_worker_death(WorkerDeath::EndsProcess);
    let running = start(|_| async {
        let root = fs::open_directory(Path::new("/site")).expect("it is there");
        let mut open = pin!(opening(&root));
        poll_fn(|context| Poll::Ready(open.as_mut().poll(context).is_pending())).await;
        panic!("told to die");
    });
    assert_eq!((simulation.workers(), simulation.descriptors_open()), (0, 0));
    running.join();
}

#[test]
#[should_panic(expected = "nothing happens any more, and 1 workers have not ended")]
fn who_joins_a_worker_that_hangs_is_told_so() {
    let _simulation = calm(1);
    block_on(pending::<()>);
}

#[test]
fn who_joins_waits_for_no_workers_but_its_own() {
    let simulation = calm(1);
    let others = start(|worker| async move { worker.stopped().await });
    assert_eq!(block_on(|| async { 7 }), 7);
    assert_eq!(simulation.workers(), 1);
    others.handle().stop();
    others.join();
}
