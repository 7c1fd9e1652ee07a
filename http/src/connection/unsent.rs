//! How much of an answer waits in the kernel. In: how long an answer is. Out: a bound at the socket, where it needs one.

use super::Connection;
use super::answer::Transfer;

/// An answer up to this length is with the kernel before anybody could read it slowly.
const SHORT_BYTES_MAX: u64 = 128 * 1024;

/// An answer up to this length is the kernel's as a whole, if it likes: each wait for room is a wake-up of the worker, and it is
/// as much as a client who does not read can have wait for it.
const LONG_BYTES_MIN: u64 = 1024 * 1024 + 1;

/// Segments shorter than this are those of a client that has next to no window, since an Ethernet carries 1,460 octets, and
/// whatever carries IPv6 1,220 (RFC 9293 section 3.7.1): to make a thousand of them holds all others up.
const SEGMENT_BYTES_MIN: u32 = 1_000;

impl Connection {
    /// To be called before an answer's first octet.
    pub(super) fn bound_unsent(&mut self, transfer: Transfer) {
        let bytes = match transfer {
            Transfer::Length(bytes) => bytes,
            Transfer::Chunked | Transfer::UntilClose | Transfer::Upgraded | Transfer::Tunnel => u64::MAX,
        };
        if bytes <= SHORT_BYTES_MAX {
            return;
        }
        let stream = self.stream.get_mut();
        let has_tiny_segments = |bytes: u32| bytes < SEGMENT_BYTES_MIN;
        if !stream.is_unsent_bounded()
            && (bytes >= LONG_BYTES_MIN || stream.segment_bytes().is_ok_and(has_tiny_segments))
        {
            stream.bound_unsent();
        }
    }
}
