//! The access log of a running server: what stands in its lines, whatever a client sends.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use selvedge_http::access_log::{AccessLog, JSON_MEMBERS, LogFormat, NotLogged, User};
use selvedge_http::networks::Networks;
use selvedge_http::{Application, Request, Response, ServerOptions, WorkerApplication};
use selvedge_runtime::{LineLog, LogTarget, WorkerLimits};
use serde_json::Value;
use support::directory::Directory;
use support::{Records, TestServer, options, patient};

/// A server whose log is in a file.
struct Logged {
    server: TestServer,
    log: LineLog,
    path: PathBuf,
    _directory: Directory,
}

/// Says `hello`; `/user` is somebody's, `/unlogged` nobody's, `/panic` panics.
async fn hello(request: Request<'_>) -> Response {
    match request.path() {
        b"/user" => request.extensions().insert(User::new(*b"ann \"x\"")),
        b"/unlogged" => request.extensions().insert(NotLogged),
        b"/panic" => panic!("the handler was asked to"),
        b"/none" => return Response::empty(StatusCode::NO_CONTENT),
        _ => {}
    }
    Response::text("hello")
}

impl Logged {
    fn start(format: LogFormat, options: ServerOptions) -> Self {
        Self::start_with(format, options, |_| hello)
    }

    fn start_with<A: Application>(
        format: LogFormat,
        options: ServerOptions,
        application: impl Fn(&selvedge_runtime::Worker) -> A + Send + Sync + 'static,
    ) -> Self {
        let directory = Directory::new("access-log");
        let path = directory.join("access.log");
        let log = LineLog::start("access log", LogTarget::File(path.clone()), 1).expect("a file");
        let there = log.clone();
        let records = Arc::new(Records::default());
        let server = TestServer::start_observed(options, WorkerLimits::default(), records, move |worker| {
            let proxies: Networks = "127.0.0.2".parse().expect("an address");
            let log = AccessLog::new(there.sink(), format).with_trusted_proxies(proxies);
            WorkerApplication { observer: Some(log.observer()), ..application(worker).into() }
        });
        Self { server, log, path, _directory: directory }
    }

    /// Ends the server and returns the lines, their times replaced by `TIME` if they are well formed.
    fn lines(self) -> Vec<String> {
        self.server.stop();
        self.log.finish();
        assert_eq!(self.log.lines_lost(), 0);
        let text = std::fs::read_to_string(&self.path).expect("a log is UTF-8");
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(without_time).collect()
    }
}

/// `[21/Nov/2026:18:01:27 +0000]` is `[TIME]`.
fn without_time(line: &str) -> String {
    let Some((before, rest)) = line.split_once('[') else { return line.to_owned() };
    let (time, after) = rest.split_once(']').expect("a time ends");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect::<String>();
    let month = &time[3..6];
    assert_eq!(shape.replacen(month, "Mmm", 1), "99/Mmm/9999:99:99:99 +9999");
    assert!("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".contains(month));
    format!("{before}[TIME]{after}")
}

#[test]
fn each_request_has_a_line_in_the_combined_form() {
    let logged = Logged::start(LogFormat::Combined, patient());
    let mut client = logged.server.connect();
    let requests: [(&[u8], &str); 10] = [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "127.0.0.1 - - [TIME] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\""),
        (
            b"GET /x?y=z HTTP/1.1\r\nHost: a\r\nReferer: http://b/c\r\nUser-Agent: curl/8\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET /x?y=z HTTP/1.1\" 200 5 \"http://b/c\" \"curl/8\"",
        ),
        (
            b"GET /u HTTP/1.1\r\nHost: a\r\nUser-Agent: \"a\\b\" \x80\xff\t\xc3\xa9\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET /u HTTP/1.1\" 200 5 \"-\" \"\\x22a\\x5Cb\\x22 \\x80\\xFF\\x09\\xC3\\xA9\"",
        ),
        (
            b"GET /e HTTP/1.1\r\nHost: a\r\nUser-Agent:\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET /e HTTP/1.1\" 200 5 \"-\" \"\"",
        ),
        (
            b"GET http://host/abs HTTP/1.1\r\nHost: a\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET http://host/abs HTTP/1.1\" 200 5 \"-\" \"-\"",
        ),
        (
            b"\r\nGET /after-an-empty-line HTTP/1.1\r\nHost: a\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET /after-an-empty-line HTTP/1.1\" 200 5 \"-\" \"-\"",
        ),
        (
            b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET /none HTTP/1.1\" 204 0 \"-\" \"-\"",
        ),
        (
            b"GET /user HTTP/1.1\r\nHost: a\r\n\r\n",
            "127.0.0.1 - ann_\\x22x\\x22 [TIME] \"GET /user HTTP/1.1\" 200 5 \"-\" \"-\"",
        ),
        // Nobody has said that this client may be believed.
        (
            b"GET /f HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET /f HTTP/1.1\" 200 5 \"-\" \"-\"",
        ),
        (
            b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "127.0.0.1 - - [TIME] \"GET /old HTTP/1.0\" 200 5 \"-\" \"-\"",
        ),
    ];
    for (request, _) in requests {
        client.send(request).reply();
    }
    client.send("GET /unlogged HTTP/1.1\r\nHost: a\r\n\r\n").reply();
    client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n").reply_to(support::client::Asked::Head);
    drop(client);
    let lines = logged.lines();
    let head = "127.0.0.1 - - [TIME] \"HEAD /head HTTP/1.1\" 200 0 \"-\" \"-\"";
    assert_eq!(lines, requests.iter().map(|(_, line)| *line).chain([head]).collect::<Vec<_>>());
}

#[test]
fn the_common_form_has_no_referer_and_no_user_agent() {
    let logged = Logged::start(LogFormat::Common, patient());
    let mut client = logged.server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nReferer: b\r\nUser-Agent: c\r\n\r\n").reply();
    drop(client);
    assert_eq!(logged.lines(), ["127.0.0.1 - - [TIME] \"GET / HTTP/1.1\" 200 5"]);
}

#[test]
fn what_the_engine_refuses_is_logged_with_its_client() {
    let logged = Logged::start(LogFormat::Combined, options(|options| options.limits.body_bytes_max = 10));
    let refused: [(&[u8], &str); 4] = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", "\"-\" 400"),
        (b"GET / HTTP/1.1\r\n\r\n", "\"-\" 400"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "\"-\" 505"),
        (b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "\"POST /p HTTP/1.1\" 413"),
    ];
    let mut bodies = Vec::new();
    for (request, _) in refused {
        let mut client = logged.server.connect();
        client.send(request);
        bodies.push(client.reply().body.len());
    }
    let expected: Vec<_> = (refused.iter().zip(bodies))
        .map(|((_, middle), body)| format!("127.0.0.1 - - [TIME] {middle} {body} \"-\" \"-\""))
        .collect();
    assert_eq!(logged.lines(), expected);
}

#[test]
fn a_head_that_comes_too_late_is_logged() {
    let head = Duration::from_millis(100);
    let logged = Logged::start(LogFormat::Json, options(|options| options.timeouts.head = head));
    let mut client = logged.server.connect();
    client.send("GET /");
    client.read_to_end();
    drop(client);
    let lines = logged.lines();
    let line: Value = serde_json::from_str(&lines[0]).expect("an object");
    assert_eq!((&line["status"], &line["close"]), (&408.into(), &"head_timeout".into()));
    assert_eq!((&line["address"], &line["method"]), (&"127.0.0.1".into(), &Value::Null));
    assert!(line["duration_us"].as_u64() >= Some(100_000), "{line}");
    assert_eq!(lines.len(), 1);
}

#[test]
fn a_handler_that_panics_leaves_a_line_without_a_status() {
    let logged = Logged::start(LogFormat::Common, patient());
    let mut client = logged.server.connect();
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_to_end();
    drop(client);
    assert_eq!(logged.lines(), [r#"127.0.0.1 - - [TIME] "GET /panic HTTP/1.1" - 0"#]);
}

#[test]
fn a_json_line_is_an_object_with_these_members_whatever_was_sent() {
    let logged = Logged::start(LogFormat::Json, patient());
    let mut client = logged.server.connect();
    let user_agent = "User-Agent: \"\\\x09\u{e9}\u{1F600}";
    let mut request = format!("GET /p?q HTTP/1.1\r\nHost: h.example:80\r\n{user_agent}").into_bytes();
    request.extend_from_slice(b"\xff\r\n\r\n");
    client.send(&request).reply();
    client.send("GET /user HTTP/1.1\r\nHost: a\r\nReferer: r\r\nConnection: close\r\n\r\n").reply();
    drop(client);
    logged.server.connect().send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n").reply();
    let lines = logged.lines();
    let objects: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let [plain, closed, refused] = &objects[..] else { panic!("{lines:?}") };
    let expected = |method: &str, target: &str| -> (Value, Value, Value, Value) {
        (method.into(), target.into(), "HTTP/1.1".into(), 200.into())
    };
    let of = |line: &Value, names: [&str; 4]| {
        let [a, b, c, d] = names.map(|name| line[name].clone());
        (a, b, c, d)
    };
    let request_line = ["method", "target", "version", "status"];
    assert_eq!(of(plain, request_line), expected("GET", "/p?q"));
    assert_eq!(plain["user_agent"], "\"\\\t\u{e9}\u{1F600}\u{fffd}");
    assert_eq!((&plain["host"], &plain["bytes"]), (&"h.example:80".into(), &5.into()));
    assert_eq!((&plain["referer"], plain.get("close"), plain.get("user")), (&Value::Null, None, None));
    assert_eq!(of(closed, request_line), expected("GET", "/user"));
    assert_eq!(of(closed, ["user", "referer", "close", "address"]), {
        ("ann \"x\"".into(), "r".into(), "requested".into(), "127.0.0.1".into())
    });
    assert_eq!(of(refused, ["status", "close", "reason", "target"]), {
        (400.into(), "rejected".into(), "invalid host".into(), Value::Null)
    });
    for line in &lines {
        // In the order that is told, which serde_json does not keep.
        let places: Vec<_> =
            JSON_MEMBERS.iter().filter_map(|name| line.find(&format!("\"{name}\":"))).collect();
        assert!(places.is_sorted() && places.len() >= 11, "{line}");
        let time = &line["{\"time\":\"".len()..][..24];
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "9999-99-99T99:99:99.999Z");
    }
}

#[test]
fn the_client_behind_a_trusted_proxy_is_the_one_that_is_logged() {
    let logged = Logged::start(LogFormat::Common, patient());
    // From the address of the proxy.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let proxy = std::net::SocketAddr::from(([127, 0, 0, 2], 0));
    socket.bind(&proxy.into()).expect("all of 127.0.0.0/8 is here");
    socket.connect(&logged.server.address().into()).expect("it listens");
    let mut stream = std::net::TcpStream::from(socket);
    for fields in ["X-Forwarded-For: 2001:db8::7", "Forwarded: for=192.0.2.9", "Accept: */*"] {
        use std::io::{Read, Write};
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").as_bytes()).expect("sent");
        let mut reply = Vec::new();
        while !reply.ends_with(b"hello") {
            let mut octets = [0; 1_024];
            let count = stream.read(&mut octets).expect("an answer comes");
            reply.extend_from_slice(&octets[..count]);
        }
    }
    drop(stream);
    let rest = "- - [TIME] \"GET / HTTP/1.1\" 200 5";
    let expected = ["2001:db8::7", "192.0.2.9", "127.0.0.2"].map(|address| format!("{address} {rest}"));
    assert_eq!(logged.lines(), expected);
}

#[test]
fn the_longest_values_are_cut_and_leave_the_line_whole() {
    for format in [LogFormat::Combined, LogFormat::Json] {
        let logged = Logged::start(format, patient());
        let mut client = logged.server.connect();
        let target = "/".repeat(8_000);
        let mut request =
            format!("GET {target} HTTP/1.1\r\nHost: a\r\nReferer: r\r\nUser-Agent: ").into_bytes();
        request.extend_from_slice(&[0xff; 7_000]);
        request.extend_from_slice(b"\r\n\r\n");
        // Enough for several buffers.
        for _ in 0..40 {
            client.send(&request).reply();
        }
        drop(client);
        let lines = logged.lines();
        assert_eq!(lines.len(), 40);
        for line in &lines {
            assert!(line.len() < 16 * 1024);
            let end = if format == LogFormat::Json { "...\"}" } else { "...\"" };
            assert!(line.contains(&target) && line.ends_with(end), "{line}");
        }
    }
}
