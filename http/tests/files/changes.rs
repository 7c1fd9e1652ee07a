//! Files and seconds that change while an answer is on its way.

use std::fs::OpenOptions;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use selvedge_http::CloseReason;
use selvedge_http::files::FileOptions;

use crate::support::client::{Asked, Client, End};
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient, pattern, wait_until};
use crate::{FOR_EVER, fresh_for};

const LARGE: usize = 30_000_000;

/// A download that has begun and stands still: most of the file is still to be sent.
fn begun() -> (Directory, TestServer, Client, Vec<u8>) {
    let directory = Directory::new("changes");
    directory.write("a", pattern(LARGE));
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    let mut client = Client::connect_narrow(server.address(), 16_384);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let beginning = client.read_some(1_000).expect("the answer begins");
    assert!(beginning.starts_with(b"HTTP/1.1 200 OK\r\n"));
    (directory, server, client, beginning)
}

fn body(mut received: Vec<u8>) -> Vec<u8> {
    let end = received.windows(4).position(|octets| octets == b"\r\n\r\n").expect("a whole head");
    received.split_off(end + 4)
}

#[test]
fn a_file_truncated_while_it_is_sent_closes_short() {
    let (directory, server, mut client, mut received) = begun();
    let file = OpenOptions::new().write(true).open(directory.join("a")).unwrap();
    file.set_len(LARGE as u64 / 2).unwrap();
    received.extend(client.read_to_end().0);
    let body = body(received);
    assert!(body.len() < LARGE);
    assert!(body == pattern(LARGE)[..body.len()], "never filled up");
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::FileChanged), 1);
}

#[test]
fn a_file_rewritten_in_place_closes_before_its_end() {
    let (directory, server, mut client, mut received) = begun();
    directory.write("a", vec![b'x'; LARGE]);
    received.extend(client.read_to_end().0);
    assert!(body(received).len() < LARGE);
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::FileChanged), 1);
}

#[test]
fn a_streamed_file_written_to_between_requests_goes_out_as_it_is_by_then() {
    let directory = Directory::new("changes");
    directory.write("a", pattern(LARGE));
    let server = TestServer::start(patient(), site(fresh_for(&directory, Duration::from_secs(3_600))));
    let mut client = server.connect();
    assert!(client.get("/a").body == pattern(LARGE));
    for octet in *b"xyz" {
        // Longer each time: a change within one tick of the clock that stamps files shows by the size.
        let content = vec![octet; LARGE + usize::from(octet)];
        directory.write("a", &content);
        let reply = client.get("/a");
        assert_eq!(reply.status, 200);
        assert!(reply.body == content);
    }
    assert_eq!(server.stop().closes(CloseReason::FileChanged), 0);
}

#[test]
fn a_small_file_without_a_block_is_told_of_as_it_is_by_then() {
    let directory = Directory::new("changes");
    directory.write("a", pattern(1_000));
    let mut files = fresh_for(&directory, FOR_EVER);
    (files.ready_small_max, files.ready_medium_max, files.ready_large_max) = (0, 0, 0);
    let server = TestServer::start(patient(), site(files));
    let mut client = server.connect();
    assert!(client.get("/a").body == pattern(1_000));
    for size in [2_000, 3_000] {
        directory.write("a", pattern(size));
        client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
        let reply = client.reply_to(Asked::Head);
        assert_eq!(reply.field("content-length"), Some(size.to_string().as_str()));
        assert!(client.get("/a").body == pattern(size));
    }
}

#[test]
fn a_file_replaced_by_rename_goes_out_whole_as_it_was() {
    let (directory, server, mut client, mut received) = begun();
    directory.replace("a", "new");
    client.shut_down_write();
    let (rest, end) = client.read_to_end();
    received.extend(rest);
    assert!(body(received) == pattern(LARGE));
    assert_eq!(end, End::Closed);
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::FileChanged), 0);
}

#[test]
fn a_file_removed_while_it_is_sent_goes_out_whole() {
    let (directory, _server, mut client, mut received) = begun();
    std::fs::remove_file(directory.join("a")).unwrap();
    client.shut_down_write();
    received.extend(client.read_to_end().0);
    assert!(body(received) == pattern(LARGE));
}

#[test]
fn a_file_replaced_all_the_time_is_always_one_of_its_versions() {
    let directory = Directory::new("changes");
    let version = |number: usize| {
        let size = [0, 10, 5_000, 60_000, 70_000, 300_000][number % 6];
        vec![b'a' + (number % 6) as u8; size]
    };
    directory.replace("a", version(1));
    let server = TestServer::start(patient(), site(fresh_for(&directory, Duration::ZERO)));
    let goes_on = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if !goes_on.load(Ordering::Relaxed) {
                    return;
                }
                directory.replace("a", version(number));
            }
        });
        let mut client = server.connect();
        for _ in 0..1_000 {
            let reply = client.get("/a");
            assert_eq!(reply.status, 200);
            assert!((0..6).any(|number| reply.body == version(number)), "{} octets", reply.body.len());
        }
        goes_on.store(false, Ordering::Relaxed);
    });
}

#[test]
fn a_file_that_changes_its_size_while_it_is_read_never_breaks_the_framing() {
    let directory = Directory::new("changes");
    directory.write("a", "");
    let server = TestServer::start(patient(), site(fresh_for(&directory, Duration::ZERO)));
    let goes_on = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = OpenOptions::new().write(true).open(directory.join("a")).unwrap();
            for number in 0_u64.. {
                if !goes_on.load(Ordering::Relaxed) {
                    return;
                }
                file.set_len(number * 7_919 % 90_000).unwrap();
            }
        });
        let mut client = server.connect();
        let mut whole = 0;
        for _ in 0..2_000 {
            client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            // Either as many octets as were promised (checked by the client), or an end.
            match client.try_reply_to(crate::support::client::Asked::Get) {
                Ok(reply) => {
                    assert!(
                        reply.status == 200 && reply.body.iter().all(|&octet| octet == 0),
                        "{}",
                        reply.status
                    );
                    whole += 1;
                }
                Err(_) => client = server.connect(),
            }
        }
        goes_on.store(false, Ordering::Relaxed);
        assert!(whole > 0);
    });
}

#[test]
fn answers_on_their_way_keep_the_date_of_their_second() {
    let directory = Directory::new("changes");
    directory.write("a", pattern(65_536));
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    // Stand still with an answer in flight, out of the very block that others get.
    let mut slow: Vec<Client> = (0..4).map(|_| Client::connect_narrow(server.address(), 4_096)).collect();
    let request = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let answers = 60;
    for client in &mut slow {
        for _ in 0..answers {
            client.send(request);
            server.usage();
        }
    }
    let mut others = server.connect();
    let first = others.get("/a").field("date").expect("a date").to_owned();
    for _ in 0..2 {
        let before = others.get("/a").field("date").expect("a date").to_owned();
        wait_until("a new second", || match others.get("/a").field("date") {
            Some(date) if date != before => Ok(()),
            date => Err(format!("{date:?}")),
        });
    }
    for client in &mut slow {
        let replies: Vec<_> = (0..answers).map(|_| client.reply()).collect();
        // The first went out before the seconds changed, and dates never go back (all on one day, or this would be
        // midnight).
        assert!(replies[0].field("date").expect("a date") <= first.as_str());
        for pair in replies.windows(2) {
            assert!(
                pair[0].field("date") <= pair[1].field("date"),
                "{:?} {:?}",
                pair[0].fields,
                pair[1].fields
            );
            assert!(pair[1].body == pattern(65_536));
        }
    }
}
