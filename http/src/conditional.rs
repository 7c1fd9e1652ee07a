//! Preconditions of a request for something that exists (RFC 9110 section 13), in the order of section 13.2.2.
//!
//! In: a request's head and the validators of what it asks for. Out: whether to go on. Next: [`crate::range`].

use crate::h1::date::parse_date;
use crate::h1::{Field, FieldValues, KnownField, RequestHead};
use crate::syntax::trim_ows;
use crate::validators::{EntityTag, Validators};

/// What the preconditions decide.
///
/// ```
/// use selvedge_http::conditional::{self, Outcome};
/// use selvedge_http::validators::{EntityTag, Validators};
/// use selvedge_http::{Request, StatusCode, testing};
///
/// async fn page(request: Request<'_>) -> StatusCode {
///     let validators = Validators { entity_tag: Some(EntityTag::of_content(7)), modified_unix_s: None };
///     match conditional::evaluate(request.head(), request.head_bytes(), &validators) {
///         Outcome::Proceed => StatusCode::OK,
///         Outcome::NotModified => StatusCode::NOT_MODIFIED,
///         Outcome::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
///     }
/// }
///
/// testing::run(|| page, async |client| {
///     client.get("/").send().await.assert_status(200);
///     client.get("/").header("if-none-match", "*").send().await.assert_status(304);
///     client.put("/").header("if-match", "\"another\"").send().await.assert_status(412);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Do what the method says. A Range is looked at next, by [`crate::range::evaluate`].
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412.
    PreconditionFailed,
}

/// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since of a request whose head stands in
/// `bytes`. A field that holds no date, or comes twice where one date belongs, is ignored (sections 13.1.3, 13.1.4).
pub fn evaluate(head: &RequestHead, bytes: &[u8], validators: &Validators) -> Outcome {
    let field = |field| head.field(bytes, field);
    let tag = validators.entity_tag.as_ref();
    let modified_after = |date: u64| validators.modified_unix_s.map(|modified| modified > date);

    // Steps 1 and 2.
    if field(KnownField::IfMatch) != Field::Absent {
        if !any_tag_matches(head.values(bytes, KnownField::IfMatch), tag, Comparison::Strong) {
            return Outcome::PreconditionFailed;
        }
    } else if let Some(since_unix_s) = date_of(field(KnownField::IfUnmodifiedSince))
        // Section 13.1.4: without a modification date the field is ignored.
        && modified_after(since_unix_s) == Some(true)
    {
        return Outcome::PreconditionFailed;
    }

    // Steps 3 and 4: a tag is more exact than a date, so that If-None-Match makes If-Modified-Since void.
    if field(KnownField::IfNoneMatch) != Field::Absent {
        if any_tag_matches(head.values(bytes, KnownField::IfNoneMatch), tag, Comparison::Weak) {
            return if head.method().is_get_or_head() {
                Outcome::NotModified
            } else {
                Outcome::PreconditionFailed
            };
        }
    } else if head.method().is_get_or_head()
        && let Some(since_unix_s) = date_of(field(KnownField::IfModifiedSince))
        && modified_after(since_unix_s) == Some(false)
    {
        return Outcome::NotModified;
    }
    Outcome::Proceed
}

/// How entity tags are compared (RFC 9110 section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Equal and neither weak.
    Strong,
    /// Equal, weak or not.
    Weak,
}

fn date_of(field: Field<'_>) -> Option<u64> {
    field.one().and_then(parse_date)
}

/// Whether `*`, which anything that exists matches, or a tag of the lists on all lines is ours.
fn any_tag_matches(values: FieldValues<'_>, ours: Option<&EntityTag>, comparison: Comparison) -> bool {
    let matches = |value| value == b"*" || ours.is_some_and(|ours| list_matches(value, ours, comparison));
    values.into_iter().any(matches)
}

/// Reads `#entity-tag` up to its end or to the first octet that belongs to no list. A comma may stand inside a tag, so
/// the list cannot be split at commas.
fn list_matches(list: &[u8], ours: &EntityTag, comparison: Comparison) -> bool {
    // Of a client that has the file: its list is our tag, of which no part is another one.
    if list == ours.as_bytes() {
        return true;
    }
    let mut rest = trim_list_start(list);
    while let Some((tag, after)) = split_tag(rest) {
        let after = trim_ows(after);
        if !matches!(after, [] | [b',', ..]) {
            return false;
        }
        let opaque = tag.strip_prefix(b"W/");
        if opaque.unwrap_or(tag) == ours.as_bytes() && (opaque.is_none() || comparison == Comparison::Weak) {
            return true;
        }
        rest = trim_list_start(after);
    }
    false
}

/// Skips whitespace and the commas of empty elements (RFC 9110 section 5.6.1.2).
fn trim_list_start(mut list: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b',', rest @ ..] = list {
        list = rest;
    }
    list
}

/// Splits `[ "W/" ] DQUOTE *etagc DQUOTE` off the front.
fn split_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let quote_start = if list.starts_with(b"W/") { 2 } else { 0 };
    let [b'"', opaque @ ..] = &list[quote_start..] else {
        return None;
    };
    let len = opaque.iter().position(|&byte| byte == b'"')?;
    let is_tag_octet = |&byte: &u8| byte > b' ' && byte != 0x7f;
    opaque[..len].iter().all(is_tag_octet).then(|| list.split_at(quote_start + len + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::parse_head;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const MODIFIED_UNIX_S: i64 = 784_111_777;
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const EXACT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    /// The outcome for these field lines, in which `OURS` stands for the file's tag.
    fn outcome(method: &str, lines: &[&str]) -> Outcome {
        outcome_for(&Validators::of_file(10, MODIFIED_UNIX_S, 5), method, lines)
    }

    fn outcome_for(validators: &Validators, method: &str, lines: &[&str]) -> Outcome {
        let ours = EntityTag::of_file(10, MODIFIED_UNIX_S, 5);
        let ours = str::from_utf8(ours.as_bytes()).unwrap();
        let lines: String = lines.iter().map(|line| format!("{line}\r\n").replace("OURS", ours)).collect();
        let text = format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        evaluate(&parse_head(text.as_bytes()).unwrap(), text.as_bytes(), validators)
    }

    #[test]
    fn request_without_preconditions_proceeds() {
        assert_eq!(outcome("GET", &["Range: bytes=0-1"]), Outcome::Proceed);
    }

    #[test]
    fn none_match_compares_weakly_over_lists_and_lines() {
        for lines in [
            &["If-None-Match: OURS"][..],
            &["If-None-Match: *"],
            &["If-None-Match: W/OURS"],
            &["If-None-Match: \"x\", W/\"y,\" ,, OURS"],
            &["If-None-Match: , OURS,"],
            &["If-None-Match: \"x\"", "If-None-Match: OURS"],
        ] {
            assert_eq!(outcome("GET", lines), Outcome::NotModified, "{lines:?}");
            assert_eq!(outcome("HEAD", lines), Outcome::NotModified, "{lines:?}");
            assert_eq!(outcome("PUT", lines), Outcome::PreconditionFailed, "{lines:?}");
        }
        for value in [
            "\"x\"",
            "",
            "OURSx",
            "w/OURS",
            "x OURS",
            "\"a b\", OURS",
            "\"x OURS",
            "\"x\" OURS",
            "**",
            "\"*\"",
        ] {
            assert_eq!(outcome("GET", &[&format!("If-None-Match: {value}")]), Outcome::Proceed, "{value}");
        }
    }

    #[test]
    fn match_compares_strongly() {
        for (value, expected) in [
            ("OURS", Outcome::Proceed),
            ("*", Outcome::Proceed),
            ("\"x\", OURS", Outcome::Proceed),
            ("W/OURS", Outcome::PreconditionFailed),
            ("\"x\"", Outcome::PreconditionFailed),
            ("", Outcome::PreconditionFailed),
        ] {
            assert_eq!(outcome("GET", &[&format!("If-Match: {value}")]), expected, "{value}");
        }
        assert_eq!(outcome("GET", &["If-Match: \"x\"", "If-Match: OURS"]), Outcome::Proceed);
    }

    #[test]
    fn modified_since_is_for_get_and_head() {
        let since = |date: &str| format!("If-Modified-Since: {date}");
        assert_eq!(outcome("GET", &[&since(EXACT)]), Outcome::NotModified);
        assert_eq!(outcome("HEAD", &[&since("Monday, 07-Nov-94 08:49:37 GMT")]), Outcome::NotModified);
        assert_eq!(outcome("GET", &[&since("Sun Nov  6 08:49:37 1994")]), Outcome::NotModified);
        assert_eq!(outcome("GET", &[&since(BEFORE)]), Outcome::Proceed);
        assert_eq!(outcome("POST", &[&since(EXACT)]), Outcome::Proceed);
    }

    #[test]
    fn unmodified_since_fails_on_a_later_change() {
        let since = |date: &str| format!("If-Unmodified-Since: {date}");
        assert_eq!(outcome("GET", &[&since(EXACT)]), Outcome::Proceed);
        assert_eq!(outcome("GET", &[&since(BEFORE)]), Outcome::PreconditionFailed);
    }

    #[test]
    fn invalid_and_repeated_dates_are_ignored() {
        let repeated = format!("If-Modified-Since: {EXACT}");
        assert_eq!(outcome("GET", &[&repeated, &repeated]), Outcome::Proceed);
        assert_eq!(outcome("GET", &["If-Modified-Since: tomorrow"]), Outcome::Proceed);
        assert_eq!(outcome("GET", &["If-Unmodified-Since: 0"]), Outcome::Proceed);
    }

    #[test]
    fn tags_come_before_dates() {
        let modified = format!("If-Modified-Since: {EXACT}");
        let unmodified = format!("If-Unmodified-Since: {BEFORE}");
        assert_eq!(outcome("GET", &["If-None-Match: \"x\"", &modified]), Outcome::Proceed);
        assert_eq!(outcome("GET", &["If-Match: OURS", &unmodified]), Outcome::Proceed);
        assert_eq!(outcome("GET", &["If-Match: \"x\"", "If-None-Match: OURS"]), Outcome::PreconditionFailed);
        assert_eq!(outcome("GET", &["If-Match: OURS", "If-None-Match: OURS"]), Outcome::NotModified);
        assert_eq!(outcome("GET", &[&unmodified, "If-None-Match: OURS"]), Outcome::PreconditionFailed);
    }
    #[test]
    fn without_validators_only_a_star_matches() {
        let none = Validators::default();
        let modified = format!("If-Modified-Since: {EXACT}");
        let unmodified = format!("If-Unmodified-Since: {BEFORE}");
        for (line, expected) in [
            ("If-None-Match: OURS", Outcome::Proceed),
            ("If-None-Match: *", Outcome::NotModified),
            ("If-Match: OURS", Outcome::PreconditionFailed),
            ("If-Match: *", Outcome::Proceed),
            (&modified, Outcome::Proceed),
            (&unmodified, Outcome::Proceed),
        ] {
            assert_eq!(outcome_for(&none, "GET", &[line]), expected, "{line}");
        }
    }
}
