//! One io_uring: made by its worker, entered once per turn.
//!
//! In: submission queue entries and a deadline. Out: completions, copied out before any is acted on.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::NonNull;
use std::time::Duration;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{CompletionQueue, EnterFlags, IoUring, SubmissionQueue, Submitter, squeue};

use super::restrictions;
use super::start_error::StartError;

/// Entries of a ring's two queues. Submissions: one turn's batch; more in a turn cost a further enter. Completions: so many
/// that a burst of multishot completions does not overflow the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) submissions: u32,
    pub(super) completions: u32,
}

/// The size of a ring that may lock as much memory as it wants.
pub(super) const FULL_SIZE: Size = Size { submissions: 512, completions: 16_384 };
/// Smaller ones, for users who may not: kernels of today count a ring against RLIMIT_MEMLOCK, which is per user.
const SMALLER_SIZES: [Size; 3] = [
    Size { submissions: 256, completions: 4_096 },
    Size { submissions: 128, completions: 1_024 },
    Size { submissions: 64, completions: 512 },
];
const SMALLEST_SIZE: Size = Size { submissions: 32, completions: 256 };

impl Size {
    /// Memory of both queues: 64 bytes per submission, 16 per completion and less than 512 in front, in whole pages.
    fn locked_bytes(self) -> usize {
        let page_bytes = super::page_size_bytes();
        let submissions = (self.submissions as usize * 64).next_multiple_of(page_bytes);
        submissions + (self.completions as usize * 16 + 512).next_multiple_of(page_bytes)
    }
}

/// Completions copied out per turn; the rest wait in the queue for the next turn.
pub(super) const COMPLETIONS_PER_TURN_MAX: usize = 1_024;

/// What the kernel gave of what was asked for; the floor (Linux 6.1) is not listed.
///
/// ```
/// use selvedge_runtime::{RingFeatures, Runtime, WorkerLimits};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// let mut limits = WorkerLimits::default();
/// limits.kernel.locked_bytes_max = Some(64 * 1_024);
/// let running = Runtime::builder().workers(1).limits(limits).build()?.start(|_| async {})?;
/// let RingFeatures { full_size, .. } = running.features();
/// assert!(!full_size, "so little locked memory makes the queues smaller");
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RingFeatures {
    /// No indirection array in the submission queue (Linux 6.6).
    pub no_sqarray: bool,
    /// The ring's descriptor is registered, which saves a table look-up per enter.
    pub registered_ring: bool,
    /// File blocks are registered, so that reads into them need no page look-up (limited by RLIMIT_MEMLOCK).
    pub registered_blocks: bool,
    /// The ring does the ops that this runtime uses, and no others.
    pub restricted_ops: bool,
    /// Queues and receive buffers have the sizes asked for; else they are smaller, to fit into RLIMIT_MEMLOCK.
    pub full_size: bool,
}

impl RingFeatures {
    /// What both have.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            no_sqarray: self.no_sqarray && other.no_sqarray,
            registered_ring: self.registered_ring && other.registered_ring,
            registered_blocks: self.registered_blocks && other.registered_blocks,
            restricted_ops: self.restricted_ops && other.restricted_ops,
            full_size: self.full_size && other.full_size,
        }
    }
}

/// How many completions a receive brings in one go that goes on until it is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bursts {
    /// 32, then other work has its turn.
    Bounded,
    /// As many as its socket has octets for and the ring has buffers, before Linux 6.8: one connection could take all.
    Endless,
}

/// How long an enter may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all: submit, run what the kernel has deferred, return.
    None,
    /// Until a completion, or this long.
    AtMost(Duration),
    /// Until a completion.
    Forever,
}

/// A completion as the kernel wrote it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawCompletion {
    pub(super) token: u64,
    pub(super) result: i32,
    pub(super) flags: u32,
}

/// The three parts of an io_uring, kept apart for its whole life: the registration of the ring's descriptor lives in the
/// submitter, and splitting anew would lose it.
pub(super) struct Ring {
    // Fields drop in this order: the parts write to the ring's memory when they go, so the owner is last.
    submitter: Submitter<'static>,
    submissions: SubmissionQueue<'static>,
    completions: CompletionQueue<'static>,
    features: RingFeatures,
    bursts: Bursts,
    size: Size,
    may_have_torn: bool,
    owner: Owner,
}

/// The io_uring behind the three parts.
struct Owner(NonNull<IoUring>);

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Box::into_raw`, and the parts that borrowed from it were dropped before.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl Ring {
    /// Makes a ring for the calling thread, which alone may submit to it, once it is [enabled](Self::enable).
    ///
    /// It takes at most `locked_bytes_max` where that is possible at all, and less where the kernel grants less.
    pub(super) fn new(locked_bytes_max: Option<usize>) -> Result<Self, StartError> {
        for size in [FULL_SIZE].into_iter().chain(SMALLER_SIZES) {
            if locked_bytes_max.is_some_and(|max| size.locked_bytes() > max) {
                continue;
            }
            match Self::with_size(size) {
                Err(StartError::Memory(_)) => {}
                other => return other,
            }
        }
        Self::with_size(SMALLEST_SIZE)
    }

    /// A ring of that size, whose completion queue must not be the smaller one.
    pub(super) fn with_size(size: Size) -> Result<Self, StartError> {
        let (ring, no_sqarray) = set_up(size).map_err(StartError::from_ring_set_up)?;
        let owner = Owner(NonNull::from(Box::leak(Box::new(ring))));
        // SAFETY: the box is leaked until `owner` drops, which is after the parts (field order of `Ring`), and this is
        // the only reference ever made from the pointer.
        let ring: &'static mut IoUring = unsafe { &mut *owner.0.as_ptr() };
        // Of Linux 6.10; the bound of 6.8 is told by nothing.
        let bursts =
            if ring.params().is_feature_recvsend_bundle() { Bursts::Bounded } else { Bursts::Endless };
        let (mut submitter, submissions, completions) = ring.split();
        // EINVAL or ENOMEM: served all the same, a little slower.
        let registered_ring = submitter.register_ring_fd().is_ok();
        let features = RingFeatures {
            no_sqarray,
            registered_ring,
            registered_blocks: false,
            restricted_ops: false,
            full_size: size == FULL_SIZE,
        };
        Ok(Self { submitter, submissions, completions, features, bursts, size, may_have_torn: false, owner })
    }

    /// Lets the ring be used, by the calling thread, for the ops of this module alone. What else is registered was before.
    pub(super) fn enable(&mut self) -> Result<(), StartError> {
        // Served all the same without.
        self.features.restricted_ops = restrictions::restrict(&self.submitter).is_ok();
        self.submitter.register_enable_rings().map_err(|error| StartError::Other("enabling a ring", error))
    }

    pub(super) fn features(&self) -> RingFeatures {
        self.features
    }

    pub(super) fn bursts(&self) -> Bursts {
        self.bursts
    }

    pub(super) fn note_registered_blocks(&mut self) {
        self.features.registered_blocks = true;
    }

    pub(super) fn note_fewer_buffers(&mut self) {
        self.features.full_size = false;
    }

    /// Memory it has locked, where the kernel counts that.
    pub(super) fn locked_bytes(&self) -> usize {
        self.size.locked_bytes()
    }

    pub(super) fn submitter(&self) -> &Submitter<'static> {
        &self.submitter
    }

    /// The ring's own descriptor number, where MSG_RING of other rings arrives.
    pub(super) fn raw(&self) -> RawFd {
        // SAFETY: the io_uring lives as long as `self`; `as_raw_fd` reads a field that nobody writes.
        unsafe { self.owner.0.as_ref() }.as_raw_fd()
    }

    /// Queues `entry` for the next enter; `Err(Full)` when the queue has no room.
    ///
    /// # Safety
    /// What the entry points to must stay valid, and unused by anyone else, until its last completion.
    pub(super) unsafe fn push(&mut self, entry: &squeue::Entry) -> Result<(), Full> {
        // SAFETY: the caller's promise is the one `push` asks for.
        unsafe { self.submissions.push(entry) }.map_err(|_| Full)
    }

    /// Queues both for the same enter, or neither: a chain ends with what is submitted at once.
    ///
    /// # Safety
    /// As of [`push`](Self::push), for each.
    pub(super) unsafe fn push_both(&mut self, entries: &[squeue::Entry; 2]) -> Result<(), Full> {
        // SAFETY: the caller's promise is the one `push_multiple` asks for.
        unsafe { self.submissions.push_multiple(entries) }.map_err(|_| Full)
    }

    /// Whether completions overflowed into the kernel's list, which only an enter empties.
    pub(super) fn overflowed(&mut self) -> bool {
        self.submissions.cq_overflow()
    }

    /// Submits all that is queued, lets the kernel run its deferred work, and waits as told.
    ///
    /// A timeout, a signal, and a kernel that is short of memory or completion room are not errors: the caller reaps,
    /// looks at the clock and comes again.
    pub(super) fn enter(&mut self, wait: Wait) -> io::Result<()> {
        self.submissions.sync();
        let queued = self.submissions.len() as u32;
        let mut arguments = SubmitArgs::new();
        let time;
        let want = match wait {
            Wait::None => 0,
            Wait::Forever => 1,
            Wait::AtMost(duration) => {
                time = Timespec::from(duration);
                arguments = arguments.timespec(&time);
                1
            }
        };
        // GETEVENTS always: with deferred task work nothing completes without it (io_uring_enter(2)).
        let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        // SAFETY: the entries were pushed under `push`'s promise; `arguments` and `time` live across the call.
        let result = unsafe { self.submitter.enter(queued, want, flags.bits(), Some(&arguments)) };
        self.submissions.sync();
        self.completions.sync();
        match result {
            Ok(submitted) => {
                self.may_have_torn |= (1..queued as usize).contains(&submitted);
                Ok(())
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Whether all that was queued has gone to the kernel, and every completion so far was taken.
    pub(super) fn is_all_said(&mut self) -> bool {
        self.submissions.is_empty() && self.completions.is_empty() && !self.submissions.cq_overflow()
    }

    /// Whether an enter stopped somewhere among its entries, for want of memory: two that were queued together may not have been
    /// submitted together. So until [`Self::forget_tear`].
    pub(super) fn may_have_torn(&self) -> bool {
        self.may_have_torn
    }

    /// Every entry so far has gone to the kernel, and every completion was seen.
    pub(super) fn forget_tear(&mut self) {
        self.may_have_torn = false;
    }

    #[cfg(test)]
    pub(super) fn pretend_tear(&mut self) {
        self.may_have_torn = true;
    }

    /// Copies up to [`COMPLETIONS_PER_TURN_MAX`] completions out, so that none is acted on while the queue is read.
    pub(super) fn take_completions(&mut self, into: &mut Vec<RawCompletion>) {
        self.completions.sync();
        for entry in self.completions.by_ref().take(COMPLETIONS_PER_TURN_MAX) {
            into.push(RawCompletion {
                token: entry.user_data(),
                result: entry.result(),
                flags: entry.flags(),
            });
        }
        self.completions.sync();
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("fd", &self.raw())
            .field("features", &self.features)
            .finish_non_exhaustive()
    }
}

/// The submission queue has no room: enter first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// The flags ladder: all of it, then without what Linux 6.1 does not know.
fn set_up(size: Size) -> io::Result<(IoUring, bool)> {
    let mut builder = IoUring::builder();
    builder
        // One thread submits and reaps, and the kernel's completion work runs only inside its enter.
        .setup_single_issuer()
        .setup_defer_taskrun()
        // One bad entry must not hold up those behind it.
        .setup_submit_all()
        .setup_clamp()
        .setup_cqsize(size.completions)
        // Until what it may be used for is said.
        .setup_r_disabled()
        .dontfork();
    match builder.clone().setup_no_sqarray().build(size.submissions) {
        Ok(ring) => Ok((ring, true)),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            builder.build(size.submissions).map(|ring| (ring, false))
        }
        Err(error) => Err(error),
    }
}
