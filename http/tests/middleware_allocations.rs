//! Middleware that has nothing to say costs a prepared answer no call of the allocator.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderName;
use selvedge_http::files::FileOptions;
use selvedge_http::middleware::{
    HeaderChanges, Next, Rewrites, body_limit, from_fn, head_from_get, headers, health, map_response,
    recover, rewrite, strip_prefix, timeout,
};
use selvedge_http::{Application, Observer, Request, Response, WorkerApplication, header};
use selvedge_runtime::{CountingAllocator, WorkerLimits, allocator_calls_of_thread};
use support::client::Asked;
use support::directory::Directory;
use support::site::site;
use support::{Records, TestServer, patient};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const WARM_UP: usize = 100;
const COUNTED: usize = 2_000;

/// Everything that passes a file through, around `inner`.
fn wrapped(inner: impl Application) -> impl Application {
    let changes = HeaderChanges::new()
        .remove(HeaderName::from_static("x-powered-by"))
        .set_if_absent(header::CONTENT_TYPE, "text/plain");
    inner
        .with(rewrite(Rewrites::new().exact("/old", "/new").prefix("/older", "/newer")))
        .with(strip_prefix("/files"))
        .with(head_from_get())
        .with(body_limit(1_000))
        .with(headers(changes))
        .with(map_response(|response: Response| response))
        .with(from_fn(async |request: Request<'_>, next: Next<'_, _>| next.call(request).await))
        .with(timeout(Duration::from_secs(60)))
        .with(recover())
        .with(health("/healthz"))
}

#[test]
fn what_middleware_passes_through_costs_no_allocation() {
    let directory = Directory::new("middleware-allocations");
    directory.write("file.txt", [b'x'; 151]);
    let make_site = site(FileOptions::new(directory.path()));
    let calls = Arc::new(Mutex::new(Vec::with_capacity(WARM_UP + COUNTED)));
    let calls_there = Arc::clone(&calls);
    let server = TestServer::start_observed(
        patient(),
        WorkerLimits::default(),
        Arc::new(Records::default()),
        move |worker| {
            let calls = Arc::clone(&calls_there);
            let observer: Observer = Rc::new(move |_, _| {
                calls.lock().expect("no holder panics").push(allocator_calls_of_thread());
            });
            WorkerApplication { observer: Some(observer), ..wrapped(make_site(worker)).into() }
        },
    );
    let mut client = server.connect();
    for number in 0..WARM_UP + COUNTED {
        let (method, asked) = [("GET", Asked::Get), ("HEAD", Asked::Head)][number % 2];
        client.send(format!("{method} /files/file.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let reply = client.reply_to(asked);
        assert_eq!((reply.status, reply.field("content-length")), (200, Some("151")));
    }
    drop(client);
    server.stop();
    let calls = calls.lock().expect("no holder panics");
    assert_eq!(calls.len(), WARM_UP + COUNTED);
    assert_eq!(calls[calls.len() - 1] - calls[WARM_UP - 1], 0);
}
