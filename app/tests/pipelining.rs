//! Requests sent before their answers come, answered in order.

mod support;

use std::io::Write;

use support::{Client, Server, Site, pattern};

const REQUESTS: usize = 1_000;

/// What the n-th request asks for, and what it gets.
struct Asked {
    method: &'static str,
    target: String,
    status: u16,
    body: Vec<u8>,
}

fn asked(number: usize) -> Asked {
    let (name, size) =
        [("0.bin", 0), ("151.bin", 151), ("5k.bin", 5_000), ("64k.bin", 64 << 10), ("200k.bin", 200_000)]
            [number * 7 % 5];
    let method = if number % 11 == 3 { "HEAD" } else { "GET" };
    // The query tells requests apart, in a failure's message.
    let (target, status, body) = match number % 13 {
        5 => (format!("/nothing-{number}"), 404, b"404 Not Found\n".to_vec()),
        _ => (format!("/{name}?{number}"), 200, pattern(0, size)),
    };
    Asked { method, target, status, body }
}

#[test]
fn a_thousand_requests_in_one_write_are_answered_in_order() {
    let site = Site::new();
    for (name, size) in
        [("0.bin", 0), ("151.bin", 151), ("5k.bin", 5_000), ("64k.bin", 64 << 10), ("200k.bin", 200_000)]
    {
        support::write_pattern(&site.join(name), size);
    }
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    let mut requests = String::new();
    for number in 0..REQUESTS {
        let Asked { method, target, .. } = asked(number);
        requests.push_str(&format!("{method} {target} HTTP/1.1\r\nhost: h\r\n\r\n"));
    }
    // One write on a thread of its own: the server stops reading while its answers are not read.
    let mut stream = client.stream().try_clone().unwrap();
    let writer = std::thread::spawn(move || stream.write_all(requests.as_bytes()));
    for number in 0..REQUESTS {
        let Asked { method, target, status, body } = asked(number);
        let response = client.response_to(method);
        assert_eq!(response.status, status, "{number}: {method} {target}");
        assert_eq!(response.content_length(), body.len() as u64, "{number}: {method} {target}");
        if method == "GET" {
            assert!(response.body == body, "{number}: {method} {target} has another body");
        }
    }
    writer.join().unwrap().unwrap();
    // Nothing was left over on either side.
    assert_eq!(client.get("/151.bin").body, pattern(0, 151));
    server.stop();
}

#[test]
fn a_request_that_asks_to_close_is_the_last_one_answered() {
    let site = Site::with(&[("a", "first"), ("b", "second")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    client.send(
        "GET /a HTTP/1.1\r\nhost: h\r\n\r\n\
         GET /b HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n\
         GET /a HTTP/1.1\r\nhost: h\r\n\r\n",
    );
    assert_eq!(client.response().text(), "first");
    let last = client.response();
    assert!(last.text() == "second" && last.closes());
    client.expect_close();
}

#[test]
fn requests_that_arrive_byte_by_byte_are_answered() {
    let site = Site::with(&[("a", "first"), ("b", "second")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for byte in b"GET /a HTTP/1.1\r\nhost: h\r\n\r\nGET /b HTTP/1.1\r\nhost: h\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.response().text(), "first");
    assert_eq!(client.response().text(), "second");
}

#[test]
fn who_has_ended_sending_still_gets_every_answer() {
    let site = Site::new();
    support::write_pattern(&site.join("1m.bin"), 1 << 20);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    client.send("GET /1m.bin HTTP/1.1\r\nhost: h\r\n\r\n".repeat(3));
    client.stream().shutdown(std::net::Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert!(client.response().body == pattern(0, 1 << 20));
    }
    client.expect_close();
}
