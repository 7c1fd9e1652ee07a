//! What a ring may be used for: the ops that `op.rs` encodes, and nothing else (io_uring_register_restrictions in
//! io_uring_register(2)).

use std::io;

use io_uring::register::Restriction;
use io_uring::{Submitter, opcode, squeue};

/// IORING_REGISTER_BUFFERS: the file blocks, which are registered when all rings of the process are made.
const REGISTER_BUFFERS: u8 = 0;

/// IORING_REGISTER_SYNC_CANCEL: how a ring that goes cancels what is still in flight.
const REGISTER_SYNC_CANCEL: u8 = 24;

/// The ops of [`super::op`].
const OPS: [u8; 11] = [
    opcode::Accept::CODE,
    opcode::AsyncCancel::CODE,
    opcode::Close::CODE,
    opcode::Connect::CODE,
    opcode::MsgRingData::CODE,
    opcode::OpenAt2::CODE,
    opcode::PollAdd::CODE,
    opcode::Read::CODE,
    opcode::ReadFixed::CODE,
    opcode::Recv::CODE,
    opcode::Send::CODE,
];

/// Restricts a ring that is not enabled yet. What was registered with it before stays.
///
/// # Errors
/// Those of io_uring_register(2).
pub(super) fn restrict(submitter: &Submitter<'_>) -> io::Result<()> {
    let flags = squeue::Flags::BUFFER_SELECT | squeue::Flags::SKIP_SUCCESS | squeue::Flags::IO_LINK;
    let others = [
        Restriction::register_op(REGISTER_BUFFERS),
        Restriction::register_op(REGISTER_SYNC_CANCEL),
        Restriction::sqe_flags_allowed(flags.bits()),
    ];
    let mut all: Vec<_> = OPS.iter().map(|&op| Restriction::sqe_op(op)).chain(others).collect();
    submitter.register_restrictions(&mut all)
}
