//! Stream sockets: listeners, connections, and the way a connection takes from the acceptor to its worker.

mod accept;
mod intake;
mod listener;
mod stream;

pub mod listen;

pub use accept::AcceptPolicy;
pub use intake::{Door, Intake, IntakeOptions, Slot};
pub use listener::{TcpListener, UnixListener};
pub use stream::{Stream, TcpStream, UnixStream, Writable};

pub use crate::sys::{Accepted, Address, Listening, More, PortSharing, SocketFile};
