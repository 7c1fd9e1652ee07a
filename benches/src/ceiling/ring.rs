//! One ring, set up as the runtime does it: split once, its descriptor registered, one enter per turn.

use std::{fmt, io, os::fd::RawFd};

use io_uring::{CompletionQueue, IoUring, SubmissionQueue, Submitter, opcode, squeue, types};

const SUBMISSIONS: u32 = 1024;
const COMPLETIONS: u32 = 16_384;

/// What a completion belongs to, in the upper half of `user_data`; the lower half is the descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Accept,
    Receive,
    Send,
    Close,
    Writable,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Accept, Self::Receive, Self::Send, Self::Close, Self::Writable];

    pub(super) fn token(self, fd: RawFd) -> u64 {
        (self as u64) << 32 | u64::from(fd.cast_unsigned())
    }
}

/// One completion, copied out of the ring before anything is done about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Completion {
    pub(super) kind: Kind,
    pub(super) fd: RawFd,
    pub(super) result: i32,
    pub(super) flags: u32,
}

pub(super) struct Ring {
    submitter: Submitter<'static>,
    submissions: SubmissionQueue<'static>,
    completions: CompletionQueue<'static>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}

impl Ring {
    /// Makes the ring on the calling thread, which is the only one to use it. It lives as long as the process.
    pub(super) fn new() -> io::Result<Self> {
        let ring = build(true).or_else(|error| match error.raw_os_error() {
            // NO_SQARRAY came with 6.6; a kernel that does not know a flag answers EINVAL.
            Some(libc::EINVAL) => build(false),
            _ => Err(error),
        })?;
        // The registered descriptor is a field of this very Submitter: it has to be kept, so the ring is split once.
        let (mut submitter, submissions, completions) = Box::leak(Box::new(ring)).split();
        submitter.register_ring_fd()?;
        Ok(Self { submitter, submissions, completions })
    }

    pub(super) fn submitter(&self) -> &Submitter<'static> {
        &self.submitter
    }

    /// Queues one operation; it goes to the kernel with the next turn, or at once if the queue is full.
    ///
    /// Everything the entry points to lives until the process ends: the canned answer, or nothing at all.
    pub(super) fn push(&mut self, entry: &squeue::Entry) {
        loop {
            // SAFETY: the function's contract: what the entry points to is never freed.
            if unsafe { self.submissions.push(entry) }.is_ok() {
                return;
            }
            self.submissions.sync();
            // An error leaves the queue full and the next pass tries again; the completions are taken by `turn`.
            let _ = self.submitter.submit();
            self.submissions.sync();
        }
    }

    /// Arms accept on `listener` for as long as it lasts.
    pub(super) fn accept(&mut self, listener: RawFd, flags: i32) {
        let accept = opcode::AcceptMulti::new(types::Fd(listener)).flags(flags);
        self.push(&accept.build().user_data(Kind::Accept.token(listener)));
    }

    /// Closes after everything queued before it has been submitted, so that no queued send meets a reused number.
    pub(super) fn close(&mut self, fd: RawFd) {
        let close = opcode::Close::new(types::Fd(fd)).build();
        self.push(&close.flags(squeue::Flags::SKIP_SUCCESS).user_data(Kind::Close.token(fd)));
    }

    /// Submits what is queued, waits for at least one completion and copies all that are there to `completions`.
    pub(super) fn turn(&mut self, completions: &mut Vec<Completion>) -> io::Result<()> {
        self.submissions.sync();
        match self.submitter.submit_and_wait(1) {
            Ok(_) => {}
            // EBUSY and EAGAIN ask for completions to be taken first.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY | libc::EAGAIN)) => {}
            Err(error) => return Err(error),
        }
        self.submissions.sync();
        completions.clear();
        self.completions.sync();
        completions.extend(self.completions.by_ref().map(|entry| Completion {
            kind: Kind::ALL[(entry.user_data() >> 32) as usize],
            fd: (entry.user_data() as u32).cast_signed(),
            result: entry.result(),
            flags: entry.flags(),
        }));
        self.completions.sync();
        Ok(())
    }
}

fn build(without_sq_array: bool) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_submit_all().setup_clamp();
    builder.setup_cqsize(COMPLETIONS);
    if without_sq_array {
        builder.setup_no_sqarray();
    }
    builder.build(SUBMISSIONS)
}
