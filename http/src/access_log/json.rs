//! Lines that are JSON objects (RFC 8259), valid UTF-8 whatever a client sends.

use super::escape::push_json;
use super::time::LogTime;
use super::{Exchange, FIELD_BYTES_MAX, NAME_BYTES_MAX, TARGET_BYTES_MAX, push_address, push_number};
use crate::h1::KnownField;
use crate::record::{CloseReason, ExchangeEnd};

pub(super) fn object(line: &mut Vec<u8>, exchange: &Exchange<'_>, time: &LogTime) {
    line.extend_from_slice(b"{\"time\":\"");
    time.push_rfc3339(line);
    line.extend_from_slice(b"\",\"address\":");
    match exchange.address {
        Some(address) => {
            line.push(b'"');
            push_address(line, address);
            line.push(b'"');
        }
        None => line.extend_from_slice(b"null"),
    }
    // A parsed request line is `method SP target SP version`, with no other space in it.
    let mut words = exchange.request_line().unwrap_or_default().splitn(3, |&byte| byte == b' ');
    let mut word = || words.next().filter(|word| !word.is_empty());
    member(line, b",\"method\":", word(), NAME_BYTES_MAX);
    member(line, b",\"target\":", word(), TARGET_BYTES_MAX);
    member(line, b",\"version\":", word(), NAME_BYTES_MAX);
    line.extend_from_slice(b",\"status\":");
    match exchange.record.status {
        Some(status) => push_number(line, status.as_u16()),
        None => line.extend_from_slice(b"null"),
    }
    line.extend_from_slice(b",\"bytes\":");
    push_number(line, exchange.body_bytes());
    line.extend_from_slice(b",\"duration_us\":");
    let duration = exchange.record.answered_at.since(exchange.record.received_at);
    push_number(line, duration.as_micros() as u64);
    let host = exchange.request.and_then(|request| request.authority());
    member(line, b",\"host\":", host, FIELD_BYTES_MAX);
    member(line, b",\"referer\":", exchange.field(KnownField::Referer), FIELD_BYTES_MAX);
    member(line, b",\"user_agent\":", exchange.field(KnownField::UserAgent), FIELD_BYTES_MAX);
    if exchange.user.is_some() {
        member(line, b",\"user\":", exchange.user, NAME_BYTES_MAX);
    }
    if let ExchangeEnd::Closed(reason) = exchange.record.end {
        member(line, b",\"close\":", Some(reason.name().as_bytes()), NAME_BYTES_MAX);
        if let CloseReason::Rejected(reject) = reason {
            member(line, b",\"reason\":", Some(reject.reason().as_bytes()), NAME_BYTES_MAX);
        }
    }
    line.extend_from_slice(b"}\n");
}

fn member(line: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>, bytes_max: usize) {
    line.extend_from_slice(name);
    match value {
        Some(value) => {
            line.push(b'"');
            push_json(line, value, bytes_max);
            line.push(b'"');
        }
        None => line.extend_from_slice(b"null"),
    }
}
