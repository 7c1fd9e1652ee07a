//! The access log, the page of numbers and the answer for load balancers, of the binary.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;
use support::{Client, Server, Site, eventually, get, run, shell};

fn site() -> Site {
    let site = Site::with(&[("file", "words")]);
    support::write_pattern(&site.join("large"), 64 << 20);
    site
}

fn start(site: &Site, log: &Path, options: &[&str]) -> Server {
    Server::with(site.path(), &[&["--access-log", log.to_str().unwrap()][..], options].concat())
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    text.lines().map(str::to_owned).collect()
}

/// The value of a series on the page of numbers.
fn number(address: SocketAddr, series: &str) -> f64 {
    let page = get(address, "/metrics");
    let line = page.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is in {}", page.text())).parse().unwrap()
}

#[test]
fn every_request_has_a_line_with_its_client_by_whatever_way_it_came() {
    let (site, scratch) = (site(), Site::new());
    let (log, socket) = (scratch.join("access.log"), scratch.join("socket"));
    let unix = format!("unix:{}", socket.display());
    let listeners = ["-l", "127.0.0.1:0", "-l", "[::1]:0", "-l", &unix, "--log-format", "json"];
    let server = start(&site, &log, &listeners);
    for address in server.addresses() {
        assert_eq!(get(address, "/file").text(), "words");
    }
    assert_eq!(Client::connect_unix(&socket).get("/file?unix").text(), "words");
    assert_eq!(Client::connect(server.address()).head("/none").status, 404);
    server.stop();
    let mut told: Vec<_> = lines(&log)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| format!("{} {} {} {}", line["address"], line["target"], line["status"], line["bytes"]))
        .collect();
    // Those of two workers are in no order.
    told.sort();
    assert_eq!(
        told,
        [
            r#""127.0.0.1" "/file" 200 5"#,
            r#""127.0.0.1" "/none" 404 0"#,
            r#""::1" "/file" 200 5"#,
            r#""unix:" "/file?unix" 200 5"#
        ]
    );
}

/// The lines of a log in JSON.
fn objects(path: &Path) -> Vec<Value> {
    lines(path).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Of a server that is stopped by `stop` there is a line for what it cut off, as for what was answered, and none for who was idle.
fn expect_line_of_what_was_cut_off(options: &[&str], stop: impl FnOnce(Server)) {
    let (site, scratch) = (site(), Site::new());
    let log = scratch.join("access.log");
    let server = start(&site, &log, &[&["--log-format", "json"], options].concat());
    let mut reading = Client::connect(server.address());
    reading.send("GET /large?cut HTTP/1.1\r\nhost: h\r\nuser-agent: reader\r\n\r\n");
    assert_eq!(reading.try_head().unwrap().content_length(), 64 << 20);
    let mut kept = Client::connect(server.address());
    assert_eq!(kept.get("/file").text(), "words");
    let _silent = Client::connect(server.address());
    stop(server);
    let told = objects(&log);
    let (cut, others): (Vec<_>, Vec<_>) = told.iter().partition(|line| line["close"] == "cut_off");
    assert!(matches!(others[..], [line] if line["target"] == "/file"), "{told:?}");
    let [line] = cut[..] else { panic!("{told:?}") };
    let members = ["address", "method", "target", "version", "status", "host", "user_agent"];
    let values = members.map(|member| &line[member]);
    assert_eq!(
        Value::from_iter(values.map(Value::clone)),
        serde_json::json!(["127.0.0.1", "GET", "/large?cut", "HTTP/1.1", 200, "h", "reader"])
    );
    assert!((1..64 << 20).contains(&line["bytes"].as_u64().unwrap()), "{line}");
}

#[test]
fn what_the_end_of_the_drain_cuts_off_has_a_line_with_its_client_its_request_and_what_was_sent() {
    expect_line_of_what_was_cut_off(&["--drain", "0"], Server::stop);
}

#[test]
fn what_a_second_signal_cuts_off_has_a_line_too_and_no_line_before_it_is_lost() {
    expect_line_of_what_was_cut_off(&["-v", "--drain", "1440m"], |server| {
        server.signal(Signal::TERM);
        eventually("the word of stopping", || server.stderr().contains("stopping: "));
        // The same signal again within 100 ms is the same wish.
        thread::sleep(std::time::Duration::from_millis(150));
        server.signal(Signal::TERM);
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), Some(1), "{stderr}");
    });
}

#[test]
fn a_log_that_is_rotated_under_load_loses_no_line() {
    const CLIENTS: usize = 4;
    const REQUESTS: usize = 400;
    let (site, scratch) = (site(), Site::new());
    let log = scratch.join("access.log");
    let server = start(&site, &log, &[]);
    let address = server.address();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            thread::spawn(move || {
                let mut connection = Client::connect(address);
                for request in 0..REQUESTS {
                    assert_eq!(connection.get(&format!("/file?{client}-{request}")).text(), "words");
                }
            })
        })
        .collect();
    for rotation in 0..3 {
        fs::rename(&log, scratch.join(&format!("access.log.{rotation}"))).unwrap();
        server.signal(Signal::USR1);
        eventually("a new log", || log.exists());
        // The same signal again within 100 ms is the same wish.
        thread::sleep(std::time::Duration::from_millis(150));
    }
    clients.into_iter().for_each(|client| client.join().unwrap());
    server.stop();
    let files = (0..3).map(|rotation| scratch.join(&format!("access.log.{rotation}"))).chain([log]);
    let mut targets: Vec<String> =
        files.flat_map(|file| lines(&file)).map(|line| line.split(' ').nth(6).unwrap().to_owned()).collect();
    targets.sort();
    let mut expected: Vec<String> = (0..CLIENTS)
        .flat_map(|client| (0..REQUESTS).map(move |request| format!("/file?{client}-{request}")))
        .collect();
    expected.sort();
    assert_eq!(targets, expected);
}

#[test]
fn a_log_that_cannot_be_opened_again_goes_on_as_it_was() {
    let (site, scratch) = (site(), Site::new());
    let directory = scratch.join("logs");
    fs::create_dir(&directory).unwrap();
    let server = start(&site, &directory.join("access.log"), &[]);
    fs::rename(&directory, scratch.join("moved")).unwrap();
    server.signal(Signal::USR1);
    eventually("the word of it", || server.stderr().contains("access log cannot be opened again: "));
    assert_eq!(get(server.address(), "/file").text(), "words");
    server.stop();
    assert_eq!(lines(&scratch.join("moved/access.log")).len(), 1);
}

#[test]
fn where_a_password_is_asked_for_the_user_is_in_the_log() {
    let (site, scratch) = (site(), Site::new());
    // "secret".
    let users = scratch.write("users", "bob:$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/\n");
    let log = scratch.join("access.log");
    let server = start(&site, &log, &["--auth-file", users.to_str().unwrap()]);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get_with("/file", &[("authorization", "Basic Ym9iOnNlY3JldA==")]).status, 200);
    assert_eq!(client.get("/file").status, 401);
    drop(client);
    server.stop();
    let told = lines(&log);
    assert!(told[0].starts_with("127.0.0.1 - bob [") && told[1].starts_with("127.0.0.1 - - ["), "{told:?}");
}

#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let site = site();
    let server = start(&site, Path::new("/dev/full"), &["--metrics"]);
    for _ in 0..100 {
        assert_eq!(get(server.address(), "/file").text(), "words");
    }
    eventually("the count of lost lines", || {
        number(server.address(), "selvedge_access_log_lines_lost_total") >= 100.0
    });
    eventually("the word of it", || server.stderr().contains(" lines were lost: No space left on device"));
    server.stop();
}

#[test]
fn a_log_as_long_as_files_may_be_costs_lines_and_nothing_else() {
    let (site, scratch) = (Site::with(&[("file", "words")]), Site::new());
    let (log, root) = (scratch.join("log"), site.path().to_str().unwrap());
    // One block: 512 or 1,024 octets, as the shell has it.
    let options = [root, "-p", "0", "-a", "127.0.0.1", "--access-log", log.to_str().unwrap()];
    let server = Server::of(shell("ulimit -f 1 && exec \"$0\" \"$@\"", &options));
    for _ in 0..100 {
        assert_eq!(get(server.address(), "/file").text(), "words");
    }
    eventually("the word of it", || server.stderr().contains(" lines were lost: File too large"));
    server.stop();
    let written = fs::read(&log).unwrap();
    assert!((1..=1_024).contains(&written.len()), "{} octets", written.len());
}

#[test]
fn a_pipe_that_nobody_reads_costs_lines_and_nothing_else() {
    let (site, scratch) = (site(), Site::new());
    let pipe = scratch.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // What the pipe and the buffers of one worker do not hold: 64 KiB, and four times 48 KiB.
    const REQUESTS: usize = 2_000;
    let server = start(&site, &pipe, &["-j", "1", "--metrics"]);
    let mut client = Client::connect(server.address());
    let user_agent = "u".repeat(1_000);
    for _ in 0..REQUESTS {
        assert_eq!(client.get_with("/file", &[("user-agent", &user_agent)]).text(), "words");
    }
    let lost = number(server.address(), "selvedge_access_log_lines_lost_total");
    assert!(lost > 0.0);
    eventually("the word of it", || server.stderr().contains("access log: "));
    let mut options = OpenOptions::new();
    let reader = options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    let mut reader = reader.open(&pipe).unwrap();
    let mut read = Vec::new();
    let whole = |read: &[u8]| read.iter().filter(|&&byte| byte == b'\n').count();
    // Read again, it goes on: all lines are either there or counted, with those of the questions for the count.
    drop(client);
    server.signal(Signal::TERM);
    eventually("the rest", || {
        let _ = reader.read_to_end(&mut read);
        whole(&read) + lost as usize >= REQUESTS
    });
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(String::from_utf8(read).unwrap().lines().all(|line| line.starts_with("127.0.0.1 - - [")));
}

#[test]
fn a_log_on_standard_output_has_nothing_else_in_it() {
    let (site, scratch) = (site(), Site::new());
    let socket = scratch.join("socket");
    let mut child = Command::new(support::binary())
        .arg(site.path())
        .args(["-j", "1", "--access-log", "-", "--log-format", "common"])
        .args(["-l", &format!("unix:{}", socket.display())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the socket", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
    assert_eq!(Client::connect_unix(&socket).get("/file").text(), "words");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(
        stdout.starts_with("unix: - - [") && stdout.ends_with("] \"GET /file HTTP/1.1\" 200 5\n"),
        "{stdout}"
    );
    assert!(stdout.lines().count() == 1 && stderr.contains("workers=1"), "{stdout}{stderr}");
}

#[test]
fn health_is_200_then_503_and_in_no_log() {
    let (site, scratch) = (site(), Site::new());
    let log = scratch.join("access.log");
    let server = start(&site, &log, &["-v", "--health", "--drain", "60"]);
    let reply = get(server.address(), "/health");
    assert_eq!((reply.status, reply.text()), (200, "ok"));
    // The drain lets this one ask again behind the answer that it reads.
    let mut client = Client::connect(server.address());
    client.send("GET /large HTTP/1.1\r\nhost: h\r\n\r\n");
    assert_eq!(client.try_head().unwrap().content_length(), 64 << 20);
    let mut asking = Client::connect(server.address());
    asking.send("GET /health HTTP/1.1\r\nho");
    // A connection accepted later on each worker: what came before it has been received.
    (0..2).for_each(|_| assert_eq!(get(server.address(), "/file").text(), "words"));
    server.signal(Signal::TERM);
    eventually("the word of stopping", || server.stderr().contains("stopping: "));
    asking.send("st: h\r\n\r\n");
    assert_eq!(asking.response().status, 503);
    drop((client, asking));
    assert_eq!(server.wait().0.code(), Some(0));
    let targets: Vec<_> = lines(&log).iter().map(|line| line.split(' ').nth(6).unwrap().to_owned()).collect();
    assert!(!targets.iter().any(|target| target == "/health"), "{targets:?}");
    assert!(targets.iter().any(|target| target == "/file"));
}

#[test]
fn the_page_of_numbers_is_at_its_path_for_who_is_here() {
    let site = Site::with(&[("file", "words"), ("metrics", "a file")]);
    let server = Server::with(site.path(), &["--metrics=/-/numbers"]);
    assert_eq!(get(server.address(), "/metrics").text(), "a file");
    assert_eq!(get(server.address(), "/-/numbers").status, 200);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get_with("/-/numbers", &[("x-forwarded-for", "127.0.0.1")]).status, 403);
    drop(client);
    server.stop();
    let server =
        Server::with(site.path(), &["--metrics", "--metrics-allow", "192.0.2.0/24", "--deny", "all"]);
    assert_eq!(get(server.address(), "/metrics").status, 403);
    server.stop();
    // Who may read the site is another question.
    let server = Server::with(site.path(), &["--metrics", "--deny", "all"]);
    assert_eq!(get(server.address(), "/file").status, 403);
    assert_eq!(number(server.address(), "selvedge_http_requests_total{status=\"4xx\"}"), 1.0);
    server.stop();
}

#[test]
fn a_log_that_cannot_be_written_keeps_the_server_from_starting() {
    let site = site();
    for (log, wanted) in [
        ("/no/such/log", "directory '/no/such' of access log '/no/such/log' does not exist; create it first"),
        ("/tmp", "'/tmp' is a directory; name the access log in it"),
    ] {
        let output = run(&[site.path().to_str().unwrap(), "-p", "0", "--access-log", log]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr), (Some(1), format!("selvedge: {wanted}\n")));
    }
}

#[test]
fn a_log_within_what_is_served_is_warned_of() {
    let site = site();
    let server = start(&site, &site.join("access.log"), &[]);
    assert!(server.stderr().contains("is served: whoever asks for it"), "{}", server.stderr());
    server.stop();
}
