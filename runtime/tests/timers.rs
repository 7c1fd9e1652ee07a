//! Time: nothing early, nothing lost, in simulated time also nothing late; and on the real clock, where how late it may be is
//! the machine's affair.

mod support;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use selvedge_runtime::net::{TcpListener, TcpStream};
use selvedge_runtime::timer::{Deadline, Elapsed, sleep, sleep_until, timeout};
use selvedge_runtime::{BufferPool, block_on, now, spawn, yield_now};
use support::{PATIENCE, any_port, ip, simulated};

/// How late a [`Deadline`] may expire: its wheel ticks every 100 ms, and a turn takes a little.
const WHEEL_TICK: Duration = Duration::from_millis(102);

#[test]
fn sleeps_until_the_same_moment_all_end() {
    simulated(|| async {
        let until = now() + Duration::from_millis(10);
        let ended = join_all((0..10).map(|_| spawn("sleeper", sleep_until(until)))).await;
        assert!(ended.iter().all(Result::is_ok) && now() >= until);
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_times() {
    simulated(|| async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let start = now();
        let tasks: Vec<_> = [40_u64, 10, 30, 0, 20]
            .into_iter()
            .map(|milliseconds| {
                let order = Rc::clone(&order);
                spawn("sleeper", async move {
                    sleep_until(start + Duration::from_millis(milliseconds)).await;
                    order.borrow_mut().push(milliseconds);
                })
            })
            .collect();
        join_all(tasks).await;
        assert_eq!(*order.borrow(), [0, 10, 20, 30, 40]);
    });
}

#[test]
fn a_sleep_on_the_real_clock_is_not_early() {
    block_on(|| async {
        let started = std::time::Instant::now();
        sleep(Duration::from_millis(3)).await;
        assert!(started.elapsed() >= Duration::from_millis(3));
    });
}

#[test]
fn thousands_of_sleeps_all_end_and_none_early() {
    simulated(|| async {
        let start = now();
        let tasks: Vec<_> = (0..5_000_u64)
            .map(|number| {
                // A fixed scatter over 50 ms.
                let duration = Duration::from_micros(number * 7_919 % 50_000);
                spawn("sleeper", async move {
                    let until = now() + duration;
                    sleep_until(until).await;
                    assert!(now() >= until, "early");
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let took = now().since(start);
        assert!(took >= Duration::from_micros(49_990) && took <= Duration::from_millis(52), "{took:?}");
        assert_eq!(BufferPool::usage().tasks, 2);
    });
}

#[test]
fn a_dropped_sleep_wakes_nobody() {
    simulated(|| async {
        let polls = Rc::new(Cell::new(0));
        let there = Rc::clone(&polls);
        let task = spawn("bystander", async move {
            let mut soon = Box::pin(sleep(Duration::from_millis(1)));
            assert!(futures_util::poll!(soon.as_mut()).is_pending());
            drop(soon);
            poll_fn(|_| {
                there.set(there.get() + 1);
                std::task::Poll::<()>::Pending
            })
            .await;
        });
        sleep(Duration::from_millis(20)).await;
        assert_eq!(polls.get(), 1);
        task.abort();
    });
}

#[test]
fn a_timeout_drops_its_future_and_what_it_had_in_flight() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
        let server = listener.accept().await.unwrap();
        let before = BufferPool::usage();
        let started = now();
        let dropped = Rc::new(Cell::new(false));
        struct Note(Rc<Cell<bool>>);
        impl Drop for Note {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let note = Note(Rc::clone(&dropped));
        let outcome = timeout(Duration::from_millis(20), async move {
            let (_note, mut server) = (note, server);
            server.receive().await.map(|lease| lease.is_some())
        })
        .await;
        assert!(matches!(outcome, Err(Elapsed)));
        assert_eq!(Elapsed.to_string(), "the time is over");
        assert!(dropped.get());
        assert!(now().since(started) >= Duration::from_millis(15));
        assert!(client.receive().await.unwrap().is_none(), "the server's end was closed");
        drop(client);
        while BufferPool::usage().ops != before.ops {
            yield_now().await;
        }
        assert_eq!(timeout(PATIENCE, async { 7 }).await, Ok(7));
    });
}

/// Waits for `deadline`; how long it took.
async fn expiry(deadline: &Deadline) -> Duration {
    let started = now();
    poll_fn(|context| deadline.poll_expired(context)).await;
    now().since(started)
}

#[test]
fn a_deadline_put_off_expires_at_its_new_time() {
    simulated(|| async {
        let deadline = Deadline::new();
        deadline.set(now() + Duration::from_millis(100));
        let last = now() + Duration::from_millis(450);
        deadline.set(last);
        expiry(&deadline).await;
        assert!(now() >= last && now() <= last + WHEEL_TICK, "{:?} late", now().since(last));
        // It stays expired until it is set anew.
        assert!(expiry(&deadline).await < Duration::from_secs(1));
        deadline.set(now() + Duration::from_millis(100));
        let took = expiry(&deadline).await;
        assert!(
            took >= Duration::from_millis(100) && took <= Duration::from_millis(100) + WHEEL_TICK,
            "{took:?}"
        );
    });
}

#[test]
fn a_deadline_that_activity_puts_off_again_and_again_does_not_expire() {
    simulated(|| async {
        let deadline = Rc::new(Deadline::new());
        let at = Rc::new(Cell::new(now()));
        let (theirs, their_at) = (Rc::clone(&deadline), Rc::clone(&at));
        let activity = spawn("activity", async move {
            for _ in 0..10 {
                their_at.set(now() + Duration::from_millis(200));
                theirs.set(their_at.get());
                sleep(Duration::from_millis(40)).await;
            }
        });
        yield_now().await;
        expiry(&deadline).await;
        assert!(now() >= at.get() && now() <= at.get() + WHEEL_TICK, "{:?} late", now().since(at.get()));
        activity.await.unwrap();
    });
}

#[test]
fn a_deadline_brought_forward_wakes_whoever_waits_for_the_old_one() {
    simulated(|| async {
        let deadline = Rc::new(Deadline::new());
        deadline.set(now() + PATIENCE);
        let theirs = Rc::clone(&deadline);
        let task = spawn("waiter", async move { expiry(&theirs).await });
        sleep(Duration::from_millis(5)).await;
        deadline.set(now() + Duration::from_millis(100));
        let took = task.await.unwrap();
        assert!(
            took >= Duration::from_millis(105) && took <= Duration::from_millis(105) + WHEEL_TICK,
            "{took:?}"
        );
    });
}

#[test]
fn a_cleared_deadline_does_not_expire() {
    simulated(|| async {
        let deadline = Deadline::new();
        deadline.set(now() + Duration::from_millis(50));
        deadline.clear();
        assert_eq!(timeout(Duration::from_millis(300), expiry(&deadline)).await, Err(Elapsed));
    });
}
