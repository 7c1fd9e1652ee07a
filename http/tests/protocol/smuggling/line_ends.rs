//! Ends of lines and of heads: CRLF, and one empty line before a request.

use selvedge_http::h1::{Reject, TargetForm};

use crate::runner::row::{Expected, GET, GET_1_0, Row, Told, post_length, row};
use crate::runner::{engine, wire};

const BARE_LF: &str = "RFC 9112 section 2.2: Although the line terminator for the start-line and fields is \
    the sequence CRLF, a recipient MAY recognize a single LF as a line terminator and ignore any preceding \
    CR.";
const BARE_CR: &str = "RFC 9112 section 2.2: A recipient of such a bare CR MUST consider that element to be \
    invalid or replace each bare CR with SP before processing the element or forwarding the message.";
const EMPTY_LINE: &str = "RFC 9112 section 2.2: In the interest of robustness, a server that is expecting \
    to receive and parse a request-line SHOULD ignore at least one empty line (CRLF) received prior to the \
    request-line.";
const HEAD: &str = "RFC 9112 section 2.1: HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ \
    message-body ]";
const NOT_HTTP: &str = "RFC 9112 section 2.2: receives a sequence of octets that does not match the \
    HTTP-message grammar aside from the robustness exceptions listed above, the server SHOULD respond with \
    a 400 (Bad Request) response and close the connection.";

pub(crate) fn rows() -> Vec<Row> {
    let (line_feed, carriage_return, not_http, request_line) = (
        Expected::Refused(400, Reject::BareLineFeed),
        Expected::Refused(400, Reject::BareCarriageReturn),
        Expected::Refused(400, Reject::NotHttp),
        Expected::Refused(400, Reject::RequestLine),
    );
    vec![
        row("CRLF everywhere", HEAD, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", GET),
        row("no field lines", HEAD, "GET / HTTP/1.0\r\n\r\n", GET_1_0),
        row("LF everywhere", BARE_LF, "GET / HTTP/1.1\nHost: a\n\n", line_feed),
        row("LF behind the request line", BARE_LF, "GET / HTTP/1.1\nHost: a\r\n\r\n", line_feed),
        row("LF behind a field line", BARE_LF, "GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n", line_feed),
        row("LF behind the last field line", BARE_LF, "GET / HTTP/1.1\r\nHost: a\n\r\n", line_feed),
        row("LF for the empty line", BARE_LF, "GET / HTTP/1.1\r\nHost: a\r\n\n", line_feed),
        row("LF twice behind a field line", BARE_LF, "GET / HTTP/1.1\r\nHost: a\n\n", line_feed),
        row("LF first", BARE_LF, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", line_feed),
        row("LF within the method", BARE_LF, "GE\nT / HTTP/1.1\r\nHost: a\r\n\r\n", line_feed),
        row("LF within the target", BARE_LF, "GET /a\nb HTTP/1.1\r\nHost: a\r\n\r\n", line_feed),
        row("LF within a name", BARE_LF, "GET / HTTP/1.1\r\nHo\nst: a\r\n\r\n", line_feed),
        row("LF for a field's value", BARE_LF, "GET / HTTP/1.1\r\nHost: a\r\nA:\nb\r\n\r\n", line_feed),
        row(
            "a request behind an LF in a value",
            BARE_LF,
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\n\nGET /lure HTTP/1.1\r\nHost: a\r\n\r\n",
            line_feed,
        ),
        row("LF and CR in turn", BARE_LF, "GET / HTTP/1.1\n\rHost: a\n\r\n\r", line_feed),
        row("CR everywhere", BARE_CR, "GET / HTTP/1.1\rHost: a\r\r", carriage_return),
        row("CR behind the request line", BARE_CR, "GET / HTTP/1.1\rHost: a\r\n\r\n", carriage_return),
        row("CR behind a field line", BARE_CR, "GET / HTTP/1.1\r\nHost: a\rA: b\r\n\r\n", carriage_return),
        row("CR twice before LF", BARE_CR, "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", carriage_return),
        row(
            "CR twice before LF of a field line",
            BARE_CR,
            "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
            carriage_return,
        ),
        row(
            "CR twice before LF of the empty line",
            BARE_CR,
            "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
            carriage_return,
        ),
        row("CR for the empty line", BARE_CR, "GET / HTTP/1.1\r\nHost: a\r\n\rX", carriage_return),
        row("CR within the method", BARE_CR, "GE\rT / HTTP/1.1\r\nHost: a\r\n\r\n", carriage_return),
        row("CR for a space", BARE_CR, "GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n", carriage_return),
        row("CR within the target", BARE_CR, "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", carriage_return),
        row("CR within the version", BARE_CR, "GET / HTTP/1\r.1\r\nHost: a\r\n\r\n", carriage_return),
        row("CR within a name", BARE_CR, "GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n", carriage_return),
        row("CR before a colon", BARE_CR, "GET / HTTP/1.1\r\nHost\r: a\r\n\r\n", carriage_return),
        row("CR behind a colon", BARE_CR, "GET / HTTP/1.1\r\nHost:\ra\r\n\r\n", carriage_return),
        row("CR within a value", BARE_CR, "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", carriage_return),
        row("CR at a value's end", BARE_CR, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r \r\n\r\n", carriage_return),
        row("CR first", BARE_CR, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", carriage_return),
        row("one empty line first", EMPTY_LINE, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", GET),
        row("one empty line first of 1.0", EMPTY_LINE, "\r\nGET / HTTP/1.0\r\n\r\n", GET_1_0),
        row("two empty lines first", EMPTY_LINE, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", not_http),
        row("three empty lines first", EMPTY_LINE, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", not_http),
        row(
            "an empty line and an LF first",
            EMPTY_LINE,
            "\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            line_feed,
        ),
        row("an LF for the empty line first", EMPTY_LINE, "\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", line_feed),
        row(
            "an empty line and a space first",
            EMPTY_LINE,
            "\r\n GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            not_http,
        ),
        row("a line of a space first", EMPTY_LINE, " \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", not_http),
        row(
            "one empty line between requests",
            EMPTY_LINE,
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            [GET.into(), GET.into()],
        ),
        row(
            "two empty lines between requests",
            EMPTY_LINE,
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            [GET.into(), not_http],
        ),
        row(
            "an empty line behind a body",
            EMPTY_LINE,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            [post_length(b"x").into(), GET.into()],
        ),
        row(
            "two empty lines behind a body",
            EMPTY_LINE,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\
             \r\n",
            [post_length(b"x").into(), not_http],
        ),
        row("a space first", NOT_HTTP, " GET / HTTP/1.1\r\nHost: a\r\n\r\n", not_http),
        row("HTAB first", NOT_HTTP, "\tGET / HTTP/1.1\r\nHost: a\r\n\r\n", not_http),
        row("NUL first", NOT_HTTP, "\0GET / HTTP/1.1\r\nHost: a\r\n\r\n", not_http),
        row("a byte order mark first", NOT_HTTP, "\u{feff}GET / HTTP/1.1\r\nHost: a\r\n\r\n", not_http),
        row(
            "a ClientHello",
            NOT_HTTP,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01\x02\x03\x04\x05",
            not_http,
        ),
        row("a response", NOT_HTTP, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", request_line),
        row("an empty head", NOT_HTTP, "\r\n\r\n", not_http),
        row("a word", NOT_HTTP, "HELP\r\n\r\n", request_line),
        row("a banner of SSH", NOT_HTTP, "SSH-2.0-OpenSSH_9.6\r\n\r\n", request_line),
        row("nothing", HEAD, "", []),
        row("an empty line and nothing more", EMPTY_LINE, "\r\n", Expected::Incomplete),
        row("half a method", HEAD, "GE", Expected::Incomplete),
        row("half a request line", HEAD, "GET / HT", Expected::Incomplete),
        row("a request line", HEAD, "GET / HTTP/1.1\r\n", Expected::Incomplete),
        row("half a field line", HEAD, "GET / HTTP/1.1\r\nHost: a", Expected::Incomplete),
        row("half the end", HEAD, "GET / HTTP/1.1\r\nHost: a\r\n\r", Expected::Incomplete),
        row(
            "half a head behind a whole one",
            HEAD,
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHo",
            [
                Told { method: "OPTIONS", form: TargetForm::Asterisk, path: "*", answer: 204, ..GET }.into(),
                Expected::Incomplete,
            ],
        ),
    ]
}

#[test]
fn rows_without_a_socket() {
    engine::check(&rows());
}

#[test]
fn rows_over_a_socket() {
    wire::check(&rows());
}
