//! Budgets of exchanges on the real kernel: what a client sees that is over one, what is counted, and what the operator is told.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use selvedge_http::access_log::{AccessLog, LogFormat};
use selvedge_http::metrics::Metrics;
use selvedge_http::middleware::{MetricsReaders, Next, budgets, from_fn, metrics};
use selvedge_http::{
    Application, Budget, Budgets, CloseReason, ExchangeEnd, IntoResponse, Observer, Request, Response,
    Server, ServerOptions, WorkerApplication,
};
use selvedge_runtime::{
    CountingAllocator, LineLog, LogTarget, Pinning, WatchdogSetting, Worker, WorkerLimits, spawn, yield_now,
};
use support::client::{Client, End};
use support::directory::Directory;
use support::program::{Program, is_program};
use support::{Records, TestServer, options, wait_until};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const MIB: u64 = 1 << 20;
const OVER: CloseReason = CloseReason::OverBudget(Budget::AllocatedBytes);

/// Asks for so many bytes in each of so many polls.
async fn ask(bytes: usize, polls: usize) {
    for _ in 0..polls {
        drop(black_box(vec![1_u8; bytes]));
        yield_now().await;
    }
}

/// Asks for memory as `/WHO/BYTES/POLLS` says, then answers `done`: the handler, a task of its, or who writes the body.
/// `/once/BYTES` does it in its only poll, `/stuck` never answers, `/body` reads its request's.
async fn asks(request: Request<'_>) -> Response {
    let path = String::from_utf8_lossy(request.path()).into_owned();
    let mut words = path.split('/').skip(1);
    let who = words.next().unwrap_or_default();
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let (bytes, polls) = (number(), number());
    match who {
        "handler" => ask(bytes, polls).await,
        "task" => spawn("a request's", ask(bytes, polls)).await.expect("it does not panic"),
        "once" => drop(black_box(vec![1_u8; bytes])),
        "stuck" => std::future::pending().await,
        "body" => return request.body().text(100).await.into_response(),
        _ => {
            return Response::stream(async move |mut writer| {
                for _ in 0..polls {
                    writer.write(b"x").await?;
                    ask(bytes, 1).await;
                }
                Ok(())
            });
        }
    }
    "done".into_response()
}

fn allocated(bytes: u64) -> Budgets {
    Budgets { allocated_bytes: Some(bytes), ..Budgets::default() }
}

fn within(budgets: Budgets) -> ServerOptions {
    options(|options| options.budgets = budgets)
}

fn server(bytes: u64) -> TestServer {
    TestServer::start(within(allocated(bytes)), |_: &Worker| asks)
}

fn expect_503(client: &mut Client, path: &str) {
    let reply = client.get(path);
    assert_eq!((reply.status, reply.closes()), (503, true), "{path}: {reply:?}");
    assert!(reply.text().contains("the answer took too much memory"), "{reply:?}");
    client.expect_close();
}

#[test]
fn a_handler_that_asks_for_too_much_memory_is_dropped_and_answered_for() {
    let server = server(MIB);
    let mut client = server.connect();
    // The request behind it is not answered.
    let requests =
        "GET /handler/262144/10000 HTTP/1.1\r\nHost: a\r\n\r\nGET /once/1 HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(requests);
    assert_eq!(client.reply().status, 503);
    client.expect_close();
    drop(client);
    let stopped = server.stop();
    assert_eq!(stopped.statuses(), [503]);
    assert_eq!(stopped.records[0].end, ExchangeEnd::Closed(OVER));
    assert_eq!(stopped.closes(OVER), 1);
}

#[test]
fn what_one_poll_asks_for_is_looked_at_after_it() {
    let server = server(MIB);
    expect_503(&mut server.connect(), "/once/1100000");
}

#[test]
fn each_exchange_of_a_connection_has_a_budget_of_its_own() {
    let server = server(MIB);
    let mut client = server.connect();
    for path in ["/handler/300000/3", "/once/900000", "/task/300000/3"].repeat(5) {
        assert_eq!(client.get(path).text(), "done", "{path}");
    }
    expect_503(&mut client, "/handler/300000/4");
}

#[test]
fn what_a_task_of_the_handler_s_asks_for_is_the_exchange_s() {
    let server = server(MIB);
    expect_503(&mut server.connect(), "/task/262144/10000");
    assert_eq!(server.stop().closes(OVER), 1);
}

#[test]
fn a_body_whose_writer_asks_for_too_much_ends_short_so_that_its_client_can_tell() {
    let server = server(MIB);
    let mut client = server.connect();
    client.send("GET /stream/262144/10000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    let (body, end) = client.read_to_end();
    assert_eq!((body.starts_with(b"1\r\nx\r\n"), body.ends_with(b"0\r\n\r\n")), (true, false));
    assert_eq!(end, End::Closed);
    drop(client);
    // Whose body ends with the connection sees another end.
    let mut client = server.connect();
    client.send("GET /stream/262144/10000 HTTP/1.0\r\n\r\n");
    assert_eq!(client.read_to_end().1, End::Reset);
    drop(client);
    assert_eq!(server.stop().closes(OVER), 2);
}

#[test]
fn a_route_lowers_the_server_s_budget_and_does_not_raise_it() {
    let route =
        |bytes| TestServer::start(within(allocated(MIB)), move |_| asks.with(budgets(allocated(bytes))));
    let lower = route(MIB / 4);
    assert_eq!(lower.connect().get("/once/100000").text(), "done");
    expect_503(&mut lower.connect(), "/once/300000");
    expect_503(&mut route(MIB * 4).connect(), "/once/1100000");
}

#[test]
fn a_route_has_a_budget_where_the_server_has_none() {
    let server = TestServer::start(options(|_| {}), |_| asks.with(budgets(allocated(MIB))));
    let mut client = server.connect();
    for path in ["/handler/300000/3", "/task/300000/3"].repeat(3) {
        assert_eq!(client.get(path).text(), "done", "{path}");
    }
    expect_503(&mut client, "/handler/262144/10000");
    drop(client);
    expect_503(&mut server.connect(), "/task/262144/10000");
    let mut client = server.connect();
    client.send("GET /stream/262144/10000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!client.read_to_end().0.ends_with(b"0\r\n\r\n"));
    drop(client);
    assert_eq!(server.stop().closes(OVER), 3);
}

/// Asks what is behind it twice.
async fn twice<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
    drop(next.call(request).await);
    next.call(request).await
}

#[test]
fn a_route_s_budget_is_for_all_that_is_behind_it_however_often_it_is_asked() {
    let route = |server: Budgets| {
        TestServer::start(within(server), |_| asks.with(budgets(allocated(MIB))).with(from_fn(twice)))
    };
    for server in [Budgets::default(), allocated(MIB)] {
        assert_eq!(route(server).connect().get("/once/400000").text(), "done", "{server:?}");
        expect_503(&mut route(server).connect(), "/once/600000");
    }
}

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn every_end_is_counted_by_its_reason_and_stands_in_the_log() {
    // Each in a server where nothing else can end it, however busy the machine is.
    let strict = options(|options| {
        let (handler_time, exchange_time) = (Some(SHORT * 4), Some(SHORT * 6));
        options.budgets = Budgets { handler_time, exchange_time, allocated_bytes: Some(MIB) };
        options.limits.body_bytes_max = 100;
    });
    let ends = [
        ("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n", "over_handler_time"),
        ("GET /stream/1/1000000000 HTTP/1.1\r\nHost: a\r\n\r\n", "over_exchange_time"),
        ("GET /once/1100000 HTTP/1.1\r\nHost: a\r\n\r\n", "over_allocated_bytes"),
        ("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "body_too_large"),
        ("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", "body_too_large"),
    ];
    expect_ends(strict, "budgets-log", &ends);
    let impatient = options(|options| {
        (options.timeouts.head, options.timeouts.body_grace) = (SHORT, SHORT);
    });
    let ends = [
        ("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nslow", "body_timeout"),
        ("GET / HTTP/1.1\r\n", "head_timeout"),
    ];
    expect_ends(impatient, "timeouts-log", &ends);
}

/// Asks each on a connection of its own, which ends for the reason of that name.
fn expect_ends(options: ServerOptions, directory: &str, ends: &[(&str, &str)]) {
    let directory = Directory::new(directory);
    let path = directory.join("access.log");
    let log = LineLog::start("access log", LogTarget::File(path.clone()), 1).expect("a file");
    let there = log.clone();
    let server =
        TestServer::start_observed(options, WorkerLimits::default(), Arc::new(Records::default()), {
            move |_| {
                let log: Observer = AccessLog::new(there.sink(), LogFormat::Json).observer();
                WorkerApplication { observer: Some(log), ..asks.into() }
            }
        });
    for (request, reason) in ends {
        let mut client = server.connect();
        client.send(request);
        assert!(!client.read_to_end().0.is_empty(), "{reason}: it is told something");
    }
    server.wait_until_at_rest();
    let figures = server.control().figures(0).closes_by_name();
    let mut counted: Vec<(&str, u64)> = figures.filter(|(_, count)| *count > 0).collect();
    let count = |name| (name, ends.iter().filter(|(_, reason)| *reason == name).count() as u64);
    let mut expected: Vec<_> = ends.iter().map(|(_, reason)| count(*reason)).collect();
    expected.sort_unstable();
    expected.dedup();
    counted.sort_unstable();
    assert_eq!(counted, expected);
    drop(server);
    log.finish();
    let lines = std::fs::read_to_string(path).expect("a log is UTF-8");
    for (line, (request, reason)) in lines.lines().zip(ends) {
        assert!(line.contains(&format!("\"close\":\"{reason}\"")), "{request:?}: {line}");
    }
    assert_eq!(lines.lines().count(), ends.len());
}

#[test]
fn the_page_of_numbers_has_them_by_reason() {
    let numbers = Metrics::new();
    let there = numbers.clone();
    let server = TestServer::start(within(allocated(MIB)), move |_| {
        asks.with(metrics("/metrics", &there, MetricsReaders::default()))
    });
    numbers.watch(server.running());
    expect_503(&mut server.connect(), "/once/1100000");
    let line = "selvedge_connections_closed_total{reason=\"over_allocated_bytes\"} 1\n";
    wait_until("it is counted", || {
        let page = server.connect().get("/metrics");
        if page.text().contains(line) { Ok(()) } else { Err(page.text().to_owned()) }
    });
}

#[test]
fn the_words_for_a_refusal_are_the_application_s_if_it_has_some() {
    let start = |_: &Worker| WorkerApplication {
        on_refusal: Some(Rc::new(|refusal| Response::text(format!("{refusal:?}")))),
        ..asks.into()
    };
    let records = Arc::new(Records::default());
    let server = TestServer::start_observed(within(allocated(MIB)), WorkerLimits::default(), records, start);
    let reply = server.connect().get("/once/1100000");
    assert_eq!((reply.status, reply.text()), (503, "OverBudget(AllocatedBytes)"));
}

#[test]
fn the_operator_is_told_which_request_was_over_budget_and_which_asked_for_much_in_one_poll() {
    if is_program() {
        Server::builder()
            .workers(1)
            .listen("127.0.0.1:0")
            .budgets(allocated(80 * MIB))
            .runtime(|runtime| runtime.pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
            .on_start(|server| eprintln!("serves on {}", server.address()))
            .serve(|_| asks)
            .expect("it starts");
        return;
    }
    let name = "the_operator_is_told_which_request_was_over_budget_and_which_asked_for_much_in_one_poll";
    let mut program = Program::run(name);
    let address = program.tells("serves on ", "").parse().expect("an address");
    assert_eq!(Client::connect(address).get("/once/75000000").text(), "done");
    let said = program
        .tells("worker 0: one poll has asked for ", " MiB of memory (`connection`, at GET /once/75000000)");
    assert_eq!(said, "71");
    expect_503(&mut Client::connect(address), "/handler/8000000/100");
    program.tells(
        "worker 0: a request was over its budget (`connection`, at GET /handler/8000000/100): ",
        "allocated bytes",
    );
    program.stop();
}
