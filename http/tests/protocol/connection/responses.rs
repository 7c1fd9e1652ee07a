//! What the engine makes of an application's answers: it owns their framing, and their connection's end.

use std::num::NonZero;

use crate::runner::reply::{ExpectedReply, ReplyRow, check, reply, reply_row};
use crate::support::app::paths;
use crate::support::{TestServer, options, patient};

const OWNED: &str = "RFC 9110 section 8.6: a server MUST NOT send Content-Length in such a response unless \
    its field value equals the decimal number of octets that would have been sent in the content of a \
    response if the same request had used the GET method.";
const CODING: &str = "RFC 9112 section 6.2: A sender MUST NOT send a Content-Length header field in any \
    message that contains a Transfer-Encoding header field.";
const SPLIT: &str = "RFC 9110 section 5.5: Field values containing CR, LF, or NUL characters are invalid \
    and dangerous";
const INTERIM: &str = "RFC 9110 section 15.2: Since HTTP/1.0 did not define any 1xx status codes, a server \
    MUST NOT send a 1xx response to an HTTP/1.0 client.";
const NO_LENGTH: &str = "RFC 9110 section 8.6: A server MUST NOT send a Content-Length header field in any \
    response with a status code of 1xx (Informational) or 204 (No Content).";
const NO_CODING: &str = "RFC 9112 section 6.1: A server MUST NOT send a Transfer-Encoding header field in \
    any response with a status code of 1xx (Informational) or 204 (No Content).";
const NO_BODY: &str = "RFC 9112 section 6.3: Any response to a HEAD request and any response with a 1xx \
    (Informational), 204 (No Content), or 304 (Not Modified) status code is always terminated by the first \
    empty line after the header fields, regardless of the header fields present in the message, and thus \
    cannot contain a message body or trailer section.";
const HEAD: &str = "RFC 9110 section 9.3.2: The HEAD method is identical to GET except that the server MUST \
    NOT send content in the response.";
const CLOSE: &str = "RFC 9112 section 9.6: A server that sends a \"close\" connection option MUST initiate \
    closure of the connection (see below) after it sends the response containing the \"close\" connection \
    option.";
const ONE_ZERO: &str = "RFC 9112 section 6.1: A server MUST NOT send a response containing \
    Transfer-Encoding unless the corresponding request indicates HTTP/1.1 (or later minor revisions).";
const DATE: &str = "RFC 9110 section 6.6.1: MUST generate a Date header field in all 2xx (Successful), 3xx \
    (Redirection), and 4xx (Client Error) responses";

const FIRST: &str = "GET /text/first HTTP/1.1\r\nHost: a\r\n\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

pub(crate) fn rows() -> Vec<ReplyRow> {
    let head = |path: &str| format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let broken =
        || reply(500).closes().body("500 Internal Server Error\n").without(&["set-cookie", "location"]);
    let text = |body: &str| reply(200).body(body).field("content-length", body.len().to_string());
    let mut rows = vec![
        reply_row("a text", OWNED, get("/text/some"), text("some")),
        reply_row("nothing", OWNED, get("/status/200"), text("")),
        reply_row("CR and LF in a field", SPLIT, get("/injected"), broken()),
        reply_row("a field of its own", OWNED, get("/own/x-mine"), reply(200).field("x-mine", "7")),
        reply_row(
            "a broken answer in a pipeline",
            CLOSE,
            get("/text/1") + &get("/own/content-length") + &get("/text/2"),
            [text("1"), broken()],
        ),
        reply_row("a broken answer to HEAD", HEAD, head("/own/content-length"), broken_head()),
        reply_row(
            "a broken answer to 1.0",
            CLOSE,
            "GET /own/content-length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            broken(),
        ),
        reply_row(
            "HEAD of a text",
            HEAD,
            head("/text/some"),
            reply(200).for_head().field("content-length", "4"),
        ),
        reply_row(
            "HEAD of an error",
            HEAD,
            head("/error/404"),
            reply(404).for_head().field("content-length", "23"),
        ),
        reply_row(
            "HEAD of nothing",
            HEAD,
            head("/status/200"),
            reply(200).for_head().field("content-length", "0"),
        ),
        reply_row(
            "HEAD of 204",
            NO_LENGTH,
            head("/status/204"),
            reply(204).for_head().without(&["content-length"]),
        ),
        reply_row(
            "HEAD, then GET",
            HEAD,
            head("/text/some") + &get("/text/some"),
            [reply(200).for_head(), text("some")],
        ),
        reply_row("1.0", ONE_ZERO, "GET /text/some HTTP/1.0\r\n\r\n", text("some").closes()),
        reply_row(
            "1.0 that stays",
            ONE_ZERO,
            "GET /text/some HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            text("some").field("connection", "keep-alive"),
        ),
        reply_row(
            "1.0 of nothing",
            ONE_ZERO,
            "GET /status/204 HTTP/1.0\r\n\r\n",
            reply(204).closes().without(&["content-length"]),
        ),
        reply_row(
            "1.0 with Expect",
            INTERIM,
            "POST /text/some HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: \
             1\r\n\r\nx",
            text("some"),
        ),
        reply_row("Date of an error", DATE, get("/error/404"), reply(404).with(&["date"])),
        reply_row(
            "a close asked for",
            CLOSE,
            "GET /text/some HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            text("some").closes(),
        ),
    ];
    for (name, rule) in [
        ("content-length", OWNED),
        ("Content-Length", OWNED),
        ("transfer-encoding", CODING),
        ("connection", CLOSE),
        ("date", DATE),
    ] {
        rows.push(reply_row(
            format!("an application's {name}"),
            rule,
            get(&format!("/own/{name}")),
            broken(),
        ));
    }
    for status in [100, 101, 102, 103, 199] {
        rows.push(reply_row(
            format!("{status} as the answer"),
            INTERIM,
            get(&format!("/status/{status}")),
            broken(),
        ));
    }
    for (status, rule) in [(204, NO_LENGTH), (304, NO_BODY)] {
        for kind in ["status", "full", "error"] {
            let expected = reply(status).without(&["content-length", "transfer-encoding"]);
            rows.push(reply_row(
                format!("{kind} {status}"),
                rule,
                get(&format!("/{kind}/{status}")),
                expected,
            ));
        }
    }
    for status in [205, 301, 404, 500, 503, 599] {
        let expected = reply(status).field("content-length", "0").body("");
        rows.push(reply_row(
            format!("nothing of {status}"),
            NO_CODING,
            get(&format!("/status/{status}")),
            expected,
        ));
    }
    rows
}

fn broken_head() -> ExpectedReply {
    reply(500).for_head().closes().field("content-length", "26")
}

/// On a server whose connections have three requests, the first of which is answered before.
pub(crate) fn rows_of_three_requests() -> Vec<ReplyRow> {
    let text = |body: &str| reply(200).body(body);
    vec![
        reply_row(
            "the second and the third",
            CLOSE,
            get("/text/2") + &get("/text/3"),
            [text("2"), text("3").closes()],
        ),
        reply_row(
            "none behind the third",
            CLOSE,
            get("/text/2") + &get("/text/3") + &get("/text/4"),
            [text("2"), text("3").closes()],
        ),
        reply_row(
            "the third of 1.0",
            CLOSE,
            get("/text/2") + "GET /text/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            [text("2"), text("3").closes()],
        ),
        reply_row(
            "the third is a HEAD",
            CLOSE,
            get("/text/2") + "HEAD /text/3 HTTP/1.1\r\nHost: a\r\n\r\n",
            [text("2"), reply(200).for_head().closes()],
        ),
        reply_row(
            "the third has a body",
            CLOSE,
            get("/text/2") + "POST /text/3 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
            [text("2"), text("3").closes()],
        ),
        reply_row(
            "the second closes",
            CLOSE,
            "GET /text/2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            text("2").closes(),
        ),
        reply_row(
            "the engine's own answers count",
            CLOSE,
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nTRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
            [reply(204), reply(501).closes()],
        ),
    ]
}

#[test]
fn rows_over_a_socket() {
    check(&TestServer::start(patient(), paths), FIRST, &rows(), &[]);
}

#[test]
fn rows_of_three_requests_over_a_socket() {
    let three = options(|options| options.requests_max = NonZero::new(3));
    check(&TestServer::start(three, paths), FIRST, &rows_of_three_requests(), &[]);
}
