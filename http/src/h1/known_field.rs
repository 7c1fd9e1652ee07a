//! The fields that the server itself, or nearly every application, asks for: where they stand in a head.

use super::field::Span;
use super::folded_name::Folded;

/// Fields whose place is noted while parsing, so that finding one costs nothing. All others are found by
/// [`super::RequestHead::field_named`].
///
/// ```
/// use selvedge_http::h1::KnownField;
/// use selvedge_http::{Request, testing};
///
/// async fn back(request: Request<'_>) -> Vec<u8> {
///     request.field(KnownField::Referer).one().unwrap_or(b"/").to_vec()
/// }
///
/// testing::run(|| back, async |client| {
///     let request = client.get("/").header(KnownField::Referer.name(), "/search?q=a");
///     request.send().await.assert_text("/search?q=a").await;
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KnownField {
    /// Host (RFC 9110 section 7.2); never repeated in an accepted head.
    Host,
    /// Connection (RFC 9110 section 7.6.1)
    Connection,
    /// Content-Length (RFC 9110 section 8.6); never repeated in an accepted head.
    ContentLength,
    /// Transfer-Encoding (RFC 9112 section 6.1); never repeated in an accepted head.
    TransferEncoding,
    /// Expect (RFC 9110 section 10.1.1)
    Expect,
    /// Upgrade (RFC 9110 section 7.8)
    Upgrade,
    /// If-Match (RFC 9110 section 13.1.1)
    IfMatch,
    /// If-None-Match (RFC 9110 section 13.1.2)
    IfNoneMatch,
    /// If-Modified-Since (RFC 9110 section 13.1.3)
    IfModifiedSince,
    /// If-Unmodified-Since (RFC 9110 section 13.1.4)
    IfUnmodifiedSince,
    /// If-Range (RFC 9110 section 13.1.5)
    IfRange,
    /// Range (RFC 9110 section 14.2)
    Range,
    /// Accept (RFC 9110 section 12.5.1)
    Accept,
    /// Accept-Encoding (RFC 9110 section 12.5.3)
    AcceptEncoding,
    /// User-Agent (RFC 9110 section 10.1.5)
    UserAgent,
    /// Referer (RFC 9110 section 10.1.3)
    Referer,
    /// Authorization (RFC 9110 section 11.6.2)
    Authorization,
    /// Cookie (RFC 6265 section 5.4)
    Cookie,
    /// Content-Type (RFC 9110 section 8.3)
    ContentType,
}

impl KnownField {
    /// How many there are.
    pub(crate) const COUNT: usize = KnownField::ContentType as usize + 1;

    const ALL: [KnownField; KnownField::COUNT] = [
        KnownField::Host,
        KnownField::Connection,
        KnownField::ContentLength,
        KnownField::TransferEncoding,
        KnownField::Expect,
        KnownField::Upgrade,
        KnownField::IfMatch,
        KnownField::IfNoneMatch,
        KnownField::IfModifiedSince,
        KnownField::IfUnmodifiedSince,
        KnownField::IfRange,
        KnownField::Range,
        KnownField::Accept,
        KnownField::AcceptEncoding,
        KnownField::UserAgent,
        KnownField::Referer,
        KnownField::Authorization,
        KnownField::Cookie,
        KnownField::ContentType,
    ];

    /// The field called `name`, in any case.
    #[inline]
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        // The length and one letter leave a single candidate, so most fields cost one or two comparisons.
        let candidate = match (name.len(), name.first()? | 0x20) {
            (4, b'h') => KnownField::Host,
            (5, b'r') => KnownField::Range,
            (6, b'a') => KnownField::Accept,
            (6, b'c') => KnownField::Cookie,
            (6, b'e') => KnownField::Expect,
            (7, b'r') => KnownField::Referer,
            (7, b'u') => KnownField::Upgrade,
            (8, b'i') if name[3] | 0x20 == b'm' => KnownField::IfMatch,
            (8, b'i') => KnownField::IfRange,
            (10, b'c') => KnownField::Connection,
            (10, b'u') => KnownField::UserAgent,
            (12, b'c') => KnownField::ContentType,
            (13, b'a') => KnownField::Authorization,
            (13, b'i') => KnownField::IfNoneMatch,
            (14, b'c') => KnownField::ContentLength,
            (15, b'a') => KnownField::AcceptEncoding,
            (17, b'i') => KnownField::IfModifiedSince,
            (17, b't') => KnownField::TransferEncoding,
            (19, b'i') => KnownField::IfUnmodifiedSince,
            _ => return None,
        };
        FOLDED[candidate as usize].is(name).then_some(candidate)
    }

    /// The field's name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            KnownField::Host => "host",
            KnownField::Connection => "connection",
            KnownField::ContentLength => "content-length",
            KnownField::TransferEncoding => "transfer-encoding",
            KnownField::Expect => "expect",
            KnownField::Upgrade => "upgrade",
            KnownField::IfMatch => "if-match",
            KnownField::IfNoneMatch => "if-none-match",
            KnownField::IfModifiedSince => "if-modified-since",
            KnownField::IfUnmodifiedSince => "if-unmodified-since",
            KnownField::IfRange => "if-range",
            KnownField::Range => "range",
            KnownField::Accept => "accept",
            KnownField::AcceptEncoding => "accept-encoding",
            KnownField::UserAgent => "user-agent",
            KnownField::Referer => "referer",
            KnownField::Authorization => "authorization",
            KnownField::Cookie => "cookie",
            KnownField::ContentType => "content-type",
        }
    }
}

/// The names as they are compared: by words, since a loop over octets took a fifth of the instructions in which a head is parsed.
static FOLDED: [Folded; KnownField::COUNT] = {
    let mut folded = [Folded::new(b""); KnownField::COUNT];
    let mut index = 0;
    while index < KnownField::COUNT {
        folded[index] = Folded::new(KnownField::ALL[index].name().as_bytes());
        index += 1;
    }
    folded
};

/// No name is shorter or longer than what is compared.
const _: () = {
    let mut index = 0;
    while index < KnownField::COUNT {
        let name = KnownField::ALL[index].name();
        assert!(name.len() >= 4 && name.len() <= 24 && KnownField::ALL[index] as usize == index);
        index += 1;
    }
};

/// The places of the known fields, and which of them came more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownFields {
    spans: [Span; KnownField::COUNT],
    /// Bit `KnownField as u8`: there is a second line.
    repeated: u32,
}

impl KnownFields {
    pub(crate) const NONE: Self = Self { spans: [Span::ABSENT; KnownField::COUNT], repeated: 0 };

    #[inline]
    pub(crate) fn note(&mut self, field: KnownField, span: Span) {
        let slot = &mut self.spans[field as usize];
        if slot.is_absent() {
            *slot = span;
        } else {
            self.repeated |= 1 << field as u8;
        }
    }

    /// The first line's value.
    #[inline]
    pub(crate) fn span(&self, field: KnownField) -> Span {
        self.spans[field as usize]
    }

    #[inline]
    pub(crate) fn is_repeated(&self, field: KnownField) -> bool {
        self.repeated & (1 << field as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_are_recognised_in_any_case_and_nothing_else_is() {
        for field in KnownField::ALL {
            let name = field.name();
            assert_eq!(KnownField::from_name(name.as_bytes()), Some(field));
            assert_eq!(KnownField::from_name(name.to_ascii_uppercase().as_bytes()), Some(field));
            // Each octet counts, and is compared with nothing but itself and its other case.
            for index in 0..name.len() {
                for other in 0..=255 {
                    let mut changed = name.as_bytes().to_vec();
                    let same = changed[index].eq_ignore_ascii_case(&other);
                    changed[index] = other;
                    assert_eq!(KnownField::from_name(&changed), same.then_some(field), "{changed:?}");
                }
            }
        }
        for other in ["", "x", "hose", "if-match2", "content_length", "Cookies"] {
            assert_eq!(KnownField::from_name(other.as_bytes()), None, "{other}");
        }
    }
}
