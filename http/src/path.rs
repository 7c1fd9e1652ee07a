//! A request path as a path below a site's root, safe by type: what a [`SitePath`] names cannot climb out of the root,
//! and holds no NUL and no empty, `.` or `..` segment, however it was encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::syntax::{hex_digit, is_target, octets_equal};

/// A decoded path relative to the site's root. Only [`SitePath::resolve`] makes one.
///
/// Names are octets, as on disk: nothing is assumed of their character set.
///
/// ```
/// use selvedge_http::path::SitePath;
///
/// # fn main() -> Result<(), selvedge_http::path::PathError> {
/// let mut buffer = Vec::new();
/// let path = SitePath::resolve(b"/docs/./drafts/../caf%C3%A9.txt", &mut buffer)?;
/// assert_eq!(path.relative(), "docs/café.txt".as_bytes());
/// let below = path.below(b"docs").expect("it lies there");
/// assert_eq!(below.relative(), "café.txt".as_bytes());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SitePath<'a> {
    /// Segments joined by `/`, none before the first, one after the last if the request had it.
    bytes: &'a [u8],
    visibility: Visibility,
}

/// Whether a site shows what a path names.
///
/// ```
/// use selvedge_http::path::{SitePath, Visibility};
///
/// let visibility = |path: &[u8]| SitePath::resolve(path, &mut Vec::new()).map(|path| path.visibility());
/// assert_eq!(visibility(b"/blog/index.html"), Ok(Visibility::Shown));
/// assert_eq!(visibility(b"/blog/%2egit/config"), Ok(Visibility::Hidden));
/// assert_eq!(visibility(b"/.well-known/security.txt"), Ok(Visibility::Shown));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// It may be shown.
    Shown,
    /// A segment begins with a dot: `.git`, `.env`, an editor's swap file. The exception is a *first* segment that is
    /// exactly `.well-known` (RFC 8615); below it further dot segments are hidden again.
    Hidden,
}

/// Whether a path ends in a slash, and so asks for a directory.
///
/// ```
/// use selvedge_http::path::{SitePath, TrailingSlash};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut buffer, mut location) = (Vec::new(), Vec::new());
/// let path = SitePath::resolve(b"/a%20b", &mut buffer)?;
/// // It is a directory, whose pages have links relative to it.
/// if path.trailing_slash() == TrailingSlash::Absent {
///     path.redirect_location(TrailingSlash::Present, Some(b"page=2"), &mut location)?;
/// }
/// assert_eq!(location, b"/a%20b/?page=2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailingSlash {
    /// It ends in a slash, in `/.` or in `/..`, or it is the root.
    Present,
    /// It ends in a name.
    Absent,
}

/// Why a path names nothing on any site.
///
/// ```
/// use selvedge_http::path::{PathError, SitePath};
///
/// let mut buffer = Vec::new();
/// let error = SitePath::resolve(b"/a/%2e%2e/../etc/passwd", &mut buffer).unwrap_err();
/// assert_eq!(error, PathError::ClimbsAboveRoot);
/// assert_eq!((error.status().as_u16(), error.reason()), (400, "path climbs above the root"));
/// assert_eq!(PathError::EncodedSlash.status(), 404);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// It does not begin with a slash. 400.
    NotAbsolute,
    /// A percent sign without two hexadecimal digits. 400.
    Escape,
    /// A NUL, which no file name can hold. 400.
    Nul,
    /// More `..` than segments before them. RFC 3986 would drop them; who sends them is probing. 400.
    ClimbsAboveRoot,
    /// An encoded slash inside a segment. 404: no file's name has one, so it names nothing. Decoding it as a separator
    /// would let `/a%2Fb` slip past a rule that a proxy in front has for `/a/`.
    EncodedSlash,
}

/// A query that cannot stand in a `Location`.
///
/// ```
/// use selvedge_http::path::{InvalidQuery, SitePath, TrailingSlash};
///
/// let path = SitePath::decoded(b"docs").expect("it holds no dots");
/// let mut location = Vec::new();
/// let query: &[u8] = b"a=1\r\nset-cookie: b=2";
/// let result = path.redirect_location(TrailingSlash::Present, Some(query), &mut location);
/// assert_eq!(result, Err(InvalidQuery));
/// assert!(location.is_empty(), "nothing of it goes into a field");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidQuery;

/// Everything but `pchar` (RFC 3986 section 3.3) is encoded in a segment; so is the backslash, which some browsers take
/// for a slash.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

impl<'a> SitePath<'a> {
    /// Resolves a request's path as it was sent, without its query.
    ///
    /// Segments are split first and decoded then, so that no encoded octet becomes a separator; empty segments are
    /// dropped; `.` and `..` are resolved after decoding (RFC 3986 section 5.2.4; `%2e` *is* a dot, section 6.2.2.2).
    /// A path without anything to decode or drop is borrowed as it is; otherwise it is written to `buffer`, which is
    /// cleared first and grows to at most the length of `raw`.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn resolve(raw: &'a [u8], buffer: &'a mut Vec<u8>) -> Result<Self, PathError> {
        let [b'/', relative @ ..] = raw else {
            return Err(PathError::NotAbsolute);
        };
        if is_plain(raw) {
            return Ok(SitePath { bytes: relative, visibility: Visibility::Shown });
        }
        buffer.clear();
        buffer.reserve(relative.len());
        let mut segments = relative.split(|&byte| byte == b'/').peekable();
        while let Some(segment) = segments.next() {
            // Every segment before this one has ended in a slash.
            let segment_start = buffer.len();
            decode_segment(segment, buffer)?;
            match &buffer[segment_start..] {
                b"" | b"." => buffer.truncate(segment_start),
                b".." => {
                    buffer.truncate(segment_start);
                    buffer.pop().ok_or(PathError::ClimbsAboveRoot)?;
                    let parent_end =
                        buffer.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
                    buffer.truncate(parent_end);
                }
                _ if segments.peek().is_some() => buffer.push(b'/'),
                _ => {}
            }
        }
        let bytes = buffer.as_slice();
        Ok(SitePath { bytes, visibility: visibility_of(bytes) })
    }

    /// A path that is decoded already, relative to the root, such as a configuration names it; `None` if it has an empty,
    /// `.` or `..` segment, or a NUL. A slash at its end is kept.
    pub fn decoded(bytes: &'a [u8]) -> Option<Self> {
        let segments = bytes.strip_suffix(b"/").unwrap_or(bytes);
        let is_name = |segment: &[u8]| !matches!(segment, b"" | b"." | b"..") && !segment.contains(&0);
        let valid = segments.is_empty() || segments.split(|&byte| byte == b'/').all(is_name);
        valid.then(|| SitePath { bytes, visibility: visibility_of(bytes) })
    }

    /// What of it lies below `directory`, a path without a slash at its end; `None` if it does not lie there, and for the
    /// directory itself without its slash.
    pub fn below(&self, directory: &[u8]) -> Option<Self> {
        if directory.is_empty() {
            return Some(*self);
        }
        let bytes = self.bytes.strip_prefix(directory)?.strip_prefix(b"/")?;
        Some(SitePath { bytes, visibility: self.visibility })
    }

    /// The path relative to the root, without a slash at either end; empty for the root itself.
    pub fn relative(&self) -> &'a [u8] {
        self.bytes.strip_suffix(b"/").unwrap_or(self.bytes)
    }

    /// The same with its slash at the end, if it has one: what tells `/a` and `/a/` apart in a cache.
    pub fn key(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the path ends in a slash; the root does.
    pub fn trailing_slash(&self) -> TrailingSlash {
        match self.bytes {
            [] | [.., b'/'] => TrailingSlash::Present,
            _ => TrailingSlash::Absent,
        }
    }

    /// Whether a site may show it.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// Appends the `Location` of a redirect to this path with or without a slash at its end: path-absolute, encoded anew,
    /// with exactly one slash at its front, so that it never names another host; then the query byte for byte.
    ///
    /// # Errors
    /// The query holds an octet that no target may hold; nothing is appended then.
    pub fn redirect_location(
        &self,
        slash: TrailingSlash,
        query: Option<&[u8]>,
        location: &mut Vec<u8>,
    ) -> Result<(), InvalidQuery> {
        if !query.unwrap_or_default().iter().all(|&byte| is_target(byte)) {
            return Err(InvalidQuery);
        }
        location.push(b'/');
        self.encode_into(location);
        if slash == TrailingSlash::Present && !self.relative().is_empty() {
            location.push(b'/');
        }
        if let Some(query) = query {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        Ok(())
    }

    /// Appends the path percent-encoded, without a slash at either end.
    pub fn encode_into(&self, encoded: &mut Vec<u8>) {
        for (number, segment) in self.relative().split(|&byte| byte == b'/').enumerate() {
            if number > 0 {
                encoded.push(b'/');
            }
            encode_segment(segment, encoded);
        }
    }
}

/// Appends a file's name as a segment of a path, with everything encoded that is no `pchar` (RFC 3986 section 3.3), colons
/// left as they are: a reference that begins with it needs a `./` before it (section 4.2).
pub fn encode_segment(name: &[u8], encoded: &mut Vec<u8>) {
    for piece in percent_encode(name, SEGMENT) {
        encoded.extend_from_slice(piece.as_bytes());
    }
}

impl PathError {
    /// The status to answer with.
    pub const fn status(self) -> http::StatusCode {
        match self {
            PathError::EncodedSlash => http::StatusCode::NOT_FOUND,
            PathError::NotAbsolute | PathError::Escape | PathError::Nul | PathError::ClimbsAboveRoot => {
                http::StatusCode::BAD_REQUEST
            }
        }
    }

    /// A few words for the response's body and for a log line.
    pub const fn reason(self) -> &'static str {
        match self {
            PathError::NotAbsolute => "path does not begin with a slash",
            PathError::Escape => "invalid percent-encoding in path",
            PathError::Nul => "NUL in path",
            PathError::ClimbsAboveRoot => "path climbs above the root",
            PathError::EncodedSlash => "encoded slash in path",
        }
    }
}

impl std::fmt::Display for PathError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for PathError {}

impl std::fmt::Display for InvalidQuery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("invalid octet in query")
    }
}

impl std::error::Error for InvalidQuery {}

/// Nothing to decode, to drop, to hide or to refuse. `raw` begins with a slash.
#[inline]
fn is_plain(raw: &[u8]) -> bool {
    let (words, rest) = raw.as_chunks();
    // In each octet of a mask only the highest bit is used; the lowest octet is the first one of the path.
    let mut slash_before = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let slashes = octets_equal(word, b'/');
        let after_slash = (slashes << 8) | slash_before;
        let refused = octets_equal(word, b'%') | octets_equal(word, 0);
        if refused | (after_slash & (slashes | octets_equal(word, b'.'))) != 0 {
            return false;
        }
        slash_before = slashes >> 56;
    }
    let mut after_slash = slash_before != 0;
    for &byte in rest {
        match byte {
            b'%' | 0 => return false,
            b'/' | b'.' if after_slash => return false,
            _ => after_slash = byte == b'/',
        }
    }
    true
}

fn decode_segment(segment: &[u8], buffer: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rest = segment;
    while let [byte, after @ ..] = rest {
        let decoded = if *byte == b'%' {
            let [high, low, after @ ..] = after else {
                return Err(PathError::Escape);
            };
            rest = after;
            let digits = hex_digit(*high).zip(hex_digit(*low)).ok_or(PathError::Escape)?;
            match digits.0 << 4 | digits.1 {
                b'/' => return Err(PathError::EncodedSlash),
                decoded => decoded,
            }
        } else {
            rest = after;
            *byte
        };
        if decoded == 0 {
            return Err(PathError::Nul);
        }
        buffer.push(decoded);
    }
    Ok(())
}

fn visibility_of(path: &[u8]) -> Visibility {
    let mut segments = path.split(|&byte| byte == b'/');
    let first_is_hidden =
        segments.next().is_some_and(|first| first.starts_with(b".") && first != b".well-known");
    if first_is_hidden || segments.any(|segment| segment.starts_with(b".")) {
        Visibility::Hidden
    } else {
        Visibility::Shown
    }
}

#[cfg(test)]
mod tests;
