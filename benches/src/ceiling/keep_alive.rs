//! Connections that stay: a subscription to receives per connection and one borrowed send per batch of requests.

use std::{io, net::TcpListener, os::fd::RawFd};

use io_uring::{cqueue, opcode, squeue, types};
use memchr::memmem::Finder;

use super::{
    buffers::{Buffers, GROUP},
    canned::Canned,
    listener,
    ring::{Completion, Kind, Ring},
};

/// Up to here a send's success needs no completion: it fits an empty socket buffer, so it is done when it is
/// submitted. Longer ones report, and the connection's next send waits for that (two in flight reorder).
const SILENT_BYTES_MAX: usize = 64 * 1024;

/// Requests of one connection that wait for the send in flight.
#[derive(Debug, Clone, Copy, Default)]
struct Owed {
    sending: bool,
    requests: usize,
}

pub(super) fn serve(listener: &TcpListener, canned: &Canned) -> anyhow::Result<()> {
    let mut ring = Ring::new()?;
    let buffers = Buffers::register(ring.submitter())?;
    ring.accept(listener::fd(listener), libc::SOCK_CLOEXEC);
    let mut server = Server { ring, buffers, canned, owed: Vec::new(), head_end: Finder::new(b"\r\n\r\n") };
    let mut completions = Vec::with_capacity(4096);
    loop {
        server.ring.turn(&mut completions)?;
        for completion in &completions {
            server.dispatch(completion)?;
        }
        server.buffers.publish();
    }
}

struct Server<'a> {
    ring: Ring,
    buffers: Buffers,
    canned: &'a Canned,
    owed: Vec<Owed>,
    head_end: Finder<'static>,
}

impl Server<'_> {
    fn dispatch(&mut self, completion: &Completion) -> io::Result<()> {
        match completion.kind {
            Kind::Accept => self.accepted(completion)?,
            Kind::Receive => self.received(completion),
            Kind::Send => self.sent(completion),
            Kind::Close | Kind::Writable => {}
        }
        Ok(())
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        if completion.result >= 0 {
            let slot = completion.result as usize;
            if self.owed.len() <= slot {
                self.owed.resize(slot + 1, Owed::default());
            }
            self.owed[slot] = Owed::default();
            self.receive(completion.result);
        } else if completion.result != -libc::ECONNABORTED {
            return Err(io::Error::from_raw_os_error(-completion.result));
        }
        if !cqueue::more(completion.flags) {
            self.ring.accept(completion.fd, libc::SOCK_CLOEXEC);
        }
        Ok(())
    }

    fn receive(&mut self, fd: RawFd) {
        let receive = opcode::RecvMulti::new(types::Fd(fd), GROUP).build();
        self.ring.push(&receive.user_data(Kind::Receive.token(fd)));
    }

    fn received(&mut self, completion: &Completion) {
        if completion.result <= 0 && completion.result != -libc::ENOBUFS {
            self.ring.close(completion.fd);
            return;
        }
        if let Some(id) = cqueue::buffer_select(completion.flags) {
            let requests =
                self.head_end.find_iter(self.buffers.bytes(id, completion.result as usize)).count();
            self.buffers.give_back(id);
            self.answer(completion.fd, requests);
        }
        if !cqueue::more(completion.flags) {
            self.receive(completion.fd);
        }
    }

    fn answer(&mut self, fd: RawFd, requests: usize) {
        let owed = &mut self.owed[fd as usize];
        owed.requests += requests;
        if owed.sending || owed.requests == 0 {
            return;
        }
        let (answers, answered) = self.canned.answers(owed.requests);
        owed.requests -= answered;
        let send =
            opcode::Send::new(types::Fd(fd), answers.as_ptr(), answers.len() as u32).flags(libc::MSG_WAITALL);
        let mut entry = send.build().user_data(Kind::Send.token(fd));
        if owed.requests == 0 && answers.len() <= SILENT_BYTES_MAX {
            entry = entry.flags(squeue::Flags::SKIP_SUCCESS);
        } else {
            owed.sending = true;
        }
        self.ring.push(&entry);
    }

    fn sent(&mut self, completion: &Completion) {
        // A failed send is followed by the end of the receives, which closes.
        if completion.result >= 0 {
            self.owed[completion.fd as usize].sending = false;
            self.answer(completion.fd, 0);
        }
    }
}
