//! What a task is at, in the words of whoever works in it: for lines about panics and about turns that last.
//!
//! In: octets, at each poll that wants to be told from others. Out: text, also for another thread while the worker is stuck.

use std::array;
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

    /// Puts `parts` there with a space between them.
    pub(crate) fn set(&self, parts: [&[u8]; 2]) {
        let mut octets = [b' '; LABEL_BYTES_MAX];
        let first = parts[0].len().min(LABEL_BYTES_MAX);
        octets[..first].copy_from_slice(&parts[0][..first]);
        let space = usize::from(!parts[1].is_empty());
        let start = (first + space).min(LABEL_BYTES_MAX);
        let second = parts[1].len().min(LABEL_BYTES_MAX - start);
        octets[start..start + second].copy_from_slice(&parts[1][..second]);
        let length = start + second;
        for (word, octets) in self.words.iter().zip(octets[..length.next_multiple_of(8)].chunks_exact(8)) {
            word.store(u64::from_ne_bytes(array::from_fn(|at| octets[at])), Ordering::Relaxed);
        }
        self.length.store(length as u64, Ordering::Relaxed);
    }

    /// The label, with what is not printable escaped; empty if there is none.
    pub(crate) fn text(&self) -> String {
        let length = (self.length.load(Ordering::Relaxed) as usize).min(LABEL_BYTES_MAX);
        let octets = self.words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes());
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
        label.set([b"DELETE", b"/a/very/long/one"]);
        label.set([b"GET", b"/\xff\n\"x"]);
        assert_eq!(label.text(), r#"GET /\xff\n\"x"#);
        label.set([b"GET", &[b'a'; 300]]);
        assert_eq!(label.text(), format!("GET {}", "a".repeat(LABEL_BYTES_MAX - 4)));
        label.set([b"CONNECT", b""]);
        assert_eq!(label.text(), "CONNECT");
        label.set([&[b'G'; 200], b"/"]);
        assert_eq!(label.text(), "G".repeat(LABEL_BYTES_MAX));
        label.clear();
        assert_eq!(label.text(), "");
    }
}
