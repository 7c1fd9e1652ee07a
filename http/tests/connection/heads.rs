//! Heads as the network brings them, and what is no head.

use selvedge_http::CloseReason;
use selvedge_http::h1::{Limits, Reject};

use crate::support::app::paths;
use crate::support::{TestServer, options, patient};

#[test]
fn a_head_split_at_every_octet_is_one_request() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let head = b"GET /text/split?here HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
    for at in 1..head.len() {
        client.send(&head[..at]);
        // The worker has the first part before the second is sent.
        server.usage();
        client.send(&head[at..]);
        assert_eq!(client.reply().text(), "split?here", "split at {at}");
    }
}

#[test]
fn a_head_in_single_octets_is_one_request() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for octet in b"\r\nGET /text/drip HTTP/1.1\r\nHost: a\r\n\r\n" {
        client.send([*octet]);
        server.usage();
    }
    assert_eq!(client.reply().text(), "drip");
}

#[test]
fn a_head_may_span_receive_buffers_up_to_its_limit() {
    let server = TestServer::start(patient(), paths);
    let limit = usize::from(Limits::default().head_bytes_max);
    let of_length = |length: usize| {
        let line = "GET /text/long HTTP/1.1\r\nHost: a\r\nX-Padding: ";
        format!("{line}{}\r\n\r\n", "p".repeat(length - line.len() - 4))
    };
    let mut client = server.connect();
    for length in [4_095, 4_096, 4_097, 8_192, 8_193, limit - 1, limit] {
        // Behind another request, so that the buffers' bounds fall anywhere.
        client.send("GET /text/before HTTP/1.1\r\nHost: a\r\n\r\n".to_owned() + &of_length(length));
        assert_eq!(client.reply().text(), "before", "{length}");
        assert_eq!(client.reply().text(), "long", "{length}");
    }
    client.send(of_length(limit + 1));
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (431, true));
    client.expect_close();
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::Rejected(Reject::HeadTooLong)), 1);
}

#[test]
fn a_target_beyond_its_limit_gets_414() {
    let server = TestServer::start(options(|options| options.limits.target_bytes_max = 64), paths);
    let mut client = server.connect();
    let target = format!("/text/{}", "t".repeat(58));
    assert_eq!(client.get(&target).status, 200);
    client.send(format!("GET {target}t HTTP/1.1\r\nHost: a\r\n\r\n"));
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (414, true));
    client.expect_close();
}

#[test]
fn what_is_no_request_is_refused_and_closed() {
    let server = TestServer::start(patient(), paths);
    // The first octets of a TLS 1.2 ClientHello.
    let client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01\x02\x03\x04\x05";
    let refused: [(&[u8], u16); 11] = [
        (client_hello, 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\0\0\0\0", 400),
        (b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ];
    for (octets, status) in refused {
        let mut client = server.connect();
        client.send(octets);
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (status, true), "{}", octets.escape_ascii());
        assert!(reply.text().starts_with(&status.to_string()), "{}", octets.escape_ascii());
        client.expect_close();
    }
    server.wait_until_at_rest();
}

#[test]
fn random_octets_are_survived() {
    let server = TestServer::start(patient(), paths);
    for seed in 0..200_usize {
        let mut client = server.connect();
        let noise = &crate::support::pattern(6_000)[seed * 7..][..1 + seed * 3];
        // The server may close before all of it is sent.
        let _ = client.try_send(noise);
        client.shut_down_write_if_connected();
        let (answer, _) = client.read_to_end();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 5"));
    }
    assert_eq!(server.connect().get("/text/alive").text(), "alive");
}
