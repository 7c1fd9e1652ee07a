//! The fields of a response by their names, wherever in it they stand.

use http::{HeaderName, HeaderValue, header};

use super::{Body, Prepared, RangeField, Response, ResponseHead};

impl Response {
    /// Whether it says the field, whose name is a text in any case or a [`HeaderName`]. A prepared response is looked into and
    /// stays prepared.
    ///
    /// ```
    /// use selvedge_http::{Response, header};
    ///
    /// let response = Response::text("hello");
    /// assert!(response.has_field(header::CONTENT_TYPE) && !response.has_field("etag"));
    /// ```
    pub fn has_field(&self, name: impl AsRef<str>) -> bool {
        let name = name.as_ref();
        match &self.body {
            Body::Prepared(Prepared { block, head_bytes, .. }) => {
                let ready = has_line(&block[..*head_bytes as usize], name);
                ready || has_line(self.head.site_fields.as_bytes(), name)
            }
            _ => self.head.has_field(name),
        }
    }

    /// The same without the field. A prepared response that has none of that name stays prepared; the Content-Type of
    /// several parts of a file cannot be removed.
    ///
    /// ```
    /// use http::HeaderValue;
    /// use selvedge_http::{Response, header};
    ///
    /// let mut response = Response::text("hello").with_header(header::SERVER, "hello/1");
    /// response.remove_field(header::SERVER);
    /// assert!(!response.has_field(header::SERVER));
    /// ```
    pub fn remove_field(&mut self, name: impl AsRef<str>) {
        let name = name.as_ref();
        if self.has_field(name) && !self.is_framed_by(name) {
            self.head_mut().remove_field(name);
        }
    }

    /// The same with this value of the field alone. The Content-Type of several parts of a file stays as it is.
    ///
    /// ```
    /// use http::HeaderValue;
    /// use selvedge_http::{Response, header};
    ///
    /// let mut response = Response::text("a,b");
    /// response.set_field(header::CONTENT_TYPE, HeaderValue::from_static("text/csv"));
    /// let fields = response.head().to_header_map();
    /// assert_eq!(fields.get_all(header::CONTENT_TYPE).iter().collect::<Vec<_>>(), ["text/csv"]);
    /// ```
    pub fn set_field(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.is_framed_by(name.as_str()) {
            let head = self.head_mut();
            head.remove_field(&name);
            head.fields.push((name, value));
        }
    }

    /// Whether the field tells how the body is taken apart: it is the engine's then.
    fn is_framed_by(&self, name: &str) -> bool {
        matches!(self.body, Body::Parts(_)) && header::CONTENT_TYPE == *name
    }
}

impl ResponseHead {
    /// Whether it says the field, whose name is a text in any case or a [`HeaderName`].
    pub fn has_field(&self, name: impl AsRef<str>) -> bool {
        let name = name.as_ref();
        let in_place = match OwnField::of_name(name) {
            Some(OwnField::ContentType) => self.content_type.is_some(),
            Some(OwnField::ContentEncoding) => self.content_coding.is_some(),
            Some(OwnField::AcceptRanges) => self.range == RangeField::Accepted,
            Some(OwnField::ContentRange) => {
                matches!(self.range, RangeField::Part(..) | RangeField::Unsatisfied(_))
            }
            None => false,
        };
        let fixed = [&self.version_fields, &self.resource_fields, &self.site_fields];
        in_place
            || self.fields.iter().any(|(other, _)| *other == *name)
            || fixed.into_iter().any(|fields| has_line(fields.as_bytes(), name))
    }

    /// Takes the field out, whose name is a text in any case or a [`HeaderName`].
    pub fn remove_field(&mut self, name: impl AsRef<str>) {
        let name = name.as_ref();
        match OwnField::of_name(name) {
            Some(OwnField::ContentType) => self.content_type = None,
            Some(OwnField::ContentEncoding) => self.content_coding = None,
            Some(OwnField::AcceptRanges) if self.range == RangeField::Accepted => {
                self.range = RangeField::None;
            }
            Some(OwnField::ContentRange) if self.range != RangeField::Accepted => {
                self.range = RangeField::None;
            }
            _ => {}
        }
        self.fields.retain(|(other, _)| other != name);
        for fixed in [&mut self.version_fields, &mut self.resource_fields, &mut self.site_fields] {
            if has_line(fixed.as_bytes(), name) {
                *fixed = fixed.filtered(|line| !is_line_of(line, name));
            }
        }
    }
}

/// A field that a head has in a form of its own, not by its name.
enum OwnField {
    ContentType,
    ContentEncoding,
    AcceptRanges,
    ContentRange,
}

impl OwnField {
    fn of_name(name: &str) -> Option<Self> {
        // Names of other lengths, which most are, cost no comparison.
        match name.len() {
            12 if header::CONTENT_TYPE == *name => Some(Self::ContentType),
            13 if header::ACCEPT_RANGES == *name => Some(Self::AcceptRanges),
            13 if header::CONTENT_RANGE == *name => Some(Self::ContentRange),
            16 if header::CONTENT_ENCODING == *name => Some(Self::ContentEncoding),
            _ => None,
        }
    }
}

/// Whether one of these whole lines, each with its CRLF, is the field's.
fn has_line(lines: &[u8], name: &str) -> bool {
    lines.split_inclusive(|&byte| byte == b'\n').any(|line| is_line_of(line, name))
}

fn is_line_of(line: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    let is_prefix = line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name);
    // What goes on beyond the first colon is no name, though a line may begin with it.
    is_prefix && !name.contains(&b':')
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::fixed_fields::FixedFields;
    use crate::negotiation::Coding;

    fn head() -> ResponseHead {
        let fixed = |lines: &[(HeaderName, &'static str)]| {
            let lines = lines.iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
            let lines: Vec<_> = lines.collect();
            FixedFields::new(lines.iter().map(|(name, value)| (*name, value))).expect("none is the engine's")
        };
        ResponseHead {
            content_type: Some("text/plain"),
            version_fields: fixed(&[(header::LAST_MODIFIED, "a:b"), (header::ETAG, "\"1\"")]),
            range: RangeField::Accepted,
            content_coding: Some(Coding::Gzip),
            resource_fields: fixed(&[(header::VARY, "accept-encoding")]),
            site_fields: fixed(&[(header::VARY, "origin"), (header::SERVER, "me")]),
            fields: vec![(header::LINK, HeaderValue::from_static("</a>"))],
            ..ResponseHead::new(StatusCode::OK)
        }
    }

    #[test]
    fn a_field_is_found_and_removed_wherever_it_stands() {
        for name in [
            header::CONTENT_TYPE,
            header::LAST_MODIFIED,
            header::ETAG,
            header::ACCEPT_RANGES,
            header::CONTENT_ENCODING,
            header::VARY,
            header::SERVER,
            header::LINK,
        ] {
            let mut head = head();
            let before = head.to_header_map();
            assert!(head.has_field(&name) && before.contains_key(&name), "{name}");
            head.remove_field(&name);
            let after = head.to_header_map();
            assert!(!head.has_field(&name) && !after.contains_key(&name), "{name}");
            assert_eq!(after.keys_len() + 1, before.keys_len(), "{name} alone");
        }
    }

    #[test]
    fn the_case_of_a_name_does_not_matter() {
        for name in ["Content-Type", "ETag", "ACCEPT-RANGES", "Content-Encoding", "Vary", "Link"] {
            let mut head = head();
            assert!(head.has_field(name), "{name}");
            head.remove_field(name);
            assert!(!head.has_field(name.to_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found_and_its_removal_changes_nothing() {
        let mut head = head();
        for name in ["content-range", "cookie", "ser", "last-modified: a", "etag:", "", "no name", "\u{e9}"] {
            assert!(!head.has_field(name), "{name}");
            head.remove_field(name);
        }
        assert_eq!(head.to_header_map(), self::head().to_header_map());
    }
}
