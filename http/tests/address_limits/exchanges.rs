//! Exchanges that come through a trusted proxy.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use selvedge_http::address_limits::{AddressLimiter, AddressLimits};
use selvedge_http::middleware::exchanges_per_address;
use selvedge_http::{Application, Request, Response};
use selvedge_runtime::yield_now;

use crate::support::client::Client;
use crate::support::{TestServer, options};

fn limiter() -> AddressLimiter {
    AddressLimiter::new(AddressLimits {
        connections_max: NonZero::new(1),
        trusted_proxies: "127.0.0.1".parse().expect("an address"),
        addresses_max: 64,
        ..AddressLimits::default()
    })
}

fn ask(client: &mut Client, path: &str, address: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {address}\r\n\r\n"));
}

#[test]
fn an_address_has_its_exchanges_at_once_whatever_connections_the_proxy_has() {
    let limiter = limiter();
    let (there, is_open) = (limiter.clone(), Arc::new(AtomicBool::new(false)));
    let opened = Arc::clone(&is_open);
    let server =
        TestServer::start(options(|options| options.address_limiter = Some(limiter.clone())), move |_| {
            let is_open = Arc::clone(&is_open);
            let waiting = move |request: Request<'_>| {
                let (waits, is_open) = (request.path() == b"/wait", Arc::clone(&is_open));
                async move {
                    while waits && !is_open.load(Ordering::Relaxed) {
                        yield_now().await;
                    }
                    Response::text("done")
                }
            };
            waiting.with(exchanges_per_address(&there))
        });
    let (mut one, mut other) = (server.connect(), server.connect());
    ask(&mut one, "/wait", "203.0.113.1");
    // The worker has it by the time it has had this one.
    while limiter.refused_exchanges() == 0 {
        ask(&mut other, "/", "203.0.113.1");
        let reply = other.reply();
        if reply.status == 503 {
            assert_eq!(reply.field("retry-after"), Some("1"));
            assert!(!reply.closes(), "the connection is the proxy's");
        }
    }
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
fn an_exchange_counts_until_its_answer_is_sent() {
    let limiter = limiter();
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
    while limiter.refused_exchanges() == 0 {
        ask(&mut other, "/", "203.0.113.1");
        other.reply();
    }
    drop(slow);
    loop {
        ask(&mut other, "/", "203.0.113.1");
        if other.reply().status == 200 {
            break;
        }
    }
}
