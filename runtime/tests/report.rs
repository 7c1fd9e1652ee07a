//! Lines for the operator: what there is to tell and what not, also where nobody reads them.
#![allow(clippy::disallowed_methods, reason = "the test starts an ordinary program")]

mod support;

use std::future::poll_fn;
use std::hint::black_box;
use std::io::Read;
use std::process::{Command, Stdio};
use std::task::Poll;
use std::time::Duration;

use selvedge_runtime::net::{TcpListener, TcpStream};
use selvedge_runtime::sim::{FaultRates, Keeping, Simulation, SimulationOptions};
use selvedge_runtime::{CountingAllocator, WorkerLimits, block_on, report_line, spawn, timer};
use support::{any_port, builder, ip};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const AS_WRITER: &str = "SELVEDGE_TEST_WRITES_LINES";
const AS_PROGRAM: &str = "SELVEDGE_TEST_PROGRAM";
const LINES: usize = 10_000;

/// What a program that does `what` tells its operator: see below for what there is.
fn told(what: &str) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.args(["--exact", "a_program_that_does_as_it_is_told", "--nocapture"]).env(AS_PROGRAM, what);
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).expect("it is text").lines().map(str::to_owned).collect()
}

/// Not a test: what `told` starts.
#[test]
fn a_program_that_does_as_it_is_told() {
    let ask_for = |mebibytes: usize| drop(black_box(vec![1_u8; mebibytes << 20]));
    match std::env::var(AS_PROGRAM).as_deref() {
        Ok("ask for little in each poll") => block_on(move || async move {
            for _ in 0..100 {
                spawn("small", async move { ask_for(1) }).await.unwrap();
            }
        }),
        Ok("ask for much in one poll") => block_on(move || async move {
            spawn("large", async move { ask_for(65) }).await.unwrap();
        }),
        _ => {}
    }
}

/// What a worker with 8 receive buffers tells where so many connections have an octet each that they do not read.
fn told_of_unread_input(connections: usize) -> Vec<String> {
    let options = SimulationOptions { faults: FaultRates::NONE, trace: Keeping::Lines };
    let simulation = Simulation::new(1, options);
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = 8;
    let running = builder(1).limits(limits).build().expect("it can be").start(move |_| async move {
        let mut listener = TcpListener::bind(any_port()).expect("a port is free");
        let mut pairs = Vec::new();
        for _ in 0..connections {
            let mut client = TcpStream::connect(ip(listener.address())).await.expect("it listens");
            let mut stream = listener.accept().await.expect("it has connected");
            assert!(poll_fn(|context| Poll::Ready(stream.poll_receive(context).is_pending())).await);
            client.send("x").await.expect("it is open");
            pairs.push((client, stream));
        }
        timer::sleep(Duration::from_secs(5)).await;
    });
    running.expect("it starts").join();
    simulation.take_trace().into_iter().filter(|line| line.contains("connections closed")).collect()
}

#[test]
fn a_program_that_is_well_says_nothing() {
    assert_eq!(told("ask for little in each poll"), [""; 0]);
}

#[test]
fn a_poll_that_asks_for_much_memory_is_told_of_with_its_task() {
    let lines = told("ask for much in one poll");
    assert_eq!(lines, ["selvedge: worker 0: one poll has asked for 65 MiB of memory (`large`)"]);
}

#[test]
fn connections_that_are_given_up_for_want_of_buffers_are_told_of() {
    let lines = told_of_unread_input(9);
    let text = "worker 0: 1 connections closed: all receive buffers were held by input that is not read";
    assert!(lines.len() == 1 && lines[0].contains(text), "{lines:?}");
    assert_eq!(told_of_unread_input(8), [""; 0]);
}

/// Not a test: what the test below starts.
#[test]
fn a_program_that_reports() {
    if std::env::var_os(AS_WRITER).is_some() {
        for number in 0..LINES {
            report_line(&format!("line {number}"));
        }
    }
}

#[test]
fn lines_that_nobody_reads_hold_nobody_up() {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_that_reports", "--nocapture"])
        .env(AS_WRITER, "yes")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its standard error is left alone until it has ended.
    let mut said = String::new();
    writer.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(writer.wait().unwrap().success(), "{said}");
    let mut lines = String::new();
    writer.stderr.take().unwrap().read_to_string(&mut lines).unwrap();
    assert!(lines.starts_with("selvedge: line 0\nselvedge: line 1\n"), "{lines}");
    // What a pipe holds is whole lines, and fewer than were written.
    assert!(lines.ends_with('\n') && lines.lines().count() < LINES, "{} lines", lines.lines().count());
}
