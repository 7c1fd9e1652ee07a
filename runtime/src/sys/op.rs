//! What a worker can ask the kernel to do, and the one place where that becomes a submission queue entry.
//!
//! An op owns everything the kernel uses: handles, leases, paths, addresses. It lives in its slot until its last
//! completion, and what it points to (heap or arena) does not move with it.

use std::collections::VecDeque;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};

use io_uring::types::Fd;
use io_uring::{opcode, squeue};
use socket2::SockAddr;

use super::buffer_ring::{BUFFER_GROUP, ReceivedQueue};
use super::chunk::Chunk;
use super::file::{File, OpenArguments};
use super::pool::Lease;
use super::socket::{Accepted, More, Socket};
use super::token::Token;

/// An operation, by value. What a cancelled one loses is said per variant.
#[derive(Debug)]
pub(crate) enum Op {
    /// Subscription: accepts until cancelled. Cancelled: connections already accepted are closed.
    Accept { listener: Socket, accepted: VecDeque<Accepted>, batch: AcceptBatch },
    /// Subscription: receives into buffers the kernel picks. Cancelled: received bytes not yet taken are lost.
    Receive { socket: Socket, received: ReceivedQueue, batch: ReceiveBatch },
    /// Sends the whole chunk, and closes the socket behind it where the end follows and nothing else uses it. Cancelled: an
    /// unknown part of it has been sent, so the connection is of no more use.
    Send { socket: Socket, chunk: Chunk, sent: u32, more: More, tells: Tells, once_taken: OnceTaken },
    /// Waits until the socket takes bytes again. Cancelled: nothing is lost.
    Writable { socket: Socket },
    /// Connects. Cancelled: the socket is of no more use.
    Connect { socket: Socket, address: Box<SockAddr> },
    /// Opens a path relative to a directory. Cancelled: if it was opened all the same, it is closed.
    Open { directory: File, arguments: Box<OpenArguments>, opened: Option<super::fd::Fd> },
    /// Reads into a lease. Cancelled: the lease goes back to its pool at the last completion.
    Read { file: File, lease: Lease, skip: u32, offset: u64, registered: Option<u16> },
}

/// What happens to a slot at a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One completion ends it.
    Once,
    /// It completes many times, until a completion without F_MORE.
    Subscription,
}

/// How many connections an accept takes before its owner has a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptBatch {
    /// The whole backlog, and whatever comes.
    All,
    /// One; the next when its owner asks again.
    One,
}

/// How often a receive subscription receives before its owner has a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiveBatch {
    /// Whatever comes.
    All,
    /// Once, if that brings all there is; the rest when its owner asks for more than that. Until then the kernel does not use
    /// the socket, which a short exchange may so be over with.
    First,
}

/// What a send completes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tells {
    /// With what the socket took, if that is not all of it. A send that is taken whole is over with the enter that it went to the
    /// kernel with: it says nothing, and no wait ends for it.
    Failures,
    /// With what the socket took, as soon as it takes something.
    Everything,
}

/// What becomes of a send that the socket has taken whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnceTaken {
    /// Its outcome waits for its owner.
    Kept,
    /// Its slot is free at once, which says it: most owners look only when they send again, and then need no more than that.
    Forgotten,
}

/// The longest send that the socket is expected to take at once, in bytes.
pub(super) const TAKEN_AT_ONCE_BYTES_MAX: usize = 128 * 1024;

/// How many receive buffers are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    /// Enough that a receive may take as many as it can fill: up to 32 in one go.
    Plenty,
    /// Less than a quarter, or a kernel that does not stop at 32: a receive takes one, and is started again.
    Scarce,
}

impl Op {
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Accept { .. } | Self::Receive { .. } => Shape::Subscription,
            _ => Shape::Once,
        }
    }

    /// The socket it uses, if it uses one.
    pub(super) fn socket(&self) -> Option<&Socket> {
        match self {
            Self::Accept { listener: socket, .. }
            | Self::Receive { socket, .. }
            | Self::Send { socket, .. }
            | Self::Writable { socket }
            | Self::Connect { socket, .. } => Some(socket),
            Self::Open { .. } | Self::Read { .. } => None,
        }
    }

    /// The entry for this op, or for what is left of it. Its pointers are into memory the op owns.
    pub(super) fn encode(&mut self, supply: Supply) -> squeue::Entry {
        match self {
            Self::Accept { listener, batch, .. } => {
                let (listener, flags) = (Fd(listener.raw()), libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
                match batch {
                    AcceptBatch::All => opcode::AcceptMulti::new(listener).flags(flags).build(),
                    AcceptBatch::One => {
                        opcode::Accept::new(listener, std::ptr::null_mut(), std::ptr::null_mut())
                            .flags(flags)
                            .build()
                    }
                }
            }
            Self::Receive { socket, batch, .. } => match (batch, supply) {
                (ReceiveBatch::All, Supply::Plenty) => {
                    opcode::RecvMulti::new(Fd(socket.raw()), BUFFER_GROUP).build()
                }
                // Length 0: as much as the buffer has room for.
                (ReceiveBatch::First, _) | (_, Supply::Scarce) => {
                    opcode::Recv::new(Fd(socket.raw()), std::ptr::null_mut(), 0)
                        .buf_group(BUFFER_GROUP)
                        .build()
                        .flags(squeue::Flags::BUFFER_SELECT)
                }
            },
            Self::Send { socket, chunk, sent, more, tells, .. } => {
                let rest = &chunk[*sent as usize..];
                let more = match more {
                    More::Follows | More::End => libc::MSG_MORE,
                    More::Nothing => 0,
                };
                let (taken, entry_flags) = match tells {
                    // Less than all is a failure with MSG_WAITALL, and nothing waits with MSG_DONTWAIT (io_send in
                    // io_uring/net.c): it completes if it is not done.
                    Tells::Failures => (libc::MSG_WAITALL | libc::MSG_DONTWAIT, squeue::Flags::SKIP_SUCCESS),
                    // A short send completes, which shows its progress, and the rest follows.
                    Tells::Everything => (0, squeue::Flags::empty()),
                };
                opcode::Send::new(Fd(socket.raw()), rest.as_ptr(), rest.len() as u32)
                    .flags(libc::MSG_NOSIGNAL | more | taken)
                    .build()
                    .flags(entry_flags)
            }
            Self::Writable { socket } => opcode::PollAdd::new(Fd(socket.raw()), libc::POLLOUT as u32).build(),
            Self::Connect { socket, address } => {
                opcode::Connect::new(Fd(socket.raw()), address.as_ptr().cast(), address.len()).build()
            }
            Self::Open { directory, arguments, .. } => {
                opcode::OpenAt2::new(Fd(directory.raw()), arguments.path.as_ptr(), &raw const arguments.how)
                    .build()
            }
            Self::Read { file, lease, skip, offset, registered } => {
                let room = &mut lease[*skip as usize..];
                let (address, length) = (room.as_mut_ptr(), room.len() as u32);
                match registered {
                    Some(index) => opcode::ReadFixed::new(Fd(file.raw()), address, length, *index)
                        .offset(*offset)
                        .build(),
                    None => opcode::Read::new(Fd(file.raw()), address, length).offset(*offset).build(),
                }
            }
        }
    }
}

/// Closes a descriptor nobody waits for. The number is given up here and closed by the kernel.
pub(super) fn encode_close(fd: OwnedFd) -> squeue::Entry {
    encode_close_of(fd.into_raw_fd())
}

/// `send`, and the close of its socket behind it if it says nothing: a failure ends the chain, and of what it ends nothing is
/// said either (IOSQE_IO_LINK and IOSQE_CQE_SKIP_SUCCESS in io_uring_enter(2)).
pub(super) fn encode_last(send: squeue::Entry, socket: &Socket) -> [squeue::Entry; 2] {
    let linked = squeue::Flags::IO_LINK | squeue::Flags::SKIP_SUCCESS;
    [send.flags(linked), encode_close_of(socket.raw()).user_data(Token::Unattended.encode())]
}

fn encode_close_of(number: RawFd) -> squeue::Entry {
    opcode::Close::new(Fd(number)).build().flags(squeue::Flags::SKIP_SUCCESS)
}

/// Cancels the op with this token; its own completion still comes.
pub(super) fn encode_cancel(token: u64) -> squeue::Entry {
    opcode::AsyncCancel::new(token).build()
}

/// Rings another ring: a message whose arrival is all it says.
pub(super) fn encode_ring(ring: RawFd, token_there: u64) -> squeue::Entry {
    opcode::MsgRingData::new(Fd(ring), 0, token_there, None).build().flags(squeue::Flags::SKIP_SUCCESS)
}

/// Watches an eventfd for as long as the ring lives.
pub(super) fn encode_watch(fd: RawFd) -> squeue::Entry {
    opcode::PollAdd::new(Fd(fd), libc::POLLIN as u32).multi(true).build()
}
