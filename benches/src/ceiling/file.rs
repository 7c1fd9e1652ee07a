//! A file by sendfile(2): the head goes out inline with MSG_MORE, so that it shares a segment with the first of the
//! file's bytes, and a full socket buffer is waited for by a poll on the ring.

use std::{
    fs::File,
    io::{self, Write},
    net::TcpListener,
    os::fd::{AsRawFd, RawFd},
};

use anyhow::Context;
use io_uring::{cqueue, opcode, types};
use memchr::memmem::Finder;

use super::{
    buffers::{Buffers, GROUP},
    canned::Canned,
    listener,
    ring::{Completion, Kind, Ring},
};
use crate::content::content;

/// Non-blocking, or sendfile would wait in the call. Receives on the ring still wait as they should.
const ACCEPT_FLAGS: i32 = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Requests not yet answered in full.
    requests: usize,
    /// Bytes sent of the current answer, head included.
    sent: usize,
    /// True exactly while a poll for room is in flight.
    polling: bool,
    /// The client is gone; the descriptor is closed once no poll is in flight.
    gone: bool,
}

pub(super) fn serve(listener: &TcpListener, canned: &Canned, file: Option<File>) -> anyhow::Result<()> {
    let file = match file {
        Some(file) => file,
        None => made(canned.body_bytes).context("cannot make the file to send")?,
    };
    let mut ring = Ring::new()?;
    let buffers = Buffers::register(ring.submitter())?;
    ring.accept(listener::fd(listener), ACCEPT_FLAGS);
    let head = canned.answers(1).0;
    let total = head.len() + canned.body_bytes;
    let head_end = Finder::new(b"\r\n\r\n");
    let mut server = Server { ring, buffers, file, head, total, progress: Vec::new(), head_end };
    let mut completions = Vec::with_capacity(4096);
    loop {
        server.ring.turn(&mut completions)?;
        for completion in &completions {
            match completion.kind {
                Kind::Accept => server.accepted(completion)?,
                Kind::Receive => server.received(completion),
                Kind::Writable => server.writable(completion.fd),
                Kind::Send | Kind::Close => {}
            }
        }
        server.buffers.publish();
    }
}

fn made(bytes: usize) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&content(bytes))?;
    Ok(file)
}

struct Server {
    ring: Ring,
    buffers: Buffers,
    file: File,
    head: &'static [u8],
    total: usize,
    progress: Vec<Progress>,
    head_end: Finder<'static>,
}

impl Server {
    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        if completion.result >= 0 {
            let slot = completion.result as usize;
            if self.progress.len() <= slot {
                self.progress.resize(slot + 1, Progress::default());
            }
            self.progress[slot] = Progress::default();
            self.receive(completion.result);
        } else if completion.result != -libc::ECONNABORTED {
            return Err(io::Error::from_raw_os_error(-completion.result));
        }
        if !cqueue::more(completion.flags) {
            self.ring.accept(completion.fd, ACCEPT_FLAGS);
        }
        Ok(())
    }

    fn receive(&mut self, fd: RawFd) {
        let receive = opcode::RecvMulti::new(types::Fd(fd), GROUP).build();
        self.ring.push(&receive.user_data(Kind::Receive.token(fd)));
    }

    fn received(&mut self, completion: &Completion) {
        let fd = completion.fd;
        if completion.result <= 0 && completion.result != -libc::ENOBUFS {
            let progress = &mut self.progress[fd as usize];
            progress.gone = true;
            if !progress.polling {
                self.ring.close(fd);
            }
            return;
        }
        if let Some(id) = cqueue::buffer_select(completion.flags) {
            let requests =
                self.head_end.find_iter(self.buffers.bytes(id, completion.result as usize)).count();
            self.buffers.give_back(id);
            self.progress[fd as usize].requests += requests;
            if !self.progress[fd as usize].polling {
                self.send(fd);
            }
        }
        if !cqueue::more(completion.flags) {
            self.receive(fd);
        }
    }

    fn writable(&mut self, fd: RawFd) {
        let progress = &mut self.progress[fd as usize];
        progress.polling = false;
        if progress.gone {
            self.ring.close(fd);
        } else {
            self.send(fd);
        }
    }

    /// Sends until all is answered or the socket buffer is full. An error is followed by the end of the receives.
    fn send(&mut self, fd: RawFd) {
        let progress = &mut self.progress[fd as usize];
        while progress.requests > 0 {
            let sent = if progress.sent < self.head.len() {
                send_head(fd, &self.head[progress.sent..])
            } else {
                send_file(
                    fd,
                    self.file.as_raw_fd(),
                    progress.sent - self.head.len(),
                    self.total - progress.sent,
                )
            };
            match sent {
                Ok(sent) => progress.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    progress.polling = true;
                    let poll = opcode::PollAdd::new(types::Fd(fd), libc::POLLOUT as u32).build();
                    self.ring.push(&poll.user_data(Kind::Writable.token(fd)));
                    return;
                }
                Err(_) => return,
            }
            if progress.sent == self.total {
                progress.requests -= 1;
                progress.sent = 0;
            }
        }
    }
}

fn send_head(fd: RawFd, head: &'static [u8]) -> io::Result<usize> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | libc::MSG_MORE;
    // SAFETY: the head is static memory of that length.
    let sent = unsafe { libc::send(fd, head.as_ptr().cast(), head.len(), flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

fn send_file(fd: RawFd, file: RawFd, offset: usize, bytes: usize) -> io::Result<usize> {
    let mut offset = offset as libc::off_t;
    // SAFETY: `offset` lives across the call; both descriptors are open.
    let sent = unsafe { libc::sendfile(fd, file, &raw mut offset, bytes) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}
