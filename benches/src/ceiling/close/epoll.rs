//! The same calls without a ring: epoll(7) says who is there.

use std::{
    mem::MaybeUninit,
    net::TcpListener,
    os::fd::{AsRawFd, OwnedFd},
};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::exchange::{Tried, accept, answer};
use crate::ceiling::canned::Canned;

/// Events of one turn.
const EVENTS_MAX: usize = 512;
/// The listener's events; those of a connection have its descriptor.
const LISTENER: EventData = EventData::new_u64(u64::MAX);

pub(in crate::ceiling) fn serve(listener: &TcpListener, canned: &Canned) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let mut late = Late { epoll: epoll::create(CreateFlags::CLOEXEC)?, connections: Vec::new() };
    epoll::add(&late.epoll, listener, LISTENER, EventFlags::IN)?;
    let mut room = [MaybeUninit::<Event>::uninit(); EVENTS_MAX];
    loop {
        let events = match epoll::wait(&late.epoll, &mut room, None) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for event in &*events {
            let data = event.data;
            if data == LISTENER {
                while let Some(connection) = accept(listener)? {
                    late.try_to_answer(connection, canned.answers(1).0)?;
                }
            } else if let Some(connection) = late.connections[data.u64() as usize].take() {
                late.try_to_answer(connection, canned.answers(1).0)?;
            }
        }
    }
}

/// Connections whose requests are waited for, by their descriptors.
struct Late {
    epoll: OwnedFd,
    connections: Vec<Option<OwnedFd>>,
}

impl Late {
    fn try_to_answer(&mut self, connection: OwnedFd, canned: &'static [u8]) -> anyhow::Result<()> {
        let Tried::Waits(connection) = answer(connection, canned) else { return Ok(()) };
        let fd = connection.as_raw_fd() as usize;
        // Level-triggered: one that is waited for again is still watched.
        match epoll::add(&self.epoll, &connection, EventData::new_u64(fd as u64), EventFlags::IN) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        if self.connections.len() <= fd {
            self.connections.resize_with(fd + 1, || None);
        }
        self.connections[fd] = Some(connection);
        Ok(())
    }
}
