//! Clients of the site: what each asks for and when, how it reads, and how it ends.

use std::collections::VecDeque;
use std::time::Duration;

use selvedge_runtime::sim::{Dice, Peer, PeerEnd, Simulation};

use super::site_editor::Editor;
use super::site_oracle::{Answer, Disk, judge, judge_cut};
use super::site_requests::Asked;

/// What kind of client it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Asks as soon as it may, and reads at once.
    Quick,
    /// Waits up to a second and a half before it asks again, so that what is remembered of files gets old.
    Pausing,
    /// Reads a little now and then.
    SlowReader,
    /// Goes away in the midst of it.
    Aborter,
}

/// How a client's connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every request has its answer.
    Whole,
    /// The connection ended before, for a reason.
    Cut,
    /// The client went away, as it meant to.
    Left,
}

/// Whether the server was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Serves,
    Stops,
}

/// One client and its connection.
#[derive(Debug)]
pub(super) struct SiteClient {
    number: u64,
    kind: Kind,
    peer: Option<Peer>,
    dice: Dice,
    left_to_ask: usize,
    /// Requests under way at once.
    depth: usize,
    asks_again_at: Duration,
    under_way: VecDeque<Asked>,
    unsent: Vec<u8>,
    received: Vec<u8>,
    /// Answers after which an aborter goes away.
    leaves_after: usize,
    pub(super) answered: u64,
    pub(super) outcome: Option<Outcome>,
}

impl SiteClient {
    pub(super) fn new(number: u64, requests: usize, dice: &mut Dice) -> Self {
        let mut dice = dice.fork();
        let kind = match dice.below(8) {
            0 => Kind::Aborter,
            1 => Kind::SlowReader,
            2..=4 => Kind::Pausing,
            _ => Kind::Quick,
        };
        Self {
            number,
            kind,
            peer: None,
            left_to_ask: requests,
            depth: if dice.below(2) == 0 { 1 } else { dice.within(2..=4) as usize },
            asks_again_at: Duration::ZERO,
            under_way: VecDeque::new(),
            unsent: Vec::new(),
            received: Vec::new(),
            leaves_after: dice.below(requests as u64 + 1) as usize,
            answered: 0,
            outcome: None,
            dice,
        }
    }

    /// It has come: with a connection, unless the server takes none any more.
    pub(super) fn connect(&mut self, peer: Option<Peer>) {
        if peer.is_none() {
            self.outcome = Some(Outcome::Cut);
        }
        self.peer = peer;
    }

    /// Something may be to do: news of its connection, or an alarm of its own.
    ///
    /// # Errors
    /// What the server did and must not do.
    pub(super) fn go_on(
        &mut self,
        simulation: &Simulation,
        editor: &mut Editor,
        disk: Disk,
        server: Server,
    ) -> Result<(), String> {
        let now = simulation.elapsed();
        self.ask(simulation, editor);
        let Some(peer) = &self.peer else { return Ok(()) };
        let bytes_max = match self.kind {
            Kind::SlowReader => {
                let pause = Duration::from_micros(self.dice.within(1_000..=60_000));
                simulation.alarm(pause, self.number);
                self.dice.within(1..=60_000) as usize
            }
            _ => 1 << 20,
        };
        let end = peer.receive(&mut self.received, bytes_max);
        while let Some(asked) = self.under_way.front() {
            let Some(answer) = Answer::read(&self.received, asked.method)? else { break };
            if !answer.is_whole(&self.received) {
                break;
            }
            judge(asked, &answer, &mut editor.history, now, disk)
                .map_err(|wrong| format!("client {} ({:?}): {wrong}", self.number, self.kind))?;
            let (length, closes) = (answer.length, answer.closes());
            self.received.drain(..length);
            self.under_way.pop_front();
            self.answered += 1;
            if closes {
                self.left_to_ask = 0;
                self.under_way.clear();
            }
            if self.kind == Kind::Pausing {
                let pause = Duration::from_micros(self.dice.within(1_000..=1_500_000));
                self.asks_again_at = now + pause;
                simulation.alarm(pause, self.number);
            }
        }
        if self.kind == Kind::Aborter && self.answered >= self.leaves_after as u64 {
            let peer = self.peer.take();
            if self.dice.below(2) == 0 {
                peer.into_iter().for_each(Peer::reset);
            }
            self.outcome = Some(Outcome::Left);
            return Ok(());
        }
        if self.left_to_ask == 0 && self.under_way.is_empty() {
            if !self.received.is_empty() {
                return Err(format!("client {}: octets beyond the last answer", self.number));
            }
            self.outcome = Some(Outcome::Whole);
            self.peer = None;
            return Ok(());
        }
        if end != PeerEnd::Open {
            self.peer = None;
            self.outcome = Some(Outcome::Cut);
            if let (Server::Serves, Some(asked)) = (server, self.under_way.front()) {
                judge_cut(asked, &self.received, &editor.history, now, disk)
                    .map_err(|wrong| format!("client {} ({:?}): {wrong}", self.number, self.kind))?;
            }
            return Ok(());
        }
        self.ask(simulation, editor);
        Ok(())
    }

    fn ask(&mut self, simulation: &Simulation, editor: &Editor) {
        let now = simulation.elapsed();
        while self.left_to_ask > 0 && self.under_way.len() < self.depth && now >= self.asks_again_at {
            let asked = Asked::draw(&mut self.dice, &editor.history, now);
            self.unsent.extend_from_slice(&asked.octets());
            self.under_way.push_back(asked);
            self.left_to_ask -= 1;
        }
        if let Some(peer) = &self.peer {
            let sent = peer.send(&self.unsent);
            self.unsent.drain(..sent);
        }
    }

    /// The number of its connection.
    pub(super) fn number_of_connection(&self) -> Option<usize> {
        self.peer.as_ref().map(Peer::number)
    }

    /// What is left to happen, for a report.
    pub(super) fn state(&self) -> String {
        format!(
            "client {} ({:?}) of connection {:?}: {} answered, {} under way, {} not asked, {} octets of {:?}",
            self.number,
            self.kind,
            self.number_of_connection(),
            self.answered,
            self.under_way.len(),
            self.left_to_ask,
            self.received.len(),
            self.under_way.front(),
        )
    }
}
