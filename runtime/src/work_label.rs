//! What a task is at, in the words of whoever works in it: for lines about panics and about turns that last.
//!
//! In: octets, at each poll that wants to be told from others. Out: text, also for another thread while the worker is stuck.

use std::sync::atomic::{AtomicU64, Ordering};

/// Octets of a label; what is longer is cut.
pub(crate) const LABEL_BYTES_MAX: usize = 120;

const WORDS: usize = LABEL_BYTES_MAX / 8;

/// One writer, and readers that may see a label half written: of a worker that does not move they see all.
#[derive(Debug, Default)]
pub(crate) struct WorkLabel {
    length: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl WorkLabel {
    pub(crate) fn clear(&self) {
        self.length.store(0, Ordering::Relaxed);
    }

    /// Puts `octets` there, word by word: other threads may read them at any time.
    #[inline]
    pub(crate) fn set(&self, octets: &[u8]) {
        let octets = &octets[..octets.len().min(LABEL_BYTES_MAX)];
        let (whole, rest) = octets.as_chunks();
        for (word, octets) in self.words.iter().zip(whole) {
            word.store(u64::from_le_bytes(*octets), Ordering::Relaxed);
        }
        if !rest.is_empty() {
            let last = match octets.last_chunk() {
                Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
                None => rest.iter().rev().fold(0, |word, &octet| word << 8 | u64::from(octet)),
            };
            self.words[whole.len()].store(last, Ordering::Relaxed);
        }
        self.length.store(octets.len() as u64, Ordering::Relaxed);
    }

    /// The label, with what is not printable escaped; empty if there is none.
    pub(crate) fn text(&self) -> String {
        let length = (self.length.load(Ordering::Relaxed) as usize).min(LABEL_BYTES_MAX);
        let octets = self.words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes());
        octets.take(length).flat_map(std::ascii::escape_default).map(char::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_what_was_set_last_cut_and_printable() {
        let label = WorkLabel::default();
        assert_eq!(label.text(), "");
        label.set(b"DELETE /a/very/long/one");
        label.set(b"GET /\xff\n\"x");
        assert_eq!(label.text(), r#"GET /\xff\n\"x"#);
        for length in 0..300 {
            let octets: Vec<u8> = (0..length).map(|position| b'a' + position as u8 % 26).collect();
            label.set(&octets);
            assert_eq!(label.text().as_bytes(), &octets[..length.min(LABEL_BYTES_MAX)]);
        }
        label.clear();
        assert_eq!(label.text(), "");
    }
}
