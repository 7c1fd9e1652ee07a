//! Lines in NCSA's common form, and in the combined one that nginx and Apache write.

use super::escape::push_text;
use super::time::LogTime;
use super::{Exchange, FIELD_BYTES_MAX, NAME_BYTES_MAX, TARGET_BYTES_MAX, push_address, push_number};
use crate::h1::KnownField;

/// What stands for something that is not known.
const NONE: u8 = b'-';

pub(super) fn common(line: &mut Vec<u8>, exchange: &Exchange<'_>, time: &LogTime) {
    begin(line, exchange, time);
    line.push(b'\n');
}

pub(super) fn combined(line: &mut Vec<u8>, exchange: &Exchange<'_>, time: &LogTime) {
    begin(line, exchange, time);
    for field in [KnownField::Referer, KnownField::UserAgent] {
        line.push(b' ');
        quoted(line, exchange.field(field), FIELD_BYTES_MAX);
    }
    line.push(b'\n');
}

fn begin(line: &mut Vec<u8>, exchange: &Exchange<'_>, time: &LogTime) {
    match exchange.address {
        Some(address) => push_address(line, address),
        None => line.push(NONE),
    }
    // Nobody asks identd (RFC 1413) any more.
    line.extend_from_slice(b" - ");
    match exchange.user {
        Some(user) if !user.is_empty() => name(line, user),
        _ => line.push(NONE),
    }
    line.extend_from_slice(b" [");
    line.extend_from_slice(time.common());
    line.extend_from_slice(b"] ");
    quoted(line, exchange.request_line(), TARGET_BYTES_MAX);
    line.push(b' ');
    match exchange.record.status {
        Some(status) => push_number(line, status.as_u16()),
        None => line.push(NONE),
    }
    line.push(b' ');
    push_number(line, exchange.body_bytes());
}

fn quoted(line: &mut Vec<u8>, value: Option<&[u8]>, bytes_max: usize) {
    line.push(b'"');
    match value {
        Some(value) => push_text(line, value, bytes_max),
        None => line.push(NONE),
    }
    line.push(b'"');
}

/// A name that is one word: a space in it would move the columns behind it.
fn name(line: &mut Vec<u8>, name: &[u8]) {
    let start = line.len();
    push_text(line, name, NAME_BYTES_MAX);
    for byte in &mut line[start..] {
        if *byte == b' ' {
            *byte = b'_';
        }
    }
}
