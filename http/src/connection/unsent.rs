//! How much of the answers waits in the kernel. In: how long they are. Out: a bound at the socket, where it needs one.

use selvedge_runtime::net::Stream;

use super::Connection;
use super::answer::Transfer;

/// An answer up to this length is with the kernel before anybody could read it slowly. Behind so many octets of such answers it is
/// looked whether they are read.
const SHORT_BYTES_MAX: u64 = 128 * 1024;

/// An answer up to this length is the kernel's as a whole, if it likes: each wait for room is a wake-up of the worker. So are
/// several together; a client who asks for more and reads nothing has as much again wait for it, and little on top.
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
        if !stream.is_unsent_bounded() && (bytes >= LONG_BYTES_MIN || has_tiny_segments(stream)) {
            stream.bound_unsent();
        }
    }

    /// To be called behind every answer: short ones add up where many are asked for and none is read.
    pub(super) fn count_answered(&mut self) {
        let bytes = u64::from(self.unjudged_bytes) + self.answered_bytes;
        self.unjudged_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if bytes > SHORT_BYTES_MAX {
            self.judge_unread();
        }
    }

    #[cold]
    fn judge_unread(&mut self) {
        self.unjudged_bytes = 0;
        let stream = self.stream.get_mut();
        if stream.is_unsent_bounded() {
            return;
        }
        let unread = u64::from(stream.unread_bytes());
        if unread >= LONG_BYTES_MIN || unread > 0 && has_tiny_segments(stream) {
            stream.bound_unsent();
        }
    }
}

fn has_tiny_segments(stream: &Stream) -> bool {
    stream.segment_bytes().is_ok_and(|bytes| bytes < SEGMENT_BYTES_MIN)
}
