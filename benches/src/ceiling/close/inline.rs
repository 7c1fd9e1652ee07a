//! The ring says only that somebody is there: one poll of the listener lasts, and accept, receive, send and close are direct calls. No
//! op of a connection goes by the ring, unless its request is late.

use std::{
    net::TcpListener,
    os::fd::{AsRawFd, OwnedFd},
};

use io_uring::{cqueue, opcode, types};

use super::exchange::{Tried, accept, answer};
use crate::ceiling::{
    canned::Canned,
    listener,
    ring::{Kind, Ring},
};

pub(in crate::ceiling) fn serve(listener: &TcpListener, canned: &Canned) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let (mut ring, listening) = (Ring::new()?, listener::fd(listener));
    let poll = opcode::PollAdd::new(types::Fd(listening), libc::POLLIN as u32).multi(true).build();
    let poll = poll.user_data(Kind::Accept.token(listening));
    ring.push(&poll);
    let mut late = Late { ring, connections: Vec::new() };
    let mut completions = Vec::with_capacity(4096);
    loop {
        late.ring.turn(&mut completions)?;
        let mut somebody_is_there = false;
        for completion in &completions {
            match completion.kind {
                Kind::Accept => {
                    somebody_is_there = true;
                    if !cqueue::more(completion.flags) {
                        late.ring.push(&poll);
                    }
                }
                Kind::Receive => {
                    if let Some(connection) = late.connections[completion.fd as usize].take() {
                        late.try_to_answer(connection, canned.answers(1).0);
                    }
                }
                Kind::Send | Kind::Close | Kind::Writable => {}
            }
        }
        // The poll tells changes only: nobody may be left behind.
        while somebody_is_there && let Some(connection) = accept(listener)? {
            late.try_to_answer(connection, canned.answers(1).0);
        }
    }
}

/// Connections whose requests are waited for, by their descriptors.
struct Late {
    ring: Ring,
    connections: Vec<Option<OwnedFd>>,
}

impl Late {
    fn try_to_answer(&mut self, connection: OwnedFd, canned: &'static [u8]) {
        let Tried::Waits(connection) = answer(connection, canned) else { return };
        let fd = connection.as_raw_fd();
        let poll = opcode::PollAdd::new(types::Fd(fd), libc::POLLIN as u32).build();
        self.ring.push(&poll.user_data(Kind::Receive.token(fd)));
        if self.connections.len() <= fd as usize {
            self.connections.resize_with(fd as usize + 1, || None);
        }
        self.connections[fd as usize] = Some(connection);
    }
}
