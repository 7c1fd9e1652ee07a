//! Exchanges that come through a trusted proxy.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use selvedge_http::address_limits::{AddressLimiter, AddressLimits};
use selvedge_http::middleware::{Next, exchanges_per_address, from_fn};
use selvedge_http::{Application, Request, Response};
use selvedge_runtime::{Worker, yield_now};

use crate::support::client::{Client, Reply};
use crate::support::{TestServer, options, wait_until};

fn limiter_of(exchanges: u32) -> AddressLimiter {
    AddressLimiter::new(AddressLimits {
        connections_max: NonZero::new(exchanges),
        trusted_proxies: "127.0.0.1".parse().expect("an address"),
        addresses_max: 64,
        ..AddressLimits::default()
    })
}

fn ask(client: &mut Client, path: &str, address: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {address}\r\n\r\n"));
}

/// Asks for `/` until the answer has this status.
fn ask_until(client: &mut Client, address: &str, status: u16) -> Reply {
    let mut last = None;
    wait_until("an answer", || {
        ask(client, "/", address);
        let reply = client.reply();
        if reply.status == status {
            last = Some(reply);
            return Ok(());
        }
        Err(format!("{} is not {status}", reply.status))
    });
    last.expect("it was waited for")
}

/// Answers `done`: `/wait` when it is let go, everything else at once.
fn waiting(is_open: &Arc<AtomicBool>) -> impl Application + use<> {
    let is_open = Arc::clone(is_open);
    move |request: Request<'_>| {
        let (waits, is_open) = (request.path() == b"/wait", Arc::clone(&is_open));
        async move {
            while waits && !is_open.load(Ordering::Relaxed) {
                yield_now().await;
            }
            Response::text("done")
        }
    }
}

#[test]
fn an_address_has_its_exchanges_at_once_whatever_connections_the_proxy_has() {
    let limiter = limiter_of(1);
    let (there, is_open) = (limiter.clone(), Arc::new(AtomicBool::new(false)));
    let opened = Arc::clone(&is_open);
    let server =
        TestServer::start(options(|options| options.address_limiter = Some(limiter.clone())), move |_| {
            waiting(&is_open).with(exchanges_per_address(&there))
        });
    let (mut one, mut other) = (server.connect(), server.connect());
    ask(&mut one, "/wait", "203.0.113.1");
    let refused = ask_until(&mut other, "203.0.113.1", 503);
    assert_eq!(refused.field("retry-after"), Some("1"));
    assert!(!refused.closes(), "the connection is the proxy's");
    assert_eq!(limiter.refused_exchanges(), 1);
    // Other addresses, one that is not told, and the proxy itself.
    for address in ["203.0.113.2", "unknown", "127.0.0.1"] {
        ask(&mut other, "/", address);
        assert_eq!(other.reply().text(), "done", "{address}");
    }
    opened.store(true, Ordering::Relaxed);
    assert_eq!(one.reply().text(), "done");
    ask(&mut other, "/", "203.0.113.1");
    assert_eq!(other.reply().status, 200);
}

#[test]
fn one_limiter_around_another_holds_its_place_as_long() {
    let (outer, inner) = (limiter_of(1), limiter_of(100));
    let is_open = Arc::new(AtomicBool::new(false));
    let opened = Arc::clone(&is_open);
    let server = TestServer::start(options(|_| ()), move |_: &Worker| {
        waiting(&is_open).with(exchanges_per_address(&inner)).with(exchanges_per_address(&outer))
    });
    let (mut one, mut other) = (server.connect(), server.connect());
    ask(&mut one, "/wait", "203.0.113.1");
    ask_until(&mut other, "203.0.113.1", 503);
    opened.store(true, Ordering::Relaxed);
    assert_eq!(one.reply().text(), "done");
    ask(&mut other, "/", "203.0.113.1");
    assert_eq!(other.reply().text(), "done", "both places are free again");
}

/// Asks what is behind it twice.
async fn twice<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
    drop(next.call(request).await);
    next.call(request).await
}

#[test]
fn an_exchange_whose_application_is_asked_twice_counts_once() {
    let limiter = limiter_of(1);
    let server = TestServer::start(options(|_| ()), move |_: &Worker| {
        waiting(&Arc::default()).with(exchanges_per_address(&limiter)).with(from_fn(twice))
    });
    let mut client = server.connect();
    for _ in 0..2 {
        ask(&mut client, "/", "203.0.113.1");
        assert_eq!(client.reply().text(), "done");
    }
}

#[test]
fn an_exchange_counts_until_its_answer_is_sent() {
    let limiter = limiter_of(1);
    let there = limiter.clone();
    let server = TestServer::start(options(|_| ()), move |_| {
        let large = async |request: Request<'_>| match request.path() {
            b"/large" => Response::octets(vec![b'x'; 64 << 20]),
            _ => Response::text("small"),
        };
        large.with(exchanges_per_address(&there))
    });
    let mut slow = Client::connect_narrow(server.address(), 4_096);
    ask(&mut slow, "/large", "203.0.113.1");
    let mut other = server.connect();
    // Nobody reads the first answer, so that it does not end.
    ask_until(&mut other, "203.0.113.1", 503);
    drop(slow);
    ask_until(&mut other, "203.0.113.1", 200);
}
