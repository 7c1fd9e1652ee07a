//! The answer of subjects that read no request: what they receive at a time is taken for one head.

use crate::content::content;

/// The head of an answer with a body of so many octets.
pub(super) fn head(body_bytes: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {body_bytes}\r\n\r\n")
        .into_bytes()
}

/// An answer with so many octets of the content that every server serves.
pub(super) fn answer(body_bytes: usize) -> Vec<u8> {
    [head(body_bytes), content(body_bytes)].concat()
}
