//! Clients of all kinds: what each sends and when, how it reads, and how it ends.

use std::time::Duration;

use selvedge_runtime::sim::{Dice, Peer, PeerEnd, Simulation};

use super::application::BODY_BYTES_MAX;
use super::oracle::{Expected, is_beginning, read_answer};

/// What kind of client it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sends when it can and reads at once.
    Quick,
    /// In small pieces with pauses, whatever stands in them.
    Split,
    /// Reads a little now and then.
    SlowReader,
    /// Ends its sending behind its last request, and reads on.
    HalfCloser,
    /// Goes away in the midst of it.
    Aborter,
    /// Stays when it has its answers, until the server has enough of it.
    Idler,
    /// Begins a head and does not end it in time.
    Dripper,
    /// Asks for much and reads nothing.
    NonReader,
}

pub(super) const KINDS: [Kind; 8] = [
    Kind::Quick,
    Kind::Split,
    Kind::SlowReader,
    Kind::HalfCloser,
    Kind::Aborter,
    Kind::Idler,
    Kind::Dripper,
    Kind::NonReader,
];

/// No server waits so long for who reads nothing: write stall, idleness and what stands in buffers at the worst.
const NON_READER_PATIENCE: Duration = Duration::from_secs(400);

/// How a client's connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every request has its answer.
    Whole,
    /// The connection ended before.
    Cut,
    /// The client went away, as it meant to.
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerState {
    Serves,
    Stops,
}

/// One client and its connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) number: usize,
    pub(super) kind: Kind,
    peer: Option<Peer>,
    dice: Dice,
    octets: Vec<u8>,
    /// Where each request ends in them.
    ends: Vec<usize>,
    expected: Vec<Expected>,
    /// Requests under way at once.
    depth: usize,
    sent: usize,
    received: Vec<u8>,
    answered: usize,
    /// Where an aborter goes away, in octets sent.
    leaves_at: usize,
    last_answer: Duration,
    connected_at: Duration,
    /// Whether the server may close whatever it likes to.
    server: ServerState,
    pub(super) outcome: Option<Outcome>,
}

impl Client {
    pub(super) fn new(number: usize, requests: usize, dice: &mut Dice) -> Self {
        let mut dice = dice.fork();
        // Most are of the usual kind.
        let kind = if dice.below(3) == 0 { *dice.pick(&KINDS) } else { Kind::Quick };
        let mut client = Self {
            number,
            kind,
            peer: None,
            octets: Vec::new(),
            ends: Vec::new(),
            expected: Vec::new(),
            depth: if dice.below(2) == 0 { 1 } else { dice.within(2..=requests.max(2) as u64) as usize },
            sent: 0,
            received: Vec::new(),
            answered: 0,
            leaves_at: 0,
            last_answer: Duration::ZERO,
            connected_at: Duration::ZERO,
            server: ServerState::Serves,
            outcome: None,
            dice,
        };
        for index in 0..requests {
            client.add_request((number * 1_000 + index) as u64);
        }
        if client.dice.below(3) == 0 && !matches!(kind, Kind::Idler | Kind::Dripper | Kind::NonReader) {
            client.add_last((number * 1_000 + requests) as u64);
        }
        if kind == Kind::Dripper {
            // A head that does not end behind the last request.
            client.octets.extend_from_slice(b"GET /text/1/1 HTTP/1.1\r\nHost: never");
        }
        client.leaves_at = client.dice.below(client.octets.len() as u64 + 1) as usize;
        client
    }

    fn add_request(&mut self, id: u64) {
        let mut length = match self.dice.below(12) {
            0 => self.dice.within(100_000..=400_000) as usize,
            1..=3 => self.dice.within(4_000..=40_000) as usize,
            _ => self.dice.below(600) as usize,
        };
        if self.kind == Kind::NonReader {
            length += 1_000_000;
        }
        let piece = self.dice.within(1..=20_000).max(length as u64 / 50);
        let pause = self.dice.within(0..=30);
        let path = match self.dice.below(8) {
            0 => format!("/stream/{id}/{length}/{piece}"),
            1 => format!("/wait/{id}/{length}/{pause}"),
            2 => format!("/helper/{id}/{length}"),
            3 | 4 => {
                self.add_upload(id, length.min(BODY_BYTES_MAX));
                return;
            }
            _ => format!("/text/{id}/{length}"),
        };
        let is_head = self.dice.below(10) == 0;
        let method = if is_head { "HEAD" } else { "GET" };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: simulated\r\nX-Id: {id}\r\n\r\n");
        self.octets.extend_from_slice(request.as_bytes());
        self.ends.push(self.octets.len());
        self.expected.push(Expected { is_head, ..Expected::of_pattern(id, length) });
    }

    /// A request behind which the server closes.
    fn add_last(&mut self, id: u64) {
        let length = self.dice.below(5_000) as usize;
        let (request, status) = match self.dice.below(6) {
            0 => (format!("GET /text/{id}/{length} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 200),
            1 => (format!("GET /text/{id}/{length} HTTP/1.0\r\n\r\n"), 200),
            2 => ("GET /text/1/1 HTTP/1.1\r\n\r\n".to_owned(), 400),
            3 => (
                "GET /text/1/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
                    .to_owned(),
                400,
            ),
            4 => (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9_000)), 414),
            _ => ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), 505),
        };
        self.octets.extend_from_slice(request.as_bytes());
        self.ends.push(self.octets.len());
        let expected = Expected::of_pattern(id, length);
        self.expected.push(Expected { status, closes: true, ..expected });
    }

    fn add_upload(&mut self, id: u64, length: usize) {
        let expected = Expected::of_pattern(id, length);
        let path = if self.dice.below(2) == 0 { "/echo" } else { "/through" };
        let head = format!("POST {path} HTTP/1.1\r\nHost: simulated\r\nX-Id: {id}\r\n");
        self.octets.extend_from_slice(head.as_bytes());
        if self.dice.below(2) == 0 {
            self.octets.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
            self.octets.extend_from_slice(&expected.body);
        } else {
            self.octets.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            let mut rest = &expected.body[..];
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(self.dice.within(1..=rest.len() as u64) as usize);
                self.octets.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                self.octets.extend_from_slice(chunk);
                self.octets.extend_from_slice(b"\r\n");
                rest = after;
            }
            self.octets.extend_from_slice(b"0\r\n\r\n");
        }
        self.ends.push(self.octets.len());
        self.expected.push(expected);
    }

    pub(super) fn connect(&mut self, simulation: &Simulation, peer: Option<Peer>) {
        if peer.is_none() {
            self.outcome = Some(Outcome::Cut);
        }
        if self.kind == Kind::NonReader {
            simulation.alarm(NON_READER_PATIENCE, self.number as u64);
        }
        self.connected_at = simulation.elapsed();
        self.peer = peer;
    }

    /// The server has been told to stop.
    pub(super) fn server_stops(&mut self) {
        self.server = ServerState::Stops;
    }

    /// The number of its connection.
    pub(super) fn peer(&self) -> Option<usize> {
        self.peer.as_ref().map(Peer::number)
    }

    /// Something may be to do.
    ///
    /// # Errors
    /// What the server did and must not do.
    pub(super) fn go_on(&mut self, simulation: &Simulation) -> Result<(), String> {
        if self.outcome.is_some() || self.peer.is_none() {
            return Ok(());
        }
        self.send(simulation);
        let end = self.read()?;
        if self.kind == Kind::Aborter && self.sent >= self.leaves_at {
            let peer = self.peer.take();
            if self.dice.below(2) == 0 {
                peer.into_iter().for_each(Peer::reset);
            }
            self.outcome = Some(Outcome::Left);
            return Ok(());
        }
        self.judge(simulation)?;
        if end != PeerEnd::Open && self.outcome.is_none() {
            self.end(simulation, end)?;
        }
        Ok(())
    }

    fn send(&mut self, simulation: &Simulation) {
        let Some(peer) = &self.peer else { return };
        let under_way = (self.answered + self.depth).min(self.ends.len());
        let mut until = match under_way {
            0 => 0,
            all if all == self.ends.len() => self.octets.len(),
            some => self.ends[some - 1],
        };
        if self.kind == Kind::Aborter {
            until = until.min(self.leaves_at);
        }
        if self.sent >= until {
            return;
        }
        match self.kind {
            Kind::Split => {
                let piece = self.dice.within(1..=200) as usize;
                self.sent += peer.send(&self.octets[self.sent..until.min(self.sent + piece)]);
                // Bodies have a slowest rate, and heads their time.
                let pause = Duration::from_micros(self.dice.within(10..=20_000));
                simulation.alarm(pause, self.number as u64);
            }
            _ => self.sent += peer.send(&self.octets[self.sent..until]),
        }
        if self.kind == Kind::HalfCloser && self.sent == self.octets.len() {
            peer.shut_down_write();
        }
    }

    fn read(&mut self) -> Result<PeerEnd, String> {
        let Some(peer) = &self.peer else { return Ok(PeerEnd::Open) };
        match self.kind {
            Kind::NonReader if peer.is_reset() => Ok(PeerEnd::Reset),
            Kind::NonReader => Ok(PeerEnd::Open),
            Kind::SlowReader => Ok(PeerEnd::Open),
            _ => Ok(peer.receive(&mut self.received, 1 << 20)),
        }
    }

    /// An alarm of its own has come.
    pub(super) fn tick(&mut self, simulation: &Simulation) -> Result<(), String> {
        if self.kind == Kind::SlowReader && self.outcome.is_none() {
            let Some(peer) = &self.peer else { return Ok(()) };
            let some = self.dice.within(1..=30_000) as usize;
            let end = peer.receive(&mut self.received, some);
            simulation.alarm(Duration::from_micros(self.dice.within(100..=50_000)), self.number as u64);
            self.judge(simulation)?;
            if end != PeerEnd::Open && self.outcome.is_none() {
                self.end(simulation, end)?;
            }
        }
        let is_over = simulation.elapsed() >= self.connected_at + NON_READER_PATIENCE;
        if self.kind == Kind::NonReader && self.outcome.is_none() && is_over {
            let peer = self.peer.take();
            if peer.is_some_and(|peer| !peer.is_abandoned()) {
                return Err(format!("client {}: held though it reads nothing", self.number));
            }
            self.outcome = Some(Outcome::Left);
        }
        self.go_on(simulation)
    }

    /// Takes the answers that have come.
    fn judge(&mut self, simulation: &Simulation) -> Result<(), String> {
        while let Some(expected) = self.expected.get(self.answered) {
            let Some(answer) = read_answer(&self.received, expected.is_head)? else {
                return is_beginning(&self.received, expected);
            };
            if answer.status != expected.status {
                return Err(format!(
                    "client {} ({:?}): {} for request {}: {}",
                    self.number,
                    self.kind,
                    answer.status,
                    expected.id,
                    String::from_utf8_lossy(&answer.body)
                ));
            }
            if expected.closes && !answer.closes {
                return Err(format!("client {}: the answer to {} does not close", self.number, expected.id));
            }
            if expected.status == 200 && !expected.is_head && answer.body != expected.body {
                return Err(format!(
                    "client {}: the answer to {} has {} octets that are not its {}",
                    self.number,
                    expected.id,
                    answer.body.len(),
                    expected.body.len()
                ));
            }
            self.received.drain(..answer.length);
            self.answered += 1;
            self.last_answer = simulation.elapsed();
            let now_more = self.answered < self.expected.len();
            if answer.closes && now_more {
                return Ok(());
            }
            if now_more {
                self.send(simulation);
            }
        }
        match self.kind {
            // They wait for what the server does.
            Kind::Idler | Kind::Dripper => {}
            _ => {
                if !self.received.is_empty() {
                    return Err(format!(
                        "client {}: {} octets beyond the last answer",
                        self.number,
                        self.received.len()
                    ));
                }
                self.outcome = Some(Outcome::Whole);
                self.peer = None;
            }
        }
        Ok(())
    }

    /// The server has ended the connection.
    fn end(&mut self, simulation: &Simulation, end: PeerEnd) -> Result<(), String> {
        let all = self.answered == self.expected.len();
        let since_answer = simulation.elapsed().saturating_sub(self.last_answer);
        if all && self.kind == Kind::Dripper && !self.received.is_empty() {
            // It may be cut off as any other.
            if let Some(answer) = read_answer(&self.received, false)?
                && answer.status != 408
            {
                return Err(format!("client {}: {} to half a head", self.number, answer.status));
            }
        }
        let serves = self.server == ServerState::Serves;
        if all
            && serves
            && self.kind == Kind::Idler
            && end == PeerEnd::Ended
            && since_answer < Duration::from_secs(74)
        {
            return Err(format!("client {}: closed after {since_answer:?} of idleness", self.number));
        }
        self.outcome = Some(if all { Outcome::Whole } else { Outcome::Cut });
        self.peer = None;
        Ok(())
    }

    /// Whether it does nothing that a server may end its connection for.
    pub(super) fn is_benign(&self) -> bool {
        matches!(self.kind, Kind::Quick | Kind::Split | Kind::SlowReader | Kind::HalfCloser | Kind::Idler)
    }

    /// What is left to happen, for a report.
    pub(super) fn state(&self) -> String {
        format!(
            "client {} ({:?}) of connection {:?}: {} of {} octets sent, {} of {} answered, {} octets of the next",
            self.number,
            self.kind,
            self.peer(),
            self.sent,
            self.octets.len(),
            self.answered,
            self.expected.len(),
            self.received.len()
        )
    }
}
