//! What a request makes of a file: its conditions, its range, and the answer's head.
//!
//! In: a loaded form of a file. Out: a response. Next: `connection/answer.rs`.

use std::rc::Rc;

use http::{HeaderValue, StatusCode, header};
use selvedge_runtime::Chunk;

use super::entry::{Entry, EntryBody, READY_BYTES_MAX};
use super::locate::Refused;
use super::resource::Resource;
use super::tree::Tree;
use super::{Answer, Files};
use crate::conditional::{self, Outcome};
use crate::fixed_fields::FixedFields;
use crate::h1::{Field, KnownField};
use crate::open_file::OpenFile;
use crate::range::{self, ByteRange, RangeOutcome, Ranges};
use crate::request::Request;
use crate::response::{Body, FileContent, FilePart, FileParts, Prepared, RangeField, Response, ResponseHead};

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

/// What a request makes of a file.
#[derive(Debug)]
pub(super) enum Responded {
    /// This.
    Answer(Answer),
    /// A head, and what of the file belongs to it.
    FromFile(ResponseHead, Wanted),
}

/// What is sent of a file that is not in memory.
#[derive(Debug)]
pub(super) enum Wanted {
    Part(ByteRange),
    Parts(Box<Ranges>),
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
    /// Whether the request's preconditions let it go on.
    pub(super) fn preconditions(request: &Request<'_>, entry: &Entry) -> Outcome {
        conditional::evaluate(request.head(), request.head_bytes(), &entry.validators)
    }

    /// The whole answer as it stands ready, if that is what is asked for: the hot path.
    #[inline]
    pub(super) fn ready(
        &self,
        request: &Request<'_>,
        entry: &Entry,
        preconditions: Outcome,
        wish: Wish,
        fields: &FixedFields,
    ) -> Option<Prepared> {
        if wish != Wish::AsAsked || !fields.as_bytes().is_empty() {
            return None;
        }
        let range = request.head().field(request.head_bytes(), KnownField::Range);
        (preconditions == Outcome::Proceed && range == Field::Absent)
            .then(|| entry.prepared(&self.clock))
            .flatten()
    }

    /// What is answered, or what of the file belongs to it.
    pub(super) fn respond(
        &self,
        request: &Request<'_>,
        entry: &Entry,
        preconditions: Outcome,
        wish: Wish,
        fields: &FixedFields,
    ) -> Result<Responded, NoAnswer> {
        let size = entry.content_bytes;
        let whole = ByteRange { start: 0, len: size };
        if let Wish::Page(status) = wish {
            let head = ResponseHead {
                resource_fields: entry.description.page_fields.clone(),
                ..described(status, entry, fields)
            };
            return self.part(head, entry, whole);
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
        match preconditions {
            Outcome::NotModified => {
                let head = ResponseHead {
                    content_type: None,
                    content_coding: None,
                    ..described(StatusCode::NOT_MODIFIED)
                };
                return Ok(Responded::Answer(Answer::File(Response::new(head, Body::Empty))));
            }
            Outcome::PreconditionFailed => {
                let response = Response::error(StatusCode::PRECONDITION_FAILED, "");
                return Ok(Responded::Answer(Answer::Refused(response)));
            }
            Outcome::Proceed => {}
        }
        let unix_s = self.clock.borrow().unix_s();
        match range::evaluate(head, bytes, &entry.validators, size, unix_s) {
            RangeOutcome::Whole => {
                let head = ResponseHead { range: RangeField::Accepted, ..described(StatusCode::OK) };
                self.part(head, entry, whole)
            }
            RangeOutcome::Part(part) => {
                let head = ResponseHead {
                    range: RangeField::Part(part.start, part.len, size),
                    ..described(StatusCode::PARTIAL_CONTENT)
                };
                self.part(head, entry, part)
            }
            RangeOutcome::Parts(ranges) => {
                let head = described(StatusCode::PARTIAL_CONTENT);
                self.parts(head, entry, ranges)
            }
            RangeOutcome::Unsatisfiable => {
                let mut response = Response::error(StatusCode::RANGE_NOT_SATISFIABLE, "");
                response.head.range = RangeField::Unsatisfied(size);
                response.body = Body::Empty;
                Ok(Responded::Answer(Answer::Refused(response)))
            }
        }
    }

    /// A part of a file that is not answered by its ready block.
    fn part(&self, head: ResponseHead, entry: &Entry, part: ByteRange) -> Result<Responded, NoAnswer> {
        let unix_s = self.clock.borrow().unix_s();
        let body: Chunk = match entry.body(&self.options.derived, unix_s) {
            EntryBody::Block(block, body_start) => {
                let start = body_start + part.start as u32;
                Chunk::Shared(block, start..start + part.len as u32)
            }
            EntryBody::Shared(bytes) => {
                bytes.slice(part.start as usize..(part.start + part.len) as usize).into()
            }
            EntryBody::Gone => return Err(NoAnswer::Changed),
            EntryBody::File => return Ok(Responded::FromFile(head, Wanted::Part(part))),
        };
        Ok(Responded::Answer(Answer::File(Response::new(head, Body::Full(body)))))
    }

    /// Several parts of a file.
    fn parts(&self, head: ResponseHead, entry: &Entry, ranges: Box<Ranges>) -> Result<Responded, NoAnswer> {
        let unix_s = self.clock.borrow().unix_s();
        let content = match entry.body(&self.options.derived, unix_s) {
            EntryBody::Block(block, body_start) => FileContent::Ready(block, body_start),
            EntryBody::Shared(bytes) => FileContent::Shared(bytes),
            EntryBody::Gone => return Err(NoAnswer::Changed),
            EntryBody::File => return Ok(Responded::FromFile(head, Wanted::Parts(ranges))),
        };
        let parts = FileParts { content, ranges: *ranges };
        Ok(Responded::Answer(Answer::File(Response::new(head, Body::Parts(Box::new(parts))))))
    }

    /// The answer with what is wanted of the file, which is opened again if need be.
    pub(super) async fn answer_with_file(
        &self,
        tree: &Tree,
        head: ResponseHead,
        entry: &Rc<Entry>,
        wanted: Wanted,
        opened: Option<Rc<OpenFile>>,
    ) -> Result<Answer, NoAnswer> {
        let file = self.file_of(tree, entry, opened).await?.ok_or(NoAnswer::Changed)?;
        Ok(Answer::File(Response::new(head, wanted.of(file))))
    }
}

impl Entry {
    /// The answer with what is wanted of the file, if that is short and its descriptor is open.
    pub(super) fn at_once(&self, head: ResponseHead, wanted: Wanted) -> Option<Answer> {
        let is_short = matches!(&wanted, Wanted::Part(part) if part.len <= READY_BYTES_MAX);
        let file = (is_short && self.is_open()).then(|| self.open_file()).flatten()?;
        Some(Answer::File(Response::new(head, wanted.of(file))))
    }
}

impl Wanted {
    fn of(self, file: Rc<OpenFile>) -> Body {
        match self {
            Self::Part(part) => Body::File(FilePart { file, start: part.start, length: part.len }),
            Self::Parts(ranges) => {
                Body::Parts(Box::new(FileParts { content: FileContent::Streamed(file), ranges: *ranges }))
            }
        }
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
