//! Expect: no 100 is ever sent, since no application reads bodies; another expectation is refused.

use selvedge_http::h1::{BodyFraming, Expect, Persistence, Reject, Version};

use crate::runner::row::{Body, Expected, GET, GET_1_0, POST, Row, Told, post_chunked, row};
use crate::runner::{engine, wire};

const CONTINUE: &str = "RFC 9110 section 10.1.1: an origin server MUST send either: an immediate response \
    with a final status code, if that status can be determined by examining just the method, target URI, \
    and header fields, or an immediate 100 (Continue) response to encourage the client to send the request \
    content.";
const NO_BODY: &str = "RFC 9110 section 10.1.1: A server MAY omit sending a 100 (Continue) response if it \
    has already received some or all of the content for the corresponding request, or if the framing \
    indicates that there is no content.";
const FINAL: &str = "RFC 9110 section 10.1.1: A server that responds with a final status code before \
    reading the entire request content SHOULD indicate whether it intends to close the connection";
const OTHER: &str = "RFC 9110 section 10.1.1: A server that receives an Expect field value containing a \
    member other than 100-continue MAY respond with a 417 (Expectation Failed) status code to indicate that \
    the unexpected expectation cannot be met.";
const CASE: &str = "RFC 9110 section 10.1.1: The Expect field value is case-insensitive.";
const ONE_ZERO: &str = "RFC 9110 section 10.1.1: A server that receives a 100-continue expectation in an \
    HTTP/1.0 request MUST ignore that expectation.";

pub(crate) fn rows() -> Vec<Row> {
    let post = |lines: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let get = |lines: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let left = Told { expect: Expect::Continue, framing: BodyFraming::Length(5), body: Body::Left, ..POST };
    let no_body = Told { expect: Expect::Continue, ..GET };
    let refused = Expected::Refused(417, Reject::ExpectationUnsupported);
    let mut rows = vec![
        row("a body of a length", FINAL, post("Content-Length: 5\r\nExpect: 100-continue\r\n"), left),
        row(
            "a body that is sent at once",
            FINAL,
            post("Content-Length: 5\r\nExpect: 100-continue\r\n") + "12345",
            left,
        ),
        row(
            "a body in chunks",
            CONTINUE,
            post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"),
            Told { expect: Expect::Continue, ..post_chunked(Body::Left) },
        ),
        row(
            "a later 1.x",
            CONTINUE,
            "POST / HTTP/1.3\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
            Told { version: Version::Http11, ..left },
        ),
        row(
            "a client that closes",
            CONTINUE,
            post("Connection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"),
            Told { persistence: Persistence::Close, ..left },
        ),
        row("in capitals", CASE, post("Content-Length: 5\r\nExpect: 100-CONTINUE\r\n"), left),
        row("no body", NO_BODY, get("Expect: 100-continue\r\n"), no_body),
        row(
            "a length of 0",
            NO_BODY,
            post("Content-Length: 0\r\nExpect: 100-Continue\r\n"),
            Told { method: "POST", ..no_body },
        ),
        row("a field like it", OTHER, get("Expects: x\r\nX-Expect: y\r\n"), GET),
        row(
            "two lines",
            OTHER,
            post("Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n"),
            refused,
        ),
        row(
            "two lines, one unknown",
            OTHER,
            post("Content-Length: 5\r\nExpect: 100-continue\r\nExpect: x\r\n"),
            refused,
        ),
        row("unknown, with no body", OTHER, get("Expect: x\r\n"), refused),
        row(
            "unknown, and a body behind it",
            OTHER,
            post("Content-Length: 5\r\nExpect: x\r\n") + "12345",
            refused,
        ),
        row("unknown in 1.0", OTHER, "GET / HTTP/1.0\r\nExpect: x\r\n\r\n", refused),
        row("1.0", ONE_ZERO, "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", GET_1_0),
        row(
            "1.0 with a body",
            ONE_ZERO,
            "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n12345",
            Told { method: "POST", framing: BodyFraming::Length(5), body: Body::Read(b"12345"), ..GET_1_0 },
        ),
        row(
            "a body that is too large",
            "RFC 9110 section 10.1.1: an immediate response with a final status code",
            post("Content-Length: 99999999\r\nExpect: 100-continue\r\n"),
            Expected::Refused(413, Reject::BodyTooLarge),
        ),
    ];
    for value in [
        "",
        "100",
        "100 continue",
        "100-continue, x",
        "100-continue;q=1",
        "100-continued",
        "x100-continue",
        "200-ok",
        "101-switching",
        "continue",
        "\"100-continue\"",
        "100-continue=x",
        "102-processing",
    ] {
        rows.push(row(
            format!("<{value}>"),
            OTHER,
            post(&format!("Content-Length: 5\r\nExpect: {value}\r\n")),
            refused,
        ));
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
