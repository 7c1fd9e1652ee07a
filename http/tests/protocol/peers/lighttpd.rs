//! lighttpd, <https://github.com/lighttpd/lighttpd1.4>: `src/t/test_request.c`, 81 cases, all of them rows;
//! `tests/request.t`, 168 requests, of which 72 are rows and 96 are left out, since they are about CGI,
//! authentication and other things that are not here (see [`LEFT_OUT`]). The names begin with the file's.
//!
//! The files are as they are there, with other content where that does not matter, and dates have their weekday. A
//! 401 counts as accepted.

use selvedge_http::h1::{BodyFraming, Expect, Persistence, Reject, TargetForm};

use super::sentences::{
    ABSOLUTE, CONTENT_OF_GET, CONTENT_TYPE, DATES, FOLD, HOST, LONG_EXTENSION, METHOD, NO_BODY, RANGE,
    REG_NAME, TARGET, TRAILERS,
};
use super::{Case, LeftOut, Theirs, assert_whole, case, reply_case, rows};
use crate::runner::archive::check_rows;
use crate::runner::reply::{ReplyRow, reply};
use crate::runner::row::{Body, Expected, GET, GET_1_0, POST, Row, Told};
use crate::runner::{engine, wire};

const PARSER_CASES: usize = 81;
const REQUEST_CASES: usize = 168;

/// Of `tests/request.t`.
const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        cases: 3,
        reason: "media types by a file's name: those of http/src/media_type.rs are tested there",
    },
    LeftOut { cases: 1, reason: "an answer with trailers by a CGI program" },
    LeftOut { cases: 1, reason: "a file for which lighttpd is told to do no ranges" },
    LeftOut { cases: 2, reason: "virtual hosts" },
    LeftOut { cases: 7, reason: "pages and programs for errors" },
    LeftOut { cases: 9, reason: "conditions of a configuration, on Referer and on addresses" },
    LeftOut { cases: 8, reason: "a file system that ignores case" },
    LeftOut { cases: 8, reason: "lighttpd's policy on links; ours is tested with the application" },
    LeftOut { cases: 10, reason: "authentication; the five of its cases with folded lines are rows" },
    LeftOut { cases: 21, reason: "CGI programs, their environment and what they answer" },
    LeftOut { cases: 9, reason: "compression" },
    LeftOut { cases: 3, reason: "Expires and Cache-Control by configuration" },
    LeftOut { cases: 4, reason: "a client's address in X-Forwarded-For and Forwarded" },
    LeftOut { cases: 3, reason: "a proxy" },
    LeftOut { cases: 7, reason: "fields and variables by configuration" },
];

/// Cases of both files that are about requests.
pub(crate) fn cases() -> Vec<Case<Row>> {
    let mut cases = parser();
    cases.extend(requests());
    cases
}

/// Cases about answers from files.
pub(crate) fn reply_cases() -> Vec<Case<ReplyRow>> {
    let one_zero = |target: &str, lines: &str| format!("GET {target} HTTP/1.0\r\n{lines}\r\n");
    let range = |lines: &str| {
        format!("GET /12345.txt HTTP/1.1\r\nHost: 123.example.org\r\nConnection: close\r\n{lines}\r\n")
    };
    let host = "Host: 123.example.org\r\n";
    let whole = || reply(200).closes().body("12345\n").field("content-length", "6").with(&["date"]);
    let part = |content_range: &str, body: &str| {
        reply(206).closes().field("content-range", content_range).body(body)
    };
    let unsatisfiable = || reply(416).closes().field("content-range", "bytes */6");
    let later = "If-Modified-Since: Thu, 01 Jan 2099 00:00:02 GMT\r\n";
    let not_modified = || reply(304).closes().without(&["content-length"]);
    vec![
        reply_case("request.t: URL-encoding, %00", 400, one_zero("/index.html%00", ""), reply(400).closes()),
        reply_case(
            "request.t: file not found + querystring",
            404,
            one_zero("/foobar?foobar", ""),
            reply(404).closes(),
        ),
        reply_case(
            "request.t: GET, content == 12345, mimetype text/plain",
            200,
            one_zero("/12345.txt", host),
            whole(),
        ),
        reply_case(
            "request.t: GET, content == 12345, mimetype text/html",
            200,
            one_zero("/12345.html", host),
            whole(),
        ),
        reply_case(
            "request.t: HEAD request, mimetype text/html, content-length",
            200,
            one_zero("/12345.html", host).replace("GET", "HEAD"),
            reply(200).closes().for_head().field("content-length", "6"),
        ),
        reply_case(
            "request.t: HEAD request, file-not-found, query-string",
            404,
            "HEAD /foobar?foobar HTTP/1.0\r\n\r\n",
            reply(404).closes().for_head(),
        ),
        reply_case(
            "request.t: GET, Range 0-3",
            206,
            range("Range: bytes=0-3\r\n"),
            part("bytes 0-3/6", "1234"),
        ),
        reply_case(
            "request.t: GET, Range -3",
            206,
            range("Range: bytes=-3\r\n"),
            part("bytes 3-5/6", "45\n"),
        ),
        reply_case(
            "request.t: GET, Range 3-",
            206,
            range("Range: bytes=3-\r\n"),
            part("bytes 3-5/6", "45\n"),
        ),
        reply_case(
            "request.t: GET, Range 0-",
            206,
            range("Range: bytes=0-\r\n"),
            part("bytes 0-5/6", "12345\n"),
        ),
        reply_case("request.t: GET, Range 0--", 416, range("Range: bytes=0--\r\n"), whole()).differs(RANGE),
        reply_case("request.t: GET, Range -2-3", 416, range("Range: bytes=-2-3\r\n"), whole()).differs(RANGE),
        reply_case("request.t: GET, Range -0", 416, range("Range: bytes=-0\r\n"), unsatisfiable()),
        reply_case(
            "request.t: GET, Range start out of range",
            416,
            range("Range: bytes=25-\r\n"),
            unsatisfiable(),
        ),
        reply_case(
            "request.t: GET, Range invalid range-unit (first)",
            200,
            range("Range: 0\r\nRange: bytes=0-3\r\n"),
            whole(),
        ),
        reply_case(
            "request.t: GET, Range ignore invalid range (second)",
            206,
            range("Range: bytes=0-3\r\nRange: 0\r\n"),
            whole(),
        )
        .differs(RANGE),
        reply_case(
            "request.t: Similar Headers (bug #1287)",
            304,
            one_zero("/index.html", &format!("If-Modified-Since2: Thu, 01 Jan 2099 00:00:03 GMT\r\n{later}")),
            not_modified(),
        ),
        reply_case(
            "request.t: Status 304 has no Content-Length (#1002)",
            304,
            one_zero("/index.html", later),
            not_modified(),
        ),
        reply_case(
            "request.t: pathinfo on a directory",
            404,
            one_zero("/www/abc/def", ""),
            reply(404).closes(),
        ),
        reply_case(
            "request.t: Date header",
            200,
            "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n",
            reply(200).closes().with(&["date"]),
        ),
        reply_case("request.t: Content-Length for text/html", 200, one_zero("/12345.html", host), whole()),
        reply_case("request.t: Content-Length for text/plain", 200, one_zero("/12345.txt", host), whole()),
        reply_case(
            "request.t: internal redirect in directory",
            301,
            one_zero("/subdir", ""),
            reply(301).closes(),
        ),
        reply_case(
            "request.t: internal redirect in directory + querystring",
            301,
            one_zero("/subdir?foo", ""),
            reply(301).closes(),
        ),
    ]
}

/// Cases with several ranges.
pub(crate) fn multipart_cases() -> Vec<Case<ReplyRow>> {
    let get = |file: &str, ranges: &str| {
        format!(
            "GET /{file} HTTP/1.1\r\nHost: 123.example.org\r\nConnection: close\r\nRange: bytes={ranges}\r\n\
             \r\n"
        )
    };
    vec![
        reply_case(
            "request.t: GET, Range 0-1,3-4 (ranges merged)",
            206,
            get("12345.txt", "0-1,3-4"),
            reply(206).closes().parts(&[(0, b"12"), (3, b"45")]),
        ),
        reply_case(
            "request.t: GET, Range 0-1,97-98 (ranges not merged)",
            206,
            get("100.txt", "0-1,97-98"),
            reply(206).closes().parts(&[(0, b"12"), (97, b"hi")]),
        ),
    ]
}

fn parser() -> Vec<Case<Row>> {
    vec![
        case(
            "test_request.c: invalid request-line: space",
            Theirs::Answers(400),
            " \r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::NotHttp),
        ),
        case(
            "test_request.c: invalid request-line: space, char",
            Theirs::Answers(400),
            " a\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::NotHttp),
        ),
        case(
            "test_request.c: invalid request-line: dot",
            Theirs::Answers(400),
            ".\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: single char",
            Theirs::Answers(400),
            "a\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: char, space",
            Theirs::Answers(400),
            "a \r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method only",
            Theirs::Answers(400),
            "GET\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method space",
            Theirs::Answers(400),
            "GET \r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method space space",
            Theirs::Answers(400),
            "GET  \r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method space proto",
            Theirs::Answers(400),
            "GET HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method space space proto",
            Theirs::Answers(400),
            "GET  HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method space space space proto",
            Theirs::Answers(400),
            "GET   HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method slash proto, no spaces",
            Theirs::Answers(400),
            "GET/HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method space slash proto",
            Theirs::Answers(400),
            "GET /HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method space space slash proto",
            Theirs::Answers(400),
            "GET  /HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: invalid request-line: method slash space proto",
            Theirs::Answers(501),
            "GET/ HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        )
        .differs(METHOD),
        case(
            "test_request.c: invalid request-line: method slash space space proto",
            Theirs::Answers(400),
            "GET/  HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: hostname",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Told { authority: Some("www.example.org"), ..GET_1_0 },
        ),
        case(
            "test_request.c: IPv4 address",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
            Told { authority: Some("127.0.0.1"), ..GET_1_0 },
        ),
        case(
            "test_request.c: IPv6 address",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: [::1]\r\n\r\n",
            Told { authority: Some("[::1]"), ..GET_1_0 },
        ),
        case(
            "test_request.c: hostname + port",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: www.example.org:80\r\n\r\n",
            Told { authority: Some("www.example.org:80"), ..GET_1_0 },
        ),
        case(
            "test_request.c: IPv4 address + port",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: 127.0.0.1:80\r\n\r\n",
            Told { authority: Some("127.0.0.1:80"), ..GET_1_0 },
        ),
        case(
            "test_request.c: IPv6 address + port",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: [::1]:80\r\n\r\n",
            Told { authority: Some("[::1]:80"), ..GET_1_0 },
        ),
        case(
            "test_request.c: directory traversal",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: ../123.org\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "test_request.c: leading and trailing dot",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: .jsdh.sfdg.sdfg.\r\n\r\n",
            Told { authority: Some(".jsdh.sfdg.sdfg."), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: trailing dot is ok",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: jsdh.sfdg.sdfg.\r\n\r\n",
            Told { authority: Some("jsdh.sfdg.sdfg."), ..GET_1_0 },
        ),
        case(
            "test_request.c: leading dot",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: .jsdh.sfdg.sdfg\r\n\r\n",
            Told { authority: Some(".jsdh.sfdg.sdfg"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: two dots",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: jsdh..sfdg.sdfg\r\n\r\n",
            Told { authority: Some("jsdh..sfdg.sdfg"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: broken port-number",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: jsdh.sfdg.sdfg:asd\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "test_request.c: negative port-number",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: jsdh.sfdg.sdfg:-1\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "test_request.c: port given but host missing",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: :80\r\n\r\n",
            Told { authority: Some(":80"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: port and host are broken",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: .jsdh.sfdg.:sdfg.\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "test_request.c: allowed characters in host-name",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: a.b-c.d123\r\n\r\n",
            Told { authority: Some("a.b-c.d123"), ..GET_1_0 },
        ),
        case(
            "test_request.c: leading dash",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: -a.c\r\n\r\n",
            Told { authority: Some("-a.c"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: dot only",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: .\r\n\r\n",
            Told { authority: Some("."), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: broken IPv4 address - non-digit",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: a192.168.2.10:1234\r\n\r\n",
            Told { authority: Some("a192.168.2.10:1234"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: broken IPv4 address - too short",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: 192.168.2:1234\r\n\r\n",
            Told { authority: Some("192.168.2:1234"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "test_request.c: IPv6 address + SQL injection",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: [::1]' UNION SELECT '/\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "test_request.c: IPv6 address + path traversal",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: [::1]/../../../\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "test_request.c: negative Content-Length",
            Theirs::Answers(400),
            "POST /12345.txt HTTP/1.0\r\nContent-Length: -2\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthInvalid),
        ),
        case(
            "test_request.c: Content-Length is empty",
            Theirs::Answers(400),
            "POST /12345.txt HTTP/1.0\r\nHost: 123.example.org\r\nContent-Length:\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthInvalid),
        ),
        case(
            "test_request.c: Host missing",
            Theirs::Answers(400),
            "GET / HTTP/1.1\r\n\r\n",
            Expected::Refused(400, Reject::HostMissing),
        ),
        case(
            "test_request.c: empty request-URI",
            Theirs::Answers(400),
            "GET  HTTP/1.0\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: URL-decode request-URI",
            Theirs::Accepts,
            "GET /index%2ehtml HTTP/1.0\r\n\r\n",
            Told { path: "/index%2ehtml", ..GET_1_0 },
        ),
        case(
            "test_request.c: #1232 - duplicate headers with line-wrapping",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nLocation: foo\r\nLocation: foobar\r\n  baz\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "test_request.c: #1232 - duplicate headers with line-wrapping - test 2",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nLocation: \r\nLocation: foobar\r\n  baz\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "test_request.c: #1232 - duplicate headers with line-wrapping - test 3",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nA: \r\nLocation: foobar\r\n  baz\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "test_request.c: missing protocol",
            Theirs::Answers(400),
            "GET /\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: zeros in protocol version",
            Theirs::Answers(400),
            "GET / HTTP/01.01\r\nHost: foo\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: missing major version",
            Theirs::Answers(400),
            "GET / HTTP/.01\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: missing minor version",
            Theirs::Answers(400),
            "GET / HTTP/01.\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: strings as version",
            Theirs::Answers(400),
            "GET / HTTP/a.b\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: missing protocol + unknown method",
            Theirs::Answers(400),
            "BC /\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: missing protocol + unknown method + missing URI",
            Theirs::Answers(400),
            "ABC\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "test_request.c: unknown method",
            Theirs::Answers(501),
            "ABC / HTTP/1.0\r\n\r\n",
            Told { method: "ABC", ..GET_1_0 },
        )
        .differs(METHOD),
        case(
            "test_request.c: unknown protocol",
            Theirs::Answers(400),
            "GET / HTTP/1.3\r\n\r\n",
            Expected::Refused(400, Reject::HostMissing),
        ),
        case(
            "test_request.c: absolute URI",
            Theirs::Accepts,
            "GET http://www.example.org/ HTTP/1.0\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("www.example.org"), ..GET_1_0 },
        ),
        case(
            "test_request.c: whitespace after key",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nABC : foo\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "test_request.c: whitespace within key",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nABC a: foo\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case("test_request.c: no whitespace", Theirs::Accepts, "GET / HTTP/1.0\r\nABC:foo\r\n\r\n", GET_1_0),
        case(
            "test_request.c: line-folding",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nABC:foo\r\n  bc\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "test_request.c: POST request, no Content-Length",
            Theirs::Answers(411),
            "POST / HTTP/1.0\r\n\r\n",
            Told { method: "POST", ..GET_1_0 },
        )
        .differs(NO_BODY),
        case(
            "test_request.c: Duplicate Host headers, Bug #25",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: www.example.org\r\nHost: 123.example.org\r\n\r\n",
            Expected::Refused(400, Reject::HostRepeated),
        ),
        case(
            "test_request.c: Duplicate Content-Length headers",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthRepeated),
        ),
        case(
            "test_request.c: Duplicate Content-Type headers",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nContent-Type: 5\r\nContent-Type: 4\r\n\r\n",
            GET_1_0,
        )
        .differs(CONTENT_TYPE),
        case(
            "test_request.c: Duplicate Range headers (get appended)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nRange: bytes=5-6\r\nRange: bytes=5-9\r\n\r\n",
            GET_1_0,
        ),
        case(
            "test_request.c: Duplicate Range headers with invalid range (a)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nRange: bytes=0\r\nRange: bytes=5-9\r\n\r\n",
            GET_1_0,
        ),
        case(
            "test_request.c: Duplicate Range headers with invalid range (b)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nRange: bytes=5-9\r\nRange: bytes=0\r\n\r\n",
            GET_1_0,
        ),
        case(
            "test_request.c: Duplicate Range headers with invalid range (c)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nRange: 0\r\nRange: bytes=5-9\r\n\r\n",
            GET_1_0,
        ),
        case(
            "test_request.c: Duplicate Range headers with invalid range (d)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nRange: bytes=5-9\r\nRange: 0\r\n\r\n",
            GET_1_0,
        ),
        case(
            "test_request.c: Duplicate If-None-Match headers",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nIf-None-Match: 5\r\nIf-None-Match: 4\r\n\r\n",
            GET_1_0,
        ),
        case(
            "test_request.c: Duplicate If-Modified-Since headers",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nIf-Modified-Since: 5\r\nIf-Modified-Since: 4\r\n\r\n",
            GET_1_0,
        )
        .differs(DATES),
        case(
            "test_request.c: GET with Content-Length",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nContent-Length: 4\r\n\r\n1234",
            Told { framing: BodyFraming::Length(4), body: Body::Read(b"1234"), ..GET_1_0 },
        )
        .differs(CONTENT_OF_GET),
        case(
            "test_request.c: HEAD with Content-Length",
            Theirs::Answers(400),
            "HEAD / HTTP/1.0\r\nContent-Length: 4\r\n\r\n1234",
            Told { method: "HEAD", framing: BodyFraming::Length(4), body: Body::Read(b"1234"), ..GET_1_0 },
        )
        .differs(CONTENT_OF_GET),
        case(
            "test_request.c: invalid chars in Header values (bug #1286)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nIf-Modified-Since: \0\r\n\r\n",
            Expected::Refused(400, Reject::FieldValue),
        ),
        case(
            "test_request.c: absolute-uri in request-line (without Host)",
            Theirs::Accepts,
            "GET http://zzz.example.org/ HTTP/1.1\r\nConnection: close\r\n\r\n",
            Expected::Refused(400, Reject::HostMissing),
        )
        .differs(HOST),
        case(
            "test_request.c: absolute-uri in request-line (with Host match)",
            Theirs::Accepts,
            "GET http://zzz.example.org/ HTTP/1.1\r\n\
             Host: zzz.example.org\r\n\
             Connection: close\r\n\r\n",
            Told {
                form: TargetForm::Absolute,
                authority: Some("zzz.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        ),
        case(
            "test_request.c: absolute-uri in request-line (with Host mismatch)",
            Theirs::Answers(400),
            "GET http://zzz.example.org/ HTTP/1.1\r\n\
             Host: aaa.example.org\r\n\
             Connection: close\r\n\r\n",
            Told {
                form: TargetForm::Absolute,
                authority: Some("zzz.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        )
        .differs(ABSOLUTE),
        case(
            "test_request.c: ignore duplicated If-Modified-Since if matching",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\n\
             Host: zzz.example.org\r\n\
             If-Modified-Since: Sun, 01 Jan 2036 00:00:02 GMT\r\n\
             If-Modified-Since: Sun, 01 Jan 2036 00:00:02 GMT\r\n\
             Connection: close\r\n\r\n",
            Told { authority: Some("zzz.example.org"), persistence: Persistence::Close, ..GET },
        ),
        case(
            "test_request.c: reject duplicated If-Modified-Since if not matching",
            Theirs::Answers(400),
            "GET / HTTP/1.1\r\n\
             Host: zzz.example.org\r\n\
             If-Modified-Since: Sun, 01 Jan 2036 00:00:02 GMT\r\n\
             If-Modified-Since: Sun, 01 Jan 2036 00:00:03 GMT\r\n\
             Connection: close\r\n\r\n",
            Told { authority: Some("zzz.example.org"), persistence: Persistence::Close, ..GET },
        )
        .differs(DATES),
        case(
            "test_request.c: large headers",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\n\
             Hsgfsdjf: asdfhdf\r\n\
             hdhd: shdfhfdasd\r\n\
             hfhr: jfghsdfg\r\n\
             jfuuehdmn: sfdgjfdg\r\n\
             jvcbzufdg: sgfdfg\r\n\
             hrnvcnd: jfjdfg\r\n\
             jfusfdngmd: gfjgfdusdfg\r\n\
             nfj: jgfdjdfg\r\n\
             jfue: jfdfdg\r\n\r\n",
            GET_1_0,
        ),
        case(
            "test_request.c: valid",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: www.example.org\r\n\r\n",
            Told { authority: Some("www.example.org"), ..GET_1_0 },
        ),
    ]
}

fn requests() -> Vec<Case<Row>> {
    vec![
        case("request.t: Valid HTTP/1.0 Request", Theirs::Answers(200), "GET / HTTP/1.0\r\n\r\n", GET_1_0),
        case(
            "request.t: OPTIONS",
            Theirs::Answers(200),
            "OPTIONS * HTTP/1.0\r\n\r\n",
            Told { method: "OPTIONS", form: TargetForm::Asterisk, path: "*", answer: 204, ..GET_1_0 },
        ),
        case(
            "request.t: OPTIONS",
            Theirs::Answers(200),
            "OPTIONS / HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n",
            Told {
                method: "OPTIONS",
                authority: Some("www.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        ),
        case(
            "request.t: Content-Length > max-request-size",
            Theirs::Answers(413),
            "POST /12345.txt HTTP/1.0\r\nHost: 123.example.org\r\nContent-Length: 2147483648\r\n\r\n",
            Expected::Refused(413, Reject::BodyTooLarge),
        ),
        case(
            "request.t: POST request, empty request-body",
            Theirs::Answers(200),
            "POST / HTTP/1.0\r\n\
             Content-type: application/x-www-form-urlencoded\r\n\
             Content-length: 0\r\n\r\n",
            Told { method: "POST", ..GET_1_0 },
        ),
        case(
            "request.t: HEAD request, no content",
            Theirs::Answers(200),
            "HEAD / HTTP/1.0\r\n\r\n",
            Told { method: "HEAD", ..GET_1_0 },
        ),
        case(
            "request.t: Hostname in first line, HTTP/1.1",
            Theirs::Answers(200),
            "HEAD http://123.example.org/12345.html HTTP/1.1\r\nConnection: close\r\n\r\n",
            Expected::Refused(400, Reject::HostMissing),
        )
        .differs(HOST),
        case(
            "request.t: Hostname in first line as https url",
            Theirs::Answers(200),
            "HEAD https://123.example.org/12345.html HTTP/1.0\r\n\r\n",
            Told {
                method: "HEAD",
                form: TargetForm::Absolute,
                path: "/12345.html",
                authority: Some("123.example.org"),
                ..GET_1_0
            },
        ),
        case(
            "request.t: Continue, Expect",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 4\r\n\
             Expect: 100-continue\r\n\r\n\
             123\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Length(4),
                persistence: Persistence::Close,
                expect: Expect::Continue,
                body: Body::Left,
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, lc hex",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a\r\n\
             0123456789\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, uc hex",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             A\r\n\
             0123456789\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, two hex",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             10\r\n\
             0123456789abcdef\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789abcdef"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, with trailer",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a\r\n\
             0123456789\r\n\
             0\r\n\
             Test-Trailer: testing\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, with trailer matching Trailer",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\
             Trailer: test-trailer\r\n\r\n\
             a\r\n\
             0123456789\r\n\
             0\r\n\
             Test-Trailer: testing\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, with trailer not matching Trailer",
            Theirs::Answers(400),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\
             Trailer: not-matching\r\n\r\n\
             a\r\n\
             0123456789\r\n\
             0\r\n\
             Test-Trailer: testing\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        )
        .differs(TRAILERS),
        case(
            "request.t: POST via Transfer-Encoding: chunked, echo trailer",
            Theirs::Answers(200),
            "POST /cgi.pl?env=HTTP_TEST_TRAILER HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\
             Trailer: test-trailer\r\n\r\n\
             a\r\n\
             0123456789\r\n\
             0\r\n\
             Test-Trailer: testing\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("env=HTTP_TEST_TRAILER"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, disallowed trailer",
            Theirs::Answers(400),
            "POST /cgi.pl?env=HTTP_TEST_TRAILER HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\
             Trailer: Content-Length\r\n\r\n\
             a\r\n\
             0123456789\r\n\
             0\r\n\
             Content-Length: 0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("env=HTTP_TEST_TRAILER"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        )
        .differs(TRAILERS),
        case(
            "request.t: POST via Transfer-Encoding: chunked, chunked header comment",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a; comment\r\n\
             0123456789\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, chunked header comment on final chunk",
            Theirs::Answers(200),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a\r\n\
             0123456789\r\n\
             0; comment\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked; bad chunked header",
            Theirs::Answers(400),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             az\r\n\
             0123456789\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkSize),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked; mismatch chunked header size and chunked data \
             size",
            Theirs::Answers(400),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a\r\n\
             0123456789xxxxxxxx\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkEnd),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked; chunked header too long",
            Theirs::Answers(400),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a ; xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
             xxxxxxxxxxxxxxxx\r\n\
             0123456789\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Read(b"0123456789"),
                ..POST
            },
        )
        .differs(LONG_EXTENSION),
        case(
            "request.t: POST via Transfer-Encoding: chunked, stray \\r",
            Theirs::Answers(400),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a;\rx\r\n\
             0123456789\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkSize),
                ..POST
            },
        ),
        case(
            "request.t: POST via Transfer-Encoding: chunked, stray \\n",
            Theirs::Answers(400),
            "POST /cgi.pl?post-len HTTP/1.1\r\n\
             Host: www.example.org\r\n\
             Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a;\r\n\
             x\r\n\
             0123456789\r\n\
             0\r\n\r\n\r\n",
            Told {
                path: "/cgi.pl",
                query: Some("post-len"),
                authority: Some("www.example.org"),
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkEnd),
                ..POST
            },
        ),
        case(
            "request.t: OPTIONS with Content-Length",
            Theirs::Answers(200),
            "OPTIONS / HTTP/1.0\r\nContent-Length: 4\r\n\r\n1234\r\n\r\n",
            Told { method: "OPTIONS", framing: BodyFraming::Length(4), body: Body::Read(b"1234"), ..GET_1_0 },
        ),
        case(
            "request.t: OPTIONS for RTSP",
            Theirs::Answers(400),
            "OPTIONS rtsp://221.192.134.146:80 RTSP/1.1\r\nHost: 221.192.134.146:80\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "request.t: GET, slow \\r\\n\\r\\n (#2105)",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.0\r\nHost: 123.example.org\r\n\r\n",
            Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET_1_0 },
        ),
        case(
            "request.t: Connection-header, leading comma",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\nConnection: ,close\r\nHost: 123.example.org\r\n\r\n",
            Told {
                path: "/12345.txt",
                authority: Some("123.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        ),
        case(
            "request.t: Connection-header, no value between two commas",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\nConnection: close,,TE\r\nHost: 123.example.org\r\n\r\n",
            Told {
                path: "/12345.txt",
                authority: Some("123.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        ),
        case(
            "request.t: Connection-header, space between two commas",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\nConnection: close, ,TE\r\nHost: 123.example.org\r\n\r\n",
            Told {
                path: "/12345.txt",
                authority: Some("123.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        ),
        case(
            "request.t: Connection-header, comma after value",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\nConnection: close,\r\nHost: 123.example.org\r\n\r\n",
            Told {
                path: "/12345.txt",
                authority: Some("123.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        ),
        case(
            "request.t: Connection-header, comma and space after value",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\nConnection: close, \r\nHost: 123.example.org\r\n\r\n",
            Told {
                path: "/12345.txt",
                authority: Some("123.example.org"),
                persistence: Persistence::Close,
                ..GET
            },
        ),
        case(
            "request.t: internal redirect in directory with special characters",
            Theirs::Answers(301),
            b"GET /~test%20\xe4_ HTTP/1.0\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        )
        .differs(TARGET),
        case(
            "request.t: internal redirect in directory with special characters + querystring",
            Theirs::Answers(301),
            b"GET /~test%20\xe4_?foo HTTP/1.0\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        )
        .differs(TARGET),
        case(
            "request.t: Explicit HTTP/1.0 Keep-Alive",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.0\r\n\
             Connection: keep-alive\r\n\
             Host: 123.example.org\r\n\r\n\
             GET /12345.txt HTTP/1.0\r\n\
             Host: 123.example.org\r\n\
             Connection: close\r\n\r\n",
            [
                Told {
                    path: "/12345.txt",
                    authority: Some("123.example.org"),
                    persistence: Persistence::Reuse,
                    ..GET_1_0
                }
                .into(),
                Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET_1_0 }.into(),
            ],
        ),
        case(
            "request.t: Explicit HTTP/1.0 Keep-Alive",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.0\r\n\
             Connection: keep-alive\r\n\
             Host: 123.example.org\r\n\r\n\
             GET /12345.txt HTTP/1.0\r\n\
             Host: 123.example.org\r\n\
             Connection: close\r\n\r\n",
            [
                Told {
                    path: "/12345.txt",
                    authority: Some("123.example.org"),
                    persistence: Persistence::Reuse,
                    ..GET_1_0
                }
                .into(),
                Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET_1_0 }.into(),
            ],
        ),
        case(
            "request.t: Implicit HTTP/1.0 Keep-Alive",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.0\r\n\
             Connection: keep-alive\r\n\
             Host: 123.example.org\r\n\r\n\
             GET /12345.txt HTTP/1.0\r\n\
             Host: 123.example.org\r\n\r\n",
            [
                Told {
                    path: "/12345.txt",
                    authority: Some("123.example.org"),
                    persistence: Persistence::Reuse,
                    ..GET_1_0
                }
                .into(),
                Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET_1_0 }.into(),
            ],
        ),
        case(
            "request.t: Explicit HTTP/1.1 Keep-Alive",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\n\
             Connection: keep-alive\r\n\
             Host: 123.example.org\r\n\r\n\
             GET /12345.txt HTTP/1.1\r\n\
             Host: 123.example.org\r\n\
             Connection: close\r\n\r\n",
            [
                Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET }.into(),
                Told {
                    path: "/12345.txt",
                    authority: Some("123.example.org"),
                    persistence: Persistence::Close,
                    ..GET
                }
                .into(),
            ],
        ),
        case(
            "request.t: Implicit HTTP/1.1 Keep-Alive",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\n\
             Host: 123.example.org\r\n\r\n\
             GET /12345.txt HTTP/1.1\r\n\
             Host: 123.example.org\r\n\
             Connection: close\r\n\r\n",
            [
                Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET }.into(),
                Told {
                    path: "/12345.txt",
                    authority: Some("123.example.org"),
                    persistence: Persistence::Close,
                    ..GET
                }
                .into(),
            ],
        ),
        case(
            "request.t: Implicit HTTP/1.1 Keep-Alive w/ extra blank b/w requests",
            Theirs::Answers(200),
            "GET /12345.txt HTTP/1.1\r\n\
             Host: 123.example.org\r\n\r\n\r\n\
             GET /12345.txt HTTP/1.1\r\n\
             Host: 123.example.org\r\n\
             Connection: close\r\n\r\n",
            [
                Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET }.into(),
                Told {
                    path: "/12345.txt",
                    authority: Some("123.example.org"),
                    persistence: Persistence::Close,
                    ..GET
                }
                .into(),
            ],
        ),
        case(
            "request.t: Implicit HTTP/1.1 Keep-Alive w/ excess blank b/w requests",
            Theirs::Answers(400),
            "GET /12345.txt HTTP/1.1\r\n\
             Host: 123.example.org\r\n\r\n\r\n\r\n\
             GET /12345.txt HTTP/1.1\r\n\
             Host: 123.example.org\r\n\
             Connection: close\r\n\r\n",
            [
                Told { path: "/12345.txt", authority: Some("123.example.org"), ..GET }.into(),
                Expected::Refused(400, Reject::NotHttp),
            ],
        ),
        case(
            "request.t: Digest-Auth: missing qop, no crash",
            Theirs::Accepts,
            "GET /server-status HTTP/1.0\r\n\
             Host: auth-plain.example.org\r\n\
             User-Agent: Wget/1.9.1\r\n\
             Authorization: Digest username=\"jan\", realm=\"jan\", nonce=\"9a5428ccc05b086a08d918e73b01f\
             c6f\",\r\n\
             \x20               uri=\"/server-status\", response=\"ea5f7d9a30b8b762f9610ccb87dea74f\"\r\n\
             \r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "request.t: Digest-Auth: missing nc (noncecount instead), no crash",
            Theirs::Answers(400),
            "GET /server-status HTTP/1.0\r\n\
             Host: auth-plain.example.org\r\n\
             User-Agent: Wget/1.9.1\r\n\
             Authorization: Digest username=\"jan\", realm=\"jan\",\r\n\
             \tnonce=\"b1d12348b4620437c43dd61c50ae4639\",\r\n\
             \turi=\"/MJ-BONG.xm.mpc\", qop=auth, noncecount=00000001\",\r\n\
             \tcnonce=\"036FCA5B86F7E7C4965C7F9B8FE714B7\",\r\n\
             \tresponse=\"29B32C2953C763C6D033C8A49983B87E\"\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "request.t: Digest-Auth: md5-sess + missing cnonce",
            Theirs::Answers(400),
            "GET /server-status HTTP/1.0\r\n\
             Host: auth-plain.example.org\r\n\
             Authorization: Digest username=\"jan\", realm=\"download archiv\",\r\n\
             \tnonce=\"b3b26457000000003a9b34a3cd56d26e48a52a498ac9765d4b\",\r\n\
             \turi=\"/server-status\", qop=auth, nc=00000001,\r\n\
             \talgorithm=\"md5-sess\", response=\"049b000fb00ab51dddea6f093a96aa2e\"\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "request.t: Digest-Auth: stale nonce",
            Theirs::Accepts,
            "GET /server-status HTTP/1.0\r\n\
             Host: auth-plain.example.org\r\n\
             Authorization: Digest username=\"jan\", realm=\"download archiv\",\r\n\
             \tnonce=\"b3b26457000000003a9b34a3cd56d26e48a52a498ac9765d4b\",\r\n\
             \turi=\"/server-status\", qop=auth, nc=00000001, cnonce=\"65ee1b37\",\r\n\
             \talgorithm=\"md5\", response=\"049b000fb00ab51dddea6f093a96aa2e\"\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "request.t: Digest-Auth: BWS, trailing WS, stale nonce",
            Theirs::Accepts,
            "GET /server-status HTTP/1.0\r\n\
             Host: auth-plain.example.org\r\n\
             Authorization: Digest username = \"jan\", realm = \"download archiv\",\r\n\
             \tnonce = \"b3b26457000000003a9b34a3cd56d26e48a52a498ac9765d4b\",\r\n\
             \turi = \"/server-status\", qop = auth, nc = 00000001, cnonce = \"65ee1b37\",\r\n\
             \talgorithm = \"md5\", response = \"049b000fb00ab51dddea6f093a96aa2e\"     \r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
    ]
}

pub(crate) fn rows_len() -> usize {
    cases().len() + reply_cases().len() + multipart_cases().len()
}

#[test]
fn every_case_is_carried_over() {
    assert_whole("test_request.c", PARSER_CASES, parser().len(), &[]);
    let carried = requests().len() + reply_cases().len() + multipart_cases().len();
    assert_whole("request.t", REQUEST_CASES, carried, LEFT_OUT);
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
