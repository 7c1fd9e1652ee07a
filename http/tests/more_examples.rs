//! The examples do what they say, for other people's clients. They are built by `cargo test`, or `cargo build
//! --examples`.
#![cfg(all(feature = "json", feature = "form", feature = "websocket"))]
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "support/example.rs"]
#[allow(dead_code, reason = "others use the rest")]
mod example;

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use example::{Example, PATIENCE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An example that curl asks.
struct Asked(Example);

impl Asked {
    fn start(name: &str) -> Self {
        Self(Example::start(name))
    }

    /// Runs curl with these arguments, and the path's URL; nothing where curl is not there.
    fn curl(&self, arguments: &[&str], path: &str) -> Option<String> {
        let text = finish(self.command(arguments, path)?);
        Some(String::from_utf8(text).expect("text"))
    }

    /// The answer's status, and what it says as JSON.
    fn json(&self, arguments: &[&str], path: &str) -> Option<(u16, Value)> {
        let answer = self.curl(&[arguments, &["--write-out", "\n%{http_code}"]].concat(), path)?;
        let (body, status) = answer.rsplit_once('\n').expect("it ends in its status");
        Some((status.parse().expect("a status"), serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    fn command(&self, arguments: &[&str], path: &str) -> Option<Command> {
        let mut command = Command::new(curl()?);
        let patience_s = PATIENCE.as_secs().to_string();
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", &patience_s]);
        command
            .args(arguments)
            .arg(format!("http://{}{path}", self.0.address))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Some(command)
    }
}

/// What it prints; it must end well.
fn finish(mut command: Command) -> Vec<u8> {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    output.stdout
}

fn curl() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join("curl")).find(|path| path.is_file());
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("test").to_owned();
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: needs curl (Debian package curl)");
    }
    found
}

#[test]
fn json_keeps_notes() {
    let example = Asked::start("json");
    if curl().is_none() {
        return;
    }
    let ask = |arguments: &[&str], path: &str| example.json(arguments, path).expect("curl is there");
    let json = |method, body| ["-X", method, "-H", "Content-Type: application/json", "-d", body];
    assert_eq!(ask(&[], "/notes"), (200, json!([])));
    let milk = json!({"number": 1, "title": "milk", "done": false});
    assert_eq!(ask(&json("POST", r#"{"title": "milk"}"#), "/notes"), (201, milk.clone()));
    let head = example.curl(&[&json("POST", r#"{"title": "tea"}"#)[..], &["-i"]].concat(), "/notes");
    assert!(head.expect("curl is there").contains("\r\nlocation: /notes/2\r\n"));
    let tea = json!({"number": 2, "title": "tea", "done": false});
    assert_eq!(ask(&[], "/notes/1"), (200, milk.clone()));
    assert_eq!(ask(&[], "/notes"), (200, json!([milk, tea])));
    let drunk = json!({"number": 2, "title": "tea", "done": true});
    assert_eq!(ask(&json("PUT", r#"{"title": "tea", "done": true}"#), "/notes/2"), (200, drunk.clone()));
    assert_eq!(ask(&["-X", "DELETE"], "/notes/1").0, 204);
    assert_eq!(ask(&[], "/notes"), (200, json!([drunk])));
    for path in ["/notes/1", "/notes/x", "/", "/notes/2/x"] {
        assert_eq!(ask(&[], path).0, 404, "{path}");
    }
    assert_eq!(ask(&json("PUT", r#"{"title": "x"}"#), "/notes/1").0, 404);
    assert_eq!(ask(&["-X", "DELETE"], "/notes/1").0, 404);
    for path in ["/notes", "/notes/2"] {
        let answer = example.curl(&["-i", "-X", "PATCH"], path).expect("curl is there");
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("\r\nallow: GET, HEAD, "), "{answer}");
    }
    for (body, status) in [("{", 400), ("{}", 422), ("{\"title\": 1}", 422)] {
        assert_eq!(ask(&json("POST", body), "/notes").0, status, "{body}");
    }
    assert_eq!(ask(&["-d", "title=x"], "/notes").0, 415);
    let long = format!("{{\"title\": \"{}\"}}", "a".repeat(16 << 10));
    assert_eq!(ask(&json("POST", &long), "/notes").0, 413);
}

#[test]
fn streaming_sends_all_rows_and_waits_for_its_client() {
    let example = Asked::start("streaming");
    let Some(few) = example.curl(&[], "/squares?rows=3") else { return };
    assert_eq!(few, "number,square\n0,0\n1,1\n2,4\n");
    let rows = example.curl(&[], "/squares?rows=100000").expect("curl is there");
    assert_eq!(rows.lines().count(), 100_001);
    assert!(rows.ends_with("\n99999,9999800001\n"));
    assert_eq!(
        example.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/squares?rows=x").as_deref(),
        Some("400")
    );
    // One that reads nothing: what is made for it is what the buffers on the way hold.
    let mut idle = example.0.connect();
    idle.write_all(b"GET /squares?rows=1000000000 HTTP/1.1\r\nHost: a\r\n\r\n").expect("it reads");
    let mut room = [0];
    idle.read_exact(&mut room).expect("it answers");
    let progress = || {
        let text = example.curl(&[], "/progress").expect("curl is there");
        text.trim().parse::<u64>().expect("a number")
    };
    let mut before = progress();
    loop {
        // Each question is a process of its own: many blocks could be made meanwhile.
        let now = progress();
        if now == before {
            break;
        }
        assert!(now < 10_000_000, "it is made without end");
        before = now;
    }
}

#[test]
fn sse_counts_on_from_the_last_event() {
    let example = Asked::start("sse");
    let Some(page) = example.curl(&[], "/") else { return };
    assert!(page.contains("new EventSource('/events')"), "{page}");
    let arguments = ["--no-buffer", "-H", "Last-Event-ID: 41"];
    let mut process =
        example.command(&arguments, "/events").expect("curl is there").spawn().expect("it starts");
    let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let lines: Vec<String> = lines.take(10).collect::<Result<_, _>>().expect("text");
    let expected = [
        "retry: 1000",
        "",
        "event: count",
        "id: 42",
        "data: 42",
        "",
        "event: count",
        "id: 43",
        "data: 43",
        "",
    ];
    assert_eq!(lines, expected);
    process.kill().expect("it runs");
    process.wait().expect("it has ended");
}

#[test]
fn websocket_sends_back_what_it_gets() {
    use tungstenite::Message;

    let example = Asked::start("websocket");
    let (mut socket, _) =
        tungstenite::client(format!("ws://{}/echo", example.0.address), example.0.connect())
            .expect("a handshake");
    for message in [Message::text("hello"), Message::binary(vec![7; 64 << 10])] {
        socket.send(message.clone()).expect("it is read");
        assert_eq!(socket.read().expect("an echo"), message);
    }
    socket.send(Message::text("bye")).expect("it is read");
    let Message::Close(Some(frame)) = socket.read().expect("a close") else { panic!("no reason") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1_000, "bye"));
    let Some(status) = example.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/echo") else { return };
    assert_eq!(status, "426");
}

#[test]
fn upload_says_length_and_sum() {
    let example = Asked::start("upload");
    if curl().is_none() {
        return;
    }
    let content: Vec<u8> =
        (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let sum: String = Sha256::digest(&content).iter().map(|octet| format!("{octet:02x}")).collect();
    let answer = |arguments: &[&str], path: &str| {
        let mut process =
            example.command(arguments, path).expect("curl is there").spawn().expect("it starts");
        process.stdin.take().expect("it is piped").write_all(&content).expect("it reads");
        let output = process.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", output.status);
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    // In chunks, as nobody knows how much comes.
    assert_eq!(answer(&["-T", "-"], "/raw"), json!({"length": 3_000_000, "sha256": sum}));
    assert_eq!(answer(&["--data-binary", "@-"], "/raw"), json!({"length": 3_000_000, "sha256": sum}));
    let hello: String = Sha256::digest(b"hello").iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(
        answer(&["-F", "note=hello", "-F", "file=@-;filename=a file.bin"], "/form"),
        json!([
            {"field": "note", "length": 5, "sha256": hello},
            {"field": "file", "file_name": "a file.bin", "length": 3_000_000, "sha256": sum},
        ])
    );
    let status = example.curl(&["-d", "x", "-o", "/dev/null", "-w", "%{http_code}"], "/form");
    assert_eq!(status.as_deref(), Some("415"));
}
