//! A client outside the simulated machine: what a program of somebody else's does with its socket.
//!
//! In: calls between events. Out: what its kernel has for it now; nothing waits.

use std::rc::Rc;

use super::stream::{Close, Fate, Flow, Holder, Refusal, Side};
use super::world::World;
use crate::sys::More;

/// A client's connection. Dropped, it is closed.
///
/// ```
/// use std::net::SocketAddr;
///
/// use selvedge_runtime::sim::{Simulation, SimulationOptions};
///
/// let simulation = Simulation::new(1, SimulationOptions::default());
/// let nobody = SocketAddr::from(([127, 0, 0, 1], 80));
/// assert!(simulation.connect(nobody, 4_096, 4_096).is_none(), "refused");
/// ```
#[derive(Debug)]
pub struct Peer {
    world: Rc<World>,
    connection: usize,
}

/// How far the other side has gone.
///
/// ```
/// use selvedge_runtime::sim::PeerEnd;
///
/// assert_ne!(PeerEnd::Open, PeerEnd::Reset);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerEnd {
    /// More may come.
    Open,
    /// It has ended its sending, and all of it was read.
    Ended,
    /// The connection was reset.
    Reset,
}

impl Peer {
    pub(super) fn new(world: Rc<World>, connection: usize) -> Self {
        Self { world, connection }
    }

    /// Its number in [`Happening::Peer`](super::Happening::Peer).
    pub fn number(&self) -> usize {
        self.connection
    }

    /// Sends as much of `bytes` as there is room for: how many octets. A broken connection takes nothing.
    pub fn send(&self, bytes: &[u8]) -> usize {
        self.world.state().send(self.connection, Side::Client, bytes, More::Nothing).unwrap_or(0)
    }

    /// Reads up to `bytes_max` octets into `into`, and says what else is known.
    pub fn receive(&self, into: &mut Vec<u8>, bytes_max: usize) -> PeerEnd {
        let mut state = self.world.state();
        let start = into.len();
        let waiting = state.connections[self.connection].ends[Side::Client as usize].incoming.len();
        // One octet of room at least, to be told of an end.
        into.resize(start + waiting.clamp(1, bytes_max.max(1)), 0);
        let received = state.receive(self.connection, Side::Client, &mut into[start..]);
        into.truncate(start + received.unwrap_or(0));
        let [client, server] = &state.connections[self.connection].ends;
        match received {
            Err(Refusal::Reset | Refusal::Broken) => PeerEnd::Reset,
            // What was ended before the reset came has ended (tcp_recvmsg).
            _ if server.flow == Flow::Ended && client.incoming.is_empty() => PeerEnd::Ended,
            _ if client.fate != Fate::Alive && client.incoming.is_empty() => PeerEnd::Reset,
            _ => PeerEnd::Open,
        }
    }

    /// Whether a reset has come, whatever is still to be read.
    pub fn is_reset(&self) -> bool {
        let state = self.world.state();
        state.connections[self.connection].ends[Side::Client as usize].fate != Fate::Alive
    }

    /// Whether the other side has closed, whatever is still on its way.
    pub fn is_abandoned(&self) -> bool {
        let state = self.world.state();
        state.connections[self.connection].ends[Side::Server as usize].holder == Holder::Nobody
    }

    /// Ends its sending; it may read on.
    pub fn shut_down_write(&self) {
        self.world.state().end_flow(self.connection, Side::Client);
    }

    /// Closes with a reset.
    pub fn reset(self) {
        self.world.state().close_end(self.connection, Side::Client, Close::Reset);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut state = self.world.state();
        if state.connections[self.connection].ends[Side::Client as usize].holder == Holder::Peer {
            state.close_end(self.connection, Side::Client, Close::Graceful);
        }
    }
}
