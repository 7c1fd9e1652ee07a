//! A connection per request: accept, one receive, one send, close. What is cheapest is not plain, so there are several forms of it.
//!
//! In this one the send and the close are direct calls: a fresh socket's buffer takes the answer without waiting, and a receive
//! that is done leaves nothing in flight that would keep the socket open behind the close. Since the request has been
//! read to its end, close(2) alone sends the answer and FIN, in one segment (MSG_MORE); only bytes left unread would turn it into a
//! reset.

pub(super) mod epoll;
mod exchange;
pub(super) mod inline;
pub(super) mod linked;

use std::{io, net::TcpListener, os::fd::RawFd};

use io_uring::{cqueue, opcode, squeue, types};

use super::{
    buffers::{Buffers, GROUP},
    canned::Canned,
    listener,
    ring::{Completion, Kind, Ring},
};

/// Answers of the other forms are not longer: they fit the buffer of a fresh socket, and nobody waits for room.
pub(super) const BYTES_MAX: usize = 8 * 1024;
const ACCEPT_FLAGS: i32 = libc::SOCK_CLOEXEC;

pub(super) fn serve(listener: &TcpListener, canned: &Canned) -> anyhow::Result<()> {
    let mut ring = Ring::new()?;
    let mut buffers = Buffers::register(ring.submitter())?;
    let (answer, _) = canned.answers(1);
    ring.accept(listener::fd(listener), ACCEPT_FLAGS);
    let mut completions = Vec::with_capacity(4096);
    loop {
        ring.turn(&mut completions)?;
        for completion in &completions {
            match completion.kind {
                Kind::Accept => accepted(&mut ring, completion)?,
                Kind::Receive => received(&mut ring, &mut buffers, completion, answer),
                Kind::Send | Kind::Close | Kind::Writable => {}
            }
        }
        buffers.publish();
    }
}

fn accepted(ring: &mut Ring, completion: &Completion) -> io::Result<()> {
    if completion.result >= 0 {
        receive(ring, completion.result);
    } else if completion.result != -libc::ECONNABORTED {
        return Err(io::Error::from_raw_os_error(-completion.result));
    }
    if !cqueue::more(completion.flags) {
        ring.accept(completion.fd, ACCEPT_FLAGS);
    }
    Ok(())
}

fn receive(ring: &mut Ring, fd: RawFd) {
    let receive = opcode::Recv::new(types::Fd(fd), std::ptr::null_mut(), 0).buf_group(GROUP).build();
    ring.push(&receive.flags(squeue::Flags::BUFFER_SELECT).user_data(Kind::Receive.token(fd)));
}

fn received(ring: &mut Ring, buffers: &mut Buffers, completion: &Completion, answer: &'static [u8]) {
    let fd = completion.fd;
    if completion.result == -libc::ENOBUFS {
        receive(ring, fd);
        return;
    }
    if let Some(id) = cqueue::buffer_select(completion.flags) {
        let complete = buffers.bytes(id, completion.result.max(0) as usize).ends_with(b"\r\n\r\n");
        buffers.give_back(id);
        if !complete {
            receive(ring, fd);
            return;
        }
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | libc::MSG_MORE;
        // SAFETY: the answer is static memory of that length.
        let sent = unsafe { libc::send(fd, answer.as_ptr().cast(), answer.len(), flags) };
        if sent >= 0 && (sent as usize) < answer.len() {
            // The rest by the ring, waiting; the close is linked behind it.
            send_and_close(ring, fd, &answer[sent as usize..]);
            return;
        }
    }
    // SAFETY: the accept gave us this descriptor and no op on it is in flight.
    unsafe { libc::close(fd) };
}

fn send_and_close(ring: &mut Ring, fd: RawFd, rest: &'static [u8]) {
    let send =
        opcode::Send::new(types::Fd(fd), rest.as_ptr(), rest.len() as u32).flags(libc::MSG_WAITALL).build();
    ring.push(&send.flags(squeue::Flags::IO_HARDLINK).user_data(Kind::Send.token(fd)));
    ring.close(fd);
}
