//! Files that change while they are served.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use support::{Client, Server, Site, eventually, pattern};

/// More than the buffers between server and a client that does not read.
const SIZE: u64 = 64 << 20;

fn large_site() -> Site {
    let site = Site::new();
    support::write_pattern(&site.join("large"), SIZE);
    site
}

/// A client that has read the head, and nothing of the body.
fn reading_client(server: &Server) -> Client {
    let mut client = Client::connect(server.address());
    client.send("GET /large HTTP/1.1\r\nhost: h\r\n\r\n");
    assert_eq!(client.try_head().unwrap().content_length(), SIZE);
    client
}

#[test]
fn a_file_truncated_while_it_is_sent_ends_the_connection_short() {
    for left in [0, 1 << 20] {
        let site = large_site();
        let server = Server::start(site.path());
        let mut client = reading_client(&server);
        let file = OpenOptions::new().write(true).open(site.join("large")).unwrap();
        file.set_len(left).unwrap();
        let received = client.rest().unwrap();
        assert!(received.len() < SIZE as usize, "never filled up");
        // The kernel wipes what is cut off from a page, of up to 2 MiB, even while it is on its way to a socket. Pages cut
        // off as a whole keep their bytes.
        let changed = received.iter().zip(pattern(0, received.len())).position(|(&now, then)| now != then);
        let intact = changed.unwrap_or(received.len());
        assert!(changed.is_none() || (left > 0 && intact >= left as usize), "{intact} bytes are right");
        eventually("the word of it", || server.stderr().contains("changed while it was sent"));
        // The next one gets what is there now.
        let mut next = Client::connect(server.address());
        eventually("the look at the file", || next.get("/large").body.len() as u64 == left);
    }
}

#[test]
fn a_file_replaced_by_rename_goes_out_whole() {
    let site = large_site();
    let server = Server::start(site.path());
    let mut client = reading_client(&server);
    site.write(".new", "the new one");
    fs::rename(site.join(".new"), site.join("large")).unwrap();
    assert!(client.try_body(SIZE).unwrap() == pattern(0, SIZE as usize));
    // The connection lives, and follows.
    eventually("the look at the new file", || client.get("/large").body == b"the new one");
}

#[test]
fn a_file_removed_while_it_is_sent_goes_out_whole() {
    let site = large_site();
    let server = Server::start(site.path());
    let mut client = reading_client(&server);
    fs::remove_file(site.join("large")).unwrap();
    assert!(client.try_body(SIZE).unwrap() == pattern(0, SIZE as usize));
    eventually("the look at the directory", || client.get("/large").status == 404);
}

#[test]
fn a_file_is_looked_at_again_once_it_was_served_for_its_time_and_not_before() {
    let site = Site::with(&[("a", "before")]);
    let servers = ["60m", "1ms"].map(|time| Server::with(site.path(), &["--fresh-for", time, "-j", "1"]));
    let [mut unhurried, mut eager] = servers.each_ref().map(|server| Client::connect(server.address()));
    for client in [&mut unhurried, &mut eager] {
        assert_eq!(client.get("/a").text(), "before");
    }
    site.write(".new", "after");
    fs::rename(site.join(".new"), site.join("a")).unwrap();
    eventually("the look at the new file", || eager.get("/a").text() == "after");
    assert_eq!(unhurried.get("/a").text(), "before");
}

#[test]
fn a_file_rewritten_while_it_is_sent_ends_the_connection_short() {
    let site = large_site();
    let server = Server::start(site.path());
    let mut client = reading_client(&server);
    let mut file = OpenOptions::new().write(true).open(site.join("large")).unwrap();
    // Of the same length, towards its end.
    file.seek(SeekFrom::Start(SIZE - 1_000)).unwrap();
    file.write_all(&[0; 1_000]).unwrap();
    let received = client.rest().unwrap();
    assert!(received.len() < SIZE as usize);
    assert!(received == pattern(0, received.len()));
    eventually("the word of it", || server.stderr().contains("changed while it was sent"));
}

#[test]
fn a_small_file_is_never_seen_in_part() {
    let site = Site::with(&[("file", "0")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    let text = |round: usize| format!("{round} ").repeat(1 + round * 400);
    for round in 0..4 {
        site.write(".new", text(round));
        fs::rename(site.join(".new"), site.join("file")).unwrap();
        eventually("the look at the new file", || {
            let response = client.get("/file");
            let seen = response.text();
            assert!(seen == "0" || (0..=round).any(|round| seen == text(round)), "{seen:?}");
            seen == text(round)
        });
    }
}

#[test]
fn a_file_that_appears_is_found_and_one_that_goes_is_missed() {
    let site = Site::new();
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/file").status, 404);
    assert_eq!(client.get("/sub").status, 404);
    site.write("file", "words");
    site.write("sub/index.html", "index");
    eventually("the look for the file", || client.get("/file").status == 200);
    eventually("the look for the directory", || client.get("/sub").status == 301);
    assert_eq!(client.get("/sub/").text(), "index");
    fs::remove_file(site.join("file")).unwrap();
    fs::remove_dir_all(site.join("sub")).unwrap();
    eventually("the look for the file", || client.get("/file").status == 404);
    eventually("the look for the directory", || client.get("/sub").status == 404);
    eventually("the look for the index", || client.get("/sub/").status == 404);
    // The other way round.
    site.write("sub", "a file now");
    eventually("the look for the file", || client.get("/sub").status == 200);
}

#[test]
fn a_file_grown_beyond_the_cache_and_back_is_followed() {
    let site = Site::with(&[("file", "small")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/file").text(), "small");
    support::write_pattern(&site.join(".new"), 1 << 20);
    fs::rename(site.join(".new"), site.join("file")).unwrap();
    eventually("the look at the large file", || client.get("/file").body == pattern(0, 1 << 20));
    site.write(".new", "small again");
    fs::rename(site.join(".new"), site.join("file")).unwrap();
    eventually("the look at the small file", || client.get("/file").body == b"small again");
}
