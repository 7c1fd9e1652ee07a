//! Clients that vanish: their connections end, what they held comes back, nobody else notices.

use selvedge_http::CloseReason;
use selvedge_runtime::{KernelLimits, WorkerLimits};

use crate::support::app::paths;
use crate::support::client::Client;
use crate::support::{TestServer, options, patient};

const LARGE: &str = "GET /zeros/50000000 HTTP/1.1\r\nHost: a\r\n\r\n";

/// What a client has sent or got before it vanishes.
const BEGINNINGS: [&str; 6] = [
    "",
    "GET /text/never HT",
    "POST /text/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
    "POST /text/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    LARGE,
    "GET /text/x HTTP/1.1\r\nHost: a\r\n\r\n",
];

fn vanish_everywhere(vanish: impl Fn(Client)) {
    let server = TestServer::start(patient(), paths);
    let mut witness = server.connect();
    for round in 0..10 {
        for beginning in BEGINNINGS {
            let mut client = server.connect();
            client.send(beginning);
            if round % 2 == 0 {
                // Seen by the worker before the client goes.
                server.usage();
            }
            if beginning == LARGE {
                client.read_some(100_000).expect("the answer begins");
            }
            vanish(client);
            assert_eq!(witness.get("/text/witness").text(), "witness");
        }
    }
    drop(witness);
    server.wait_until_at_rest();
    let usage = server.usage();
    assert_eq!(usage.receive_with_kernel, usage.receive_buffers, "{usage:?}");
}

#[test]
fn resets_give_everything_back() {
    vanish_everywhere(Client::reset);
}

#[test]
fn closes_give_everything_back() {
    vanish_everywhere(drop);
}

#[test]
fn an_idle_client_that_resets_is_noticed_at_once() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.get("/text/x");
    client.reset();
    server.wait_until_at_rest();
    assert_eq!(server.stop().closes(CloseReason::ClientFailure), 1);
}

#[test]
fn a_client_that_goes_in_the_middle_of_a_head_is_told_apart() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send("GET /text/x HT").shut_down_write();
    client.expect_close();
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::ClientCutShort), 1);
}

#[test]
fn a_client_that_keeps_its_end_open_after_a_close_is_left_alone_in_time() {
    let short_linger = options(|options| options.timeouts.linger = std::time::Duration::from_millis(200));
    let server = TestServer::start(short_linger, paths);
    let mut client = server.connect();
    client.send("GET /text/x HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().text(), "x");
    client.expect_close();
    // Its own end stays open, and yet the server keeps nothing of it.
    server.wait_until_at_rest();
    drop(client);
}

#[test]
fn a_client_that_sends_without_end_after_a_close_is_cut() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send("GET /text/x HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().text(), "x");
    // Ends by the error of a connection that was reset, not by the deadline of the close, which is far.
    while client.try_send([0; 65_536]).is_ok() {}
    server.wait_until_at_rest();
}

#[test]
fn clients_that_ask_on_and_read_nothing_do_not_keep_others_from_being_heard() {
    let kernel = KernelLimits { receive_buffers: 64, ..KernelLimits::default() };
    let server = TestServer::start_with(patient(), WorkerLimits { kernel, ..WorkerLimits::default() }, paths);
    let mut witness = server.connect();
    witness.get("/text/before");
    let mut mute: Vec<Client> = (0..200).map(|_| Client::connect_narrow(server.address(), 4_096)).collect();
    for client in &mut mute {
        client.send(LARGE);
    }
    // Segment by segment, each of which takes a buffer of its own.
    for _ in 0..16 {
        for client in &mut mute {
            // It may have been closed already to make room.
            let _ = client.try_send("GET /text/x HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        server.turns();
    }
    for _ in 0..10 {
        assert_eq!(witness.get("/text/witness").text(), "witness");
        assert_eq!(server.connect().get("/text/new").text(), "new");
    }
    drop(mute);
    drop(witness);
    server.wait_until_at_rest();
}
