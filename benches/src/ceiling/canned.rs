//! The canned answer. In: its status, the file's size and a shape. Out: copies one behind the other, so that a batch of
//! requests is one slice to send. Its fields are those that this server sends, of the same length.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;

use crate::content::{RANGE, content};

/// A batch's copies lie one behind the other up to this many bytes; at least one copy is there.
const COPIES_BYTES_MAX: usize = 1024 * 1024;
/// The body of a 404 answer.
const NOT_FOUND: &[u8] = b"404 Not Found\n";

/// What the answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// The whole file
    #[value(name = "200")]
    Ok,
    /// Octets 100 to 250 of the file
    #[value(name = "206")]
    PartialContent,
    /// The file is as the client has it
    #[value(name = "304")]
    NotModified,
    /// There is no such file
    #[value(name = "404")]
    NotFound,
}

impl Status {
    /// The answer's body, for a file of this size.
    fn body(self, file_bytes: usize) -> Vec<u8> {
        match self {
            Self::Ok => content(file_bytes),
            Self::PartialContent => content(file_bytes)[RANGE].to_vec(),
            Self::NotModified => Vec::new(),
            Self::NotFound => NOT_FOUND.to_vec(),
        }
    }
}

/// What is made of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    connection: &'static str,
    copies_max: usize,
    body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Included,
    Left,
}

pub(super) const KEEP_ALIVE: Shape = Shape { connection: "", copies_max: 1, body: Body::Included };
pub(super) const PIPELINED: Shape = Shape { connection: "", copies_max: 64, body: Body::Included };
pub(super) const CLOSE: Shape =
    Shape { connection: "connection: close\r\n", copies_max: 1, body: Body::Included };
pub(super) const HEAD_ONLY: Shape = Shape { connection: "", copies_max: 1, body: Body::Left };

/// One answer, some copies long. Never freed: the kernel reads it whenever it likes.
#[derive(Debug)]
pub(super) struct Canned {
    copies: &'static [u8],
    one_bytes: usize,
    /// Bytes of the body alone.
    pub(super) body_bytes: usize,
}

impl Canned {
    /// The answer `status` about a file of `file_bytes`, which is beyond `RANGE` where a part of it is the answer.
    pub(super) fn new(status: Status, file_bytes: usize, shape: Shape) -> Self {
        let body = status.body(file_bytes);
        let mut one = head(status, body.len(), file_bytes, shape.connection).into_bytes();
        if shape.body == Body::Included {
            one.extend_from_slice(&body);
        }
        let copies = shape.copies_max.min(COPIES_BYTES_MAX / one.len()).max(1);
        Self { copies: Vec::leak(one.repeat(copies)), one_bytes: one.len(), body_bytes: body.len() }
    }

    /// Answers to at most `requests` requests as one slice, and to how many.
    pub(super) fn answers(&self, requests: usize) -> (&'static [u8], usize) {
        let answered = requests.min(self.copies.len() / self.one_bytes);
        (&self.copies[..answered * self.one_bytes], answered)
    }
}

/// The fields that this server sends with a file that it finds, or does not.
fn head(status: Status, body_bytes: usize, file_bytes: usize, connection: &str) -> String {
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    let date = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    let body = format!("content-type: text/plain; charset=utf-8\r\ncontent-length: {body_bytes}\r\n");
    let version = format!(
        "last-modified: Thu, 01 Jan 1970 00:00:00 GMT\r\netag: \"{second:08x}.{:08x}-{file_bytes:x}\"\r\n",
        second.reverse_bits() as u32
    );
    let (first, last) = (RANGE.start(), RANGE.end());
    let common = "server: selvedge\r\nx-content-type-options: nosniff\r\n";
    let fields = match status {
        Status::Ok => format!("200 OK\r\n{date}{body}{version}accept-ranges: bytes\r\n{common}"),
        Status::PartialContent => format!(
            "206 Partial Content\r\n{date}{body}{version}content-range: bytes {first}-{last}/{file_bytes}\r\n{common}"
        ),
        Status::NotModified => format!("304 Not Modified\r\n{date}{version}{common}"),
        Status::NotFound => format!("404 Not Found\r\n{date}{body}{common}"),
    };
    let caching = if status == Status::NotFound { "" } else { "cache-control: no-cache\r\n" };
    format!("HTTP/1.1 {fields}{caching}{connection}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Reply;

    #[test]
    fn a_batch_is_that_many_answers() {
        let canned = Canned::new(Status::Ok, 151, PIPELINED);
        let (one, answered) = canned.answers(1);
        assert_eq!(answered, 1);
        let (three, answered) = canned.answers(3);
        assert_eq!((answered, three), (3, &*one.repeat(3)));
        assert_eq!(canned.answers(1000).1, 64);
    }

    #[test]
    fn a_large_answer_has_fewer_copies_but_one() {
        assert_eq!(Canned::new(Status::Ok, 2 << 20, PIPELINED).answers(16).1, 1);
    }

    #[test]
    fn each_status_has_its_body_and_the_size_of_this_servers_answer() {
        let part = content(16 * 1024)[100..=250].to_vec();
        // Octets that this server sends, when asked for a file of 16 KiB.
        for (status, code, body, octets) in [
            (Status::Ok, 200, content(16 * 1024), 16 * 1024 + 296),
            (Status::PartialContent, 206, part, 151 + 321),
            (Status::NotModified, 304, Vec::new(), 220),
            (Status::NotFound, 404, b"404 Not Found\n".to_vec(), 14 + 175),
        ] {
            let canned = Canned::new(status, 16 * 1024, KEEP_ALIVE);
            let (mut answer, _) = canned.answers(1);
            assert_eq!(answer.len(), octets, "{status:?}");
            let reply = Reply::read(&mut answer, false, 1 << 20).expect("a reply").expect("one");
            assert_eq!(reply.status, code);
            assert_eq!(reply.body, body, "{status:?}");
            assert!(answer.is_empty());
        }
    }
}
