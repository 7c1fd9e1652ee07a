//! Clients' sockets, from as many addresses of the loopback network as there are clients. In: where to. Out: a
//! connection, begun and not waited for.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

/// Addresses of clients, one after the other, round and round.
#[derive(Debug)]
pub(super) struct Sources {
    first: u32,
    count: u32,
    next: u32,
}

impl Sources {
    /// 127.128.0.0/9 for attackers: as many addresses as anybody has connections.
    pub(super) fn of_attackers() -> Self {
        Self { first: u32::from(Ipv4Addr::new(127, 128, 0, 1)), count: (1 << 23) - 2, next: 0 }
    }

    /// 127.64.0.0/16 for the good client. A port of one address is free again after a minute only (TIME-WAIT).
    pub(super) fn of_good_client() -> Self {
        Self { first: u32::from(Ipv4Addr::new(127, 64, 0, 1)), count: (1 << 16) - 2, next: 0 }
    }

    pub(super) fn next(&mut self) -> Ipv4Addr {
        let address = Ipv4Addr::from(self.first + self.next);
        self.next = (self.next + 1) % self.count;
        address
    }
}

/// Begins a connection from `source`. On loopback it stands when this comes back, unless the server's backlog is full.
/// `receive_buffer_bytes`: the size of its receive buffer, of which the kernel gives the least it has (socket(7)).
pub(crate) fn begin(
    server: SocketAddrV4,
    source: Ipv4Addr,
    receive_buffer_bytes: Option<usize>,
) -> io::Result<TcpStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    if let Some(bytes) = receive_buffer_bytes {
        // Before it is connected, so that the window is never larger (tcp(7)).
        sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    }
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    match connect(&socket, &server) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

/// Has the connection reset when it is dropped (SO_LINGER with no time, socket(7)).
pub(crate) fn reset_on_drop(stream: &TcpStream) -> io::Result<()> {
    Ok(sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO))?)
}
