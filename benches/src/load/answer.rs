//! Answers, as little of them as is needed. In: octets as they come. Out: where each answer ends, its status, and whether the
//! connection goes on. Bodies are counted and not looked at.

use httparse::{EMPTY_HEADER, Header, Response, Status};
use memchr::memmem;

use super::failure::{Failure, FailureKind};
use super::plan::Method;

/// Octets of a head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Fields of a head.
const FIELDS_MAX: usize = 100;
/// Octets of what is no answer that are told.
const TOLD_BYTES_MAX: usize = 60;

/// An answer that has come whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body_bytes: u64,
    pub(super) after: After,
}

/// What becomes of the connection behind an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    GoesOn,
    /// The server said that it ends (RFC 9112 9.6).
    Closes,
}

/// Reads the answers of one connection.
///
/// A head that is the last one again, octet for octet, is not parsed again: as long as the second is the same, answers of one
/// file are.
#[derive(Debug)]
pub(super) struct AnswerReader {
    method: Method,
    /// Of a head that came in pieces. At most [`HEAD_BYTES_MAX`].
    pieces: Vec<u8>,
    /// The last head that came, and what it says.
    known: Vec<u8>,
    known_answer: Answer,
    /// What is left of the body that is coming.
    body: Option<(Answer, u64)>,
}

impl AnswerReader {
    /// For answers to requests of `method`.
    pub(super) fn new(method: Method) -> Self {
        let nothing = Answer { status: 0, body_bytes: 0, after: After::GoesOn };
        Self { method, pieces: Vec::new(), known: Vec::new(), known_answer: nothing, body: None }
    }

    /// Whether the next octet begins an answer.
    pub(super) fn is_between_answers(&self) -> bool {
        self.body.is_none() && self.pieces.is_empty()
    }

    /// Forgets what is left of an answer, for another connection.
    pub(super) fn begin_anew(&mut self) {
        self.body = None;
        self.pieces.clear();
    }

    /// Takes the first octets of `octets`, which are not empty: how many, and the answer that ends there, if one does.
    ///
    /// # Errors
    /// [`FailureKind::Garbage`] and [`FailureKind::Unframed`].
    pub(super) fn read(&mut self, octets: &[u8]) -> Result<(usize, Option<Answer>), Failure> {
        let Some((answer, left)) = &mut self.body else { return self.read_head(octets) };
        let taken = usize::try_from(*left).map_or(octets.len(), |left| left.min(octets.len()));
        *left -= taken as u64;
        let ended = (*left == 0).then_some(*answer);
        if ended.is_some() {
            self.body = None;
        }
        Ok((taken, ended))
    }

    fn read_head(&mut self, octets: &[u8]) -> Result<(usize, Option<Answer>), Failure> {
        if self.pieces.is_empty() {
            if !self.known.is_empty() && octets.starts_with(&self.known) {
                return Ok((self.known.len(), self.begin_body(self.known_answer)));
            }
            if let Some(end) = head_end(octets, 0) {
                return self.take_head(&octets[..end], end);
            }
        }
        let before = self.pieces.len();
        let taken = octets.len().min(HEAD_BYTES_MAX - before);
        self.pieces.extend_from_slice(&octets[..taken]);
        // Its end may lie across two pieces.
        if let Some(end) = head_end(&self.pieces, before.saturating_sub(3)) {
            let mut pieces = std::mem::take(&mut self.pieces);
            let read = self.take_head(&pieces[..end], end - before);
            pieces.clear();
            self.pieces = pieces;
            return read;
        }
        // Sooner than at its end, which may never come.
        let begins = self.pieces.len().min(b"HTTP/1.".len());
        if self.pieces[..begins] != b"HTTP/1."[..begins] || self.pieces.len() == HEAD_BYTES_MAX {
            return Err(garbage(&self.pieces, "no head of an answer"));
        }
        Ok((taken, None))
    }

    /// `taken` octets have not been taken before.
    fn take_head(&mut self, head: &[u8], taken: usize) -> Result<(usize, Option<Answer>), Failure> {
        let Some(answer) = parse(head, self.method)? else { return Ok((taken, None)) };
        self.known.clear();
        self.known.extend_from_slice(head);
        self.known_answer = answer;
        Ok((taken, self.begin_body(answer)))
    }

    fn begin_body(&mut self, answer: Answer) -> Option<Answer> {
        if answer.body_bytes == 0 {
            return Some(answer);
        }
        self.body = Some((answer, answer.body_bytes));
        None
    }
}

fn head_end(octets: &[u8], from: usize) -> Option<usize> {
    memmem::find(&octets[from..], b"\r\n\r\n").map(|at| from + at + 4)
}

/// What a whole head says; `None` for an interim one, behind which the answer follows (RFC 9110 15.2).
fn parse(head: &[u8], method: Method) -> Result<Option<Answer>, Failure> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    match response.parse(head) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Err(garbage(head, "a head that does not end")),
        Err(error) => return Err(garbage(head, &error.to_string())),
    }
    let (status, minor) = (response.code.unwrap_or(0), response.version.unwrap_or(0));
    if status == 101 {
        return Err(garbage(head, "another protocol that nobody asked for"));
    }
    if status < 200 {
        return Ok(None);
    }
    let has_no_body = method == Method::Head || matches!(status, 204 | 304);
    let body_bytes = if has_no_body { 0 } else { length(head, response.headers)? };
    Ok(Some(Answer { status, body_bytes, after: after(minor, response.headers) }))
}

fn length(head: &[u8], fields: &[Header<'_>]) -> Result<u64, Failure> {
    let mut length = None;
    for field in fields {
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            let told = "an answer in chunks: only answers with a Content-Length are read";
            return Err(Failure::new(FailureKind::Unframed, told));
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            // Digits alone (RFC 9110 8.6).
            let text =
                std::str::from_utf8(field.value).ok().filter(|text| text.bytes().all(|c| c.is_ascii_digit()));
            let value: Option<u64> = text.and_then(|text| text.parse().ok());
            let value = value.ok_or_else(|| garbage(head, "a Content-Length that is none"))?;
            if length.is_some_and(|other| other != value) {
                return Err(garbage(head, "two lengths"));
            }
            length = Some(value);
        }
    }
    let told = "an answer as long as its connection: only answers with a Content-Length are read";
    length.ok_or_else(|| Failure::new(FailureKind::Unframed, told))
}

fn after(minor: u8, fields: &[Header<'_>]) -> After {
    let connection = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("connection"));
    let mut options =
        connection.flat_map(|field| field.value.split(|&octet| octet == b',')).map(<[u8]>::trim_ascii);
    let says = |wanted: &[u8], option: &[u8]| option.eq_ignore_ascii_case(wanted);
    let closes = match minor {
        0 => !options.any(|option| says(b"keep-alive", option)),
        _ => options.any(|option| says(b"close", option)),
    };
    if closes { After::Closes } else { After::GoesOn }
}

/// What came where something else was wanted.
pub(super) fn garbage(octets: &[u8], what: &str) -> Failure {
    let told = &octets[..octets.len().min(TOLD_BYTES_MAX)];
    Failure::new(FailureKind::Garbage, format!("{what}: \"{}\"", told.escape_ascii()))
}

#[cfg(test)]
mod tests;
