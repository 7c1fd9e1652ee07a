//! Descriptors of the whole process, so one test at a time: what was opened is closed, whoever gave it up and when.

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use selvedge_runtime::fs::{self, Access, Resolve};
use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing, TcpStream};
use selvedge_runtime::process::descriptors_open;
use selvedge_runtime::{StartError, block_on, spawn, timer, yield_now};
use support::directory::Directory;
use support::{PATIENCE, any_port, builder};

/// Held by the one test that counts.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until as many descriptors are open as before.
async fn closed_down_to(before: usize) {
    let patience = timer::timeout(PATIENCE, async {
        while descriptors_open().expect("/proc is mounted") > before {
            yield_now().await;
        }
    });
    assert!(patience.await.is_ok(), "{} open, {before} before", descriptors_open().unwrap_or(0));
}

#[test]
fn an_open_given_up_at_any_moment_leaves_no_descriptor() {
    let _alone = alone();
    let directory = Directory::new("orphans");
    std::fs::write(directory.join("file"), "x").unwrap();
    let path = directory.path().to_owned();
    block_on(move || async move {
        let root = fs::open_directory(&path).unwrap();
        let before = descriptors_open().unwrap();
        for moment in 0..300 {
            let root = root.clone();
            let task = spawn("opener", async move {
                fs::open(&root, c"file".to_owned(), Access::Read, Resolve::Beneath).await.unwrap();
            });
            // Never polled, submitted, completed but not taken, taken.
            for _ in 0..moment % 4 {
                yield_now().await;
            }
            task.abort();
        }
        closed_down_to(before).await;
    });
}

#[test]
fn a_connect_given_up_leaves_no_descriptor() {
    let _alone = alone();
    block_on(|| async {
        let listener = std::net::TcpListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        let before = descriptors_open().unwrap();
        for moment in 0..100 {
            let task = spawn("connector", async move { drop(TcpStream::connect(address).await) });
            for _ in 0..moment % 3 {
                yield_now().await;
            }
            task.abort();
        }
        closed_down_to(before).await;
    });
}

#[test]
fn a_runtime_that_has_ended_leaves_no_descriptor_and_no_thread() {
    let _alone = alone();
    // The first one makes what lives as long as the process: the workers' eventfds.
    let mut before = None;
    for _ in 0..5 {
        let listening = Listening::bind_ip(any_port(), 16, PortSharing::Exclusive).unwrap();
        let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 16 };
        let intake = Intake::new(vec![vec![listening]], 3, &options).unwrap();
        let doors = std::sync::Arc::clone(&intake);
        let running = builder(3).build().unwrap().start(move |worker| {
            let mut door = doors.open_door(worker.index());
            async move { while door.next().await.is_some() {} }
        });
        let running = running.unwrap();
        intake.stop();
        running.join();
        drop(intake);
        let open = descriptors_open().unwrap();
        assert!(open <= *before.get_or_insert(open), "{open} open, {before:?} before");
    }
    assert_no_worker_is_left();
}

/// Asserts that no worker's thread is there. A thread that was joined is listed for a moment longer.
fn assert_no_worker_is_left() {
    let deadline = std::time::Instant::now() + PATIENCE;
    while worker_threads() > 0 {
        assert!(std::time::Instant::now() < deadline, "{} worker threads are left", worker_threads());
        std::thread::yield_now();
    }
}

fn worker_threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("selvedge-")).count()
}

#[test]
fn a_start_that_fails_on_a_worker_leaves_no_thread_and_no_descriptor() {
    let _alone = alone();
    builder(4).build().unwrap().start(|_| async {}).unwrap().join();
    let before = descriptors_open().unwrap();
    let mut limits = selvedge_runtime::WorkerLimits::default();
    // More than an address space: the mapping is refused, on every worker, after its ring was made.
    limits.kernel.file_blocks = 4;
    limits.kernel.file_block_bytes = 1 << 46;
    let error = builder(4).limits(limits).build().unwrap().start(|_| async {}).unwrap_err();
    assert!(matches!(error, StartError::Memory(_)), "{error:?}");
    assert_no_worker_is_left();
    assert_eq!(descriptors_open().unwrap(), before);
}
