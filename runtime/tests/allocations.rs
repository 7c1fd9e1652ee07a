//! What is hot allocates nothing: counted on the worker's own thread, frees and reallocations included.

mod support;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use selvedge_runtime::net::{More, Stream, TcpListener};
use selvedge_runtime::timer::Deadline;
use selvedge_runtime::{
    BlockClass, BufferPool, CountingAllocator, allocator_calls_of_thread, block_on, now, spawn, yield_now,
};
use support::{any_port, client, ip};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

#[test]
fn yielding_allocates_nothing() {
    block_on(|| async {
        let others: Vec<_> = (0..10)
            .map(|_| {
                spawn("yielder", async {
                    loop {
                        yield_now().await;
                    }
                })
            })
            .collect();
        for _ in 0..1_000 {
            yield_now().await;
        }
        let before = allocator_calls_of_thread();
        for _ in 0..10_000 {
            yield_now().await;
        }
        assert_eq!(allocator_calls_of_thread() - before, 0);
        others.iter().for_each(|task| task.abort());
    });
}

#[test]
fn tasks_that_wake_each_other_allocate_nothing() {
    block_on(|| async {
        let turn = Rc::new(Cell::new(0_u32));
        let wakers: Rc<[RefCell<Option<Waker>>; 2]> = Rc::default();
        let player = |me: u32| {
            let (turn, wakers) = (Rc::clone(&turn), Rc::clone(&wakers));
            async move {
                let mut before = 0;
                for round in 0..11_000 {
                    if round == 1_000 {
                        before = allocator_calls_of_thread();
                    }
                    poll_fn(|context| {
                        if turn.get() % 2 == me {
                            return Poll::Ready(());
                        }
                        wakers[me as usize].replace(Some(context.waker().clone()));
                        Poll::Pending
                    })
                    .await;
                    turn.set(turn.get() + 1);
                    if let Some(waker) = wakers[1 - me as usize].take() {
                        waker.wake();
                    }
                }
                allocator_calls_of_thread() - before
            }
        };
        let other = spawn("player", player(1));
        assert_eq!(player(0).await, 0);
        assert_eq!(other.await, Ok(0));
    });
}

#[test]
fn answering_on_one_connection_allocates_nothing() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let address = ip(listener.address());
        // The client has a thread of its own, whose allocations are not counted here.
        let client = std::thread::spawn(move || {
            let mut client = client(address);
            let mut answer = [0; 8];
            for _ in 0..11_000 {
                client.write_all(b"question").unwrap();
                client.read_exact(&mut answer).unwrap();
            }
        });
        let mut stream: Stream = listener.accept().await.unwrap().into();
        let deadline = Deadline::new();
        let (mut answered, mut before) = (0, 0);
        while let Some(question) = stream.receive().await.unwrap() {
            deadline.set(now() + Duration::from_secs(60));
            if answered == 1_000 {
                before = allocator_calls_of_thread();
            }
            let mut answer = BufferPool::lease(BlockClass::Small).unwrap();
            answer[..8].copy_from_slice(&question);
            answer.truncate(8);
            stream.start_send(answer.into(), More::Nothing);
            poll_fn(|context| {
                assert!(deadline.poll_expired(context).is_pending());
                stream.poll_sent(context)
            })
            .await
            .unwrap();
            answered += 1;
            if answered == 11_000 {
                assert_eq!(allocator_calls_of_thread() - before, 0);
            }
        }
        assert_eq!(answered, 11_000);
        client.join().unwrap();
    });
}
