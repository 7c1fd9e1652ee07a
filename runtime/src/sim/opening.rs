//! How connections begin: listening, connecting, and the way into a backlog.
//!
//! In: addresses, from within the machine and from outside. Out: connections in backlogs (listen(2)), and what
//! connect(2) says.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use super::descriptors::Entity;
use super::places::{Listener, meet};
use super::stream::{Close, End, Family, Fate, Holder, Opening, Side};
use super::world::{Connection, Event, State, Told};
use crate::sys::{Address, PortSharing, errno};

/// net.core.somaxconn of the simulated machine.
pub(crate) const BACKLOG_MAX: u32 = 4_096;
/// Times that a connection is asked for again where nobody answers: after 1 s, 2 s, 4 s, ... (tcp_syn_retries, tcp(7)).
const SYN_RETRIES: u32 = 6;
const SYN_RETRY_NS: u64 = 1_000_000_000;
/// Times that a listener asks again for the last word of who connects, which it has not taken while its backlog was full: after
/// 1 s, 2 s, 4 s, ... (tcp_synack_retries, tcp(7)).
const SYN_ACK_RETRIES: u32 = 5;

/// Whether who is connected to can be reached at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answering {
    Yes,
    Never,
}

impl State {
    /// socket(2), bind(2) and listen(2).
    pub(super) fn listen(
        &mut self,
        mut address: Address,
        backlog: u32,
        sharing: PortSharing,
    ) -> io::Result<(i32, Address)> {
        let number = self.places.listeners.len();
        match &mut address {
            Address::Ip(address) => {
                if address.port() == 0 {
                    self.places.choose_port(address);
                }
                let address = *address;
                let is_taken = self.places.living().any(|(_, other)| {
                    matches!(other.address, Address::Ip(bound)
                        if meet(bound, address)
                            && (sharing == PortSharing::Exclusive || other.sharing == PortSharing::Exclusive))
                });
                if is_taken {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
            }
            Address::Unix(path) => {
                if let Some(&(_, owner)) = self.places.socket_files.get(path.as_path())
                    && self.places.listeners[owner].handles > 0
                {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                self.places.files_made += 1;
                self.places.socket_files.insert(path.clone(), (self.places.files_made, number));
            }
            Address::Unnamed => return Err(io::Error::from_raw_os_error(errno::EINVAL)),
        }
        self.places.listeners.push(Listener {
            address: address.clone(),
            sharing,
            backlog: VecDeque::new(),
            backlog_max: backlog.clamp(1, BACKLOG_MAX) as usize,
            handles: 1,
            rings: Vec::new(),
        });
        Ok((self.descriptors.open(Entity::Listener(number)), address))
    }

    /// One descriptor of a listener is closed; with the last one, whoever waits there is reset.
    pub(super) fn close_listener(&mut self, listener: usize) {
        let there = &mut self.places.listeners[listener];
        there.handles -= 1;
        if there.handles == 0 {
            for connection in std::mem::take(&mut there.backlog) {
                self.close_end(connection, Side::Server, Close::Reset);
            }
        }
    }

    /// A connection from outside; `None` where nobody listens, or a Unix socket's backlog is full.
    pub(super) fn connect_peer(&mut self, to: &Address, buffer_bytes: (usize, usize)) -> Option<usize> {
        let listener = match to {
            Address::Ip(address) => {
                let listeners = self.places.listeners_at(*address);
                (!listeners.is_empty()).then(|| *self.dice.pick(&listeners))?
            }
            Address::Unix(path) => self.unix_listener(path).ok()?,
            Address::Unnamed => return None,
        };
        let from = match to {
            Address::Ip(_) => {
                self.places.next_client += 1;
                let [.., high, low] = self.places.next_client.to_be_bytes();
                Address::Ip(([10, 0, high, low], 50_000).into())
            }
            Address::Unix(_) | Address::Unnamed => Address::Unnamed,
        };
        let connection =
            self.new_connection(Holder::Peer, from, to.clone(), Some(buffer_bytes), Opening::Open);
        match to {
            Address::Ip(_) => {
                let delay_ns = self.delay_ns();
                self.schedule(delay_ns, Event::Arrive(connection, listener, 0));
            }
            Address::Unix(_) | Address::Unnamed => self.queue(connection, listener),
        }
        Some(connection)
    }

    /// connect(2) of a socket of the machine's own.
    pub(super) fn connect(
        &mut self,
        descriptor: i32,
        ring: usize,
        to: &Address,
        answering: Answering,
    ) -> Opening {
        let holder = Holder::Descriptor(Some(ring));
        let (connection, opening) = match to {
            Address::Ip(_) => {
                let from = Address::Ip(([127, 0, 0, 1], self.places.any_port()).into());
                let connection = self.new_connection(holder, from, to.clone(), None, Opening::Waits);
                match answering {
                    Answering::Yes => {
                        let delay_ns = self.delay_ns();
                        self.schedule(delay_ns, Event::Ask(connection, 0));
                    }
                    Answering::Never => {
                        let patience_ns = ((1 << (SYN_RETRIES + 1)) - 1) * SYN_RETRY_NS;
                        self.schedule(patience_ns, Event::Fail(connection, errno::ETIMEDOUT));
                    }
                }
                (connection, Opening::Waits)
            }
            Address::Unix(path) => match self.unix_listener(path) {
                Ok(listener) => {
                    let connection =
                        self.new_connection(holder, Address::Unnamed, to.clone(), None, Opening::Open);
                    self.queue(connection, listener);
                    (connection, Opening::Open)
                }
                Err(error) => return Opening::Failed(error),
            },
            Address::Unnamed => return Opening::Failed(errno::EINVAL),
        };
        self.descriptors.set(descriptor, Entity::End(connection, Side::Client));
        opening
    }

    /// Who listens at a path and has room.
    fn unix_listener(&self, path: &Path) -> Result<usize, i32> {
        let &(_, listener) = self.places.socket_files.get(path).ok_or(errno::ENOENT)?;
        match self.places.listeners[listener].handles {
            0 => Err(errno::ECONNREFUSED),
            _ if !self.places.has_room(listener) => Err(errno::EAGAIN),
            _ => Ok(listener),
        }
    }

    fn new_connection(
        &mut self,
        holder: Holder,
        from: Address,
        to: Address,
        client_bytes: Option<(usize, usize)>,
        opening: Opening,
    ) -> usize {
        let family = match to {
            Address::Ip(_) => Family::Tcp,
            Address::Unix(_) | Address::Unnamed => Family::Unix,
        };
        let mut any_bytes =
            || (self.dice.within(4_096..=262_144) as usize, self.dice.within(4_096..=131_072) as usize);
        let server_bytes = any_bytes();
        let client_bytes = client_bytes.unwrap_or_else(any_bytes);
        self.connections.push(Connection {
            ends: [
                End::new(family, holder, from, client_bytes),
                End::new(family, Holder::Backlog, to, server_bytes),
            ],
            opening,
            is_told: Told::No,
        });
        self.connections.len() - 1
    }

    // ---- the handshake of TCP ----

    /// A connection is asked for, the `tries`th time.
    pub(super) fn ask(&mut self, connection: usize, tries: u32) {
        if self.connections[connection].opening != Opening::Waits {
            return;
        }
        let Address::Ip(address) = self.end(connection, Side::Server).address else {
            panic!("only TCP asks")
        };
        let listeners = self.places.listeners_at(address);
        let open: Vec<usize> =
            listeners.iter().copied().filter(|&listener| self.places.has_room(listener)).collect();
        let delay_ns = self.delay_ns();
        if self.places.silent.contains(&address) || (open.is_empty() && !listeners.is_empty()) {
            // A full backlog does not answer either (tcp_abort_on_overflow is off).
            let event = if tries < SYN_RETRIES {
                Event::Ask(connection, tries + 1)
            } else {
                Event::Fail(connection, errno::ETIMEDOUT)
            };
            return self.schedule(SYN_RETRY_NS << tries, event);
        }
        let event = match open.is_empty() {
            true => Event::Fail(connection, errno::ECONNREFUSED),
            false => Event::Answer(connection, *self.dice.pick(&open)),
        };
        self.schedule(delay_ns, event);
    }

    /// The listener's answer arrives: who asked has its connection, and says so.
    pub(super) fn answer(&mut self, connection: usize, listener: usize) {
        if self.connections[connection].opening == Opening::Waits {
            self.connections[connection].opening = Opening::Open;
            self.tell(connection, Side::Client);
            let delay_ns = self.delay_ns();
            self.schedule(delay_ns, Event::Arrive(connection, listener, 0));
        }
    }

    /// A connection comes to nothing.
    pub(super) fn fail(&mut self, connection: usize, error: i32) {
        if self.connections[connection].opening == Opening::Waits {
            self.connections[connection].opening = Opening::Failed(error);
            self.tell(connection, Side::Client);
        }
    }

    /// A connection is there to be accepted; its last word has come `tries` times before.
    pub(super) fn arrive(&mut self, connection: usize, listener: usize, tries: u32) {
        if tries > 0 && self.end(connection, Side::Client).fate != Fate::Alive {
            // It has gone meanwhile.
            return;
        }
        if self.places.listeners[listener].handles == 0 {
            return self.reset(connection, Side::Client);
        }
        if tries > SYN_ACK_RETRIES {
            // Linux forgets it, and resets who sends to it. Here who only waits is told too.
            return self.close_end(connection, Side::Server, Close::Reset);
        }
        if !self.places.has_room(listener) {
            return self.schedule(SYN_RETRY_NS << tries, Event::Arrive(connection, listener, tries + 1));
        }
        self.queue(connection, listener);
    }

    fn queue(&mut self, connection: usize, listener: usize) {
        self.places.listeners[listener].backlog.push_back(connection);
        self.trace.note(self.now_ns, "arrives at listener", &[connection as i64]);
        for ring in self.places.listeners[listener].rings.clone() {
            self.attend(ring);
        }
    }
}
