//! The ceiling of memory that the start line tells, under an attack that fills everything at once.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};

use support::{Client, Server, Site, get, request, write_pattern};

const CONNECTIONS: usize = 256;
/// Connections of each kind; some are left for the clients that look whether it still serves.
const OF_A_KIND: usize = 62;

/// What one connection does: sends its octets again and again as long as they are taken, and reads nothing.
struct Attacker {
    stream: TcpStream,
    octets: Vec<u8>,
    sent: usize,
    bytes_max: usize,
}

impl Attacker {
    fn new(address: SocketAddr, octets: impl Into<Vec<u8>>, bytes_max: usize) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream, octets: octets.into(), sent: 0, bytes_max }
    }

    /// Sends what is taken now: how many octets.
    fn go_on(&mut self) -> usize {
        let before = self.sent;
        while self.sent < self.bytes_max {
            let start = self.sent % self.octets.len();
            let end = self.octets.len().min(start + self.bytes_max - self.sent);
            match self.stream.write(&self.octets[start..end]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The server has had enough of it.
                Err(_) => self.bytes_max = self.sent,
            }
        }
        self.sent - before
    }
}

/// The most that was resident, in bytes (proc_pid_status(5)).
fn most_resident_bytes(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.pid().as_raw_nonzero());
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// The ceiling in the start line. Numbers there are rounded up.
fn ceiling_bytes(banner: &str) -> u64 {
    let (_, text) = banner.split_once("(at most ").unwrap();
    let (text, _) = text.split_once(')').unwrap();
    let (number, unit) = text.split_once(' ').unwrap();
    let unit: u64 = match unit {
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => panic!("{other}"),
    };
    (number.parse::<f64>().unwrap() * unit as f64) as u64
}

/// A site of more files of each kind than a worker keeps.
fn site() -> Site {
    let site = Site::new();
    for number in 0..3_200 {
        write_pattern(&site.join(&format!("small-{number}")), 3_500);
    }
    for number in 0..220 {
        write_pattern(&site.join(&format!("middle-{number}")), 60_000);
    }
    write_pattern(&site.join("large"), 8 << 20);
    site
}

#[test]
fn the_ceiling_in_the_start_line_holds_under_an_attack_and_is_not_far_above_it() {
    let site = site();
    let server = Server::with(
        site.path(),
        &["-j", "1", "--max-connections", &CONNECTIONS.to_string(), "--drain", "0"],
    );
    let (address, ceiling) = (server.address(), ceiling_bytes(server.banner()));
    let at_start = most_resident_bytes(&server);

    // The caches.
    let mut client = Client::connect(address);
    for number in 0..3_200 {
        assert_eq!(client.get(&format!("/small-{number}")).status, 200);
    }
    for number in 0..220 {
        assert_eq!(client.get(&format!("/middle-{number}")).status, 200);
    }
    for number in 0..1_100 {
        assert_eq!(client.get(&format!("/{number}-{}", "n".repeat(1_000))).status, 404);
    }
    drop(client);
    let cached = most_resident_bytes(&server);

    // Heads of nearly 16 KiB that do not end, requests without end for answers that nobody reads (in memory, from files, in
    // parts), and bodies that do not come.
    let head = format!("GET / HTTP/1.1\r\nhost: h\r\n{}", "x-filler: of a hundred octets\r\n".repeat(80));
    let long = format!("{head}x-long: {}", "y".repeat(13_000));
    let parts = "bytes=0-99999,200000-299999,400000-499999";
    let kinds: [(String, usize); 4] = [
        (long.clone(), long.len()),
        ((0..220).map(|number| request("GET", &format!("/middle-{number}"), &[])).collect(), 4 << 20),
        (request("GET", "/large", &[("range", parts)]).repeat(20), 4 << 20),
        (
            format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n{}", "z".repeat(60_000)),
            60_000,
        ),
    ];
    let mut attackers: Vec<_> = kinds
        .iter()
        .flat_map(|(octets, bytes_max)| {
            (0..OF_A_KIND).map(move |_| Attacker::new(address, octets.clone(), *bytes_max))
        })
        .collect();
    // Until nobody gets rid of anything any more, while the server does something else meanwhile.
    let mut still = 0;
    while still < 20 {
        let sent: usize = attackers.iter_mut().map(Attacker::go_on).sum();
        assert_eq!(get(address, "/small-1").status, 200, "it still serves");
        still = if sent == 0 { still + 1 } else { 0 };
    }
    let reached = most_resident_bytes(&server);
    println!(
        "{} MiB at the start, {} with full caches, {} under attack; at most {}",
        at_start >> 20,
        cached >> 20,
        reached >> 20,
        ceiling >> 20
    );
    assert!(reached <= ceiling, "{reached} bytes were resident, and the start line says {ceiling} at most");
    assert!(ceiling <= 4 * reached, "{ceiling} bytes say little where {reached} are reached");
}
