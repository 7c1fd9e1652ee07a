//! What the engine refuses by itself, in the application's words.

use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use selvedge_http::h1::Reject;
use selvedge_http::{
    Body, CloseReason, OnRefusal, Refusal, Response, ResponseHead, ServerOptions, WorkerApplication,
};
use selvedge_runtime::WorkerLimits;

use crate::support::app::paths;
use crate::support::client::{Asked, Reply};
use crate::support::{Records, TestServer, options, patient};

fn server(
    options: ServerOptions,
    words: impl Fn(&Refusal) -> Response + Send + Sync + Clone + 'static,
) -> TestServer {
    TestServer::start_observed(
        options,
        WorkerLimits::default(),
        Arc::new(Records::default()),
        move |worker| {
            let words: OnRefusal = Rc::new(words.clone());
            WorkerApplication { on_refusal: Some(words), ..paths(worker).into() }
        },
    )
}

fn page(refusal: &Refusal) -> Response {
    let page = format!("<h1>{:?}</h1>", refusal);
    Response::html(page.into_bytes()).with_status(refusal.status())
}

fn asked(server: &TestServer, request: &str) -> Reply {
    let mut client = server.connect();
    client.send(request);
    client.reply()
}

#[test]
fn each_kind_of_refusal_is_said_in_the_applications_words() {
    let server = server(patient(), page);
    for (request, status, words) in [
        ("GET / HTTP/1.1\r\n\r\n", 400, "<h1>Rejected(HostMissing)</h1>"),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "<h1>Rejected(VersionUnsupported)</h1>"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n",
            413,
            "<h1>Rejected(BodyTooLarge)</h1>",
        ),
        ("GET /injected HTTP/1.1\r\nHost: a\r\n\r\n", 500, "<h1>InvalidResponse</h1>"),
    ] {
        let reply = asked(&server, request);
        assert_eq!((reply.status, reply.text()), (status, words), "{request:?}");
        assert!(
            reply.closes() && reply.field("content-type") == Some("text/html; charset=utf-8"),
            "{request:?}"
        );
    }
    // A TRACE is understood, so its connection goes on.
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
        let reply = client.reply();
        assert_eq!((reply.status, reply.text(), reply.closes()), (501, "<h1>Trace</h1>", false));
    }
    drop(client);
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::InvalidResponse), 1);
    assert_eq!(stopped.closes(CloseReason::Rejected(Reject::HostMissing)), 2);
    assert_eq!(stopped.closes(CloseReason::Rejected(Reject::BodyTooLarge)), 1);
}

#[test]
fn a_head_that_does_not_come_is_refused_in_these_words_too() {
    let hurried = options(|options| options.timeouts.head = Duration::from_millis(10));
    let server = server(hurried, page);
    let reply = asked(&server, "GET / HTTP/1.1\r\n");
    assert_eq!((reply.status, reply.text()), (408, "<h1>Rejected(HeadTimeout)</h1>"));
}

#[test]
fn a_refused_head_request_gets_no_body() {
    let server = server(patient(), page);
    let mut client = server.connect();
    client.send("HEAD / HTTP/1.1\r\n\r\n");
    let reply = client.reply_to(Asked::Head);
    assert_eq!((reply.status, reply.field("content-length")), (400, Some("30")));
    client.expect_close();
}

#[test]
fn answers_before_a_refusal_come_before_it() {
    let server = server(patient(), page);
    let mut client = server.connect();
    client.send(
        "GET /text/one HTTP/1.1\r\nHost: a\r\n\r\nGET /text/two HTTP/1.1\r\nHost: a\r\n\r\nnot http\r\n\r\n",
    );
    assert_eq!((client.reply().text(), client.reply().text()), ("one", "two"));
    assert_eq!(client.reply().status, 400);
    client.expect_close();
}

#[test]
fn a_status_that_is_no_errors_is_not_taken() {
    let server = server(patient(), |_| Response::text("all is well"));
    let reply = asked(&server, "GET / HTTP/1.1\r\n\r\n");
    assert_eq!((reply.status, reply.text()), (400, "all is well"));
    let stopped = server.stop();
    assert_eq!((stopped.exchanges(2), stopped.exchanges(4)), (0, 1));
}

#[test]
fn another_errors_status_is_taken_and_recorded() {
    let server = server(patient(), |_| Response::error(StatusCode::BAD_GATEWAY, ""));
    assert_eq!(asked(&server, "GET / HTTP/1.1\r\n\r\n").status, 502);
    let stopped = server.stop();
    assert_eq!((stopped.exchanges(4), stopped.exchanges(5)), (0, 1));
}

#[test]
fn words_that_cannot_be_sent_are_replaced_by_the_servers_own() {
    let own = |_: &Refusal| {
        Response::text("x")
            .with_header(HeaderName::from_static("connection"), HeaderValue::from_static("upgrade"))
    };
    let stream = |_: &Refusal| Response::stream(async |mut writer| writer.write(b"stream").await);
    let injected = |_: &Refusal| {
        let content_type = Some("text/plain\r\nset-cookie: b=c");
        Response::new(ResponseHead { content_type, ..ResponseHead::new(StatusCode::GONE) }, Body::Empty)
    };
    for server in [server(patient(), own), server(patient(), stream), server(patient(), injected)] {
        let reply = asked(&server, "GET / HTTP/1.1\r\n\r\n");
        assert_eq!((reply.status, reply.text()), (400, "400 Bad Request: Host missing\n"));
        let reply = asked(&server, "GET /injected HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((reply.status, reply.text()), (500, "500 Internal Server Error\n"));
    }
    for server in [server(patient(), own), server(patient(), stream)] {
        let reply = asked(&server, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((reply.status, reply.text()), (501, "501 Not Implemented: TRACE not supported\n"));
    }
}

#[test]
fn words_that_panic_are_asked_for_once_and_replaced_by_the_servers_own() {
    let (asked_for, was_asked) = mpsc::channel();
    let server = server(patient(), move |refusal| {
        let _ = asked_for.send(*refusal);
        panic!("the hook was asked to")
    });
    let reply = asked(&server, "GET / HTTP/1.1\r\n\r\n");
    assert_eq!((reply.status, reply.text()), (400, "400 Bad Request: Host missing\n"));
    let reply = asked(&server, "GET /injected HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((reply.status, reply.text()), (500, "500 Internal Server Error\n"));
    assert_eq!(server.connect().get("/text/x").text(), "x");
    server.stop();
    let all: Vec<Refusal> = was_asked.try_iter().collect();
    assert_eq!(all, [Refusal::Rejected(Reject::HostMissing), Refusal::InvalidResponse]);
}
