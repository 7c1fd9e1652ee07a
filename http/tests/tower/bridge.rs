//! Tokio beside the workers: futures that run there, and services of tokio's that run here.

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use selvedge_http::tokio_bridge::{BridgeLimits, TokioBridge};
use selvedge_http::tower::{from_service, layer};
use selvedge_http::{Application, Request, Response};
use selvedge_runtime::{Undone, block_on};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;

use super::bridge;
use super::support::app::{paths, steered};
use super::support::client::Asked;
use super::support::directory::Directory;
use super::support::{PATIENCE, TestServer, patient, pattern, wait_until};

const SHORT: Duration = Duration::from_millis(20);

struct Tells(mpsc::Sender<&'static str>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// Tells that it has begun, and when it is dropped.
async fn waits_for_ever(tells: Tells) {
    let _ = tells.0.send("begun");
    pending::<()>().await;
}

#[test]
fn a_future_of_tokio_s_runs_beside_the_workers_and_its_result_comes_back() {
    let server = TestServer::start(patient(), paths);
    let address = server.address();
    let answered = block_on(move || async move {
        bridge()
            .run(async move || {
                let mut stream = tokio::net::TcpStream::connect(address).await?;
                stream.write_all(b"GET /text/hello HTTP/1.0\r\n\r\n").await?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
                std::io::Result::Ok(answer)
            })
            .await
    });
    let answer = answered.expect("it is done").expect("the server answers");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn a_future_begins_by_itself_and_is_dropped_with_who_waits_for_it() {
    let (tell, told) = mpsc::channel();
    let waits = bridge().run(async move || waits_for_ever(Tells(tell)).await);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("begun"));
    drop(waits);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("dropped"));
}

#[test]
fn more_than_may_run_is_refused_until_there_is_room() {
    let limits = BridgeLimits { running_max: 2, ..BridgeLimits::default() };
    let bridge = TokioBridge::start_with(limits).expect("a thread");
    let waiting = [bridge.run(pending::<()>), bridge.run(pending::<()>)];
    let again = bridge.clone();
    assert_eq!(block_on(move || again.run(async || 1)), Err(Undone::Overloaded));
    drop(waiting);
    wait_until("the places are given back", || {
        let again = bridge.clone();
        match block_on(move || again.run(async || 1)) {
            Ok(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let none = BridgeLimits { running_max: 0, ..limits };
    assert!(TokioBridge::start_with(none).is_err());
}

#[test]
fn a_future_that_panics_is_lost_and_the_others_are_not() {
    let lost = block_on(|| bridge().run(async || -> u32 { panic!("the test's own") }));
    assert_eq!(lost, Err(Undone::Lost));
    assert_eq!(block_on(|| bridge().run(async || 1)), Ok(1));
}

#[test]
fn with_its_last_handle_a_bridge_ends_and_drops_what_runs() {
    let (tell, told) = mpsc::channel();
    let bridge = TokioBridge::start().expect("a thread");
    let waits = bridge.run(async move || waits_for_ever(Tells(tell)).await);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("begun"));
    drop(bridge);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("dropped"));
    assert_eq!(block_on(move || waits), Err(Undone::Lost));
}

#[test]
fn a_handler_that_takes_too_long_is_answered_for() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), move |worker| {
        let timeout = TimeoutLayer::with_status_code(http::StatusCode::GATEWAY_TIMEOUT, SHORT);
        factory(worker).with(layer(timeout)).with(bridge().context())
    });
    let mut client = server.connect();
    assert_eq!(client.get("/wait").status, 504);
    steering.wait_dropped();
    assert_eq!(client.get("/text/quick").text(), "quick");
}

#[test]
fn files_are_served_by_tower_http_too() {
    let directory = Directory::new("tower-serve-dir");
    let large = pattern(3_000_000);
    directory.write("large.bin", &large);
    directory.write("index.html", "the index");
    let root = directory.path().to_owned();
    let server =
        TestServer::start(patient(), move |_| from_service(ServeDir::new(&root)).in_context(&bridge()));
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "the index");
    let reply = client.get("/large.bin");
    assert!(reply.status == 200 && reply.body == large, "{} octets", reply.body.len());
    client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=1000000-2999999\r\n\r\n");
    let reply = client.reply();
    assert!(reply.status == 206 && reply.body == large[1_000_000..], "{} octets", reply.body.len());
    client.send("HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_to(Asked::Head).field("content-length"), Some("3000000"));
    let modified = reply.field("last-modified").expect("a date").to_owned();
    client.send(format!("GET /large.bin HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: {modified}\r\n\r\n"));
    assert_eq!(client.reply().status, 304);
    assert_eq!(client.get("/none").status, 404);
}

#[test]
fn handlers_and_bodies_find_tokio_in_its_context() {
    let native = async |_: Request<'_>| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Response::stream(async |mut body| {
            for number in 0..3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                body.write(format!("{number} ").as_bytes()).await?;
            }
            Ok(())
        })
    };
    let server = TestServer::start(patient(), move |_| native.with(bridge().context()));
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.chunked_reply().text(), "0 1 2 ");
    let spawned = async || tokio::spawn(async { "from the bridge" }).await.unwrap_or("lost");
    let server = TestServer::start(patient(), move |_| {
        from_service(Router::new().route("/", get(spawned))).in_context(&bridge())
    });
    assert_eq!(server.connect().get("/").text(), "from the bridge");
}
