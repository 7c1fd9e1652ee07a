//! Answers that need no wait: whom they are asked for, and that nothing of an answer depends on who gave it.

use std::cell::Cell;
use std::rc::Rc;

use selvedge_http::{
    Application, CloseReason, ExchangeEnd, HeaderName, HeaderValue, Request, Response, header,
};
use selvedge_runtime::{Worker, yield_now};

use crate::support::{TestServer, patient};

/// Says who has answered: by [`Application::at_once`] all paths but `/later`; `/long` has a body for which no block has room,
/// `/hinted` has hints before the same, and `/fails` panics.
struct Eager {
    asked: Rc<Cell<u32>>,
}

impl Application for Eager {
    async fn call(&self, request: Request<'_>) -> Response {
        yield_now().await;
        self.answer(&request, "later")
    }

    fn at_once(&self, request: &Request<'_>) -> Option<Response> {
        self.asked.set(self.asked.get() + 1);
        match request.path() {
            b"/later" => None,
            b"/fails" => panic!("it was asked to"),
            _ => Some(self.answer(request, "at once")),
        }
    }
}

impl Eager {
    fn answer(&self, request: &Request<'_>, who: &'static str) -> Response {
        let response = match request.path() {
            b"/long" => Response::text("x".repeat(1_000_000)),
            b"/hinted" => {
                request.early_hints([(&header::LINK, &HeaderValue::from_static("</a>"))]);
                Response::text("x".repeat(1_000_000))
            }
            path => Response::text(String::from_utf8_lossy(path).into_owned()),
        };
        let asked = self.asked.get().to_string();
        let field = HeaderName::from_static;
        response.with_header(field("x-who"), who).with_header(field("x-asked"), asked)
    }
}

fn server() -> TestServer {
    TestServer::start(patient(), |_: &Worker| Eager { asked: Rc::default() })
}

#[test]
fn a_plain_request_is_answered_at_once_and_what_has_no_answer_then_by_the_call() {
    let server = server();
    let mut client = server.connect();
    for (path, who, asked) in
        [("/a", "at once", "1"), ("/later", "later", "2"), ("/fails", "later", "3"), ("/b", "at once", "4")]
    {
        let reply = client.get(path);
        assert_eq!((reply.field("x-who"), reply.field("x-asked")), (Some(who), Some(asked)), "{path}");
        assert_eq!(reply.text(), path);
    }
    let records = server.records(4);
    assert!(records.iter().all(|record| record.status.is_some_and(|status| status == 200)), "{records:?}");
}

#[test]
fn an_answer_that_has_no_room_is_asked_for_again() {
    let server = server();
    let reply = server.connect().get("/long");
    assert_eq!((reply.field("x-who"), reply.text().len()), (Some("later"), 1_000_000));
}

#[test]
fn hints_of_an_answer_that_has_no_room_are_sent_once() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /hinted HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply().text(), "/a");
    assert_eq!(client.head(), "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    let reply = client.reply();
    assert_eq!((reply.field("x-who"), reply.text().len()), (Some("later"), 1_000_000));
}

#[test]
fn nobody_is_asked_for_answers_to_a_client_that_is_gone() {
    let server = server();
    let mut client = server.connect();
    client.get("/a");
    let held = server.hold();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
    client.reset();
    drop(held);
    server.wait_until_at_rest();
    // It is seen by the first send, which has the answers of one turn.
    assert_eq!(server.records(33).len(), 33);
    assert_eq!(server.stop().closes(CloseReason::ClientFailure), 1);
}

#[test]
fn requests_that_are_not_plain_are_not_asked_for_at_once() {
    let server = server();
    for request in [
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nmore",
        "DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = server.connect();
        let reply = client.send(request).reply();
        assert_eq!((reply.field("x-who"), reply.field("x-asked")), (Some("later"), Some("0")), "{request}");
    }
}

#[test]
fn the_last_request_of_a_connection_is_answered_at_once_and_the_end_follows() {
    let server = server();
    let kept = "GET /kept HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut asked = 0;
    for (before, last) in [
        (0, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        (0, "GET /a HTTP/1.0\r\n\r\n"),
        (1, "GET /a HTTP/1.0\r\n\r\n"),
        (40, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    ] {
        let mut client = server.connect();
        client.send(kept.repeat(before) + last);
        for _ in 0..before {
            assert!(!client.reply().closes());
        }
        let reply = client.reply();
        assert_eq!((reply.field("x-who"), reply.text()), (Some("at once"), "/a"));
        assert!(reply.closes());
        client.expect_close();
        asked += before + 1;
        let records = server.records(asked);
        assert_eq!(records[asked - 1].end, ExchangeEnd::Closed(CloseReason::Requested));
    }
}

#[test]
fn the_last_request_behind_a_long_answer_is_answered_at_once() {
    let server = server();
    let mut client = server.connect();
    assert_eq!(client.get("/long").text().len(), 1_000_000);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(client.reply().field("x-who"), Some("at once"));
    client.expect_close();
}

#[test]
fn the_last_request_behind_one_that_waited_is_answered_and_the_end_follows() {
    let server = server();
    let mut client = server.connect();
    assert_eq!(client.get("/later").field("x-who"), Some("later"));
    client.send("GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let reply = client.reply();
    assert_eq!((reply.field("x-who"), reply.closes()), (Some("later"), true));
    client.expect_close();
}

#[test]
fn pipelined_requests_are_answered_in_order_whoever_answers() {
    let server = server();
    let mut client = server.connect();
    let paths: Vec<String> = (0..100)
        .map(|number| match number % 7 {
            3 => "/later".to_owned(),
            5 => "/long".to_owned(),
            _ => format!("/{number}"),
        })
        .collect();
    let requests: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(requests);
    for path in &paths {
        let reply = client.reply();
        match &**path {
            "/long" => assert_eq!(reply.text().len(), 1_000_000),
            path => assert_eq!(reply.text(), path),
        }
    }
}

#[test]
fn more_requests_than_a_turn_answers_are_all_answered_at_once() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
    for _ in 0..100 {
        assert_eq!(client.reply().field("x-who"), Some("at once"));
    }
}
