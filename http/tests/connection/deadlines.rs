//! Slow clients: what is cut, what is not, and how the client is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use selvedge_http::{CloseReason, ServerOptions};

use crate::support::app::{paths, steered};
use crate::support::client::{Client, End};
use crate::support::{TestServer, options};

const SHORT: Duration = Duration::from_millis(250);

const LARGE: &str = "GET /zeros/60000000 HTTP/1.1\r\nHost: a\r\n\r\n";

fn short_head() -> ServerOptions {
    options(|options| options.timeouts.head = SHORT)
}

fn short_idle() -> ServerOptions {
    options(|options| options.timeouts.idle = SHORT)
}

#[test]
fn an_idle_connection_is_closed_silently() {
    let server = TestServer::start(short_idle(), paths);
    let mut fresh = server.connect();
    let mut used = server.connect();
    used.get("/text/x");
    fresh.expect_close();
    used.expect_close();
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::IdleTimeout), 2);
    assert_eq!(stopped.statuses(), [200]);
}

#[test]
fn an_empty_line_alone_is_idleness() {
    let server = TestServer::start(short_idle(), paths);
    let mut client = server.connect();
    client.send("\r\n");
    client.expect_close();
    assert_eq!(server.stop().closes(CloseReason::IdleTimeout), 1);
}

#[test]
fn a_head_that_does_not_end_gets_408() {
    let server = TestServer::start(short_head(), paths);
    for beginning in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = server.connect();
        // Also behind a request that was answered.
        client.get("/text/x");
        client.send(beginning);
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (408, true), "{beginning:?}");
        client.expect_close();
    }
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::HeadTimeout), 3);
    assert_eq!(stopped.statuses(), [200, 408, 200, 408, 200, 408]);
}

#[test]
fn octets_do_not_extend_the_time_of_a_head() {
    let server = TestServer::start(short_head(), paths);
    let mut client = server.connect();
    client.send("GET /text/x HTTP/1.1\r\nX: ");
    // An octet at every look: without the deadline this would go on to the head's limit, and be a 431.
    let mut dripping = client.second_handle();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..15_000 {
                std::thread::sleep(Duration::from_millis(5));
                if dripping.try_send("x").is_err() {
                    return;
                }
            }
        });
        assert_eq!(client.reply().status, 408);
        // Closed, so that the other thread ends.
        client.shut_down_both();
    });
}

#[test]
fn a_waiting_handler_is_neither_idle_nor_a_slow_head() {
    let (steering, factory) = steered();
    let short = options(|options| (options.timeouts.idle, options.timeouts.head) = (SHORT, SHORT));
    let server = TestServer::start(short, factory);
    let mut idle = server.connect();
    let mut client = server.connect();
    client.send("GET /wait/x HTTP/1.1\r\nHost: a\r\n\r\n");
    steering.wait_entered();
    // A whole idle time goes by.
    idle.expect_close();
    server.connect().expect_close();
    steering.let_go();
    assert_eq!(client.reply().text(), "waited x");
    client.expect_close();
}

#[test]
fn a_body_that_stands_still_is_cut() {
    let server = TestServer::start(options(|options| options.timeouts.body_grace = SHORT), paths);
    for fields in ["Content-Length: 50\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut client = server.connect();
        client.send(format!("POST /text/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n1\r\n"));
        assert_eq!(client.reply().text(), "x");
        client.expect_close();
    }
    assert_eq!(server.stop().closes(CloseReason::BodyTimeout), 2);
}

#[test]
fn a_body_below_the_rate_is_cut_and_one_above_it_is_not() {
    let rated = options(|options| {
        options.timeouts.body_grace = SHORT;
        options.timeouts.bytes_per_second_min = 1_000;
    });
    let server = TestServer::start(rated, paths);
    let head = "POST /text/x HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
    let (mut slow, mut steady) = (server.connect(), server.connect());
    for client in [&mut slow, &mut steady] {
        client.send(head);
        assert_eq!(client.reply().text(), "x");
    }
    // Each pause is far below the grace, all together are far above it; 40 octets a second against 20,000.
    let mut slow_sender = slow.second_handle();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while slow_sender.try_send("x").is_ok() {
                std::thread::sleep(Duration::from_millis(25));
            }
        });
        for _ in 0..60 {
            steady.send([b'x'; 1_000]);
            std::thread::sleep(Duration::from_millis(15));
        }
        assert_eq!(steady.get("/text/next").text(), "next");
        slow.expect_end();
        slow.shut_down_both();
    });
    drop((slow, steady));
    assert_eq!(server.stop().closes(CloseReason::BodyTimeout), 1);
}

#[test]
fn a_client_that_never_reads_is_cut_and_its_buffers_come_back() {
    let stalling = options(|options| {
        options.timeouts.write_grace = SHORT;
        options.timeouts.bytes_per_second_min = 100_000_000;
    });
    let server = TestServer::start(stalling, paths);
    let mut others = server.connect();
    let clients: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect_narrow(server.address(), 4_096);
            client.send(LARGE);
            client
        })
        .collect();
    // Small answers without end fill the socket as well.
    let mut flood = Client::connect_narrow(server.address(), 4_096);
    let request = "GET /zeros/60000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
    let _ = flood.try_send(&request);
    server.wait_for_open(1, || assert_eq!(others.get("/text/x").text(), "x"));
    for mut client in clients {
        let (_, end) = client.read_to_end();
        assert_eq!(end, End::Reset);
    }
    drop((flood, others));
    server.wait_until_at_rest();
    assert_eq!(server.stop().closes(CloseReason::WriteTimeout), 21);
}

#[test]
fn a_last_answer_nobody_reads_is_cut_too() {
    let stalling = options(|options| {
        options.timeouts.write_grace = SHORT;
        options.timeouts.bytes_per_second_min = 100_000_000;
    });
    // 200 KB are one send, which is left to itself while the connection is parked.
    let server = TestServer::start(stalling, paths);
    let mut client = Client::connect_narrow(server.address(), 2_048);
    for _ in 0..200 {
        let _ = client.try_send("GET /zeros/200000 HTTP/1.1\r\nHost: a\r\n\r\n");
        server.usage();
    }
    server.wait_until_at_rest();
    assert_eq!(client.read_to_end().1, End::Reset);
    assert_eq!(server.stop().closes(CloseReason::WriteTimeout), 1);
}

#[test]
fn a_reader_below_the_rate_is_cut_and_one_above_it_is_not() {
    let rated = options(|options| {
        options.timeouts.write_grace = SHORT;
        options.timeouts.bytes_per_second_min = 10_000_000;
    });
    let server = TestServer::start(rated, paths);
    let is_cut = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::connect_narrow(server.address(), 4_096);
            client.send(LARGE);
            while !is_cut.load(Ordering::Relaxed) {
                // A reset is seen only after what came before it.
                let _ = client.read_some(1);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let mut client = server.connect();
        client.send(LARGE);
        // More than all buffers hold, over several times the grace.
        let mut received = 0;
        while received < 50_000_000 {
            received += client.read_some(1_000_000).expect("it is not cut").len();
            if received % 500_000 < 65_536 {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        drop(client);
        server.wait_until_at_rest();
        is_cut.store(true, Ordering::Relaxed);
    });
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::WriteTimeout), 1);
}

#[test]
fn a_client_that_read_fast_and_then_stands_still_is_cut_soon() {
    // At one octet a second, what it has read would have earned it months.
    let server = TestServer::start(options(|options| options.timeouts.write_grace = SHORT), paths);
    let mut client = Client::connect_narrow(server.address(), 16_384);
    client.send(LARGE);
    client.take(20_000_000);
    server.wait_until_at_rest();
    assert_eq!(server.stop().closes(CloseReason::WriteTimeout), 1);
}

#[test]
fn a_large_answer_outlasts_the_grace_while_it_is_read() {
    let short_grace = options(|options| options.timeouts.write_grace = SHORT);
    let server = TestServer::start(short_grace, paths);
    let mut client = Client::connect_narrow(server.address(), 16_384);
    client.send("GET /zeros/20000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut received = 0;
    while received < 20_000_000 {
        let read = client.read_some(400_000).expect("it is not cut").len();
        assert!(read > 0, "closed after {received} octets");
        received += read;
        if received % 1_000_000 < read {
            std::thread::sleep(Duration::from_millis(40));
        }
    }
}

#[test]
fn an_idle_time_begins_when_the_answer_has_been_read() {
    let short_idle = options(|options| options.timeouts.idle = SHORT);
    let server = TestServer::start(short_idle, paths);
    let mut client = Client::connect_narrow(server.address(), 2_048);
    let mut other = server.connect();
    // Parked with a send in flight: the kernel takes only a part of the last answers.
    let requests = "GET /zeros/200000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(60);
    client.send(requests);
    server.records(1);
    // Several idle times go by.
    for _ in 0..3 {
        other.expect_close();
        other = server.connect();
    }
    for _ in 0..60 {
        assert_eq!(client.reply().body.len(), 200_000);
    }
    client.expect_close();
}
