//! A reader that knows how much was taken from it. In: a buffered reader. Out: its octets, and their number.

use std::io::{self, BufRead, Read};

/// What is buffered and not yet taken does not count.
#[derive(Debug)]
pub(crate) struct Counted<R> {
    inner: R,
    octets: u64,
}

impl<R> Counted<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, octets: 0 }
    }

    /// Taken so far.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(room)?;
        self.octets += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.octets += count as u64;
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_reads_count_and_what_is_only_looked_at_does_not() {
        let mut reader = Counted::new(&b"one\ntwo"[..]);
        assert_eq!(reader.fill_buf().unwrap(), b"one\ntwo");
        assert_eq!(reader.octets(), 0);
        reader.read_line(&mut String::new()).unwrap();
        assert_eq!(reader.octets(), 4);
        reader.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(reader.octets(), 6);
    }
}
