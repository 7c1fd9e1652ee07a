//! A server of files on a disk that stalls and that others write to, in simulated time.

use std::net::SocketAddr;
use std::time::Duration;

use selvedge_http::files::{FileOptions, Files, serve_files};
use selvedge_http::middleware::timeout;
use selvedge_http::{Application, Server};
use selvedge_runtime::sim::{Disk, FaultRates, Peer, PeerEnd, Simulation, SimulationOptions};
use selvedge_runtime::{Pinning, WatchdogSetting};

/// How long the disk takes for what is not in memory.
const STALL: Duration = Duration::from_secs(40);

struct Machine {
    simulation: Simulation,
    server: Option<Server>,
    address: SocketAddr,
}

impl Machine {
    /// A machine whose disk `prepare` fills, and a server of `/site` with a time for each answer.
    fn new(answers_within: Duration, prepare: impl FnOnce(&Disk)) -> Self {
        let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
        let simulation = Simulation::new(1, options);
        prepare(&simulation.disk());
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let server = Server::builder()
            .listen(address)
            .workers(1)
            .runtime(|runtime| runtime.pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
            .start(move |_| {
                let files = Files::open(FileOptions::new("/site")).expect("the root is there");
                serve_files(files).with(timeout(answers_within))
            })
            .expect("a simulated machine has all it needs");
        Self { simulation, server: Some(server), address }
    }

    fn disk(&self) -> Disk {
        self.simulation.disk()
    }

    fn now(&self) -> Duration {
        self.simulation.elapsed()
    }

    /// A client that has asked for a path, and has room for so many octets.
    fn ask(&self, path: &str, room_bytes: usize) -> Peer {
        let peer = self.simulation.connect(self.address, 1 << 16, room_bytes).expect("it listens");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n");
        assert_eq!(peer.send(request.as_bytes()), request.len());
        peer
    }

    /// Lets the time pass.
    fn pass(&self, time: Duration) {
        let until = self.now() + time;
        self.simulation.alarm(time, 1);
        self.simulation.run_while(|| self.now() < until);
    }

    /// Reads until the connection ends: the head, the body, and the time that took.
    fn read_to_end(&self, peer: &Peer) -> (String, Vec<u8>, Duration) {
        let begun = self.now();
        let mut received = Vec::new();
        self.simulation.run_while(|| peer.receive(&mut received, 1 << 20) == PeerEnd::Open);
        let head_bytes = received.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
        let body = received.split_off(head_bytes);
        (String::from_utf8_lossy(&received).into_owned(), body, self.now() - begun)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.control().stop();
            server.join();
        }
    }
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
    let machine = Machine::new(Duration::from_secs(3_600), |disk| {
        put_stalled(disk, "/site/stalled.txt", b"late");
        put_stalled(disk, "/site/stalled.bin", &[b'x'; 100_000]);
        disk.write("/site/quick.txt", b"at once");
    });
    let (stalled, streamed) = (machine.ask("/stalled.txt", 4_096), machine.ask("/stalled.bin", 1 << 20));
    machine.pass(Duration::from_secs(5));
    let (head, body, took) = machine.read_to_end(&machine.ask("/quick.txt", 4_096));
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"at once", "{head}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let (head, body, took) = machine.read_to_end(&stalled);
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"late", "{head}");
    assert!(took > Duration::from_secs(34) && took < Duration::from_secs(37), "{took:?}");
    assert_eq!(machine.read_to_end(&streamed).1, [b'x'; 100_000]);
}

#[test]
fn who_waits_for_a_stalled_disk_is_answered_at_the_deadline() {
    let machine = Machine::new(Duration::from_secs(3), |disk| put_stalled(disk, "/site/a.txt", b"late"));
    let (head, _, took) = machine.read_to_end(&machine.ask("/a.txt", 4_096));
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(4), "{took:?}");
    // What was given up does not keep the file from whoever comes when the disk works again.
    machine.pass(STALL);
    let (head, body, _) = machine.read_to_end(&machine.ask("/a.txt", 4_096));
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"late", "{head}");
}

#[test]
fn a_stop_does_not_wait_for_a_disk_that_stalls() {
    let mut machine = Machine::new(Duration::from_secs(3_600), |disk| {
        put_stalled(disk, "/site/a.bin", &[b'x'; 100_000]);
    });
    let peer = machine.ask("/a.bin", 4_096);
    machine.pass(Duration::from_secs(1));
    let (server, begun) = (machine.server.take().expect("it runs"), machine.now());
    server.control().stop();
    machine.simulation.run_while(|| machine.simulation.workers() > 0);
    let took = machine.now() - begun;
    assert!(took >= Duration::from_secs(8) && took < Duration::from_secs(9), "the drain's 8 s: {took:?}");
    server.join();
    drop(peer);
}

#[test]
fn a_file_cut_short_while_it_is_sent_ends_the_connection() {
    let content: Vec<u8> = (0_u32..200_000).flat_map(u32::to_be_bytes).collect();
    let machine = Machine::new(Duration::from_secs(3_600), |disk| {
        disk.write("/site/a.bin", &content);
        disk.set_modified("/site/a.bin", 1_000_000_000);
    });
    let peer = machine.ask("/a.bin", 10_000);
    machine.pass(Duration::from_secs(1));
    machine.disk().truncate("/site/a.bin", 500_000);
    let (head, body, _) = machine.read_to_end(&peer);
    assert!(head.contains("content-length: 800000\r\n"), "{head}");
    assert!(body.len() <= 500_000 && content.starts_with(&body), "{} octets came", body.len());
}

#[test]
fn a_file_written_to_while_the_disk_reads_its_end_is_no_whole_answer() {
    let machine = Machine::new(Duration::from_secs(3_600), |disk| {
        put_stalled(disk, "/site/a.bin", &[b'x'; 200_000]);
    });
    // It comes in blocks of 128 KiB.
    let peer = machine.ask("/a.bin", 1 << 20);
    machine.pass(STALL + STALL / 2);
    machine.disk().write("/site/a.bin", &[b'y'; 200_000]);
    let (head, body, _) = machine.read_to_end(&peer);
    assert!(head.contains("content-length: 200000\r\n"), "{head}");
    assert!(body.len() < 200_000, "a mixture of two versions passes for one");
}

#[test]
fn a_sibling_that_may_not_be_read_is_as_if_it_were_not_there() {
    let machine = Machine::new(Duration::from_secs(3_600), |disk| {
        disk.write("/site/a.css", b"as it is");
        disk.write("/site/a.css.br", b"compressed");
        disk.forbid("/site/a.css.br");
    });
    let (head, body, _) = machine.read_to_end(&machine.ask("/a.css", 4_096));
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"as it is", "{head}");
    machine.disk().allow("/site/a.css.br");
    machine.pass(Duration::from_secs(2));
    let (head, body, _) = machine.read_to_end(&machine.ask("/a.css", 4_096));
    assert!(head.contains("content-encoding: br\r\n") && body == b"compressed", "{head}");
}

#[test]
fn a_change_while_the_disk_stalls_is_recent_when_the_answer_comes() {
    let machine = Machine::new(Duration::from_secs(3_600), |disk| put_stalled(disk, "/site/a.txt", b"old"));
    let peer = machine.ask("/a.txt", 4_096);
    machine.pass(STALL - Duration::from_millis(100));
    machine.disk().write("/site/a.txt", b"new");
    let (head, body, _) = machine.read_to_end(&peer);
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"new", "{head}");
    // Another change within the same tick of the file system's clock would be seen by nobody.
    assert!(!head.contains("etag:") && !head.contains("last-modified:"), "{head}");
}
