//! The examples, each run as a program and asked by a client.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../../runtime/tests/support/directory.rs"]
#[allow(dead_code, reason = "others use the rest")]
mod directory;
#[path = "support/example.rs"]
mod example;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use directory::Directory;
use example::Example;
use rustix::process::Signal;

#[test]
fn hello_says_hello() {
    let hello = Example::start("hello");
    let answer = hello.get("/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello\n"), "{answer}");
    hello.stop();
}

#[test]
fn files_are_served_below_a_path_and_none_from_elsewhere() {
    let directory = Directory::new("example");
    directory.write("page.txt", "a page");
    std::fs::create_dir(directory.path().join("below")).expect("a directory is made");
    let files = Example::start_with("files", &[directory.path().as_os_str()]);
    let page = files.get("/files/page.txt");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\na page"), "{page}");
    assert!(!page.contains("attachment"), "{page}");
    assert!(files.get("/download/page.txt").contains("\r\ncontent-disposition: attachment\r\n"));
    assert!(files.get("/files/nothing").starts_with("HTTP/1.1 404 "));
    assert!(files.get("/files/%2e%2e/%2e%2e/etc/passwd").starts_with("HTTP/1.1 400 "));
    let redirect = files.get("/files/below");
    assert!(redirect.contains("\r\nlocation: /files/below/\r\n"), "{redirect}");
    let part =
        files.ask("GET /files/page.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-\r\nConnection: close\r\n\r\n");
    assert!(part.starts_with("HTTP/1.1 206 ") && part.ends_with("\r\n\r\npage"), "{part}");
    files.stop();
}

#[test]
fn either_signal_stops_a_server() {
    Example::start("hello").stop_by(Signal::INT);
    Example::start("hello").stop_by(Signal::TERM);
}

#[test]
fn a_second_signal_ends_a_server_that_waits_for_a_client() {
    let mut hello = Example::start("hello");
    let mut slow = TcpStream::connect(hello.address).expect("it listens");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ").expect("it reads");
    // The same signal within 100 ms is the same wish, and nothing tells when it was taken.
    while hello.child.try_wait().expect("it can be looked at").is_none() {
        hello.signal(Signal::TERM);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(hello.child.wait().expect("it has ended").code(), Some(1));
}
