//! HEAD for applications that know GET, and health checks.

use std::sync::mpsc;

use http::Method;
use selvedge_http::middleware::{Next, from_fn, head_from_get, health};
use selvedge_http::{Application, IntoResponse, Request, Response, StatusCode};
use selvedge_runtime::channel;

use crate::support::app::paths;
use crate::support::client::Asked;
use crate::support::{PATIENCE, TestServer, patient};

/// Knows GET alone, and says what it was asked for.
async fn get_only(request: Request<'_>) -> Response {
    match request.method() {
        Method::GET if request.path() == b"/stream" => {
            Response::stream(async |_| panic!("a body that nobody gets was written"))
        }
        Method::GET if request.is_get_or_head() => "twelve bytes".into_response(),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

#[test]
fn a_head_is_a_get_without_its_body() {
    let server = TestServer::start(patient(), |_| get_only.with(head_from_get()));
    let mut client = server.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    let reply = client.reply_to(Asked::Head);
    assert_eq!((reply.status, reply.field("content-length")), (200, Some("12")));
    client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_to(Asked::Head).status, 200);
    assert_eq!(client.get("/").text(), "twelve bytes");
    client.send("PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply().status, 405);
}

#[test]
fn a_healthy_server_says_so() {
    let server = TestServer::start(patient(), |worker| paths(worker).with(health("/health/z")));
    let mut client = server.connect();
    let reply = client.get("/health/z");
    assert_eq!((reply.status, reply.text(), reply.field("cache-control")), (200, "ok", Some("no-store")));
    client.send("HEAD /health/%7A HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_to(Asked::Head).status, 200);
    client.send("POST /health/z HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        (client.reply().status, client.get("/text/x").text(), client.get("/health").status),
        (405, "x", 404)
    );
}

#[test]
fn a_server_that_takes_leave_is_not_healthy() {
    let (entered, was_entered) = mpsc::channel();
    let (gate, held) = channel::bounded::<()>(1);
    let server = TestServer::start(patient(), move |worker| {
        let (entered, held) = (entered.clone(), held.clone());
        // A request that has come before the leave, and is answered after its beginning.
        paths(worker).with(health("/healthz")).with(from_fn(
            async move |request: Request<'_>, next: Next<'_, _>| {
                if request.path() == b"/healthz" {
                    let _ = entered.send(());
                    let _ = held.recv().await;
                }
                next.call(request).await
            },
        ))
    });
    let (mut asking, mut idle) = (server.connect(), server.connect());
    idle.get("/text/x");
    asking.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    was_entered.recv_timeout(PATIENCE).expect("the request comes");
    server.control().stop();
    idle.expect_close();
    gate.try_send(()).expect("the gate has room");
    let reply = asking.reply();
    assert_eq!((reply.status, reply.closes()), (503, true));
}
