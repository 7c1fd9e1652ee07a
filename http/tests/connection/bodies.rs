//! Request bodies that nobody reads: drained where that is cheap, otherwise the connection closes; never is a body taken
//! for the next request.

use selvedge_http::CloseReason;
use selvedge_http::h1::Reject;

use crate::support::app::paths;
use crate::support::{TestServer, options, patient};

/// A body that would be a request if it were not drained.
const LURE: &str = "GET /text/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

fn post(path: &str, fields: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn with_length(path: &str, body: &str) -> String {
    post(path, &format!("Content-Length: {}\r\n", body.len())) + body
}

fn chunked(path: &str, chunks: &[&str]) -> String {
    let chunks: String =
        chunks.iter().map(|chunk| format!("{:x};ext=1\r\n{chunk}\r\n", chunk.len())).collect();
    post(path, "Transfer-Encoding: chunked\r\n") + &chunks + "0\r\nTrailer: t\r\n\r\n"
}

#[test]
fn a_short_body_is_drained_and_the_connection_goes_on() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for round in 0..20 {
        let body = LURE.repeat(round * 80);
        client.send(
            with_length(&format!("/text/{round}"), &body) + "GET /text/next HTTP/1.1\r\nHost: a\r\n\r\n",
        );
        assert_eq!(client.reply().text(), round.to_string());
        assert_eq!(client.reply().text(), "next");
    }
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn a_body_that_comes_after_its_answer_is_drained_too() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send(post("/text/early", &format!("Content-Length: {}\r\n", LURE.len())));
    assert_eq!(client.reply().text(), "early");
    for octet in LURE.as_bytes() {
        client.send([*octet]);
    }
    assert_eq!(client.get("/text/next").text(), "next");
}

#[test]
fn a_chunked_body_is_drained_however_it_is_split() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let request = chunked("/text/chunked", &[LURE, "x", LURE]);
    let head_end = request.find("\r\n\r\n").unwrap() + 4;
    for at in head_end..request.len() {
        client.send(&request[..at]);
        assert_eq!(client.reply().text(), "chunked", "split at {at}");
        client.send(&request[at..]);
        assert_eq!(client.get("/text/next").text(), "next", "split at {at}");
    }
    client.send(request.clone() + &request);
    assert_eq!(client.reply().text(), "chunked");
    assert_eq!(client.reply().text(), "chunked");
}

#[test]
fn an_invalid_chunk_closes_after_the_answer_and_nothing_behind_it_is_answered() {
    let server = TestServer::start(patient(), paths);
    let invalid = [
        "g\r\n",
        "1\r\nxy\r\n",
        "-1\r\n",
        " 1\r\nx\r\n",
        "1\nx\r\n",
        "11111111111111111\r\n",
        "0\r\nbad name: x\r\n",
    ];
    for chunk in invalid {
        let mut client = server.connect();
        client.send(post("/text/answered", "Transfer-Encoding: chunked\r\n") + chunk + LURE);
        assert_eq!(client.reply().text(), "answered", "{chunk:?}");
        client.expect_close();
    }
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::Rejected(Reject::ChunkSize)), invalid.len() as u64);
    assert_eq!(stopped.exchanges(2), invalid.len() as u64);
}

#[test]
fn a_long_body_is_answered_and_the_connection_closes() {
    let server = TestServer::start(patient(), paths);
    for sent in [0, 1_000, 200_000] {
        let mut client = server.connect();
        client.send(post("/text/long", "Content-Length: 200000\r\n") + &"x".repeat(sent));
        let reply = client.reply();
        assert_eq!((reply.text(), reply.closes()), ("long", true));
        client.expect_close();
    }
    assert_eq!(server.stop().closes(CloseReason::UnreadBody), 3);
}

#[test]
fn a_chunked_body_beyond_what_is_drained_closes() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let chunk = "x".repeat(200_000);
    let _ = client.try_send(chunked("/text/long", &[&chunk]));
    assert_eq!(client.reply().text(), "long");
    client.expect_end();
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::UnreadBody), 1);
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_the_handler() {
    let server = TestServer::start(options(|options| options.limits.body_bytes_max = 1_000), paths);
    let mut client = server.connect();
    client.send(with_length("/text/fits", &"x".repeat(1_000)));
    assert_eq!(client.reply().text(), "fits");
    client.send(post("/panic", "Content-Length: 1001\r\n"));
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (413, true));
    client.expect_close();
}

#[test]
fn a_refused_head_gets_no_body() {
    let server = TestServer::start(patient(), paths);
    for (request, status) in [
        ("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
        ("HEAD / HTTP/1.1\r\n\r\n", 400),
        ("\r\nHEAD / HTTP/3.0\r\n\r\n", 505),
    ] {
        let mut client = server.connect();
        client.send(request);
        let reply = client.reply_to(crate::support::client::Asked::Head);
        assert_eq!((reply.status, reply.closes()), (status, true), "{request:?}");
        client.expect_close();
    }
}

#[test]
fn a_client_that_waits_for_100_gets_the_final_answer_and_a_close() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send(post("/text/final", &format!("Content-Length: {}\r\nExpect: 100-continue\r\n", LURE.len())));
    let reply = client.reply();
    assert_eq!((reply.status, reply.text(), reply.closes()), (200, "final", true));
    // It may send the body all the same.
    client.send(LURE);
    client.expect_close();
    drop(client);
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::UnreadBody), 1);
    assert_eq!(stopped.records.len(), 1);
}

#[test]
fn an_expectation_without_a_body_or_of_1_0_changes_nothing() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send("GET /text/1 HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n");
    assert!(!client.reply().closes());
    client.send("POST /text/2 HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(client.reply().text(), "2");
    assert_eq!(client.get("/text/3").text(), "3");
}

#[test]
fn an_unknown_expectation_gets_417() {
    let server = TestServer::start(patient(), paths);
    for expectation in ["200-ok", "100-continue, x", ""] {
        let mut client = server.connect();
        client.send(post("/panic", &format!("Content-Length: 5\r\nExpect: {expectation}\r\n")));
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (417, true), "{expectation}");
        client.expect_close();
    }
}

#[test]
fn a_body_cut_short_ends_the_connection() {
    let server = TestServer::start(patient(), paths);
    for request in [
        post("/text/x", "Content-Length: 50\r\n") + "half",
        post("/text/x", "Transfer-Encoding: chunked\r\n") + "5\r\nha",
    ] {
        let mut client = server.connect();
        client.send(request).shut_down_write();
        assert_eq!(client.reply().text(), "x");
        client.expect_close();
    }
    assert_eq!(server.stop().closes(CloseReason::ClientCutShort), 2);
}
