//! The page of numbers: well formed, and adding up to what was asked.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use selvedge_http::metrics::Metrics;
use selvedge_http::middleware::{MetricsReaders, metrics};
use selvedge_http::{Application, Response, Server, ServerOptions, StatusCode};
use selvedge_http::{Request, WorkerApplication};
use selvedge_runtime::net::{AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{Pinning, Runtime, WatchdogSetting};
use support::client::{Client, Reply};
use support::wait_until;

/// A server of two workers with a page of numbers.
struct Counted {
    server: Option<Server>,
    address: SocketAddr,
}

/// Empty answers whose status is the path.
async fn status(request: Request<'_>) -> Response {
    let status = std::str::from_utf8(&request.path()[1..]).ok().and_then(|path| path.parse().ok());
    Response::empty(status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK))
}

impl Counted {
    fn start(numbers: &Metrics, readers: MetricsReaders) -> Self {
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        let listening = Listening::bind_ip(any_port, 128, PortSharing::Exclusive).expect("a port is free");
        let Address::Ip(address) = *listening.address() else { panic!("bound to an IP address") };
        let intake_options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 64 };
        let intake = Intake::new(vec![vec![listening]], 2, &intake_options).expect("one list of listeners");
        let runtime = Runtime::builder().workers(2).pinning(Pinning::Free).watchdog(WatchdogSetting::Off);
        let runtime = runtime.build().expect("a valid configuration");
        let there = numbers.clone();
        let options = ServerOptions { drain: Duration::from_secs(1), ..ServerOptions::default() };
        let server = Server::start(runtime, &intake, options, move |_| {
            let application = status.with(metrics("/metrics", &there, readers.clone()));
            WorkerApplication::from(application)
        });
        Self { server: Some(server.expect("io_uring is available")), address }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn get(&self, fields: &str) -> Reply {
        let mut client = Client::connect(self.address);
        client.send(format!("GET /metrics HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n"));
        client.reply()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let server = self.server.take().expect("it runs");
        server.control().stop();
        server.join();
    }
}

// ---- a strict reader of the text format ----

/// All samples by their names with labels, as they are written.
type Samples = BTreeMap<String, f64>;

/// Reads a page, and fails at whatever Prometheus would not take or would warn of.
fn read(page: &str) -> Samples {
    assert!(page.ends_with('\n'), "the last line ends");
    let mut samples = Samples::new();
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    let mut family = "";
    let mut help_of = "";
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            (help_of, _) = help.split_once(' ').expect("a help has a text");
            assert!(is_name(help_of), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type is named");
            assert_eq!(name, help_of, "help and type belong together");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(families.insert(name, kind), None, "{name} comes once");
            family = name;
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
            let name = series.split('{').next().expect("a split gives one part at least");
            let own = match families[family] {
                "counter" => name == family && name.ends_with("_total"),
                "gauge" => name == family && !name.ends_with("_total"),
                _ => {
                    name.strip_prefix(family).is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end))
                }
            };
            assert!(own, "{line} is not of {family}");
            check_labels(&series[name.len()..]);
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}: a number"));
            assert_eq!(samples.insert(series.to_owned(), value), None, "{series} comes once");
        }
    }
    for (name, _) in families.iter().filter(|(_, kind)| **kind == "histogram") {
        check_histogram(name, page, &samples);
    }
    samples
}

fn is_name(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    rest.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}

/// `{name="value"}` or nothing; no value of this server needs an escape.
fn check_labels(labels: &str) {
    if labels.is_empty() {
        return;
    }
    let inside = labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect("braces");
    for label in inside.split(',') {
        let (name, value) = label.split_once('=').expect("a label has a value");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("quotes");
        assert!(is_name(name) && !value.contains(['"', '\\']), "{label}");
    }
}

/// Bounds rise, counts never fall, and the last is the count of all.
fn check_histogram(name: &str, page: &str, samples: &Samples) {
    let prefix = format!("{name}_bucket{{le=\"");
    let buckets = page.lines().filter_map(|line| line.strip_prefix(&prefix)?.split_once("\"} "));
    let buckets: Vec<(f64, f64)> = buckets
        .map(|(bound, count)| (bound.parse().expect("a bound"), count.parse().expect("a count")))
        .collect();
    assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name}: {buckets:?}");
    let (last, count) = *buckets.last().expect("a histogram has buckets");
    assert_eq!((last, count), (f64::INFINITY, samples[&format!("{name}_count")]));
    assert!(samples[&format!("{name}_sum")] >= 0.0);
}

// ---- what is promised ----

#[test]
fn the_page_is_well_formed_and_adds_up_to_what_was_asked() {
    let numbers = Metrics::new();
    numbers.collect(|page| page.counter("applications_own_total", "Its own.", 42));
    let counted = Counted::start(&numbers, MetricsReaders::default());
    numbers.watch(counted.server());
    // Four connections, two on each worker; each ends for a known reason.
    for _ in 0..4 {
        let mut client = Client::connect(counted.address);
        for status in [200, 200, 204, 304, 404, 500] {
            assert_eq!(client.get(&format!("/{status}")).status, status);
        }
        client.send("GET /200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").reply();
    }
    Client::connect(counted.address).send("GET / HTTP/1.1\r\n\r\n").reply();
    wait_until("the connections end", || {
        let open: u64 = counted.server().control().intake().open().iter().sum();
        if open == 0 { Ok(()) } else { Err(format!("{open} open")) }
    });
    let reply = counted.get("");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.field("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    let samples = read(reply.text());
    for (series, value) in [
        ("selvedge_workers", 2.0),
        ("selvedge_workers_responding", 2.0),
        ("selvedge_connections_accepted_total", 6.0),
        ("selvedge_connections_open", 1.0),
        ("selvedge_connections_max", 64.0),
        ("selvedge_accept_pauses_total", 0.0),
        ("selvedge_connections_closed_total{reason=\"requested\"}", 4.0),
        ("selvedge_connections_closed_total{reason=\"rejected\"}", 1.0),
        ("selvedge_connections_closed_total{reason=\"panic\"}", 0.0),
        ("selvedge_http_requests_total{status=\"none\"}", 0.0),
        ("selvedge_http_requests_total{status=\"2xx\"}", 16.0),
        ("selvedge_http_requests_total{status=\"3xx\"}", 4.0),
        ("selvedge_http_requests_total{status=\"4xx\"}", 5.0),
        ("selvedge_http_requests_total{status=\"5xx\"}", 4.0),
        ("selvedge_http_request_duration_seconds_count", 29.0),
        ("selvedge_receive_starvations_total", 0.0),
        ("applications_own_total", 42.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series} in {}", reply.text());
    }
    let turns = samples["selvedge_worker_turn_seconds_count"];
    assert!(turns > 0.0 && samples["selvedge_io_uring_enters_total"] > 0.0);
    assert!(samples["selvedge_http_response_bytes_total"] > 29.0 * 50.0);
    assert!(samples["selvedge_receive_buffers"] >= samples["selvedge_receive_buffers_free"]);
}

#[test]
fn before_the_server_is_watched_there_is_nothing_to_tell() {
    let numbers = Metrics::new();
    let counted = Counted::start(&numbers, MetricsReaders::default());
    assert_eq!(counted.get("").status, 503);
    numbers.watch(counted.server());
    assert_eq!(counted.get("").status, 200);
}

#[test]
fn other_methods_are_not_allowed_and_other_paths_are_the_applications() {
    let numbers = Metrics::new();
    let counted = Counted::start(&numbers, MetricsReaders::default());
    numbers.watch(counted.server());
    let mut client = Client::connect(counted.address);
    let reply = client.send("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").reply();
    assert_eq!((reply.status, reply.field("allow")), (405, Some("GET, HEAD")));
    assert_eq!(client.get("/metrics/").body, b"");
    assert_eq!(client.get("/204").status, 204);
}

#[test]
fn readers_are_told_by_their_address_and_proxies_by_whom_they_are_trusted() {
    let networks = |list: &str| list.parse().expect("a list");
    let local = MetricsReaders::default();
    let trusting = MetricsReaders { trusted_proxies: networks("127.0.0.1"), ..local.clone() };
    let others = MetricsReaders { allow: networks("192.0.2.0/24"), ..local.clone() };
    let behind = MetricsReaders { allow: networks("192.0.2.0/24"), ..trusting.clone() };
    let everybody = MetricsReaders { allow: networks("all"), ..local.clone() };
    let passed_on = "X-Forwarded-For: 192.0.2.1\r\n";
    for (readers, fields, status) in [
        (&local, "", 200),
        // A proxy on this machine asks for anybody.
        (&local, passed_on, 403),
        (&local, "Forwarded: for=127.0.0.1\r\n", 403),
        (&trusting, passed_on, 403),
        (&trusting, "X-Forwarded-For: 127.0.0.9\r\n", 200),
        (&others, "", 403),
        (&others, passed_on, 403),
        (&behind, passed_on, 200),
        (&behind, "Forwarded: for=unknown\r\n", 403),
        (&everybody, passed_on, 200),
    ] {
        let numbers = Metrics::new();
        let counted = Counted::start(&numbers, readers.clone());
        numbers.watch(counted.server());
        assert_eq!(counted.get(fields).status, status, "{readers:?} {fields:?}");
    }
}
