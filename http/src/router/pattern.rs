//! A route's path as a program writes it: `/users/{id}/files/{*path}`. In: its text. Out: segments to match requests' with, and
//! the names of the parameters.

use std::rc::Rc;

use percent_encoding::{percent_decode, percent_decode_str};

/// Parameters of one route, the rest that a nested application has included: there is room for as many in each request.
pub(super) const PARAMETERS_MAX: usize = 8;

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// These octets, decoded.
    Literal(Box<[u8]>),
    /// Any but none.
    Parameter,
    /// All segments from here on, perhaps nothing.
    Rest,
}

/// A route's path.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// As it was written.
    source: Rc<str>,
    segments: Vec<Segment>,
    /// Of the parameters in their order, without that of a nested application's rest.
    names: Vec<Box<str>>,
}

impl Pattern {
    /// The pattern of a text, or why it is none.
    pub(super) fn parse(source: &str) -> Result<Self, &'static str> {
        let path = source.strip_prefix('/').ok_or("it does not begin with a slash")?;
        if source.contains(['?', '#']) {
            return Err("a query or a fragment is no part of a path");
        }
        let mut pattern = Self { source: source.into(), segments: Vec::new(), names: Vec::new() };
        for text in path.split('/') {
            if pattern.segments.last() == Some(&Segment::Rest) {
                return Err("something follows the rest of the path");
            }
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let segment = match inner.filter(|inner| !inner.contains(['{', '}'])) {
                Some(name) => pattern.parameter(name)?,
                None => Segment::Literal(literal(text)?),
            };
            pattern.segments.push(segment);
        }
        pattern.checked()
    }

    /// This path and `inner` below it. `/` below a path is that path itself; below one that ends with a slash it is that with
    /// its slash.
    pub(super) fn joined(&self, inner: &Self) -> Result<Self, &'static str> {
        let mut segments = self.below().to_vec();
        let is_itself = inner.is_root() && segments.len() == self.segments.len();
        if !is_itself {
            segments.extend_from_slice(&inner.segments);
        }
        let written = if is_itself { "" } else { &*inner.source };
        let prefix = if is_itself { &*self.source } else { self.source.trim_end_matches('/') };
        let names = self.names.iter().chain(&inner.names).cloned().collect();
        Self { source: format!("{prefix}{written}").into(), segments, names }.checked()
    }

    /// The patterns of all that is below this path: itself, unless it ends with a slash, and whatever follows its slash.
    pub(super) fn and_below(&self) -> Result<Vec<Self>, &'static str> {
        let mut segments = self.below().to_vec();
        let has_itself = segments.len() == self.segments.len();
        segments.push(Segment::Rest);
        let source = format!("{}/{{*}}", self.source.trim_end_matches('/')).into();
        let rest = Self { source, segments, names: self.names.clone() }.checked()?;
        let itself = Self { source: Rc::clone(&rest.source), ..self.clone() };
        Ok(if has_itself { vec![itself, rest] } else { vec![rest] })
    }

    /// Whether `path` is this one or below it.
    pub(super) fn covers(&self, path: &[u8]) -> bool {
        let Some(path) = path.strip_prefix(b"/") else { return false };
        let mut given = path.split(|&byte| byte == b'/');
        let is_below = self.below().iter().all(|segment| given.next().is_some_and(|text| segment.fits(text)));
        is_below && (self.below().len() == self.segments.len() || given.next().is_some())
    }

    pub(super) fn source(&self) -> &Rc<str> {
        &self.source
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(super) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// Segments of a path below this that are not the nested application's to see.
    pub(super) fn depth(&self) -> usize {
        self.below().len()
    }

    /// How much is known of a path by its being below this one: segments, then literals among them.
    pub(super) fn certainty(&self) -> (usize, usize, usize) {
        let literals = self.below().iter().filter(|segment| matches!(segment, Segment::Literal(_)));
        (self.depth(), literals.count(), self.segments.len())
    }

    pub(super) fn has_rest(&self) -> bool {
        self.segments.last() == Some(&Segment::Rest)
    }

    /// The segments without the empty one behind a slash at the end.
    fn below(&self) -> &[Segment] {
        match self.segments.as_slice() {
            [below @ .., Segment::Literal(text)] if text.is_empty() => below,
            all => all,
        }
    }

    fn is_root(&self) -> bool {
        matches!(self.segments.as_slice(), [Segment::Literal(text)] if text.is_empty())
    }

    fn parameter(&mut self, name: &str) -> Result<Segment, &'static str> {
        let (segment, name) = match name.strip_prefix('*') {
            Some(name) => (Segment::Rest, name),
            None => (Segment::Parameter, name),
        };
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || !name.bytes().all(is_of_name) {
            return Err("a parameter's name is letters, digits, `_`, `-` and `.`");
        }
        self.names.push(name.into());
        Ok(segment)
    }

    fn checked(self) -> Result<Self, &'static str> {
        if self.names.iter().enumerate().any(|(at, name)| self.names[..at].contains(name)) {
            return Err("two parameters have one name");
        }
        let parameters = self.segments.iter().filter(|segment| !matches!(segment, Segment::Literal(_)));
        if parameters.count() > PARAMETERS_MAX {
            return Err("it has more than 8 parameters");
        }
        Ok(self)
    }
}

impl Segment {
    /// Whether a request's segment, as it was sent, is one of this.
    fn fits(&self, text: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => is_same(literal, text),
            Self::Parameter => !text.is_empty(),
            Self::Rest => true,
        }
    }
}

/// Whether a request's segment, as it was sent, is `literal` when it is decoded: `%61` and `a` are the same (RFC 3986
/// section 6.2.2.2).
pub(super) fn is_same(literal: &[u8], sent: &[u8]) -> bool {
    literal == sent
        || memchr::memchr(b'%', sent).is_some() && percent_decode(sent).eq(literal.iter().copied())
}

/// What a segment without a parameter says: `{{` and `}}` are braces, and what is percent-encoded is decoded.
fn literal(text: &str) -> Result<Box<[u8]>, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if matches!(character, '{' | '}') && characters.next() != Some(character) {
            return Err(
                "a parameter is a whole segment, such as `/{name}/`; a brace itself is written twice",
            );
        }
        plain.push(character);
    }
    Ok(percent_decode_str(&plain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source_of(prefix: &str, inner: &str) -> String {
        let parse = |text| Pattern::parse(text).expect("a path");
        parse(prefix).joined(&parse(inner)).expect("few parameters").source.to_string()
    }

    #[test]
    fn what_is_no_path_says_why() {
        for (source, reason) in [
            ("", "slash"),
            ("users", "slash"),
            ("{id}", "slash"),
            ("/a?b=c", "query"),
            ("/a#b", "fragment"),
            ("/{}", "name"),
            ("/{*}", "name"),
            ("/{a b}", "name"),
            ("/{**a}", "name"),
            ("/{a", "whole segment"),
            ("/a}", "whole segment"),
            ("/a{b}", "whole segment"),
            ("/{a}{b}", "whole segment"),
            ("/{a}.json", "whole segment"),
            ("/{a/b}", "whole segment"),
            ("/{{a}", "whole segment"),
            ("/{*rest}/", "follows"),
            ("/{*rest}/{id}", "follows"),
            ("/{id}/{id}", "one name"),
            ("/{id}/{*id}", "one name"),
            ("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "more than 8"),
        ] {
            let error = Pattern::parse(source).expect_err(source);
            assert!(error.contains(reason), "{source}: {error}");
        }
    }

    #[test]
    fn literals_are_decoded_and_braces_written_twice() {
        for (source, literals) in [
            ("/", &[&b""[..]][..]),
            ("/a/", &[b"a", b""]),
            ("/a b/%2F%2f", &[b"a b", b"//"]),
            ("/100%/%zz", &[b"100%", b"%zz"]),
            ("/{{id}}/{{", &[b"{id}", b"{"]),
            ("/caf\u{e9}", &["caf\u{e9}".as_bytes()]),
        ] {
            let pattern = Pattern::parse(source).expect(source);
            let expected: Vec<_> = literals.iter().map(|&text| Segment::Literal(text.into())).collect();
            assert_eq!(pattern.segments, expected, "{source}");
        }
    }

    #[test]
    fn a_path_below_another_is_one_path() {
        for (prefix, inner, joined) in [
            ("/", "/", "/"),
            ("/", "/a", "/a"),
            ("/", "/a/", "/a/"),
            ("/api", "/", "/api"),
            ("/api", "/a", "/api/a"),
            ("/api", "/a/", "/api/a/"),
            ("/api/", "/", "/api/"),
            ("/api/", "/a", "/api/a"),
            ("/{version}/api", "/{id}", "/{version}/api/{id}"),
            ("/a/b", "/{*rest}", "/a/b/{*rest}"),
        ] {
            assert_eq!(source_of(prefix, inner), joined, "{prefix} and {inner}");
            let again = Pattern::parse(joined).expect(joined);
            let parse = |text| Pattern::parse(text).expect("a path");
            assert_eq!(
                parse(prefix).joined(&parse(inner)).expect("few").segments,
                again.segments,
                "{joined}"
            );
        }
    }

    #[test]
    fn joined_paths_keep_the_bounds_of_one() {
        let outer = Pattern::parse("/{a}/{b}/{c}/{d}").expect("four");
        let inner = Pattern::parse("/{e}/{f}/{g}/{h}").expect("four");
        let eight = outer.joined(&inner).expect("eight");
        assert_eq!(eight.names().len(), 8);
        assert!(eight.and_below().is_err(), "the rest is the ninth");
        assert!(eight.joined(&Pattern::parse("/{i}").expect("one")).is_err());
        assert!(outer.joined(&Pattern::parse("/{a}").expect("one")).is_err(), "a second of the name");
    }

    #[test]
    fn what_is_below_a_path_is_told_by_whole_segments() {
        for (prefix, covered, others) in [
            ("/", &["/", "/a", "/a/b", "//"][..], &[][..]),
            ("/api", &["/api", "/api/", "/api/x", "/%61pi"], &["/", "/apix", "/ap", "/API", "/x/api"]),
            ("/api/", &["/api/", "/api/x"], &["/api", "/apix"]),
            ("/{a}/b", &["/x/b", "/y/b/c"], &["//b", "/x", "/x/c"]),
        ] {
            let pattern = Pattern::parse(prefix).expect(prefix);
            for path in covered {
                assert!(pattern.covers(path.as_bytes()), "{prefix} covers {path}");
            }
            for path in others {
                assert!(!pattern.covers(path.as_bytes()), "{prefix} does not cover {path}");
            }
        }
    }
}
