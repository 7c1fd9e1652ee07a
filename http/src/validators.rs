//! Validators of a file (RFC 9110 section 8.8): a strong entity tag and the time of its last change.

use std::fmt;

/// A strong entity tag made of a file's size and the nanosecond of its last change, in its quotes.
///
/// It is as strong as the file system's clock: two changes within one tick of it (some milliseconds on Linux before 6.13)
/// that leave the size as it was cannot be told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntityTag {
    text: [u8; EntityTag::LEN_MAX],
    len: u8,
}

/// What a file's conditional requests are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag.
    pub entity_tag: EntityTag,
    /// The last change in seconds of Unix time; 0 for times before 1970, which an HTTP date can hardly say.
    pub modified_unix_s: u64,
}

impl EntityTag {
    /// Quotes, seconds, nanoseconds, size, and what stands between them.
    const LEN_MAX: usize = 2 + 16 + 1 + 8 + 1 + 16;

    /// The tag of a file of `size` octets, last changed at `modified_unix_s` seconds and `modified_ns` nanoseconds.
    pub fn of_file(size: u64, modified_unix_s: i64, modified_ns: u32) -> Self {
        let mut tag = EntityTag { text: [0; EntityTag::LEN_MAX], len: 0 };
        tag.push(b'"');
        // Times before 1970 keep their bits: a tag need not be read as a time.
        tag.push_hexadecimal(modified_unix_s as u64);
        tag.push(b'.');
        tag.push_hexadecimal(u64::from(modified_ns));
        tag.push(b'-');
        tag.push_hexadecimal(size);
        tag.push(b'"');
        tag
    }

    /// The tag as it stands in `ETag`, with its quotes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }

    fn push(&mut self, byte: u8) {
        self.text[usize::from(self.len)] = byte;
        self.len += 1;
    }

    fn push_hexadecimal(&mut self, number: u64) {
        let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1);
        for place in (0..digits).rev() {
            self.push(b"0123456789abcdef"[(number >> (4 * place) & 0xf) as usize]);
        }
    }
}

impl fmt::Debug for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EntityTag({})", self.as_bytes().escape_ascii())
    }
}

impl Validators {
    /// The validators of a file of `size` octets, last changed at that time.
    pub fn of_file(size: u64, modified_unix_s: i64, modified_ns: u32) -> Self {
        Validators {
            entity_tag: EntityTag::of_file(size, modified_unix_s, modified_ns),
            modified_unix_s: u64::try_from(modified_unix_s).unwrap_or(0),
        }
    }

    /// What to say in `Last-Modified`, in seconds of Unix time: never later than `now_unix_s`, the response's Date
    /// (RFC 9110 section 8.8.2.1).
    pub fn last_modified_unix_s(&self, now_unix_s: u64) -> u64 {
        self.modified_unix_s.min(now_unix_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_quoted_and_tells_size_and_nanosecond_apart() {
        let tag = EntityTag::of_file(151, 0x6553_f100, 0xabc);
        assert_eq!(tag.as_bytes(), b"\"6553f100.abc-97\"");
        assert_ne!(tag, EntityTag::of_file(152, 0x6553_f100, 0xabc));
        assert_ne!(tag, EntityTag::of_file(151, 0x6553_f100, 0xabd));
        assert_eq!(EntityTag::of_file(0, 0, 0).as_bytes(), b"\"0.0-0\"");
    }

    #[test]
    fn widest_tag_fits() {
        let tag = EntityTag::of_file(u64::MAX, -1, u32::MAX);
        assert_eq!(tag.as_bytes(), b"\"ffffffffffffffff.ffffffff-ffffffffffffffff\"");
        assert_eq!(tag.as_bytes().len(), EntityTag::LEN_MAX);
    }

    #[test]
    fn change_in_the_future_is_not_said() {
        let validators = Validators::of_file(1, 1000, 0);
        assert_eq!(validators.last_modified_unix_s(999), 999);
        assert_eq!(validators.last_modified_unix_s(1001), 1000);
        assert_eq!(Validators::of_file(1, -5, 0).modified_unix_s, 0);
    }
}
