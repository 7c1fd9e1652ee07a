//! How many system calls answers take, counted from outside.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use selvedge::site::{Site as SiteApplication, SiteOptions};
use selvedge_http::files::{FileOptions, Files};
use selvedge_http::{Server, ServerOptions};
use selvedge_runtime::net::{AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{Runtime, WatchdogSetting};
use support::{Client, Site, finish, pattern, program, skipped};

const CONNECTIONS: usize = 64;
const RELEASED: &str = "mark: the worker is released";
const ANSWERED: &str = "mark: all requests are answered";

/// Not a test: what the test below runs under strace. A server with one worker, that is held while its clients ask.
#[test]
fn server_with_a_held_worker() {
    let Some(root) = std::env::var_os("TEST_ROOT") else { return };
    let held_for = Duration::from_millis(std::env::var("TEST_HELD_FOR_MS").unwrap().parse().unwrap());
    let listening = Listening::bind_ip((Ipv4Addr::LOCALHOST, 0).into(), 128, PortSharing::Exclusive).unwrap();
    let Address::Ip(address) = *listening.address() else { panic!("it is bound to an IP address") };
    let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 1_000 };
    let intake = Intake::new(vec![vec![listening]], 1, &options).unwrap();
    // A worker that is held for so long would be told of, and tell itself when it goes on: a poll and a write more.
    let runtime = Runtime::builder().workers(1).watchdog(WatchdogSetting::Off).build().unwrap();
    let server = Server::start(runtime, &intake, ServerOptions::default(), move |_worker| {
        SiteApplication::new(Files::open(FileOptions::new(&root)).unwrap(), SiteOptions::default())
    });
    let server = server.unwrap();

    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| Client::connect(address)).collect();
    let answers = |clients: &mut Vec<Client>| {
        for client in clients {
            assert!(client.response().body == pattern(0, 151));
        }
    };
    let ask = |clients: &mut Vec<Client>| {
        for client in clients {
            client.send("GET /151.bin HTTP/1.1\r\nhost: h\r\n\r\n");
        }
    };
    ask(&mut clients);
    answers(&mut clients);

    // Twice the same: the first time the allocator may still ask the kernel for memory. The log's last marks count.
    for _ in 0..2 {
        let (held, is_held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let hold = move || {
            held.send(()).unwrap();
            released.recv().unwrap();
            mark(RELEASED);
        };
        server.running().handle().run_on(0, hold).unwrap();
        is_held.recv().unwrap();
        ask(&mut clients);
        // Long enough, it makes the file's cached answer one to look at again.
        thread::sleep(held_for);
        release.send(()).unwrap();
        answers(&mut clients);
        mark(ANSWERED);
    }

    drop(clients);
    server.control().stop();
    server.join();
}

/// One write(2) that stands in the log.
fn mark(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

#[test]
fn sixty_four_queued_requests_are_answered_by_few_system_calls() {
    let Some(strace) = program("strace", "strace") else { return };
    let site = Site::new();
    support::write_pattern(&site.join("151.bin"), 151);
    for held_for_ms in ["0", "1200"] {
        let logs = Site::new();
        let log = logs.join("log");
        let mut command = Command::new(&strace);
        command.args(["-f", "-o"]).arg(&log);
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", "server_with_a_held_worker", "--nocapture", "--test-threads", "1"]);
        command.env("TEST_ROOT", site.path()).env("TEST_HELD_FOR_MS", held_for_ms);
        let output = finish(&mut command);
        let errors = String::from_utf8_lossy(&output.stderr);
        if errors.contains("ptrace") || errors.contains("PTRACE") {
            return skipped("needs the right to trace a process (ptrace(2))");
        }
        assert!(output.status.success(), "{errors}{}", String::from_utf8_lossy(&output.stdout));
        let calls = calls_between_marks(&log);
        let enters = calls.get("io_uring_enter").copied().unwrap_or(0);
        let others: u32 = calls.values().sum::<u32>() - enters;
        println!("held for {held_for_ms} ms: {enters} io_uring_enter and {others} others: {calls:?}");
        assert!(enters > 0, "the worker's calls are in the log");
        // A look again: the root, the file, and the directory in which it has no compressed siblings, by openat2, fstat and
        // close each.
        assert!(enters <= 19 && others <= 9, "held for {held_for_ms} ms: {calls:?}");
    }
}

/// The worker's system calls from its release to the last answer, by name.
fn calls_between_marks(log: &Path) -> BTreeMap<String, u32> {
    let log = fs::read_to_string(log).unwrap();
    let lines: Vec<(&str, &str)> = log.lines().filter_map(|line| line.split_once(' ')).collect();
    let position = |mark: &str| {
        let position = lines.iter().rposition(|(_, call)| call.contains(mark));
        position.unwrap_or_else(|| panic!("{mark:?} is in the log"))
    };
    let (released, answered) = (position(RELEASED), position(ANSWERED));
    let worker = lines[released].0;
    let mut calls = BTreeMap::new();
    for (thread, call) in &lines[released + 1..answered] {
        let call = call.trim_start();
        // "<... close resumed>": it was counted when it began.
        let second_half = call.starts_with('<');
        // Unoptimised, the standard library asks before each close whether the descriptor is open.
        let of_debug_build = cfg!(debug_assertions) && call.starts_with("fcntl(") && call.contains("F_GETFD");
        if *thread == worker
            && !second_half
            && !of_debug_build
            && let Some((name, _)) = call.split_once('(')
        {
            *calls.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    calls
}
