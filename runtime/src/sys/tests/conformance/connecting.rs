//! Connections out.

use super::*;

pub(super) const CASES: &[(&str, Case)] = &[
    ("connect, and octets both ways", |bench| {
        let (client, server) = bench.pair();
        assert_eq!(client.local().unwrap(), server.peer().unwrap());
        bench.octets_both_ways(&client, &server);
    }),
    ("connect, nobody listens", |bench| {
        let (listening, address) = bench.listening(16);
        drop(listening);
        assert_eq!(bench.connect(&address).err(), Some(libc::ECONNREFUSED));
    }),
    ("connect, before anybody accepts: octets wait with the connection", |bench| {
        let (listening, address) = bench.listening(16);
        let client = bench.connect(&address).unwrap();
        assert_eq!(bench.send(&client, 100), Ok(100));
        client.shutdown_write().unwrap();
        let accept = bench.accept(listening, AcceptBatch::One);
        let server = bench.next_accepted(accept).unwrap();
        assert_eq!(bench.read(&server), (100, Ok(())));
    }),
    ("connect, to a full backlog, cancelled while it waits", |bench| {
        // A backlog of one holds two.
        let (_listening, address) = bench.listening(1);
        let _waiting = [(); 2].map(|()| bench.connect(&address).unwrap());
        // They are in the backlog when their last word has come.
        bench.let_pass();
        let id = bench.start_connect(&address);
        bench.machine.turn();
        bench.let_a_while_pass();
        assert!(bench.machine.kernel.is_in_flight(id));
        bench.machine.kernel.cancel(id);
        assert_eq!(bench.connected(id).err(), Some(libc::ECANCELED));
    }),
    ("connect, given up while it waits", |bench| {
        let (_listening, address) = bench.listening(1);
        let _waiting = [(); 2].map(|()| bench.connect(&address).unwrap());
        bench.let_pass();
        let id = bench.start_connect(&address);
        bench.machine.turn();
        bench.let_a_while_pass();
        assert!(bench.machine.kernel.is_in_flight(id));
        bench.machine.kernel.release(id);
        bench.until("its end", |machine| (machine.kernel.ops() == 0).then_some(()));
    }),
    ("connect, reset by who accepted", |bench| {
        let (client, server) = bench.pair();
        server.reset_on_close();
        drop(server);
        assert_eq!(bench.read(&client), (0, failed(libc::ECONNRESET)));
        assert_eq!(bench.send(&client, 1), failed(libc::EPIPE));
        assert_eq!(client.peer().unwrap_err().raw_os_error(), Some(libc::ENOTCONN));
    }),
];
