//! Runs rows through the engine without a socket: scanner, parser and decoder of chunks, fed whole, in two pieces
//! split at every position, and octet by octet. This is the strict proof that what a row means does not depend on how
//! it arrives.

use selvedge_http::h1::{
    BodyFraming, ChunkEvent, ChunkedDecoder, Expect, HeadScanner, Limits, Persistence, Reject, RequestHead,
    Scan,
};

use crate::runner::row::{Body, Expected, GET, Row, Told, describe, describe_lines};

/// Rows up to this length are split at every position; of longer ones both ends, and every 61st position between
/// them.
const SPLIT_EVERYWHERE_BYTES_MAX: usize = 4_096;
const ENDS_BYTES: usize = 512;

/// What follows a row to see whether, and where, another request is read.
pub(crate) const PROBE: &[u8] = b"GET /after HTTP/1.1\r\nHost: probe\r\n\r\n";

/// What the application is told of [`PROBE`].
pub(crate) const PROBE_TOLD: Told = Told { path: "/after", authority: Some("probe"), ..GET };

/// Checks every row of a table.
pub(crate) fn check(rows: &[Row]) {
    let failures: Vec<String> = rows.iter().filter_map(|row| check_row(row).err()).collect();
    assert!(failures.is_empty(), "{} of {} rows:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn check_row(row: &Row) -> Result<(), String> {
    let whole = read([&row.octets[..]].into_iter(), row);
    matches(&whole, &row.expected)
        .map_err(|why| format!("{} ({}): {why}\n  read as {whole:?}", row.name, row.rule))?;
    for at in splits(row.octets.len()) {
        let (first, second) = row.octets.split_at(at);
        let split = read([first, second].into_iter(), row);
        if split != whole {
            return Err(format!("{} split at {at}: {split:?}\n  whole: {whole:?}", row.name));
        }
    }
    let single = read(row.octets.chunks(1), row);
    if single != whole {
        return Err(format!("{} octet by octet: {single:?}\n  whole: {whole:?}", row.name));
    }
    follow(row)
}

/// Whether a request behind the row is read as it stands, or not at all.
fn follow(row: &Row) -> Result<(), String> {
    if row.ends_within_a_message() {
        return Ok(());
    }
    let octets = [&row.octets[..], PROBE].concat();
    let seen = read([&octets[..]].into_iter(), row);
    let mut expected = row.expected.clone();
    if row.leaves_open() {
        expected.push(PROBE_TOLD.into());
    }
    matches(&seen, &expected).map_err(|why| format!("{} with a request behind it: {why}", row.name))
}

fn splits(length: usize) -> impl Iterator<Item = usize> {
    (1..length).filter(move |at| {
        length <= SPLIT_EVERYWHERE_BYTES_MAX
            || *at < ENDS_BYTES
            || *at > length - ENDS_BYTES
            || at.is_multiple_of(61)
    })
}

/// One message as the engine has read it.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Accepted { description: String, lines: Vec<String>, body: SeenBody },
    Refused(Reject),
    Incomplete,
}

#[derive(Debug, PartialEq, Eq)]
enum SeenBody {
    Read(Vec<u8>),
    Refused(Reject),
    CutShort,
}

fn matches(seen: &[Seen], expected: &[Expected]) -> Result<(), String> {
    if seen.len() != expected.len() {
        return Err(format!("{} messages, expected {}", seen.len(), expected.len()));
    }
    seen.iter().zip(expected).try_for_each(|(seen, expected)| match (seen, expected) {
        (Seen::Incomplete, Expected::Incomplete) => Ok(()),
        (Seen::Refused(reject), Expected::Refused(status, expected))
            if (reject.status().as_u16(), reject) == (*status, expected) =>
        {
            Ok(())
        }
        (Seen::Accepted { description, lines, body }, Expected::Accepted(told)) => {
            if *description != told.description() {
                return Err(format!("{description}\n  expected {}", told.description()));
            }
            if let Some(missing) = told.lines().find(|line| !lines.contains(line)) {
                return Err(format!("no line {missing:?} in {lines:?}"));
            }
            let body_matches = match (body, told.body) {
                (_, Body::Left) => true,
                (SeenBody::Read(data), Body::Read(expected)) => data == expected,
                (SeenBody::Refused(reject), Body::Refused(expected)) => *reject == expected,
                (SeenBody::CutShort, Body::CutShort) => true,
                _ => false,
            };
            if body_matches { Ok(()) } else { Err(format!("body {body:?}, expected {:?}", told.body)) }
        }
        (seen, expected) => Err(format!("{seen:?}, expected {expected:?}")),
    })
}

/// Reads messages as a connection does, up to the end of the octets or of the connection.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, row: &Row) -> Vec<Seen> {
    let mut reader = Reader {
        limits: Limits::default(),
        row,
        received: Vec::new(),
        at: 0,
        state: State::Head(HeadScanner::new()),
        persistence: Persistence::Reuse,
        seen: Vec::new(),
    };
    for piece in pieces {
        reader.received.extend_from_slice(piece);
        while reader.step() {}
    }
    reader.end()
}

struct Reader<'r> {
    limits: Limits,
    row: &'r Row,
    received: Vec<u8>,
    /// What lies before it is done with.
    at: usize,
    state: State,
    /// What the last head asked for.
    persistence: Persistence,
    seen: Vec<Seen>,
}

enum State {
    Head(HeadScanner),
    /// Octets still to come.
    Length(u64),
    Chunked(ChunkedDecoder),
    Over,
}

impl Reader<'_> {
    /// One head, or one piece of a body. False: more octets are needed, or none are read any more.
    fn step(&mut self) -> bool {
        match &mut self.state {
            State::Over => false,
            State::Head(scanner) => match scanner.scan(&self.received[self.at..], &self.limits) {
                Ok(Scan::Incomplete) => false,
                Ok(Scan::Complete(head)) => {
                    let parsed = RequestHead::parse(head, &self.limits)
                        .and_then(|parsed| acceptable(parsed, &self.limits));
                    match parsed {
                        Ok(parsed) => {
                            let description = describe(&parsed, head.bytes());
                            let lines = describe_lines(&parsed, head.bytes());
                            self.at += head.len();
                            self.seen.push(Seen::Accepted {
                                description,
                                lines,
                                body: SeenBody::Read(Vec::new()),
                            });
                            self.begin_body(&parsed);
                            true
                        }
                        Err(reject) => self.refuse(reject),
                    }
                }
                Err(reject) => self.refuse(reject),
            },
            State::Length(left) => {
                let here = (*left).min((self.received.len() - self.at) as u64);
                let data = self.received[self.at..self.at + here as usize].to_vec();
                *left -= here;
                let ended = *left == 0;
                self.at += here as usize;
                self.take_data(&data);
                if ended {
                    self.end_message();
                }
                ended
            }
            State::Chunked(decoder) => match decoder.decode(&self.received[self.at..]) {
                Ok(decoded) => {
                    let start = self.at;
                    self.at += decoded.consumed;
                    match decoded.event {
                        ChunkEvent::Data(range) => {
                            let data = self.received[start + range.start..start + range.end].to_vec();
                            self.take_data(&data);
                            true
                        }
                        ChunkEvent::End => {
                            self.end_message();
                            true
                        }
                        ChunkEvent::NeedMore => false,
                    }
                }
                Err(reject) => {
                    self.set_body(SeenBody::Refused(reject));
                    self.state = State::Over;
                    false
                }
            },
        }
    }

    fn refuse(&mut self, reject: Reject) -> bool {
        self.seen.push(Seen::Refused(reject));
        self.state = State::Over;
        false
    }

    fn begin_body(&mut self, head: &RequestHead) {
        self.persistence = head.persistence();
        match head.framing() {
            // What the connection leaves unread is left here too.
            _ if self.is_left() => self.state = State::Over,
            BodyFraming::None => self.end_message(),
            BodyFraming::Length(length) => self.state = State::Length(length),
            BodyFraming::Chunked => self.state = State::Chunked(ChunkedDecoder::new(&self.limits)),
        }
    }

    fn is_left(&self) -> bool {
        let expected = self.row.expected.get(self.seen.len() - 1);
        matches!(expected, Some(Expected::Accepted(Told { body: Body::Left, .. })))
    }

    /// After a request that asked for the close nothing is read.
    fn end_message(&mut self) {
        self.state = match self.persistence {
            Persistence::Close => State::Over,
            Persistence::Reuse => State::Head(HeadScanner::new()),
        };
    }

    fn take_data(&mut self, data: &[u8]) {
        match self.seen.last_mut() {
            Some(Seen::Accepted { body: SeenBody::Read(read), .. }) => read.extend_from_slice(data),
            other => panic!("a body belongs to a request: {other:?}"),
        }
    }

    fn set_body(&mut self, new: SeenBody) {
        match self.seen.last_mut() {
            Some(Seen::Accepted { body, .. }) => *body = new,
            other => panic!("a body belongs to a request: {other:?}"),
        }
    }

    fn end(mut self) -> Vec<Seen> {
        match self.state {
            State::Head(_) if self.at < self.received.len() => self.seen.push(Seen::Incomplete),
            State::Length(_) | State::Chunked(_) => self.set_body(SeenBody::CutShort),
            State::Head(_) | State::Over => {}
        }
        self.seen
    }
}

/// What the connection refuses before the application sees it, besides what the parser does.
fn acceptable(head: RequestHead, limits: &Limits) -> Result<RequestHead, Reject> {
    head.framing().check(limits)?;
    match head.expect() {
        Expect::Unsupported => Err(Reject::ExpectationUnsupported),
        Expect::None | Expect::Continue => Ok(head),
    }
}
