//! How a simulated machine, and a process on it, ends: at any moment, with anything under way, and never in silence.

mod support;

use std::future::{Future, pending, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use selvedge_runtime::fs::{self, Access, File, Resolve};
use selvedge_runtime::net::{TcpListener, TcpStream};
use selvedge_runtime::sim::{Disk, FaultRates, Simulation, SimulationOptions, WorkerDeath};
use selvedge_runtime::{BufferPool, Pinning, Running, Runtime, WatchdogSetting, Worker, block_on, blocking};
use support::{any_port, ip};

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
    assert_eq!(simulation.take_deaths(), ["worker 0 died: told to die"]);
    running.join();
}

#[test]
fn a_process_that_ends_leaves_the_leaks_of_workers_that_had_ended_before() {
    let simulation = calm(1);
    let _ended = start(|_| async {
        #[expect(clippy::mem_forget, reason = "it is lost")]
        std::mem::forget(BufferPool::file_block());
    });
    let _killed = start(|_| pending());
    simulation.kill();
    assert_eq!(simulation.take_leaks(), ["worker 0 ended with 0 receive buffers, 1 blocks, 0 ops"]);
}

#[test]
fn a_received_piece_that_is_never_given_back_is_a_leak() {
    let simulation = calm(1);
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).expect("the port is free");
        let mut client = TcpStream::connect(ip(listener.address())).await.expect("it listens");
        let mut stream = listener.accept().await.expect("it has connected");
        client.send("x").await.expect("it is open");
        #[expect(clippy::mem_forget, reason = "it is lost")]
        std::mem::forget(stream.receive().await.expect("there is something"));
    });
    assert_eq!(simulation.take_leaks(), ["worker 0 ended with 1 receive buffers, 0 blocks, 0 ops"]);
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_drop_that_panics_leaves_the_thread_out_of_the_simulation() {
    let simulation = calm(1);
    let _running = [(); 2].map(|()| {
        start(|_| async {
            let _held = PanicsWhenDropped;
            pending().await
        })
    });
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(simulation)));
    assert_eq!(dropped.unwrap_err().downcast_ref(), Some(&"dropped"));
    // The thread can be in another one.
    assert_eq!(calm(2).workers(), 0);
}

#[test]
fn work_that_no_helper_has_begun_is_dropped_in_its_simulation() {
    struct Held(std::sync::mpsc::Sender<bool>);

    impl Drop for Held {
        fn drop(&mut self) {
            let _ = self.0.send(Disk::current().is_some());
        }
    }

    let (tell, told) = std::sync::mpsc::channel();
    let simulation = calm(1);
    let _running = start(move |_| {
        let held = Held(tell.clone());
        async move {
            let _ = blocking(move || drop(held)).await;
        }
    });
    drop(simulation);
    assert_eq!(told.try_recv(), Ok(true));
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

#[test]
#[should_panic(expected = "1 blocks")]
fn what_a_worker_has_not_given_back_fails_the_run_if_nobody_asks() {
    let _simulation = calm(1);
    block_on(|| async {
        #[expect(clippy::mem_forget, reason = "it is lost")]
        std::mem::forget(BufferPool::file_block());
    });
}
