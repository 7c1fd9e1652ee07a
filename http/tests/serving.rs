//! From a builder to a server that runs, and to its end.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZero;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::time::Duration;

use selvedge_http::{AcceptPolicy, Request, Server, ServerBuilder, StartError};
use selvedge_runtime::WatchdogSetting;
use selvedge_runtime::net::Address;

#[path = "../../runtime/tests/support/directory.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod directory;
#[path = "support/program.rs"]
mod program;

use directory::Directory;
use program::{Program, is_program};

/// How long a test waits for what must come; only a failure lasts this long.
const PATIENCE: Duration = Duration::from_secs(30);

async fn hello(_: Request<'_>) -> &'static str {
    "hello"
}

/// A builder of a server of one worker; where to listen is left to say.
fn builder() -> ServerBuilder {
    Server::builder().workers(1)
}

/// The whole answer to `GET path` on a connection of its own.
fn get(mut stream: impl Read + Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers and closes");
    answer
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time is set");
    stream
}

fn stop(server: Server) {
    server.control().stop();
    server.join();
}

/// What a start fails with.
fn failure(builder: ServerBuilder) -> String {
    let error = builder.start(|_| hello).expect_err("it does not start");
    assert_eq!(format!("{error:?}"), error.to_string(), "main shows the same");
    error.to_string()
}

#[test]
fn every_place_is_served_and_told_as_it_was_bound() {
    let directory = Directory::new("serving");
    let path = directory.join("socket");
    let own = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let own_address = own.local_addr().expect("it is bound");
    let own_path = directory.join("own");
    let server = builder()
        .listen("127.0.0.1:0")
        .listen(SocketAddr::from(([127, 0, 0, 1], 0)))
        .listen(format!("unix:{}?mode=600", path.display()))
        .listen(own)
        .listen(UnixListener::bind(&own_path).expect("the path is free"))
        .start(|_| hello)
        .expect("it starts");
    let addresses = server.addresses().to_vec();
    let [
        Address::Ip(first),
        Address::Ip(second),
        Address::Unix(unix),
        Address::Ip(third),
        Address::Unix(own),
    ] = &addresses[..]
    else {
        panic!("{addresses:?}")
    };
    assert_eq!((server.address(), *third, unix, own), (*first, own_address, &path, &own_path));
    assert!(first.port() != 0 && second.port() != 0 && first != second);
    for address in [first, second, third] {
        assert!(get(connect(*address), "/").ends_with("\r\n\r\nhello"));
    }
    for path in [&path, &own_path] {
        assert!(get(UnixStream::connect(path).expect("the server listens"), "/").ends_with("hello"));
    }
    stop(server);
    assert!(!path.exists(), "the server has made it");
    assert!(own_path.exists(), "somebody else has made it");
    assert!(TcpStream::connect(first).is_err());
}

#[test]
fn with_listeners_of_their_own_all_workers_serve_one_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let server = Server::builder()
        .workers(2)
        .accept(AcceptPolicy::ReusePort)
        .listen("127.0.0.1:0")
        .listen(listener)
        .start(|_| hello)
        .expect("it starts");
    assert_eq!(server.addresses().len(), 2);
    for address in server.addresses() {
        let Address::Ip(address) = address else { panic!("{address}") };
        for _ in 0..20 {
            assert!(get(connect(*address), "/").ends_with("hello"));
        }
    }
    stop(server);
}

#[test]
fn a_start_that_fails_says_what_is_wrong_and_what_helps() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken_address = taken.local_addr().expect("it is bound");
    let directory = Directory::new("serving");
    let file = directory.write_now("file", "words");
    for (builder, wanted) in [
        (builder().listen("8080"), "cannot listen at '8080': there is no port; write :8080".to_owned()),
        (
            builder().listen("example.org:80"),
            "cannot listen at 'example.org:80': 'example.org' is not an IP address; give".to_owned(),
        ),
        (
            builder().listen("127.0.0.1:80").listen(":80"),
            "tcp:127.0.0.1:80 and tcp:[::]:80 both listen at 127.0.0.1:80; leave one of them out".to_owned(),
        ),
        (
            builder().listen(taken_address),
            format!("port {} of 127.0.0.1 is taken; stop whoever listens there", taken_address.port()),
        ),
        (builder().listen("192.0.2.1:80"), "this machine has no address 192.0.2.1; choose".to_owned()),
        (
            builder().listen(format!("unix:{}", file.display())),
            format!("'{}' exists and is not a socket; move it away", file.display()),
        ),
        (builder().listen("fd:99"), "descriptor 99 is not open; pass".to_owned()),
        (
            (0..65).fold(builder(), |builder, _| builder.listen("127.0.0.1:0")),
            "65 places to listen at are too many; name at most 64".to_owned(),
        ),
        (builder().workers(0).listen("127.0.0.1:0"), "no workers; ask for at least one".to_owned()),
        (
            builder().connections_max(usize::MAX).listen("127.0.0.1:0"),
            format!("{} connections need more descriptors than the limit of ", usize::MAX),
        ),
    ] {
        let message = failure(builder);
        assert!(message.starts_with(&wanted), "{message}");
    }
}

#[test]
fn settings_of_the_builder_are_those_of_the_server() {
    async fn length(request: Request<'_>) -> Result<String, selvedge_http::BodyError> {
        Ok(request.body().bytes(1_000).await?.len().to_string())
    }
    let server = builder()
        .listen("127.0.0.1:0")
        .body_bytes_max(3)
        .requests_max(NonZero::new(1).expect("1 is not 0"))
        .start(|_| length)
        .expect("it starts");
    let ask = |body: &str| {
        let mut stream = connect(server.address());
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers and closes");
        answer
    };
    assert!(ask("two").starts_with("HTTP/1.1 200 "));
    assert!(ask("four").starts_with("HTTP/1.1 413 "));
    stop(server);
}

#[test]
fn an_ephemeral_server_stops_when_it_is_dropped() {
    let server = Server::ephemeral(|_| hello).expect("it starts");
    let address = server.address();
    assert!(address.ip().is_loopback());
    let mut kept = connect(address);
    kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the server reads");
    let mut beginning = [0; 12];
    kept.read_exact(&mut beginning).expect("the server answers");
    assert_eq!(&beginning, b"HTTP/1.1 200");
    drop(server);
    assert_eq!(TcpStream::connect(address).expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
    kept.read_to_end(&mut Vec::new()).expect("the server has closed");
}

#[test]
fn serving_ends_when_its_control_says_so() {
    let (tell, told) = mpsc::channel();
    let serving = std::thread::spawn(move || -> Result<(), StartError> {
        builder()
            .listen("127.0.0.1:0")
            .on_start(move |server| {
                tell.send((server.address(), server.control().clone())).expect("the test listens");
            })
            .serve(|_| hello)
    });
    let (address, control) = told.recv_timeout(PATIENCE).expect("it starts");
    assert!(get(connect(address), "/").ends_with("hello"));
    control.stop();
    serving.join().expect("no panic").expect("it has served");
}

#[test]
fn a_signal_stops_it_whatever_thread_was_there_before() {
    if is_program() {
        // The test runner's own threads are here already; they block nothing.
        builder()
            .listen("127.0.0.1:0")
            .on_start(|server| eprintln!("serves on {}", server.address()))
            .serve(|_| hello)
            .expect("it starts");
        return;
    }
    let mut program = Program::run("a_signal_stops_it_whatever_thread_was_there_before");
    program.tells("serves on ", "");
    program.stop();
}

#[test]
fn a_second_signal_ends_it_whatever_holds_it_up() {
    if is_program() {
        builder()
            .listen("127.0.0.1:0")
            .on_start(|server| eprintln!("serves on {}", server.address()))
            .serve(|_| {
                async |_: Request<'_>| {
                    eprintln!("is held");
                    std::io::stdin().read_to_end(&mut Vec::new()).map(|_| "read").unwrap_or("failed")
                }
            })
            .expect("it starts");
        return;
    }
    let mut program = Program::run("a_second_signal_ends_it_whatever_holds_it_up");
    let address = program.tells("serves on ", "").parse().expect("an address");
    let mut held = connect(address);
    held.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("it reads");
    program.tells("is held", "");
    program.signal();
    program.tells("stopping: ", "once more stops at once");
    // The same signal within 100 ms is the same wish.
    std::thread::sleep(Duration::from_millis(150));
    program.signal();
    assert_eq!(program.tells("stopping at once; connections that are cut off: ", ""), "1");
    program.tells("ended without waiting for what does not end", "");
    assert_eq!(program.child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn the_operator_is_told_which_request_holds_a_worker_up_and_which_panicked() {
    if is_program() {
        builder()
            .listen("127.0.0.1:0")
            .runtime(|runtime| runtime.watchdog(WatchdogSetting::After(Duration::from_millis(200))))
            .on_start(|server| eprintln!("serves on {}", server.address()))
            .serve(|_| {
                async |request: Request<'_>| {
                    assert!(request.path() != b"/panics", "it was asked to");
                    // Until the other end is closed.
                    std::io::stdin().read_to_end(&mut Vec::new()).map(|_| "read").unwrap_or("failed")
                }
            })
            .expect("it starts");
        return;
    }
    let mut program = Program::run("the_operator_is_told_which_request_holds_a_worker_up_and_which_panicked");
    let address: SocketAddr = program.tells("serves on ", "").parse().expect("an address");
    let mut panics = connect(address);
    panics.write_all(b"GET /panics?secret HTTP/1.1\r\nHost: a\r\n\r\n").expect("it reads");
    assert_eq!(panics.read_to_end(&mut Vec::new()).expect("it closes"), 0);
    let said = program.tells("worker 0: a handler panicked ", ")");
    let expected = "(`connection`, at GET /panics): it was asked to (at http/tests/serving.rs:";
    assert!(said.starts_with(expected), "{said}");
    let asking = std::thread::spawn(move || get(connect(address), "/holds/it?secret"));
    let end = " ms, in a task `connection`, at GET /holds/it; its other connections wait";
    program.tells("worker 0 has been in one turn for ", end);
    drop(program.child.stdin.take());
    program.tells("worker 0 goes on, after a turn of ", " ms");
    assert!(asking.join().expect("no panic").ends_with("read"));
    program.stop();
}
