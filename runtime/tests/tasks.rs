//! Tasks: their ends, good and bad, and the runtime around them.

mod support;

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use selvedge_runtime::net::TcpListener;
use selvedge_runtime::{BufferPool, Busy, Lost, block_on, channel, spawn, spawn_detached, timer, yield_now};
use support::{PATIENCE, any_port, builder, client, ip};

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_task_that_panics_closes_its_connection_and_nothing_else() {
    let (bound, addresses) = mpsc::channel();
    let running = builder(1)
        .build()
        .unwrap()
        .start(move |worker| {
            let bound = bound.clone();
            async move {
                let mut listener = TcpListener::bind(any_port()).unwrap();
                bound.send(ip(listener.address())).unwrap();
                spawn_detached("acceptor", async move {
                    loop {
                        let mut stream = listener.accept().await.unwrap();
                        spawn_detached("connection", async move {
                            while let Some(lease) = stream.receive().await.unwrap() {
                                assert_ne!(&*lease, b"break", "told to");
                                stream.send(lease).await.unwrap();
                            }
                        });
                    }
                });
                worker.stopped().await;
            }
        })
        .unwrap();
    let address = addresses.recv().unwrap();
    let mut bystander = client(address);
    let mut answer = [0; 5];
    for round in 1..=3 {
        let mut victim = client(address);
        victim.write_all(b"break").unwrap();
        assert_eq!(victim.read(&mut answer).unwrap(), 0, "closed");
        bystander.write_all(b"hello").unwrap();
        bystander.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello");
        assert_eq!(running.handle().counters(0).panics.get(), round);
    }
    running.handle().stop();
    running.join();
}

#[test]
fn drops_that_panic_are_survived_at_a_tasks_end_at_its_abort_and_at_the_workers_end() {
    let (counted, counts) = mpsc::channel();
    let running = builder(1).build().unwrap().start(move |worker| {
        let counted = counted.clone();
        async move {
            let breaks = || OnDrop(|| panic!("dropped"));
            let held = breaks();
            let ends = spawn("ends", async move {
                yield_now().await;
                drop(held);
            });
            assert_eq!(ends.await, Err(Lost));
            let held = breaks();
            let aborted = spawn("aborted", async move {
                let _held = held;
                pending::<()>().await;
            });
            yield_now().await;
            aborted.abort();
            assert_eq!(aborted.await, Err(Lost));
            counted.send(worker.counters().panics.get()).unwrap();
            // Bytes whose owner breaks when the kernel is done with them.
            struct Owner;
            impl AsRef<[u8]> for Owner {
                fn as_ref(&self) -> &[u8] {
                    b"owned"
                }
            }
            impl Drop for Owner {
                fn drop(&mut self) {
                    panic!("an owner of bytes broke");
                }
            }
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = ip(listener.address());
            let mut sender = selvedge_runtime::net::TcpStream::connect(address).await.unwrap();
            let mut receiver = listener.accept().await.unwrap();
            sender.send(bytes::Bytes::from_owner(Owner)).await.unwrap();
            assert_eq!(&*receiver.receive().await.unwrap().unwrap(), b"owned");
            counted.send(worker.counters().panics.get()).unwrap();
            for _ in 0..3 {
                let held = breaks();
                spawn_detached("left over", async move {
                    let _held = held;
                    pending::<()>().await;
                });
            }
        }
    });
    let running = running.unwrap();
    let handle = running.handle().clone();
    running.join();
    assert_eq!(counts.recv(), Ok(2));
    assert_eq!(counts.recv(), Ok(3));
    assert_eq!(handle.counters(0).panics.get(), 6);
}

#[test]
fn an_abort_drops_the_future_at_its_await() {
    block_on(|| async {
        let dropped = Rc::new(Cell::new(false));
        let there = Rc::clone(&dropped);
        let task = spawn("sleeper", async move {
            let _note = OnDrop(|| there.set(true));
            timer::sleep(PATIENCE).await;
            unreachable!("it was aborted");
        });
        yield_now().await;
        assert!(!dropped.get());
        task.abort();
        assert!(dropped.get(), "at once");
        assert_eq!(task.await, Err(Lost));
    });
}

#[test]
fn an_abort_before_the_first_poll_or_after_the_end_is_no_trouble() {
    block_on(|| async {
        let early = spawn("early", async { 1 });
        early.abort();
        assert_eq!(early.await, Err(Lost));
        let late = spawn("late", async { 2 });
        yield_now().await;
        // Its slot has another task by now.
        let successor = spawn("successor", async {
            yield_now().await;
            3
        });
        late.abort();
        assert_eq!(late.await, Ok(2));
        assert_eq!(successor.await, Ok(3));
    });
}

#[test]
fn a_task_may_abort_itself_and_ends_after_its_poll() {
    block_on(|| async {
        let (handle, dropped) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(false)));
        let (mine, there) = (Rc::clone(&handle), Rc::clone(&dropped));
        let task = spawn("suicidal", async move {
            let _note = OnDrop(|| there.set(true));
            let own: selvedge_runtime::JoinHandle<()> = mine.borrow_mut().take().unwrap();
            own.abort();
            assert!(!there.get(), "it still runs");
            pending::<()>().await;
        });
        handle.replace(Some(task));
        while !dropped.get() {
            yield_now().await;
        }
    });
}

#[test]
fn a_handle_tells_of_a_panic_and_gives_a_result_later_too() {
    block_on(|| async {
        let broken: selvedge_runtime::JoinHandle<()> = spawn("broken", async { panic!("told to") });
        assert!(format!("{broken:?}").starts_with("JoinHandle {"), "{broken:?}");
        assert_eq!(broken.await, Err(Lost));
        assert_eq!(Lost.to_string(), "the task panicked or was aborted");
        let done = spawn("done", async { String::from("result") });
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(done.await.as_deref(), Ok("result"));
        let detached = Rc::new(Cell::new(false));
        let there = Rc::clone(&detached);
        drop(spawn("detached", async move {
            yield_now().await;
            there.set(true);
        }));
        while !detached.get() {
            yield_now().await;
        }
    });
}

#[test]
fn what_a_drop_spawns_at_the_workers_end_is_dropped_too() {
    let drops = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&drops);
    block_on(move || async move {
        let count_inner = Arc::clone(&count);
        spawn_detached("outer", async move {
            let _spawns = OnDrop(move || {
                let count = Arc::clone(&count_inner);
                let counts = OnDrop(move || _ = count.fetch_add(1, Ordering::SeqCst));
                spawn_detached("inner", async move {
                    let _counts = counts;
                    pending::<()>().await;
                });
            });
            pending::<()>().await;
        });
        yield_now().await;
        let never_polled = OnDrop(move || _ = count.fetch_add(1, Ordering::SeqCst));
        spawn_detached("never polled", async move {
            let _held = never_polled;
        });
    });
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}

#[test]
fn thousands_of_tasks_end_with_their_worker_in_no_time() {
    const TASKS: usize = 50_000;
    let drops = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&drops);
    let started = std::time::Instant::now();
    block_on(move || async move {
        for _ in 0..TASKS {
            let held = OnDrop({
                let count = Arc::clone(&count);
                move || _ = count.fetch_add(1, Ordering::Relaxed)
            });
            spawn_detached("idle", async move {
                let _held = held;
                pending::<()>().await;
            });
        }
        yield_now().await;
        assert_eq!(BufferPool::usage().tasks, TASKS + 2, "main and the one for jobs among them");
    });
    assert_eq!(drops.load(Ordering::Relaxed), TASKS);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

#[test]
fn jobs_run_on_the_worker_they_are_sent_to_in_order_and_one_that_panics_ends_alone() {
    let running = builder(2).build().unwrap().start(|worker| async move { worker.stopped().await }).unwrap();
    let (ran, jobs) = mpsc::channel();
    for worker in [0, 1] {
        running.handle().run_on(worker, || panic!("a job broke")).unwrap();
        for number in 0..20 {
            let ran = ran.clone();
            running
                .handle()
                .run_on(worker, move || {
                    let thread = std::thread::current().name().unwrap_or_default().to_owned();
                    ran.send((number, thread)).unwrap();
                })
                .unwrap();
        }
        for number in 0..20 {
            let expected = (number, format!("selvedge-{worker}"));
            assert_eq!(jobs.recv_timeout(PATIENCE), Ok(expected));
        }
    }
    running.handle().stop();
    running.join();
}

#[test]
fn a_worker_with_64_jobs_waiting_is_busy_and_one_that_has_ended_too() {
    let running = builder(1).build().unwrap().start(|worker| async move { worker.stopped().await }).unwrap();
    let handle = running.handle().clone();
    let (go, may_go) = mpsc::channel::<()>();
    let (began, has_begun) = mpsc::channel();
    handle
        .run_on(0, move || {
            began.send(()).unwrap();
            let _ = may_go.recv();
        })
        .unwrap();
    has_begun.recv_timeout(PATIENCE).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let accepted = (0..200)
        .filter(|_| {
            let count = Arc::clone(&count);
            handle.run_on(0, move || _ = count.fetch_add(1, Ordering::SeqCst)).is_ok()
        })
        .count();
    assert_eq!(accepted, 64);
    go.send(()).unwrap();
    let (done, is_done) = mpsc::channel();
    while handle.run_on(0, {
        let done = done.clone();
        move || done.send(()).unwrap()
    }) == Err(Busy)
    {
        std::thread::yield_now();
    }
    is_done.recv_timeout(PATIENCE).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 64);
    running.handle().stop();
    running.join();
    // What a job holds does not outlive its refusal.
    let dropped = Arc::new(AtomicBool::new(false));
    let note = OnDrop({
        let dropped = Arc::clone(&dropped);
        move || dropped.store(true, Ordering::SeqCst)
    });
    assert_eq!(handle.run_on(0, move || drop(note)), Err(Busy));
    assert!(dropped.load(Ordering::SeqCst));
}

#[test]
fn stop_reaches_every_worker_and_those_that_ask_later() {
    let (saw, seen) = mpsc::channel();
    let running = builder(3)
        .build()
        .unwrap()
        .start(move |worker| {
            let saw = saw.clone();
            async move {
                worker.stopped().await;
                assert!(worker.is_stopped());
                worker.stopped().await;
                saw.send(worker.index()).unwrap();
            }
        })
        .unwrap();
    running.handle().stop();
    running.handle().stop();
    running.join();
    let mut workers: Vec<usize> = seen.iter().collect();
    workers.sort_unstable();
    assert_eq!(workers, [0, 1, 2]);
}

#[test]
fn turns_are_counted_by_length_and_the_task_in_a_long_one_is_known() {
    let running = builder(1).build().unwrap().start(|worker| async move { worker.stopped().await }).unwrap();
    let handle = running.handle().clone();
    let counters = Arc::clone(handle.counters(0));
    let (began, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    handle
        .run_on(0, move || {
            began.send(()).unwrap();
            let _ = may_go.recv();
        })
        .unwrap();
    has_begun.recv_timeout(PATIENCE).unwrap();
    assert!(counters.in_turn_since().is_some());
    assert_eq!(counters.last_task(), "job");
    // At least 8 ms in one turn: buckets are powers of two of a microsecond.
    std::thread::sleep(Duration::from_millis(8));
    go.send(()).unwrap();
    handle.stop();
    running.join();
    assert_eq!(counters.in_turn_since(), None);
    let lengths = counters.turn_lengths();
    assert_eq!(lengths.iter().sum::<u64>(), counters.turns.get());
    assert!(lengths[13..].iter().sum::<u64>() >= 1, "one turn took 8 ms: {lengths:?}");
    assert!(counters.enters.get() > 0 && counters.completions.get() > 0);
}

#[test]
fn a_full_channel_makes_its_sender_wait_and_a_closed_one_says_so() {
    block_on(|| async {
        let (sender, receiver) = channel::bounded(2);
        let sent = Rc::new(Cell::new(0));
        let there = Rc::clone(&sent);
        let task = spawn("sender", async move {
            while sender.send(there.get()).await.is_ok() {
                there.set(there.get() + 1);
            }
        });
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(sent.get(), 2);
        assert_eq!(receiver.recv().await, Ok(0));
        drop(receiver);
        task.await.unwrap();
    });
}
