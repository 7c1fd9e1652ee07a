//! Paths compared as URIs are (RFC 3986 section 6.2.2.2): segment by segment, each decoded.

use percent_encoding::percent_decode;

/// Whether `path`, as it was sent, is `wanted`, which stands as it is read.
pub(super) fn is_path(path: &[u8], wanted: &str) -> bool {
    let mut wanted = wanted.as_bytes().split(is_slash);
    path.split(is_slash).all(|segment| wanted.next().is_some_and(|wanted| is_segment(segment, wanted)))
        && wanted.next().is_none()
}

/// What follows `prefix` in `path`: empty, or with a slash at its front. `prefix` ends without a slash.
pub(super) fn behind<'p>(path: &'p [u8], prefix: &str) -> Option<&'p [u8]> {
    let mut rest = path;
    for wanted in prefix.as_bytes().split(is_slash).skip(1) {
        let below = rest.strip_prefix(b"/")?;
        let end = below.iter().position(is_slash).unwrap_or(below.len());
        if !is_segment(&below[..end], wanted) {
            return None;
        }
        rest = &below[end..];
    }
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

/// A prefix as [`behind`] takes it: `/` is the empty one.
///
/// # Panics
/// When it does not begin with a slash.
pub(super) fn prefix_of(text: impl Into<String>) -> String {
    let mut prefix = path_of(text);
    prefix.truncate(prefix.trim_end_matches('/').len());
    prefix
}

/// A path to compare with.
///
/// # Panics
/// When it does not begin with a slash.
pub(super) fn path_of(text: impl Into<String>) -> String {
    let path = text.into();
    assert!(path.starts_with('/'), "the path {path:?} does not begin with a slash");
    path
}

fn is_segment(sent: &[u8], wanted: &[u8]) -> bool {
    percent_decode(sent).eq(wanted.iter().copied())
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_same_however_it_is_encoded() {
        for (path, wanted, same) in [
            ("/a/b", "/a/b", true),
            ("/%61/b", "/a/b", true),
            ("/caf%C3%A9", "/café", true),
            ("/a/b/", "/a/b", false),
            ("/a/b", "/a/b/", false),
            ("/a%2Fb", "/a/b", false),
            ("/A/b", "/a/b", false),
            ("/", "/", true),
            ("", "/", false),
        ] {
            assert_eq!(is_path(path.as_bytes(), wanted), same, "{path} {wanted}");
        }
    }

    #[test]
    fn a_prefix_ends_between_two_segments() {
        for (path, prefix, rest) in [
            ("/api", "/api", Some("")),
            ("/api/", "/api", Some("/")),
            ("/api/x", "/api/", Some("/x")),
            ("/%61pi/x%2Fy", "/api", Some("/x%2Fy")),
            ("/apix", "/api", None),
            ("/ap", "/api", None),
            ("/api//x", "/api", Some("//x")),
            ("//api", "/api", None),
            ("/a/b/c", "/a/b", Some("/c")),
            ("/a%2Fb/c", "/a/b", None),
            ("/x", "/", Some("/x")),
            ("", "/api", None),
        ] {
            assert_eq!(
                behind(path.as_bytes(), &prefix_of(prefix)),
                rest.map(str::as_bytes),
                "{path} {prefix}"
            );
        }
    }
}
