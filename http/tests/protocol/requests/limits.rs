//! Bounds of heads and bodies, at their default values.

use selvedge_http::h1::{BodyFraming, Reject};

use crate::runner::row::{Body, Expected, GET, POST, Row, Told, row};
use crate::runner::{engine, wire};

const TARGET: &str = "RFC 9112 section 3: A server that receives a request-target longer than any URI it \
    wishes to parse MUST respond with a 414 (URI Too Long) status code";
const FIELDS: &str = "RFC 9110 section 5.4: A server that receives a request header field line, field \
    value, or set of fields larger than it wishes to process MUST respond with an appropriate 4xx (Client \
    Error) status code.";
const BODY: &str = "RFC 9110 section 15.5.14: The 413 (Content Too Large) status code indicates that the \
    server is refusing to process a request because the request content is larger than the server is \
    willing or able to process.";

const TARGET_BYTES_MAX: usize = 8 * 1_024;
const HEAD_BYTES_MAX: usize = 16 * 1_024;
const FIELDS_MAX: usize = 100;

pub(crate) fn rows() -> Vec<Row> {
    let target = |length: usize| format!("/{}", "t".repeat(length - 1));
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let told = |path: String| Told { path: path.leak(), ..GET };
    let (too_long, head_too_long, too_many, too_large) = (
        Expected::Refused(414, Reject::TargetTooLong),
        Expected::Refused(431, Reject::HeadTooLong),
        Expected::Refused(431, Reject::TooManyFields),
        Expected::Refused(413, Reject::BodyTooLarge),
    );
    let of_head_length = |length: usize| {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX-Padding: ";
        format!("{start}{}\r\n\r\n", "p".repeat(length - start.len() - 4))
    };
    let of_fields =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count - 1));
    let query = "q".repeat(TARGET_BYTES_MAX - 2);
    vec![
        row(
            "a target of 8,000 octets",
            "RFC 9112 section 3: It is RECOMMENDED that all HTTP senders and recipients support, at a \
             minimum, request-line lengths of 8000 octets.",
            get(&target(8_000)),
            told(target(8_000)),
        ),
        row("a target of 8 KiB", TARGET, get(&target(TARGET_BYTES_MAX)), told(target(TARGET_BYTES_MAX))),
        row("a target of 8 KiB and one octet", TARGET, get(&target(TARGET_BYTES_MAX + 1)), too_long),
        row(
            "a query that fills the target",
            TARGET,
            get(&format!("/?{query}")),
            Told { query: Some(query.clone().leak()), ..GET },
        ),
        row("a query one octet too long", TARGET, get(&format!("/?{query}q")), too_long),
        row(
            "an absolute-form too long",
            TARGET,
            get(&format!("http://a{}", target(TARGET_BYTES_MAX))),
            too_long,
        ),
        row("a request line that does not end", TARGET, format!("GET {}", target(9_000)), too_long),
        row("a request line without a space that does not end", TARGET, "G".repeat(9_000), too_long),
        row(
            "an empty line and a target of 8 KiB",
            TARGET,
            "\r\n".to_owned() + &get(&target(TARGET_BYTES_MAX)),
            told(target(TARGET_BYTES_MAX)),
        ),
        row("a head of 16 KiB", FIELDS, of_head_length(HEAD_BYTES_MAX), GET),
        row("a head of 16 KiB and one octet", FIELDS, of_head_length(HEAD_BYTES_MAX + 1), head_too_long),
        row(
            "a value that does not end",
            FIELDS,
            &of_head_length(HEAD_BYTES_MAX + 100)[..HEAD_BYTES_MAX],
            head_too_long,
        ),
        row(
            "a name that does not end",
            FIELDS,
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}", "n".repeat(HEAD_BYTES_MAX)),
            head_too_long,
        ),
        row(
            "a head of 16 KiB after another",
            FIELDS,
            get("/") + &of_head_length(HEAD_BYTES_MAX),
            [GET.into(), GET.into()],
        ),
        row("100 field lines", FIELDS, of_fields(FIELDS_MAX), GET),
        row("101 field lines", FIELDS, of_fields(FIELDS_MAX + 1), too_many),
        row("300 field lines", FIELDS, of_fields(3 * FIELDS_MAX), too_many),
        row(
            "empty lines of 101 fields",
            FIELDS,
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A:\r\n".repeat(FIELDS_MAX)),
            too_many,
        ),
        row(
            "a body of 1 MiB is not read",
            BODY,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\nbeginning",
            Told { framing: BodyFraming::Length(1_048_576), body: Body::Left, ..POST },
        ),
        row(
            "a body of 1 MiB and one octet",
            BODY,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\nbeginning",
            too_large,
        ),
        row(
            "a body of 2^64-1 octets",
            BODY,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n",
            too_large,
        ),
        row(
            "a body of 64 KiB and one octet is not read",
            "RFC 9112 section 9.3: A server MUST read the entire request message body or close the \
             connection after sending its response",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n",
            Told { framing: BodyFraming::Length(65_537), body: Body::Left, ..POST },
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
