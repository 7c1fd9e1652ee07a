//! How the server ends, and what does not end it.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use support::{Client, Server, Site, eventually, get, pattern};

const REQUEST: &str = "GET /file HTTP/1.1\r\nhost: h\r\n\r\n";

/// With a small file, and one too large for the buffers between server and client.
fn site() -> Site {
    let site = Site::with(&[("file", "words")]);
    support::write_pattern(&site.join("large"), 64 << 20);
    site
}

/// A client in the middle of a response.
fn reading_client(server: &Server) -> Client {
    let mut client = Client::connect(server.address());
    client.send("GET /large HTTP/1.1\r\nhost: h\r\n\r\n");
    assert_eq!(client.try_head().unwrap().content_length(), 64 << 20);
    client
}

/// Sends a signal to stop, and waits until the server takes leave.
fn begin_stop(server: &Server, signal: Signal) {
    server.signal(signal);
    eventually("the word of stopping", || server.stderr().contains("stopping: "));
}

#[test]
fn the_signals_to_stop_let_running_answers_end() {
    let site = site();
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::with(site.path(), &["-v", "--drain", "60"]);
        // One on each worker.
        let mut idle: Vec<_> = (0..2).map(|_| Client::connect(server.address())).collect();
        for client in &mut idle {
            assert_eq!(client.get("/file").text(), "words");
        }
        let mut reading = reading_client(&server);
        let mut begun = Client::connect(server.address());
        assert_eq!(begun.get("/file").text(), "words");
        begun.send("GET /file HTTP/1.1\r\nho");
        // Answered on the same worker afterwards, the head that has begun has been received too.
        let mut others: Vec<_> = (0..2).map(|_| Client::connect(server.address())).collect();
        for other in &mut others {
            assert_eq!(other.get("/file").text(), "words");
        }
        begin_stop(&server, signal);
        for client in &mut idle {
            client.expect_close();
        }
        begun.send("st: h\r\n\r\n");
        let response = begun.response();
        assert!(response.text() == "words" && response.closes(), "{response:?}");
        begun.expect_close();
        assert!(reading.rest().unwrap() == pattern(0, 64 << 20), "the answer goes out whole");
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(!stderr.contains("cut off") && !stderr.contains("not finished"), "{stderr}");
    }
}

#[test]
fn what_waits_in_the_backlog_is_answered_before_the_end() {
    let site = site();
    for accept in [&["-j", "1"][..], &["-j", "2"], &["-j", "2", "--accept", "dedicated"]] {
        let options = [accept, &["-v", "--drain", "60", "--max-connections", "2"]].concat();
        let server = Server::with(site.path(), &options);
        // Room for these two; nothing more is accepted while they stay.
        let mut residents: Vec<_> = (0..2).map(|_| Client::connect(server.address())).collect();
        for resident in &mut residents {
            assert_eq!(resident.get("/file").text(), "words");
        }
        let mut waiting: Vec<_> = (0..20).map(|_| Client::connect(server.address())).collect();
        for client in &mut waiting {
            client.send(REQUEST);
        }
        begin_stop(&server, Signal::TERM);
        for client in &mut waiting {
            let response = client.response();
            assert!(response.text() == "words" && response.closes(), "{response:?}");
            client.expect_close();
        }
        for resident in &mut residents {
            resident.expect_close();
        }
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
    }
}

#[test]
fn nobody_new_is_taken_in_while_the_last_answers_run() {
    let site = site();
    let server = Server::with(site.path(), &["-v", "--drain", "60"]);
    let address = server.address();
    let mut reading = reading_client(&server);
    begin_stop(&server, Signal::TERM);
    eventually("the end of listening", || {
        TcpStream::connect(address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
    assert!(reading.rest().unwrap() == pattern(0, 64 << 20));
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let site = site();
    for (first, second) in [(Signal::TERM, Signal::TERM), (Signal::INT, Signal::TERM)] {
        let server = Server::with(site.path(), &["-v", "--drain", "1440m"]);
        let _never_reads = reading_client(&server);
        begin_stop(&server, first);
        // The same wish told twice at once, to the process and to its group, is one.
        std::thread::sleep(Duration::from_millis(200));
        server.signal(second);
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("stopping at once; connections that are cut off: 1"), "{stderr}");
        assert!(!stderr.contains("not finished") && !stderr.contains("without waiting"), "{stderr}");
    }
}

#[test]
fn the_time_to_drain_cuts_off_who_is_stuck() {
    let site = site();
    for drain in ["1", "0"] {
        let server = Server::with(site.path(), &["--drain", drain]);
        let mut never_reads = reading_client(&server);
        server.signal(Signal::TERM);
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(stderr.contains("not finished within the") && stderr.contains("cut off: 1"), "{stderr}");
        // What was on its way still comes, or a reset; the rest never does.
        assert!(never_reads.rest().map_or(0, |rest| rest.len()) < 64 << 20);
    }
}

#[test]
fn an_idle_server_ends_at_once() {
    let site = site();
    let server = Server::with(site.path(), &["--drain", "1440m"]);
    let mut idle = Client::connect(server.address());
    assert_eq!(idle.get("/file").text(), "words");
    server.stop();
    idle.expect_close();
}

#[test]
fn hangup_and_user_signals_end_nothing() {
    let site = site();
    let mut server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for signal in [Signal::HUP, Signal::USR1, Signal::HUP, Signal::USR1, Signal::HUP] {
        server.signal(signal);
        assert_eq!(client.get("/file").text(), "words");
        assert_eq!(get(server.address(), "/file").text(), "words");
    }
    assert!(server.runs());
    server.stop();
}

#[test]
fn a_stopped_and_continued_server_goes_on() {
    let site = site();
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/file").text(), "words");
    server.signal(Signal::STOP);
    client.send(REQUEST.repeat(3));
    server.signal(Signal::CONT);
    for _ in 0..3 {
        assert_eq!(client.response().text(), "words");
    }
    server.stop();
}

#[test]
fn a_start_line_that_nobody_reads_keeps_no_signal_from_it() {
    let site = site();
    let socket = site.join(".socket");
    let (_reader, mut full) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&full, true).unwrap();
    while full.write(&[b'x'; 4_096]).is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).unwrap();
    let mut server = Command::new(support::binary())
        .arg(site.path())
        .args(["-j", "1", "-l", &format!("unix:{}", socket.display())])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("an answer", || UnixStream::connect(&socket).is_ok());
    assert_eq!(Client::connect_unix(&socket).get("/file").text(), "words");
    rustix::process::kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    assert!(server.wait().unwrap().success());
    let mut said = String::new();
    server.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("workers=1"), "the start line went to standard error: {said}");
}
