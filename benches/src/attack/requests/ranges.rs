//! The oracle's reading of Range (RFC 9110 section 14.1.2), by sorting, and of the bodies that answer it.

use super::target::number;

/// Ranges and elements of the list that the server says it reads at most; with more it sends the whole file.
const RANGES_MAX: usize = 16;
const ELEMENTS_MAX: usize = 32;
/// Octets before each part, and behind the last, at most.
const FRAMING_BYTES_MAX: usize = 512;

/// What of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    /// These parts, from the first octet to behind the last, sorted, with a gap between each two.
    Parts(Vec<(usize, usize)>),
    Unsatisfiable,
}

/// What this value asks for of a file of `size` octets.
pub(super) fn read(value: &str, size: usize) -> Asked {
    let Some(set) = value.get(..6).filter(|unit| unit.eq_ignore_ascii_case("bytes=")).map(|_| &value[6..])
    else {
        return Asked::Whole;
    };
    let elements: Vec<&str> = set.split(',').map(|element| element.trim_matches([' ', '\t'])).collect();
    let named: Vec<&str> = elements.iter().copied().filter(|element| !element.is_empty()).collect();
    let is_read = (1..=RANGES_MAX).contains(&named.len()) && elements.len() <= ELEMENTS_MAX && size > 0;
    let parts: Option<Vec<_>> = named.iter().map(|element| part(element, size)).collect();
    let Some(parts) = parts.filter(|_| is_read) else { return Asked::Whole };
    let mut parts: Vec<(usize, usize)> = parts.into_iter().filter(|(start, end)| start < end).collect();
    parts.sort_unstable();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (start, end) in parts {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    if joined.is_empty() { Asked::Unsatisfiable } else { Asked::Parts(joined) }
}

/// An element's octets within the file, none where it lies beyond; `None` where it is no range.
fn part(element: &str, size: usize) -> Option<(usize, usize)> {
    // What does not fit 64 bits lies beyond every file.
    let position = |digits: &str| {
        let is_digits = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        is_digits.then(|| number(digits).unwrap_or(u64::MAX))
    };
    let within = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(size);
    match element.split_once('-')? {
        ("", suffix) => Some((size - within(position(suffix)?), size)),
        (first, "") => Some((within(position(first)?), size)),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then(|| (within(first), within(last.saturating_add(1))))
        }
    }
}

/// Holds the parts of an answer against the file: all that were asked for, nothing twice, nothing else.
pub(super) fn check(
    content_type: Option<&str>,
    content_range: Option<&str>,
    body: &[u8],
    parts: &[(usize, usize)],
    file: &[u8],
) -> Result<(), String> {
    if let [(start, end)] = *parts {
        let expected = format!("bytes {start}-{}/{}", end - 1, file.len());
        return match content_range == Some(&expected) && body == &file[start..end] {
            true => Ok(()),
            false => Err(format!("{content_range:?} with {} octets, not {expected}", body.len())),
        };
    }
    let boundary = content_type.and_then(|value| value.strip_prefix("multipart/byteranges; boundary="));
    let boundary = boundary.ok_or_else(|| format!("no boundary in {content_type:?}"))?.trim_matches('"');
    let mut found = split(body, boundary, file)?;
    found.sort_unstable();
    if found != parts {
        return Err(format!("the parts are {found:?}, not {parts:?}"));
    }
    if body.len() > file.len() + (parts.len() + 1) * FRAMING_BYTES_MAX {
        return Err(format!("{} octets are too many for a file of {}", body.len(), file.len()));
    }
    Ok(())
}

/// The parts of a body of several (RFC 9110 section 14.6), whose octets are the file's.
fn split(mut body: &[u8], boundary: &str, file: &[u8]) -> Result<Vec<(usize, usize)>, String> {
    let mut found = Vec::new();
    let delimiter = format!("--{boundary}");
    loop {
        body = body.strip_prefix(b"\r\n").unwrap_or(body);
        body = body.strip_prefix(delimiter.as_bytes()).ok_or("a part does not begin with the boundary")?;
        if body == b"--\r\n" || body == b"--" {
            return Ok(found);
        }
        let head_end = body.windows(4).position(|end| end == b"\r\n\r\n").ok_or("a part has no head")?;
        let head = String::from_utf8_lossy(&body[..head_end]).to_ascii_lowercase();
        let range = head.lines().find_map(|line| line.strip_prefix("content-range: bytes "));
        let (range, size) = range.and_then(|range| range.split_once('/')).ok_or("a part has no range")?;
        let (first, last) = range.split_once('-').ok_or("a part has no range")?;
        let numbers = (number(first).zip(number(last))).ok_or("a part's range is no numbers")?;
        let (start, end) = (numbers.0 as usize, numbers.1 as usize + 1);
        let content = &body[head_end + 4..];
        if size != file.len().to_string() || file.get(start..end) != content.get(..end - start) {
            return Err(format!("the part {range} of {size} has other octets than the file"));
        }
        body = &content[end - start..];
        found.push((start, end));
    }
}
