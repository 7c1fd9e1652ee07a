//! Forms with files (RFC 7578), field by field while they come. In: the pieces of a request's body. Out: each field's
//! head and its octets. A field that is not read is received and thrown away; a field that is read slowly holds its
//! client back.

mod parser;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::media::{RequestMedia, syntax_error};
use super::request_body::{BodyError, RequestBody};
use crate::h1::KnownField;
use crate::request::Request;
use parser::parameter;
pub(crate) use parser::{FieldHead, FormParser, FormStep};

/// What a form may have. More is [`BodyError::TooLarge`]. The server's `body_bytes_max` holds besides.
///
/// ```
/// use selvedge_http::MultipartLimits;
///
/// let limits = MultipartLimits { field_bytes_max: 1 << 30, bytes_max: 2 << 30, ..MultipartLimits::default() };
/// assert_eq!(limits.fields_max, 100);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultipartLimits {
    /// Fields.
    pub fields_max: usize,
    /// Octets of one field.
    pub field_bytes_max: u64,
    /// Octets of the whole body.
    pub bytes_max: u64,
}

impl Default for MultipartLimits {
    /// 100 fields, 16 MiB in each and in all.
    fn default() -> Self {
        Self { fields_max: 100, field_bytes_max: 16 << 20, bytes_max: 16 << 20 }
    }
}

/// A form with files, on its way in. It holds one received piece and at most the 8 KiB of a field's head.
///
/// ```
/// use selvedge_http::{BodyError, MultipartLimits, Request};
///
/// async fn upload(request: Request<'_>) -> Result<String, BodyError> {
///     let mut form = request.multipart(MultipartLimits::default())?;
///     let mut lines = String::new();
///     while let Some(mut field) = form.next_field().await? {
///         let mut length = 0;
///         while let Some(octets) = field.chunk().await? {
///             length += octets.len();
///         }
///         lines += &format!("{}: {length} octets\n", field.name());
///     }
///     Ok(lines)
/// }
/// ```
#[derive(Debug)]
pub struct Multipart {
    body: RequestBody,
    parser: FormParser,
    limits: MultipartLimits,
    fields: usize,
    /// Octets of the field so far.
    field_bytes: u64,
    /// What has failed stays failed.
    failed: Option<BodyError>,
}

/// A field of a form, until the next is asked for.
///
/// ```
/// use selvedge_http::{BodyError, MultipartField};
///
/// async fn describe(field: &mut MultipartField<'_>) -> Result<String, BodyError> {
///     Ok(match field.file_name() {
///         Some(file) => format!("a file that the client calls {file:?}"),
///         None => format!("{} = {}", field.name().to_owned(), field.text(1_000).await?),
///     })
/// }
/// ```
#[derive(Debug)]
pub struct MultipartField<'m> {
    form: &'m mut Multipart,
    head: FieldHead,
}

impl Request<'_> {
    /// The body, to be read as a form with files while it comes.
    ///
    /// # Errors
    /// [`BodyError::MediaType`] unless Content-Type is `multipart/form-data`, [`BodyError::Syntax`] if that has no boundary
    /// of 1 to 70 characters (RFC 2046 section 5.1.1).
    pub fn multipart(&self, limits: MultipartLimits) -> Result<Multipart, BodyError> {
        if self.media() != RequestMedia::Multipart {
            return Err(BodyError::MediaType);
        }
        let content_type = self.field(KnownField::ContentType).one().unwrap_or_default();
        let boundary = parameter(content_type, b"boundary")
            .filter(|boundary| (1..=70).contains(&boundary.len()))
            .ok_or_else(|| syntax_error("multipart/form-data without a boundary of 1 to 70 characters"))?;
        let mut body = self.body();
        body.limit(limits.bytes_max);
        let parser = FormParser::new(&boundary);
        Ok(Multipart { body, parser, limits, fields: 0, field_bytes: 0, failed: None })
    }
}

impl Multipart {
    /// The next field, after what is left of the one before; `None` at the end.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] beyond a limit, [`BodyError::Syntax`] where it is no form, and those of
    /// [`RequestBody::chunk`]. They stay.
    pub async fn next_field(&mut self) -> Result<Option<MultipartField<'_>>, BodyError> {
        loop {
            match self.step().await? {
                FormStep::Field(head) => {
                    self.fields += 1;
                    if self.fields > self.limits.fields_max {
                        return Err(self.fail(BodyError::TooLarge));
                    }
                    self.field_bytes = 0;
                    return Ok(Some(MultipartField { form: self, head }));
                }
                FormStep::End => return Ok(None),
                FormStep::Data(_) | FormStep::FieldEnd | FormStep::NeedMore => {}
            }
        }
    }

    /// The next step that is not a wait for octets.
    async fn step(&mut self) -> Result<FormStep, BodyError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        loop {
            let step = self.parser.step().map_err(|fault| self.fail(syntax_error(fault)))?;
            match step {
                FormStep::NeedMore => {}
                FormStep::Data(octets) => {
                    self.field_bytes += octets.len() as u64;
                    if self.field_bytes > self.limits.field_bytes_max {
                        return Err(self.fail(BodyError::TooLarge));
                    }
                    return Ok(FormStep::Data(octets));
                }
                step => return Ok(step),
            }
            match self.body.chunk().await {
                Ok(Some(chunk)) => self.parser.push(&chunk),
                Ok(None) => self.parser.end_of_input(),
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    fn fail(&mut self, error: BodyError) -> BodyError {
        self.failed = Some(error.clone());
        error
    }
}

impl MultipartField<'_> {
    /// The name of the form's control; may be empty.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// What the client calls the file, where it is one, as it was sent: browsers write a quote as `%22`, and leave `%`
    /// as it is. It may be anything, `../../etc/passwd` and a name taken before among it: it is good to be shown, not
    /// to be opened.
    pub fn file_name(&self) -> Option<&str> {
        self.head.file_name.as_deref()
    }

    /// What the client says its type is.
    pub fn content_type(&self) -> Option<&[u8]> {
        let mut fields = self.head.fields.iter();
        fields.find(|(name, _)| *name == http::header::CONTENT_TYPE).map(|(_, value)| value.as_bytes())
    }

    /// All fields of its head, in order.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.head.fields
    }

    /// The next octets of it, never none; `None` at its end.
    ///
    /// # Errors
    /// As [`Multipart::next_field`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        if !self.form.parser.is_in_field() {
            return Ok(None);
        }
        match self.form.step().await? {
            FormStep::Data(octets) => Ok(Some(octets)),
            FormStep::FieldEnd | FormStep::Field(_) | FormStep::End | FormStep::NeedMore => Ok(None),
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] beyond `bytes_max` octets, and those of [`chunk`](Self::chunk).
    pub async fn bytes(&mut self, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
        let mut bytes = Vec::new();
        while let Some(octets) = self.chunk().await? {
            if octets.len() > bytes_max - bytes.len() {
                return Err(BodyError::TooLarge);
            }
            bytes.extend_from_slice(&octets);
        }
        Ok(bytes)
    }

    /// All of it as text.
    ///
    /// # Errors
    /// [`BodyError::Unreadable`] if it is not UTF-8, and those of [`bytes`](Self::bytes).
    pub async fn text(&mut self, bytes_max: usize) -> Result<String, BodyError> {
        String::from_utf8(self.bytes(bytes_max).await?).map_err(|_| BodyError::Unreadable)
    }
}
