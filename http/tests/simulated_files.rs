//! A server of files on a disk that stalls and that others write to, in simulated time.

mod support;

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use selvedge_http::files::{FileOptions, Files, serve_files};
use selvedge_http::middleware::timeout;
use selvedge_http::{Application, ServerOptions};
use selvedge_runtime::sim::{Disk, FaultRates, Keeping, PeerEnd, Simulation, SimulationOptions};
use support::client::{Client, End};
use support::simulated::{SimulatedServer, Wire};

const SECOND: Duration = Duration::from_secs(1);

thread_local! {
    /// The worker's files, for tests that look at them by a job.
    static FILES: RefCell<Weak<Files>> = const { RefCell::new(Weak::new()) };
}

/// How long the disk takes for what is not in memory.
const STALL: Duration = Duration::from_secs(40);

/// A server of `/site` on the machine of `seed`, whose disk `prepare` fills, with a time for each answer.
fn server_on(seed: u64, answers_within: Duration, prepare: impl FnOnce(&Disk)) -> SimulatedServer {
    let prepare = |simulation: &Simulation| prepare(&simulation.disk());
    SimulatedServer::start_on(seed, prepare, ServerOptions::default(), move |_| {
        let files = Files::open(FileOptions::new("/site")).expect("the root is there");
        serve_files(files).with(timeout(answers_within))
    })
}

/// As [`server_on`], with time enough for each answer.
fn server(prepare: impl FnOnce(&Disk)) -> SimulatedServer {
    server_on(1, 3_600 * SECOND, prepare)
}

/// A client that has asked for a path, and has room for so many octets.
fn ask(server: &SimulatedServer, path: &str, room_bytes: usize) -> Client<Wire> {
    let mut client = server.connect_narrow(room_bytes);
    client
        .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n"));
    client
}

/// Reads until the connection closes in good order: the head, the body, and the time that took.
fn answer(server: &SimulatedServer, client: &mut Client<Wire>) -> (String, Vec<u8>, Duration) {
    let begun = server.now();
    let head = client.head();
    let (body, end) = client.read_to_end();
    assert_eq!(end, End::Closed);
    (head, body, server.now() - begun)
}

/// A file that lies on the disk alone, which takes its time for it.
fn put_stalled(disk: &Disk, path: &str, content: &[u8]) {
    disk.write(path, content);
    disk.set_modified(path, 1_000_000_000);
    disk.evict(path);
    disk.delay(path, STALL);
}

#[test]
fn a_disk_that_stalls_over_one_file_holds_up_no_other() {
    let server = server(|disk| {
        put_stalled(disk, "/site/stalled.txt", b"late");
        put_stalled(disk, "/site/stalled.bin", &[b'x'; 100_000]);
        disk.write("/site/quick.txt", b"at once");
    });
    let (mut stalled, mut streamed) =
        (ask(&server, "/stalled.txt", 4_096), ask(&server, "/stalled.bin", 1 << 20));
    server.pass(5 * SECOND);
    let (head, body, took) = answer(&server, &mut ask(&server, "/quick.txt", 4_096));
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"at once", "{head}");
    assert!(took < SECOND, "{took:?}");
    let (head, body, took) = answer(&server, &mut stalled);
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"late", "{head}");
    assert!(took > 34 * SECOND && took < 37 * SECOND, "{took:?}");
    assert_eq!(answer(&server, &mut streamed).1, [b'x'; 100_000]);
}

#[test]
fn who_waits_for_a_stalled_disk_is_answered_at_the_deadline() {
    let server = server_on(1, 3 * SECOND, |disk| put_stalled(disk, "/site/a.txt", b"late"));
    let (head, _, took) = answer(&server, &mut ask(&server, "/a.txt", 4_096));
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(took >= 3 * SECOND && took < 4 * SECOND, "{took:?}");
    // What was given up does not keep the file from whoever comes when the disk works again.
    server.pass(STALL);
    let (head, body, _) = answer(&server, &mut ask(&server, "/a.txt", 4_096));
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"late", "{head}");
}

#[test]
fn a_stop_does_not_wait_for_a_disk_that_stalls() {
    let mut server = server(|disk| {
        put_stalled(disk, "/site/a.bin", &[b'x'; 100_000]);
    });
    let _client = ask(&server, "/a.bin", 4_096);
    server.pass(SECOND);
    let took = server.stop();
    assert!(took >= 8 * SECOND && took < 9 * SECOND, "the drain's 8 s: {took:?}");
}

#[test]
fn a_file_cut_short_while_it_is_sent_ends_the_connection() {
    let content: Vec<u8> = (0_u32..200_000).flat_map(u32::to_be_bytes).collect();
    let server = server(|disk| {
        disk.write("/site/a.bin", &content);
        disk.set_modified("/site/a.bin", 1_000_000_000);
    });
    let mut client = ask(&server, "/a.bin", 10_000);
    server.pass(SECOND);
    server.disk().truncate("/site/a.bin", 500_000);
    let (head, body, took) = answer(&server, &mut client);
    assert!(head.contains("content-length: 800000\r\n"), "{head}");
    let expected = 10_000..=500_000;
    assert!(expected.contains(&body.len()) && content.starts_with(&body), "{} octets came", body.len());
    assert!(took < 5 * SECOND, "{took:?}");
}

#[test]
fn what_was_answered_before_a_file_that_is_cut_short_is_read_whatever_its_client_has_asked_since() {
    let server = server(|disk| {
        disk.write("/site/a.txt", &[b'A'; 30_000]);
        disk.write("/site/b.bin", &[b'B'; 800_000]);
        disk.set_modified("/site/b.bin", 1_000_000_000);
    });
    let peer = server.connect_peer(1 << 19, 10_000);
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    // More than the server hears while nobody reads what it answers: the rest lies in its socket.
    let requests = get("/a.txt") + &get("/b.bin") + &get("/a.txt").repeat(5_000);
    assert_eq!(peer.send(requests.as_bytes()), requests.len());
    server.pass(SECOND);
    server.disk().truncate("/site/b.bin", 400_000);
    let (mut received, mut end) = (Vec::new(), PeerEnd::Open);
    server.wait_until(|| {
        end = peer.receive(&mut received, 1 << 20);
        end != PeerEnd::Open
    });
    assert_eq!(end, PeerEnd::Ended);
    let count = |wanted| received.iter().filter(|octet| **octet == wanted).count();
    assert!(count(b'A') >= 30_000 && count(b'B') == 400_000, "{} and {} octets", count(b'A'), count(b'B'));
}

#[test]
fn a_file_written_to_while_the_disk_reads_its_end_is_no_whole_answer() {
    let server = server(|disk| {
        put_stalled(disk, "/site/a.bin", &[b'x'; 200_000]);
    });
    // It comes in blocks of 128 KiB.
    let mut client = ask(&server, "/a.bin", 1 << 20);
    server.pass(STALL + STALL / 2);
    server.disk().write("/site/a.bin", &[b'y'; 200_000]);
    let (head, body, _) = answer(&server, &mut client);
    assert!(head.contains("content-length: 200000\r\n"), "{head}");
    assert!(body.len() >= 128 * 1024, "{} octets came", body.len());
    assert!(body.len() < 200_000, "a mixture of two versions passes for one");
}

#[test]
fn the_disk_s_time_is_not_the_client_s() {
    // The file is one piece, and the send buffers of some machines have no room for it.
    for seed in 1..=8 {
        let server = server_on(seed, 3_600 * SECOND, |disk| {
            put_stalled(disk, "/site/a.bin", &[b'x'; 130_000]);
            // Longer than a client may stand still that takes nothing.
            disk.delay("/site/a.bin", 70 * SECOND);
        });
        let mut client = ask(&server, "/a.bin", 4_096);
        // The client reads a moment after there is something to be read.
        server.pass(75 * SECOND);
        let (head, body, _) = answer(&server, &mut client);
        assert!(head.contains("content-length: 130000\r\n"), "{head}");
        assert_eq!(body.len(), 130_000, "seed {seed}");
    }
}

/// Fewer blocks than files: who is asked for often gets one of who is not, however often or rarely anybody looks.
#[test]
fn a_file_that_is_asked_for_often_comes_into_memory_whatever_the_period() {
    for fresh_for in [Duration::from_millis(1), SECOND, 3_600 * SECOND] {
        let prepare = |simulation: &Simulation| {
            for name in ["resting", "wanted"] {
                let path = format!("/site/{name}.txt");
                simulation.disk().write(&path, name.as_bytes());
                simulation.disk().set_modified(&path, 1_000_000_000);
            }
        };
        let server = SimulatedServer::start_on(1, prepare, ServerOptions::default(), move |_| {
            let options = FileOptions { fresh_for, ready_small_max: 1, ..FileOptions::new("/site") };
            let files = Files::open(options).expect("the root is there");
            FILES.with(|place| *place.borrow_mut() = Rc::downgrade(&files));
            serve_files(files)
        });
        let ask_for = |path: &str| answer(&server, &mut ask(&server, path, 4_096)).1;
        let open = || {
            let usage = || FILES.with(|files| files.borrow().upgrade().expect("it serves").usage());
            server.on_worker(usage).0
        };
        // The directory's own change has settled by then.
        server.pass(5 * SECOND);
        assert_eq!(ask_for("/resting.txt"), b"resting");
        assert_eq!(ask_for("/wanted.txt"), b"wanted");
        assert_eq!(open(), 1, "it is streamed");
        for _ in 0..4 {
            for _ in 0..6 {
                let mut clients: Vec<_> = (0..3).map(|_| ask(&server, "/wanted.txt", 4_096)).collect();
                clients.iter_mut().for_each(|client| assert_eq!(answer(&server, client).1, b"wanted"));
            }
            server.pass(SECOND);
        }
        assert_eq!(open(), 0, "{fresh_for:?}");
        assert_eq!(ask_for("/resting.txt"), b"resting");
    }
}

#[test]
fn a_root_whose_files_may_not_be_read_is_looked_for_at_once_and_once_a_second() {
    let server = server(|disk| {
        for name in ["a", "b", "c"] {
            disk.write(format!("/site/{name}.txt"), b"old");
        }
    });
    // Another directory takes its place, and what is known is not fresh for a second more.
    let replace = |number: u32, name: &str| {
        server.disk().forbid(format!("/site/{name}.txt"));
        server.disk().rename("/site", format!("/old-{number}"));
        server.disk().write(format!("/site/{name}.txt"), b"new");
    };
    let ask_for = |path: &str| answer(&server, &mut ask(&server, path, 4_096));
    assert_eq!(ask_for("/c.txt").1, b"old");
    replace(1, "a");
    let (head, body, _) = ask_for("/a.txt");
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"new", "{head}");
    server.disk().write("/site/b.txt", b"old");
    replace(2, "b");
    assert!(ask_for("/b.txt").0.starts_with("HTTP/1.1 403 "));
    server.pass(SECOND);
    assert_eq!(ask_for("/b.txt").1, b"new");
}

#[test]
fn a_root_is_followed_by_a_worker_that_nobody_asks_too() {
    let server = server(|disk| disk.write("/site/a.txt", b"first"));
    let replace = |content: &[u8]| {
        server.disk().rename("/site", format!("/before-{}", content.len()));
        server.disk().write("/site/a.txt", content);
    };
    assert_eq!(answer(&server, &mut ask(&server, "/a.txt", 4_096)).1, b"first");
    replace(b"the second");
    server.pass(6 * SECOND);
    // With nothing in its place, the one that was followed last is served.
    server.disk().rename("/site", "/last");
    server.pass(2 * SECOND);
    assert_eq!(answer(&server, &mut ask(&server, "/a.txt", 4_096)).1, b"the second");
}

#[test]
fn a_root_that_the_kernel_does_not_remember_is_followed_by_a_worker_that_nobody_asks() {
    let server = server(|disk| disk.write("/site/a.txt", b"first"));
    assert_eq!(answer(&server, &mut ask(&server, "/a.txt", 4_096)).1, b"first");
    server.disk().rename("/site", "/before");
    server.disk().write("/site/a.txt", b"the second");
    server.disk().evict("/site");
    server.pass(6 * SECOND);
    server.disk().rename("/site", "/last");
    server.pass(2 * SECOND);
    assert_eq!(answer(&server, &mut ask(&server, "/a.txt", 4_096)).1, b"the second");
}

#[test]
fn a_root_that_is_gone_is_told_of_by_a_worker_that_nobody_asks() {
    let traced = SimulationOptions { faults: FaultRates::NONE, trace: Keeping::Lines };
    let simulation = Simulation::new(1, traced);
    simulation.disk().make_directory("/site");
    let server = SimulatedServer::start_in(simulation, ServerOptions::default(), |_| {
        serve_files(Files::open(FileOptions::new("/site")).expect("the root is there"))
    });
    server.disk().rename("/site", "/before");
    server.pass(6 * SECOND);
    let is_told =
        |line: &String| line.contains("\"/site\": ") && line.contains("is served until there is one again");
    assert_eq!(server.take_trace().iter().filter(|line| is_told(line)).count(), 1);
}

#[test]
fn a_sibling_that_may_not_be_read_is_as_if_it_were_not_there() {
    let server = server(|disk| {
        disk.write("/site/a.css", b"as it is");
        disk.write("/site/a.css.br", b"compressed");
        disk.forbid("/site/a.css.br");
    });
    let (head, body, _) = answer(&server, &mut ask(&server, "/a.css", 4_096));
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"as it is", "{head}");
    server.disk().allow("/site/a.css.br");
    server.pass(2 * SECOND);
    let (head, body, _) = answer(&server, &mut ask(&server, "/a.css", 4_096));
    assert!(head.contains("content-encoding: br\r\n") && body == b"compressed", "{head}");
}

#[test]
fn a_change_while_the_disk_stalls_is_recent_when_the_answer_comes() {
    let server = server(|disk| put_stalled(disk, "/site/a.txt", b"old"));
    let mut client = ask(&server, "/a.txt", 4_096);
    server.pass(STALL - Duration::from_millis(100));
    server.disk().write("/site/a.txt", b"new");
    let (head, body, _) = answer(&server, &mut client);
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"new", "{head}");
    // Another change within the same tick of the file system's clock would be seen by nobody.
    assert!(!head.contains("etag:") && !head.contains("last-modified:"), "{head}");
}
