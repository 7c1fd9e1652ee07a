//! The bytes that every server has to serve: made the same way for the files and for the ceiling's canned answer, so
//! that one check fits all.

/// The octets that are asked for where a part of a file is.
pub(crate) const RANGE: std::ops::RangeInclusive<usize> = 100..=250;

/// `bytes` bytes of printable text that repeats with a period prime to every power of two, so that a block sent
/// twice or left out shows.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| b'!' + u8::try_from(at % 89).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::content;

    #[test]
    fn a_shifted_block_differs() {
        let text = content(64 * 1024);
        assert_eq!(text.len(), 64 * 1024);
        assert_ne!(text[..4096], text[4096..8192]);
        assert!(text.iter().all(u8::is_ascii_graphic));
    }
}
