//! One exchange by direct calls. In: a listener that does not wait. Out: its connections, and of each, whether its request was there
//! and so was answered and closed.

use std::{io, net::TcpListener, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};

/// A request is shorter.
const REQUEST_BYTES_MAX: usize = 2048;

/// What came of one try.
#[derive(Debug)]
pub(super) enum Tried {
    /// Answered and closed, or closed since the client has gone.
    Over,
    /// The request is not there yet.
    Waits(OwnedFd),
}

/// The next connection, `None` where nobody is waiting to be accepted.
pub(super) fn accept(listener: &TcpListener) -> io::Result<Option<OwnedFd>> {
    loop {
        match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(connection) => return Ok(Some(connection)),
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::CONNABORTED | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Receives, answers, and closes. MSG_MORE keeps the answer back until close(2) adds its FIN, so that both are one segment; since
/// the request was read to its end, nothing turns the close into a reset.
pub(super) fn answer(connection: OwnedFd, answer: &'static [u8]) -> Tried {
    let mut request = [0; REQUEST_BYTES_MAX];
    match recv(&connection, &mut request, RecvFlags::DONTWAIT) {
        Ok((_, length)) if request[..length].ends_with(b"\r\n\r\n") => {
            // The answer fits the buffer of a fresh socket; a client that has gone needs none.
            let _ = send(&connection, answer, SendFlags::MORE | SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
            Tried::Over
        }
        Ok((_, 0)) => Tried::Over,
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Tried::Waits(connection),
        Err(_) => Tried::Over,
    }
}
