//! What a client must receive: for each request its own answer, in order, to the last octet, and nothing behind the last.
//!
//! In: octets as they come, in whatever pieces. Out: how many answers are whole, or what no server may send. Each octet is
//! compared when it comes, so that the beginning of an answer that is never whole is judged too.

use super::expected::{After, Content, Expected, Form, Interim, judge_words};

/// Whether a server may close connections whose clients have not asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerState {
    Serves,
    Stops,
}

/// Where in the answers the next octet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    /// The body, so many octets of it.
    Body {
        left: usize,
    },
    ChunkLine,
    Chunk {
        left: usize,
    },
    ChunkEnd,
    Trailer,
    /// Behind an answer that closes.
    Closed,
}

/// What one client receives, and what it should.
#[derive(Debug)]
pub(super) struct Answers {
    expected: Vec<Expected>,
    whole: usize,
    place: Place,
    /// The head or line that is not whole yet.
    line: Vec<u8>,
    /// The right body of the answer under way; of the engine's own words, what has come of them.
    body: Vec<u8>,
    body_at: usize,
    interims: usize,
    /// Whether it is the last one by its own word.
    after: After,
}

impl Answers {
    pub(super) fn new(expected: Vec<Expected>) -> Self {
        Self {
            expected,
            whole: 0,
            place: Place::Head,
            line: Vec::new(),
            body: Vec::new(),
            body_at: 0,
            interims: 0,
            after: After::Stays,
        }
    }

    /// Answers that are whole.
    pub(super) fn whole(&self) -> usize {
        self.whole
    }

    /// The one that is not whole yet.
    pub(super) fn next(&self) -> Option<&Expected> {
        self.expected.get(self.whole)
    }

    /// Answers in all, if the server does as it should.
    pub(super) fn expected(&self) -> usize {
        self.expected.len()
    }

    pub(super) fn are_whole(&self) -> bool {
        self.whole == self.expected.len()
    }

    /// Whether an answer has said that it is the last.
    pub(super) fn have_closed(&self) -> bool {
        self.place == Place::Closed
    }

    /// Whether the `100 Continue` of request `index` has come, or its answer.
    pub(super) fn has_continued(&self, index: usize) -> bool {
        self.whole > index || (self.whole == index && self.interims > 0)
    }

    /// Takes what has come.
    ///
    /// # Errors
    /// What no server may send.
    pub(super) fn take(&mut self, mut octets: &[u8], server: ServerState) -> Result<(), String> {
        while !octets.is_empty() {
            let beyond = self.place == Place::Closed || self.are_whole();
            if beyond {
                return Err(format!("{} octets beyond the last answer: {}", octets.len(), shown(octets)));
            }
            match self.place {
                Place::Head => self.take_head(&mut octets, server)?,
                Place::Body { left } => {
                    let taken = self.compare(&mut octets, left)?;
                    self.go_to_body(left - taken)?;
                }
                Place::ChunkLine => self.take_chunk_line(&mut octets)?,
                Place::Chunk { left } => {
                    let taken = self.compare(&mut octets, left)?;
                    self.place =
                        if left == taken { Place::ChunkEnd } else { Place::Chunk { left: left - taken } };
                }
                Place::ChunkEnd => {
                    if self.take_until(&mut octets, b"\n") {
                        match &*self.line {
                            b"\r\n" => self.place = Place::ChunkLine,
                            other => return Err(format!("a chunk that ends in {}", shown(other))),
                        }
                        self.line.clear();
                    }
                }
                Place::Trailer => self.take_trailer(&mut octets)?,
                Place::Closed => unreachable!("it was asked above"),
            }
        }
        Ok(())
    }

    /// Moves octets to `line` up to and with `end`, if that is there.
    fn take_until(&mut self, octets: &mut &[u8], end: &[u8]) -> bool {
        while !octets.is_empty() {
            let before = self.line.len();
            // A line is short: most of what is there stands behind it.
            let some = &octets[..octets.len().min(256)];
            self.line.extend_from_slice(some);
            let from = before.saturating_sub(end.len() - 1);
            if let Some(at) = self.line[from..].windows(end.len()).position(|window| window == end) {
                let length = from + at + end.len();
                self.line.truncate(length);
                *octets = &octets[length - before..];
                return true;
            }
            *octets = &octets[some.len()..];
        }
        false
    }

    fn take_head(&mut self, octets: &mut &[u8], server: ServerState) -> Result<(), String> {
        let is_whole = self.take_until(octets, b"\r\n\r\n");
        let beginning = &self.line[..self.line.len().min(9)];
        if !b"HTTP/1.1 ".starts_with(beginning) {
            return Err(format!("no answer begins with {}", shown(beginning)));
        }
        if !is_whole {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let head = Head::read(&line)?;
        let expected = self.expected[self.whole].clone();
        if head.status == 100 && expected.interim != Interim::Never && self.interims == 0 {
            self.interims += 1;
            return Ok(());
        }
        self.judge_head(&head, &expected, server)?;
        self.after = if head.closes { After::Closes } else { After::Stays };
        (self.body, self.body_at) = (Vec::new(), 0);
        if expected.content == Content::Follows {
            self.body = expected.pattern();
        }
        match (expected.content, head.length) {
            (Content::LeftOut, _) => return self.finish(),
            (_, Some(length)) => return self.go_to_body(length),
            (_, None) if expected.form == Form::Upgraded => return self.go_to_body(expected.length),
            (_, None) => self.place = Place::ChunkLine,
        }
        Ok(())
    }

    fn judge_head(&self, head: &Head, expected: &Expected, server: ServerState) -> Result<(), String> {
        let id = expected.id;
        if head.status != expected.status {
            return Err(format!("{} for request {id} instead of {}", head.status, expected.status));
        }
        if expected.interim == Interim::Always && self.interims == 0 && expected.status == 200 {
            return Err(format!("no 100 before the answer to {id}, whose client waits for it"));
        }
        match (expected.after, head.closes) {
            (After::Closes, false) => return Err(format!("the answer to {id} does not close")),
            (After::Stays, true) if server == ServerState::Serves => {
                return Err(format!("the answer to {id} closes, and nobody has asked for that"));
            }
            _ => {}
        }
        let right = match (expected.form, expected.content) {
            (_, Content::Words) => head.length.is_some() && !head.is_chunked,
            (Form::Length, _) => head.length == Some(expected.length) && !head.is_chunked,
            (Form::Chunked | Form::ChunkedWithTrailer, _) => head.length.is_none() && head.is_chunked,
            (Form::Upgraded, _) => head.length.is_none() && !head.is_chunked,
        };
        match right {
            true => Ok(()),
            false => Err(format!(
                "the answer to {id} is framed by {:?}, chunked: {}; and it is {:?} of {} octets",
                head.length, head.is_chunked, expected.form, expected.length
            )),
        }
    }

    fn go_to_body(&mut self, left: usize) -> Result<(), String> {
        self.place = Place::Body { left };
        if left == 0 { self.finish() } else { Ok(()) }
    }

    /// Takes up to `left` octets of the body, which must be the right ones.
    fn compare(&mut self, octets: &mut &[u8], left: usize) -> Result<usize, String> {
        let (body, after) = octets.split_at(left.min(octets.len()));
        *octets = after;
        let expected = &self.expected[self.whole];
        if expected.content == Content::Words {
            self.body.extend_from_slice(body);
            return Ok(body.len());
        }
        let at = self.body_at;
        self.body_at += body.len();
        match self.body.get(at..self.body_at) {
            Some(right) if right == body => Ok(body.len()),
            Some(right) => {
                let first = right.iter().zip(body).position(|(right, there)| right != there).unwrap_or(0);
                Err(format!("octet {} of the answer to {} is another one's", at + first, expected.id))
            }
            None => {
                Err(format!("the answer to {} has more than its {} octets", expected.id, self.body.len()))
            }
        }
    }

    fn take_chunk_line(&mut self, octets: &mut &[u8]) -> Result<(), String> {
        if !self.take_until(octets, b"\r\n") {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let size = std::str::from_utf8(&line[..line.len() - 2]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| format!("a chunk of size {}", shown(&line)))?;
        self.place = if size == 0 { Place::Trailer } else { Place::Chunk { left: size } };
        let expected = &self.expected[self.whole];
        if size == 0 && self.body_at != self.body.len() {
            return Err(format!(
                "the answer to {} ends after {} of its {} octets",
                expected.id,
                self.body_at,
                self.body.len()
            ));
        }
        Ok(())
    }

    fn take_trailer(&mut self, octets: &mut &[u8]) -> Result<(), String> {
        let (form, id) = (self.expected[self.whole].form, self.expected[self.whole].id);
        // The lines and the empty one behind them, or that one alone.
        let end: &[u8] = if form == Form::ChunkedWithTrailer { b"\r\n\r\n" } else { b"\r\n" };
        if !self.take_until(octets, end) {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let right = match form {
            Form::ChunkedWithTrailer => format!("x-id: {id}\r\n\r\n"),
            _ => "\r\n".to_owned(),
        };
        if line != right.as_bytes() {
            return Err(format!("the answer to {id} has the trailer {}", shown(&line)));
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<(), String> {
        let Expected { id, status, content, .. } = self.expected[self.whole];
        if content == Content::Words {
            judge_words(status, &self.body).map_err(|wrong| format!("the answer to {id} is {wrong}"))?;
        }
        self.whole += 1;
        self.interims = 0;
        self.body = Vec::new();
        self.place = if self.after == After::Closes { Place::Closed } else { Place::Head };
        Ok(())
    }
}

/// What an answer's head says of its framing.
struct Head {
    status: u16,
    length: Option<usize>,
    is_chunked: bool,
    closes: bool,
}

impl Head {
    fn read(octets: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(octets).map_err(|_| "a head that is no text".to_owned())?;
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.get(9..12).and_then(|status| status.parse::<u16>().ok());
        let status = status.ok_or_else(|| format!("a status line {status_line:?}"))?;
        let mut head = Self { status, length: None, is_chunked: false, closes: false };
        for line in lines {
            let (name, value) = line.split_once(": ").ok_or_else(|| format!("a field line {line:?}"))?;
            match &*name.to_ascii_lowercase() {
                "content-length" if head.length.is_none() => {
                    head.length = Some(value.parse().map_err(|_| format!("a length {value:?}"))?);
                }
                "content-length" => return Err("two lengths".to_owned()),
                "transfer-encoding" if value == "chunked" && !head.is_chunked => head.is_chunked = true,
                "transfer-encoding" => return Err(format!("a transfer coding {value:?}")),
                "connection" => head.closes = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        match head {
            Self { length: Some(_), is_chunked: true, .. } => Err("a length, and chunks".to_owned()),
            head => Ok(head),
        }
    }
}

/// The first octets, for a report.
fn shown(octets: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&octets[..octets.len().min(60)]))
}

#[cfg(test)]
mod tests;
