//! The version of a request.

use selvedge_http::h1::{BodyFraming, Persistence, Reject};

use crate::runner::row::{Body, Expected, GET, GET_1_0, Row, Told, row};
use crate::runner::{engine, wire};

const SYNTAX: &str = "RFC 9112 section 2.3: HTTP-version = HTTP-name \"/\" DIGIT \".\" DIGIT";
const MINOR: &str = "RFC 9110 section 6.2: A recipient that receives a message with a major version number \
    that it implements and a minor version number higher than what it implements SHOULD process the message \
    as if it were in the highest minor version within that major version to which the recipient is \
    conformant.";
const MAJOR: &str = "RFC 9110 section 15.6.6: The 505 (HTTP Version Not Supported) status code indicates \
    that the server does not support, or refuses to support, the major version of HTTP that was used in the \
    request message.";
const ONE_ZERO_EXPECT: &str = "RFC 9110 section 10.1.1: A server that receives a 100-continue expectation \
    in an HTTP/1.0 request MUST ignore that expectation.";
const ONE_ZERO_UPGRADE: &str = "RFC 9110 section 7.8: A server that receives an Upgrade header field in an \
    HTTP/1.0 request MUST ignore that Upgrade field.";

pub(crate) fn rows() -> Vec<Row> {
    let get = |version: &str| format!("GET / {version}\r\nHost: a\r\n\r\n");
    let (malformed, unsupported) =
        (Expected::Refused(400, Reject::RequestLine), Expected::Refused(505, Reject::VersionUnsupported));
    let one_zero = Told { authority: Some("a"), ..GET_1_0 };
    let kept = Told { persistence: Persistence::Reuse, ..one_zero };
    let mut rows = vec![
        row("1.1", SYNTAX, get("HTTP/1.1"), GET),
        row("1.0", SYNTAX, get("HTTP/1.0"), one_zero),
        row("the preface of HTTP/2", MAJOR, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", unsupported),
        row(
            "the preface of HTTP/2 and a frame",
            MAJOR,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            unsupported,
        ),
        row("no version", SYNTAX, "GET /\r\nHost: a\r\n\r\n", malformed),
        row(
            "no version and the end",
            "RFC 9112 section 2.3: HTTP-name = %s\"HTTP\"",
            "GET /\r\n\r\n",
            malformed,
        ),
        row("a space and no version", SYNTAX, get(""), malformed),
        row("two spaces before it", SYNTAX, get(" HTTP/1.1"), malformed),
        row(
            "HTAB before it",
            SYNTAX,
            "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        ),
        row(
            "Expect is ignored in 1.0",
            ONE_ZERO_EXPECT,
            "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\
             Content-Length: 2\r\n\r\nxy",
            Told { method: "POST", framing: BodyFraming::Length(2), body: Body::Read(b"xy"), ..kept },
        ),
        row(
            "Expect is ignored in 1.0 without a body",
            ONE_ZERO_EXPECT,
            "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
            kept,
        ),
        row(
            "Upgrade is ignored in 1.0",
            ONE_ZERO_UPGRADE,
            "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\n\r\n",
            kept,
        ),
        row(
            "Transfer-Encoding is faulty in 1.0",
            "RFC 9112 section 6.1: A server or client that receives an HTTP/1.0 message containing a \
             Transfer-Encoding header field MUST treat the message as if the framing is faulty, even if a \
             Content-Length is present, and close the connection after processing the message.",
            "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\
             \r\n",
            Expected::Refused(400, Reject::TransferEncodingInHttp10),
        ),
    ];
    for minor in 2..=9 {
        let version = format!("HTTP/1.{minor}");
        rows.push(row(version.clone(), MINOR, get(&version), GET));
    }
    for version in ["HTTP/0.0", "HTTP/0.9", "HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9"] {
        rows.push(row(version, MAJOR, get(version), unsupported));
    }
    for version in [
        "HTTP/1",
        "HTTP/1.",
        "HTTP/.1",
        "HTTP/",
        "HTTP",
        "H",
        "HTTP/11",
        "HTTP/1.10",
        "HTTP/10.1",
        "HTTP/01.1",
        "HTTP/1.01",
        "HTTP/1,1",
        "HTTP/1.1.",
        "HTTP/1.1x",
        "HTTP/1.x",
        "HTTP/x.1",
        "HTTP/+1.1",
        "HTTP/-1.1",
        "HTTP/1.-1",
        "HTTP/ 1.1",
        "HTTP/1 .1",
        "HTTP/1. 1",
        "HTTP /1.1",
        "http/1.1",
        "Http/1.1",
        "HTTPS/1.1",
        "HTTP\\1.1",
        "HTTP-1.1",
        "HTTP1.1",
        "ICE/1.0",
        "RTSP/1.0",
        "SIP/2.0",
        "HTTP/1.1 ",
        "HTTP/1.1\t",
        "HTTP/1.1 HTTP/1.1",
        "HTTP/2",
        "HTTP/\u{661}.1",
        "\"HTTP/1.1\"",
    ] {
        rows.push(row(version, SYNTAX, get(version), malformed));
    }
    rows
}

#[test]
fn rows_without_a_socket() {
    engine::check(&rows());
}

#[test]
fn rows_over_a_socket() {
    wire::check(&rows());
}
