//! The server's leave: what runs is answered, what is idle closes, the backlog is served, and the rest is cut at the end.

use std::time::Duration;

use selvedge_http::{CloseReason, ServerOptions};

use crate::support::app::{paths, steered};
use crate::support::client::Client;
use crate::support::simulated::{SimulatedServer, TICK};
use crate::support::{TestServer, options, patient};

const WAIT: &str = "GET /wait/x HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_running_handler_is_answered_with_close_and_idle_connections_end() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let (mut idle, mut running) = (server.connect(), server.connect());
    idle.get("/text/x");
    running.send(WAIT);
    steering.wait_entered();
    server.control().stop();
    idle.expect_close();
    assert!(!steering.has_dropped());
    steering.let_go();
    let reply = running.reply();
    assert_eq!((reply.text(), reply.closes()), ("waited x", true));
    running.expect_close();
    drop((idle, running));
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::Drain), 2);
}

#[test]
fn an_answer_on_its_way_is_not_lost_by_the_next_request() {
    let server = SimulatedServer::start(ServerOptions::default(), paths);
    let mut client = server.connect_narrow(4_096);
    client.send("GET /zeros/20000 HTTP/1.1\r\nHost: a\r\n\r\n");
    // The server's kernel has all of it by then, and the client's has 4 KiB.
    server.pass(Duration::from_secs(2));
    server.control().stop();
    server.pass(TICK);
    client.send("GET /text/x HTTP/1.1\r\nHost: a\r\n\r\n");
    server.pass(TICK);
    assert_eq!(client.reply().body.len(), 20_000);
    client.expect_close();
    drop(client);
    server.wait_until(|| server.closes(CloseReason::Drain) == 1);
}

#[test]
fn nothing_new_is_accepted_and_the_server_ends() {
    let server = TestServer::start(patient(), paths);
    let address = server.address();
    let mut client = server.connect();
    client.get("/text/x");
    server.control().stop();
    client.expect_close();
    drop(client);
    server.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn the_backlog_is_answered() {
    for _ in 0..20 {
        let server = TestServer::start(patient(), paths);
        // Held in a job, the worker accepts nothing until it is let go; the stop comes first.
        let held = server.hold();
        let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send("GET /text/backlog HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        server.control().stop();
        drop(held);
        for client in &mut clients {
            let reply = client.reply();
            assert_eq!((reply.text(), reply.closes()), ("backlog", true));
            client.expect_close();
        }
        drop(clients);
        assert_eq!(server.stop().exchanges(2), 50);
    }
}

#[test]
fn a_connection_without_a_request_does_not_hold_up_the_end() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    server.wait_for_accepted(1);
    server.control().stop();
    client.expect_close();
    assert_eq!(server.stop().closes(CloseReason::Drain), 1);
}

#[test]
fn a_head_that_has_begun_is_still_answered() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.get("/text/before");
    let mut idle = server.connect();
    idle.get("/text/x");
    client.send("GET /text/late HTTP/1.1\r\n");
    server.usage();
    server.control().stop();
    idle.expect_close();
    client.send("Host: a\r\n\r\n");
    let reply = client.reply();
    assert_eq!((reply.text(), reply.closes()), ("late", true));
    client.expect_close();
}

#[test]
fn an_answer_on_its_way_is_finished() {
    let server = TestServer::start(patient(), paths);
    let mut client = Client::connect_narrow(server.address(), 4_096);
    client.send("GET /zeros/200000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(30));
    server.records(1);
    server.control().stop();
    let mut replies = Vec::new();
    while let Ok(reply) = client.try_reply_to(crate::support::client::Asked::Get) {
        replies.push(reply);
    }
    let (last, before) = replies.split_last().expect("one answer at least");
    assert!(replies.iter().all(|reply| reply.body.len() == 200_000));
    assert!(before.iter().all(|reply| !reply.closes()));
    assert!(last.closes() || replies.len() == 30);
}

#[test]
fn a_stop_at_once_cuts_off_what_runs_also_in_the_middle_of_a_drain() {
    for after_drain_began in [None, Some(Duration::from_secs(3))] {
        let (_steering, factory) = steered();
        let mut server = SimulatedServer::start(ServerOptions::default(), factory);
        let (mut waiting, mut unread) = (server.connect(), server.connect_narrow(4_096));
        waiting.send(WAIT);
        unread.send("GET /zeros/50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
        server.pass(TICK);
        if let Some(time) = after_drain_began {
            server.control().stop();
            server.pass(time);
        }
        assert_eq!(server.closes(CloseReason::CutOff), 0);
        server.control().stop_at_once();
        let took = server.stop();
        assert!(took < TICK, "{took:?}");
        assert_eq!(server.closes(CloseReason::CutOff), 2);
        let mut statuses = server.statuses();
        statuses.sort_unstable();
        assert_eq!(statuses, [0, 200]);
    }
}

#[test]
fn the_end_of_the_drain_drops_the_rest() {
    let (steering, factory) = steered();
    let server = TestServer::start(options(|options| options.drain = Duration::from_millis(300)), factory);
    let (mut running, mut unread) = (server.connect(), Client::connect_narrow(server.address(), 4_096));
    running.send(WAIT);
    steering.wait_entered();
    unread.send("GET /zeros/50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    unread.read_some(1_000).expect("the answer begins");
    server.stop();
    steering.wait_dropped();
    running.expect_end();
    let (received, _) = unread.read_to_end();
    assert!(received.len() < 50_000_000);
}
