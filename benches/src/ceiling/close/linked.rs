//! Everything by the ring: accept as long as it lasts, one receive, and a send with the close linked behind it. Whole batches of
//! connections go by one system call. With direct descriptors the process's table of descriptors is left alone too.

use std::{io, net::TcpListener, os::fd::RawFd};

use io_uring::{cqueue, opcode, squeue, types};

use crate::ceiling::{
    buffers::{Buffers, GROUP},
    canned::Canned,
    listener,
    ring::{Completion, Kind, Ring},
};

/// Direct descriptors: connections at once.
const DIRECT_MAX: u32 = 16_384;

/// What connections are known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ceiling) enum Descriptors {
    Plain,
    /// Places in a table of the ring's.
    Direct,
}

pub(in crate::ceiling) fn serve(
    listener: &TcpListener,
    canned: &Canned,
    descriptors: Descriptors,
) -> anyhow::Result<()> {
    let ring = Ring::new()?;
    let buffers = Buffers::register(ring.submitter())?;
    if descriptors == Descriptors::Direct {
        ring.submitter().register_files_sparse(DIRECT_MAX)?;
    }
    let mut server = Server { ring, buffers, descriptors, answer: canned.answers(1).0 };
    server.accept(listener::fd(listener));
    let mut completions = Vec::with_capacity(4096);
    loop {
        server.ring.turn(&mut completions)?;
        for completion in &completions {
            match completion.kind {
                Kind::Accept => server.accepted(completion)?,
                Kind::Receive => server.received(completion),
                Kind::Send | Kind::Close | Kind::Writable => {}
            }
        }
        server.buffers.publish();
    }
}

struct Server {
    ring: Ring,
    buffers: Buffers,
    descriptors: Descriptors,
    answer: &'static [u8],
}

impl Server {
    fn accept(&mut self, listener: RawFd) {
        let accept = opcode::AcceptMulti::new(types::Fd(listener));
        let accept = match self.descriptors {
            Descriptors::Plain => accept.flags(libc::SOCK_CLOEXEC),
            Descriptors::Direct => accept.allocate_file_index(true),
        };
        self.ring.push(&accept.build().user_data(Kind::Accept.token(listener)));
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        if completion.result >= 0 {
            self.receive(completion.result);
        } else if completion.result != -libc::ECONNABORTED {
            return Err(io::Error::from_raw_os_error(-completion.result));
        }
        if !cqueue::more(completion.flags) {
            self.accept(completion.fd);
        }
        Ok(())
    }

    fn receive(&mut self, fd: RawFd) {
        let receive = opcode::Recv::new(types::Fd(fd), std::ptr::null_mut(), 0).buf_group(GROUP).build();
        let flags = squeue::Flags::BUFFER_SELECT | self.kind_of_descriptor();
        self.ring.push(&receive.flags(flags).user_data(Kind::Receive.token(fd)));
    }

    fn received(&mut self, completion: &Completion) {
        let mut is_whole = false;
        if let Some(id) = cqueue::buffer_select(completion.flags) {
            let request = self.buffers.bytes(id, completion.result.max(0) as usize);
            is_whole = request.ends_with(b"\r\n\r\n");
            self.buffers.give_back(id);
        }
        match completion.result {
            _ if is_whole => self.answer_and_close(completion.fd),
            received if received > 0 || received == -libc::ENOBUFS => self.receive(completion.fd),
            _ => self.close(completion.fd),
        }
    }

    /// MSG_MORE keeps the answer back until the close adds its FIN: both are one segment.
    fn answer_and_close(&mut self, fd: RawFd) {
        let send = opcode::Send::new(types::Fd(fd), self.answer.as_ptr(), self.answer.len() as u32);
        let send = send.flags(libc::MSG_MORE | libc::MSG_NOSIGNAL).build();
        // A hard link: what fails to be sent is closed all the same.
        let flags = squeue::Flags::IO_HARDLINK | squeue::Flags::SKIP_SUCCESS | self.kind_of_descriptor();
        self.ring.push(&send.flags(flags).user_data(Kind::Send.token(fd)));
        self.close(fd);
    }

    fn close(&mut self, fd: RawFd) {
        match self.descriptors {
            Descriptors::Plain => self.ring.close(fd),
            Descriptors::Direct => {
                let close = opcode::Close::new(types::Fixed(fd.cast_unsigned())).build();
                let close = close.flags(squeue::Flags::SKIP_SUCCESS);
                self.ring.push(&close.user_data(Kind::Close.token(fd)));
            }
        }
    }

    fn kind_of_descriptor(&self) -> squeue::Flags {
        match self.descriptors {
            Descriptors::Plain => squeue::Flags::empty(),
            Descriptors::Direct => squeue::Flags::FIXED_FILE,
        }
    }
}
