//! Bounds of time, in simulated time, and of bodies.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use selvedge_http::middleware::{body_limit, budgets, timeout, timeout_with_status};
use selvedge_http::{
    Application, Budget, Budgets, CloseReason, IntoResponse, Request, Response, Server, ServerOptions,
};
use selvedge_runtime::timer;

use crate::support::simulated::{SimulatedServer, TICK};
use crate::support::{TestServer, patient};

const SHORT: Duration = Duration::from_secs(5);

/// Counts its drops.
struct Dropped(Rc<Cell<u64>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// `/pending` for ever, `/later` in a while, `/body` when the body is there, `/stream` at once with a body that comes
/// later, `/dropped`: how many of these have ended.
fn slow() -> impl Application {
    let dropped = Rc::new(Cell::new(0));
    async move |request: Request<'_>| -> Response {
        if request.path() == b"/dropped" {
            return dropped.get().to_string().into_response();
        }
        let _dropped = Dropped(Rc::clone(&dropped));
        match request.path() {
            b"/pending" => pending().await,
            b"/later" => {
                timer::sleep(SHORT).await;
                "later".into_response()
            }
            b"/body" => request.body().text(100).await.into_response(),
            _ => Response::stream(async |mut writer| {
                timer::sleep(SHORT * 4).await;
                writer.write(b"in the end").await
            }),
        }
    }
}

#[test]
fn a_handler_that_takes_too_long_is_dropped_and_answered_for() {
    let server = SimulatedServer::start(ServerOptions::default(), |_| slow().with(timeout(SHORT)));
    let mut client = server.connect();
    let begun = server.now();
    let reply = client.get("/pending");
    assert_eq!((reply.status, reply.closes()), (503, false));
    let took = server.now() - begun;
    assert!(took >= SHORT && took <= SHORT + TICK, "{took:?}");
    assert_eq!(client.get("/dropped").text(), "1");
}

#[test]
fn the_status_of_a_timeout_can_be_another() {
    let server = SimulatedServer::start(ServerOptions::default(), |_| {
        slow().with(timeout_with_status(SHORT, StatusCode::GATEWAY_TIMEOUT))
    });
    assert_eq!(server.connect().get("/pending").status, 504);
}

#[test]
fn a_handler_within_its_time_answers() {
    let server = SimulatedServer::start(ServerOptions::default(), |_| slow().with(timeout(SHORT * 2)));
    let mut client = server.connect();
    assert_eq!(client.get("/later").text(), "later");
    assert_eq!(client.get("/dropped").text(), "1");
}

#[test]
fn a_streamed_body_may_take_longer() {
    let server = SimulatedServer::start(ServerOptions::default(), |_| slow().with(timeout(SHORT)));
    let mut client = server.connect();
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.chunked_reply().text(), "in the end");
}

#[test]
fn a_handler_that_waits_for_a_body_runs_out_of_time_too() {
    let server = SimulatedServer::start(ServerOptions::default(), |_| slow().with(timeout(SHORT)));
    let mut client = server.connect();
    client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nbo");
    assert_eq!(client.reply().status, 503);
    // The rest is thrown away.
    client.send("dy!");
    assert_eq!(client.get("/dropped").text(), "1");
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_the_handler_if_it_says_so() {
    let server = TestServer::start(patient(), |_| slow().with(body_limit(4)));
    let mut client = server.connect();
    client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345");
    assert_eq!(client.reply().status, 413);
    assert_eq!(client.get("/dropped").text(), "0");
    client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1234");
    assert_eq!(client.reply().text(), "1234");
    assert_eq!(client.get("/dropped").text(), "1");
}

#[test]
fn a_client_that_waits_for_100_is_refused_instead() {
    let server = TestServer::start(patient(), |_| slow().with(body_limit(4)));
    let mut client = server.connect();
    client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (413, true));
    client.expect_close();
}

#[test]
fn a_chunked_body_beyond_the_limit_is_refused_while_it_is_read() {
    let server = TestServer::start(patient(), |_| slow().with(body_limit(4)));
    let mut client = server.connect();
    let chunked = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(format!("{chunked}4\r\n1234\r\n0\r\n\r\n"));
    assert_eq!(client.reply().text(), "1234");
    client.send(format!("{chunked}4\r\n1234\r\n1\r\n5\r\n0\r\n\r\n"));
    assert_eq!(client.reply().status, 413);
    assert_eq!(server.connect().get("/dropped").text(), "2");
}

#[test]
fn a_route_s_time_is_lower_than_the_server_s_and_its_end_is_the_server_s() {
    let time = |handler_time| Budgets { handler_time: Some(handler_time), ..Budgets::default() };
    let long = ServerOptions { budgets: time(SHORT * 3), ..ServerOptions::default() };
    let server = SimulatedServer::start(long, move |_| {
        slow().with(budgets(time(SHORT))).with(budgets(time(SHORT * 2)))
    });
    let mut client = server.connect();
    let reply = client.get("/pending");
    assert_eq!((reply.status, reply.closes()), (503, true));
    client.expect_close();
    drop(client);
    assert_eq!(server.connect().get("/dropped").text(), "1");
    assert_eq!(server.closes(CloseReason::OverBudget(Budget::HandlerTime)), 1);
}

const BYTES: Budgets = Budgets { handler_time: None, exchange_time: None, allocated_bytes: Some(1 << 20) };

#[test]
fn a_budget_of_memory_that_nobody_counts_is_a_start_error() {
    let error =
        Server::builder().listen("127.0.0.1:0").budgets(BYTES).start(|_| slow()).expect_err("nobody counts");
    let said = error.to_string();
    let wanted =
        "nobody counts the allocated bytes that requests are to be held to; put `#[global_allocator] static";
    assert!(said.starts_with(wanted), "{said}");
}

#[test]
#[should_panic(expected = "nobody counts the allocated bytes")]
fn a_route_s_budget_of_memory_that_nobody_counts_panics_where_it_is_made() {
    let _ = slow().with(budgets(BYTES));
}
