//! Field lines that many responses share: checked and written out once, copied into each head.

use std::fmt;
use std::rc::Rc;

use http::{HeaderName, HeaderValue, header};

use crate::h1::date::format_date;
use crate::h1::field::append_line;
use crate::validators::Validators;

/// Fields the engine owns: an application's would contradict the framing.
const OWNED: [HeaderName; 4] =
    [header::DATE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// Whether the engine alone may say this field.
pub(crate) fn is_owned(name: &HeaderName) -> bool {
    OWNED.contains(name)
}

/// Whole field lines, each with its CRLF. A clone costs no allocation, and it is as small as can be: heads are moved.
///
/// ```
/// use selvedge_http::{FixedFields, HeaderValue, header};
///
/// let frames = HeaderValue::from_static("DENY");
/// let caching = HeaderValue::from_static("no-cache");
/// let of_all = FixedFields::new([(&header::X_FRAME_OPTIONS, &frames)])?;
/// let of_pages = of_all.and(&FixedFields::new([(&header::CACHE_CONTROL, &caching)])?);
/// assert_eq!(of_pages.as_bytes(), b"x-frame-options: DENY\r\ncache-control: no-cache\r\n");
/// # Ok::<(), selvedge_http::OwnedField>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FixedFields(Option<Rc<Box<[u8]>>>);

/// A field that only the engine may say.
///
/// ```
/// use selvedge_http::{FixedFields, HeaderValue, OwnedField, header};
///
/// let close = HeaderValue::from_static("close");
/// let error = FixedFields::new([(&header::CONNECTION, &close)]).unwrap_err();
/// assert_eq!(error, OwnedField(header::CONNECTION));
/// assert_eq!(error.to_string(), "the field connection is the server's own");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedField(pub HeaderName);

impl FixedFields {
    /// No field.
    pub const NONE: Self = Self(None);

    /// These fields, in this order.
    ///
    /// # Errors
    /// The first that the engine owns: Date, Content-Length, Transfer-Encoding or Connection.
    pub fn new<'a>(
        fields: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    ) -> Result<Self, OwnedField> {
        let mut lines = Vec::new();
        for (name, value) in fields {
            if is_owned(name) {
                return Err(OwnedField(name.clone()));
            }
            append_line(&mut lines, name, value);
        }
        Ok(Self::of_lines(lines))
    }

    /// What tells a version: Last-Modified, never later than `now_unix_s`, and ETag.
    pub fn of_version(validators: &Validators, now_unix_s: u64) -> Self {
        let mut lines = Vec::new();
        if let Some(modified_unix_s) = validators.last_modified_unix_s(now_unix_s) {
            lines.extend_from_slice(b"last-modified: ");
            lines.extend_from_slice(&format_date(modified_unix_s));
            lines.extend_from_slice(b"\r\n");
        }
        if let Some(tag) = &validators.entity_tag {
            lines.extend_from_slice(b"etag: ");
            lines.extend_from_slice(tag.as_bytes());
            lines.extend_from_slice(b"\r\n");
        }
        Self::of_lines(lines)
    }

    /// These and then others. A copy is made only where there are some of both.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        match (&self.0, &others.0) {
            (_, None) => self.clone(),
            (None, _) => others.clone(),
            (Some(lines), Some(more)) => Self(Some(Rc::new([&***lines, &***more].concat().into()))),
        }
    }

    /// The lines; nothing if there is none.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().map(|lines| &**lines).unwrap_or_default()
    }

    /// Whether both are clones of one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    /// Where they are in memory, as long as there is a clone of them; 0 for no field.
    pub(crate) fn place(&self) -> usize {
        self.0.as_ref().map_or(0, |lines| Rc::as_ptr(lines).addr())
    }

    /// Those lines that `keep` takes, each given with its CRLF.
    pub(crate) fn filtered(&self, keep: impl FnMut(&&[u8]) -> bool) -> Self {
        let lines = self.as_bytes().split_inclusive(|&byte| byte == b'\n');
        Self::of_lines(lines.filter(keep).collect::<Vec<_>>().concat())
    }

    fn of_lines(lines: Vec<u8>) -> Self {
        Self((!lines.is_empty()).then(|| Rc::new(lines.into())))
    }
}

impl fmt::Debug for FixedFields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FixedFields({})", self.as_bytes().escape_ascii())
    }
}

impl fmt::Display for OwnedField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the field {} is the server's own", self.0)
    }
}

impl std::error::Error for OwnedField {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_out_in_order() {
        let fields = [
            (header::VARY, HeaderValue::from_static("Origin")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let fixed = FixedFields::new(fields.iter().map(|(name, value)| (name, value))).unwrap();
        assert_eq!(fixed.as_bytes(), b"vary: Origin\r\nx-content-type-options: nosniff\r\n");
        assert_eq!(FixedFields::new([]).unwrap(), FixedFields::NONE);
        assert_eq!(fixed.and(&fixed).as_bytes(), fixed.as_bytes().repeat(2));
        assert_eq!((fixed.and(&FixedFields::NONE), FixedFields::NONE.and(&fixed)), (fixed.clone(), fixed));
    }

    #[test]
    fn fields_of_the_engine_are_refused() {
        for name in OWNED {
            let value = HeaderValue::from_static("1");
            assert_eq!(FixedFields::new([(&name, &value)]), Err(OwnedField(name.clone())));
        }
    }
}
