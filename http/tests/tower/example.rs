//! The example `axum`, run as a program and asked by a client. `cargo test` builds it, and so does `cargo build --examples`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::support::client::Client;
use super::support::directory::Directory;
use super::support::pattern;

/// A program that is ended with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it, and says where it listens.
fn start(arguments: &[&str]) -> (Running, std::net::SocketAddr) {
    let this = std::env::current_exe().expect("a test is a program");
    let built = this.ancestors().nth(2).expect("it is in deps/").join("examples/axum");
    let child = Command::new(&built).args(arguments).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    let output = child.stdout.take().expect("it is piped");
    let running = Running(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("it says where it listens");
    let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}"));
    let address = address.parse().expect("an address");
    (running, address)
}

#[test]
fn the_axum_example_does_what_it_says() {
    let directory = Directory::new("tower-example");
    let content = pattern(200_000);
    directory.write("content.bin", &content);
    let root = directory.path().to_str().expect("a path in ASCII");
    let (_running, address) = start(&["127.0.0.1:0", root]);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").text(), "a router of axum's on Selvedge\n");
    assert_eq!(client.get("/greetings/a%20b").text(), "hello, a b\n");
    assert_eq!(client.get("/sums?a=1&b=41").text(), "42");
    let json = "[20, 20, 2]";
    client.send(format!(
        "POST /sums HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    ));
    assert_eq!(client.reply().text(), "42");
    client.send("GET /countdown HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.head().contains("\r\ncontent-type: text/event-stream\r\n"));
    for number in ["3", "2", "1"] {
        assert_eq!(client.chunk(), format!("data: {number}\n\n").as_bytes());
    }
    assert_eq!(client.chunk(), b"");
    client.send("GET /files/content.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=100000-\r\n\r\n");
    let reply = client.reply();
    assert!(reply.status == 206 && reply.body == content[100_000..], "{} octets", reply.body.len());
    assert_eq!(client.get("/files/none").status, 404);
    assert_eq!(client.get("/files/../../secret").status, 400);
}
