//! The protocol's parts put together as the connection does it, without a connection.

use crate::h1::{
    BodyFraming, ChunkEvent, ChunkedDecoder, Expect, HeadScanner, Limits, Persistence, Reject, RequestHead,
    Scan, TargetForm, Upgrade, Version,
};

/// Small enough to be reached by inputs of a few thousand octets, and large enough for what is composed.
pub(super) const LIMITS: Limits = Limits {
    head_bytes_max: 2048,
    target_bytes_max: 256,
    fields_max: 24,
    body_bytes_max: 1024,
    chunk_extension_bytes_max: 128,
    trailer_bytes_max: 128,
};

/// What was found in the octets, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Head(Box<Head>),
    /// Octets of a body, all that came up to the next event.
    Body(Vec<u8>),
    /// The end of a body that was announced.
    BodyEnd,
    /// The request was the last one by its own wish.
    Close,
    /// The connection ends here.
    Refused(Reject),
}

/// All that a head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) form: TargetForm,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) version: Version,
    pub(super) framing: BodyFraming,
    pub(super) persistence: Persistence,
    pub(super) expect: Expect,
    pub(super) upgrade: Upgrade,
    /// Names and values as they were sent.
    pub(super) lines: Vec<(String, Vec<u8>)>,
}

/// Takes octets in pieces.
pub(super) struct Reader {
    stage: Stage,
    /// What came and is not used yet.
    buffer: Vec<u8>,
    persistence: Persistence,
    pub(super) events: Vec<Event>,
}

enum Stage {
    Head(HeadScanner),
    /// Octets of a body still to come.
    Length(u64),
    Chunked(ChunkedDecoder),
    Over,
}

impl Reader {
    pub(super) fn new() -> Self {
        Reader {
            stage: Stage::Head(HeadScanner::new()),
            buffer: Vec::new(),
            persistence: Persistence::Reuse,
            events: Vec::new(),
        }
    }

    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
        while !self.buffer.is_empty() && !matches!(self.stage, Stage::Over) {
            match self.step() {
                Ok(0) => break,
                Ok(used) => drop(self.buffer.drain(..used)),
                Err(reject) => {
                    self.events.push(Event::Refused(reject));
                    self.stage = Stage::Over;
                }
            }
        }
    }

    /// How many octets of the buffer are done with; 0 if more must come first.
    fn step(&mut self) -> Result<usize, Reject> {
        match &mut self.stage {
            Stage::Head(scanner) => {
                let Scan::Complete(complete) = scanner.scan(&self.buffer, &LIMITS)? else { return Ok(0) };
                let head = RequestHead::parse(complete, &LIMITS)?;
                assert_eq!(head.len(), complete.len());
                self.events.push(Event::Head(Box::new(Head::of(&head, complete.bytes()))));
                head.framing().check(&LIMITS)?;
                self.persistence = head.persistence();
                let used = complete.len();
                match head.framing() {
                    BodyFraming::None => self.end_request(),
                    BodyFraming::Length(length) => self.stage = Stage::Length(length),
                    BodyFraming::Chunked => self.stage = Stage::Chunked(ChunkedDecoder::new(&LIMITS)),
                }
                Ok(used)
            }
            Stage::Length(left) => {
                let used = self.buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= used as u64;
                let is_end = *left == 0;
                self.push_body(used);
                if is_end {
                    self.events.push(Event::BodyEnd);
                    self.end_request();
                }
                Ok(used)
            }
            Stage::Chunked(decoder) => {
                let decoded = decoder.decode(&self.buffer)?;
                match decoded.event {
                    ChunkEvent::Data(range) => {
                        assert!(!range.is_empty() && range.end == decoded.consumed);
                        self.buffer.drain(..range.start);
                        self.push_body(range.len());
                        return Ok(range.len());
                    }
                    ChunkEvent::End => {
                        self.events.push(Event::BodyEnd);
                        self.end_request();
                    }
                    ChunkEvent::NeedMore => assert_eq!(decoded.consumed, self.buffer.len()),
                }
                Ok(decoded.consumed)
            }
            Stage::Over => Ok(0),
        }
    }

    fn push_body(&mut self, len: usize) {
        let octets = &self.buffer[..len];
        match self.events.last_mut() {
            Some(Event::Body(body)) => body.extend_from_slice(octets),
            _ => self.events.push(Event::Body(octets.to_vec())),
        }
    }

    fn end_request(&mut self) {
        self.stage = match self.persistence {
            Persistence::Reuse => Stage::Head(HeadScanner::new()),
            Persistence::Close => {
                self.events.push(Event::Close);
                Stage::Over
            }
        };
    }
}

impl Head {
    fn of(head: &RequestHead, octets: &[u8]) -> Self {
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        Head {
            method: text(head.method().name(octets)),
            form: head.target_form(),
            path: text(head.path(octets)),
            query: head.query(octets).map(text),
            authority: head.authority(octets).map(text),
            version: head.version(),
            framing: head.framing(),
            persistence: head.persistence(),
            expect: head.expect(),
            upgrade: head.upgrade(),
            lines: head.field_lines(octets).map(|line| (text(line.name), line.value.to_vec())).collect(),
        }
    }
}
