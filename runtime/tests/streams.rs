//! Streams between tasks of one worker, on the real kernel.

mod support;

use std::future::poll_fn;
use std::task::Poll;

use selvedge_runtime::net::{Address, More, TcpListener, TcpStream, UnixListener, UnixStream};
use selvedge_runtime::{
    BufferPool, BufferUsage, Lease, Runtime, WorkerLimits, block_on, spawn, timer, yield_now,
};
use support::{PATIENCE, any_port, ip};

async fn receive_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(lease) = stream.receive().await.expect("the connection is up") {
        bytes.extend_from_slice(&lease);
    }
    bytes
}

#[test]
fn bytes_arrive_in_order_and_the_end_is_seen() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let address = ip(listener.address());
        let server = spawn("server", async move {
            let mut stream = listener.accept().await.unwrap();
            receive_all(&mut stream).await
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        let message: Vec<u8> = (0..1_000_000_u32).flat_map(|number| number.to_le_bytes()).collect();
        client.send(message.clone()).await.unwrap();
        client.shutdown_write().unwrap();
        assert!(server.await.unwrap() == message);
    });
}

#[test]
fn a_stream_that_is_shut_down_sends_what_it_has_and_receives_no_more() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        for ends_by_its_drop in [true, false] {
            let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
            let mut stream = listener.accept().await.unwrap();
            // Starts the subscription.
            client.send("x").await.unwrap();
            assert_eq!(stream.receive().await.unwrap().as_deref(), Some(b"x".as_slice()));
            stream.start_send("the last".into(), More::Follows);
            poll_fn(|context| stream.poll_sent(context)).await.unwrap();
            stream.shutdown();
            if ends_by_its_drop {
                drop(stream);
            } else {
                assert!(stream.receive().await.unwrap().is_none());
            }
            assert_eq!(receive_all(&mut client).await, b"the last");
        }
    });
}

#[test]
fn a_stream_whose_last_send_was_the_end_fails_at_whatever_follows() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        for received_before in [true, false] {
            let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
            let mut stream = listener.accept().await.unwrap();
            client.send("x").await.unwrap();
            if received_before {
                assert_eq!(stream.receive().await.unwrap().as_deref(), Some(b"x".as_slice()));
            }
            stream.start_send("the last".into(), More::End);
            poll_fn(|context| stream.poll_sent(context)).await.unwrap();
            let ends = [
                stream.receive().await.map(drop),
                stream.send("more").await,
                stream.send_now(b"more", More::Nothing).map(drop),
                stream.writable().await,
                stream.shutdown_write(),
                stream.peer().map(drop),
            ];
            for end in ends {
                assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::NotConnected);
            }
            assert_eq!(stream.unread_bytes(), 0);
            stream.shutdown();
            drop(stream);
            if received_before {
                assert_eq!(receive_all(&mut client).await, b"the last");
            }
        }
    });
}

#[test]
fn a_last_send_beside_a_receive_in_line_for_a_buffer_is_sent_and_the_end_follows() {
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = 2;
    let running = Runtime::builder().workers(1).limits(limits).build().unwrap().start(|_| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let (mut others, mut held) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
            let mut stream = listener.accept().await.unwrap();
            client.send("x").await.unwrap();
            held.push(stream.receive().await.unwrap());
            others.push((client, stream));
        }
        let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
        let mut stream = listener.accept().await.unwrap();
        for _ in 0..10 {
            let received = poll_fn(|context| Poll::Ready(stream.poll_receive(context))).await;
            assert!(received.is_pending());
            yield_now().await;
        }
        stream.start_send("the last".into(), More::End);
        drop(held);
        poll_fn(|context| stream.poll_sent(context)).await.unwrap();
        stream.shutdown();
        drop(stream);
        assert_eq!(receive_all(&mut client).await, b"the last");
    });
    running.unwrap().join();
}

#[test]
fn a_reader_that_does_not_read_makes_the_sender_wait_and_gets_everything_later() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let address = ip(listener.address());
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut stream = listener.accept().await.unwrap();
        // Starts the subscription, then leaves what comes unread.
        client.send("x").await.unwrap();
        assert_eq!(stream.receive().await.unwrap().as_deref(), Some(b"x".as_slice()));
        let sender = spawn("sender", async move {
            client.send(vec![7_u8; 32 << 20]).await.unwrap();
            client.shutdown_write().unwrap();
        });
        // What comes until nothing has come for a hundred turns.
        let (mut before, mut still) = (usize::MAX, 0);
        while still < 100 {
            yield_now().await;
            let with_kernel = BufferPool::usage().receive_with_kernel;
            still = if with_kernel == before { still + 1 } else { 0 };
            before = with_kernel;
        }
        let usage = BufferPool::usage();
        assert!(
            usage.receive_with_kernel >= usage.receive_buffers / 2,
            "one connection takes all buffers: {usage:?}"
        );
        assert_eq!(receive_all(&mut stream).await.len(), 32 << 20);
        sender.await.unwrap();
    });
}

#[test]
fn what_the_kernel_has_taken_of_a_send_is_told_while_it_waits() {
    const BYTES: u32 = 32 << 20;
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let mut client = TcpStream::connect(ip(listener.address())).await.unwrap();
        let mut stream = listener.accept().await.unwrap();
        assert!(!client.is_sending());
        client.start_send(vec![7_u8; BYTES as usize].into(), More::Nothing);
        assert_eq!((client.sent_bytes(), client.unsent_bytes(), client.taken_bytes()), (0, BYTES, 0));
        while client.sent_bytes() == 0 {
            yield_now().await;
        }
        let taken = client.sent_bytes();
        assert!(client.is_sending() && taken > 1 && taken < BYTES, "{taken} bytes, and nobody reads");
        assert_eq!((client.unsent_bytes(), client.taken_bytes()), (BYTES - taken, taken.into()));
        let reader = spawn("reader", async move { receive_all(&mut stream).await.len() });
        while client.is_sending() {
            yield_now().await;
        }
        // Done, and told to nobody yet.
        assert_eq!((client.unsent_bytes(), client.taken_bytes()), (0, BYTES.into()));
        poll_fn(|context| client.poll_sent(context)).await.unwrap();
        assert_eq!((client.sent_bytes(), client.unsent_bytes(), client.taken_bytes()), (0, 0, BYTES.into()));
        drop(client);
        assert_eq!(reader.await, Ok(BYTES as usize));
    });
}

#[test]
fn unix_sockets_carry_bytes_too() {
    let directory = std::env::temp_dir().join(format!("selvedge-unix-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("socket");
    let path_there = path.clone();
    block_on(|| async move {
        let mut listener = UnixListener::bind(&path_there).unwrap();
        let mut client = UnixStream::connect(&path_there).await.unwrap();
        let mut server = listener.accept().await.unwrap();
        server.send("hello").await.unwrap();
        let lease: Lease = client.receive().await.unwrap().unwrap();
        assert_eq!(&*lease, b"hello");
        assert_eq!(server.local().unwrap(), Address::Unix(path_there));
        assert_eq!(server.peer().unwrap(), Address::Unnamed);
    });
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_refused_connection_is_an_error() {
    block_on(|| async {
        // Bound and closed again: nobody listens on its port.
        let address = std::net::TcpListener::bind(any_port()).unwrap().local_addr().unwrap();
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn what_a_connection_held_comes_back_when_it_is_dropped() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let address = ip(listener.address());
        let before = BufferPool::usage();
        for _ in 0..50 {
            let mut client = TcpStream::connect(address).await.unwrap();
            let mut server = listener.accept().await.unwrap();
            client.send(vec![1_u8; 20_000]).await.unwrap();
            let held = server.receive().await.unwrap().unwrap();
            // A send that cannot end, and receives in flight, are cancelled by the drop.
            server.start_send(vec![2_u8; 64 << 20].into(), selvedge_runtime::net::More::Nothing);
            drop(server);
            drop(client);
            drop(held);
        }
        let held = |usage: &BufferUsage| (usage.receive_leases, usage.receive_with_kernel, usage.ops);
        // The last completions of what was cancelled are still to come.
        let back = timer::timeout(PATIENCE, async {
            while held(&BufferPool::usage()) != held(&before) {
                yield_now().await;
            }
        });
        assert_eq!(back.await, Ok(()), "{:?} and not {before:?}", BufferPool::usage());
    });
}
