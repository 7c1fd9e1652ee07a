//! Receives by subscription, when there are buffers and when there are none: io_uring chooses the buffer before it
//! looks at the socket, at the submission and whenever poll(2) says that there is something.

use super::*;

pub(super) const CASES: &[(&str, Case)] = &[
    ("receive, more than there are buffers, started again and again", |bench| {
        let (client, server) = bench.pair();
        let octets = usize::from(BUFFERS) * BUFFER_BYTES * 5;
        let id = bench.machine.receive(&server);
        assert_eq!(bench.send(&client, octets), Ok(octets as u32));
        client.shutdown_write().unwrap();
        // Held for a while, so that the buffers run out.
        let held: Vec<_> = (0..BUFFERS).map(|_| bench.next_received(id).unwrap().unwrap()).collect();
        bench.until_starved(0);
        let held = held.into_iter().map(|lease| lease.len()).sum::<usize>();
        let (rest, end) = bench.all_received(id);
        assert_eq!((held + rest, end), (octets, Ok(())));
    }),
    ("receive, idle, no buffer: it fails at once, and waits again when there is one", |bench| {
        let held = bench.all_buffers();
        let (client, server) = bench.pair();
        let before = bench.starvations();
        let id = bench.machine.receive(&server);
        bench.until_starved(before);
        drop(held);
        bench.machine.turn();
        bench.send(&client, 5).unwrap();
        client.shutdown_write().unwrap();
        assert_eq!(bench.all_received(id), (5, Ok(())));
        assert_eq!(bench.starvations(), before + 1);
    }),
    ("receive, ended, no buffer: the end is told when there is one", |bench| {
        let held = bench.all_buffers();
        let (client, server) = bench.pair();
        client.shutdown_write().unwrap();
        bench.let_pass();
        let before = bench.starvations();
        let id = bench.machine.receive(&server);
        bench.until_starved(before);
        drop(held);
        assert!(bench.next_received(id).unwrap().is_none());
    }),
    ("receive that waits, then no buffer, then the end", |bench| {
        let (client, server) = bench.pair();
        let id = bench.machine.receive(&server);
        bench.machine.turn();
        let held = bench.all_buffers();
        let before = bench.starvations();
        client.shutdown_write().unwrap();
        bench.until_starved(before);
        drop(held);
        assert!(bench.next_received(id).unwrap().is_none());
    }),
    ("receive, reset, no buffer: the failure is told when there is one", |bench| {
        let held = bench.all_buffers();
        let (client, server) = bench.pair();
        client.reset_on_close();
        drop(client);
        bench.let_pass();
        let before = bench.starvations();
        let id = bench.machine.receive(&server);
        bench.until_starved(before);
        drop(held);
        assert_eq!(bench.next_received(id).err(), Some(libc::ECONNRESET));
    }),
];
