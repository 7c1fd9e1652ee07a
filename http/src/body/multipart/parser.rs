//! The syntax of multipart/form-data (RFC 7578, RFC 2046 section 5.1). In: octets, split anyhow. Out: steps.

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, header};
use memchr::memmem::Finder;

use crate::syntax::{is_field_value, is_token, trim_ows};

/// Octets of a field's head.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Octets of whitespace behind a boundary.
const PADDING_BYTES_MAX: usize = 64;

/// Finds fields in what is pushed. It holds what was pushed and not stepped over: a piece, and less than a head or a
/// delimiter.
#[derive(Debug)]
pub(crate) struct FormParser {
    state: State,
    /// CRLF, two hyphens, the boundary.
    delimiter: Finder<'static>,
    buffer: BytesMut,
    input: Input,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// What stands before the first boundary.
    Preamble,
    /// Behind a boundary.
    AfterDelimiter,
    Head,
    Data,
    /// Behind the last boundary.
    Epilogue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    Ended,
}

/// What comes next in a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FormStep {
    Field(FieldHead),
    /// Octets of the field, never none.
    Data(Bytes),
    FieldEnd,
    /// Octets must be pushed, or their end.
    NeedMore,
    /// The form and its octets have ended.
    End,
}

/// What stands before a field's octets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FieldHead {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
}

impl FormParser {
    pub(crate) fn new(boundary: &[u8]) -> Self {
        let delimiter = Finder::new(&[b"\r\n--", boundary].concat()).into_owned();
        // The first boundary needs no CRLF before it.
        Self { state: State::Preamble, delimiter, buffer: BytesMut::from(&b"\r\n"[..]), input: Input::Open }
    }

    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    pub(crate) fn end_of_input(&mut self) {
        self.input = Input::Ended;
    }

    /// Whether there may be more octets of the field that was found last.
    pub(crate) fn is_in_field(&self) -> bool {
        self.state == State::Data
    }

    /// The next step, or what is wrong.
    pub(crate) fn step(&mut self) -> Result<FormStep, &'static str> {
        loop {
            let stepped = match self.state {
                State::Preamble => self.skip_preamble(),
                State::AfterDelimiter => self.pass_delimiter()?,
                State::Head => self.head()?,
                State::Data => self.data(),
                State::Epilogue => {
                    self.buffer.clear();
                    None
                }
            };
            match stepped {
                Some(Stepped::Found(step)) => return Ok(step),
                Some(Stepped::Moved) => {}
                None if self.input == Input::Open => return Ok(FormStep::NeedMore),
                None if self.state == State::Epilogue => return Ok(FormStep::End),
                None => return Err("the form ends before its last boundary"),
            }
        }
    }

    fn skip_preamble(&mut self) -> Option<Stepped> {
        match self.delimiter.find(&self.buffer) {
            Some(at) => {
                self.skip(at + self.delimiter.needle().len());
                self.state = State::AfterDelimiter;
                Some(Stepped::Moved)
            }
            None => {
                self.skip(self.buffer.len() - self.delimiter_begun());
                None
            }
        }
    }

    /// What stands on the boundary's line behind it.
    fn pass_delimiter(&mut self) -> Result<Option<Stepped>, &'static str> {
        let padding = self.buffer.iter().take_while(|&&byte| byte == b' ' || byte == b'\t').count();
        if padding > PADDING_BYTES_MAX {
            return Err("too much whitespace behind a boundary");
        }
        match &self.buffer[padding..] {
            [b'-', b'-', ..] if padding == 0 => {
                self.state = State::Epilogue;
                Ok(Some(Stepped::Moved))
            }
            [b'\r', b'\n', ..] => {
                self.skip(padding + 2);
                self.state = State::Head;
                Ok(Some(Stepped::Moved))
            }
            [] | [b'\r'] => Ok(None),
            [b'-'] if padding == 0 => Ok(None),
            _ => Err("neither a line's end nor two hyphens behind a boundary"),
        }
    }

    fn head(&mut self) -> Result<Option<Stepped>, &'static str> {
        let end = memchr::memmem::find(&self.buffer, b"\r\n\r\n");
        if end.unwrap_or(self.buffer.len()) > HEAD_BYTES_MAX {
            return Err("the head of a form's field is too long");
        }
        let Some(end) = end else { return Ok(None) };
        let head = FieldHead::parse(&self.buffer[..end + 2])?;
        self.skip(end + 4);
        self.state = State::Data;
        Ok(Some(Stepped::Found(FormStep::Field(head))))
    }

    fn data(&mut self) -> Option<Stepped> {
        let data_len = match self.delimiter.find(&self.buffer) {
            Some(0) => {
                self.skip(self.delimiter.needle().len());
                self.state = State::AfterDelimiter;
                return Some(Stepped::Found(FormStep::FieldEnd));
            }
            Some(at) => at,
            None => self.buffer.len() - self.delimiter_begun(),
        };
        (data_len > 0).then(|| Stepped::Found(FormStep::Data(self.buffer.split_to(data_len).freeze())))
    }

    /// Octets at the buffer's end that may be the beginning of a delimiter.
    fn delimiter_begun(&self) -> usize {
        let needle = self.delimiter.needle();
        let longest = self.buffer.len().min(needle.len() - 1);
        (1..=longest).rev().find(|&length| self.buffer.ends_with(&needle[..length])).unwrap_or(0)
    }

    fn skip(&mut self, length: usize) {
        drop(self.buffer.split_to(length));
    }
}

enum Stepped {
    Found(FormStep),
    /// Into another state.
    Moved,
}

impl FieldHead {
    /// `head` is its lines, each with its CRLF.
    fn parse(head: &[u8]) -> Result<Self, &'static str> {
        let mut fields = Vec::new();
        for line in head.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r\n").and_then(field);
            fields.push(line.ok_or("a line in the head of a form's field is not one")?);
        }
        let disposition = fields.iter().find(|(name, _)| *name == header::CONTENT_DISPOSITION);
        let (_, disposition) = disposition.ok_or("a form's field without Content-Disposition")?;
        let disposition = disposition.as_bytes();
        let kind = disposition.split(|&byte| byte == b';').next().unwrap_or_default();
        if !trim_ows(kind).eq_ignore_ascii_case(b"form-data") {
            return Err("a form's field whose Content-Disposition is not form-data");
        }
        let text =
            |octets: Vec<u8>| String::from_utf8(octets).map_err(|_| "a form's field whose name is not UTF-8");
        let name = text(parameter(disposition, b"name").ok_or("a form's field without a name")?)?;
        let file_name = parameter(disposition, b"filename").map(text).transpose()?;
        Ok(Self { name, file_name, fields })
    }
}

/// One line of a field's head. Its value may hold UTF-8: browsers send names as they are.
fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (&line[..colon], trim_ows(&line[colon + 1..]));
    if !name.iter().all(|&byte| is_token(byte)) || !value.iter().all(|&byte| is_field_value(byte)) {
        return None;
    }
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
}

/// The first parameter called `name`, in any case, behind a value such as `form-data; name="a"`. In quotes a backslash
/// escapes a quote and itself, and else stands for itself, as in the paths that some clients send.
pub(super) fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut rest = &value[value.iter().position(|&byte| byte == b';')? + 1..];
    loop {
        let end = rest.iter().position(|&byte| byte == b'=' || byte == b';')?;
        let key = trim_ows(&rest[..end]);
        if rest[end] == b';' {
            rest = &rest[end + 1..];
            continue;
        }
        let (content, after) = parameter_value(trim_ows(&rest[end + 1..]))?;
        if key.eq_ignore_ascii_case(name) {
            return Some(content);
        }
        rest = &after[after.iter().position(|&byte| byte == b';')? + 1..];
    }
}

/// The value at the front of `octets`, and what follows it.
fn parameter_value(octets: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = octets.strip_prefix(b"\"") else {
        let end = octets.iter().position(|&byte| byte == b';').unwrap_or(octets.len());
        return Some((trim_ows(&octets[..end]).to_vec(), &octets[end..]));
    };
    let mut content = Vec::new();
    let mut rest = quoted;
    loop {
        match rest {
            [b'"', after @ ..] => return Some((content, after)),
            [b'\\', escaped @ (b'"' | b'\\'), after @ ..] => {
                content.push(*escaped);
                rest = after;
            }
            [byte, after @ ..] => {
                content.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests;
