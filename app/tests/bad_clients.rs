//! Clients that vanish, send noise or never read: nobody else notices, and nothing of them stays.

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use support::{Client, Server, Site, eventually, pattern};

#[test]
fn clients_that_vanish_leave_nothing_behind_and_nobody_else_notices() {
    let site = Site::with(&[("file", "words")]);
    support::write_pattern(&site.join("large"), 64 << 20);
    let server = Server::start(site.path());
    let (listeners, _) = server.descriptors();
    let mut patient = Client::connect(server.address());
    for _ in 0..100 {
        // In the middle of a head.
        let mut client = Client::connect(server.address());
        client.send("GET /file HTTP/1.1\r\nho");
        drop(client);
        // In the middle of a body of its own.
        let mut client = Client::connect(server.address());
        client.send("POST /file HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\nhalf of i");
        drop(client);
        // Before the answer was read.
        let mut client = Client::connect(server.address());
        client.send("GET /file HTTP/1.1\r\nhost: h\r\n\r\n".repeat(50));
        drop(client);
        // In the middle of a long answer.
        let mut client = Client::connect(server.address());
        client.send("GET /large HTTP/1.1\r\nhost: h\r\n\r\n");
        client.try_head().unwrap();
        drop(client);
        // Without a word.
        drop(Client::connect(server.address()));
        assert_eq!(patient.get("/file").text(), "words");
    }
    eventually("the end of the others", || server.descriptors().0 == listeners + 1);
    // The buffers are there again, too.
    assert!(patient.get("/large").body == pattern(0, 64 << 20));
    assert_eq!(server.stderr(), "", "a client that leaves is no news");
    drop(patient);
    server.stop();
}

#[test]
fn clients_that_never_read_hold_up_nobody() {
    let site = Site::with(&[("file", "words")]);
    support::write_pattern(&site.join("large"), 8 << 20);
    // More of them than there are blocks for files on their way, on the one worker.
    let server = Server::with(site.path(), &["-j", "1"]);
    let stuck: Vec<_> = (0..200)
        .map(|_| {
            let mut client = Client::connect(server.address());
            client.send("GET /large HTTP/1.1\r\nhost: h\r\n\r\n".repeat(20));
            client
        })
        .collect();
    let mut patient = Client::connect(server.address());
    for _ in 0..50 {
        assert_eq!(patient.get("/file").text(), "words");
    }
    assert!(patient.get("/large").body == pattern(0, 8 << 20));
    drop(stuck);
}

#[test]
fn noise_is_refused_and_forgotten() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    let (listeners, _) = server.descriptors();
    for seed in 0..200_u64 {
        let mut stream = TcpStream::connect::<SocketAddr>(server.address()).unwrap();
        // The server may have closed before all of it is written.
        let _ = stream.write_all(&noise(seed, 3_000));
    }
    assert_eq!(support::get(server.address(), "/file").text(), "words");
    eventually("the end of the noise", || server.descriptors().0 == listeners);
    assert_eq!(server.stderr(), "");
    server.stop();
}

/// The same bytes for the same seed (xorshift).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}
