//! The promise of the request path: no call of the allocator, whatever the second.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use selvedge_http::access_log::{AccessLog, LogFormat};
use selvedge_http::files::FileOptions;
use selvedge_http::middleware::{CorsPolicy, cors};
use selvedge_http::{
    Application, Budgets, ExchangeRecord, Observer, Request, Response, ServerOptions, StatusCode,
    WorkerApplication,
};
use selvedge_runtime::{
    CountingAllocator, LineLog, LogTarget, Worker, WorkerLimits, allocator_calls_of_thread, yield_now,
};
use support::client::{Asked as Method, Client};
use support::directory::Directory;
use support::site::site;
use support::{Records, TestServer};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const WARM_UP: usize = 1_000;
const COUNTED: usize = 10_000;
/// Longer than two seconds of Date, two revalidations and a round of the housekeeping for idle descriptors.
const SPAN: Duration = Duration::from_millis(5_500);

/// An access record, and the worker's calls of the allocator up to it.
type Seen = (ExchangeRecord, u64);

/// A server with default options whose observer keeps a record of each request, in memory set aside before.
fn observed_server<A: Application>(
    make: impl Fn(&Worker) -> A + Send + Sync + 'static,
    log: Option<&LineLog>,
) -> (TestServer, Arc<Mutex<Vec<Seen>>>) {
    observed_server_with(ServerOptions::default(), make, log)
}

fn observed_server_with<A: Application>(
    options: ServerOptions,
    make: impl Fn(&Worker) -> A + Send + Sync + 'static,
    log: Option<&LineLog>,
) -> (TestServer, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::with_capacity(WARM_UP + COUNTED + 8)));
    let seen_there = Arc::clone(&seen);
    let log = log.cloned();
    let server = TestServer::start_observed(
        options,
        WorkerLimits::default(),
        Arc::new(Records::default()),
        move |worker| {
            let seen = Arc::clone(&seen_there);
            let sink = log.as_ref().map(LineLog::sink);
            let log = sink.map(|sink| AccessLog::new(sink, LogFormat::Json).observer());
            let observer: Observer = Rc::new(move |record, request| {
                if let Some(log) = &log {
                    log(record, request);
                }
                seen.lock().expect("no holder panics").push((*record, allocator_calls_of_thread()));
            });
            WorkerApplication { observer: Some(observer), ..make(worker).into() }
        },
    );
    (server, seen)
}

/// Method, fields, and the status that answers them.
type Asked = (&'static str, &'static str, u16);

/// Sends the requests in turn on one connection, the counted ones evenly over [`SPAN`]. Returns the distinct Dates.
fn drive(client: &mut Client, requests: &[Asked]) -> Vec<String> {
    let mut dates: Vec<String> = Vec::new();
    let mut started = Instant::now();
    for number in 0..WARM_UP + COUNTED {
        if number == WARM_UP {
            started = Instant::now();
        }
        if number > WARM_UP {
            let due = started + SPAN * (number - WARM_UP) as u32 / COUNTED as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let (method, fields, status) = requests[number % requests.len()];
        client.send(format!("{method} /file.txt HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"));
        let reply = client.reply_to(if method == "HEAD" { Method::Head } else { Method::Get });
        assert_eq!(reply.status, status, "request {number}");
        let date = reply.field("date").expect("a date");
        if dates.last().is_none_or(|last| last != date) {
            dates.push(date.to_owned());
        }
    }
    dates
}

fn calls_while_counted(requests: &[Asked], content: &[u8]) -> u64 {
    calls_while_logged(requests, content, None)
}

fn calls_while_logged(requests: &[Asked], content: &[u8], log: Option<&LineLog>) -> u64 {
    let directory = Directory::new("allocations");
    directory.write("file.txt", content);
    calls_of(observed_server(site(FileOptions::new(directory.path())), log), requests)
}

fn calls_of((server, seen): (TestServer, Arc<Mutex<Vec<Seen>>>), requests: &[Asked]) -> u64 {
    let mut client = server.connect();
    let dates = drive(&mut client, requests);
    assert!(dates.len() >= 5, "the run spans several seconds: {dates:?}");
    drop(client);
    server.stop();
    let seen = seen.lock().expect("no holder panics");
    assert_eq!(seen.len(), WARM_UP + COUNTED);
    for (number, (record, _)) in seen.iter().enumerate() {
        assert_eq!(record.status.map_or(0, |status| status.as_u16()), requests[number % requests.len()].2);
    }
    // What the worker did between the two records, both included but for the first's own beginning.
    let counted = &seen[WARM_UP - 1..];
    for pair in counted.windows(2) {
        if pair[0].1 != pair[1].1 {
            println!("{} calls at {:?}", pair[1].1 - pair[0].1, pair[1].0.received_at);
        }
    }
    counted[counted.len() - 1].1 - counted[0].1
}

#[test]
fn a_handler_s_text_costs_no_allocation() {
    let hello = |_: &Worker| {
        async |request: Request<'_>| match request.header("accept").or(request.header("X-Accept")) {
            Some(_) => Response::text("hello"),
            None => Response::error(StatusCode::NOT_ACCEPTABLE, "nothing accepted"),
        }
    };
    assert_eq!(
        calls_of(observed_server(hello, None), &[("GET", "Accept: */*\r\n", 200), ("HEAD", "", 406)]),
        0
    );
}

#[test]
fn budgets_that_are_kept_cost_no_allocation() {
    let time = Some(Duration::from_secs(60));
    let budgets = Budgets { handler_time: time, exchange_time: time, allocated_bytes: Some(1 << 20) };
    let options = ServerOptions { budgets, ..ServerOptions::default() };
    let waits = |_: &Worker| {
        async |_: Request<'_>| {
            yield_now().await;
            Response::text("hello")
        }
    };
    assert_eq!(calls_of(observed_server_with(options, waits, None), &[("GET", "", 200)]), 0);
}

#[test]
fn a_small_file_costs_no_allocation() {
    assert_eq!(calls_while_counted(&[("GET", "Accept: */*\r\n", 200)], &[b'x'; 151]), 0);
}

#[test]
fn the_largest_file_kept_in_memory_costs_no_allocation() {
    assert_eq!(calls_while_counted(&[("GET", "", 200)], &[b'x'; 65_536]), 0);
}

#[test]
fn the_other_answers_from_memory_cost_no_allocation() {
    let requests = [
        ("GET", "Range: bytes=10-99\r\n", 206),
        ("GET", "Range: bytes=999-\r\n", 416),
        ("HEAD", "", 200),
        ("GET", "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n", 304),
        ("GET", "If-Match: \"other\"\r\n", 412),
    ];
    assert_eq!(calls_while_counted(&requests, &[b'x'; 151]), 0);
}

#[test]
fn a_line_in_the_access_log_costs_no_allocation() {
    let directory = Directory::new("allocations-log");
    let path = directory.join("access.log");
    let log = LineLog::start("access log", LogTarget::File(path.clone()), 1).expect("a file");
    let requests = [
        ("GET", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nReferer: http://localhost/\r\n", 200),
        ("GET", "User-Agent: \"\u{e9}\"\r\nIf-Match: \"other\"\r\n", 412),
    ];
    assert_eq!(calls_while_logged(&requests, &[b'x'; 151], Some(&log)), 0);
    log.finish();
    assert_eq!(log.lines_lost(), 0);
    let lines = std::fs::read_to_string(path).expect("a log is UTF-8").lines().count();
    assert_eq!(lines, WARM_UP + COUNTED);
}

#[test]
fn a_file_for_a_script_of_another_origin_costs_no_allocation() {
    let directory = Directory::new("allocations-cors");
    directory.write("file.txt", [b'x'; 151]);
    let make_site = site(FileOptions::new(directory.path()));
    let policy = CorsPolicy::origins(["https://app.example"]).expect("an origin");
    let factory = move |worker: &Worker| make_site(worker).with(cors(policy.clone()));
    let requests = [
        ("GET", "Origin: https://app.example\r\n", 200),
        ("GET", "Origin: https://evil.example\r\n", 200),
        ("HEAD", "", 200),
        ("GET", "Origin: https://app.example\r\nRange: bytes=10-99\r\n", 206),
    ];
    assert_eq!(calls_of(observed_server(factory, None), &requests), 0);
}
