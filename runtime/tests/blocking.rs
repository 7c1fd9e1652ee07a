//! Work beside the workers: its results, its bounds, and the threads that do it.

mod support;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

use selvedge_runtime::{
    BlockingLimits, Runtime, StartError, Undone, block_on, blocking, process, spawn, timer, yield_now,
};
use support::builder;

/// Polls `future` once, and keeps it.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| match pin!(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[test]
fn the_result_comes_back_from_another_thread_while_the_worker_goes_on() {
    block_on(|| async {
        let (go, may_go) = mpsc::channel::<()>();
        let worker = std::thread::current().id();
        let work = spawn("waits", blocking(move || may_go.recv().map(|()| std::thread::current().id())));
        // The work cannot end before this task has had its turn.
        yield_now().await;
        go.send(()).unwrap();
        let helper = work.await.unwrap().unwrap().unwrap();
        assert_ne!(helper, worker);
    });
}

#[test]
fn many_pieces_of_work_all_come_back_whichever_thread_does_them() {
    block_on(|| async {
        for _ in 0..50 {
            let works: Vec<_> = (0..100_u64).map(|number| blocking(move || number * number)).collect();
            let mut sum = 0;
            for work in works {
                sum += work.await.unwrap();
            }
            assert_eq!(sum, (0..100).map(|number| number * number).sum());
        }
    });
}

#[test]
fn work_that_panics_is_lost_and_the_next_is_done() {
    block_on(|| async {
        for _ in 0..10 {
            assert_eq!(blocking(|| panic!("told to")).await, Err::<(), _>(Undone::Lost));
        }
        assert_eq!(blocking(|| 5).await, Ok(5));
    });
}

#[test]
fn a_result_whose_drop_panics_ends_nothing() {
    struct Breaks;
    impl Drop for Breaks {
        fn drop(&mut self) {
            panic!("a result broke");
        }
    }
    block_on(|| async {
        for _ in 0..10 {
            let (go, may_go) = mpsc::channel::<()>();
            drop(blocking(move || {
                let _ = may_go.recv();
                Breaks
            }));
            // Nobody wants it any more, so the helper drops it.
            drop(go);
        }
        assert_eq!(blocking(|| 5).await, Ok(5));
    });
}

#[test]
fn no_more_work_waits_than_may_and_it_is_refused_at_once() {
    let limits = BlockingLimits { threads_max: 2, waiting_max: 3, ..BlockingLimits::default() };
    let running = builder(1).blocking(limits).build().unwrap().start(|_| async {
        let (began, begun) = mpsc::channel();
        let mut gates = Vec::new();
        let mut held = Vec::new();
        for _ in 0..2 {
            let (go, may_go) = mpsc::channel::<()>();
            let began = began.clone();
            gates.push(go);
            held.push(Box::pin(blocking(move || {
                began.send(()).unwrap();
                may_go.recv().is_err()
            })));
            // Its helper has it: it does not wait any more.
            begun.recv().unwrap();
        }
        let waiting: Vec<_> = (0..3).map(|number| blocking(move || number)).collect();
        assert_eq!(blocking(|| ()).await, Err(Undone::Overloaded));
        for work in &mut held {
            assert_eq!(poll_once(work).await, None, "it waits at its gate");
        }
        drop(gates);
        for work in held {
            assert_eq!(work.await, Ok(true));
        }
        for (number, work) in waiting.into_iter().enumerate() {
            assert_eq!(work.await, Ok(number));
        }
        assert_eq!(blocking(|| ()).await, Ok(()), "there is room again");
    });
    running.unwrap().join();
}

#[test]
fn work_is_done_although_nobody_waits_for_it_and_before_the_runtime_has_ended() {
    let done = Arc::new(AtomicUsize::new(0));
    let there = Arc::clone(&done);
    let running = builder(1).build().unwrap().start(move |_| {
        let there = Arc::clone(&there);
        async move {
            for _ in 0..200 {
                let there = Arc::clone(&there);
                drop(blocking(move || there.fetch_add(1, Ordering::Relaxed)));
            }
        }
    });
    running.unwrap().join();
    assert_eq!(done.load(Ordering::Relaxed), 200);
}

#[test]
fn helpers_run_where_the_process_may_and_not_where_their_worker_is_pinned_and_give_way_to_workers() {
    let allowed = process::allowed_cpus();
    let there = allowed.clone();
    let running = Runtime::builder().workers(1).build().unwrap().start(move |_| {
        let allowed = there.clone();
        async move {
            assert_eq!(process::allowed_cpus().len(), 1, "the worker is pinned");
            let niceness = || rustix::process::getpriority_process(None).unwrap();
            let of_worker = niceness();
            let (cpus, of_helper) = blocking(move || (process::allowed_cpus(), niceness())).await.unwrap();
            assert_eq!(cpus, allowed);
            assert_eq!(of_helper, (of_worker + 10).min(19));
            assert_eq!(niceness(), of_worker, "the worker keeps its own");
        }
    });
    running.unwrap().join();
}

#[test]
fn helpers_are_bounded_for_all_workers_together() {
    let limits = BlockingLimits { threads_max: 3, waiting_max: 1_000, ..BlockingLimits::default() };
    let (busy, busiest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let there = (Arc::clone(&busy), Arc::clone(&busiest));
    let running = builder(2).blocking(limits).build().unwrap().start(move |_| {
        let (busy, busiest) = there.clone();
        async move {
            let note = || {
                let (busy, busiest) = (Arc::clone(&busy), Arc::clone(&busiest));
                blocking(move || {
                    busiest.fetch_max(busy.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    std::thread::yield_now();
                    busy.fetch_sub(1, Ordering::Relaxed);
                })
            };
            let works: Vec<_> = (0..300).map(|_| note()).collect();
            for work in works {
                work.await.unwrap();
            }
        }
    });
    running.unwrap().join();
    let busiest = busiest.load(Ordering::Relaxed);
    assert!((1..=3).contains(&busiest), "{busiest}");
}

#[test]
fn a_helper_without_work_ends_and_another_is_started_when_there_is_some() {
    let limits = BlockingLimits { idle_max: Duration::from_millis(1), ..BlockingLimits::default() };
    let running = builder(1).blocking(limits).build().unwrap().start(|_| async {
        let helper = || blocking(|| std::thread::current().id());
        let first = helper().await.unwrap();
        while helper().await.unwrap() == first {
            timer::sleep(Duration::from_millis(2)).await;
        }
    });
    running.unwrap().join();
}

#[test]
fn work_that_never_ends_does_not_keep_the_runtime_from_its_end() {
    let (go, may_go) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel();
    let gate = Arc::new(std::sync::Mutex::new(Some((may_go, began))));
    let running = builder(1).build().unwrap().start(move |_| {
        let (may_go, began) = gate.lock().unwrap().take().unwrap();
        async move {
            drop(blocking(move || {
                began.send(()).unwrap();
                may_go.recv().is_err()
            }));
        }
    });
    running.unwrap().join();
    assert_eq!(begun.recv(), Ok(()), "it was taken on");
    drop(go);
}

#[test]
fn limits_of_nothing_are_refused_with_what_helps() {
    for limits in [
        BlockingLimits { threads_max: 0, ..BlockingLimits::default() },
        BlockingLimits { waiting_max: 0, ..BlockingLimits::default() },
    ] {
        match builder(1).blocking(limits).build() {
            Err(StartError::Configuration(text)) => assert!(text.contains("at least one"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
