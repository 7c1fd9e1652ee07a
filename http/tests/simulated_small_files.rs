//! Small parts of files that have no block of their own: read out of the kernel's memory into the block of their head,
//! and never sent mixed where the file changes meanwhile. On the simulated machine, whose trace tells what was read how.

mod support;

use std::time::Duration;

use selvedge_http::files::{FileOptions, Files, serve_files};
use selvedge_http::{CloseReason, ServerOptions};
use selvedge_runtime::sim::{Disk, Fault, FaultRates, Keeping, Simulation, SimulationOptions};
use support::client::Asked;
use support::simulated::SimulatedServer;
use support::{multipart, pattern};

/// Of the one file.
const SIZE: usize = 60_000;
/// When it was changed last, but for what a test does to it.
const MODIFIED: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
/// More of them than go between server and client that does not read, whatever they ask for.
const REQUESTS: usize = 60;

/// A server of `/site/a.bin` that keeps no answers, on the machine of `seed`, where this goes wrong whenever it can.
fn server(seed: u64, fault: Option<Fault>) -> SimulatedServer {
    let mut faults = FaultRates::NONE;
    if let Some(fault) = fault {
        faults.set(fault, 1_000_000);
    }
    let simulation = Simulation::new(seed, SimulationOptions { faults, trace: Keeping::Lines });
    let disk = simulation.disk();
    disk.write("/site/a.bin", &pattern(SIZE));
    disk.set_modified("/site/a.bin", 1_000_000_000);
    SimulatedServer::start_in(simulation, ServerOptions::default(), |_| {
        let without_blocks = FileOptions {
            ready_small_max: 0,
            ready_medium_max: 0,
            ready_large_max: 0,
            ..FileOptions::new("/site")
        };
        serve_files(Files::open(without_blocks).expect("the root is there"))
    })
}

fn request(method: &str, fields: &str) -> String {
    format!("{method} /a.bin HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// How often the file was read out of the kernel's memory, and how often its octets went out by any other way.
fn reads(server: &SimulatedServer) -> (usize, usize) {
    let trace = server.take_trace();
    let count = |way: &str| trace.iter().filter(|line| line.contains(way)).count();
    (count("  read resident "), count("  sendfile ") + count("  read ") - count("  read resident "))
}

#[test]
#[allow(clippy::single_range_in_vec_init, reason = "an answer may have one part")]
fn parts_in_memory_are_read_into_the_block_of_their_head() {
    let server = server(1, None);
    let mut client = server.connect();
    let whole = pattern(SIZE);
    for (method, range, status, parts) in [
        ("HEAD", "", 200, &[][..]),
        ("GET", "", 200, &[0..SIZE][..]),
        ("GET", "100-50099", 206, &[100..50_100]),
        ("GET", "-1", 206, &[SIZE - 1..SIZE]),
        ("GET", "0-0,20000-20999,100-199", 206, &[0..1, 20_000..21_000, 100..200]),
    ] {
        let field = if range.is_empty() { String::new() } else { format!("Range: bytes={range}\r\n") };
        client.send(request(method, &field));
        let asked = if method == "HEAD" { Asked::Head } else { Asked::Get };
        let reply = client.reply_to(asked);
        assert_eq!(reply.status, status, "{method} {range}");
        match (asked, parts) {
            (Asked::Head, _) => assert_eq!(reply.field("content-length"), Some("60000")),
            (Asked::Get, [part]) => assert!(reply.body == whole[part.clone()], "{range}"),
            (Asked::Get, parts) => {
                let boundary = multipart::boundary(reply.field("content-type").expect("its type"));
                let came = multipart::split(&reply.body, boundary);
                assert_eq!(came.len(), parts.len());
                for (came, part) in came.iter().zip(parts) {
                    assert_eq!(came.octets(), (part.clone(), SIZE));
                    assert!(came.content == &whole[part.clone()], "{part:?}");
                }
            }
        }
        assert_eq!(reads(&server), (parts.len(), 0), "{method} {range}");
    }
}

#[test]
fn parts_for_pipelined_requests_are_gathered_in_order() {
    let server = server(1, None);
    let mut client = server.connect();
    let whole = pattern(SIZE);
    let part = |at: usize| at..at + 300 * (at % 100) + 1;
    let requests = (0..200).map(|at| {
        let part = part(at);
        request("GET", &format!("Range: bytes={}-{}\r\n", part.start, part.end - 1))
    });
    client.send(requests.collect::<String>());
    for at in 0..200 {
        assert!(client.reply().body == whole[part(at)], "{at}");
    }
    assert_eq!(reads(&server), (200, 0));
}

#[test]
fn a_part_that_is_not_in_memory_is_waited_for() {
    for fault in [None, Some(Fault::NotCached), Some(Fault::NowaitUnsupported)] {
        let server = server(1, fault);
        server.disk().evict("/site/a.bin");
        let mut client = server.connect();
        for _ in 0..2 {
            client.send(request("GET", "Range: bytes=10-49999\r\n"));
            assert!(client.reply().body == pattern(SIZE)[10..50_000], "{fault:?}");
        }
    }
}

/// Changes the file while the server waits for a client that has asked for a range again and again; then the client
/// reads. Returns how often the connection was ended for the change, of eight times: where the server stands still
/// between two requests, the next one gets the new version.
fn ends_over(change: impl Fn(&Disk), range: &str) -> u64 {
    // Where in its work the server stands still is up to the sizes of its buffers.
    let ended = (0..8).map(|seed| {
        let server = server(seed, None);
        let mut client = server.connect_narrow(4_096);
        client.send(request("GET", &format!("Range: bytes={range}\r\n")).repeat(REQUESTS));
        server.pass(Duration::from_secs(1));
        change(&server.disk());
        for at in 0..REQUESTS {
            let Ok(reply) = client.try_reply_to(Asked::Get) else { break };
            if reply.field("last-modified") == Some(MODIFIED) {
                assert!(reply.body == pattern(SIZE)[..reply.body.len()], "answer {at} is of another version");
            }
        }
        drop(client);
        server.wait_until_at_rest();
        server.closes(CloseReason::FileChanged)
    });
    ended.sum()
}

#[test]
fn what_changes_before_its_part_is_read_is_never_sent_as_what_it_was() {
    let write = |disk: &Disk| disk.write("/site/a.bin", &[b'x'; SIZE]);
    let cut_behind = |disk: &Disk| disk.truncate("/site/a.bin", 40_000);
    for range in ["0-59999", "0-19999"] {
        assert!(ends_over(write, range) > 0, "{range}");
    }
    assert!(ends_over(cut_behind, "0-19999") > 0);
}

#[test]
fn a_file_cut_short_just_before_its_part_is_read_is_no_whole_answer() {
    let server = server(1, Some(Fault::TruncatedMeanwhile));
    let mut client = server.connect();
    client.send(request("GET", "Range: bytes=0-9\r\n"));
    let (received, _) = client.read_to_end();
    assert!(!received.ends_with(&pattern(SIZE)[..10]), "{}", received.escape_ascii());
    server.wait_until_at_rest();
    assert_eq!(server.closes(CloseReason::FileChanged), 1);
}
