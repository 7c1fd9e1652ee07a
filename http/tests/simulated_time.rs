//! Budgets of time in simulated time, a tick before they are over and then; `connection/deadlines.rs` has those of clients.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::time::Duration;

use selvedge_http::{Budgets, IntoResponse, Request, Response, ServerOptions};
use selvedge_runtime::{Worker, timer};
use support::client::{Client, End};
use support::simulated::{SimulatedServer, TICK, Wire};

const HANDLER_TIME: Budgets =
    Budgets { handler_time: Some(Duration::from_secs(30)), exchange_time: None, allocated_bytes: None };
const EXCHANGE_TIME: Budgets =
    Budgets { handler_time: None, exchange_time: Some(Duration::from_secs(60)), allocated_bytes: None };

/// Of default options but for its budgets. `/never` is not answered, `/ticks` is a word every 5 s, the rest reads its
/// request's body.
fn server(budgets: Budgets) -> SimulatedServer {
    let options = ServerOptions { budgets, ..ServerOptions::default() };
    SimulatedServer::start(options, |_: &Worker| {
        async |request: Request<'_>| match request.path() {
            b"/never" => {
                timer::sleep(Duration::from_secs(1 << 20)).await;
                Response::text("late")
            }
            b"/ticks" => Response::stream(async |mut writer| {
                for _ in 0..1 << 20 {
                    writer.write(b"tick").await?;
                    timer::sleep(Duration::from_secs(5)).await;
                }
                Ok(())
            }),
            _ => request.body().text(1 << 20).await.into_response(),
        }
    })
}

/// A request that is complete, or begins, on a connection of its own, and when.
fn asked(server: &SimulatedServer, octets: &str) -> (Client<Wire>, Duration) {
    let mut client = server.connect();
    server.pass(Duration::from_secs(1));
    let begun = server.now();
    client.send(octets);
    (client, begun)
}

/// A tick before it is `seconds` since `begun` the connection is open; then it ends. Returns what has come before that tick,
/// what comes at the end, and how it ends.
fn read_around(
    server: &SimulatedServer,
    (mut client, begun): (Client<Wire>, Duration),
    seconds: u64,
) -> (String, String, End) {
    let due = begun + Duration::from_secs(seconds);
    let before = server.expect_open_until(&mut client, due);
    let (last, end) = client.read_to_end();
    let ended = server.now();
    assert!(ended >= due && ended <= due + TICK, "{ended:?} and not {due:?}");
    let text = |octets| String::from_utf8(octets).expect("all of it is ASCII");
    (text(before), text(last), end)
}

fn expect_503(server: &SimulatedServer, asked: (Client<Wire>, Duration), seconds: u64) {
    let (before, last, end) = read_around(server, asked, seconds);
    assert_eq!((&*before, end), ("", End::Closed));
    assert!(last.starts_with("HTTP/1.1 503 ") && last.contains("\r\nconnection: close\r\n"), "{last}");
    assert!(last.ends_with("the answer took too long\n"), "{last}");
}

#[test]
fn a_handler_s_time_ends_with_503_and_a_close() {
    for (budgets, seconds) in [(HANDLER_TIME, 30), (EXCHANGE_TIME, 60)] {
        let server = server(budgets);
        // A second request, which is not answered, and a body that is slow itself.
        for request in [
            "GET /never HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /never HTTP/1.0\r\n\r\n",
            "POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbegin",
        ] {
            expect_503(&server, asked(&server, request), seconds);
        }
    }
}

#[test]
fn a_handler_s_time_goes_on_while_it_waits_for_its_client_s_body() {
    let server = server(HANDLER_TIME);
    let (mut client, begun) = asked(&server, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..29 {
        client.send([b'x'; 2_000]);
        server.pass(Duration::from_secs(1));
    }
    expect_503(&server, (client, begun), 30);
}

#[test]
fn an_exchange_s_time_ends_within_a_body_so_that_its_client_can_tell() {
    let server = server(EXCHANGE_TIME);
    let chunked = asked(&server, "GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n");
    let (before, last, end) = read_around(&server, chunked, 60);
    assert_eq!(before.matches("4\r\ntick\r\n").count(), 12, "{before}");
    assert!(!last.contains("0\r\n\r\n") && end == End::Closed, "{last}");
    let until_close = asked(&server, "GET /ticks HTTP/1.0\r\n\r\n");
    let (_, _, end) = read_around(&server, until_close, 60);
    assert_eq!(end, End::Reset, "a close would be the body's end");
}

#[test]
fn a_handler_s_time_is_over_when_it_has_answered() {
    let server = server(HANDLER_TIME);
    let (mut client, _) = asked(&server, "GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n");
    server.pass(Duration::from_secs(301));
    let received = String::from_utf8(client.take_received().0).expect("all of it is ASCII");
    assert_eq!(received.matches("4\r\ntick\r\n").count(), 61);
}
