//! The oracle's reading of conditions (RFC 9110 section 13.1), by splitting text, and what follows of them (section
//! 13.2.2). In: a request, and the file's version. Out: the statuses that are right.
//!
//! Where a field is what the RFC says it is, or names neither the file's version nor any, one status is right. Of
//! another one, such as a date with one digit changed, both readings are allowed.

use super::head::Request;
use super::versions::Version;

/// A date before every change of the site's files.
pub(super) const EARLIER: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// What a condition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    True,
    False,
    Either,
}

/// How entity tags are compared (section 8.8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

impl Request<'_> {
    /// The statuses that are right for this version of a file, if without conditions `unconditional` is.
    pub(super) fn statuses(&self, version: &Version, unconditional: u16) -> Vec<u16> {
        let mut statuses = Vec::new();
        let goes_on = match &self.values("if-match")[..] {
            [] => unchanged_since(&self.values("if-unmodified-since"), version).unwrap_or(Verdict::True),
            tags => is_listed(tags, version, Comparison::Strong),
        };
        if goes_on != Verdict::True {
            statuses.push(412);
        }
        if goes_on == Verdict::False {
            return statuses;
        }
        let is_known = match &self.values("if-none-match")[..] {
            [] => unchanged_since(&self.values("if-modified-since"), version).unwrap_or(Verdict::False),
            tags => is_listed(tags, version, Comparison::Weak),
        };
        if is_known != Verdict::False {
            statuses.push(304);
        }
        if is_known == Verdict::True {
            return statuses;
        }
        let takes_part = is_this(&self.values("if-range"), version);
        if takes_part != Verdict::False {
            statuses.push(unconditional);
        }
        if takes_part != Verdict::True {
            statuses.push(200);
        }
        statuses
    }
}

/// Whether the version is in a list of tags, or the list is `*`.
fn is_listed(values: &[&str], version: &Version, comparison: Comparison) -> Verdict {
    if values == ["*"] {
        return Verdict::True;
    }
    let is_ours = |&(opaque, is_weak): &(&str, bool)| {
        opaque == version.entity_tag.trim_matches('"') && (comparison == Comparison::Weak || !is_weak)
    };
    match values.iter().map(|value| tags(value)).collect::<Option<Vec<_>>>() {
        Some(lists) if lists.iter().flatten().any(is_ours) => Verdict::True,
        Some(_) => Verdict::False,
        None if values.iter().any(|value| value.contains('*') || value.contains(&version.entity_tag)) => {
            Verdict::Either
        }
        None => Verdict::False,
    }
}

/// The tags of a `#entity-tag`, without their quotes, each with whether it is weak; `None` for another value.
fn tags(value: &str) -> Option<Vec<(&str, bool)>> {
    let pieces: Vec<&str> = value.split('"').collect();
    let (last, mut tags, mut is_weak) = (pieces.len() - 1, Vec::new(), false);
    for (number, piece) in pieces.iter().enumerate() {
        if number % 2 == 1 {
            let is_tag = number < last && piece.chars().all(|it| it > ' ' && it != '\x7f');
            tags.push(is_tag.then_some((*piece, is_weak))?);
            continue;
        }
        let weak = if number < last { piece.strip_suffix("W/") } else { None };
        is_weak = weak.is_some();
        let between = weak.unwrap_or(piece);
        let is_end = number == 0 || number == last;
        if !between.trim_matches([' ', '\t', ',']).is_empty() || !is_end && !between.contains(',') {
            return None;
        }
    }
    Some(tags)
}

/// Whether the file was not changed after a date; `None` where there is no date.
fn unchanged_since(values: &[&str], version: &Version) -> Option<Verdict> {
    match values {
        [] => None,
        [value] if *value == version.last_modified => Some(Verdict::True),
        [EARLIER] => Some(Verdict::False),
        // Every date has a time of day.
        [value] if !value.contains(':') => None,
        _ => Some(Verdict::Either),
    }
}

/// Whether an If-Range lets the Range hold (section 13.1.5): the tag as it is, or the date as it is.
fn is_this(values: &[&str], version: &Version) -> Verdict {
    match values {
        [] => Verdict::True,
        [value] if *value == version.entity_tag || *value == version.last_modified => Verdict::True,
        [EARLIER] => Verdict::False,
        [value] if value.starts_with("W/") => Verdict::False,
        [value] if !value.contains(':') && !value.contains(&version.entity_tag) => Verdict::False,
        _ => Verdict::Either,
    }
}
