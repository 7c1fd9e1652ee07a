//! Rows about answers: what a server with some application, or some files, answers to requests, field by field.

use selvedge_http::h1::Persistence;

use crate::runner::wire::{After, Connections, closed};
use crate::support::TestServer;
use crate::support::client::{Asked, Client, Reply};

/// One row of a table of answers. In its request and in the fields expected, names in braces stand for what is known
/// only when the server runs (see [`check`]).
pub(crate) struct ReplyRow {
    pub(crate) name: String,
    /// The sentence that decides, with its section; of a peer's case also where it stands.
    pub(crate) rule: String,
    pub(crate) request: String,
    /// One for each request, up to the one after which nothing more is read.
    pub(crate) expected: Vec<ExpectedReply>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedReply {
    status: u16,
    asked: Asked,
    persistence: Persistence,
    fields: Vec<(&'static str, Presence)>,
    body: Option<Vec<u8>>,
    parts: Vec<(u64, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum Presence {
    Absent,
    Present,
    Is(String),
}

/// A row.
pub(crate) fn reply_row(
    name: impl Into<String>,
    rule: impl Into<String>,
    request: impl Into<String>,
    expected: impl Into<Vec<ExpectedReply>>,
) -> ReplyRow {
    ReplyRow { name: name.into(), rule: rule.into(), request: request.into(), expected: expected.into() }
}

/// An answer of `status` after which the connection goes on.
pub(crate) fn reply(status: u16) -> ExpectedReply {
    ExpectedReply {
        status,
        asked: Asked::Get,
        persistence: Persistence::Reuse,
        fields: Vec::new(),
        body: None,
        parts: Vec::new(),
    }
}

impl ExpectedReply {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// To a HEAD: no body follows, whatever its length.
    pub(crate) fn for_head(mut self) -> Self {
        self.asked = Asked::Head;
        self
    }

    /// It says that the connection closes, which it does.
    pub(crate) fn closes(mut self) -> Self {
        self.persistence = Persistence::Close;
        self
    }

    pub(crate) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, Presence::Is(value.into())));
        self
    }

    pub(crate) fn with(mut self, names: &[&'static str]) -> Self {
        self.fields.extend(names.iter().map(|name| (*name, Presence::Present)));
        self
    }

    pub(crate) fn without(mut self, names: &[&'static str]) -> Self {
        self.fields.extend(names.iter().map(|name| (*name, Presence::Absent)));
        self
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// A multipart body of these parts: the offset of each in the whole, and its octets.
    pub(crate) fn parts(mut self, parts: &[(u64, &[u8])]) -> Self {
        self.parts = parts.iter().map(|(start, octets)| (*start, octets.to_vec())).collect();
        self
    }

    fn check(&self, reply: &Reply, names: &[(&str, String)]) -> Result<(), String> {
        if reply.status != self.status {
            return Err(format!("{} for {}", reply.status, self.status));
        }
        if reply.closes() != (self.persistence == Persistence::Close) {
            return Err(format!("connection: {:?}", reply.field("connection")));
        }
        // Every answer of an origin server with a clock has a Date (RFC 9110 section 6.6.1), none of ours is chunked.
        if reply.field("date").is_none() || reply.field("transfer-encoding").is_some() {
            return Err(format!("date or transfer-encoding: {:?}", reply.fields));
        }
        for (name, presence) in &self.fields {
            let seen = reply.field(name);
            let holds = match presence {
                Presence::Absent => seen.is_none(),
                Presence::Present => seen.is_some(),
                Presence::Is(value) => seen == Some(&fill(value, names)),
            };
            if !holds {
                return Err(format!("{name}: {seen:?}, expected {presence:?}"));
            }
        }
        match &self.body {
            Some(body) if *body != reply.body => {
                Err(format!("body {:?}", reply.body.escape_ascii().to_string()))
            }
            _ => self.check_parts(reply),
        }
    }

    fn check_parts(&self, reply: &Reply) -> Result<(), String> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let content_type = reply.field("content-type").unwrap_or_default();
        let boundary = content_type
            .strip_prefix("multipart/byteranges; boundary=")
            .ok_or_else(|| format!("content-type: {content_type:?}"))?;
        let delimiter = format!("\r\n--{}", boundary.trim_matches('"'));
        let body = [b"\r\n", &reply.body[..]].concat();
        let mut pieces = split(&body, delimiter.as_bytes()).into_iter();
        let preamble = pieces.next().unwrap_or_default();
        let epilogue = pieces.next_back().unwrap_or_default();
        if !preamble.is_empty() || !matches!(epilogue, b"--" | b"--\r\n") {
            return Err(format!("not framed by {delimiter:?}: {:?}", reply.body.escape_ascii().to_string()));
        }
        let seen: Vec<&[u8]> = pieces.collect();
        if seen.len() != self.parts.len() {
            return Err(format!("{} parts, expected {}", seen.len(), self.parts.len()));
        }
        for (part, (start, octets)) in seen.iter().zip(&self.parts) {
            let head_end = find(part, b"\r\n\r\n").ok_or("a part without a head")? + 4;
            let head = String::from_utf8_lossy(&part[..head_end]).to_ascii_lowercase();
            let range = format!("\r\ncontent-range: bytes {start}-{}/", start + octets.len() as u64 - 1);
            if !head.contains(&range) || part[head_end..] != octets[..] {
                return Err(format!("part {:?}, expected {range:?}", part.escape_ascii().to_string()));
            }
        }
        Ok(())
    }
}

/// What stands before, between and behind the delimiters.
fn split<'b>(mut octets: &'b [u8], delimiter: &[u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = find(octets, delimiter) {
        pieces.push(&octets[..at]);
        octets = &octets[at + delimiter.len()..];
    }
    pieces.push(octets);
    pieces
}

fn find(octets: &[u8], sought: &[u8]) -> Option<usize> {
    octets.windows(sought.len()).position(|window| window == sought)
}

/// Checks every row, whole and split as in [`crate::runner::wire`]. `first`: a request to which the answer is 200; it
/// stands behind the row's too where the connection goes on. `names`: what stands for each name in braces.
pub(crate) fn check(server: &TestServer, first: &'static str, rows: &[ReplyRow], names: &[(&str, String)]) {
    let mut connections = Connections::new(server, first);
    let failures: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let request = fill(&row.request, names);
            let octets = request.clone() + first;
            connections
                .at_every_split(octets.as_bytes(), request.len(), |client| check_row(client, row, names))
                .err()
                .map(|why| format!("{} ({}): {why}", row.name, row.rule))
        })
        .collect();
    drop(connections);
    assert!(failures.is_empty(), "{} of {} rows:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn check_row(client: &mut Client, row: &ReplyRow, names: &[(&str, String)]) -> Result<After, String> {
    let read = |client: &mut Client, asked| {
        client.try_reply_to(asked).map_err(|error| format!("no whole response: {error}"))
    };
    for expected in &row.expected {
        let reply = read(client, expected.asked)?;
        expected.check(&reply, names)?;
        if expected.persistence == Persistence::Close {
            return closed(client);
        }
    }
    let behind = read(client, Asked::Get)?;
    if behind.status == 200 { Ok(After::Open) } else { Err(format!("{} behind it", behind.status)) }
}

fn fill(text: &str, names: &[(&str, String)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

impl From<ExpectedReply> for Vec<ExpectedReply> {
    fn from(reply: ExpectedReply) -> Self {
        vec![reply]
    }
}

#[test]
fn parts_of_a_multipart_body_are_told_from_each_other() {
    let part = |first: u64, octets: &str| {
        let last = first + octets.len() as u64 - 1;
        format!(
            "\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes {first}-{last}/10\r\n\r\n{octets}"
        )
    };
    let of_body = |body: &str| Reply {
        status: 206,
        fields: vec![("content-type".to_owned(), "multipart/byteranges; boundary=b".to_owned())],
        body: body.as_bytes().to_vec(),
    };
    let whole = part(0, "01")[2..].to_owned() + &part(5, "5\r\n") + "\r\n--b--\r\n";
    let expected = |parts: &[(u64, &[u8])]| reply(206).parts(parts).check_parts(&of_body(&whole));
    assert_eq!(expected(&[(0, b"01"), (5, b"5\r\n")]), Ok(()));
    for wrong in [&[(0, &b"01"[..])][..], &[(0, b"01"), (5, b"5\n")], &[(0, b"01"), (6, b"5\r\n")]] {
        assert!(expected(wrong).is_err(), "{wrong:?}");
    }
    let two = reply(206).parts(&[(0, b"01"), (5, b"5\r\n")]);
    for broken in [whole.trim_end_matches("--\r\n"), &whole[1..], &format!("{whole}more")] {
        assert!(two.check_parts(&of_body(broken)).is_err(), "{broken:?}");
    }
}
