//! Streams that are compressed while they are sent.

use selvedge_http::CloseReason;
use selvedge_http::middleware::CompressionOptions;

use super::app::{ask, bodies, head, text};
use super::decoder::{decode, decode_beginning};
use super::support::client::{Client, End};
use super::support::{TestServer, patient, wait_until, wait_until_still};

fn server() -> TestServer {
    TestServer::start(patient(), bodies(CompressionOptions::default()).1)
}

fn begin(client: &mut Client, path: &str, coding: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n"));
    assert_eq!(head(client).field("content-encoding"), Some(coding), "{path}");
}

#[test]
fn what_is_written_arrives_before_the_stream_goes_on() {
    let (gate, factory) = bodies(CompressionOptions::default());
    let server = TestServer::start(patient(), factory);
    let mut client = server.connect();
    for path in ["/events", "/pushed", "/events?content-type=text/event-stream"] {
        for coding in ["gzip", "br", "zstd"] {
            begin(&mut client, path, coding);
            let (mut expected, mut encoded) = (Vec::new(), Vec::new());
            for event in ["data: one\n\n", "x", "data: another one\n\n", "data: one\n\n"] {
                gate.try_send(event).expect("the gate has room");
                expected.extend_from_slice(event.as_bytes());
                while decode_beginning(coding, &encoded) != expected {
                    encoded.extend_from_slice(&client.chunk());
                }
            }
            gate.try_send("").expect("the gate has room");
            while let rest = client.chunk()
                && !rest.is_empty()
            {
                encoded.extend_from_slice(&rest);
            }
            assert!(decode(Some(coding), &encoded) == expected);
        }
    }
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn beyond_its_encoders_a_worker_sends_answers_as_they_are() {
    let options = CompressionOptions { encoders_max: 1, ..CompressionOptions::default() };
    let (gate, factory) = bodies(options);
    let server = TestServer::start(patient(), factory);
    let (mut first, mut second) = (server.connect(), server.connect());
    let accepted = [("Accept-Encoding", "gzip")];
    begin(&mut first, "/events", "gzip");
    for path in ["/full/3000", "/full/300000", "/stream/3000"] {
        let reply = ask(&mut second, "GET", path, &accepted);
        assert_eq!((reply.field("content-encoding"), reply.field("vary")), (None, Some("Accept-Encoding")));
    }
    gate.try_send("").expect("the gate has room");
    while !first.chunk().is_empty() {}
    for path in ["/full/3000", "/full/300000", "/stream/3000", "/stream/3000"] {
        let reply = ask(&mut second, "GET", path, &accepted);
        assert_eq!(reply.field("content-encoding"), Some("gzip"), "{path}");
    }
    // To HEAD too, whose stream never runs.
    for _ in 0..3 {
        let reply = ask(&mut second, "HEAD", "/stream/3000", &accepted);
        assert_eq!(reply.field("content-encoding"), Some("gzip"));
    }
}

#[test]
fn a_stream_that_fails_ends_the_connection_without_its_end() {
    let server = server();
    for path in ["/fails", "/short"] {
        for coding in ["gzip", "br", "zstd"] {
            let mut client = server.connect();
            begin(&mut client, path, coding);
            let (all, _) = client.read_to_end();
            assert!(!all.ends_with(b"0\r\n\r\n"), "{path} in {coding}");
        }
    }
    assert_eq!(server.stop().closes(CloseReason::StreamFailed), 6);
}

#[test]
fn trailers_follow_a_compressed_stream() {
    let server = server();
    let mut client = server.connect();
    begin(&mut client, "/trailers", "gzip");
    let (mut encoded, mut rest) = (Vec::new(), Vec::new());
    while decode_beginning("gzip", &encoded) != b"body" {
        encoded.extend_from_slice(&client.chunk());
    }
    while !rest.ends_with(b"\r\n\r\n") {
        rest.extend_from_slice(&client.take(1));
    }
    assert!(rest.ends_with(b"0\r\nx-checksum: 4\r\n\r\n"), "{}", rest.escape_ascii());
}

#[test]
fn to_http_1_0_a_compressed_stream_ends_with_the_connection() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /sized/5000 HTTP/1.0\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n");
    let reply = head(&mut client);
    assert_eq!((reply.field("content-encoding"), reply.field("connection")), (Some("gzip"), Some("close")));
    let (body, end) = client.read_to_end();
    assert!(decode(Some("gzip"), &body) == text(5_000));
    assert_eq!(end, End::Closed);
}

#[test]
fn a_client_that_does_not_read_holds_the_writer_back() {
    let server = server();
    let mut client = Client::connect_narrow(server.address(), 4_096);
    client.send("GET /forever HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd\r\n\r\n");
    let mut other = server.connect();
    let written = || other.get("/written").text().parse::<u64>().expect("a number");
    wait_until_still("the writer stands still", written);
    client.reset();
    wait_until("its leases come back", || match server.usage().block_leases {
        0 => Ok(()),
        leases => Err(format!("{leases} leases")),
    });
}
