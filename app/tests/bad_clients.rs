//! Clients that vanish, send noise or never read: nobody else notices, and nothing of them stays.

mod support;

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use support::{Client, Server, Site, eventually, get, pattern, shell};

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

#[test]
fn slow_readers_of_many_files_take_no_descriptor_from_small_files_and_new_clients() {
    let site = Site::with(&[("small", "words")]);
    for number in 0..40 {
        // More than the buffers between server and client hold; sparse, so it costs the disk nothing.
        File::create(site.join(&format!("large-{number}"))).unwrap().set_len(64 << 20).unwrap();
    }
    let root = site.path().to_str().unwrap();
    // Of 128 descriptors 64 are in reserve, 48 for connections, 16 for files.
    let script = "ulimit -n 128; exec \"$0\" \"$@\"";
    let server = Server::of(shell(script, &[root, "-p", "0", "-a", "127.0.0.1", "-j", "1"]));
    let mut steady = Client::connect(server.address());
    assert_eq!(steady.get("/small").text(), "words");
    let mut readers: Vec<_> = (0..40).map(|_| Client::connect(server.address())).collect();
    let mut statuses = Vec::new();
    for (number, reader) in readers.iter_mut().enumerate() {
        reader.send(format!("GET /large-{number} HTTP/1.1\r\nhost: h\r\n\r\n"));
        statuses.push(reader.try_head().unwrap().status);
    }
    let served = statuses.iter().filter(|&&status| status == 200).count();
    assert!(served == 16 && statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    // Past the time in which the small file needs no look.
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(steady.get("/small").text(), "words");
        assert_eq!(get(server.address(), "/small").text(), "words");
    }
    // Once one of them goes, its place is another's.
    drop(readers);
    eventually("a free descriptor", || get(server.address(), "/large-39").status == 200);
    assert!(server.stderr().contains("may be open"), "{}", server.stderr());
    server.stop();
}
