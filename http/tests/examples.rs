//! The examples, each run as a program and asked by a client.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../../runtime/tests/support/directory.rs"]
#[allow(dead_code, reason = "others use the rest")]
mod directory;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use directory::Directory;
use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for what must come; only a failure lasts this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// An example that runs, on a port of its own. Dropped, it is killed.
struct Example {
    child: Child,
    address: SocketAddr,
}

impl Example {
    fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    fn start_with(name: &str, arguments: &[&OsStr]) -> Self {
        let mut child = Command::new(program(name))
            .arg("127.0.0.1:0")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; `cargo build --examples` makes it"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says a line");
        let address = line.trim_end().strip_prefix("listening on http://").expect("it says where it listens");
        Self { address: address.parse().expect("an address and a port"), child }
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// The whole answer to these octets, on a connection of its own.
    fn ask(&self, octets: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time is set");
        stream.write_all(octets.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and closes");
        answer
    }

    /// Stops it by a signal, as a terminal does.
    fn stop(self) {
        self.stop_by(Signal::INT);
    }

    fn stop_by(mut self, signal: Signal) {
        self.signal(signal);
        assert!(self.child.wait().expect("it ends").success());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where cargo puts an example's program: beside the folder of this test's.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a name");
    let target = test.parent().and_then(|folder| folder.parent()).expect("a test lies in target/debug/deps");
    target.join("examples").join(name)
}

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
