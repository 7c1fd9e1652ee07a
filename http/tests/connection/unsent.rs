//! How much of an answer the kernel holds for a client that does not read, as `/proc/net/tcp` tells (proc_net_tcp in the
//! kernel's documentation).

use std::time::Duration;

use selvedge_http::{Request, Response};

use crate::support::client::Client;
use crate::support::{TestServer, patient};

/// What is more than 128 KiB unsent, and a little under way.
const MORE_THAN_BOUNDED_BYTES: u64 = 400 * 1024;

/// Octets that the server's end of `client` has been given and its peer has not acknowledged, once that stands still.
fn held_bytes(server: &TestServer, client: &Client) -> u64 {
    let ports = format!(":{:04X}", server.address().port());
    let (local, remote) = (ports, format!(":{:04X}", client.local().port()));
    let mut before = (0, 0);
    loop {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel has a table");
        let held = table
            .lines()
            .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>())
            .find(|fields| fields[1].ends_with(&local) && fields[2].ends_with(&remote))
            .and_then(|fields| u64::from_str_radix(fields[4].split(':').next()?, 16).ok())
            .unwrap_or(0);
        before = if held > 0 && held == before.0 { (held, before.1 + 1) } else { (held, 0) };
        if before.1 == 20 {
            return held;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server whose paths are lengths of bodies.
fn server() -> TestServer {
    TestServer::start(patient(), |_| {
        async |request: Request<'_>| {
            let bytes = String::from_utf8_lossy(&request.path()[1..]).parse().unwrap_or(0);
            Response::text("x".repeat(bytes))
        }
    })
}

fn ask(client: &mut Client, bytes: usize) {
    client.send(request(bytes));
}

fn request(bytes: usize) -> String {
    format!("GET /{bytes} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn an_answer_of_a_megabyte_is_the_kernels_as_a_whole_and_little_of_a_longer_one() {
    let server = server();
    let mut client = server.connect();
    ask(&mut client, 1 << 20);
    assert!(held_bytes(&server, &client) > MORE_THAN_BOUNDED_BYTES);
    assert_eq!(client.reply().text().len(), 1 << 20);
    let mut client = server.connect();
    ask(&mut client, 16 << 20);
    let held = held_bytes(&server, &client);
    assert!(held < MORE_THAN_BOUNDED_BYTES, "{held}");
    assert_eq!(client.reply().text().len(), 16 << 20);
}

#[test]
fn little_waits_for_a_client_with_a_tiny_window() {
    let server = server();
    let mut client = Client::connect_narrow(server.address(), 1);
    ask(&mut client, 1 << 20);
    let held = held_bytes(&server, &client);
    assert!(held < MORE_THAN_BOUNDED_BYTES, "{held}");
    client.reset();
}

#[test]
fn little_waits_for_a_client_with_a_tiny_window_that_asks_for_many_short_answers() {
    let server = server();
    for (bytes, requests) in [(4 << 10, 1_000), (100 << 10, 40)] {
        let mut client = Client::connect_narrow(server.address(), 1);
        ask(&mut client, 1);
        client.send(request(bytes).repeat(requests));
        let held = held_bytes(&server, &client);
        assert!(held < MORE_THAN_BOUNDED_BYTES, "{held} octets of answers of {bytes}");
        client.reset();
    }
}

#[test]
fn who_asks_for_many_answers_and_reads_none_has_a_few_megabytes_wait() {
    let server = server();
    for (bytes, requests) in [(100 << 10, 80), (1 << 20, 8)] {
        let mut client = server.connect();
        client.send(request(bytes).repeat(requests));
        let held = held_bytes(&server, &client);
        assert!(held < 5 << 19, "{held} octets of answers of {bytes}");
        for _ in 0..requests {
            assert_eq!(client.reply().text().len(), bytes);
        }
    }
}
