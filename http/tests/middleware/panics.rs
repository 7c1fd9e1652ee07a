//! Handlers that panic, and are answered for.

use http::StatusCode;
use selvedge_http::middleware::{recover, recover_with};
use selvedge_http::{Application, CloseReason, Request, Response};

use crate::support::app::paths;
use crate::support::{TestServer, patient};

#[test]
fn a_panic_is_counted_and_a_500_and_the_connection_goes_on() {
    let server = TestServer::start(patient(), |worker| paths(worker).with(recover()));
    let mut client = server.connect();
    for _ in 0..3 {
        let reply = client.get("/panic");
        assert_eq!((reply.status, reply.closes()), (500, false));
        assert_eq!(client.get("/text/after").text(), "after");
    }
    assert_eq!(server.panics(), 3);
    drop(client);
    let stopped = server.stop();
    assert_eq!((stopped.exchanges(5), stopped.closes(CloseReason::Panic)), (3, 0));
}

#[test]
fn a_panic_after_an_await_is_one_too() {
    let late = async |_: Request<'_>| -> Response {
        selvedge_runtime::yield_now().await;
        panic!("the handler was asked to")
    };
    let server = TestServer::start(patient(), move |_| late.with(recover()));
    let mut client = server.connect();
    assert_eq!((client.get("/").status, client.get("/").status), (500, 500));
}

/// Panics before there is a future.
struct AtTheCall;

impl Application for AtTheCall {
    fn call(&self, request: Request<'_>) -> impl Future<Output = Response> {
        assert!(request.path() != b"/panic", "the application was asked to panic");
        async { Response::text("no panic") }
    }
}

#[test]
fn a_panic_before_the_future_is_one_too() {
    let server = TestServer::start(patient(), |_| AtTheCall.with(recover()));
    let mut client = server.connect();
    assert_eq!((client.get("/panic").status, client.get("/").text()), (500, "no panic"));
}

#[test]
fn the_answer_for_a_panic_can_be_another() {
    let page = || Response::html("<h1>Sorry</h1>").with_status(StatusCode::SERVICE_UNAVAILABLE);
    let server = TestServer::start(patient(), move |worker| paths(worker).with(recover_with(page)));
    let reply = server.connect().get("/panic");
    assert_eq!((reply.status, reply.text()), (503, "<h1>Sorry</h1>"));
}

#[test]
fn the_rest_of_a_body_is_read_past_after_a_panic() {
    let server = TestServer::start(patient(), |worker| paths(worker).with(recover()));
    let mut client = server.connect();
    client.send("POST /panic HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(client.reply().status, 500);
    assert_eq!(client.get("/text/after").text(), "after");
}
