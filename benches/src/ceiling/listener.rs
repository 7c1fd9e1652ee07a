//! The listening socket, with the options that accepted connections inherit.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

use rustix::net::sockopt::set_tcp_quickack;

/// Connections the kernel may hold for us; it lowers this to net.core.somaxconn.
const BACKLOG: libc::c_int = 4096;

/// Listens on 127.0.0.1:`port`. TCP_NODELAY is set here and inherited by what is accepted (tcp(7)).
pub(super) fn listen(port: u16, reuse_port: bool) -> io::Result<TcpListener> {
    // SAFETY: socket(2) takes no pointers.
    let raw = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `raw` was just opened and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(raw) };
    set(raw, libc::SOL_SOCKET, libc::SO_REUSEADDR)?;
    if reuse_port {
        set(raw, libc::SOL_SOCKET, libc::SO_REUSEPORT)?;
    }
    set(raw, libc::IPPROTO_TCP, libc::TCP_NODELAY)?;
    bind(raw, port)?;
    // SAFETY: listen(2) takes no pointers.
    check(unsafe { libc::listen(raw, BACKLOG) })?;
    Ok(TcpListener::from(socket))
}

/// Spares connections that last for one request their wake-ups and a segment: they are accepted when the request is there, or after a
/// second (TCP_DEFER_ACCEPT), and it is acknowledged by the answer (TCP_QUICKACK off; tcp(7)). Both are inherited by what is
/// accepted; listen(2) would set the second back.
pub(super) fn expect_short_connections(listener: &TcpListener) -> io::Result<()> {
    set(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT)?;
    Ok(set_tcp_quickack(listener, false)?)
}

fn set(socket: RawFd, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: `on` lives across the call and the length is its size.
    check(unsafe {
        libc::setsockopt(
            socket,
            level,
            option,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })
}

fn bind(socket: RawFd, port: u16) -> io::Result<()> {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be() },
        sin_zero: [0; 8],
    };
    // SAFETY: `address` lives across the call and the length is its size.
    check(unsafe {
        libc::bind(socket, (&raw const address).cast(), size_of::<libc::sockaddr_in>() as libc::socklen_t)
    })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The number of the listening socket, for ops on the ring.
pub(super) fn fd(listener: &TcpListener) -> RawFd {
    listener.as_raw_fd()
}
