//! Names of fields in any case, compared by words. In: a name as it was sent. Out: whether it is the one in question.

/// A name in lower case, and in each octet that is a letter the bit that makes it so.
#[derive(Clone, Copy)]
pub(super) struct Folded {
    words: [u64; 3],
    letters: [u64; 3],
}

impl Folded {
    pub(super) const fn new(name: &[u8]) -> Self {
        let words = words_of(name);
        let mut letters = words;
        let mut word = 0;
        while word < words.len() {
            let mut octets = words[word].to_ne_bytes();
            let mut index = 0;
            while index < octets.len() {
                octets[index] = if octets[index].is_ascii_lowercase() { 0x20 } else { 0 };
                index += 1;
            }
            letters[word] = u64::from_ne_bytes(octets);
            word += 1;
        }
        Self { words, letters }
    }

    /// Whether `name`, of the same length, is this one in any case.
    #[inline]
    pub(super) fn is(&self, name: &[u8]) -> bool {
        let words = words_of(name);
        (0..words.len()).all(|word| words[word] | self.letters[word] == self.words[word])
    }
}

/// All octets of a name of 4 to 24, some of them twice; nothing of a shorter one.
#[inline]
const fn words_of(name: &[u8]) -> [u64; 3] {
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        let middle = match name.split_at(8).1.first_chunk() {
            Some(middle) => middle,
            None => last,
        };
        [u64::from_ne_bytes(*first), u64::from_ne_bytes(*middle), u64::from_ne_bytes(*last)]
    } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        [u32::from_ne_bytes(*first) as u64, u32::from_ne_bytes(*last) as u64, 0]
    } else {
        [0; 3]
    }
}
