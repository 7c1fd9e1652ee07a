//! Responses' bodies, written while they are sent.

use std::time::Duration;

use selvedge_http::{CloseReason, Request, Response, ServerOptions, StatusCode};

use super::app::streams;
use super::support::client::{Asked, Client, End};
use super::support::simulated::SimulatedServer;
use super::support::{TestServer, options, patient, pattern, wait_until, wait_until_still};

fn server() -> TestServer {
    TestServer::start(patient(), streams)
}

fn ask(client: &mut Client, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
}

#[test]
fn what_is_written_comes_in_chunks_and_the_connection_goes_on() {
    let server = server();
    let mut client = server.connect();
    for below in [0_u64, 1, 100, 30_000] {
        ask(&mut client, &format!("/numbers/{below}"));
        let expected: String = (0..below).map(|number| format!("{number}\n")).collect();
        assert_eq!(client.chunked_reply().text(), expected);
    }
    for length in [1_000, 4_096, 4_097, 70_000, 1 << 20] {
        ask(&mut client, &format!("/pieces/{length}"));
        assert_eq!(client.chunked_reply().body, pattern(1 << 20), "pieces of {length}");
    }
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn a_short_stream_is_one_send_with_its_head() {
    let server = server();
    let mut client = server.connect();
    ask(&mut client, "/numbers/3");
    let all = client.read_some(10_000).expect("an answer");
    assert!(all.ends_with(b"6\r\n0\n1\n2\n\r\n0\r\n\r\n"), "{}", all.escape_ascii());
}

#[test]
fn streams_are_answers_to_pipelined_requests_too() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..3 {
        ask(&mut client, "/numbers/10");
        ask(&mut client, "/segments");
        ask(&mut client, "/spawned");
    }
    for _ in 0..3 {
        assert_eq!(client.chunked_reply().text(), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
        assert_eq!(client.reply().body.len(), 8 + 100_000 + 6);
        assert_eq!(client.chunked_reply().text(), "later later later ");
    }
}

#[test]
fn segments_come_as_one_body() {
    let server = server();
    let mut client = server.connect();
    let body = client.get("/segments").body;
    assert_eq!(body, [b"one two ", &pattern(100_000)[..], b" three"].concat());
}

#[test]
fn to_http_1_0_a_stream_ends_with_the_connection() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /numbers/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let (all, end) = client.read_to_end();
    let text = String::from_utf8(all).expect("text");
    assert!(text.contains("connection: close\r\n") && text.ends_with("\r\n\r\n0\n1\n2\n"), "{text}");
    assert!(!text.contains("chunked") && end == End::Closed, "{text}");
}

#[test]
fn head_runs_nothing() {
    let server = server();
    let mut client = server.connect();
    client.send("HEAD /forever HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_to(Asked::Head).status, 200);
    assert_eq!(client.get("/written").text(), "0");
    assert_eq!(client.get("/dropped").text(), "1");
}

#[test]
fn a_stream_has_the_length_that_was_said_or_ends_the_connection() {
    let server = server();
    let mut client = server.connect();
    for length in [0, 10, 100_000] {
        assert_eq!(client.get(&format!("/exact/{length}/{length}")).body, pattern(length));
    }
    ask(&mut client, "/exact/10/9");
    let (all, _) = client.read_to_end();
    assert!(all.ends_with(&pattern(9)), "{}", all.escape_ascii());
    drop(client);
    let mut client = server.connect();
    ask(&mut client, "/exact/10/11");
    let (all, _) = client.read_to_end();
    assert!(all.len() < 1_000 && !all.ends_with(&pattern(11)), "{}", all.escape_ascii());
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::StreamFailed), 2);
}

#[test]
fn a_stream_that_fails_ends_the_connection_without_its_last_chunk() {
    let server = server();
    for path in ["/fails", "/panics"] {
        let mut client = server.connect();
        ask(&mut client, path);
        let (all, _) = client.read_to_end();
        assert!(all.ends_with(b"d\r\nthe beginning\r\n"), "{}", all.escape_ascii());
        // Here its end would look like the body's.
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.0\r\n\r\n"));
        let (_, end) = client.read_to_end();
        assert_eq!(end, End::Reset, "{path}");
    }
    let stopped = server.stop();
    assert_eq!((stopped.closes(CloseReason::StreamFailed), stopped.closes(CloseReason::Panic)), (4, 0));
}

#[test]
fn trailers_follow_a_chunked_body() {
    let server = server();
    let mut client = server.connect();
    ask(&mut client, "/trailers");
    client.head();
    assert_eq!(client.take(9 + 3 + 15 + 2), b"4\r\nbody\r\n0\r\nx-checksum: 4\r\n\r\n"[..]);
}

#[test]
fn a_client_that_does_not_read_holds_the_writer_back() {
    let server = server();
    let mut client = Client::connect_narrow(server.address(), 4_096);
    ask(&mut client, "/forever");
    let mut other = server.connect();
    let mut written = || other.get("/written").text().parse::<u64>().expect("a number");
    let before = wait_until_still("the writer stands still", &mut written);
    // The kernel's buffers, 64 KiB that wait, a send of at most 256 KiB.
    assert!(before < 8 << 20, "{before} written");
    assert!(server.usage().block_leases <= 4, "{:?}", server.usage());
    // The kernel calls its buffer writable when much of it is free.
    client.take(before as usize);
    wait_until("the writer goes on", || if written() > before { Ok(()) } else { Err("not yet".into()) });
    client.reset();
    wait_until("the writer ends", || match other.get("/dropped").text() {
        "1" => Ok(()),
        count => Err(count.to_owned()),
    });
}

#[test]
fn a_client_that_reads_below_the_rate_is_cut_however_many_sends_it_lets_end() {
    let server = SimulatedServer::start(ServerOptions::default(), streams);
    let mut client = server.connect_narrow(4_096);
    client.send("GET /forever HTTP/1.1\r\nHost: a\r\n\r\n");
    let begun = server.now();
    while !client.is_reset() {
        server.pass(Duration::from_secs(1));
        let _ = client.read_some(800);
    }
    // A fifth of each second is not earned, and what the first buffers took was no wait.
    let took = server.now() - begun;
    assert!(took >= Duration::from_secs(60) && took <= Duration::from_secs(600), "{took:?}");
    server.wait_until_at_rest();
    assert_eq!(server.closes(CloseReason::WriteTimeout), 1);
}

#[test]
fn who_reads_at_once_is_not_charged_for_the_worker_s_long_turns() {
    let impatient = options(|options| {
        options.timeouts.write_grace = Duration::from_millis(400);
        options.timeouts.bytes_per_second_min = 1_000_000;
    });
    let server = TestServer::start(impatient, |worker| {
        // What others take of each turn: more than the grace, over the whole answer.
        selvedge_runtime::spawn_detached("others", async {
            loop {
                std::thread::sleep(Duration::from_millis(10));
                selvedge_runtime::yield_now().await;
            }
        });
        streams(worker)
    });
    let mut client = server.connect();
    ask(&mut client, "/ticks/100");
    client.head();
    assert_eq!(client.take(100 * 6 + 5).len(), 605);
    server.stop();
}

#[test]
fn who_does_not_wait_for_a_body_any_more_streams_on_although_it_does_not_come() {
    let server = SimulatedServer::start(ServerOptions::default(), streams);
    let mut client = server.connect();
    client.send("POST /given-up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    client.head();
    // Long after the body's grace the stream has its end, and the worker its time for others.
    assert_eq!(client.take(30 * 6 + 5).len(), 185);
    assert_eq!(server.connect().get("/written").text(), "0");
}

#[test]
fn hints_come_before_the_answer_and_not_to_http_1_0() {
    let server = server();
    let mut client = server.connect();
    ask(&mut client, "/hints");
    let hints = client.reply();
    assert_eq!((hints.status, hints.field("link")), (103, Some("</style.css>; rel=preload")));
    assert_eq!(client.reply().text(), "after hints");
    client.send("GET /hints HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().text(), "after hints");
}

#[test]
fn a_stream_with_a_status_that_is_not_final_is_a_500() {
    let server = TestServer::start(patient(), |_| {
        async |_: Request<'_>| {
            let response = Response::stream(async |mut writer| writer.write(b"body").await);
            response.with_status(StatusCode::EARLY_HINTS)
        }
    });
    let mut client = server.connect();
    ask(&mut client, "/");
    let reply = client.reply();
    assert!(reply.status == 500 && reply.closes(), "{reply:?}");
}

#[test]
fn many_small_pieces_to_a_client_that_does_not_read_hold_few_blocks() {
    let server = server();
    let mut client = Client::connect_narrow(server.address(), 4_096);
    ask(&mut client, "/mixed");
    let mut other = server.connect();
    let written = || other.get("/written").text().parse::<u64>().expect("a number");
    wait_until_still("the writer stands still", written);
    assert!(server.usage().block_leases <= 64, "{:?}", server.usage());
}
