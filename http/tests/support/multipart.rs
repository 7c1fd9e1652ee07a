//! Takes a multipart body apart as a client does: by its boundary alone (RFC 2046 section 5.1.1).

use std::ops::Range;

/// A part of a multipart/byteranges body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyPart<'b> {
    pub(crate) content_type: Option<&'b str>,
    pub(crate) content_range: &'b str,
    pub(crate) content: &'b [u8],
}

impl BodyPart<'_> {
    /// The octets it says it is, and the size of the whole.
    pub(crate) fn octets(&self) -> (Range<usize>, usize) {
        let number = |text: &str| text.parse::<usize>().expect("a number");
        let (octets, size) = self
            .content_range
            .strip_prefix("bytes ")
            .and_then(|rest| rest.split_once('/'))
            .expect("octets and a size");
        let (first, last) = octets.split_once('-').expect("a first and a last octet");
        (number(first)..number(last) + 1, number(size))
    }
}

/// The boundary that a Content-Type of multipart/byteranges names.
pub(crate) fn boundary(content_type: &str) -> &str {
    content_type.strip_prefix("multipart/byteranges; boundary=").expect("several parts with a boundary")
}

/// The parts of a whole body. Panics where it is not one.
pub(crate) fn split<'b>(body: &'b [u8], boundary: &str) -> Vec<BodyPart<'b>> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..]).expect("it begins with a delimiter");
    let mut parts = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head = memchr::memmem::find(part, b"\r\n\r\n").expect("a part has a head");
        let (head, content) = (&part[..head], &part[head + 4..]);
        let end = memchr::memmem::find(content, delimiter.as_bytes()).expect("a delimiter ends the part");
        let lines = std::str::from_utf8(head).expect("a head is ASCII").split("\r\n");
        let fields: Vec<_> = lines.map(|line| line.split_once(": ").expect("a field line")).collect();
        let field = |name| fields.iter().find(|field| field.0 == name).map(|field| field.1);
        parts.push(BodyPart {
            content_type: field("content-type"),
            content_range: field("content-range").expect("a part says what it is"),
            content: &content[..end],
        });
        rest = &content[end + delimiter.len()..];
    }
    assert_eq!(rest, b"--\r\n", "behind the last part");
    parts
}
