//! The calls that `runtime::sys` makes for descriptors of the simulated machine: its system calls.
//!
//! In: numbers of descriptors. Out: what the kernel would say at once. A number of a process that has ended names
//! nothing: its calls come from drops, fail, and change nothing.

use std::io;
use std::path::Path;

use super::descriptors::{Entity, index_of};
use super::faults::Fault;
use super::opening::Answering;
use super::stream::{Close, Family, Fate, Holder, Opening, Refusal, Side};
use super::wire::Received;
use super::world::{State, World};
use crate::sys::{Address, More, PortSharing, errno};

impl World {
    // ---- descriptors ----

    pub(crate) fn listen(
        &self,
        address: Address,
        backlog: u32,
        sharing: PortSharing,
    ) -> io::Result<(i32, Address)> {
        self.state().listen(address, backlog, sharing)
    }

    /// A socket that can connect to `address`.
    pub(crate) fn socket_for(&self, address: &Address) -> io::Result<i32> {
        if self.meets(Fault::SocketWithoutDescriptor, "socket") {
            return Err(io::Error::from_raw_os_error(errno::EMFILE));
        }
        let family = match address {
            Address::Ip(_) => Family::Tcp,
            Address::Unix(_) | Address::Unnamed => Family::Unix,
        };
        Ok(self.state().descriptors.open(Entity::Unconnected(family)))
    }

    /// # Panics
    /// For a connection, which has one descriptor.
    pub(crate) fn duplicate(&self, descriptor: i32) -> io::Result<i32> {
        let mut state = self.state();
        match state.descriptors.get(descriptor) {
            Some(Entity::Listener(listener)) => {
                state.places.add_handle(listener);
                Ok(state.descriptors.open(Entity::Listener(listener)))
            }
            Some(Entity::File(opened)) => {
                state.files.hold(opened.inode);
                Ok(state.descriptors.open(Entity::File(opened)))
            }
            Some(other) => state.descriptors.end_run(format!("{other:?} has one descriptor")),
            None => Err(io::Error::from_raw_os_error(errno::EBADF)),
        }
    }

    pub(crate) fn close(&self, descriptor: i32) {
        let mut state = self.state();
        if let Some(entity) = state.descriptors.close(descriptor) {
            state.close(entity);
        }
    }

    /// Descriptors that are open.
    pub(super) fn descriptors_open(&self) -> usize {
        self.state().descriptors.len()
    }

    /// An op of this ring's uses it from now on, and the ring is to hear of it.
    pub(crate) fn hold(&self, descriptor: i32, op: &'static str, ring: usize) {
        let mut state = self.state();
        state.descriptors.hold(descriptor, op);
        match state.descriptors.get(descriptor) {
            Some(Entity::Listener(listener)) => state.places.watch(listener, ring),
            Some(Entity::End(connection, side)) => {
                state.end_mut(connection, side).holder = Holder::Descriptor(Some(ring));
            }
            Some(Entity::Unconnected(_) | Entity::File(_)) | None => {}
        }
    }

    /// An op that used it has ended.
    pub(crate) fn let_go(&self, descriptor: i32, op: &'static str) {
        self.state().descriptors.let_go(descriptor, op);
    }

    /// Which file the Unix socket at `path` is, if there is one.
    pub(crate) fn socket_file(&self, path: &Path) -> Option<u64> {
        self.state().places.socket_file(path)
    }

    pub(crate) fn remove_socket_file(&self, path: &Path) {
        self.state().places.remove_socket_file(path);
    }

    // ---- the beginning of connections ----

    /// A connection out of a listener's backlog, as a new descriptor.
    pub(crate) fn accept(&self, descriptor: i32) -> Option<i32> {
        let mut state = self.state();
        let listener = state.listener(descriptor)?;
        let connection = state.places.take_first(listener)?;
        let number = state.descriptors.open(Entity::End(connection, Side::Server));
        state.end_mut(connection, Side::Server).holder = Holder::Descriptor(None);
        let now_ns = state.now_ns;
        state.trace.note(now_ns, "accepted", &[connection as i64, index_of(number)]);
        Some(number)
    }

    /// Throws the first connection of a backlog away, as one that was reset before it was taken.
    pub(crate) fn abort_first(&self, descriptor: i32) {
        let mut state = self.state();
        let Some(listener) = state.listener(descriptor) else { return };
        if let Some(connection) = state.places.take_first(listener) {
            state.close_end(connection, Side::Server, Close::Reset);
        }
    }

    pub(crate) fn has_backlog(&self, descriptor: i32) -> bool {
        let state = self.state();
        state.listener(descriptor).is_some_and(|listener| !state.places.is_empty(listener))
    }

    /// Begins to connect, or says how far that has come.
    pub(crate) fn connect(
        &self,
        descriptor: i32,
        ring: usize,
        to: &Address,
        answering: Answering,
    ) -> Opening {
        let mut state = self.state();
        match state.descriptors.get(descriptor) {
            Some(Entity::Unconnected(_)) => state.connect(descriptor, ring, to, answering),
            Some(Entity::End(connection, side)) => state.opening(connection, side),
            Some(Entity::Listener(_)) | None => Opening::Failed(errno::EINVAL),
            Some(Entity::File(_)) => Opening::Failed(errno::ENOTSOCK),
        }
    }

    // ---- connections ----

    pub(crate) fn receive(&self, descriptor: i32, room: &mut [u8]) -> Received {
        let mut state = self.state();
        let (connection, side) = state.connected(descriptor).ok_or(Refusal::NotConnected)?;
        state.receive(connection, side, room)
    }

    pub(crate) fn send(&self, descriptor: i32, bytes: &[u8], more: More) -> Result<usize, Refusal> {
        let mut state = self.state();
        let (connection, side) = state.connected(descriptor).ok_or(Refusal::NotConnected)?;
        state.send(connection, side, bytes, more)
    }

    /// Octets that can be received now.
    pub(crate) fn receivable_bytes(&self, descriptor: i32) -> usize {
        let state = self.state();
        state.connected(descriptor).map_or(0, |(connection, side)| state.end(connection, side).incoming.len())
    }

    /// Whether a receive would bring something, an end or a failure (poll(2)).
    pub(crate) fn is_readable(&self, descriptor: i32) -> bool {
        let state = self.state();
        state.connected(descriptor).is_none_or(|(connection, side)| state.is_readable(connection, side))
    }

    /// Whether a send would take something or fail (poll(2)).
    pub(crate) fn is_writable(&self, descriptor: i32) -> bool {
        let state = self.state();
        state.connected(descriptor).is_none_or(|(connection, side)| state.is_writable(connection, side))
    }

    pub(crate) fn shutdown_write(&self, descriptor: i32) -> io::Result<()> {
        let mut state = self.state();
        match state.connected(descriptor) {
            Some((connection, side)) if !state.is_disconnected(connection, side) => {
                state.end_flow(connection, side);
                Ok(())
            }
            _ => Err(io::Error::from_raw_os_error(errno::ENOTCONN)),
        }
    }

    pub(crate) fn shutdown_both(&self, descriptor: i32) {
        let mut state = self.state();
        if let Some((connection, side)) = state.connected(descriptor) {
            state.shut_both(connection, side);
        }
    }

    pub(crate) fn reset_on_close(&self, descriptor: i32) {
        let mut state = self.state();
        if let Some((connection, side)) = state.connected(descriptor) {
            state.end_mut(connection, side).close = Close::Reset;
        }
    }

    pub(crate) fn peer(&self, descriptor: i32) -> io::Result<Address> {
        let state = self.state();
        match state.connected(descriptor) {
            Some((connection, side)) if !state.is_disconnected(connection, side) => {
                Ok(state.end(connection, side.other()).address.clone())
            }
            _ => Err(io::Error::from_raw_os_error(errno::ENOTCONN)),
        }
    }

    pub(crate) fn local(&self, descriptor: i32) -> io::Result<Address> {
        let state = self.state();
        match state.descriptors.get(descriptor) {
            Some(Entity::Listener(listener)) => Ok(state.places.address(listener)),
            Some(Entity::End(connection, side)) => Ok(state.end(connection, side).address.clone()),
            Some(Entity::Unconnected(_)) => Ok(Address::Unnamed),
            Some(Entity::File(_)) => Err(io::Error::from_raw_os_error(errno::ENOTSOCK)),
            None => Err(io::Error::from_raw_os_error(errno::EBADF)),
        }
    }

    pub(crate) fn set_send_buffer_bytes(&self, descriptor: i32, bytes: usize) {
        let mut state = self.state();
        if let Some((connection, side)) = state.connected(descriptor) {
            state.end_mut(connection, side).outgoing_bytes_max = bytes.max(1) * 2;
        }
    }

    pub(crate) fn set_receive_buffer_bytes(&self, descriptor: i32, bytes: usize) {
        let mut state = self.state();
        if let Some((connection, side)) = state.connected(descriptor) {
            state.end_mut(connection, side).incoming_bytes_max = bytes.max(1) * 2;
        }
    }

    /// Octets sent that the peer has not acknowledged (TCP) or read (Unix).
    pub(crate) fn unread_bytes(&self, descriptor: i32) -> usize {
        let state = self.state();
        state.connected(descriptor).map_or(0, |(connection, side)| state.unread_bytes(connection, side))
    }
}

impl State {
    /// What a descriptor is: the listener of that number.
    fn listener(&self, descriptor: i32) -> Option<usize> {
        match self.descriptors.get(descriptor)? {
            Entity::Listener(listener) => Some(listener),
            other => self.descriptors.end_run(format!("{other:?} does not listen")),
        }
    }

    /// What a descriptor is: an end of a connection.
    fn connected(&self, descriptor: i32) -> Option<(usize, Side)> {
        match self.descriptors.get(descriptor)? {
            Entity::End(connection, side) => Some((connection, side)),
            Entity::Unconnected(_) => None,
            other => self.descriptors.end_run(format!("{other:?} was used as a connection")),
        }
    }

    /// Whether the system calls that want a connection find none (ENOTCONN). A Unix socket knows its peer for ever.
    fn is_disconnected(&self, connection: usize, side: Side) -> bool {
        let is_opening = side == Side::Client && self.connections[connection].opening != Opening::Open;
        match self.end(connection, side).family {
            Family::Tcp => is_opening || self.is_over(connection, side),
            Family::Unix => is_opening,
        }
    }

    /// How far a connection has come; a reset that came meanwhile is told by this, once.
    fn opening(&mut self, connection: usize, side: Side) -> Opening {
        match self.connections[connection].opening {
            Opening::Open if matches!(self.end(connection, side).fate, Fate::Reset(_)) => {
                self.end_mut(connection, side).fate = Fate::ResetAndTold;
                Opening::Failed(errno::ECONNRESET)
            }
            opening => opening,
        }
    }

    /// The last descriptor of a connection, or one of a listener, is gone.
    fn close(&mut self, entity: Entity) {
        match entity {
            Entity::Listener(listener) => self.close_listener(listener),
            Entity::Unconnected(_) => {}
            Entity::File(opened) => self.files.let_go(opened.inode),
            Entity::End(connection, side) => {
                let now_ns = self.now_ns;
                self.trace.note(now_ns, "closes", &[connection as i64]);
                if side == Side::Client && self.connections[connection].opening == Opening::Waits {
                    // Nobody has heard of it yet.
                    self.connections[connection].opening = Opening::Failed(errno::ECANCELED);
                    self.end_mut(connection, side).holder = Holder::Nobody;
                    return self.end_mut(connection, side).die(Fate::ResetAndTold);
                }
                let how = match self.end(connection, side).family {
                    Family::Tcp => self.end(connection, side).close,
                    // It has no SO_LINGER.
                    Family::Unix => Close::Graceful,
                };
                self.close_end(connection, side, how);
            }
        }
    }

    /// What the end of a process closes.
    pub(super) fn close_all(&mut self) {
        for entity in self.descriptors.end_process() {
            self.close(entity);
        }
    }
}
