//! What one client address may have, of the binary: told to the client, in the log and in the numbers.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs;
use std::io;

use support::{Client, Response, Server, Site, eventually, get, request};

const LINE: &str = "selvedge_connections_closed_total{reason=\"address_connections\"}";

/// Asks on a connection that may be closed before the request is sent.
fn try_get(server: &Server, target: &str, fields: &[(&str, &str)]) -> io::Result<Response> {
    let mut client = Client::connect(server.address());
    let _ = client.try_send(request("GET", target, fields));
    client.try_response_to("GET")
}

#[test]
fn an_address_at_its_limit_is_refused_on_every_worker_and_it_is_told() {
    let (site, scratch) = (Site::with(&[("file", "words")]), Site::new());
    let log = scratch.join("access.log");
    let log_text = log.to_str().unwrap();
    for accept in ["shared", "reuseport"] {
        let _ = fs::remove_file(&log);
        let options = ["--connections-per-address", "4", "--accept", accept, "--access-log", log_text];
        let server = Server::with(site.path(), &[&options[..], &["--metrics"]].concat());
        let mut held: Vec<_> = (0..4).map(|_| Client::connect(server.address())).collect();
        for client in &mut held {
            assert_eq!(client.get("/file").text(), "words");
        }
        for _ in 0..3 {
            let refused = try_get(&server, "/file", &[]).unwrap();
            assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")), "{accept}");
            assert!(refused.closes());
        }
        let page = held[0].get("/metrics");
        assert!(page.text().contains(&format!("{LINE} 3\n")), "{}", page.text());
        drop(held);
        eventually("a place", || try_get(&server, "/file", &[]).unwrap().status == 200);
        server.stop();
        let lines = fs::read_to_string(&log).unwrap();
        let refused = lines.lines().filter(|line| line.contains("\"-\" 503 ")).count();
        assert!(refused >= 3 && lines.lines().all(|line| line.starts_with("127.0.0.1 ")), "{lines}");
    }
}

#[test]
fn an_address_that_comes_too_often_gets_429() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::with(site.path(), &["--new-connections-per-address", "1:3"]);
    let mut statuses = Vec::new();
    while !statuses.contains(&429) {
        statuses.push(try_get(&server, "/file", &[]).unwrap().status);
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    server.stop();
}

#[test]
fn behind_a_trusted_proxy_requests_count_for_the_address_it_tells() {
    let site = Site::with(&[("file", "words")]);
    support::write_pattern(&site.join("large"), 64 << 20);
    let options = ["--connections-per-address", "1", "--trusted-proxy", "127.0.0.1", "--metrics"];
    let server = Server::with(site.path(), &options);
    let by = |address| try_get(&server, "/file", &[("x-forwarded-for", address)]).unwrap();
    let mut slow = Client::connect(server.address());
    // Nobody reads the answer, so that it does not end.
    slow.send(request("GET", "/large", &[("x-forwarded-for", "203.0.113.1")]));
    assert_eq!(slow.try_head().unwrap().status, 200);
    for _ in 0..2 {
        let refused = by("203.0.113.1");
        assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")));
        assert!(!refused.closes());
    }
    assert_eq!(by("203.0.113.2").text(), "words");
    let page = get(server.address(), "/metrics");
    let count = page
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("selvedge_address_exchanges_refused_total ")?.parse::<u64>().ok());
    assert!(count == Some(2), "{}", page.text());
    drop(slow);
    eventually("a place", || by("203.0.113.1").status == 200);
    server.stop();
}
