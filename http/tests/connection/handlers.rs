//! Handlers that wait, panic, or lose their client.

use selvedge_http::{CloseReason, TracePolicy};

use crate::support::app::steered;
use crate::support::{TestServer, options, patient};

const WAIT: &str = "GET /wait/x HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_handler_that_waits_holds_up_nobody_else() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let mut waiting = server.connect();
    waiting.send(WAIT);
    steering.wait_entered();
    assert_eq!(server.connect().get("/text/other").text(), "other");
    steering.let_go();
    assert_eq!(waiting.reply().text(), "waited x");
}

#[test]
fn a_panic_closes_its_connection_and_nothing_else() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let (mut waiting, mut idle) = (server.connect(), server.connect());
    waiting.send(WAIT);
    steering.wait_entered();
    idle.get("/text/before");
    for _ in 0..3 {
        let mut client = server.connect();
        client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
        client.expect_end();
    }
    assert_eq!(idle.get("/text/after").text(), "after");
    steering.let_go();
    assert_eq!(waiting.reply().text(), "waited x");
    drop((waiting, idle));
    server.wait_until_at_rest();
}

#[test]
fn a_reset_drops_the_handler_at_its_await() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let mut client = server.connect();
    client.send(WAIT);
    steering.wait_entered();
    client.reset();
    steering.wait_dropped();
    server.wait_until_at_rest();
    assert_eq!(server.stop().closes(CloseReason::ClientFailure), 1);
}

#[test]
fn the_end_of_the_clients_sending_does_not_drop_the_handler() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let mut client = server.connect();
    client.send(WAIT).shut_down_write();
    steering.wait_entered();
    // Long enough for the worker to have seen the end: it answers somebody else meanwhile.
    server.connect().get("/text/other");
    assert!(!steering.has_dropped());
    steering.let_go();
    assert_eq!(client.reply().text(), "waited x");
    client.expect_close();
}

#[test]
fn requests_behind_a_handler_that_waits_are_kept() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let mut client = server.connect();
    client.send(WAIT);
    steering.wait_entered();
    client.send("GET /text/behind HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.connect().get("/text/other").text(), "other");
    steering.let_go();
    assert_eq!(client.reply().text(), "waited x");
    assert_eq!(client.reply().text(), "behind");
}

#[test]
fn trace_reaches_the_application_only_where_that_is_asked_for() {
    for (trace, status) in [(TracePolicy::Refused, 501), (TracePolicy::Application, 200)] {
        let (_, factory) = steered();
        let server = TestServer::start(options(|options| options.trace = trace), factory);
        let mut client = server.connect();
        client.send("TRACE /text/traced HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.reply().status, status, "{trace:?}");
    }
}
