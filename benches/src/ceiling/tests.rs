use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use super::*;
use crate::content::content;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn options(variant: Variant, bytes: usize, port: u16, reuseport_workers: usize) -> Options {
    Options { variant, status: Status::Ok, bytes, file: None, port, reuseport_workers }
}

/// A connection to a ceiling that runs in this process until the tests end.
fn start(variant: Variant, bytes: usize, reuseport_workers: usize) -> TcpStream {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let options = options(variant, bytes, port, reuseport_workers);
    let server = thread::spawn(move || run(&options));
    loop {
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            return stream;
        }
        assert!(!server.is_finished(), "{:?}", server.join());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Reads one answer and checks its body.
fn expect_answer(stream: &mut TcpStream, bytes: usize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains(&format!("content-length: {bytes}\r\n"))
    );
    let mut body = vec![0; bytes];
    stream.read_exact(&mut body).unwrap();
    assert!(body == content(bytes));
}

#[test]
fn a_connection_stays_for_the_next_request() {
    let mut stream = start(Variant::Keepalive, 151, 1);
    for _ in 0..3 {
        stream.write_all(REQUEST).unwrap();
        expect_answer(&mut stream, 151);
    }
}

#[test]
fn pipelined_requests_are_all_answered_even_beyond_the_longest_batch() {
    let mut stream = start(Variant::Pipelined, 4_000, 1);
    stream.write_all(&REQUEST.repeat(300)).unwrap();
    for _ in 0..300 {
        expect_answer(&mut stream, 4_000);
    }
}

#[test]
fn a_file_larger_than_the_socket_buffer_arrives_whole() {
    let mut stream = start(Variant::Sendfile, 20_000_000, 1);
    for _ in 0..2 {
        stream.write_all(REQUEST).unwrap();
        // Time for the buffers to fill up, so that the rest has to wait for room.
        thread::sleep(Duration::from_millis(50));
        expect_answer(&mut stream, 20_000_000);
    }
}

#[test]
fn a_closed_connection_has_its_answer_and_then_its_end() {
    for bytes in [151, 20_000_000] {
        let mut stream = start(Variant::Close, bytes, 2);
        stream.write_all(REQUEST).unwrap();
        thread::sleep(Duration::from_millis(50));
        expect_answer(&mut stream, bytes);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}

const CLOSING: [Variant; 5] =
    [Variant::Close, Variant::CloseInline, Variant::CloseEpoll, Variant::CloseLinked, Variant::CloseDirect];

#[test]
fn every_form_of_a_connection_per_request_answers_and_closes_many() {
    for variant in CLOSING {
        let mut stream = start(variant, 151, 1);
        let address = stream.peer_addr().unwrap();
        for _ in 0..20 {
            stream.write_all(REQUEST).unwrap();
            expect_answer(&mut stream, 151);
            assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{variant:?}");
            stream = TcpStream::connect(address).unwrap();
        }
    }
}

#[test]
fn every_form_waits_for_the_rest_of_a_request_and_for_the_others_meanwhile() {
    for variant in CLOSING {
        let mut slow = start(variant, 151, 1);
        slow.write_all(&REQUEST[..9]).unwrap();
        let address = slow.peer_addr().unwrap();
        let mut gone = TcpStream::connect(address).unwrap();
        gone.write_all(&REQUEST[..9]).unwrap();
        drop(gone);
        let mut other = TcpStream::connect(address).unwrap();
        other.write_all(REQUEST).unwrap();
        expect_answer(&mut other, 151);
        slow.write_all(&REQUEST[9..]).unwrap();
        expect_answer(&mut slow, 151);
        assert_eq!(slow.read(&mut [0]).unwrap(), 0, "{variant:?}");
    }
}

#[test]
fn answers_that_would_have_to_wait_for_room_are_refused() {
    for variant in &CLOSING[1..] {
        assert!(
            run(&options(*variant, 1 << 20, 0, 1)).unwrap_err().to_string().contains("at most 8192"),
            "{variant:?}"
        );
    }
}

#[test]
fn a_file_is_sent_by_sendfile_or_the_mistake_is_said() {
    let mut given = options(Variant::Keepalive, 151, 0, 1);
    given.file = Some("there is none".into());
    assert!(run(&given).unwrap_err().to_string().contains("--variant sendfile"));
    given.variant = Variant::Sendfile;
    assert!(run(&given).unwrap_err().to_string().contains("cannot open there is none"));
}
