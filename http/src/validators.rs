//! Validators of a file (RFC 9110 section 8.8): a strong entity tag, and the time of its last change where that can be trusted.

use std::fmt;

/// A strong entity tag in its quotes: of a file's size and the nanosecond of its last change, or of its content.
///
/// ```
/// use selvedge_http::validators::EntityTag;
///
/// let tag = EntityTag::of_file(151, 0x6553_f100, 0xabc);
/// assert_eq!(tag.as_bytes(), b"\"6553f100.abc-97\"");
/// // The same file, compressed, is another representation.
/// assert_eq!(tag.with_suffix("br").as_bytes(), b"\"6553f100.abc-97-br\"");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntityTag {
    text: [u8; EntityTag::LEN_MAX],
    len: u8,
}

/// What a conditional request for a file is held against; without them every condition but `*` fails to match.
///
/// ```
/// use selvedge_http::validators::{EntityTag, Validators};
///
/// let of_file = Validators::of_file(1_024, 1_700_000_000, 0);
/// assert_eq!(of_file.last_modified_unix_s(1_800_000_000), Some(1_700_000_000));
/// // Of what a program has made: the content tells the versions apart, and no time does.
/// let of_content = Validators { entity_tag: Some(EntityTag::of_content(0x2a)), ..Validators::default() };
/// assert_eq!(of_content.last_modified_unix_s(1_800_000_000), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Validators {
    /// The entity tag.
    pub entity_tag: Option<EntityTag>,
    /// The last change in seconds of Unix time; 0 for times before 1970, which an HTTP date can hardly say.
    pub modified_unix_s: Option<u64>,
}

/// What the time of a file's last change says about its content.
///
/// ```
/// use selvedge_http::validators::{ChangeTime, Validators};
///
/// /// What may be said of a file's version.
/// fn validators(size: u64, modified_unix_s: i64, now_unix_s: u64) -> Validators {
///     match ChangeTime::judge(modified_unix_s, now_unix_s) {
///         ChangeTime::Settled => Validators::of_file(size, modified_unix_s, 0),
///         ChangeTime::Recent | ChangeTime::Fixed => Validators::default(),
///     }
/// }
/// assert_eq!(validators(151, 1_000, 1_001), Validators::default(), "it may be written still");
/// assert!(validators(151, 1_000, 2_000).entity_tag.is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeTime {
    /// It tells versions apart.
    Settled,
    /// It is so recent that the file may change again within one tick of the file system's clock, seen by nobody if its
    /// size stays: no version can be named yet (RFC 9110 section 8.8.2.2).
    Recent,
    /// 0 or 1: set by a tool that makes reproducible images, and the same for all versions.
    Fixed,
}

/// How long a change counts as recent, in seconds: the coarsest clock of a file system in use (FAT, 2 s).
pub const RECENT_S: u64 = 2;

impl ChangeTime {
    /// Judges a change at `modified_unix_s` from `now_unix_s`, the wall clock without its fraction.
    pub fn judge(modified_unix_s: i64, now_unix_s: u64) -> Self {
        match u64::try_from(modified_unix_s) {
            Ok(0 | 1) => Self::Fixed,
            // Both are cut to whole seconds, so that a difference of 2 may be one of 1.1.
            Ok(modified_unix_s) if modified_unix_s.abs_diff(now_unix_s) <= RECENT_S => Self::Recent,
            _ => Self::Settled,
        }
    }
}

impl EntityTag {
    /// Quotes, seconds, nanoseconds, size, what stands between them, and a suffix.
    const LEN_MAX: usize = 2 + 16 + 1 + 8 + 1 + 16 + Self::SUFFIX_LEN_MAX;
    /// Octets of a suffix with its dash.
    pub const SUFFIX_LEN_MAX: usize = 40;

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

    /// The tag of a content by its hash of 128 bits.
    pub fn of_content(hash: u128) -> Self {
        let mut tag = EntityTag { text: [0; EntityTag::LEN_MAX], len: 0 };
        tag.push(b'"');
        for place in (0..32).rev() {
            tag.push(HEXADECIMAL[(hash >> (4 * place) & 0xf) as usize]);
        }
        tag.push(b'"');
        tag
    }

    /// The tag of the same content in another form, such as `br`: distinct, as a strong tag must be (RFC 9110 section
    /// 8.8.3.3).
    ///
    /// # Panics
    /// If the suffix and a dash are longer than [`Self::SUFFIX_LEN_MAX`], or the tag has one.
    #[must_use]
    pub fn with_suffix(mut self, suffix: &str) -> Self {
        self.len -= 1;
        self.push(b'-');
        suffix.bytes().for_each(|byte| self.push(byte));
        self.push(b'"');
        self
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
            self.push(HEXADECIMAL[(number >> (4 * place) & 0xf) as usize]);
        }
    }
}

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

impl fmt::Debug for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EntityTag({})", self.as_bytes().escape_ascii())
    }
}

impl Validators {
    /// The validators of a file of `size` octets whose last change is settled.
    pub fn of_file(size: u64, modified_unix_s: i64, modified_ns: u32) -> Self {
        Validators {
            entity_tag: Some(EntityTag::of_file(size, modified_unix_s, modified_ns)),
            modified_unix_s: Some(u64::try_from(modified_unix_s).unwrap_or(0)),
        }
    }

    /// What to say in `Last-Modified`, in seconds of Unix time: never later than `now_unix_s`, the response's Date
    /// (RFC 9110 section 8.8.2.1).
    pub fn last_modified_unix_s(&self, now_unix_s: u64) -> Option<u64> {
        self.modified_unix_s.map(|modified_unix_s| modified_unix_s.min(now_unix_s))
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
    fn tag_of_another_form_is_another_one() {
        let tag = EntityTag::of_file(1, 2, 3);
        assert_eq!(tag.with_suffix("br").as_bytes(), b"\"2.3-1-br\"");
        assert_eq!(
            EntityTag::of_content(0xab).with_suffix("gzip").as_bytes(),
            b"\"000000000000000000000000000000ab-gzip\""
        );
    }

    #[test]
    fn widest_tag_fits() {
        let suffix = "s".repeat(EntityTag::SUFFIX_LEN_MAX - 1);
        let tag = EntityTag::of_file(u64::MAX, -1, u32::MAX);
        assert_eq!(tag.as_bytes(), b"\"ffffffffffffffff.ffffffff-ffffffffffffffff\"");
        assert_eq!(tag.with_suffix(&suffix).as_bytes().len(), EntityTag::LEN_MAX);
        assert!(EntityTag::of_content(u128::MAX).with_suffix(&suffix).as_bytes().ends_with(b"s\""));
    }

    #[test]
    fn change_in_the_future_is_not_said() {
        let validators = Validators::of_file(1, 1000, 0);
        assert_eq!(validators.last_modified_unix_s(999), Some(999));
        assert_eq!(validators.last_modified_unix_s(1001), Some(1000));
        assert_eq!(Validators::of_file(1, -5, 0).modified_unix_s, Some(0));
    }

    #[test]
    fn change_is_recent_for_two_seconds_and_fixed_at_the_beginning_of_time() {
        for (modified, now, expected) in [
            (1_000, 1_000, ChangeTime::Recent),
            (1_000, 1_002, ChangeTime::Recent),
            (1_000, 1_003, ChangeTime::Settled),
            (1_002, 1_000, ChangeTime::Recent),
            // A clock that is wrong by more than that is no reason to go without validators for years.
            (1_003, 1_000, ChangeTime::Settled),
            (0, 1_000, ChangeTime::Fixed),
            (1, 1, ChangeTime::Fixed),
            (2, 1_000, ChangeTime::Settled),
            (-1, 1_000, ChangeTime::Settled),
            (i64::MIN, 0, ChangeTime::Settled),
        ] {
            assert_eq!(ChangeTime::judge(modified, now), expected, "{modified} at {now}");
        }
    }
}
