//! Slow clients: what is cut, when, what is not, and how the client is told. In simulated time, under the default deadlines.

use std::time::Duration;

use selvedge_http::{CloseReason, ServerOptions, Timeouts};
use selvedge_runtime::sim::PeerEnd;
use selvedge_runtime::timer;

use crate::support::app::{paths, steered};
use crate::support::client::{Client, End};
use crate::support::simulated::{SimulatedServer, TICK, Wire};

const LARGE: &str = "GET /zeros/60000000 HTTP/1.1\r\nHost: a\r\n\r\n";

const SECOND: Duration = Duration::from_secs(1);

fn server() -> SimulatedServer {
    SimulatedServer::start(ServerOptions::default(), paths)
}

/// Reads nothing until the connection is reset.
fn wait_for_reset(server: &SimulatedServer, client: &mut Client<Wire>) {
    server.wait_until(|| client.is_reset());
    assert_eq!(client.read_to_end().1, End::Reset);
}

#[test]
fn an_idle_connection_is_closed_silently_after_75_seconds() {
    let server = server();
    let (mut fresh, mut used) = (server.connect(), server.connect());
    let begun = server.now();
    used.get("/text/x");
    assert_eq!(server.expect_open_until(&mut fresh, begun + 75 * SECOND), b"");
    assert_eq!(used.take_received(), (Vec::new(), PeerEnd::Open));
    fresh.expect_close();
    let took = server.now() - begun;
    assert!(took >= 75 * SECOND && took <= 75 * SECOND + TICK, "{took:?}");
    used.expect_close();
    // Whether an answer has been taken is looked at after a second: the idle time begins then.
    let took = server.now() - begun;
    assert!(took >= 75 * SECOND && took <= 76 * SECOND + TICK, "{took:?}");
    assert_eq!(server.closes(CloseReason::IdleTimeout), 2);
    assert_eq!(server.statuses(), [200]);
}

#[test]
fn an_empty_line_alone_is_idleness() {
    let server = server();
    let mut client = server.connect();
    client.send("\r\n");
    client.expect_close();
    assert_eq!(server.closes(CloseReason::IdleTimeout), 1);
}

#[test]
fn a_head_that_does_not_end_gets_408_after_ten_seconds() {
    let server = server();
    for beginning in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = server.connect();
        // Also behind a request that was answered.
        client.get("/text/x");
        let begun = server.now();
        client.send(beginning);
        assert_eq!(server.expect_open_until(&mut client, begun + 10 * SECOND), b"");
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (408, true), "{beginning:?}");
        let took = server.now() - begun;
        assert!(took >= 10 * SECOND && took <= 10 * SECOND + TICK, "{took:?}");
        client.expect_close();
    }
    server.wait_until_at_rest();
    assert_eq!(server.closes(CloseReason::HeadTimeout), 3);
    assert_eq!(server.statuses(), [200, 408, 200, 408, 200, 408]);
}

#[test]
fn octets_do_not_extend_the_time_of_a_head() {
    let server = server();
    let mut client = server.connect();
    server.pass(30 * SECOND);
    let begun = server.now();
    client.send("GET /text/x HTTP/1.1\r\nX: ");
    for _ in 0..39 {
        server.pass(SECOND / 4);
        client.send("x");
    }
    assert_eq!(client.reply().status, 408);
    let took = server.now() - begun;
    assert!(took >= 10 * SECOND && took <= 10 * SECOND + TICK, "{took:?}");
}

#[test]
fn a_waiting_handler_is_neither_idle_nor_a_slow_head() {
    let (steering, factory) = steered();
    let server = SimulatedServer::start(ServerOptions::default(), factory);
    let mut client = server.connect();
    client.send("GET /wait/x HTTP/1.1\r\nHost: a\r\n\r\n");
    server.wait_until(|| steering.has_entered());
    server.pass(3_600 * SECOND);
    steering.let_go();
    assert_eq!(client.reply().text(), "waited x");
    client.expect_close();
    assert_eq!(server.closes(CloseReason::IdleTimeout), 1);
}

#[test]
fn a_body_that_stands_still_is_cut() {
    let server = server();
    for fields in ["Content-Length: 50\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut client = server.connect();
        client.send(format!("POST /text/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n1\r\n"));
        assert_eq!(client.reply().text(), "x");
        let answered = server.now();
        client.expect_close();
        let took = server.now() - answered;
        assert!(took >= 9 * SECOND && took <= 10 * SECOND + TICK, "{took:?}");
    }
    server.wait_until_at_rest();
    assert_eq!(server.closes(CloseReason::BodyTimeout), 2);
}

#[test]
fn a_body_below_the_rate_is_cut_and_one_above_it_is_not() {
    let server = server();
    let head = "POST /text/x HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
    let (mut slow, mut steady) = (server.connect(), server.connect());
    for client in [&mut slow, &mut steady] {
        client.send(head);
        assert_eq!(client.reply().text(), "x");
    }
    // Each pause is far below the grace, all together are far above it: 600 octets a second against 2,000.
    let mut is_cut_after = None;
    for second in 0..30 {
        steady.send([b'x'; 2_000]);
        if is_cut_after.is_none() && slow.try_send([b'x'; 600]).is_err() {
            is_cut_after = Some(second);
        }
        server.pass(SECOND);
    }
    // The 424 octets that are wanting each second have used up the grace after 24 seconds; then the close lingers for two, and
    // the client learns of it by sending on.
    assert!(matches!(is_cut_after, Some(24..=29)), "{is_cut_after:?}");
    assert_eq!(steady.get("/text/next").text(), "next");
    assert_eq!(server.closes(CloseReason::BodyTimeout), 1);
}

#[test]
fn a_client_that_never_reads_is_cut_and_its_buffers_come_back() {
    let server = server();
    let mut clients: Vec<_> = (0..20)
        .map(|_| {
            let mut client = server.connect_narrow(4_096);
            client.send(LARGE);
            client
        })
        .collect();
    // Small answers without end fill the connection as well.
    let mut flood = server.connect_narrow(4_096);
    flood.send("GET /zeros/60000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000));
    clients.push(flood);
    let begun = server.now();
    for client in &mut clients {
        wait_for_reset(&server, client);
    }
    let took = server.now() - begun;
    // What the buffers hold has earned some time, but no more than twice the grace.
    assert!(took >= 60 * SECOND && took <= 181 * SECOND, "{took:?}");
    server.wait_until_at_rest();
    assert_eq!(server.closes(CloseReason::WriteTimeout), 21);
}

#[test]
fn an_answer_that_is_not_read_ends_after_its_grace_with_a_reset() {
    // So that what the buffers take earns no time.
    let timeouts = Timeouts { bytes_per_second_min: 1 << 40, ..Timeouts::default() };
    let server = SimulatedServer::start(ServerOptions { timeouts, ..ServerOptions::default() }, paths);
    let mut client = server.connect();
    server.pass(SECOND);
    let begun = server.now();
    client.send(LARGE);
    server.pass(60 * SECOND - timer::TICK);
    assert!(!client.is_reset());
    wait_for_reset(&server, &mut client);
    let took = server.now() - begun;
    assert!(took >= 60 * SECOND && took <= 60 * SECOND + TICK, "{took:?}");
}

#[test]
fn a_last_answer_nobody_reads_is_cut_too() {
    // 200 KB are one send, which is left to itself while the connection is parked.
    let server = server();
    let mut client = server.connect_narrow(2_048);
    client.send("GET /zeros/200000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200));
    wait_for_reset(&server, &mut client);
    server.wait_until_at_rest();
    assert_eq!(server.closes(CloseReason::WriteTimeout), 1);
}

#[test]
fn a_reader_below_the_rate_is_cut_and_one_above_it_is_not() {
    let server = server();
    let (mut slow, mut steady) = (server.connect(), server.connect());
    slow.send(LARGE);
    steady.send(LARGE);
    for second in 0..1_200 {
        assert_eq!(steady.take(2_000).len(), 2_000);
        if !slow.is_reset() {
            let _ = slow.read_some(500);
        }
        server.pass(SECOND);
        assert!(!steady.is_reset(), "after {second} seconds");
    }
    assert!(slow.is_reset());
    assert_eq!(server.closes(CloseReason::WriteTimeout), 1);
}

#[test]
fn a_client_that_read_fast_and_then_stands_still_is_cut_soon() {
    // At the slowest rate, what it has read would have earned it five hours.
    let server = server();
    let mut client = server.connect();
    client.send(LARGE);
    client.take(20_000_000);
    let begun = server.now();
    wait_for_reset(&server, &mut client);
    let took = server.now() - begun;
    assert!(took <= 181 * SECOND, "{took:?}");
    assert_eq!(server.closes(CloseReason::WriteTimeout), 1);
}

#[test]
fn a_large_answer_outlasts_the_grace_while_it_is_read() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /zeros/20000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head();
    for _ in 0..20 {
        client.take(1_000_000);
        server.pass(20 * SECOND);
    }
    assert_eq!(client.get("/text/next").text(), "next");
}

#[test]
fn an_idle_time_begins_when_the_answer_has_been_read() {
    let timeouts = Timeouts { write_grace: 3_600 * SECOND, ..Timeouts::default() };
    let server = SimulatedServer::start(ServerOptions { timeouts, ..ServerOptions::default() }, paths);
    let mut client = server.connect_narrow(2_048);
    // Parked with a send in flight: the kernel takes only a part of the last answers.
    client.send("GET /zeros/200000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(60));
    // Several idle times go by.
    server.pass(300 * SECOND);
    for _ in 0..60 {
        assert_eq!(client.reply().body.len(), 200_000);
    }
    client.expect_close();
    assert_eq!(server.closes(CloseReason::IdleTimeout), 1);
}

#[test]
fn a_stop_waits_its_eight_seconds_for_a_handler_and_no_longer() {
    let (_steering, factory) = steered();
    let mut server = SimulatedServer::start(ServerOptions::default(), factory);
    let mut client = server.connect();
    client.send("GET /wait/x HTTP/1.1\r\nHost: a\r\n\r\n");
    server.pass(SECOND);
    let took = server.stop();
    assert!(took >= 8 * SECOND && took <= 8 * SECOND + TICK, "{took:?}");
    client.expect_end();
}
