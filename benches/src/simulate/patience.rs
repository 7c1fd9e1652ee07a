//! When what must have happened, and when not yet. In: what a client has done, and what has come. Out: whether the server was too
//! early or too late with its words and ends.

use std::time::Duration;

use selvedge_http::Timeouts;
use selvedge_runtime::sim::{Peer, PeerEnd, Simulation};

use super::client::{Client, Kind, Phase, Room};
use super::oracle::ServerState;
use super::script::Ending;

/// What a deadline may be late: a tick of the wheel (100 ms), and the ways there and back (50 ms each at most, and few pieces).
pub(super) const LATE_MAX: Duration = Duration::from_millis(500);
/// An idle connection's time begins when the kernel has its last answer, which is looked at after a second.
const READER_LOOK: Duration = Duration::from_secs(1);
/// Between the last answer, or the client's own end, and the connection's end. To see an end takes a receive buffer: where none is
/// left, it comes when those who do not read theirs have been given up, after a second, and once more after another.
const ENDING_MAX: Duration = Duration::from_secs(3);
/// What a client that behaves takes from its connection on, where nobody waits in a backlog.
const SERVED_WITHIN: Duration = Duration::from_secs(120);
/// A connection, and what it has asked for, is with a worker by then, where nobody waits in a backlog.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(3);
/// A request that was sent so long before a stop has arrived.
pub(super) const ARRIVED_AFTER: Duration = Duration::from_millis(500);
/// The same where receive buffers are so few that a request waits for one, as an end does ([`ENDING_MAX`]).
const ARRIVED_AFTER_WAITING: Duration = ENDING_MAX;
/// With fewer receive buffers it is so.
const BUFFERS_FOR_ALL: u16 = 64;
/// A client that was idle when the server was told to stop is let go at once.
const LET_GO_WITHIN: Duration = Duration::from_millis(500);

/// When a request that was sent has arrived, with so many receive buffers.
pub(super) fn arrived_after(receive_buffers: u16) -> Duration {
    if receive_buffers < BUFFERS_FOR_ALL { ARRIVED_AFTER_WAITING } else { ARRIVED_AFTER }
}

impl Client {
    /// What a client that behaves takes at most, or one that reads nothing.
    pub(super) fn over_within(&self) -> Option<Duration> {
        match (self.kind, self.terms.room) {
            (Kind::NonReader, _) => Some(self.non_reader_patience()),
            (_, Room::ForAll) => Some(SERVED_WITHIN),
            (_, Room::ForSome) => None,
        }
    }

    /// What stands in buffers earns time, but never more than twice the grace ahead.
    fn non_reader_patience(&self) -> Duration {
        self.terms.timeouts.write_grace * 3 + ACCEPTED_WITHIN
    }

    /// From the last answer to the connection's end, at most.
    pub(super) fn ends_within(&self) -> Duration {
        match (self.script.ending, self.server) {
            (Ending::Idleness, ServerState::Serves) => self.terms.timeouts.idle + READER_LOOK + LATE_MAX,
            (Ending::Idleness, ServerState::Stops) => LET_GO_WITHIN,
            (Ending::Client | Ending::Server, _) => ENDING_MAX,
        }
    }

    /// The word that it is late, to who has begun something and has not gone on with it, has come at `now`.
    pub(super) fn judge_late_answer(&self, now: Duration) -> Result<(), String> {
        let Some((begun, _)) = self.stalled else { return Ok(()) };
        let (least, most) = self.late_answer_within(begun);
        if now < least || now > most {
            return Err(format!(
                "client {} ({:?}) was told at {now:?} that it is late: that is due from {least:?} to {most:?}",
                self.number, self.kind
            ));
        }
        Ok(())
    }

    /// The connection has ended, so long after the last answer.
    pub(super) fn judge_idleness(&self, idle: Duration) -> Result<(), String> {
        let is_of_idleness = self.script.ending == Ending::Idleness && self.server == ServerState::Serves;
        // An answer is a moment on its way, so that the server's clock has begun before.
        match is_of_idleness && idle + LATE_MAX < self.terms.timeouts.idle {
            true => Err(format!("client {}: closed after {idle:?} of idleness", self.number)),
            false => Ok(()),
        }
    }

    /// When the word to whoever has begun something at `begun`, and has not gone on with it, comes at least and at most.
    pub(super) fn late_answer_within(&self, begun: Duration) -> (Duration, Duration) {
        let Timeouts { head, body_grace, .. } = self.terms.timeouts;
        let (least, most) = match self.kind {
            Kind::Dripper => (head, head),
            // What has come has earned some time.
            _ => (body_grace, body_grace * 2),
        };
        // It is begun with when what was asked before has been answered.
        let before = if self.answers.are_whole() { self.previous_answer } else { self.last_answer };
        let stalled = self.stalled.map_or(begun, |(_, stalled)| stalled);
        (begun + least, stalled.max(before) + most + LATE_MAX)
    }

    /// What should have happened by now?
    pub(super) fn judge_time(&mut self, simulation: &Simulation) -> Result<(), String> {
        let now = simulation.elapsed();
        let since = |then: Duration| now.saturating_sub(then);
        if self.kind == Kind::NonReader && self.peer.as_ref().is_some_and(Peer::is_abandoned) {
            // An end behind octets that it does not read never comes to it.
            return self.end(simulation, PeerEnd::Ended);
        }
        if self.kind == Kind::NonReader && self.terms.room == Room::ForSome {
            self.wake_after(simulation, self.non_reader_patience());
        }
        let overdue = match self.phase {
            // The stop is what an idle client's time begins anew with.
            Phase::Ends(ended) if self.script.ending == Ending::Idleness => {
                since(ended.max(self.stopped_at)) >= self.ends_within()
            }
            Phase::Ends(ended) => since(ended) >= self.ends_within(),
            Phase::Asks if self.kind == Kind::NonReader => {
                since(self.connected_at) >= self.non_reader_patience() && self.terms.room == Room::ForAll
            }
            Phase::Asks if self.stalled.is_some() && self.server == ServerState::Serves => {
                self.answers.whole() + 1 == self.answers.expected()
                    && now >= self.late_answer_within(Duration::ZERO).1
            }
            Phase::Asks => {
                self.terms.room == Room::ForAll
                    && self.stalled.is_none()
                    && since(self.connected_at) >= SERVED_WITHIN
            }
        };
        if overdue { Err(format!("not over at {now:?}: {}", self.state())) } else { Ok(()) }
    }

    /// Whether a server that stops owes it an answer: to a request that was there when it was told to.
    pub(super) fn is_owed(&self) -> bool {
        let arrived = |sent: &Duration| *sent + self.terms.arrived_after <= self.stopped_at;
        !self.answers.have_closed()
            && !self.answers.are_whole()
            && self.sent_at.get(self.answers.whole()).is_some_and(arrived)
    }
}
