//! Clients of all kinds: what each sends and when, how it reads, how its connection ends, and when that must be.

use std::time::Duration;

use selvedge_http::Timeouts;
use selvedge_runtime::sim::{Dice, Peer, PeerEnd, Simulation};

use super::oracle::{Answers, ServerState};
use super::patience::arrived_after;
use super::script::{Ending, Script};
use super::setting::Setting;

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
    /// Begins a head and does not end it.
    Dripper,
    /// Begins a body and does not end it.
    Staller,
    /// Asks for much and reads nothing.
    NonReader,
}

const KINDS: [Kind; 9] = [
    Kind::Quick,
    Kind::Split,
    Kind::SlowReader,
    Kind::HalfCloser,
    Kind::Aborter,
    Kind::Idler,
    Kind::Dripper,
    Kind::Staller,
    Kind::NonReader,
];

/// How a client's connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every request has its answer, and the end was as it should be.
    Whole,
    /// The connection ended before, and the client has done nothing for that.
    Cut,
    /// A server that stops has let the client go, and owed it nothing.
    Released,
    /// The client has ended it, or has had it ended, as it meant to.
    Left,
}

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Asks,
    /// All is answered, since then; the end is to come.
    Ends(Duration),
}

/// What clients must know of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) timeouts: Timeouts,
    /// Whether there is room for everybody at any time.
    pub(super) room: Room,
    /// A request that was sent so long before a stop has arrived.
    pub(super) arrived_after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    ForAll,
    ForSome,
}

/// One client and its connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) number: usize,
    pub(super) kind: Kind,
    pub(super) script: Script,
    pub(super) answers: Answers,
    pub(super) terms: Terms,
    pub(super) peer: Option<Peer>,
    dice: Dice,
    sent: usize,
    pub(super) phase: Phase,
    /// Where an aborter goes away, in octets sent.
    leaves_at: usize,
    pub(super) connected_at: Duration,
    pub(super) last_answer: Duration,
    /// When the answer before the last one had come.
    pub(super) previous_answer: Duration,
    /// When each request was sent.
    pub(super) sent_at: Vec<Duration>,
    /// When what stalls was begun, and when it stalled.
    pub(super) stalled: Option<(Duration, Duration)>,
    pub(super) server: ServerState,
    /// When the server was told to stop; at the start if it was not.
    pub(super) stopped_at: Duration,
    /// When the connection ended by the server.
    pub(super) ended_at: Duration,
    pub(super) outcome: Option<Outcome>,
}

impl Client {
    pub(super) fn new(number: usize, requests: usize, setting: &Setting, dice: &mut Dice) -> Self {
        let mut dice = dice.fork();
        // Most are of the usual kind.
        let mut kind = if dice.below(3) == 0 { *dice.pick(&KINDS) } else { Kind::Quick };
        if setting.requests_max.is_some() && matches!(kind, Kind::Idler | Kind::Dripper | Kind::Staller) {
            kind = Kind::Quick;
        }
        let script = Script::new(kind, (number, requests), setting, &mut dice);
        let room = if setting.connections_open_max() < 1_000 { Room::ForSome } else { Room::ForAll };
        Self {
            number,
            kind,
            answers: Answers::new(script.expected.clone()),
            terms: Terms {
                timeouts: setting.timeouts,
                room,
                arrived_after: arrived_after(setting.receive_buffers),
            },
            peer: None,
            leaves_at: dice.below(script.octets.len() as u64 + 1) as usize,
            script,
            dice,
            sent: 0,
            phase: Phase::Asks,
            connected_at: Duration::ZERO,
            last_answer: Duration::ZERO,
            previous_answer: Duration::ZERO,
            sent_at: Vec::new(),
            stalled: None,
            server: ServerState::Serves,
            stopped_at: Duration::ZERO,
            ended_at: Duration::ZERO,
            outcome: None,
        }
    }

    pub(super) fn connect(&mut self, simulation: &Simulation, peer: Option<Peer>) -> Result<(), String> {
        if peer.is_none() {
            if self.server == ServerState::Serves {
                return Err(format!("client {} was refused by a server that serves", self.number));
            }
            self.outcome = Some(Outcome::Released);
        }
        self.connected_at = simulation.elapsed();
        self.peer = peer;
        if let Some(within) = self.over_within() {
            self.wake_after(simulation, within);
        }
        self.tick(simulation)
    }

    pub(super) fn wake_after(&self, simulation: &Simulation, after: Duration) {
        simulation.alarm(after, self.number as u64);
    }

    /// The server has been told to stop.
    pub(super) fn server_stops(&mut self, simulation: &Simulation) {
        self.server = ServerState::Stops;
        self.stopped_at = simulation.elapsed();
        if let Phase::Ends(_) = self.phase
            && self.outcome.is_none()
        {
            self.wake_after(simulation, self.ends_within());
        }
    }

    /// What its socket takes at least. A slow reader that takes less is slower than deadlines allow: a request that it may send
    /// only when it has read what stands before would be late.
    pub(super) fn receive_bytes_min(&self) -> u64 {
        if self.kind == Kind::SlowReader { 20_000 } else { 0 }
    }

    /// The number of its connection.
    pub(super) fn peer(&self) -> Option<usize> {
        self.peer.as_ref().map(Peer::number)
    }

    /// An alarm of its own has come.
    ///
    /// # Errors
    /// What the server did and must not do, or did not and must.
    pub(super) fn tick(&mut self, simulation: &Simulation) -> Result<(), String> {
        if self.outcome.is_some() || self.peer.is_none() {
            return Ok(());
        }
        if self.kind == Kind::SlowReader {
            let some = self.dice.within(1..=30_000) as usize;
            let pause = Duration::from_micros(self.dice.within(100..=50_000));
            self.wake_after(simulation, pause);
            self.go_on_reading(simulation, some)?;
        } else {
            self.go_on(simulation)?;
        }
        if self.outcome.is_none() { self.judge_time(simulation) } else { Ok(()) }
    }

    /// Something may be to do.
    ///
    /// # Errors
    /// As of [`tick`](Self::tick).
    pub(super) fn go_on(&mut self, simulation: &Simulation) -> Result<(), String> {
        match self.kind {
            // It reads when its time comes.
            Kind::SlowReader => {
                if self.outcome.is_none() {
                    self.send(simulation);
                }
                Ok(())
            }
            _ => self.go_on_reading(simulation, 1 << 20),
        }
    }

    fn go_on_reading(&mut self, simulation: &Simulation, bytes_max: usize) -> Result<(), String> {
        if self.outcome.is_some() {
            return Ok(());
        }
        self.send(simulation);
        if self.kind == Kind::Aborter && self.sent >= self.leaves_at {
            self.leave();
            return Ok(());
        }
        let Some(peer) = &self.peer else { return Ok(()) };
        if self.kind == Kind::NonReader {
            return if peer.is_reset() { self.end(simulation, PeerEnd::Reset) } else { Ok(()) };
        }
        let (mut octets, whole) = (Vec::new(), self.answers.whole());
        let end = peer.receive(&mut octets, bytes_max);
        self.answers
            .take(&octets, self.server)
            .map_err(|error| format!("client {} ({:?}): {error}", self.number, self.kind))?;
        if self.answers.whole() > whole {
            let now = simulation.elapsed();
            self.previous_answer = if self.answers.whole() > whole + 1 { now } else { self.last_answer };
            self.last_answer = now;
            self.send(simulation);
        }
        if !octets.is_empty() {
            // A 100 may have come.
            self.send(simulation);
        }
        if self.phase == Phase::Asks && self.answers.are_whole() && self.sent_all() {
            self.begin_to_end(simulation)?;
        }
        if end != PeerEnd::Open && self.outcome.is_none() {
            return self.end(simulation, end);
        }
        Ok(())
    }

    /// Goes away in the midst of it, by an end or by a reset.
    fn leave(&mut self) {
        let peer = self.peer.take();
        if self.dice.below(2) == 0 {
            peer.into_iter().for_each(Peer::reset);
        }
        self.outcome = Some(Outcome::Left);
    }

    /// Whether every request that is to have an answer is sent, and what comes behind them.
    fn sent_all(&self) -> bool {
        self.sent == self.script.octets.len() || self.answers.have_closed()
    }

    fn send(&mut self, simulation: &Simulation) {
        let Some(peer) = &self.peer else { return };
        // Whoever is told that it was the last asks no more.
        if self.answers.have_closed() {
            return;
        }
        let script = &self.script;
        let under_way = (self.answers.whole() + script.depth).min(script.ends.len());
        let mut until = match under_way {
            all if all == script.ends.len() => script.octets.len(),
            some => script.ends[some - 1],
        };
        let waits = script.holds.iter().find(|(_, request)| !self.answers.has_continued(*request));
        until = until.min(waits.map_or(usize::MAX, |(octet, _)| *octet));
        if self.kind == Kind::Aborter {
            until = until.min(self.leaves_at);
        }
        if self.sent >= until {
            return;
        }
        let before = self.sent;
        match self.kind {
            Kind::Split => {
                let piece = self.dice.within(1..=200) as usize;
                self.sent += peer.send(&script.octets[self.sent..until.min(self.sent + piece)]);
                // Bodies have a slowest rate, and heads their time.
                let pause = Duration::from_micros(self.dice.within(10..=20_000));
                simulation.alarm(pause, self.number as u64);
            }
            _ => self.sent += peer.send(&script.octets[self.sent..until]),
        }
        let now = simulation.elapsed();
        while script.ends.get(self.sent_at.len()).is_some_and(|end| *end <= self.sent) {
            self.sent_at.push(now);
        }
        if let Some(at) = script.stalls_at
            && self.sent > at.max(before)
        {
            let begun = self.stalled.map_or(now, |(begun, _)| begun);
            self.stalled = Some((begun, now));
            self.wake_after(simulation, self.late_answer_within(now).1 - now);
        }
        if self.kind == Kind::HalfCloser && self.sent == self.script.octets.len() {
            peer.shut_down_write();
        }
    }

    /// All is answered: who is to end it now?
    fn begin_to_end(&mut self, simulation: &Simulation) -> Result<(), String> {
        let now = simulation.elapsed();
        self.phase = Phase::Ends(now);
        self.judge_late_answer(now)?;
        match self.script.ending {
            Ending::Client if self.kind == Kind::Quick && self.dice.below(4) == 0 => {
                // It has all it wanted.
                self.peer = None;
                self.outcome = Some(Outcome::Whole);
                return Ok(());
            }
            Ending::Client => self.peer.iter().for_each(Peer::shut_down_write),
            Ending::Server | Ending::Idleness => {}
        }
        self.wake_after(simulation, self.ends_within());
        Ok(())
    }

    /// The connection has ended, and not by the client.
    pub(super) fn end(&mut self, simulation: &Simulation, end: PeerEnd) -> Result<(), String> {
        self.peer = None;
        let now = simulation.elapsed();
        self.ended_at = now;
        let outcome = match (self.phase, self.kind) {
            (_, Kind::NonReader) if now >= self.connected_at + self.terms.timeouts.write_grace => {
                Outcome::Left
            }
            (Phase::Ends(ended), _) if end == PeerEnd::Ended => {
                self.judge_idleness(now - ended)?;
                Outcome::Whole
            }
            _ if self.server == ServerState::Stops && !self.is_owed() => Outcome::Released,
            _ => Outcome::Cut,
        };
        self.outcome = Some(outcome);
        Ok(())
    }

    /// Answers that have come whole.
    pub(super) fn answers(&self) -> u64 {
        self.answers.whole() as u64
    }

    /// Panics of handlers that it has asked for.
    pub(super) fn panics(&self) -> u64 {
        self.script.panics
    }

    /// What is left to happen, for a report.
    pub(super) fn state(&self) -> String {
        format!(
            "client {} ({:?}) of connection {:?}, {:?}: {} of {} octets sent, {} of {} answered, ends by {:?}, next {:?}",
            self.number,
            self.kind,
            self.peer(),
            self.phase,
            self.sent,
            self.script.octets.len(),
            self.answers.whole(),
            self.answers.expected(),
            self.script.ending,
            self.answers.next(),
        )
    }
}
