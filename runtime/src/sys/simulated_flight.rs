//! What a simulated ring keeps of an op: what the entry of the real one says, as it was when it was submitted.
//!
//! In: an op. Out: its token, its descriptor, how often it may complete.

use super::op::{AcceptBatch, Op, ReceiveBatch, Supply, Tells};
use super::slots::OpId;
use super::socket::More;

/// An op as it was submitted: what its owner changes in the op afterwards is for the next submission.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) token: u64,
    pub(super) id: OpId,
    pub(super) name: &'static str,
    pub(super) descriptor: Option<i32>,
    pub(super) shots: Shots,
    pub(super) attempts: Attempts,
    pub(super) disk: Disk,
    pub(super) tells: Tells,
    pub(super) more: More,
}

/// How often it may complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shots {
    One,
    /// Until a completion without F_MORE (multishot).
    Many,
}

/// Whether it was tried. At its submission it is tried at once, later when poll(2) says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempts {
    None,
    Some,
}

/// Whether the disk has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    /// Not yet, and that of most ops never.
    NotAsked,
    /// Until then, in nanoseconds of the simulated clock: nothing ends it before.
    BusyUntil(u64),
}

impl Flight {
    /// The entry for `op`, or for what is left of it.
    pub(super) fn of(id: OpId, op: &Op, supply: Supply) -> Self {
        let (name, descriptor) = match op {
            Op::Accept { listener, .. } => ("accept", Some(listener.raw())),
            Op::Receive { socket, .. } => ("receive", Some(socket.raw())),
            Op::Send { socket, .. } => ("send", Some(socket.raw())),
            Op::Writable { socket } => ("writable", Some(socket.raw())),
            Op::Connect { socket, .. } => ("connect", Some(socket.raw())),
            Op::Open { directory, .. } => ("open", Some(directory.raw())),
            Op::Read { file, .. } => ("read", Some(file.raw())),
        };
        let shots = match (op, supply) {
            (Op::Accept { batch: AcceptBatch::All, .. }, _)
            | (Op::Receive { batch: ReceiveBatch::All, .. }, Supply::Plenty) => Shots::Many,
            _ => Shots::One,
        };
        let (tells, more) = match op {
            Op::Send { tells, more, .. } => (*tells, *more),
            _ => (Tells::Everything, More::Nothing),
        };
        Self {
            tells,
            more,
            token: id.token(),
            id,
            name,
            descriptor,
            shots,
            attempts: Attempts::None,
            disk: Disk::NotAsked,
        }
    }
}
