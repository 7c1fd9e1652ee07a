//! Accept (RFC 9110 section 12.5.1), as far as a file server needs it: HTML or JSON for a listing, and whether a
//! request is a browser's for a page.

use super::quality::{Elements, Grammar, Weight};
use crate::h1::{KnownField, RequestHead};

/// What an Accept field says of HTML and JSON.
///
/// ```
/// use selvedge_http::negotiation::AcceptedMedia;
///
/// let browser = AcceptedMedia::parse([&b"text/html, application/xhtml+xml, */*;q=0.8"[..]]);
/// assert!(browser.names_html() && !browser.prefers_json());
/// let program = AcceptedMedia::parse([&b"application/json, */*"[..]]);
/// assert!(program.prefers_json() && !program.names_html());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedMedia {
    html: Match,
    json: Match,
    xhtml: Match,
}

/// The most specific media range that matches a type (section 12.5.1), and among such ranges the greatest weight.
/// Ranges are compared without their parameters: who names `application/json;indent=2` wants JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    specificity: Specificity,
    weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    /// No range matches.
    None,
    /// `*/*`
    Any,
    /// `text/*`
    Type,
    /// `text/html`
    Subtype,
}

impl AcceptedMedia {
    /// What the request whose head stands in `bytes` accepts.
    ///
    /// # Panics
    /// When `bytes` is shorter than the parsed head was.
    pub fn of_request(head: &RequestHead, bytes: &[u8]) -> Self {
        AcceptedMedia::parse(head.values(bytes, KnownField::Accept))
    }

    /// Reads the values of all lines of the field. No line: everything is accepted, nothing is named.
    pub fn parse<'b>(values: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let unmatched = Match { specificity: Specificity::None, weight: Weight::ZERO };
        let mut accepted = AcceptedMedia { html: unmatched, json: unmatched, xhtml: unmatched };
        for element in Elements::new(values.into_iter(), Grammar::QuotedStrings) {
            let weight = element.weight();
            let meet = |matched: &mut Match, media_type: &[u8], whole_type: &[u8]| {
                let specificity = specificity(element.name, media_type, whole_type);
                if specificity != Specificity::None {
                    *matched = (*matched).max(Match { specificity, weight });
                }
            };
            meet(&mut accepted.html, b"text/html", b"text/*");
            meet(&mut accepted.json, b"application/json", b"application/*");
            meet(&mut accepted.xhtml, b"application/xhtml+xml", b"application/*");
        }
        accepted
    }

    /// Whether JSON is wanted rather than HTML. Where both weigh the same, the one that is named more exactly is:
    /// `application/json, */*` is what programs send. Else it is HTML.
    pub fn prefers_json(&self) -> bool {
        let rank = |matched: Match| (matched.weight, matched.specificity);
        self.json.weight.is_acceptable() && rank(self.json) > rank(self.html)
    }

    /// Whether HTML or XHTML is named and not refused: a browser that goes to a page, rather than one that fetches what
    /// belongs to it or a program that takes anything (`*/*`).
    pub fn names_html(&self) -> bool {
        [self.html, self.xhtml]
            .into_iter()
            .any(|matched| matched.specificity == Specificity::Subtype && matched.weight.is_acceptable())
    }
}

/// How exactly `range` matches a media type; `whole_type` is the range of all its subtypes.
fn specificity(range: &[u8], media_type: &[u8], whole_type: &[u8]) -> Specificity {
    if range == b"*/*" {
        Specificity::Any
    } else if range.eq_ignore_ascii_case(whole_type) {
        Specificity::Type
    } else if range.eq_ignore_ascii_case(media_type) {
        Specificity::Subtype
    } else {
        Specificity::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::parse_head;

    fn parse(lines: &[&str]) -> AcceptedMedia {
        AcceptedMedia::parse(lines.iter().map(|line| line.as_bytes()))
    }

    const CHROME: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,\
         */*;q=0.8,application/signed-exchange;v=b3;q=0.7";

    #[test]
    fn json_is_preferred_by_weight_then_by_being_named() {
        for line in [
            "application/json",
            "Application/JSON;charset=utf-8",
            "application/json;indent=\"2,q=0\", text/plain",
            "application/json, text/plain, */*",
            "application/json, */*;q=0.5",
            "text/html;q=0.5, application/json",
            "text/html;q=0.5, application/*",
            "application/*, */*",
            "text/html;q=0, */*",
            "application/json;q=0.1, text/html;q=0.01",
            "application/json;q=0.1, application/json;level=1, text/html;q=0.5",
        ] {
            assert!(parse(&[line]).prefers_json(), "{line}");
        }
        for line in [
            CHROME,
            "",
            "*/*",
            "text/html",
            "text/html, application/json",
            "application/json, text/html",
            "application/json;q=0.9, text/html",
            "application/json;q=0, */*",
            "application/json;q=0",
            "application/*;q=0.5, */*;q=0.6",
            "application/jsonp",
            "application/ld+json",
            "image/*",
            "text/plain",
        ] {
            assert!(!parse(&[line]).prefers_json(), "{line}");
        }
        assert!(!parse(&[]).prefers_json());
        assert!(parse(&["text/html;q=0.5", "application/json"]).prefers_json());
    }

    #[test]
    fn html_is_named_by_browsers_on_their_way_to_a_page() {
        for line in [
            CHROME,
            "text/html",
            "TEXT/HTML;level=1",
            "application/xhtml+xml;q=0.1",
            "*/*, text/html;q=0.001",
        ] {
            assert!(parse(&[line]).names_html(), "{line}");
        }
        for line in [
            "",
            "*/*",
            "text/*",
            "text/*, */*;q=0.1",
            "text/html;q=0",
            "text/html;q=0, */*",
            "text/css,*/*;q=0.1",
            "image/avif,image/webp,*/*;q=0.8",
            "application/json, text/plain, */*",
            "x=\"text/html\"",
            "text/htmlx",
        ] {
            assert!(!parse(&[line]).names_html(), "{line}");
        }
        assert!(!parse(&[]).names_html());
    }

    #[test]
    fn field_is_read_from_a_request() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html;q=0.5\r\naccept: application/json\r\n\r\n";
        let accepted = AcceptedMedia::of_request(&parse_head(text.as_bytes()).unwrap(), text.as_bytes());
        assert!(accepted.prefers_json() && accepted.names_html());
    }
}
