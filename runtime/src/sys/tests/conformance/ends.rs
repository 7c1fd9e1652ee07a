//! How connections of TCP end: by halves, with octets unread, with octets that nobody wants.

use super::*;

pub(super) const CASES: &[(&str, Case)] = &[
    ("half-close, and octets the other way", |bench| {
        let (client, server) = bench.pair();
        client.shutdown_write().unwrap();
        assert_eq!(bench.read(&server), (0, Ok(())));
        assert_eq!(bench.send(&server, 100), Ok(100));
        server.shutdown_write().unwrap();
        assert_eq!(bench.read(&client), (100, Ok(())));
        assert_eq!(bench.send(&client, 1), failed(libc::EPIPE));
    }),
    ("both halves closed: no connection any more", |bench| {
        let (client, server) = bench.pair();
        client.shutdown_write().unwrap();
        assert_eq!(bench.read(&server), (0, Ok(())));
        server.shutdown_write().unwrap();
        bench.until("the last word", |_| server.peer().err());
        assert_eq!(server.shutdown_write().unwrap_err().raw_os_error(), Some(libc::ENOTCONN));
        assert_eq!(bench.read(&server), (0, Ok(())));
    }),
    ("shutdown of both directions: what has come is read before the end", |bench| {
        let (client, server) = bench.pair();
        bench.send(&client, 100).unwrap();
        // It has come when the other's kernel has said so.
        bench.until("the octets", |_| (client.unread_bytes().unwrap() == 0).then_some(()));
        server.shutdown_both();
        assert_eq!(bench.read(&server), (100, Ok(())));
        assert_eq!(bench.send(&server, 1), failed(libc::EPIPE));
        assert_eq!(bench.read(&client), (0, Ok(())));
    }),
    ("octets after a shutdown of both directions reset both ends", |bench| {
        let (client, server) = bench.pair();
        server.shutdown_both();
        assert_eq!(bench.read(&client), (0, Ok(())));
        assert_eq!(bench.send(&client, 100), Ok(100));
        bench.until("the reset", |_| client.peer().err());
        // It was in CLOSE_WAIT.
        assert_eq!(bench.send(&client, 100), failed(libc::EPIPE));
        assert_eq!(bench.read(&client), (0, Ok(())), "the end came before the reset");
        assert_eq!(bench.read(&server), (0, failed(libc::ECONNRESET)));
    }),
    ("octets for an end that is closed reset who sent them", |bench| {
        let (client, server) = bench.pair();
        drop(server);
        assert_eq!(bench.read(&client), (0, Ok(())));
        assert_eq!(bench.send(&client, 100), Ok(100));
        bench.until("the reset", |_| client.peer().err());
        assert_eq!(bench.send(&client, 100), failed(libc::EPIPE));
        assert_eq!(bench.read(&client), (0, Ok(())));
    }),
    ("octets for an end that is closed lose what it had still to send", |bench| {
        let (client, server) = bench.pair();
        let octets = bench.fill(&server);
        drop(server);
        bench.machine.turn();
        assert_eq!(bench.send(&client, 100), Ok(100));
        bench.until("the reset", |_| client.peer().err());
        let (read, end) = bench.read(&client);
        assert_eq!(end, failed(libc::ECONNRESET));
        assert!(read < octets, "{read} of {octets} octets");
    }),
    ("no room: the end of one's own sending is as good as room", |bench| {
        let (client, _server) = bench.pair();
        bench.fill(&client);
        let id = bench.machine.kernel.submit(Op::Writable { socket: client.clone() });
        bench.machine.turn();
        assert!(bench.machine.kernel.is_in_flight(id));
        client.shutdown_write().unwrap();
        assert!(bench.outcome(id).result.is_ok());
        assert_eq!(bench.send(&client, 1), failed(libc::EPIPE));
    }),
    ("unread octets: an end that has not come counts for one", |bench| {
        let (client, server) = bench.pair();
        bench.fill(&client);
        bench.let_pass();
        let before = client.unread_bytes().unwrap();
        client.shutdown_write().unwrap();
        assert_eq!(client.unread_bytes().unwrap(), before + 1);
        assert!(matches!(bench.read(&server), (_, Ok(()))));
        bench.until("the last word", |_| (client.unread_bytes().unwrap() == 0).then_some(()));
    }),
    ("unread octets: a reset leaves them as they were", |bench| {
        let (client, server) = bench.pair();
        bench.fill(&client);
        bench.let_pass();
        let before = client.unread_bytes().unwrap();
        assert!(before > 0);
        server.reset_on_close();
        drop(server);
        bench.until("the reset", |_| client.peer().err());
        assert_eq!(client.unread_bytes().unwrap(), before);
    }),
    ("unread octets: none after a close that lost none", |bench| {
        let (client, server) = bench.pair();
        bench.send(&client, 100).unwrap();
        assert!(client.shutdown_write().is_ok());
        assert_eq!(bench.read(&server), (100, Ok(())));
        drop(server);
        bench.until("the last word", |_| (client.unread_bytes().unwrap() == 0).then_some(()));
    }),
];
