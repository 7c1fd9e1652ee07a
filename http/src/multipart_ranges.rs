//! The framing of several parts of one file in one body, multipart/byteranges (RFC 9110 section 14.6, RFC 2046 section
//! 5.1.1). In: ranges, a media type, a boundary. Out: the octets before, between and behind the parts, and the length of
//! it all.
//!
//! ```text
//! --BOUNDARY CRLF content-type CRLF content-range CRLF CRLF   first part
//! CRLF --BOUNDARY CRLF ... CRLF CRLF                          next part
//! CRLF --BOUNDARY-- CRLF
//! ```

use http::HeaderValue;

use crate::h1::{HeadError, HeadWriter};
use crate::range::{ByteRange, Ranges};

/// Room for the octets before a part, or behind the last: a delimiter and two field lines. A media type has about 80.
pub const FRAMING_BYTES_MAX: usize = 512;

/// What stands between parts, and in none of them.
///
/// No content is searched for it: it is 128 bits that nobody knew when the file was written, so whoever made the file
/// would have had to guess them.
///
/// ```
/// use selvedge_http::multipart_ranges::Boundary;
///
/// selvedge_runtime::block_on(|| async {
///     let boundary = Boundary::new(selvedge_runtime::random_bits());
///     assert_eq!(boundary.as_bytes().len(), 32);
///     assert_ne!(boundary, Boundary::new(selvedge_runtime::random_bits()), "each answer has its own");
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary([u8; 32]);

impl Boundary {
    /// The boundary of one answer. The bits must be new and nobody's to foretell.
    pub fn new(bits: u128) -> Self {
        let digit = |at: usize| b"0123456789abcdef"[(bits >> (4 * at) & 0xf) as usize];
        Self(std::array::from_fn(digit))
    }

    /// The boundary as it stands in the media type, without its dashes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// One such body.
///
/// ```
/// use selvedge_http::multipart_ranges::{Boundary, FRAMING_BYTES_MAX, MultipartRanges};
/// use selvedge_http::range::{RangeOutcome, parse_range};
///
/// # fn main() -> Result<(), selvedge_http::h1::HeadError> {
/// let RangeOutcome::Parts(ranges) = parse_range(b"bytes=0-3, 6-", 10) else { panic!("it names two") };
/// let multipart = MultipartRanges::new(Boundary::new(7), Some("text/plain"), &ranges);
/// let mut room = [0; FRAMING_BYTES_MAX];
/// let first = multipart.write_framing(0, &mut room)?;
/// assert!(room[..first].ends_with(b"content-type: text/plain\r\ncontent-range: bytes 0-3/10\r\n\r\n"));
/// // Octets 0 to 3 follow, then the same for the other part, and what stands behind the last.
/// let framing: usize = (0..=ranges.len()).map(|part| multipart.write_framing(part, &mut room)).sum::<Result<_, _>>()?;
/// assert_eq!(multipart.body_bytes()?, framing as u64 + 4 + 4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MultipartRanges<'a> {
    boundary: Boundary,
    content_type: Option<&'a str>,
    ranges: &'a Ranges,
}

impl<'a> MultipartRanges<'a> {
    /// A body of `ranges`, each with the media type that the whole file has.
    pub fn new(boundary: Boundary, content_type: Option<&'a str>, ranges: &'a Ranges) -> Self {
        Self { boundary, content_type, ranges }
    }

    /// The media type of the body.
    pub fn content_type(&self) -> HeaderValue {
        let value = [b"multipart/byteranges; boundary=", self.boundary.as_bytes()].concat();
        HeaderValue::from_bytes(&value).expect("hexadecimal digits are visible")
    }

    /// Octets of the whole body: the parts, and what [`write_framing`](Self::write_framing) puts round them.
    ///
    /// # Errors
    /// Those of `write_framing`.
    pub fn body_bytes(&self) -> Result<u64, HeadError> {
        let mut room = [0; FRAMING_BYTES_MAX];
        let framing = (0..=self.ranges.len()).try_fold(0, |sum, part| {
            self.write_framing(part, &mut room).map(|written| sum + written as u64)
        })?;
        // The parts are at most the file, whose size is an i64 (stat(3type)).
        Ok(framing + self.ranges.iter().map(|range| range.len).sum::<u64>())
    }

    /// Writes what comes before the part of this number, or behind the last one, and returns its length.
    ///
    /// # Errors
    /// `Full` where it is longer than `room`, `Value` for a media type with control octets.
    pub fn write_framing(&self, part: usize, room: &mut [u8]) -> Result<usize, HeadError> {
        // The line end before a delimiter belongs to it. Before the first one there is no line.
        let line_end: &[u8] = if part == 0 { b"" } else { b"\r\n" };
        let Some(&ByteRange { start, len }) = self.ranges.get(part) else {
            return put(room, &[line_end, b"--", self.boundary.as_bytes(), b"--\r\n"]);
        };
        let delimiter = put(room, &[line_end, b"--", self.boundary.as_bytes(), b"\r\n"])?;
        let mut writer = HeadWriter::new(&mut room[delimiter..]);
        if let Some(content_type) = self.content_type {
            writer.content_type(content_type);
        }
        let head = writer.content_range(start, len, self.ranges.size()).finish()?;
        Ok(delimiter + head.len)
    }
}

fn put(room: &mut [u8], pieces: &[&[u8]]) -> Result<usize, HeadError> {
    let mut written = 0;
    for piece in pieces {
        let place = room.get_mut(written..written + piece.len()).ok_or(HeadError::Full)?;
        place.copy_from_slice(piece);
        written += piece.len();
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing::check_ranges;
    use crate::range::{RangeOutcome, parse_range};

    fn ranges(set: &str, size: u64) -> Box<Ranges> {
        match parse_range(format!("bytes={set}").as_bytes(), size) {
            RangeOutcome::Parts(ranges) => ranges,
            other => panic!("{set} of {size}: {other:?}"),
        }
    }

    #[test]
    fn framing_is_that_of_the_standards() {
        let ranges = ranges("500-999,7000-7999", 8_000);
        let multipart = MultipartRanges::new(Boundary::new(0xa), Some("application/pdf"), &ranges);
        let mut text = Vec::new();
        for part in 0..=2 {
            let mut room = [0; FRAMING_BYTES_MAX];
            let written = multipart.write_framing(part, &mut room).unwrap();
            text.extend_from_slice(&room[..written]);
            text.extend_from_slice([&b"(first)"[..], b"(second)", b""][part]);
        }
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "--a0000000000000000000000000000000\r\n\
             content-type: application/pdf\r\ncontent-range: bytes 500-999/8000\r\n\r\n(first)\r\n\
             --a0000000000000000000000000000000\r\n\
             content-type: application/pdf\r\ncontent-range: bytes 7000-7999/8000\r\n\r\n(second)\r\n\
             --a0000000000000000000000000000000--\r\n"
        );
        assert_eq!(
            multipart.content_type(),
            "multipart/byteranges; boundary=a0000000000000000000000000000000"
        );
    }

    #[test]
    fn a_file_without_a_type_has_parts_without_one() {
        let ranges = ranges("0-0,2-2", 3);
        let multipart = MultipartRanges::new(Boundary::new(0), None, &ranges);
        let mut room = [0; FRAMING_BYTES_MAX];
        let written = multipart.write_framing(0, &mut room).unwrap();
        assert!(room[..written].ends_with(b"00\r\ncontent-range: bytes 0-0/3\r\n\r\n"));
    }

    #[test]
    fn what_does_not_fit_or_would_split_the_head_is_an_error() {
        let ranges = ranges("0-0,2-2", 3);
        let of_type =
            |content_type| MultipartRanges::new(Boundary::new(0), Some(content_type), &ranges).body_bytes();
        assert_eq!(of_type("a/b\r\nx: y"), Err(HeadError::Value));
        assert_eq!(of_type(&"x".repeat(FRAMING_BYTES_MAX)), Err(HeadError::Full));
        let multipart = MultipartRanges::new(Boundary::new(0), Some("a/b"), &ranges);
        let mut room = [0; FRAMING_BYTES_MAX];
        for part in 0..=2 {
            let length = multipart.write_framing(part, &mut room).unwrap();
            for short in 0..length {
                assert_eq!(multipart.write_framing(part, &mut room[..short]), Err(HeadError::Full));
            }
        }
    }

    #[test]
    fn longest_numbers_and_types_of_files_fit() {
        let last = i64::MAX as u64;
        let ranges = ranges(&format!("{}-{},{last}-", last - 9, last - 8), last + 1);
        let longest = crate::media_type::MediaTypes::default().of_path(b"a.pptx");
        let multipart = MultipartRanges::new(Boundary::new(u128::MAX), Some(longest), &ranges);
        let mut room = [0; FRAMING_BYTES_MAX / 2];
        assert!((0..=2).all(|part| multipart.write_framing(part, &mut room).is_ok()));
    }

    #[test]
    fn boundaries_differ_in_every_bit() {
        let of_bit = |bit: u32| Boundary::new(1 << bit).0;
        let all: std::collections::BTreeSet<_> = (0..128).map(of_bit).collect();
        assert_eq!(all.len(), 128);
    }

    proptest! {
        #[test]
        fn every_part_of_a_composed_body_is_its_slice_of_the_file(
            named in prop::collection::vec((0_u64..1_400, 0_u64..60), 2..=16),
            size in 1_000_u64..1_500,
            bits in any::<u128>(),
        ) {
            let specs: Vec<_> = named.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
            check_ranges(format!("bytes={}", specs.join(",")).as_bytes(), size, bits);
        }
    }
}
