//! Unix sockets.

use super::*;

pub(super) const CASES: &[(&str, Case)] = &[
    ("unix, connect, names, and octets both ways", |bench| {
        let path = bench.path();
        let (client, server) = bench.pair_at(Listening::bind_unix(&path, 0o600, 16).unwrap());
        assert_eq!(client.peer().unwrap(), Address::Unix(path.clone()));
        assert_eq!(server.local().unwrap(), Address::Unix(path));
        assert_eq!((client.local().unwrap(), server.peer().unwrap()), (Address::Unnamed, Address::Unnamed));
        bench.octets_both_ways(&client, &server);
    }),
    ("unix, connect, nothing there", |bench| {
        let path = bench.path();
        assert_eq!(bench.connect(&Address::Unix(path)).err(), Some(libc::ENOENT));
    }),
    ("unix, a socket that nobody listens at: refused, and replaced", |bench| {
        let path = bench.path();
        drop(Listening::bind_unix(&path, 0o600, 16).unwrap());
        assert_eq!(bench.connect(&Address::Unix(path.clone())).err(), Some(libc::ECONNREFUSED));
        let listening = Listening::bind_unix(&path, 0o600, 16).unwrap();
        let again = Listening::bind_unix(&path, 0o600, 16);
        assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
        listening.socket_file().unwrap().remove();
        assert_eq!(bench.connect(&Address::Unix(path)).err(), Some(libc::ENOENT));
    }),
    ("unix, a socket's file is removed by its maker alone", |bench| {
        let path = bench.path();
        let first = Listening::bind_unix(&path, 0o600, 16).unwrap();
        let file = first.socket_file().cloned().unwrap();
        drop(first);
        let _second = Listening::bind_unix(&path, 0o600, 16).unwrap();
        file.remove();
        assert!(bench.connect(&Address::Unix(path)).is_ok());
    }),
    ("unix, connect to a full backlog", |bench| {
        let path = bench.path();
        let _listening = Listening::bind_unix(&path, 0o600, 1).unwrap();
        let address = Address::Unix(path);
        let _waiting = [(); 2].map(|()| bench.connect(&address).unwrap());
        assert_eq!(bench.connect(&address).err(), Some(libc::EAGAIN));
    }),
    ("unix, the listener closed: who waits there is reset", |bench| {
        let path = bench.path();
        let listening = Listening::bind_unix(&path, 0o600, 16).unwrap();
        let client = bench.connect(&Address::Unix(path)).unwrap();
        drop(listening);
        assert_eq!(bench.read(&client), (0, failed(libc::ECONNRESET)));
    }),
    ("unix, the peer closes: its octets, its end, and nobody to send to", |bench| {
        let (client, server) = bench.unix_pair();
        bench.send(&server, 100).unwrap();
        drop(server);
        bench.machine.turn();
        assert_eq!(bench.send(&client, 1), failed(libc::EPIPE));
        assert_eq!(bench.read(&client), (100, Ok(())));
        assert_eq!(bench.read(&client), (0, Ok(())));
        assert!(client.peer().is_ok(), "it knows its peer for ever");
    }),
    ("unix, the peer closes with octets unread: reset, once", |bench| {
        let (client, server) = bench.unix_pair();
        bench.send(&client, 100).unwrap();
        bench.send(&server, 50).unwrap();
        drop(server);
        bench.machine.turn();
        assert_eq!(bench.read(&client), (50, failed(libc::ECONNRESET)));
        assert_eq!(bench.read(&client), (0, Ok(())));
    }),
    ("unix, shutdown of both directions: what has come is read, nobody sends", |bench| {
        let (client, server) = bench.unix_pair();
        bench.send(&client, 100).unwrap();
        server.shutdown_both();
        assert_eq!(bench.read(&server), (100, Ok(())));
        assert_eq!(bench.read(&client), (0, Ok(())));
        for socket in [&client, &server] {
            assert_eq!(bench.send(socket, 1), failed(libc::EPIPE));
        }
    }),
    ("unix, no room, then room once it is read", |bench| {
        let (client, server) = bench.unix_pair();
        let octets = bench.fill(&client);
        assert!(client.unread_bytes().unwrap() > 0);
        let id = bench.machine.kernel.submit(Op::Writable { socket: client.clone() });
        bench.machine.turn();
        assert!(bench.machine.kernel.is_in_flight(id));
        bench.read_exactly(&server, octets);
        assert!(bench.outcome(id).result.is_ok());
        assert_eq!(client.unread_bytes().unwrap(), 0);
        client.shutdown_write().unwrap();
        assert_eq!(bench.read(&server), (0, Ok(())));
    }),
    ("unix, no room: the end of one's own sending makes none, that of both does", |bench| {
        let (client, server) = bench.unix_pair();
        bench.fill(&client);
        let id = bench.machine.kernel.submit(Op::Writable { socket: client.clone() });
        client.shutdown_write().unwrap();
        bench.let_pass();
        assert!(bench.machine.kernel.is_in_flight(id));
        server.shutdown_write().unwrap();
        assert!(bench.outcome(id).result.is_ok());
    }),
    ("unix, no room, then the peer closes", |bench| {
        let (client, server) = bench.unix_pair();
        bench.fill(&client);
        let id = bench.machine.kernel.submit(Op::Writable { socket: client.clone() });
        bench.machine.turn();
        assert!(bench.machine.kernel.is_in_flight(id));
        drop(server);
        assert!(bench.outcome(id).result.is_ok());
    }),
];
