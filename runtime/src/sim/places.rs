//! Who listens where in the simulated machine, and what waits to be accepted there.
//!
//! In: addresses, and connections that have arrived. Out: who gets a connection to an address, and the backlogs
//! (listen(2)).

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::sys::{Address, PortSharing};

/// The ports that bind(2) and connect(2) choose.
const EPHEMERAL_PORT: u16 = 40_000;

/// Who listens, and whom no one answers for.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) listeners: Vec<Listener>,
    /// Sockets in the file system: which file it is, and whose.
    pub(super) socket_files: BTreeMap<PathBuf, (u64, usize)>,
    pub(super) files_made: u64,
    pub(super) silent: Vec<SocketAddr>,
    next_port: u16,
    pub(super) next_client: u32,
}

#[derive(Debug)]
pub(super) struct Listener {
    pub(super) address: Address,
    pub(super) sharing: PortSharing,
    pub(super) backlog: VecDeque<usize>,
    pub(super) backlog_max: usize,
    /// Descriptors that name it.
    pub(super) handles: usize,
    /// Rings that accept at it.
    pub(super) rings: Vec<usize>,
}

impl Places {
    pub(super) const fn new() -> Self {
        Self {
            listeners: Vec::new(),
            socket_files: BTreeMap::new(),
            files_made: 0,
            silent: Vec::new(),
            next_port: EPHEMERAL_PORT,
            next_client: 0,
        }
    }

    pub(super) fn living(&self) -> impl Iterator<Item = (usize, &Listener)> {
        self.listeners.iter().enumerate().filter(|(_, listener)| listener.handles > 0)
    }

    /// Whose connections to `address` are.
    pub(super) fn listeners_at(&self, address: SocketAddr) -> Vec<usize> {
        let listens = |listener: &Listener| match listener.address {
            Address::Ip(bound) => bound.port() == address.port() && covers(bound, address),
            Address::Unix(_) | Address::Unnamed => false,
        };
        self.living().filter(|(_, listener)| listens(listener)).map(|(number, _)| number).collect()
    }

    pub(super) fn listens(&self, address: SocketAddr) -> bool {
        !self.listeners_at(address).is_empty()
    }

    /// Sets a port that nobody listens at who would be in the way.
    ///
    /// # Panics
    /// Where all 25,536 are taken.
    pub(super) fn choose_port(&mut self, address: &mut SocketAddr) {
        let is_taken = |places: &Self, address: SocketAddr| {
            places
                .living()
                .any(|(_, other)| matches!(other.address, Address::Ip(bound) if meet(bound, address)))
        };
        for _ in EPHEMERAL_PORT..=u16::MAX {
            address.set_port(self.any_port());
            if !is_taken(self, *address) {
                return;
            }
        }
        panic!("every port of the simulated machine is taken");
    }

    /// The next port, whoever has it: none that was given to one of the 25,535 before.
    pub(super) fn any_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(EPHEMERAL_PORT);
        port
    }

    /// Nobody will answer at `address`.
    pub(super) fn silence(&mut self, address: SocketAddr) {
        self.silent.push(address);
    }

    /// Which file the socket at `path` is, if there is one.
    pub(super) fn socket_file(&self, path: &Path) -> Option<u64> {
        self.socket_files.get(path).map(|&(file, _)| file)
    }

    pub(super) fn remove_socket_file(&mut self, path: &Path) {
        self.socket_files.remove(path);
    }

    pub(super) fn is_empty(&self, listener: usize) -> bool {
        self.listeners[listener].backlog.is_empty()
    }

    pub(super) fn take_first(&mut self, listener: usize) -> Option<usize> {
        self.listeners[listener].backlog.pop_front()
    }

    pub(super) fn address(&self, listener: usize) -> Address {
        self.listeners[listener].address.clone()
    }

    pub(super) fn add_handle(&mut self, listener: usize) {
        self.listeners[listener].handles += 1;
    }

    pub(super) fn watch(&mut self, listener: usize, ring: usize) {
        if !self.listeners[listener].rings.contains(&ring) {
            self.listeners[listener].rings.push(ring);
        }
    }

    /// One more may wait there: a backlog of n holds n + 1 (sk_acceptq_is_full).
    pub(super) fn has_room(&self, listener: usize) -> bool {
        self.listeners[listener].backlog.len() <= self.listeners[listener].backlog_max
    }
}

/// Whether some connection would be for either of two who are bound.
pub(super) fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && (covers(one, other) || covers(other, one))
}

/// Whether who is bound to one address gets what is sent to the other.
fn covers(bound: SocketAddr, address: SocketAddr) -> bool {
    let is_any = bound.ip().is_unspecified() && (bound.is_ipv6() || address.is_ipv4());
    bound.ip() == address.ip() || is_any
}
