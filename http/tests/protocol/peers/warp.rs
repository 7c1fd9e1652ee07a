//! Warp, <https://github.com/yesodweb/wai>: `warp/test/RunSpec.hs`, 30 cases, and `warp/test/RequestSpec.hs`, 20
//! cases: 42 are rows, 8 are left out (see [`LEFT_OUT`]). The names begin with the file's.
//!
//! Changed: requests of 1.1 without a Host have got one; lines of a head have a request line before them; ranges are
//! asked for of a file of 100,000 octets. Three of RunSpec.hs's chunked bodies lack their last CRLF, and are rows as
//! they are.

use selvedge_http::h1::{Persistence, Reject};

use super::sentences::{BARE_LF, FOLD, RANGE_METHOD, REQUEST_LINE, TRAILER_SECTION};
use super::{Case, LeftOut, Theirs, assert_whole, case, reply_case, rows};
use crate::runner::archive::{LARGE_BYTES, check_rows, large};
use crate::runner::reply::{ReplyRow, reply};
use crate::runner::row::{Body, Expected, GET, Row, Told, post_chunked, post_length};
use crate::runner::{engine, wire};

const RUN_CASES: usize = 30;
const REQUEST_CASES: usize = 20;

/// Of RunSpec.hs.
const LEFT_OUT_OF_RUN: &[LeftOut] = &[
    LeftOut { cases: 1, reason: "a body that comes too slowly: http/tests/connection/deadlines.rs" },
    LeftOut { cases: 1, reason: "a raw connection given to the application" },
    LeftOut { cases: 1, reason: "an application's own Date and Server: connection::responses" },
    LeftOut { cases: 3, reason: "streamed answers, and answers that are built lazily" },
];

/// Of RequestSpec.hs.
const LEFT_OUT_OF_REQUEST: &[LeftOut] =
    &[LeftOut { cases: 2, reason: "a limit that is an argument of the function: requests::limits" }];

const SINGLE_GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const POST_HELLO: &str = "POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-length: 5\r\n\r\nHello";
const CHUNKED_POST_HELLO: &str = "POST /hello HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \
    chunked\r\n\r\n5\r\nHello\r\n0\r\n";

const GOT: Told = Told { authority: Some("localhost"), ..GET };
const HELLO: Told = Told { path: "/hello", authority: Some("localhost"), ..post_length(b"Hello") };
/// What follows the last chunk is taken for a trailer, and is none.
const CHUNKED_HELLO: Told =
    Told { path: "/hello", authority: Some("localhost"), ..post_chunked(Body::Refused(Reject::Trailer)) };

/// Cases about requests, of RunSpec.hs.
fn run() -> Vec<Case<Row>> {
    let with_a_get = |first: &str| first.to_owned() + SINGLE_GET;
    let mut cases = Vec::new();
    for how in ["non-pipelining", "pipelining"] {
        for what in ["read", "ignore"] {
            cases.extend([
                case(
                    &format!("RunSpec.hs: {how}: no body, {what}"),
                    Theirs::Accepts,
                    SINGLE_GET.repeat(5),
                    [GOT; 5].map(Expected::from),
                ),
                case(
                    &format!("RunSpec.hs: {how}: has body, {what}"),
                    Theirs::Accepts,
                    with_a_get(POST_HELLO),
                    [HELLO.into(), GOT.into()],
                ),
                case(
                    &format!("RunSpec.hs: {how}: chunked body, {what}"),
                    Theirs::Accepts,
                    with_a_get(CHUNKED_POST_HELLO),
                    CHUNKED_HELLO,
                )
                .differs(TRAILER_SECTION),
            ]);
        }
    }
    let hello_world =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\nb\r\nHello World\r\n0\r\n\r\n";
    let hello_bye = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
                     c\r\nHello World\n\r\n3\r\nBye\r\n0\r\n";
    let fifty = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n{}0\r\n\r\n",
        "5\r\n12345\r\n".repeat(50)
    );
    let of_fifty = Body::Read("12345".repeat(50).leak().as_bytes());
    cases.extend([
        case("RunSpec.hs: no hanging: has body, read", Theirs::Accepts, POST_HELLO, HELLO),
        case("RunSpec.hs: no hanging: double connect", Theirs::Accepts, POST_HELLO, HELLO),
        case(
            "RunSpec.hs: special input: multiline headers",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\nHost: a\r\nfoo:    bar\r\n baz\r\n\tbin\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "RunSpec.hs: special input: no space between colon and value",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\nHost: a\r\nfoo:bar\r\n\r\n",
            Told { fields: &[("foo", b"bar")], ..GET },
        ),
        case(
            "RunSpec.hs: special input: does not recognize multiline headers",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\nHost: a\r\nfoo: and\r\n baz as well\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "RunSpec.hs: chunked bodies: works",
            Theirs::Accepts,
            format!("{hello_bye}\r\n{hello_world}"),
            [
                post_chunked(Body::Read(b"Hello World\nBye")).into(),
                post_chunked(Body::Read(b"Hello World")).into(),
            ],
        ),
        case(
            "RunSpec.hs: chunked bodies: lots of chunks",
            Theirs::Accepts,
            fifty.repeat(2),
            [post_chunked(of_fifty).into(), post_chunked(of_fifty).into()],
        ),
        case(
            "RunSpec.hs: chunked bodies: in chunks",
            Theirs::Accepts,
            format!("{hello_bye}{hello_world}"),
            post_chunked(Body::Refused(Reject::Trailer)),
        )
        .differs(TRAILER_SECTION),
        case(
            "RunSpec.hs: streaming echo #249",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            post_chunked(Body::Read(b"hello")),
        ),
    ]);
    cases
}

/// The four inputs of one case of RunSpec.hs.
fn incomplete_headers() -> Vec<Case<Row>> {
    [
        "GET / HTTP/1.1\r\ncontent-length: 10\r\n\r",
        "GET / HTTP/1.1\r\ncontent-length: 10\r\n",
        "GET / HTTP/1.1\r\ncontent-length: 10\r",
        "GET / HTTP/1.1\r\ncontent-lengt",
    ]
    .into_iter()
    .map(|octets| {
        case(
            "RunSpec.hs: connection termination: IncompleteHeaders",
            Theirs::Accepts,
            octets,
            Expected::Incomplete,
        )
    })
    .collect()
}

/// Cases about requests, of RequestSpec.hs.
fn request() -> Vec<Case<Row>> {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nStatus: 200\r\nContent-Type: text/plain\r\n\r\n";
    let told = Told { fields: &[("Status", b"200"), ("Content-Type", b"text/plain")], ..GET };
    let close = Told { persistence: Persistence::Close, ..GET };
    let mut cases = vec![
        case(
            "RequestSpec.hs: headerLines: takes until blank",
            Theirs::Accepts,
            "foo\nbar\nbaz\n\r\n",
            Expected::Refused(400, Reject::BareLineFeed),
        )
        .differs(BARE_LF),
        case(
            "RequestSpec.hs: headerLines: ignored leading whitespace in bodies",
            Theirs::Accepts,
            "foo\r\nbar\r\nbaz\r\n\r\n hi there",
            Expected::Refused(400, Reject::RequestLine),
        )
        .differs(REQUEST_LINE),
        case(
            "RequestSpec.hs: headerLines: throws OverLargeHeader when too many",
            Theirs::Refuses,
            "f\n".repeat(10_000),
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        case(
            "RequestSpec.hs: headerLines: throws OverLargeHeader when too large",
            Theirs::Refuses,
            "f".repeat(20_000),
            Expected::Refused(414, Reject::TargetTooLong),
        ),
    ];
    for name in ["known bad chunking behavior #239", "random chunking"] {
        cases.push(case(
            &format!("RequestSpec.hs: headerLines: {name}"),
            Theirs::Accepts,
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n",
            close,
        ));
    }
    for name in [
        "can handle a normal case",
        "can handle a nasty case (1)",
        "can handle a nasty case (2)",
        "can handle a nasty case (3)",
        "can handle a stupid case (3)",
    ] {
        cases.push(case(&format!("RequestSpec.hs: headerLines: {name}"), Theirs::Accepts, head, told));
    }
    cases.push(
        case(
            "RequestSpec.hs: headerLines: can (not) handle an illegal case (1)",
            Theirs::Accepts,
            "\nStatus:\n 200\nContent-Type: text/plain\r\n\r\n",
            Expected::Refused(400, Reject::BareLineFeed),
        )
        .differs(BARE_LF),
    );
    cases
}

pub(crate) fn cases() -> Vec<Case<Row>> {
    let mut cases = run();
    cases.extend(incomplete_headers());
    cases.extend(request());
    cases
}

/// Cases of RunSpec.hs about answers.
fn run_replies() -> Vec<Case<ReplyRow>> {
    let head = |lines: &str| format!("HEAD /ten HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let whole = || reply(200).for_head().field("content-length", "10");
    vec![
        reply_case("RunSpec.hs: head requests: file, no range", 200, head(""), whole()),
        reply_case("RunSpec.hs: head requests: file, with range", 206, head("Range: bytes=0-1\r\n"), whole())
            .differs(RANGE_METHOD),
    ]
}

/// Cases of RequestSpec.hs about ranges.
fn range_replies() -> Vec<Case<ReplyRow>> {
    let get = |range: &str| format!("GET /large HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n");
    let mut cases: Vec<_> = [
        ("bytes=0-499", 0..500),
        ("bytes=500-999", 500..1_000),
        ("bytes=-500", LARGE_BYTES - 500..LARGE_BYTES),
        ("bytes=9500-", 9_500..LARGE_BYTES),
    ]
    .into_iter()
    .map(|(range, octets)| {
        let name = format!("RequestSpec.hs: parseByteRanges: {range}");
        reply_case(&name, 206, get(range), reply(206).body(large(octets)))
    })
    .collect();
    cases.push(reply_case(
        "RequestSpec.hs: parseByteRanges: foobytes=9500-",
        200,
        get("foobytes=9500-"),
        reply(200).field("content-length", LARGE_BYTES.to_string()),
    ));
    cases
}

pub(crate) fn reply_cases() -> Vec<Case<ReplyRow>> {
    let mut cases = run_replies();
    cases.extend(range_replies());
    cases
}

/// The case of RequestSpec.hs with several ranges.
pub(crate) fn multipart_cases() -> Vec<Case<ReplyRow>> {
    let last = LARGE_BYTES - 1;
    vec![reply_case(
        "RequestSpec.hs: parseByteRanges: bytes=0-0,-1",
        206,
        "GET /large HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0,-1\r\n\r\n",
        reply(206).parts(&[(0, &large(0..1)), (last as u64, &large(last..LARGE_BYTES))]),
    )]
}

pub(crate) fn rows_len() -> usize {
    cases().len() + reply_cases().len() + multipart_cases().len()
}

#[test]
fn every_case_is_carried_over() {
    // The four inputs are one case.
    let of_run = run().len() + 1 + run_replies().len();
    assert_whole("RunSpec.hs", RUN_CASES, of_run, LEFT_OUT_OF_RUN);
    let of_request = request().len() + range_replies().len() + multipart_cases().len();
    assert_whole("RequestSpec.hs", REQUEST_CASES, of_request, LEFT_OUT_OF_REQUEST);
}

#[test]
fn rows_without_a_socket() {
    engine::check(&rows(cases()));
}

#[test]
fn rows_over_a_socket() {
    wire::check(&rows(cases()));
    check_rows(&rows(reply_cases()));
}

#[test]
fn multipart_rows_over_a_socket() {
    check_rows(&rows(multipart_cases()));
}
