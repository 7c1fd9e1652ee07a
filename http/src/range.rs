//! Byte ranges of a GET (RFC 9110 section 14). In: a request's head, validators and a size. Out: which parts to send.

use std::ops::Deref;

use crate::h1::date::parse_date;
use crate::h1::{Field, KnownField, Method, RequestHead};
use crate::syntax::trim_ows;
use crate::validators::Validators;

/// Ranges that one request may name. With more it gets the whole file, as RFC 9110 section 14.2 allows.
///
/// Other servers draw this line late or not at all: nginx and Go's net/http at the sum of the lengths, Apache at 200
/// ranges, lighttpd at 128. With 16 the set has a fixed place, joining what overlaps is a few comparisons, and the heads of
/// all parts add some 2 KiB to an answer. Clients that would ask for hundreds, as package managers do for
/// differences, take a 200 as the sign to ask for fewer.
pub const RANGES_MAX: usize = 16;

/// Elements of the list that are looked at, the empty ones included, of which a reasonable number is to be ignored
/// (section 5.6.1.2).
const ELEMENTS_MAX: usize = 2 * RANGES_MAX;

/// What of a file to send.
///
/// ```
/// use selvedge_http::range::{ByteRange, RangeOutcome, parse_range};
///
/// assert_eq!(parse_range(b"bytes=-300", 1_000), RangeOutcome::Part(ByteRange { start: 700, len: 300 }));
/// assert_eq!(parse_range(b"bytes=1000-", 1_000), RangeOutcome::Unsatisfiable);
/// // What is no range of octets counts as if it were not there.
/// assert_eq!(parse_range(b"lines=1-2", 1_000), RangeOutcome::Whole);
/// assert!(matches!(parse_range(b"bytes=0-9, 90-99", 1_000), RangeOutcome::Parts(parts) if parts.len() == 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeOutcome {
    /// All of it: 200.
    Whole,
    /// A part: 206.
    Part(ByteRange),
    /// Several parts: 206 as multipart/byteranges. In a box, for they are large and seldom asked for.
    Parts(Box<Ranges>),
    /// All ranges lie beyond the end: 416 with the size.
    Unsatisfiable,
}

/// A part of a file; never empty, never beyond the size it was made for.
///
/// ```
/// use selvedge_http::range::{RangeOutcome, parse_range};
///
/// let file = b"0123456789";
/// let RangeOutcome::Part(part) = parse_range(b"bytes=4-5", file.len() as u64) else { panic!("one part") };
/// assert_eq!(&file[part.start as usize..][..part.len as usize], b"45");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// Offset of the first octet.
    pub start: u64,
    /// Length in octets, at least 1.
    pub len: u64,
}

/// The parts of a file that a request names, up to [`RANGES_MAX`], in the order in which it first names them.
///
/// What overlaps or touches is one part, so no octet is in two of them: together they are never longer than the file,
/// however often a request names the same octets (section 14.2 warns of those that do). A gap stays a gap, however small.
///
/// ```
/// use selvedge_http::range::{ByteRange, RangeOutcome, parse_range};
///
/// // The first two touch, so they are one part.
/// let RangeOutcome::Parts(parts) = parse_range(b"bytes=0-4, 5-9, 90-", 100) else { panic!("two parts") };
/// assert_eq!(parts[..], [ByteRange { start: 0, len: 10 }, ByteRange { start: 90, len: 10 }]);
/// assert_eq!(parts.size(), 100);
/// ```
#[derive(Clone, Debug)]
pub struct Ranges {
    size: u64,
    /// The first `len` of them count.
    parts: [ByteRange; RANGES_MAX],
    len: usize,
}

/// Evaluates Range and If-Range of a request whose head stands in `bytes`, for a file of `size` octets, after the other
/// preconditions let it proceed ([`crate::conditional::evaluate`]).
///
/// A Range is ignored on other methods than GET, when it comes twice, in another unit or in no valid form, when it names
/// more than [`RANGES_MAX`] ranges, on an empty file, and when If-Range is there and does not hold.
pub fn evaluate(
    head: &RequestHead,
    bytes: &[u8],
    validators: &Validators,
    size: u64,
    now_unix_s: u64,
) -> RangeOutcome {
    let Field::One(range) = head.field(bytes, KnownField::Range) else {
        return RangeOutcome::Whole;
    };
    let if_range_holds = match head.field(bytes, KnownField::IfRange) {
        Field::Absent => true,
        Field::One(value) => if_range_holds(value, validators, now_unix_s),
        Field::Several => false,
    };
    if head.method() != Method::Get || !if_range_holds {
        return RangeOutcome::Whole;
    }
    parse_range(range, size)
}

/// RFC 9110 section 13.1.5: an entity tag that matches strongly, or a date that is exactly Last-Modified and a strong
/// validator: the file's second is over, so that it will not change within it again (section 8.8.2.2).
fn if_range_holds(value: &[u8], validators: &Validators, now_unix_s: u64) -> bool {
    if value.starts_with(b"\"") {
        return validators.entity_tag.is_some_and(|tag| tag.as_bytes() == value);
    }
    let Some(modified_unix_s) = validators.modified_unix_s else { return false };
    parse_date(value) == Some(modified_unix_s) && modified_unix_s < now_unix_s
}

/// The value of a Range field, held against a size in octets.
pub fn parse_range(value: &[u8], size: u64) -> RangeOutcome {
    match Ranges::parse(value, size) {
        Ok(ranges) if size > 0 => match *ranges {
            [] => RangeOutcome::Unsatisfiable,
            [part] => RangeOutcome::Part(part),
            _ => RangeOutcome::Parts(Box::new(ranges)),
        },
        _ => RangeOutcome::Whole,
    }
}

/// A Range that counts as absent.
#[derive(Clone, Copy, Debug)]
struct Ignored;

impl Ranges {
    /// `ranges-specifier` of section 14.1.1 with `bytes` as its unit. One malformed range makes all of it invalid.
    fn parse(value: &[u8], size: u64) -> Result<Self, Ignored> {
        const UNIT: &[u8] = b"bytes=";
        let (unit, set) = value.split_at_checked(UNIT.len()).ok_or(Ignored)?;
        if !unit.eq_ignore_ascii_case(UNIT) {
            return Err(Ignored);
        }
        let mut ranges = Self { size, parts: [ByteRange { start: 0, len: 0 }; RANGES_MAX], len: 0 };
        let mut named = 0;
        for (at, element) in set.split(|&byte| byte == b',').enumerate() {
            let spec = trim_ows(element);
            named += usize::from(!spec.is_empty());
            if at == ELEMENTS_MAX || named > RANGES_MAX {
                return Err(Ignored);
            }
            if !spec.is_empty()
                && let Some(range) = parse_range_spec(spec, size)?
            {
                ranges.add(range);
            }
        }
        if named == 0 { Err(Ignored) } else { Ok(ranges) }
    }

    /// Octets of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a part, or extends the first one that it overlaps or touches, which takes up the others it does so with.
    fn add(&mut self, mut range: ByteRange) {
        let mut place = None;
        let mut kept = 0;
        for at in 0..self.len {
            let part = self.parts[at];
            if range.touches(&part) {
                // The sum touches no part that neither of the two touches, so one pass finds all.
                range = range.joined(&part);
                kept += usize::from(place.is_none());
                place.get_or_insert(kept - 1);
            } else {
                self.parts[kept] = part;
                kept += 1;
            }
        }
        self.len = kept + usize::from(place.is_none());
        self.parts[place.unwrap_or(kept)] = range;
    }
}

impl Deref for Ranges {
    type Target = [ByteRange];

    fn deref(&self) -> &[ByteRange] {
        &self.parts[..self.len]
    }
}

impl PartialEq for Ranges {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && **self == **other
    }
}

impl Eq for Ranges {}

impl ByteRange {
    fn end(&self) -> u64 {
        self.start + self.len
    }

    /// Whether no octet lies between the two.
    fn touches(&self, other: &Self) -> bool {
        self.start <= other.end() && other.start <= self.end()
    }

    fn joined(&self, other: &Self) -> Self {
        let start = self.start.min(other.start);
        Self { start, len: self.end().max(other.end()) - start }
    }
}

/// `int-range` or `suffix-range`; `None` where it is not satisfiable.
fn parse_range_spec(spec: &[u8], size: u64) -> Result<Option<ByteRange>, Ignored> {
    let dash = memchr::memchr(b'-', spec).ok_or(Ignored)?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    let (start, end) = match (first, last) {
        (b"", suffix) => {
            let len = parse_position(suffix)?;
            (size - len.min(size), size)
        }
        (first, b"") => (parse_position(first)?, size),
        (first, last) => {
            let (first, last) = (parse_position(first)?, parse_position(last)?);
            // Section 14.1.1: such a range is invalid, not unsatisfiable.
            if last < first {
                return Err(Ignored);
            }
            (first, last.saturating_add(1).min(size))
        }
    };
    // Section 14.1.2: a range is satisfiable if it begins before the end; a suffix, if it is longer than 0.
    Ok((start < end).then(|| ByteRange { start, len: end - start }))
}

/// `1*DIGIT`; what does not fit is as good as the largest number.
fn parse_position(digits: &[u8]) -> Result<u64, Ignored> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Ignored);
    }
    Ok(digits
        .iter()
        .fold(0u64, |number, byte| number.saturating_mul(10).saturating_add(u64::from(byte - b'0'))))
}

#[cfg(test)]
mod tests;
