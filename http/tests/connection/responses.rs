//! Answers by their shape: sizes around blocks and sends, many fields, and what an application may not say.

use selvedge_http::CloseReason;

use crate::support::app::paths;
use crate::support::{TestServer, patient, pattern};

#[test]
fn bodies_of_all_sizes_arrive_whole() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for size in [0, 1, 3_800, 4_095, 4_096, 4_097, 65_536, 69_632, 69_633, 262_144, 262_145, 5_000_000] {
        let reply = client.get(&format!("/size/{size}"));
        assert!(reply.body == pattern(size), "{size}");
    }
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn heads_of_many_fields_arrive_whole_alone_and_in_a_pipeline() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    // From below 1 KiB to 65 KiB.
    for fields in [1, 7, 8, 9, 10, 38, 39, 40, 600] {
        let get = format!("GET /fields/{fields} HTTP/1.1\r\nHost: a\r\n\r\n");
        for copies in [1, 5] {
            client.send(get.repeat(copies));
            for _ in 0..copies {
                let reply = client.reply();
                let count = reply.fields.iter().filter(|field| field.0.starts_with("x-")).count();
                assert_eq!((reply.status, count, reply.text()), (200, fields, "many"));
            }
        }
    }
}

#[test]
fn a_body_that_has_no_room_behind_a_long_head_arrives_whole() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for fields in [9, 13, 20, 40] {
        for size in [1, 2_000, 3_000, 4_000, 4_096] {
            let reply = client.get(&format!("/fields/{fields}/{size}"));
            assert!((reply.status, reply.body) == (200, pattern(size)), "{fields} fields, {size} octets");
        }
    }
}

#[test]
fn a_head_beyond_the_largest_block_is_not_sent() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let reply = client.get("/fields/700");
    assert_eq!((reply.status, reply.closes()), (500, true));
    client.expect_close();
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::InvalidResponse), 1);
}

#[test]
fn a_response_that_breaks_the_framing_is_not_sent() {
    let server = TestServer::start(patient(), paths);
    let invalid = [
        "/injected",
        "/own/content-length",
        "/own/Connection",
        "/own/transfer-encoding",
        "/own/date",
        "/status/100",
        "/status/101",
        "/error/103",
    ];
    for path in invalid {
        let mut client = server.connect();
        let reply = client.get(path);
        assert_eq!((reply.status, reply.closes()), (500, true), "{path}");
        assert_eq!(reply.text(), "500 Internal Server Error\n");
        assert_eq!((reply.field("set-cookie"), reply.field("location")), (None, None));
        client.expect_close();
    }
    assert_eq!(server.connect().get("/own/x-mine").field("x-mine"), Some("7"));
    // A location that no field can hold is an error before it is a response.
    let redirect = server.connect().get("/location");
    assert_eq!(
        (redirect.status, redirect.field("location"), redirect.field("set-cookie")),
        (500, None, None)
    );
    let stopped = server.stop();
    assert_eq!(stopped.closes(CloseReason::InvalidResponse), invalid.len() as u64);
    assert_eq!(stopped.exchanges(5), invalid.len() as u64 + 1);
    assert_eq!(stopped.exchanges(1), 0);
}

#[test]
fn every_answer_has_one_date() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    for path in ["/text/a", "/error/404", "/status/204", "/size/100000", "/fields/100"] {
        let date = client.get(path).field("date").expect("a date").to_owned();
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    }
}

#[test]
fn the_peer_is_the_client() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let local = client.local().to_string();
    for _ in 0..2 {
        assert_eq!(client.get("/peer").text(), local);
    }
}
