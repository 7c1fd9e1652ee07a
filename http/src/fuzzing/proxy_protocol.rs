//! `proxy_protocol`: the header of a proxy's connection.

use crate::proxy_protocol::{self, Progress, Source};

/// Reads a PROXY header: the same however it is split, and nothing behind it is used or looked at.
pub fn proxy_protocol(bytes: &[u8]) {
    let whole = proxy_protocol::parse(bytes);
    for end in 0..=bytes.len().min(8 * 1024) {
        match (proxy_protocol::parse(&bytes[..end]), whole) {
            (Ok(Progress::Incomplete), Ok(Progress::Complete { length, .. })) => assert!(end < length),
            (Ok(Progress::Incomplete), _) => {}
            (sooner, _) => assert_eq!(sooner, whole, "with {end} octets"),
        }
    }
    if let Ok(Progress::Complete { source, length }) = whole {
        assert!(length <= bytes.len() && length <= 4 * 1024);
        assert_eq!(proxy_protocol::parse(&bytes[..length]), whole);
        assert_eq!(proxy_protocol::parse(&bytes[..length - 1]), Ok(Progress::Incomplete));
        if let Source::Unix(path) = source {
            assert!(path.len() <= 108 && !path.contains(&0));
        }
    }
}
