//! Connections from behind proxies: the PROXY header, whoever may send it, and what it makes of the peer.

use std::net::Ipv4Addr;
use std::time::Duration;

use selvedge_http::{CloseReason, ServerOptions};

use crate::support::app::paths;
use crate::support::{TestServer, options};

const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
const GET_PEER: &[u8] = b"GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";

fn behind(proxies: &str) -> ServerOptions {
    options(|options| options.proxies = Some(proxies.parse().expect("a list of addresses")))
}

/// A header of version 2 with this command, family and rest.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let start = b"\r\n\r\n\0\r\nQUIT\n";
    [&start[..], &[command, family], &(rest.len() as u16).to_be_bytes(), rest].concat()
}

fn v4_rest() -> Vec<u8> {
    [&[192, 0, 2, 1, 198, 51, 100, 1][..], &56_324_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat()
}

#[test]
fn the_peer_is_whom_the_proxy_tells() {
    let server = TestServer::start(behind("127.0.0.1"), paths);
    let mut unix = vec![0; 216];
    unix[..6].copy_from_slice(b"/run/s");
    for (header, peer) in [
        (LINE.to_vec(), "192.0.2.1:56324"),
        (b"PROXY TCP6 2001:db8::1 ::1 56324 443\r\n".to_vec(), "[2001:db8::1]:56324"),
        (binary(0x21, 0x11, &v4_rest()), "192.0.2.1:56324"),
        (binary(0x21, 0x11, &[v4_rest(), vec![4; 3_000]].concat()), "192.0.2.1:56324"),
        (binary(0x21, 0x31, &unix), "unix:/run/s"),
        (binary(0x21, 0x31, &[0; 216]), "unix:"),
    ] {
        // The head in the same packet, and in one of its own; then kept for another request.
        for at_once in [true, false] {
            let mut client = server.connect();
            client.send(&header);
            if !at_once {
                server.usage();
            }
            client.send(GET_PEER);
            assert_eq!(client.reply().text(), peer, "{}", header.escape_ascii());
            assert_eq!(client.get("/peer").text(), peer);
            assert_eq!(client.get("/text/on").text(), "on");
        }
    }
    server.wait_until_at_rest();
}

#[test]
fn a_proxy_that_asks_for_itself_is_the_peer() {
    let server = TestServer::start(behind("127.0.0.0/8"), paths);
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), binary(0x20, 0, &[]), binary(0x21, 0, &[])] {
        let mut client = server.connect();
        client.send([&header, GET_PEER].concat());
        assert!(client.reply().text().starts_with(&Ipv4Addr::LOCALHOST.to_string()));
    }
}

#[test]
fn header_and_head_may_be_split_at_every_octet() {
    let server = TestServer::start(behind("127.0.0.1"), paths);
    for header in [LINE.to_vec(), binary(0x21, 0x11, &v4_rest())] {
        let all = [&header, GET_PEER, GET_PEER].concat();
        for at in 1..all.len() {
            let mut client = server.connect();
            client.send(&all[..at]);
            // The worker has the first part before the second is sent.
            server.usage();
            client.send(&all[at..]);
            assert_eq!(client.reply().text(), "192.0.2.1:56324", "split at {at}");
            assert_eq!(client.reply().text(), "192.0.2.1:56324", "split at {at}");
        }
    }
}

#[test]
fn what_begins_otherwise_is_closed_without_an_answer() {
    let server = TestServer::start(behind("all"), paths);
    let beginnings: [&[u8]; 6] = [
        GET_PEER,
        b"\r\n\r\nGET",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
        b"PROXY UNKNOWN so much that no line of the protocol is as long as this one, which goes on until it is refused....",
        &binary(0x31, 0x11, &v4_rest()),
    ];
    for beginning in beginnings {
        let mut client = server.connect();
        client.send(beginning);
        client.expect_end();
    }
    // A second header is no head.
    let mut client = server.connect();
    client.send([LINE, LINE, GET_PEER].concat());
    assert_eq!(client.reply().status, 400);
    drop(client);
    server.wait_until_at_rest();
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::ProxyHeader), beginnings.len() as u64);
    assert_eq!(stopped.statuses(), [400]);
}

#[test]
fn whoever_is_no_proxy_is_closed_at_once() {
    let server = TestServer::start(behind("192.0.2.0/24,unix,::/0"), paths);
    for sent in [LINE, GET_PEER] {
        let mut client = server.connect();
        // The server may have closed already.
        let _ = client.try_send(sent);
        client.expect_end();
    }
    server.connect().expect_close();
    let stopped = server.stop();
    assert_eq!((stopped.closes(CloseReason::UntrustedPeer), stopped.records.len()), (3, 0));
}

#[test]
fn a_header_that_does_not_end_is_closed_silently() {
    let mut short = behind("127.0.0.1");
    short.timeouts.head = Duration::from_millis(250);
    let server = TestServer::start(short, paths);
    let header = binary(0x21, 0x11, &v4_rest());
    for beginning in [&LINE[..1], &LINE[..LINE.len() - 1], &header[..5], &header[..header.len() - 1]] {
        let mut client = server.connect();
        client.send(beginning);
        client.expect_close();
    }
    // Behind the header it is a head that does not end.
    let mut client = server.connect();
    client.send([LINE, b"GET /"].concat());
    assert_eq!(client.reply().status, 408);
    drop(client);
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::HeadTimeout), 5);
    assert_eq!(stopped.statuses(), [408]);
}

#[test]
fn a_proxy_that_looks_whether_the_server_lives_may_leave_again() {
    let server = TestServer::start(behind("127.0.0.1"), paths);
    drop(server.connect());
    for sent in [&binary(0x20, 0, &[])[..], &LINE[..9]] {
        let mut client = server.connect();
        client.send(sent);
        client.shut_down_write();
        client.expect_close();
    }
    server.wait_until_at_rest();
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::ClientEnd), 2);
    assert_eq!(stopped.closes(CloseReason::ClientCutShort), 1);
}

#[test]
fn a_connection_without_its_header_does_not_hold_up_the_drain() {
    let server = TestServer::start(behind("127.0.0.1"), paths);
    let mut silent = server.connect();
    server.wait_for_accepted(1);
    let mut asking = server.connect();
    asking.send([LINE, GET_PEER].concat());
    assert_eq!(asking.reply().status, 200);
    let stopped = server.stop();
    silent.expect_close();
    asking.expect_close();
    assert_eq!(stopped.closes(CloseReason::Drain), 2);
}
