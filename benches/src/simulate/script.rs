//! What a client says. In: its kind, and the run's setting. Out: its octets, where it waits, and the right answers.

use selvedge_runtime::sim::Dice;

use super::application::{BODY_BYTES_MAX, Panics};
use super::client::Kind;
use super::expected::{After, Content, Expected, Form, Interim};
use super::setting::Setting;

/// Octets and their answers.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) octets: Vec<u8>,
    /// Where each request ends in them.
    pub(super) ends: Vec<usize>,
    /// Where the client waits for the 100 of which request.
    pub(super) holds: Vec<(usize, usize)>,
    pub(super) expected: Vec<Expected>,
    /// Requests under way at once.
    pub(super) depth: usize,
    /// Why its connection may end, besides by the client's own end (`CloseReason::name`).
    pub(super) ends_by: Vec<&'static str>,
    /// Where a request begins that is never whole.
    pub(super) stalls_at: Option<usize>,
    pub(super) ending: Ending,
    /// Requests whose handlers panic.
    pub(super) panics: u64,
}

/// Who ends the connection when all answers are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Client,
    /// The server, at once.
    Server,
    /// The server, when nothing has come for long.
    Idleness,
}

impl Script {
    pub(super) fn new(
        kind: Kind,
        (number, requests): (usize, usize),
        setting: &Setting,
        dice: &mut Dice,
    ) -> Self {
        let depth = if dice.below(2) == 0 { 1 } else { dice.within(2..=requests.max(2) as u64) as usize };
        let mut script = Self {
            octets: Vec::new(),
            ends: Vec::new(),
            holds: Vec::new(),
            expected: Vec::new(),
            depth,
            ends_by: Vec::new(),
            stalls_at: None,
            ending: Ending::Client,
            panics: 0,
        };
        let first_id = number as u64 * 1_000;
        let requests_max = setting.requests_max.map_or(usize::MAX, |max| max.get() as usize);
        for index in 0..requests.min(requests_max) {
            script.add_request(first_id + index as u64, kind, setting, dice);
        }
        if requests_max <= requests {
            script.end_at_requests_max(kind, dice);
        } else {
            script.add_last(first_id + requests as u64, kind, setting, dice);
        }
        script
    }

    /// The last answer closes, whatever comes behind its request.
    fn end_at_requests_max(&mut self, kind: Kind, dice: &mut Dice) {
        let Some(last) = self.expected.last_mut() else { return };
        last.after = After::Closes;
        self.ending = Ending::Server;
        self.ends_by.push("requests_max");
        if kind == Kind::NonReader {
            self.ends_by.push("write_timeout");
        }
        if dice.below(2) == 0 {
            self.octets.extend_from_slice(b"GET /text/1/1 HTTP/1.1\r\nHost: simulated\r\n\r\n");
        }
    }

    fn add_last(&mut self, id: u64, kind: Kind, setting: &Setting, dice: &mut Dice) {
        match kind {
            Kind::Idler => {
                // A short answer, alone, so that its idle time begins when it comes.
                self.depth = 1;
                self.get(id, &format!("/text/{id}/10"), Expected::of_pattern(id, 10));
                self.ending = Ending::Idleness;
                self.ends_by.push("idle_timeout");
            }
            Kind::Dripper => {
                self.stalls_at = Some(self.octets.len());
                self.octets.extend_from_slice(b"GET /text/1/1 HTTP/1.1\r\nHost: never");
                self.expected.push(Expected::refusal(id, 408));
                self.ending = Ending::Server;
                self.ends_by.push("head_timeout");
            }
            Kind::Staller => {
                let length = dice.within(1..=setting.body_bytes_max.min(4_000)) as usize;
                let there = dice.below(length as u64) as usize;
                self.stalls_at = Some(self.octets.len());
                let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
                self.octets.extend_from_slice(head.as_bytes());
                self.octets.extend_from_slice(&Expected::of_pattern(id, length).pattern()[..there]);
                self.expected.push(Expected::refusal(id, 408));
                self.ending = Ending::Server;
                self.ends_by.push("body_timeout");
            }
            Kind::NonReader => self.ends_by.push("write_timeout"),
            _ if dice.below(2) == 0 => self.add_closing(id, setting, dice),
            _ => {}
        }
    }

    fn push(&mut self, expected: Expected) {
        self.ends.push(self.octets.len());
        self.expected.push(expected);
    }

    fn get(&mut self, id: u64, path: &str, expected: Expected) {
        let method = if expected.content == Content::LeftOut { "HEAD" } else { "GET" };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: simulated\r\nX-Id: {id}\r\n\r\n");
        self.octets.extend_from_slice(request.as_bytes());
        self.push(expected);
    }

    fn add_request(&mut self, id: u64, kind: Kind, setting: &Setting, dice: &mut Dice) {
        let mut length = match dice.below(12) {
            0 => dice.within(100_000..=400_000) as usize,
            1..=3 => dice.within(4_000..=40_000) as usize,
            _ => dice.below(600) as usize,
        };
        if kind == Kind::NonReader {
            length += 1_000_000;
            return self.get(id, &format!("/text/{id}/{length}"), Expected::of_pattern(id, length));
        }
        let piece = dice.within(1..=20_000).max(length as u64 / 50);
        // Now and then seconds.
        let pause = if dice.below(16) == 0 { dice.within(1_000..=4_000) } else { dice.within(0..=30) };
        let (path, form) = match dice.below(10) {
            9 => (format!("/pieces/{id}/{length}/{piece}"), Form::Chunked),
            0 => (format!("/stream/{id}/{length}/{piece}"), Form::Chunked),
            1 => (format!("/wait/{id}/{length}/{pause}"), Form::Length),
            2 => (format!("/helper/{id}/{length}"), Form::Length),
            3..=5 => return self.add_upload(id, length, setting, dice),
            6 if setting.panics == Panics::Answered && dice.below(4) == 0 => {
                self.panics += 1;
                let answer = Expected::refusal(id, 500);
                return self.get(id, "/panic", Expected { after: After::Stays, ..answer });
            }
            _ => (format!("/text/{id}/{length}"), Form::Length),
        };
        let content = if dice.below(10) == 0 { Content::LeftOut } else { Content::Follows };
        self.get(id, &path, Expected { form, content, ..Expected::of_pattern(id, length) });
    }

    /// A request with a body that the server takes, whatever the handler does with it.
    fn add_upload(&mut self, id: u64, length: usize, setting: &Setting, dice: &mut Dice) {
        let length = length.min(BODY_BYTES_MAX).min(setting.body_bytes_max as usize);
        let expected = Expected::of_pattern(id, length);
        let body = expected.pattern();
        if dice.below(6) == 0 {
            // Nobody looks at the body. It is less than what is drained with its framing (64 KiB).
            let body = &body[..length.min(30_000)];
            let path = format!("/early/{id}/{length}");
            let coding = *dice.pick(&[Coding::Length, Coding::Chunked]);
            self.post(&path, (body, coding), "", dice);
            return self.push(expected);
        }
        let (path, form) = *dice.pick(&[
            ("/echo", Form::Length),
            ("/through", Form::Chunked),
            ("/trailers", Form::ChunkedWithTrailer),
        ]);
        let coding = match form {
            Form::ChunkedWithTrailer => Coding::ChunkedWithTrailer(id),
            _ => *dice.pick(&[Coding::Length, Coding::Chunked]),
        };
        // An empty body is asked for by nobody.
        let interim = match dice.below(6) {
            0 if length > 0 => Interim::Always,
            1 => Interim::Perhaps,
            _ => Interim::Never,
        };
        let expect = if interim == Interim::Never { "" } else { "Expect: 100-continue\r\n" };
        let body_at = self.post(path, (&body, coding), expect, dice);
        if interim == Interim::Always {
            self.holds.push((body_at, self.expected.len()));
        }
        self.push(Expected { form, interim, ..expected });
    }

    /// Returns where the body begins.
    fn post(&mut self, path: &str, (body, coding): (&[u8], Coding), fields: &str, dice: &mut Dice) -> usize {
        let framing = match coding {
            Coding::Length => format!("Content-Length: {}", body.len()),
            Coding::Chunked | Coding::ChunkedWithTrailer(_) => "Transfer-Encoding: chunked".to_owned(),
        };
        let head = format!("POST {path} HTTP/1.1\r\nHost: simulated\r\n{fields}{framing}\r\n\r\n");
        self.octets.extend_from_slice(head.as_bytes());
        let body_at = self.octets.len();
        if coding == Coding::Length {
            self.octets.extend_from_slice(body);
            return body_at;
        }
        let mut rest = body;
        while !rest.is_empty() {
            // Few, so that their framing is little.
            let least = (body.len() / 20).clamp(1, rest.len()) as u64;
            let (chunk, after) = rest.split_at(dice.within(least..=rest.len() as u64) as usize);
            self.octets.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            self.octets.extend_from_slice(chunk);
            self.octets.extend_from_slice(b"\r\n");
            rest = after;
        }
        self.octets.extend_from_slice(b"0\r\n");
        if let Coding::ChunkedWithTrailer(id) = coding {
            self.octets.extend_from_slice(format!("X-Id: {id}\r\n").as_bytes());
        }
        self.octets.extend_from_slice(b"\r\n");
        body_at
    }

    /// A request behind which the connection is over.
    fn add_closing(&mut self, id: u64, setting: &Setting, dice: &mut Dice) {
        let length = dice.below(5_000) as usize;
        let answered = Expected { after: After::Closes, ..Expected::of_pattern(id, length) };
        let (request, expected, reason) = match dice.below(12) {
            0 => (
                format!("GET /text/{id}/{length} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                answered,
                "requested",
            ),
            1 => (format!("GET /text/{id}/{length} HTTP/1.0\r\n\r\n"), answered, "requested"),
            2 => ("GET /text/1/1 HTTP/1.1\r\n\r\n".to_owned(), Expected::refusal(id, 400), "rejected"),
            3 => (
                "GET /text/1/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
                    .to_owned(),
                Expected::refusal(id, 400),
                "rejected",
            ),
            4 => (
                format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9_000)),
                Expected::refusal(id, 414),
                "rejected",
            ),
            5 => ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), Expected::refusal(id, 505), "rejected"),
            // A proxy's word to a server that expects none.
            6 => (
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
                Expected::refusal(id, 400),
                "rejected",
            ),
            7 => (
                "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: more\r\nContent-Length: 1\r\n\r\nx".to_owned(),
                Expected::refusal(id, 417),
                "rejected",
            ),
            8 => return self.add_too_long(id, setting, dice),
            // It waits for a 100 that does not come, and does not send its body.
            9 => (
                format!(
                    "POST /early/{id}/{length} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
                     Content-Length: 1\r\n\r\n"
                ),
                answered,
                "unread_body",
            ),
            10 => return self.add_upgrade(id, length),
            _ if setting.panics == Panics::EndTheirConnection => {
                // Nothing of it comes; what was answered before has been read.
                self.depth = 1;
                self.panics += 1;
                self.octets.extend_from_slice(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
                self.ends.push(self.octets.len());
                self.ending = Ending::Server;
                return self.ends_by.push("panic");
            }
            _ => return,
        };
        self.octets.extend_from_slice(request.as_bytes());
        self.push(expected);
        self.ending = Ending::Server;
        self.ends_by.push(reason);
    }

    /// A body beyond the limit: told by its length, or found while it is read.
    fn add_too_long(&mut self, id: u64, setting: &Setting, dice: &mut Dice) {
        let body = vec![b'x'; setting.body_bytes_max as usize + dice.within(1..=1_000) as usize];
        let coding = *dice.pick(&[Coding::Length, Coding::Chunked]);
        self.post("/echo", (&body, coding), "", dice);
        self.push(Expected::refusal(id, 413));
        self.ending = Ending::Server;
        self.ends_by.push("body_too_large");
    }

    /// The connection goes on as an echo, until the client ends its sending.
    fn add_upgrade(&mut self, id: u64, length: usize) {
        let head = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        self.octets.extend_from_slice(head.as_bytes());
        let expected = Expected { status: 101, form: Form::Upgraded, ..Expected::of_pattern(id, length) };
        self.octets.extend_from_slice(&expected.pattern());
        self.push(expected);
        self.ends_by.push("upgrade_over");
    }
}

/// How a request's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Length,
    Chunked,
    /// With a trailer field that tells this id.
    ChunkedWithTrailer(u64),
}
