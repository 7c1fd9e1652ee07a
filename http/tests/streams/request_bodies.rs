//! Requests' bodies, pulled by handlers.

use std::time::Duration;

use selvedge_http::{CloseReason, ServerOptions};

use super::app::streams;
use super::support::client::Client;
use super::support::simulated::{SimulatedServer, TICK};
use super::support::{TestServer, patient, pattern};

fn server() -> TestServer {
    TestServer::start(patient(), streams)
}

fn post(client: &mut Client, path: &str, body: &[u8]) {
    client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.send(body);
}

/// `body` in chunks of `length`.
fn chunked(path: &str, body: &[u8], length: usize) -> Vec<u8> {
    let mut request =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(length) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

#[test]
fn a_body_of_any_length_comes_whole_and_the_next_request_is_answered() {
    let server = server();
    let mut client = server.connect();
    for length in [0, 1, 10, 4_000, 4_096, 5_000, 100_000, 1_000_000] {
        post(&mut client, "/length", &pattern(length));
        assert_eq!(client.reply().text(), length.to_string());
        post(&mut client, "/wait", &pattern(length));
        assert_eq!(client.reply().text(), length.to_string());
    }
    assert_eq!(client.get("/length").text(), "0");
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn a_chunked_body_comes_whole_however_it_is_cut() {
    let server = server();
    let mut client = server.connect();
    let body = pattern(50_000);
    for length in [1, 7, 1_000, 4_096, 30_000, 50_000] {
        client.send(chunked("/length", &body, length));
        assert_eq!(client.reply().text(), "50000", "chunks of {length}");
    }
    for octet in chunked("/text", b"octet by octet", 3) {
        client.send([octet]);
    }
    assert_eq!(client.reply().text(), "octet by octet");
}

#[test]
fn requests_behind_a_body_wait_for_it_to_be_read() {
    let server = server();
    let mut client = server.connect();
    let mut requests = chunked("/text", b"first", 2);
    requests.extend_from_slice(&chunked("/wait", b"second", 10));
    requests.extend_from_slice(b"GET /segments HTTP/1.1\r\nHost: a\r\n\r\n");
    requests.extend_from_slice(&chunked("/text", b"last", 1));
    client.send(requests);
    assert_eq!(client.reply().text(), "first");
    assert_eq!(client.reply().text(), "6");
    assert_eq!(client.reply().status, 200);
    assert_eq!(client.reply().text(), "last");
}

#[test]
fn a_body_is_echoed_while_it_comes() {
    let server = server();
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let head = client.head();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    for said in ["hello", "again", "and again"] {
        client.send(format!("{:x}\r\n{said}\r\n", said.len()));
        assert_eq!(client.chunk(), said.as_bytes());
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), b"");
    let body = pattern(1_000_000);
    let mut sender = client.duplicate();
    let sending =
        std::thread::spawn(move || sender.send(chunked("/echo", &pattern(1_000_000), 10_000)).len());
    assert_eq!(client.chunked_reply().body, body);
    sending.join().expect("everything is sent");
    // Long, and its length is known: it will be read, so the connection goes on.
    post(&mut client, "/echo", &body[..100_000]);
    assert_eq!(client.chunked_reply().body, body[..100_000]);
    assert_eq!(client.get("/length").text(), "0");
}

#[test]
fn who_expects_100_gets_it_with_the_first_pull_and_not_without() {
    let server = server();
    let mut client = server.connect();
    let head = "Host: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    client.send(format!("POST /text HTTP/1.1\r\n{head}"));
    assert_eq!(client.reply().status, 100);
    client.send("body");
    assert_eq!(client.reply().text(), "body");
    // The body is here already: nobody waits.
    client.send(format!("POST /text HTTP/1.1\r\n{head}body"));
    assert_eq!(client.reply().text(), "body");
    client.send(format!("POST /ignore HTTP/1.1\r\n{head}"));
    let reply = client.reply();
    assert!(reply.closes() && reply.text() == "ignored", "{reply:?}");
    client.expect_close();
}

#[test]
fn the_100_follows_the_answers_before_it() {
    let server = server();
    let mut client = server.connect();
    let head = "Host: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    client.send(format!("GET /text HTTP/1.1\r\nHost: a\r\n\r\nPOST /text HTTP/1.1\r\n{head}"));
    assert_eq!(client.reply().text(), "");
    assert_eq!(client.reply().status, 100);
    client.send("body");
    assert_eq!(client.reply().text(), "body");
}

#[test]
fn a_body_beyond_the_handler_s_limit_is_refused_as_soon_as_that_is_known() {
    let server = server();
    let mut client = server.connect();
    client.send("POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n");
    assert_eq!(client.reply().status, 413);
    let mut client = server.connect();
    client.send(chunked("/text", &pattern(65), 60));
    assert_eq!(client.reply().status, 413);
}

#[test]
fn the_rest_of_a_short_body_is_thrown_away_and_that_of_a_long_one_ends_the_connection() {
    let server = server();
    let mut client = server.connect();
    post(&mut client, "/first", &pattern(20_000));
    assert_eq!(client.reply().status, 200);
    client.send(chunked("/first", &pattern(20_000), 5_000));
    assert_eq!(client.reply().status, 200);
    client.send("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbeginning");
    let reply = client.reply();
    assert!(reply.closes() && reply.text() == "9", "{reply:?}");
    client.shut_down_write().expect_nothing();
    drop(client);
    server.wait_until_at_rest();
    assert_eq!(server.stop().closes(CloseReason::UnreadBody), 1);
}

#[test]
fn a_broken_body_is_told_to_the_handler_and_ends_the_connection() {
    let server = server();
    let mut client = server.connect();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n");
    let reply = client.reply();
    assert!(reply.status == 400 && reply.closes(), "{reply:?}");
    client.expect_end();
    let mut client = server.connect();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nshort").shut_down_write();
    assert_eq!(client.reply().status, 400);
}

#[test]
fn a_body_that_comes_too_slowly_is_given_up() {
    let server = SimulatedServer::start(ServerOptions::default(), streams);
    let mut client = server.connect();
    let begun = server.now();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nslow");
    assert_eq!(server.expect_open_until(&mut client, begun + Duration::from_secs(10)), b"");
    let reply = client.reply();
    assert!(reply.status == 408 && reply.closes(), "{reply:?}");
    let took = server.now() - begun;
    assert!(took >= Duration::from_secs(10) && took <= Duration::from_secs(10) + TICK, "{took:?}");
    client.expect_end();
}

#[test]
fn a_body_that_is_not_pulled_holds_its_client_back() {
    let server = server();
    let mut client = server.connect();
    client.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
    client.send(pattern(200_000));
    // 16 unread buffers, the rest of the last one's lease and the request's own.
    assert!(server.usage().receive_leases <= 18, "{:?}", server.usage());
    client.send(pattern(700_000));
    assert_eq!(client.reply().text(), "900000");
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn the_100_comes_before_the_head_of_a_response_that_reads_the_body() {
    let server = server();
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.reply().status, 100);
    client.send("body");
    assert_eq!(client.chunked_reply().text(), "body");
    // There is no body to wait with.
    client.send("GET /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.chunked_reply().text(), "");
}

#[test]
fn a_body_above_the_rate_is_waited_for_and_one_below_it_is_not() {
    let server = SimulatedServer::start(ServerOptions::default(), streams);
    for (each_second, is_answered) in [(1_100, true), (900, false)] {
        let mut client = server.connect();
        let begun = server.now();
        client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 220000\r\n\r\n");
        let (mut sent, mut received) = (0, Vec::new());
        while sent < 220_000 && received.is_empty() {
            client.send(vec![b'x'; each_second.min(220_000 - sent)]);
            sent += each_second;
            server.pass(Duration::from_secs(1));
            received = client.take_received().0;
        }
        let expected: &[u8] = if is_answered { b"HTTP/1.1 200 " } else { b"HTTP/1.1 408 " };
        assert!(received.starts_with(expected), "{}", received.escape_ascii());
        // At 900 a second a tenth of each second is lost: ten seconds last for a hundred, at 1,024.
        let took = server.now() - begun;
        let seconds = if is_answered { 199..202 } else { 75..100 };
        assert!(seconds.contains(&took.as_secs()), "{took:?}");
    }
}

#[test]
fn a_body_that_drips_is_given_up_however_often_it_moves() {
    let server = SimulatedServer::start(ServerOptions::default(), streams);
    let mut client = server.connect();
    let begun = server.now();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    // What is sent until then earns it less than a tenth of a second.
    for _ in 0..99 {
        server.pass(Duration::from_millis(100));
        client.send("x");
    }
    let reply = client.reply();
    assert!(reply.status == 408 && reply.closes(), "{reply:?}");
    let took = server.now() - begun;
    assert!(took >= Duration::from_secs(10) && took <= Duration::from_secs(10) + 2 * TICK, "{took:?}");
}
