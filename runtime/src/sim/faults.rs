//! What can go wrong, how often, and how often it did.

/// A fault that the machine injects. Each is something that the real kernel may do at any time.
///
/// ```
/// use selvedge_runtime::sim::{FAULTS, Fault, FaultRates};
///
/// let mut rates = FaultRates::NONE;
/// rates.set(Fault::ShortSend, 200_000);
/// assert_eq!(rates.of(Fault::ShortSend), 200_000);
/// assert!(FAULTS.contains(&Fault::ShortSend));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fault {
    /// A send takes a part of what it was given.
    ShortSend,
    /// A send finds no memory for a moment (ENOBUFS).
    SendWithoutMemory,
    /// A receive brings a part of what is there.
    ShortReceive,
    /// A receive finds no buffer (ENOBUFS) though there are some.
    ReceiveWithoutBuffer,
    /// A subscription to received bytes ends with a success though the queue has room, as io_uring(7) lets it: nothing
    /// more comes until it is started again.
    ReceiveEndsEarly,
    /// A subscription to connections ends with a success.
    AcceptEndsEarly,
    /// No descriptor is left for a connection (EMFILE).
    AcceptWithoutDescriptor,
    /// No memory is left for a connection (ENOMEM, ENOBUFS), or no open file (ENFILE).
    AcceptWithoutMemory,
    /// The connection is gone before it is taken (ECONNABORTED).
    AcceptAborted,
    /// A cancel meets its op on the way from one wait to the next (ENOENT): the op goes on.
    CancelMissed,
    /// A cancel comes as the op completes: both say so, the op with its success.
    CancelTooLate,
    /// An op is done only with a later enter, after others that were submitted behind it.
    Delayed,
    /// The completion queue is full until the next enter: subscriptions that complete end by it, and what completes
    /// comes with that enter.
    Overflow,
    /// A message to another ring is refused: it is rung by other means.
    MessageRefused,
    /// An enter is interrupted once it has submitted (EINTR): the worker has a turn for nothing.
    Interrupted,
    /// No descriptor is left for a socket that is to connect (EMFILE).
    SocketWithoutDescriptor,
    /// A connection is refused (ECONNREFUSED).
    ConnectRefused,
    /// Nobody answers who connects (ETIMEDOUT, two minutes later).
    ConnectTimedOut,
    /// A read of a file brings a part of what is there.
    ShortRead,
    /// The disk cannot read it (EIO).
    ReadFails,
    /// A read of a file is interrupted (EINTR): network file systems do so.
    ReadInterrupted,
    /// An open of a file is interrupted (EINTR): network file systems do so.
    OpenInterrupted,
    /// No descriptor is left in the process for a file (EMFILE).
    OpenWithoutDescriptor,
    /// No file is left in the machine (ENFILE).
    OpenWithoutFile,
    /// No memory is left for a file (ENOMEM).
    OpenWithoutMemory,
    /// The process may not open it for a moment (EACCES).
    OpenForbidden,
    /// A rename somewhere while a path goes through `..`: nobody can say whether it stays beneath (EAGAIN, openat2(2)).
    OpenRaced,
    /// A name or a page is in memory no more.
    NotCached,
    /// The disk takes up to a second.
    SlowDisk,
    /// The disk takes up to 40 s.
    StalledDisk,
    /// Another program cuts the file short just before it is read.
    TruncatedMeanwhile,
    /// Another program puts another file in its place just before it is read.
    ReplacedMeanwhile,
    /// The file system knows no reads that do not wait (EOPNOTSUPP), as tmpfs and overlayfs do not.
    NowaitUnsupported,
}

/// All of them, in the order of their numbers.
pub const FAULTS: [Fault; 33] = [
    Fault::ShortSend,
    Fault::SendWithoutMemory,
    Fault::ShortReceive,
    Fault::ReceiveWithoutBuffer,
    Fault::ReceiveEndsEarly,
    Fault::AcceptEndsEarly,
    Fault::AcceptWithoutDescriptor,
    Fault::AcceptWithoutMemory,
    Fault::AcceptAborted,
    Fault::CancelMissed,
    Fault::CancelTooLate,
    Fault::Delayed,
    Fault::Overflow,
    Fault::MessageRefused,
    Fault::Interrupted,
    Fault::SocketWithoutDescriptor,
    Fault::ConnectRefused,
    Fault::ConnectTimedOut,
    Fault::ShortRead,
    Fault::ReadFails,
    Fault::ReadInterrupted,
    Fault::OpenInterrupted,
    Fault::OpenWithoutDescriptor,
    Fault::OpenWithoutFile,
    Fault::OpenWithoutMemory,
    Fault::OpenForbidden,
    Fault::OpenRaced,
    Fault::NotCached,
    Fault::SlowDisk,
    Fault::StalledDisk,
    Fault::TruncatedMeanwhile,
    Fault::ReplacedMeanwhile,
    Fault::NowaitUnsupported,
];

/// How often each fault happens where it can, in a million.
///
/// ```
/// use selvedge_runtime::sim::{Fault, FaultRates};
///
/// assert_eq!(FaultRates::NONE.of(Fault::Overflow), 0);
/// assert!(FaultRates::USUAL.of(Fault::ShortReceive) > 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultRates([u32; FAULTS.len()]);

impl FaultRates {
    /// A machine without faults.
    pub const NONE: Self = Self([0; FAULTS.len()]);

    /// Every fault, now and then.
    pub const USUAL: Self = Self([
        50_000, 2_000, 50_000, 10_000, 20_000, 20_000, 5_000, 2_000, 5_000, 50_000, 20_000, 50_000, 1_000,
        20_000, 5_000, 10_000, 10_000, 5_000, 50_000, 5_000, 20_000, 20_000, 5_000, 2_000, 2_000, 5_000,
        50_000, 50_000, 20_000, 500, 5_000, 5_000, 20_000,
    ]);

    /// How often this one happens, in a million.
    pub const fn of(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }

    /// So often from now on.
    pub const fn set(&mut self, fault: Fault, per_million: u32) {
        self.0[fault as usize] = per_million;
    }
}
