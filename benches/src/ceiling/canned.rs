//! The canned answer, repeated so that a batch of requests is one slice to send.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::content::content;

/// A batch's copies lie one behind the other up to this many bytes; at least one copy is there.
const COPIES_BYTES_MAX: usize = 1024 * 1024;

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
    Shape { connection: "Connection: close\r\n", copies_max: 1, body: Body::Included };
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
    pub(super) fn new(body_bytes: usize, shape: Shape) -> Self {
        let mut one = head(body_bytes, shape.connection).into_bytes();
        if shape.body == Body::Included {
            one.extend_from_slice(&content(body_bytes));
        }
        let copies = shape.copies_max.min(COPIES_BYTES_MAX / one.len()).max(1);
        Self { copies: Vec::leak(one.repeat(copies)), one_bytes: one.len(), body_bytes }
    }

    /// Answers to at most `requests` requests as one slice, and to how many.
    pub(super) fn answers(&self, requests: usize) -> (&'static [u8], usize) {
        let answered = requests.min(self.copies.len() / self.one_bytes);
        (&self.copies[..answered * self.one_bytes], answered)
    }
}

/// A head of the fields a static file server sends, some 230 bytes.
fn head(body_bytes: usize, connection: &str) -> String {
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    format!(
        "HTTP/1.1 200 OK\r\n\
         Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {body_bytes}\r\n\
         Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         ETag: \"{second:016x}-{body_bytes:x}\"\r\n\
         Accept-Ranges: bytes\r\n\
         {connection}\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_that_many_answers() {
        let canned = Canned::new(151, PIPELINED);
        let (one, answered) = canned.answers(1);
        assert_eq!(answered, 1);
        let (three, answered) = canned.answers(3);
        assert_eq!((answered, three), (3, &*one.repeat(3)));
        assert_eq!(canned.answers(1000).1, 64);
    }

    #[test]
    fn a_large_answer_has_fewer_copies_but_one() {
        assert_eq!(Canned::new(2 << 20, PIPELINED).answers(16).1, 1);
    }

    #[test]
    fn the_head_is_as_long_as_a_file_servers() {
        assert!((200..260).contains(&head(151, "").len()));
    }
}
