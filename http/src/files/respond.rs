//! What a request makes of a file: its conditions, its range, and the answer's head.
//!
//! In: a loaded form of a file. Out: a response. Next: `connection/answer.rs`.

use std::rc::Rc;

use http::{HeaderValue, StatusCode, header};
use selvedge_runtime::Chunk;

use super::entry::{Entry, EntryBody};
use super::locate::Refused;
use super::resource::Resource;
use super::tree::Tree;
use super::{Answer, Files};
use crate::conditional::{self, Outcome};
use crate::fixed_fields::FixedFields;
use crate::h1::{Field, KnownField};
use crate::range::{self, ByteRange, RangeOutcome, Ranges};
use crate::request::Request;
use crate::response::{Body, FileContent, FilePart, FileParts, OpenFile, RangeField, Response, ResponseHead};

/// Why there is no answer; another look may find one.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The file is not what its entry says any more.
    Changed,
    /// It was not to be had.
    Refused(Refused),
}

impl From<Refused> for NoAnswer {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// What the request's conditions and range ask for.
    AsAsked,
    /// The same, in the place of another file that is not there.
    Fallback,
    /// All of it, as the page of an error.
    Page(StatusCode),
}

impl Files {
    /// The whole answer as it stands ready, if that is what is asked for: the hot path.
    #[inline]
    pub(super) fn ready(
        &self,
        request: &Request<'_>,
        entry: &Entry,
        wish: Wish,
        fields: &FixedFields,
    ) -> Option<Response> {
        if wish != Wish::AsAsked || !fields.as_bytes().is_empty() {
            return None;
        }
        let (head, bytes) = (request.head(), request.head_bytes());
        let proceeds = conditional::evaluate(head, bytes, &entry.validators) == Outcome::Proceed;
        let is_whole = head.field(bytes, KnownField::Range) == Field::Absent;
        (proceeds && is_whole).then(|| entry.prepared(&self.clock).map(Response::prepared)).flatten()
    }

    pub(super) async fn respond(
        &self,
        tree: &Tree,
        request: &Request<'_>,
        entry: &Rc<Entry>,
        opened: Option<Rc<OpenFile>>,
        wish: Wish,
        fields: &FixedFields,
    ) -> Result<Answer, NoAnswer> {
        let size = entry.content_bytes;
        let whole = ByteRange { start: 0, len: size };
        if let Wish::Page(status) = wish {
            let head = ResponseHead {
                resource_fields: entry.description.page_fields.clone(),
                ..described(status, entry, fields)
            };
            return self.part(tree, head, entry, whole, opened).await;
        }
        let (head, bytes) = (request.head(), request.head_bytes());
        let resource_fields = match wish {
            Wish::Fallback => &entry.description.fallback_fields,
            Wish::AsAsked | Wish::Page(_) => &entry.description.fields,
        };
        let described = |status| ResponseHead {
            version_fields: entry.version_fields.clone(),
            resource_fields: resource_fields.clone(),
            ..described(status, entry, fields)
        };
        // 304 and 206 carry what the 200 says of the version and of caching (RFC 9110 sections 15.4.5 and 15.3.7).
        match conditional::evaluate(head, bytes, &entry.validators) {
            Outcome::NotModified => {
                let head = ResponseHead {
                    content_type: None,
                    content_coding: None,
                    ..described(StatusCode::NOT_MODIFIED)
                };
                return Ok(Answer::File(Response::new(head, Body::Empty)));
            }
            Outcome::PreconditionFailed => {
                return Ok(Answer::Refused(Response::error(StatusCode::PRECONDITION_FAILED, "")));
            }
            Outcome::Proceed => {}
        }
        let unix_s = self.clock.borrow().unix_s();
        match range::evaluate(head, bytes, &entry.validators, size, unix_s) {
            RangeOutcome::Whole => {
                let head = ResponseHead { range: RangeField::Accepted, ..described(StatusCode::OK) };
                self.part(tree, head, entry, whole, opened).await
            }
            RangeOutcome::Part(part) => {
                let head = ResponseHead {
                    range: RangeField::Part(part.start, part.len, size),
                    ..described(StatusCode::PARTIAL_CONTENT)
                };
                self.part(tree, head, entry, part, opened).await
            }
            RangeOutcome::Parts(ranges) => {
                let head = described(StatusCode::PARTIAL_CONTENT);
                self.parts(tree, head, entry, ranges, opened).await
            }
            RangeOutcome::Unsatisfiable => {
                let mut response = Response::error(StatusCode::RANGE_NOT_SATISFIABLE, "");
                response.head.range = RangeField::Unsatisfied(size);
                response.body = Body::Empty;
                Ok(Answer::Refused(response))
            }
        }
    }

    /// A part of a file that is not answered by its ready block.
    async fn part(
        &self,
        tree: &Tree,
        head: ResponseHead,
        entry: &Rc<Entry>,
        part: ByteRange,
        opened: Option<Rc<OpenFile>>,
    ) -> Result<Answer, NoAnswer> {
        let unix_s = self.clock.borrow().unix_s();
        let in_memory: Option<Chunk> = match entry.body(&self.options.derived, unix_s) {
            EntryBody::Block(block, body_start) => {
                let start = body_start + part.start as u32;
                Some(Chunk::Shared(block, start..start + part.len as u32))
            }
            EntryBody::Shared(bytes) => {
                Some(bytes.slice(part.start as usize..(part.start + part.len) as usize).into())
            }
            EntryBody::Gone => return Err(NoAnswer::Changed),
            EntryBody::File => None,
        };
        if let Some(body) = in_memory {
            return Ok(Answer::File(Response::new(head, Body::Full(body))));
        }
        let file = self.file_of(tree, entry, opened).await?.ok_or(NoAnswer::Changed)?;
        let body = FilePart { file, start: part.start, length: part.len };
        Ok(Answer::File(Response::new(head, Body::File(body))))
    }

    /// Several parts of a file.
    async fn parts(
        &self,
        tree: &Tree,
        head: ResponseHead,
        entry: &Rc<Entry>,
        ranges: Box<Ranges>,
        opened: Option<Rc<OpenFile>>,
    ) -> Result<Answer, NoAnswer> {
        let unix_s = self.clock.borrow().unix_s();
        let content = match entry.body(&self.options.derived, unix_s) {
            EntryBody::Block(block, body_start) => FileContent::Ready(block, body_start),
            EntryBody::Shared(bytes) => FileContent::Shared(bytes),
            EntryBody::Gone => return Err(NoAnswer::Changed),
            EntryBody::File => {
                let file = self.file_of(tree, entry, opened).await?;
                FileContent::Streamed(file.ok_or(NoAnswer::Changed)?)
            }
        };
        Ok(Answer::File(Response::new(head, Body::Parts(Box::new(FileParts { content, ranges: *ranges })))))
    }
}

/// A head that says what the content is and nothing of its version.
fn described(status: StatusCode, entry: &Entry, fields: &FixedFields) -> ResponseHead {
    ResponseHead {
        content_type: Some(entry.description.content_type),
        content_coding: entry.description.content_coding,
        site_fields: fields.clone(),
        ..ResponseHead::new(status)
    }
}

/// 406, or 404, to a client that takes no form of a file there is; another may.
pub(super) fn in_no_form(status: StatusCode, resource: &Resource) -> Response {
    let mut response = Response::error(
        status,
        if status == StatusCode::NOT_FOUND { "" } else { "no acceptable content coding" },
    );
    response.head.fields.push((header::VARY, HeaderValue::from_static("Accept-Encoding")));
    if resource.varies().by_language {
        response.head.fields.push((header::VARY, HeaderValue::from_static("Accept-Language")));
    }
    response
}
