//! What a routed request costs: no call of the allocator, whatever the route and however many are in handlers at once.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use selvedge_http::{
    Application, BoxApplication, Observer, Request, Response, Router, StatusCode, WorkerApplication,
};
use selvedge_runtime::{CountingAllocator, WorkerLimits, allocator_calls_of_thread};

use super::support::client::Asked;
use super::support::{Records, TestServer, patient};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const WARM_UP: usize = 500;
const COUNTED: usize = 2_000;

async fn hello(_: Request<'_>) -> &'static str {
    "hello"
}

/// Holds much of its own while it waits.
async fn large(_: Request<'_>) -> Response {
    let room = [7_u8; 4_000];
    yield_once().await;
    Response::empty(if room.iter().all(|&octet| octet == 7) {
        StatusCode::OK
    } else {
        StatusCode::IM_A_TEAPOT
    })
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// 200 if the parameters are those that are expected, without looking into the allocator's hands.
async fn parameters(request: Request<'_>) -> StatusCode {
    let values = request.parameters().map(|(_, value)| value.parse::<usize>());
    let is_ascending = values.enumerate().all(|(at, value)| value == Ok(at + 1));
    let is_last = request.param_as::<usize>("last") == Ok(request.parameters().count());
    if is_ascending && is_last { StatusCode::OK } else { StatusCode::IM_A_TEAPOT }
}

/// Middleware that counts.
struct Counted<A>(A, Rc<Cell<u64>>);

impl<A: Application> Application for Counted<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        self.1.set(self.1.get() + 1);
        self.0.call(request).await
    }
}

fn application() -> impl Application {
    let inner = Router::new().get("/{b}/{last}", parameters).get("/{b}/x/y", hello);
    let boxed = Router::new().get("/{last}", parameters);
    Router::new()
        .get("/", hello)
        .get("/hello", hello)
        .get("/users/me", hello)
        .get("/users/{last}", parameters)
        .get("/users/{a}/posts/{last}", parameters)
        .get("/e/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{last}", parameters)
        .get("/large", large)
        .any("/files/{*last}", parameters)
        .nest("/n/{a}", inner)
        .nest("/boxed", BoxApplication::new(boxed))
        .fallback(hello)
        .with(|router| Counted(router, Rc::default()))
}

/// The worker's calls of the allocator for each of the counted requests, which are sent `at_once` by as many connections.
fn calls(requests: &[&str], at_once: usize) -> Vec<u64> {
    let seen = Arc::new(Mutex::new(Vec::with_capacity((WARM_UP + COUNTED) * requests.len())));
    let seen_there = Arc::clone(&seen);
    let server = TestServer::start_observed(
        patient(),
        WorkerLimits::default(),
        Arc::new(Records::default()),
        move |_| {
            let seen = Arc::clone(&seen_there);
            let observer: Observer = Rc::new(move |record, _| {
                assert_eq!(record.status, Some(StatusCode::OK));
                seen.lock().expect("no holder panics").push(allocator_calls_of_thread());
            });
            WorkerApplication { observer: Some(observer), ..application().into() }
        },
    );
    let mut clients: Vec<_> = (0..at_once).map(|_| server.connect()).collect();
    let count = (WARM_UP + COUNTED) / at_once;
    for number in 0..count {
        let request = requests[number % requests.len()];
        // So that all of them have once been in their handlers in one turn.
        let held = (number * at_once < WARM_UP / 2).then(|| server.hold());
        for client in &mut clients {
            client.send(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        drop(held);
        let asked = if request.starts_with("HEAD") { Asked::Head } else { Asked::Get };
        for client in &mut clients {
            assert_eq!(client.reply_to(asked).status, 200, "{request}");
        }
    }
    drop(clients);
    server.stop();
    let seen = seen.lock().expect("no holder panics");
    assert_eq!(seen.len(), count * at_once);
    let counted = &seen[WARM_UP - 1..];
    counted.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_routed_request_costs_no_allocation() {
    let requests = [
        "GET /",
        "GET /hello",
        "HEAD /hello",
        "GET /users/me",
        "GET /users/1",
        "GET /users/1/posts/2",
        "GET /e/1/2/3/4/5/6/7/8",
        "GET /large",
        "POST /files/1",
        "GET /n/1/2/3",
        "GET /n/1/2/x/y",
        "GET /boxed/1",
        "GET /none",
    ];
    let calls = calls(&requests, 1);
    assert_eq!(calls.iter().sum::<u64>(), 0, "{calls:?}");
}

#[test]
fn routed_requests_at_once_cost_no_allocation() {
    let calls = calls(&["GET /large", "GET /hello", "GET /users/1"], 20);
    assert_eq!(calls.iter().sum::<u64>(), 0, "{calls:?}");
}
