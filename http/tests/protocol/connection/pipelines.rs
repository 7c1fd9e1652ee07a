//! Several requests behind each other: with bodies, with one that closes, with one that is refused.

use selvedge_http::h1::{BodyFraming, Expect, Persistence, Reject, TargetForm};

use crate::runner::row::{Body, Expected, GET, GET_1_0, POST, Row, Told, post_chunked, post_length, row};
use crate::runner::{engine, wire};

const ORDER: &str = "RFC 9112 section 9.3.2: A server MAY process a sequence of pipelined requests in \
    parallel if they all have safe methods (), but it MUST send the corresponding responses in the same \
    order that the requests were received.";
const CLOSE: &str = "RFC 9112 section 9.6: The server MUST NOT process any further requests received on \
    that connection.";
const READ: &str = "RFC 9112 section 9.3: A server MUST read the entire request message body or close the \
    connection after sending its response; otherwise, the remaining data on a persistent connection would \
    be misinterpreted as the next request.";
const CONTENT: &str = "RFC 9110 section 9.3.1: Although request message framing is independent of the \
    method used, content received in a GET request has no generally defined semantics, cannot alter the \
    meaning or target of the request, and might lead some implementations to reject the request and close \
    the connection because of its potential as a request smuggling attack";
const REFUSED: &str = "RFC 9112 section 2.2: the server SHOULD respond with a 400 (Bad Request) response \
    and close the connection.";
const TRUNCATED: &str = "RFC 9112 section 8: A server that receives an incomplete request message, usually \
    due to a canceled request or a triggered timeout exception, MAY send an error response prior to closing \
    the connection.";

pub(crate) fn rows() -> Vec<Row> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let told = |path| -> Expected { Told { path, ..GET }.into() };
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345";
    let posted: Expected = post_length(b"12345").into();
    let chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let chunked: Expected = post_chunked(Body::Read(b"abc")).into();
    let closed = Told { persistence: Persistence::Close, ..GET };
    let mut rows = vec![
        row("two", ORDER, get("/1") + &get("/2"), [told("/1"), told("/2")]),
        row(
            "five",
            ORDER,
            (1..=5).map(|number| get(&format!("/{number}"))).collect::<String>(),
            [told("/1"), told("/2"), told("/3"), told("/4"), told("/5")],
        ),
        row("40, which are more than one turn's", ORDER, get("/").repeat(40), vec![told("/"); 40]),
        row(
            "HEAD and GET in turn",
            ORDER,
            "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()
                + &get("/1")
                + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
            [Told { method: "HEAD", ..GET }.into(), told("/1"), Told { method: "HEAD", ..GET }.into()],
        ),
        row("a body between them", READ, get("/1") + post + &get("/2"), [told("/1"), posted, told("/2")]),
        row("chunks between them", READ, get("/1") + chunks + &get("/2"), [told("/1"), chunked, told("/2")]),
        row(
            "bodies of both kinds",
            READ,
            format!("{post}{chunks}{post}{chunks}"),
            [posted, chunked, posted, chunked],
        ),
        row(
            "the engine's own answers",
            ORDER,
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nTRACE / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()
                + &get("/1"),
            [
                Told { method: "OPTIONS", form: TargetForm::Asterisk, path: "*", answer: 204, ..GET }.into(),
                Told { method: "TRACE", answer: 501, ..GET }.into(),
                told("/1"),
            ],
        ),
        row(
            "a body of TRACE",
            READ,
            "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345".to_owned() + &get("/1"),
            [Told { method: "TRACE", answer: 501, ..post_length(b"12345") }.into(), told("/1")],
        ),
        row(
            "a body of OPTIONS *",
            READ,
            "OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345".to_owned() + &get("/1"),
            [
                Told {
                    method: "OPTIONS",
                    form: TargetForm::Asterisk,
                    path: "*",
                    answer: 204,
                    ..post_length(b"12345")
                }
                .into(),
                told("/1"),
            ],
        ),
        row(
            "a body of GET",
            CONTENT,
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345".to_owned() + &get("/1"),
            [Told { method: "GET", ..post_length(b"12345") }.into(), told("/1")],
        ),
        row(
            "a body of HEAD",
            CONTENT,
            "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345".to_owned() + &get("/1"),
            [Told { method: "HEAD", ..post_length(b"12345") }.into(), told("/1")],
        ),
        row(
            "chunks of HEAD",
            CONTENT,
            "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"
                .to_owned()
                + &get("/1"),
            [Told { method: "HEAD", ..post_chunked(Body::Read(b"12345")) }.into(), told("/1")],
        ),
        row(
            "a request as a body of GET",
            CONTENT,
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            Told { method: "GET", ..post_length(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
        ),
        row(
            "one that closes, and others behind it",
            CLOSE,
            get("/1") + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + &get("/2"),
            [told("/1"), closed.into()],
        ),
        row(
            "one of 1.0, and others behind it",
            CLOSE,
            get("/1") + "GET / HTTP/1.0\r\n\r\n" + &get("/2"),
            [told("/1"), GET_1_0.into()],
        ),
        row(
            "a body that is left, and others behind it",
            READ,
            get("/1") + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n" + &get("/2"),
            [told("/1"), Told { framing: BodyFraming::Length(65_537), body: Body::Left, ..POST }.into()],
        ),
        row(
            "a body that waits for 100, and others behind it",
            READ,
            get("/1")
                + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
                + &get("/2"),
            [
                told("/1"),
                Told { expect: Expect::Continue, framing: BodyFraming::Length(5), body: Body::Left, ..POST }
                    .into(),
            ],
        ),
        row(
            "a wrong chunk, and others behind it",
            READ,
            get("/1") + "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n" + &get("/2"),
            [told("/1"), post_chunked(Body::Refused(Reject::ChunkSize)).into()],
        ),
        row(
            "a body longer than its length",
            READ,
            get("/1") + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab(c)\r\n\r\n" + &get("/2"),
            [told("/1"), post_length(b"ab").into(), Expected::Refused(400, Reject::NotHttp)],
        ),
        row(
            "a body shorter than its length",
            READ,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n12345".to_owned() + &get("/2"),
            [post_length(b"12345GET /2 HTTP/1.1").into(), Expected::Refused(400, Reject::RequestLine)],
        ),
        row(
            "one that is cut short behind others",
            TRUNCATED,
            get("/1") + &get("/2") + "GET / HT",
            [told("/1"), told("/2"), Expected::Incomplete],
        ),
        row(
            "a body that is cut short behind others",
            TRUNCATED,
            get("/1") + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n12345",
            [told("/1"), Told { framing: BodyFraming::Length(6), body: Body::CutShort, ..POST }.into()],
        ),
    ];
    for (octets, status, reject) in [
        ("GET / HTTP/1.1\r\n\r\n", 400, Reject::HostMissing),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, Reject::HostRepeated),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, Reject::FieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n", 400, Reject::FieldValue),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400, Reject::BareLineFeed),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", 400, Reject::BareCarriageReturn),
        ("GET /\r\n\r\n", 400, Reject::RequestLine),
        ("GET /# HTTP/1.1\r\nHost: a\r\n\r\n", 400, Reject::Target),
        ("\r\n\r\n", 400, Reject::NotHttp),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, Reject::VersionUnsupported),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, Reject::VersionUnsupported),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, Reject::ConnectUnsupported),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, Reject::ContentLengthInvalid),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", 400, Reject::TransferEncodingInvalid),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            501,
            Reject::TransferCodingUnsupported,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413, Reject::BodyTooLarge),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, Reject::ExpectationUnsupported),
    ] {
        let requests = get("/1") + post + octets + &get("/2");
        let name = format!("{reject:?} in the middle, {status}");
        rows.push(row(name, REFUSED, requests, [told("/1"), posted, Expected::Refused(status, reject)]));
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
