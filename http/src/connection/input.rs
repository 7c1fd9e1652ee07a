//! Step 3 of a request's walk, receive. In: leases of received bytes. Out: complete heads, in place where they came whole.
//! Next: [`super::exchange`].

use std::mem;
use std::ops::{Deref, Range};

use selvedge_runtime::{BufferPool, Chunk, Lease, SharedLease};

use crate::h1::section_memory::Hint;
use crate::h1::{HeadScanner, Reject, RequestHead, Scan};
use crate::proxy_protocol::{self, Malformed, Progress, Source};
use crate::shared::Shared;

/// What a connection has received and not yet used.
///
/// Between requests it holds no lease: what is incomplete is moved to a buffer of its own, at most a head's limit and one
/// lease long, so that slow senders cannot keep the worker's receive buffers.
#[derive(Debug, Default)]
pub(super) struct Input {
    held: Held,
    /// Bytes of `held` already used.
    start: usize,
    scanner: HeadScanner,
    /// Which fields its heads have.
    hint: Hint,
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Lease(SharedLease),
    Joined(Vec<u8>),
}

/// A head's bytes, where they stay while its request is handled.
#[derive(Debug)]
pub(crate) enum HeadBytes {
    InPlace(SharedLease, u32, u32),
    Copied(Vec<u8>),
}

/// A complete head that was parsed, and its octets.
pub(crate) type Received = (RequestHead, HeadBytes);

impl Deref for HeadBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::InPlace(lease, start, length) => &lease[*start as usize..(*start + *length) as usize],
            Self::Copied(bytes) => bytes,
        }
    }
}

impl HeadBytes {
    /// Goes on in a buffer of its own.
    pub(super) fn give_up_lease(&mut self) {
        if let Self::InPlace(..) = self {
            *self = Self::Copied(self.to_vec());
        }
    }
}

impl Input {
    /// Takes what was received.
    pub(super) fn push(&mut self, lease: Lease) {
        if self.is_empty() {
            self.held = Held::Lease(lease.share());
            self.start = 0;
        } else {
            let joined = self.join();
            joined.extend_from_slice(&lease);
        }
    }

    /// Takes a copy of what was received elsewhere.
    pub(super) fn push_copy(&mut self, bytes: &[u8]) {
        self.join().extend_from_slice(bytes);
    }

    /// Takes a PROXY header from the front and keeps of it what `keep` makes; `None` until more was received.
    ///
    /// # Errors
    /// What [`proxy_protocol::parse`] refuses.
    pub(super) fn take_proxy_header<T>(
        &mut self,
        keep: impl FnOnce(Source<'_>) -> T,
    ) -> Result<Option<T>, Malformed> {
        match proxy_protocol::parse(self.bytes())? {
            Progress::Incomplete => {
                self.join();
                Ok(None)
            }
            Progress::Complete { source, length } => {
                let kept = keep(source);
                self.consume(length);
                Ok(Some(kept))
            }
        }
    }

    /// The next complete head, or `None` until more was received.
    ///
    /// # Errors
    /// What [`HeadScanner::scan`] and [`RequestHead::parse`] refuse.
    pub(super) fn next_head<A>(&mut self, shared: &Shared<A>) -> Result<Option<Received>, Reject> {
        let (limits, connect) = (shared.limits(), shared.connect());
        let mut memory = shared.sections();
        if self.is_empty() {
            return Ok(None);
        }
        let (mut scanner, mut hint) = (self.scanner, self.hint);
        let recalled = match scanner.has_begun() {
            true => None,
            false => RequestHead::recall(self.bytes(), limits, connect, &mut memory, &mut hint),
        };
        let found = match recalled {
            Some(head) => Some(head),
            None => match scanner.scan(self.bytes(), limits)? {
                Scan::Incomplete => None,
                Scan::Complete(complete) => {
                    let head = RequestHead::parse_with(complete, limits, connect)?;
                    memory.remember(&mut hint, &head, complete.bytes());
                    Some(head)
                }
            },
        };
        let Some(head) = found else {
            self.scanner = scanner;
            if matches!(self.held, Held::Lease(_)) {
                self.join();
            }
            return Ok(None);
        };
        (self.scanner, self.hint) = (HeadScanner::new(), hint);
        let length = head.len();
        if BufferPool::is_scarce() {
            // The last quarter of the receive buffers never lives across an await, neither for this head nor for those
            // behind it.
            self.join();
        }
        Ok(Some((head, self.take_head(length))))
    }

    /// The first `length` bytes, which are one head.
    fn take_head(&mut self, length: usize) -> HeadBytes {
        let bytes = match &self.held {
            Held::Lease(lease) if self.start + length < lease.len() => {
                HeadBytes::InPlace(lease.clone(), self.start as u32, length as u32)
            }
            // Nothing follows it: nothing is left to count.
            Held::Lease(_) => {
                let Held::Lease(lease) = mem::take(&mut self.held) else { unreachable!("looked at above") };
                return HeadBytes::InPlace(lease, mem::take(&mut self.start) as u32, length as u32);
            }
            _ => HeadBytes::Copied(self.bytes()[..length].to_vec()),
        };
        self.consume(length);
        bytes
    }

    /// Whether a head has begun to arrive: an idle connection is closed silently, this one gets a 408.
    pub(super) fn head_has_begun(&self) -> bool {
        self.scanner.has_begun()
    }

    /// Bytes received and not used.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.held {
            Held::Nothing => &[],
            Held::Lease(lease) => &lease[self.start..],
            Held::Joined(bytes) => &bytes[self.start..],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// These bytes of what was received and not used, in place where nobody else needs their buffer.
    pub(super) fn take(&self, range: Range<usize>) -> Chunk {
        match &self.held {
            Held::Lease(lease) if !BufferPool::is_scarce() => {
                let (start, end) = (self.start + range.start, self.start + range.end);
                Chunk::Shared(lease.clone(), start as u32..end as u32)
            }
            _ => self.bytes()[range].to_vec().into(),
        }
    }

    /// Gives up the first `length` bytes.
    pub(super) fn consume(&mut self, length: usize) {
        self.start += length;
        if self.is_empty() {
            self.held = Held::Nothing;
            self.start = 0;
        }
    }

    /// The rest does not keep a receive buffer where these are scarce: it may wait long.
    pub(super) fn give_up_lease_if_scarce(&mut self) {
        if matches!(self.held, Held::Lease(_)) && BufferPool::is_scarce() {
            self.join();
        }
    }

    /// What is left, in a buffer of its own.
    fn join(&mut self) -> &mut Vec<u8> {
        if !matches!(self.held, Held::Joined(_)) {
            self.held = Held::Joined(self.bytes().to_vec());
            self.start = 0;
        }
        match &mut self.held {
            Held::Joined(bytes) => {
                bytes.drain(..self.start);
                self.start = 0;
                bytes
            }
            _ => unreachable!("made so above"),
        }
    }
}

#[cfg(test)]
mod tests;
