//! Conversations composed from choices, with the events that they mean.

use super::super::choices::Choices;
use super::reader::{Event, LIMITS};
use super::request::Request;
use crate::h1::{BodyFraming, Persistence, Reject};

/// Requests that follow each other on one connection.
pub(super) struct Conversation {
    pub(super) octets: Vec<u8>,
    pub(super) events: Vec<Event>,
}

/// Requests of one conversation.
const REQUESTS_MAX: usize = 4;

impl Conversation {
    /// Up to [`REQUESTS_MAX`] requests; none after one that is refused or that closes.
    pub(super) fn choose(choices: &mut Choices<'_>) -> Self {
        let mut conversation = Conversation { octets: Vec::new(), events: Vec::new() };
        for _ in 0..REQUESTS_MAX {
            let is_open = !matches!(conversation.events.last(), Some(Event::Close | Event::Refused(_)));
            if choices.is_over() || !is_open {
                break;
            }
            conversation.add_request(choices);
        }
        conversation
    }

    fn add_request(&mut self, choices: &mut Choices<'_>) {
        let mut request = Request::choose(choices);
        if choices.one_in(4) {
            let refused = request.spoil(choices);
            self.octets.extend(request.write(choices));
            self.events.push(Event::Refused(refused));
            return;
        }
        let head = request.head();
        let persistence = head.persistence;
        self.octets.extend(request.write(choices));
        self.events.push(Event::Head(Box::new(head)));
        match request.framing {
            BodyFraming::None => {}
            BodyFraming::Length(length) if length > LIMITS.body_bytes_max => {
                self.events.push(Event::Refused(Reject::BodyTooLarge));
            }
            BodyFraming::Length(length) => {
                let body: Vec<u8> = (0..length).map(|_| choices.below(256) as u8).collect();
                self.octets.extend(&body);
                self.events.extend([Event::Body(body), Event::BodyEnd]);
            }
            BodyFraming::Chunked => self.add_chunks(choices),
        }
        let is_refused = matches!(self.events.last(), Some(Event::Refused(_)));
        if persistence == Persistence::Close && !is_refused {
            self.events.push(Event::Close);
        }
    }

    fn add_chunks(&mut self, choices: &mut Choices<'_>) {
        let mut body = Vec::new();
        let mut spoiled = None;
        for _ in 0..choices.below(5) {
            let chunk: Vec<u8> = (0..1 + choices.below(20)).map(|_| choices.below(256) as u8).collect();
            let zeros = "0".repeat(choices.below(4));
            let size = format!("{zeros}{:x}", chunk.len());
            let extension = choices.pick(&["", ";", ";a", ";a=b;c", " ;a=\"\t\"", "\t ; q"]);
            if choices.one_in(16) {
                let (line, reject) = choices.pick(&[
                    ("\r\n", Reject::ChunkSize),
                    ("0x5\r\n", Reject::ChunkSize),
                    ("+5\r\n", Reject::ChunkSize),
                    ("5\n", Reject::ChunkSize),
                    ("5 \r\n", Reject::ChunkSize),
                    ("5;a\n", Reject::ChunkExtension),
                    ("5;a\r5", Reject::ChunkSize),
                    ("00000000000000005\r\n", Reject::ChunkSize),
                    ("401\r\n", Reject::BodyTooLarge),
                    ("ffffffffffffffff\r\n", Reject::BodyTooLarge),
                ]);
                self.octets.extend(line.bytes());
                spoiled = Some(reject);
                break;
            }
            self.octets.extend(format!("{}{extension}\r\n", choices.recase(&size)).bytes());
            self.octets.extend(&chunk);
            body.extend(chunk);
            if choices.one_in(16) {
                self.octets.extend(choices.pick(&["\n", "\r\r", "0", "xx"]).bytes());
                spoiled = Some(Reject::ChunkEnd);
                break;
            }
            self.octets.extend(b"\r\n");
        }
        if !body.is_empty() {
            self.events.push(Event::Body(body));
        }
        if let Some(reject) = spoiled {
            self.events.push(Event::Refused(reject));
            return;
        }
        self.octets.extend(choices.pick(&["0\r\n", "000\r\n", "0;a\r\n"]).bytes());
        self.octets
            .extend(choices.pick(&["", "X:\r\n", "X: y\r\nZ: \t\r\n", "Content-Length: 5\r\n"]).bytes());
        if choices.one_in(16) {
            self.octets.extend(choices.pick(&[" x: y\r\n", ":\r\n", "x\r\n", "\n", "x: y\n", "\rx"]).bytes());
            self.events.push(Event::Refused(Reject::Trailer));
            return;
        }
        self.octets.extend(b"\r\n");
        self.events.push(Event::BodyEnd);
    }
}
