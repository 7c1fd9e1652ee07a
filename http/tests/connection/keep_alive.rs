//! Whether a connection goes on after an answer, and what the answer says of it (RFC 9112 section 9.3).

use std::num::NonZero;

use selvedge_http::CloseReason;

use crate::support::app::paths;
use crate::support::client::Asked;
use crate::support::{TestServer, options, patient};

#[test]
fn a_connection_of_1_1_goes_on_and_says_nothing_of_it() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for round in 0..10 {
        let reply = client.get(&format!("/text/{round}?q"));
        assert_eq!((reply.status, reply.text()), (200, format!("{round}?q").as_str()));
        assert_eq!(reply.field("connection"), None);
        assert_eq!(reply.field("transfer-encoding"), None);
    }
    drop(client);
    let stopped = server.stop();
    assert_eq!(stopped.exchanges(2), 10);
    assert_eq!(stopped.closes(CloseReason::ClientEnd), 1);
}

#[test]
fn a_client_of_1_1_that_says_close_is_answered_and_closed() {
    let server = TestServer::start(patient(), paths);
    for options in ["close", "Close", "keep-alive, close", "x,close ,y"] {
        let mut client = server.connect();
        client.send(format!("GET /text/bye HTTP/1.1\r\nHost: a\r\nConnection: {options}\r\n\r\n"));
        let reply = client.reply();
        assert_eq!((reply.text(), reply.field("connection")), ("bye", Some("close")), "{options}");
        client.expect_close();
    }
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::Requested), 4);
}

#[test]
fn a_client_of_1_0_is_closed_unless_it_asks_to_stay() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for round in 0..3 {
        client.send("GET /text/stay HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let reply = client.reply();
        assert_eq!((reply.text(), reply.field("connection")), ("stay", Some("keep-alive")), "{round}");
    }
    client.send("GET /text/go HTTP/1.0\r\n\r\n");
    let reply = client.reply();
    assert_eq!((reply.text(), reply.field("connection")), ("go", Some("close")));
    client.expect_close();
}

#[test]
fn requests_after_the_one_that_closes_are_not_answered() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send(
        "GET /text/1 HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /text/2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\
         GET /text/3 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(client.reply().text(), "1");
    assert_eq!(client.reply().text(), "2");
    client.expect_close();
    drop(client);
    assert_eq!(server.stop().exchanges(2), 2);
}

#[test]
fn head_gets_the_length_and_no_body() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for (path, status, length) in [
        ("/text/four", 200, "4"),
        ("/size/100000", 200, "100000"),
        ("/error/404", 404, "23"),
        ("/status/200", 200, "0"),
    ] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let reply = client.reply_to(Asked::Head);
        assert_eq!((reply.status, reply.field("content-length")), (status, Some(length)), "{path}");
    }
    // The next answer follows at once.
    assert_eq!(client.get("/text/after").text(), "after");
}

#[test]
fn statuses_without_a_body_have_no_length_either() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for status in [204, 304] {
        for kind in ["status", "full"] {
            let reply = client.get(&format!("/{kind}/{status}"));
            assert_eq!((reply.status, reply.field("content-length")), (status, None), "{kind}");
            assert_eq!(client.get("/text/next").text(), "next");
        }
    }
}

#[test]
fn a_half_closed_client_still_gets_its_answers() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client
        .send("GET /text/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /size/300000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .shut_down_write();
    assert_eq!(client.reply().text(), "1");
    assert_eq!(client.reply().body, crate::support::pattern(300_000));
    client.expect_close();
    drop(client);
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::ClientEnd), 1);
}

#[test]
fn a_connection_closes_after_as_many_requests_as_it_may_have() {
    let server = TestServer::start(options(|options| options.requests_max = NonZero::new(3)), paths);
    // One after the other, and all at once with more behind them.
    let mut client = server.connect();
    let replies: Vec<_> = (0..3).map(|_| client.get("/text/x")).collect();
    assert_eq!(replies.iter().map(|reply| reply.closes()).collect::<Vec<_>>(), [false, false, true]);
    client.expect_close();
    drop(client);
    let mut client = server.connect();
    client.send("GET /text/x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5));
    assert_eq!((0..3).filter(|_| client.reply().closes()).count(), 1);
    client.expect_close();
    drop(client);
    let stopped = server.stop();
    assert_eq!((stopped.exchanges(2), stopped.closes(CloseReason::RequestsMax)), (6, 2));
}
