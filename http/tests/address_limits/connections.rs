//! Connections that come from the clients themselves, and by the PROXY protocol.

use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;

use selvedge_http::address_limits::{AddressLimiter, AddressLimits, ConnectionRate};
use selvedge_http::{CloseReason, Observer, ServerOptions, WorkerApplication};
use selvedge_runtime::WorkerLimits;

use crate::support::app::paths;
use crate::support::client::{Asked, Client};
use crate::support::{Records, TestServer, options, status};

fn at_once(connections: u32) -> AddressLimits {
    AddressLimits {
        connections_max: NonZero::new(connections),
        addresses_max: 4_096,
        ..AddressLimits::default()
    }
}

fn limited(limits: AddressLimits) -> ServerOptions {
    options(|options| options.address_limiter = Some(AddressLimiter::new(limits)))
}

/// A client at this address of the loopback network.
fn connect_from(address: [u8; 4], server: SocketAddr) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((address, 0)).into()).expect("all of 127.0.0.0/8 is this machine");
    socket.connect(&server.into()).expect("the listener's backlog has room");
    Client::of(TcpStream::from(socket))
}

#[test]
fn beyond_its_connections_an_address_is_told_so_and_others_are_served() {
    let server = TestServer::start(limited(at_once(3)), paths);
    let mut held: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut held {
        assert_eq!(client.get("/text/in").text(), "in");
    }
    for asked in [Asked::Get, Asked::Head] {
        let mut fourth = server.connect();
        // It may be closed by the time the request is sent.
        let _ = fourth.try_send("GET /text/out HTTP/1.1\r\nHost: a\r\n\r\n");
        let reply = fourth.reply_to(asked);
        assert_eq!((reply.status, reply.field("retry-after"), reply.text()), (503, Some("1"), ""));
        assert!(reply.closes() && reply.field("date").is_some());
    }
    assert_eq!(connect_from([127, 0, 0, 2], server.address()).get("/text/other").text(), "other");
    let records = server.records(6);
    let refused: Vec<_> = records.iter().filter(|record| status(record) == 503).collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|record| record.client.is_some() && record.bytes > 0));
    // Who was served all the while is so still.
    assert_eq!(held[0].get("/text/still").text(), "still");

    held.clear();
    server.wait_for_open(0, || ());
    assert_eq!(server.connect().get("/text/again").text(), "again");
    assert_eq!(server.stop().closes(CloseReason::AddressConnections), 2);
}

#[test]
fn an_address_that_comes_too_often_gets_429() {
    let new_connections = ConnectionRate::per_second(1, 2);
    // A token a second would be there again before a slow machine has connected three times.
    let limits = AddressLimits { new_connections, ..AddressLimits::default() };
    let server = TestServer::start(limited(limits), paths);
    let mut statuses = Vec::new();
    while !statuses.contains(&429) {
        let mut client = server.connect();
        let _ = client.try_send("GET /text/a HTTP/1.1\r\nHost: a\r\n\r\n");
        statuses.push(client.reply().status);
    }
    assert_eq!(statuses[..2], [200, 200], "the burst");
    assert_eq!(connect_from([127, 0, 0, 3], server.address()).get("/text/b").text(), "b");
    assert_eq!(server.stop().closes(CloseReason::AddressRate), 1);
}

#[test]
fn whoever_connects_without_end_and_never_reads_keeps_no_places() {
    let server = TestServer::start(limited(at_once(1)), paths);
    let mut first = server.connect();
    assert_eq!(first.get("/text/in").text(), "in");
    // Nobody closes, so that each would be waited for.
    let refused: Vec<_> = (0..300).map(|_| server.connect()).collect();
    server.records(1 + refused.len());
    // The first one, and those whose ends are waited for.
    server.wait_for_open(1 + 64, || ());
    assert_eq!(first.get("/text/still").text(), "still");
    drop(refused);
    server.wait_for_open(1, || ());
}

#[test]
fn the_end_of_who_is_turned_away_is_counted_where_an_observer_panics() {
    let server = TestServer::start_observed(
        limited(at_once(1)),
        WorkerLimits::default(),
        Arc::new(Records::default()),
        |worker| {
            let observer: Observer = Rc::new(|_, request| assert!(request.is_some(), "there is a request"));
            WorkerApplication { observer: Some(observer), ..paths(worker).into() }
        },
    );
    let mut first = server.connect();
    assert_eq!(first.get("/text/in").text(), "in");
    assert_eq!(server.connect().reply().status, 503);
    server.wait_for_open(1, || ());
    assert_eq!(first.get("/text/still").text(), "still");
    drop(first);
    assert_eq!(server.stop().closes(CloseReason::Panic), 1);
}

#[test]
fn whoever_comes_without_end_through_a_proxy_keeps_no_places_either() {
    let mut options = limited(at_once(1));
    options.proxies = Some("127.0.0.1".parse().expect("an address"));
    let server = TestServer::start(options, paths);
    let connect = || {
        let mut client = server.connect();
        client.send("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n");
        client
    };
    let mut first = connect();
    assert_eq!(first.get("/text/in").text(), "in");
    let refused: Vec<_> = (0..300).map(|_| connect()).collect();
    server.records(1 + refused.len());
    server.wait_for_open(1 + 64, || ());
    assert_eq!(first.get("/text/still").text(), "still");
    drop(refused);
    server.wait_for_open(1, || ());
}

#[test]
fn a_proxy_s_connections_are_those_of_whom_it_tells() {
    let mut options = limited(at_once(1));
    options.proxies = Some("127.0.0.1".parse().expect("an address"));
    let server = TestServer::start(options, paths);
    let client = |line: &str| {
        let mut client = server.connect();
        client.send(format!("{line}\r\nGET /text/a HTTP/1.1\r\nHost: a\r\n\r\n"));
        let reply = client.reply();
        (client, reply.status)
    };
    let (_held, status) = client("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443");
    assert_eq!(status, 200);
    assert_eq!(client("PROXY TCP4 192.0.2.1 198.51.100.1 56325 443").1, 503);
    assert_eq!(client("PROXY TCP4 192.0.2.2 198.51.100.1 56326 443").1, 200);
    let (_network, status) = client("PROXY TCP6 2001:db8::1 ::1 56324 443");
    assert_eq!(status, 200);
    assert_eq!(client("PROXY TCP6 2001:db8::2 ::1 56324 443").1, 503, "the same network");
    // The proxy's own, as it looks after the server.
    let own: Vec<_> = (0..3).map(|_| client("PROXY UNKNOWN")).collect();
    assert!(own.iter().all(|(_, status)| *status == 200));
}

#[test]
fn the_trusted_proxies_connections_have_no_limit() {
    let trusted_proxies = "127.0.0.1".parse().expect("an address");
    let server = TestServer::start(limited(AddressLimits { trusted_proxies, ..at_once(1) }), paths);
    let mut held: Vec<_> = (0..5).map(|_| server.connect()).collect();
    assert!(held.iter_mut().all(|client| client.get("/text/a").status == 200));
}
