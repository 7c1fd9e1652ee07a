//! A response in plain terms: for those who look into it or change it, instead of sending it as it stands.

use std::collections::VecDeque;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use selvedge_runtime::Chunk;

use super::{Body, FileContent, FileParts, Prepared, RangeField, Response, ResponseHead};
use crate::body::{BodyReader, Part};
use crate::fixed_fields::{FixedFields, is_owned};
use crate::h1::ErrorBody;
use crate::h1::response::{content_range, content_range_unsatisfied};
use crate::multipart_ranges::{Boundary, FRAMING_BYTES_MAX, MultipartRanges};

impl Response {
    /// Its head and a reader of its body. Fields the engine owns are in neither.
    ///
    /// An upgrade's body is empty: who reads it is not a connection. So is that of a path, which only the connection's worker
    /// can answer: see [`Body::Path`].
    pub fn into_reader(mut self) -> (ResponseHead, BodyReader) {
        self.make_plain();
        let (length, parts) = match self.body {
            Body::Empty | Body::Prepared(_) | Body::Upgrade(_) | Body::Path(_) => (Some(0), VecDeque::new()),
            Body::Full(chunk) => (Some(chunk.len() as u64), VecDeque::from([Part::Chunk(chunk)])),
            Body::Segments(segments) => {
                let length = segments.iter().map(|segment| segment.len() as u64).sum();
                (Some(length), segments.into_iter().map(Part::Chunk).collect())
            }
            Body::Error { reason } => {
                let text = ErrorBody { status: self.head.status, reason }.pieces().concat();
                (Some(text.len() as u64), VecDeque::from([Part::Chunk(text.into())]))
            }
            Body::File(part) => (Some(part.length), VecDeque::from([Part::File(part)])),
            Body::Parts(parts) => read_parts(&mut self.head, &parts),
            Body::Stream(body) => (body.length(), VecDeque::from([Part::Stream(body)])),
        };
        (self.head, BodyReader::new(length, parts))
    }

    /// Takes a prepared response apart, so that its head can be changed.
    pub(crate) fn make_plain(&mut self) {
        if let Body::Prepared(Prepared { block, head_bytes, bytes }) = &self.body {
            let status = self.head.status;
            let site_fields = std::mem::take(&mut self.head.site_fields);
            self.head = ResponseHead { site_fields, ..read_head(status, &block[..*head_bytes as usize]) };
            self.body = Body::Full(Chunk::Shared(block.clone(), *head_bytes..*bytes));
        }
    }
}

/// The fields of a head that was written by the engine.
fn read_head(status: StatusCode, head: &[u8]) -> ResponseHead {
    let mut plain = ResponseHead::new(status);
    for line in head.split(|&byte| byte == b'\n').skip(1) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        if let Ok(name) = HeaderName::from_bytes(&line[..colon])
            && let Ok(value) = HeaderValue::from_bytes(line[colon + 1..].trim_ascii())
            && !is_owned(&name)
        {
            plain.fields.push((name, value));
        }
    }
    plain
}

/// What `connection/parts.rs` sends, as parts to be read.
fn read_parts(head: &mut ResponseHead, parts: &FileParts) -> (Option<u64>, VecDeque<Part>) {
    let boundary = Boundary::new(selvedge_runtime::random_bits());
    let multipart = MultipartRanges::new(boundary, head.content_type.take(), &parts.ranges);
    head.fields.push((header::CONTENT_TYPE, multipart.content_type()));
    let framing = |number| {
        let mut room = [0; FRAMING_BYTES_MAX];
        let written = multipart.write_framing(number, &mut room).unwrap_or(0);
        Part::Chunk(room[..written].to_vec().into())
    };
    let mut read = VecDeque::new();
    for (number, &range) in parts.ranges.iter().enumerate() {
        read.push_back(framing(number));
        read.push_back(match &parts.content {
            FileContent::Ready(block, body_start) => {
                let start = body_start + range.start as u32;
                Part::Chunk(Chunk::Shared(block.clone(), start..start + range.len as u32))
            }
            FileContent::Shared(bytes) => {
                Part::Chunk(bytes.slice(range.start as usize..(range.start + range.len) as usize).into())
            }
            FileContent::Streamed(file) => {
                Part::File(super::FilePart { file: file.clone(), start: range.start, length: range.len })
            }
        });
    }
    read.push_back(framing(parts.ranges.len()));
    (multipart.body_bytes().ok(), read)
}

impl ResponseHead {
    /// All its fields, without those the engine owns.
    pub fn to_header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        let mut add = |name: HeaderName, value: &[u8]| {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                map.append(name, value);
            }
        };
        if let Some(content_type) = self.content_type {
            add(header::CONTENT_TYPE, content_type.as_bytes());
        }
        match self.range {
            RangeField::None => {}
            RangeField::Accepted => add(header::ACCEPT_RANGES, b"bytes"),
            RangeField::Part(start, length, size) => {
                add(header::CONTENT_RANGE, content_range(start, length, size).as_bytes());
            }
            RangeField::Unsatisfied(size) => {
                add(header::CONTENT_RANGE, content_range_unsatisfied(size).as_bytes());
            }
        }
        if let Some(coding) = self.content_coding {
            add(header::CONTENT_ENCODING, coding.as_str().as_bytes());
        }
        for fixed in [&self.version_fields, &self.resource_fields, &self.site_fields] {
            for (name, value) in read_head(self.status, &[b"\n", fixed.as_bytes()].concat()).fields {
                add(name, value.as_bytes());
            }
        }
        for (name, value) in &self.fields {
            add(name.clone(), value.as_bytes());
        }
        map
    }

    /// A head of these fields; those the engine owns are left out.
    pub fn of_header_map(status: StatusCode, map: HeaderMap) -> Self {
        let mut head = Self::new(status);
        let mut last = None;
        for (name, value) in map {
            last = name.or(last);
            if let Some(name) = last.clone()
                && !is_owned(&name)
            {
                head.fields.push((name, value));
            }
        }
        head
    }

    /// The same in plain terms: every field in `fields`, so that any can be changed.
    pub fn make_plain(&mut self) {
        let map = self.to_header_map();
        *self = Self::of_header_map(self.status, map);
        debug_assert_eq!(self.site_fields, FixedFields::NONE);
    }
}
