//! What the tests of more than one module need.

use crate::h1::{HeadScanner, Limits, Reject, RequestHead, Scan};

/// Parses octets that are one complete head.
pub(crate) fn parse_head(bytes: &[u8]) -> Result<RequestHead, Reject> {
    let limits = Limits::default();
    match HeadScanner::new().scan(bytes, &limits)? {
        Scan::Complete(head) => RequestHead::parse(head, &limits),
        Scan::Incomplete => panic!("incomplete head: {}", bytes.escape_ascii()),
    }
}
