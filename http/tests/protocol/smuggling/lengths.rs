//! Content-Length: one, of digits, and nothing beside it.

use selvedge_http::h1::{BodyFraming, Reject, Version};

use crate::runner::row::{Body, Expected, GET, GET_1_0, POST, Row, Told, post_length, row};
use crate::runner::{engine, wire};

const BOTH: &str = "RFC 9112 section 6.1: A server MAY reject a request that contains both Content-Length \
    and Transfer-Encoding or process such a request in accordance with the Transfer-Encoding alone. \
    Regardless, the server MUST close the connection after responding to such a request to avoid the \
    potential attacks.";
const INVALID: &str = "RFC 9112 section 6.3: If the unrecoverable error is in a request message, the server \
    MUST respond with a 400 (Bad Request) status code and then close the connection.";
const REPEATED: &str = "RFC 9110 section 8.6: a recipient of a Content-Length header field value consisting \
    of the same decimal value repeated as a comma-separated list (e.g, \"Content-Length: 42, 42\") MAY \
    either reject the message as invalid or replace that invalid field value with a single instance of the \
    decimal value";
const SYNTAX: &str = "RFC 9110 section 8.6: Content-Length = 1*DIGIT";
const OVERFLOW: &str = "RFC 9110 section 8.6: a recipient MUST anticipate potentially large decimal \
    numerals and prevent parsing errors due to integer conversion overflows or precision loss due to \
    integer conversion";
const LENGTH: &str = "RFC 9112 section 6.3: If a valid Content-Length header field is present without \
    Transfer-Encoding, its decimal value defines the expected message body length in octets.";
const NONE: &str = "RFC 9112 section 6.3: If this is a request message and none of the above are true, then \
    the message body length is zero (no message body is present).";

/// A body that would be another request, were the length read otherwise.
const LURE: &str = "GET /lure HTTP/1.1\r\nHost: lure\r\n\r\n";

pub(crate) fn rows() -> Vec<Row> {
    let post = |lines: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}");
    let (invalid, repeated, both) = (
        Expected::Refused(400, Reject::ContentLengthInvalid),
        Expected::Refused(400, Reject::ContentLengthRepeated),
        Expected::Refused(400, Reject::ContentLengthWithTransferEncoding),
    );
    let mut rows = vec![
        row("none", NONE, post("", ""), POST),
        row("none, and a request behind it", NONE, post("", LURE), [POST.into(), lure()]),
        row("0", LENGTH, post("Content-Length: 0\r\n", ""), POST),
        row("0 of several digits", SYNTAX, post("Content-Length: 0000\r\n", ""), POST),
        row("5", LENGTH, post("Content-Length: 5\r\n", "12345"), post_length(b"12345")),
        row("leading zeros", SYNTAX, post("Content-Length: 005\r\n", "12345"), post_length(b"12345")),
        row(
            "many leading zeros",
            SYNTAX,
            post(&format!("Content-Length: {}5\r\n", "0".repeat(40)), "12345"),
            post_length(b"12345"),
        ),
        row("name in any case", LENGTH, post("cONTENT-lENGTH: 5\r\n", "12345"), post_length(b"12345")),
        row(
            "whitespace around it",
            SYNTAX,
            post("Content-Length:\t 5 \t\r\n", "12345"),
            post_length(b"12345"),
        ),
        row(
            "a request as a body",
            LENGTH,
            post("Content-Length: 34\r\n", LURE),
            post_length(LURE.as_bytes()),
        ),
        row(
            "line ends as a body",
            LENGTH,
            post("Content-Length: 8\r\n", "\r\n\r\n\r\n\r\n"),
            post_length(b"\r\n\r\n\r\n\r\n"),
        ),
        row(
            "a body cut short",
            LENGTH,
            post("Content-Length: 6\r\n", "12345"),
            Told { framing: BodyFraming::Length(6), body: Body::CutShort, ..POST },
        ),
        row(
            "a body of 1.0",
            LENGTH,
            "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n12345",
            Told { method: "POST", framing: BodyFraming::Length(5), body: Body::Read(b"12345"), ..GET_1_0 },
        ),
        row(
            "a body of GET",
            "RFC 9110 section 9.3.1: content received in a GET request has no generally defined semantics, \
             cannot alter the meaning or target of the request",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
            Told { method: "GET", ..post_length(b"12345") },
        ),
        row(
            "a body of a later 1.x",
            LENGTH,
            "POST / HTTP/1.7\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
            Told { version: Version::Http11, ..post_length(b"12345") },
        ),
        row("two, equal", REPEATED, post("Content-Length: 5\r\nContent-Length: 5\r\n", "12345"), repeated),
        row("two, different", INVALID, post("Content-Length: 5\r\nContent-Length: 34\r\n", LURE), repeated),
        row("two, one of 0", INVALID, post("Content-Length: 0\r\nContent-Length: 34\r\n", LURE), repeated),
        row("two of 0", REPEATED, post("Content-Length: 0\r\nContent-Length: 0\r\n", ""), repeated),
        row("two, one empty", INVALID, post("Content-Length:\r\nContent-Length: 5\r\n", "12345"), repeated),
        row(
            "two, one invalid",
            INVALID,
            post("Content-Length: 5\r\nContent-Length: x\r\n", "12345"),
            repeated,
        ),
        row(
            "two, the names in different case",
            REPEATED,
            post("Content-Length: 5\r\ncontent-length: 5\r\n", "12345"),
            repeated,
        ),
        row(
            "two, far from each other",
            REPEATED,
            post("Content-Length: 5\r\nA: b\r\nC: d\r\nContent-Length: 5\r\n", "12345"),
            repeated,
        ),
        row(
            "two of a GET",
            REPEATED,
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 34\r\n\r\n".to_owned() + LURE,
            repeated,
        ),
        row(
            "two of 1.0",
            REPEATED,
            "POST / HTTP/1.0\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
            repeated,
        ),
        row("list of equal ones", REPEATED, post("Content-Length: 5, 5\r\n", "12345"), invalid),
        row("list of different ones", INVALID, post("Content-Length: 5,6\r\n", "12345"), invalid),
        row(
            "with Transfer-Encoding",
            BOTH,
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            both,
        ),
        row(
            "with Transfer-Encoding before it",
            BOTH,
            post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
            both,
        ),
        row(
            "0 with Transfer-Encoding",
            BOTH,
            post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            both,
        ),
        row(
            "invalid with Transfer-Encoding",
            BOTH,
            post("Content-Length: x\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            both,
        ),
        row(
            "two with Transfer-Encoding",
            BOTH,
            post("Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            both,
        ),
        row(
            "with a Transfer-Encoding that is not chunked",
            BOTH,
            post("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "12345"),
            both,
        ),
        row(
            "with an empty Transfer-Encoding",
            BOTH,
            post("Content-Length: 5\r\nTransfer-Encoding:\r\n", "12345"),
            both,
        ),
        row(
            "with a lure behind chunks",
            BOTH,
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{LURE}")),
            both,
        ),
        row(
            "with a field that is like Transfer-Encoding",
            LENGTH,
            post(
                "Content-Length: 5\r\nTransfer_Encoding: chunked\r\nX-Transfer-Encoding: chunked\r\n",
                "12345",
            ),
            post_length(b"12345"),
        ),
        row(
            "a field that is like it",
            NONE,
            post("Content_Length: 5\r\nContent-Length2: 5\r\nContentLength: 5\r\nXContent-Length: 5\r\n", ""),
            POST,
        ),
    ];
    for value in [
        "", "+5", "-5", "-0", "5 5", "5\t5", "5 ,", ",5", "5,", "5;", "0x5", "0b1", "5.0", "5e0", "1_0",
        "5L", "five", "\"5\"", "'5'", "5a", "a5", "5 a", "5\u{661}", "\u{665}", "\u{ff15}", "٥", "5\u{a0}",
        "(5)", "5/6", "5-", "5%30", "NaN",
    ] {
        rows.push(row(
            format!("value <{value}>"),
            INVALID,
            post(&format!("Content-Length: {value}\r\n"), "12345"),
            invalid,
        ));
    }
    for value in [
        "18446744073709551616",
        "18446744073709551621",
        "36893488147419103237",
        "99999999999999999999999999999999999999999",
        "340282366920938463463374607431768211461",
    ] {
        rows.push(row(value, OVERFLOW, post(&format!("Content-Length: {value}\r\n"), "12345"), invalid));
    }
    // Those that would be -1, 0 or 5 in fewer bits are numbers all the same.
    for value in ["4294967295", "4294967296", "4294967301", "9223372036854775808", "18446744073709551615"] {
        let too_large = Expected::Refused(413, Reject::BodyTooLarge);
        rows.push(row(value, OVERFLOW, post(&format!("Content-Length: {value}\r\n"), "12345"), too_large));
    }
    rows
}

fn lure() -> Expected {
    Told { path: "/lure", authority: Some("lure"), ..GET }.into()
}

#[test]
fn rows_without_a_socket() {
    engine::check(&rows());
}

#[test]
fn rows_over_a_socket() {
    wire::check(&rows());
}
