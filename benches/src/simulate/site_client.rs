//! Clients of the site: what each asks for and when, how it reads, and how it ends.

use std::collections::VecDeque;
use std::time::Duration;

use selvedge_http::files::TagSource;
use selvedge_runtime::sim::{Dice, Peer, PeerEnd, Simulation};

use super::patience::{ARRIVED_AFTER, LATE_MAX};
use super::site_answer::Answer;
use super::site_editor::Editor;
use super::site_history::History;
use super::site_oracle::{Case, Disk};
use super::site_requests::Asked;

/// Where nothing fails, and nothing is slow, more of an answer comes by then.
const SILENT_MAX: Duration = Duration::from_secs(5);

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
    /// A server that stops has let the client go, and owed it nothing; or its drain was over.
    Released,
    /// The client went away, as it meant to.
    Left,
}

/// Whether the server was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Serves,
    Stops {
        since: Duration,
        /// Then it cuts off who is still there.
        drain_over: Duration,
    },
}

/// Whether the machine may be slow, or repeat itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    /// No fault ever.
    IsCalm,
    HasFaults,
}

/// What clients must know of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) machine: Machine,
    pub(super) disk: Disk,
    pub(super) tags: TagSource,
    pub(super) server: Server,
}

impl Terms {
    fn case<'a>(&self, asked: &'a Asked, now: Duration) -> Case<'a> {
        Case { asked, now, disk: self.disk, tags: self.tags }
    }
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
    /// When something came last, or was asked for where nothing was under way.
    heard_at: Duration,
    /// The alarm at which silence is looked at.
    looks_at: Duration,
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
            heard_at: Duration::ZERO,
            looks_at: Duration::ZERO,
            answered: 0,
            outcome: None,
            dice,
        }
    }

    /// It has come: with a connection, unless the server takes none any more.
    ///
    /// # Errors
    /// When one that serves takes none.
    pub(super) fn connect(&mut self, peer: Option<Peer>, terms: &Terms) -> Result<(), String> {
        if peer.is_none() {
            if terms.server == Server::Serves {
                return Err(format!("client {} was refused by a server that serves", self.number));
            }
            self.outcome = Some(Outcome::Released);
        }
        self.peer = peer;
        Ok(())
    }

    /// Something may be to do: news of its connection, or an alarm of its own.
    ///
    /// # Errors
    /// What the server did and must not do.
    pub(super) fn go_on(
        &mut self,
        simulation: &Simulation,
        editor: &mut Editor,
        terms: &Terms,
    ) -> Result<(), String> {
        if self.outcome.is_some() {
            return Ok(());
        }
        let told = |client: &Self, wrong| format!("client {} ({:?}): {wrong}", client.number, client.kind);
        self.ask(simulation, editor);
        let end = self.receive(simulation);
        self.take_answers(simulation, &mut editor.history, terms).map_err(|wrong| told(self, wrong))?;
        if self.kind == Kind::Aborter && self.answered >= self.leaves_after as u64 {
            let peer = self.peer.take();
            if self.dice.below(2) == 0 {
                peer.into_iter().for_each(Peer::reset);
            }
            self.outcome = Some(Outcome::Left);
        } else if self.outcome.is_some() || self.left_to_ask == 0 && self.under_way.is_empty() {
            if !self.received.is_empty() {
                return Err(told(self, "octets beyond the last answer".to_owned()));
            }
            self.outcome = self.outcome.or(Some(Outcome::Whole));
            self.peer = None;
        } else if end != PeerEnd::Open {
            self.peer = None;
            let judged = self.judge_end(simulation.elapsed(), &editor.history, terms);
            self.outcome = Some(judged.map_err(|wrong| told(self, wrong))?);
        } else {
            self.ask(simulation, editor);
            self.judge_silence(simulation, terms).map_err(|wrong| told(self, wrong))?;
        }
        Ok(())
    }

    fn ask(&mut self, simulation: &Simulation, editor: &Editor) {
        let now = simulation.elapsed();
        if self.under_way.is_empty() {
            self.heard_at = now;
        }
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

    /// Reads what has come, as much as such a client does at once.
    fn receive(&mut self, simulation: &Simulation) -> PeerEnd {
        let Some(peer) = &self.peer else { return PeerEnd::Open };
        let bytes_max = match self.kind {
            Kind::SlowReader => {
                let pause = Duration::from_micros(self.dice.within(1_000..=60_000));
                simulation.alarm(pause, self.number);
                self.dice.within(1..=60_000) as usize
            }
            _ => 1 << 20,
        };
        let before = self.received.len();
        let end = peer.receive(&mut self.received, bytes_max);
        if self.received.len() > before {
            self.heard_at = simulation.elapsed();
        }
        end
    }

    /// Judges the answers that are whole by now.
    fn take_answers(
        &mut self,
        simulation: &Simulation,
        history: &mut History,
        terms: &Terms,
    ) -> Result<(), String> {
        let now = simulation.elapsed();
        while let Some(asked) = self.under_way.front() {
            let Some(answer) = Answer::read(&self.received, asked.method)? else { break };
            if !answer.is_whole(&self.received) {
                break;
            }
            terms.case(asked, now).judge(&answer, history)?;
            let (length, closes) = (answer.length, answer.closes());
            if closes && terms.server == Server::Serves {
                return Err(format!("closes, and nobody has asked for that: {:?}", answer.head));
            }
            self.received.drain(..length);
            self.under_way.pop_front();
            self.answered += 1;
            if closes {
                // What was asked behind it is not answered.
                let is_last = self.left_to_ask == 0 && self.under_way.is_empty();
                self.outcome = Some(if is_last { Outcome::Whole } else { Outcome::Released });
                break;
            }
            if self.kind == Kind::Pausing {
                let pause = Duration::from_micros(self.dice.within(1_000..=1_500_000));
                self.asks_again_at = now + pause;
                simulation.alarm(pause, self.number);
            }
        }
        Ok(())
    }

    /// The connection has ended, before the client has had all it wanted: how it is to be counted.
    fn judge_end(&self, now: Duration, history: &History, terms: &Terms) -> Result<Outcome, String> {
        let Some(asked) = self.under_way.front() else {
            return match (terms.server, terms.disk) {
                (Server::Stops { .. }, _) => Ok(Outcome::Released),
                (Server::Serves, Disk::Fails) => Ok(Outcome::Cut),
                (Server::Serves, Disk::Works) => Err("closed between requests".to_owned()),
            };
        };
        let case = terms.case(asked, now);
        case.judge_beginning(&self.received, history)?;
        let is_owed = match terms.server {
            Server::Serves => true,
            Server::Stops { since, drain_over } => {
                let has_arrived = self.unsent.is_empty() && asked.at + ARRIVED_AFTER <= since;
                has_arrived && now + LATE_MAX < drain_over
            }
        };
        match is_owed {
            true => case.judge_cut(&self.received, history).map(|()| Outcome::Cut),
            false => Ok(Outcome::Released),
        }
    }

    /// Where nothing holds an answer up, it comes.
    fn judge_silence(&mut self, simulation: &Simulation, terms: &Terms) -> Result<(), String> {
        let now = simulation.elapsed();
        let hurries = terms.machine == Machine::IsCalm && self.kind != Kind::SlowReader;
        if !hurries || self.under_way.is_empty() {
            return Ok(());
        }
        let due = self.heard_at + SILENT_MAX;
        if now >= due {
            return Err(format!("nothing has come since {:?}, at {now:?}: {}", self.heard_at, self.state()));
        }
        if self.looks_at <= now {
            self.looks_at = due;
            simulation.alarm(due - now, self.number);
        }
        Ok(())
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
