//! Who may wake a task, from where, and when it is too late: nothing is lost, nothing breaks.

mod support;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, pin_mut};
use selvedge_runtime::net::{TcpListener, TcpStream};
use selvedge_runtime::{block_on, channel, spawn, timer, yield_now};
use support::{PATIENCE, any_port, builder, ip};

#[test]
fn a_thread_without_a_ring_wakes_a_worker_that_sleeps() {
    let (to_worker, messages) = channel::bounded::<u32>(1);
    let (answer, answers) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        for number in 0..1_000 {
            // The worker has nothing else to do, so it sleeps or is about to.
            to_worker.send_blocking(number).unwrap();
            assert_eq!(answers.recv_timeout(PATIENCE), Ok(number));
        }
    });
    block_on(|| async move {
        while let Ok(number) = messages.recv().await {
            answer.send(number).unwrap();
        }
    });
    thread.join().unwrap();
}

#[test]
fn a_wake_within_a_worker_submits_nothing_to_its_ring_and_sleep_costs_no_turns() {
    let running = builder(1).build().unwrap().start(|worker| async move {
        let counters = worker.counters();
        let submissions = counters.submissions.get();
        for _ in 0..1_000 {
            yield_now().await;
        }
        let submitted = counters.submissions.get() - submissions;
        assert!(submitted < 100, "{submitted} submissions for 1,000 wakes of its own");
        let turns = counters.turns.get();
        timer::sleep(Duration::from_millis(100)).await;
        let turned = counters.turns.get() - turns;
        assert!(turned < 100, "{turned} turns with nothing to do");
    });
    running.unwrap().join();
}

#[test]
fn a_worker_wakes_another_one_through_its_ring() {
    const MESSAGES: u64 = 1_000;
    let (ping, pings) = channel::bounded::<u64>(1);
    let (pong, pongs) = channel::bounded::<u64>(1);
    let running = builder(2).build().unwrap().start(move |worker| {
        let (ping, pings, pong, pongs) = (ping.clone(), pings.clone(), pong.clone(), pongs.clone());
        async move {
            let before = worker.counters().submissions.get();
            for number in 0..MESSAGES {
                // Each waits for the other, so that there is a wake for each message.
                if worker.index() == 0 {
                    ping.send(number).await.unwrap();
                    assert_eq!(pongs.recv().await, Ok(number));
                } else {
                    assert_eq!(pings.recv().await, Ok(number));
                    pong.send(number).await.unwrap();
                }
            }
            let submitted = worker.counters().submissions.get() - before;
            assert!(submitted >= MESSAGES / 2, "{submitted} submissions for {MESSAGES} messages");
        }
    });
    running.unwrap().join();
}

#[test]
fn two_workers_wake_each_other_in_both_directions_through_bounded_channels() {
    const MESSAGES: u64 = 20_000;
    let (ping, pings) = channel::bounded::<u64>(4);
    let (pong, pongs) = channel::bounded::<u64>(4);
    let sums = Arc::new(Mutex::new(Vec::new()));
    let results = Arc::clone(&sums);
    let running = builder(2).build().unwrap().start(move |worker| {
        let (mine, theirs) =
            if worker.index() == 0 { (ping.clone(), pongs.clone()) } else { (pong.clone(), pings.clone()) };
        let results = Arc::clone(&results);
        async move {
            let sending = spawn("sender", async move {
                for number in 0..MESSAGES {
                    mine.send(number).await.unwrap();
                }
            });
            let (mut sum, mut last) = (0, None);
            for _ in 0..MESSAGES {
                let number = theirs.recv().await.unwrap();
                assert!(last < Some(number), "in order");
                last = Some(number);
                sum += number;
            }
            sending.await.unwrap();
            results.lock().unwrap().push(sum);
        }
    });
    running.unwrap().join();
    assert_eq!(*sums.lock().unwrap(), [MESSAGES * (MESSAGES - 1) / 2; 2]);
}

#[test]
fn many_tasks_of_many_workers_meet_in_one_channel() {
    let (sender, receiver) = channel::bounded::<usize>(8);
    let total = Arc::new(AtomicUsize::new(0));
    let sum = Arc::clone(&total);
    let running = builder(3).build().unwrap().start(move |worker| {
        let (sender, receiver, sum) = (sender.clone(), receiver.clone(), Arc::clone(&sum));
        async move {
            if worker.index() == 0 {
                for _ in 0..2 * 50 * 100 {
                    sum.fetch_add(receiver.recv().await.unwrap(), Ordering::Relaxed);
                }
                return;
            }
            let tasks = (0..50).map(|_| {
                let sender = sender.clone();
                spawn("sender", async move {
                    for _ in 0..100 {
                        sender.send(1).await.unwrap();
                    }
                })
            });
            join_all(tasks).await;
        }
    });
    running.unwrap().join();
    assert_eq!(total.load(Ordering::Relaxed), 10_000);
}

#[test]
fn a_wake_up_from_a_thread_is_not_lost_whenever_it_comes() {
    block_on(|| async {
        for round in 0..2_000 {
            let place: Arc<(AtomicBool, Mutex<Option<Waker>>)> = Arc::default();
            let there = Arc::clone(&place);
            let thread = std::thread::spawn(move || {
                if round % 2 == 0 {
                    std::thread::yield_now();
                }
                there.0.store(true, Ordering::SeqCst);
                if let Some(waker) = there.1.lock().unwrap().take() {
                    waker.wake();
                }
            });
            poll_fn(|context| {
                *place.1.lock().unwrap() = Some(context.waker().clone());
                if place.0.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            thread.join().unwrap();
        }
    });
}

/// A future that gives its waker away at its first poll and is ready at its second.
async fn hand_out_waker(to: Arc<Mutex<Vec<Waker>>>) {
    let polled = Cell::new(false);
    poll_fn(|context| {
        if polled.replace(true) {
            return Poll::Ready(());
        }
        to.lock().expect("nobody panicked with it").push(context.waker().clone());
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn wakers_of_ended_tasks_and_ended_runtimes_do_nothing() {
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    for _ in 0..3 {
        let there = Arc::clone(&wakers);
        block_on(move || async move {
            let tasks = (0..100).map(|_| spawn("short", hand_out_waker(Arc::clone(&there))));
            join_all(tasks).await;
            // On their own worker, after their end; the slots have new tasks.
            let polls = Rc::new(Cell::new(0_u32));
            let others: Vec<_> = (0..50)
                .map(|_| {
                    let polls = Rc::clone(&polls);
                    spawn("bystander", async move {
                        poll_fn(|_| {
                            polls.set(polls.get() + 1);
                            Poll::<()>::Pending
                        })
                        .await;
                    })
                })
                .collect();
            yield_now().await;
            there.lock().unwrap().iter().for_each(Waker::wake_by_ref);
            yield_now().await;
            assert_eq!(polls.get(), 50, "a waker of an ended task wakes nobody else on its own worker");
            others.iter().for_each(|task| task.abort());
        });
        // From a thread without a ring, after the runtime's end.
        wakers.lock().unwrap().iter().for_each(Waker::wake_by_ref);
    }
    // From a worker of another runtime; and a runtime that gets the old one's place still hears its own wake-ups.
    let old = std::mem::take(&mut *wakers.lock().unwrap());
    block_on(move || async move {
        old.iter().for_each(Waker::wake_by_ref);
        let (sender, receiver) = channel::bounded(1);
        let thread = std::thread::spawn(move || {
            old.iter().for_each(Waker::wake_by_ref);
            sender.send_blocking("still awake").unwrap();
            drop(old);
        });
        assert_eq!(receiver.recv().await, Ok("still awake"));
        thread.join().unwrap();
    });
}

#[test]
fn foreign_wakers_work_hundreds_of_connections_in_one_task() {
    const CONNECTIONS: usize = 300;
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let address = ip(listener.address());
        let clients = spawn("clients", async move {
            let clients: FuturesUnordered<_> = (0..CONNECTIONS)
                .map(|number| async move {
                    let mut client = TcpStream::connect(address).await.unwrap();
                    timer::sleep(Duration::from_micros(37 * (number % 97) as u64)).await;
                    client.send(number.to_le_bytes().to_vec()).await.unwrap();
                    let answer = client.receive().await.unwrap().unwrap();
                    assert_eq!(&*answer, number.to_le_bytes());
                })
                .collect();
            assert_eq!(clients.collect::<Vec<()>>().await.len(), CONNECTIONS);
        });
        let mut served: FuturesUnordered<_> = FuturesUnordered::new();
        for _ in 0..CONNECTIONS {
            let mut stream = listener.accept().await.unwrap();
            served.push(async move {
                let lease = stream.receive().await.unwrap().unwrap();
                stream.send(lease).await.unwrap();
                assert!(stream.receive().await.unwrap().is_none());
            });
        }
        let mut count = 0;
        while served.next().await.is_some() {
            count += 1;
        }
        assert_eq!(count, CONNECTIONS);
        clients.await.unwrap();
    });
}

#[test]
fn select_takes_the_first_and_drops_the_other_at_its_await() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
        let mut server = listener.accept().await.unwrap();
        for _ in 0..100 {
            {
                let receive = server.receive();
                let soon = timer::sleep(Duration::from_micros(100));
                pin_mut!(receive, soon);
                assert!(matches!(select(receive, soon).await, Either::Right(_)));
            }
            // The receive that was dropped has taken nothing with it.
            client.send("x").await.unwrap();
            let receive = server.receive();
            let late = timer::sleep(PATIENCE);
            pin_mut!(receive, late);
            match select(receive, late).await {
                Either::Left((lease, _)) => assert_eq!(&*lease.unwrap().unwrap(), b"x"),
                Either::Right(_) => panic!("nothing arrived"),
            };
        }
    });
}

#[test]
fn the_macros_of_futures_work() {
    block_on(|| async {
        let (sender, receiver) = channel::bounded(1);
        let (first, second) = futures_util::join!(
            async {
                timer::sleep(Duration::from_millis(2)).await;
                sender.send(7).await.unwrap();
                1
            },
            receiver.recv()
        );
        assert_eq!((first, second), (1, Ok(7)));
        let mut soon = Box::pin(timer::sleep(Duration::from_millis(1)).fuse());
        let mut never = Box::pin(std::future::pending::<()>().fuse());
        futures_util::select! {
            () = soon => {},
            () = never => panic!("never came"),
        }
    });
}

#[test]
fn yielding_lets_every_other_ready_task_run_first() {
    block_on(|| async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..3)
            .map(|task| {
                let order = Rc::clone(&order);
                spawn("yielder", async move {
                    for round in 0..3 {
                        order.borrow_mut().push((round, task));
                        yield_now().await;
                    }
                })
            })
            .collect();
        join_all(tasks).await;
        let order = order.borrow();
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(order.len(), 9);
    });
}

#[test]
fn a_task_that_yields_for_ever_does_not_hold_up_timers_and_connections() {
    block_on(|| async {
        let busy = spawn("busy", async {
            loop {
                yield_now().await;
            }
        });
        timer::sleep(Duration::from_millis(5)).await;
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
        client.send("x").await.unwrap();
        let mut server = listener.accept().await.unwrap();
        assert!(server.receive().await.unwrap().is_some());
        busy.abort();
    });
}

/// What an executor's task may hold: something of every part of the runtime, each waited for.
struct Held {
    _stream: TcpStream,
    _sleep: Pin<Box<timer::Sleep>>,
    _deadline: timer::Deadline,
}

thread_local! {
    /// What the foreign waker of the test below gives up when it is dropped.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// A waker whose drop comes back to the runtime, as that of an executor does whose wakers hold tasks.
struct GivesUpWhatIsHeld;

impl std::task::Wake for GivesUpWhatIsHeld {
    fn wake(self: Arc<Self>) {}
}

impl Drop for GivesUpWhatIsHeld {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| drop(held.borrow_mut().take()));
    }
}

#[test]
fn a_foreign_waker_whose_drop_comes_back_to_the_runtime_may_be_dropped_by_any_leaf_future() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let address = ip(listener.address());
        let ours = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
        for (leaf, replaced) in [(0, true), (0, false), (1, true), (1, false), (2, true), (2, false)] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let mut stream = listener.accept().await.unwrap();
            let mut sleep = Box::pin(timer::sleep(PATIENCE));
            let deadline = timer::Deadline::new();
            let mut context = Context::from_waker(&ours);
            assert!(stream.poll_receive(&context).is_pending());
            assert!(sleep.as_mut().poll(&mut context).is_pending());
            assert!(deadline.poll_expired(&context).is_pending());
            HELD.set(Some(Held { _stream: stream, _sleep: sleep, _deadline: deadline }));

            let mut other = TcpStream::connect(address).await.unwrap();
            let _other_end = listener.accept().await.unwrap();
            let mut sleep = Box::pin(timer::sleep(PATIENCE));
            let deadline = timer::Deadline::new();
            let mut poll = |waker: &Waker| {
                let mut context = Context::from_waker(waker);
                match leaf {
                    0 => other.poll_receive(&context).is_pending(),
                    1 => sleep.as_mut().poll(&mut context).is_pending(),
                    _ => deadline.poll_expired(&context).is_pending(),
                }
            };
            // The leaf keeps the only clone that is left.
            assert!(poll(&Waker::from(Arc::new(GivesUpWhatIsHeld))));
            if replaced {
                assert!(poll(&ours));
            } else {
                drop((other, sleep, deadline));
            }
            assert!(client.receive().await.unwrap().is_none(), "the waker's drop has closed it");
        }
    });
}

#[test]
fn a_panic_of_the_main_future_comes_out_of_block_on() {
    let panic = std::panic::catch_unwind(|| {
        block_on(|| async {
            yield_now().await;
            panic!("main broke");
        })
    })
    .unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"main broke"));
}
