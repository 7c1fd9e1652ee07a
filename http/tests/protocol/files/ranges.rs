//! Parts of files, one at a time.

use crate::runner::archive::{LARGE_BYTES, check_rows, large};
use crate::runner::reply::{ExpectedReply, ReplyRow, reply, reply_row};

const INT_RANGE: &str = "RFC 9110 section 14.1.1: int-range = first-pos \"-\" [ last-pos ]";
const SUFFIX: &str = "RFC 9110 section 14.1.2: A client can refer to the last N bytes (N > 0) of the \
    selected representation using a suffix-range.";
const SHORT: &str = "RFC 9110 section 14.1.2: If the selected representation is shorter than the specified \
    suffix-length, the entire representation is used.";
const CLIPPED: &str = "RFC 9110 section 14.1.2: A client can limit the number of bytes requested without \
    knowing the size of the selected representation.";
const INVALID: &str = "RFC 9110 section 14.2: A server that supports range requests MAY ignore or reject a \
    Range header field that contains an invalid ranges-specifier";
const UNIT: &str = "RFC 9110 section 14.2: An origin server MUST ignore a Range header field that contains \
    a range unit it does not understand.";
const UNIT_CASE: &str = "RFC 9110 section 14.1: All range unit names are case-insensitive";
const METHOD: &str = "RFC 9110 section 14.2: For this specification, GET is the only method for which range \
    handling is defined.";
const UNSATISFIABLE: &str = "RFC 9110 section 15.5.17: A server that generates a 416 response to a \
    byte-range request SHOULD generate a Content-Range header field specifying the current length of the \
    selected representation";
const FIELDS: &str = "RFC 9110 section 15.3.7: MUST generate the following header fields, in addition to \
    those required in the subsections below, if the field would have been sent in a 200 (OK) response to \
    the same request: Date, Cache-Control, ETag, Expires, Content-Location, and Vary.";
const EMPTY: &str = "RFC 9110 section 14.2: A server MAY ignore the Range header field.";
const IF_RANGE: &str = "RFC 9110 section 13.1.5: A recipient of an If-Range header field MUST ignore the \
    Range header field if the If-Range condition evaluates to false.";
const IF_RANGE_TAG: &str = "RFC 9110 section 13.1.5: If the entity-tag validator provided exactly matches \
    the ETag field value for the selected representation using the strong comparison function (), the \
    condition is true.";
const IF_RANGE_DATE: &str = "RFC 9110 section 13.1.5: If the HTTP-date validator provided exactly matches \
    the Last-Modified field value for the selected representation, the condition is true.";
const IF_RANGE_ALONE: &str = "RFC 9110 section 13.1.5: A server MUST ignore an If-Range header field \
    received in a request that does not contain a Range header field.";

pub(crate) fn rows() -> Vec<ReplyRow> {
    let mut rows = specifiers();
    rows.extend(of_files());
    rows.extend(if_range());
    rows
}

fn ask(method: &str, target: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn get(lines: &[&str]) -> String {
    ask("GET", "/ten", lines)
}

fn whole() -> ExpectedReply {
    reply(200).body("0123456789").field("accept-ranges", "bytes").without(&["content-range"])
}

fn part(body: &str) -> ExpectedReply {
    let (first, last) = (&body[..1], &body[body.len() - 1..]);
    reply(206).body(body).field("content-range", format!("bytes {first}-{last}/10"))
}

fn unsatisfiable() -> ExpectedReply {
    reply(416).field("content-range", "bytes */10").without(&["etag"])
}

fn specifiers() -> Vec<ReplyRow> {
    let mut rows = Vec::new();
    for (range, rule, body) in [
        ("bytes=0-0", INT_RANGE, "0"),
        ("bytes=0-4", INT_RANGE, "01234"),
        ("bytes=3-6", INT_RANGE, "3456"),
        ("bytes=9-9", INT_RANGE, "9"),
        ("bytes=0-9", INT_RANGE, "0123456789"),
        ("bytes=00003-0006", INT_RANGE, "3456"),
        ("bytes=0-", INT_RANGE, "0123456789"),
        ("bytes=7-", INT_RANGE, "789"),
        ("bytes=9-", INT_RANGE, "9"),
        ("bytes=5-10", CLIPPED, "56789"),
        ("bytes=5-99999", CLIPPED, "56789"),
        ("bytes=5-18446744073709551615", CLIPPED, "56789"),
        ("bytes=5-18446744073709551616", CLIPPED, "56789"),
        ("bytes=5-99999999999999999999999999999999", CLIPPED, "56789"),
        ("bytes=0-10001", CLIPPED, "0123456789"),
        ("bytes=-1", SUFFIX, "9"),
        ("bytes=-3", SUFFIX, "789"),
        ("bytes=-10", SUFFIX, "0123456789"),
        ("bytes=-11", SHORT, "0123456789"),
        ("bytes=-99999999999999999999999999", SHORT, "0123456789"),
        ("BYTES=3-6", UNIT_CASE, "3456"),
        ("Bytes=-3", UNIT_CASE, "789"),
        ("bytes= 3-6", "RFC 9110 section 14.1.1: range-set = 1#range-spec", "3456"),
    ] {
        rows.push(reply_row(range, rule, get(&[&format!("Range: {range}")]), part(body)));
    }
    for range in [
        "bytes=10-",
        "bytes=10-10",
        "bytes=10-11",
        "bytes=999-",
        "bytes=18446744073709551616-",
        "bytes=99999999999999999999-99999999999999999999",
        "bytes=-0",
        "bytes=-000",
    ] {
        rows.push(reply_row(range, UNSATISFIABLE, get(&[&format!("Range: {range}")]), unsatisfiable()));
    }
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--",
        "bytes=--1",
        "bytes=0--",
        "bytes=-2-3",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-a",
        "bytes=a-",
        "bytes=-a",
        "bytes=5",
        "bytes=0x1-2",
        "bytes=+0-1",
        "bytes=0-+1",
        "bytes=0 -1",
        "bytes=0- 1",
        "bytes=0-1x",
        "bytes=0-1;",
        "bytes=0-1/10",
        "bytes 0-1",
        "bytes:0-1",
        "bytes =0-1",
        "bytes==0-1",
        "=0-1",
        "0-1",
        "bytes=0.5-1",
        "bytes=\"0-1\"",
        "bytes=0-1 2-3",
        "bytes=*",
        "bytes=0\u{2010}1",
    ] {
        rows.push(reply_row(format!("<{range}>"), INVALID, get(&[&format!("Range: {range}")]), whole()));
    }
    for range in
        ["lines=0-1", "items=0-1", "byte=0-1", "bytesx=0-1", "none=0-1", "foobytes=0-1", "seconds=1.5-"]
    {
        rows.push(reply_row(range, UNIT, get(&[&format!("Range: {range}")]), whole()));
    }
    rows
}

fn of_files() -> Vec<ReplyRow> {
    let of_large = |range: std::ops::Range<usize>| {
        let content_range = format!("bytes {}-{}/{LARGE_BYTES}", range.start, range.end - 1);
        reply(206).body(large(range)).field("content-range", content_range).field("etag", "{large}")
    };
    let last = LARGE_BYTES - 1;
    vec![
        reply_row(
            "the fields of a 206",
            FIELDS,
            get(&["Range: bytes=3-6"]),
            part("3456")
                .field("etag", "{ten}")
                .field("last-modified", "{modified}")
                .field("content-length", "4")
                .with(&["date", "content-type"]),
        ),
        reply_row(
            "of a HEAD",
            METHOD,
            ask("HEAD", "/ten", &["Range: bytes=3-6"]),
            reply(200).for_head().field("content-length", "10").without(&["content-range"]),
        ),
        reply_row(
            "of a HEAD, beyond the end",
            METHOD,
            ask("HEAD", "/ten", &["Range: bytes=10-"]),
            reply(200).for_head(),
        ),
        reply_row("of a POST", METHOD, ask("POST", "/ten", &["Range: bytes=3-6"]), whole()),
        reply_row("twice", INVALID, get(&["Range: bytes=3-6", "Range: bytes=3-6"]), whole()),
        reply_row(
            "of 1.0",
            INT_RANGE,
            "GET /ten HTTP/1.0\r\nConnection: keep-alive\r\nRange: bytes=3-6\r\n\r\n",
            part("3456").field("connection", "keep-alive"),
        ),
        reply_row(
            "of a request that closes",
            INT_RANGE,
            get(&["Connection: close", "Range: bytes=3-6"]),
            part("3456").closes(),
        ),
        reply_row(
            "of two requests",
            INT_RANGE,
            get(&["Range: bytes=3-6"]) + &get(&["Range: bytes=-1"]),
            [part("3456"), part("9")],
        ),
        reply_row(
            "beyond the end, then within",
            UNSATISFIABLE,
            get(&["Range: bytes=10-"]) + &get(&["Range: bytes=9-"]),
            [unsatisfiable(), part("9")],
        ),
        reply_row(
            "of an empty file",
            EMPTY,
            ask("GET", "/empty", &["Range: bytes=0-"]),
            reply(200).body("").without(&["content-range"]),
        ),
        reply_row(
            "the end of an empty file",
            EMPTY,
            ask("GET", "/empty", &["Range: bytes=-1"]),
            reply(200).body("").without(&["content-range"]),
        ),
        reply_row(
            "beyond an empty file",
            EMPTY,
            ask("GET", "/empty", &["Range: bytes=5-9"]),
            reply(200).body("").without(&["content-range"]),
        ),
        reply_row(
            "of a streamed file, its first octet",
            INT_RANGE,
            ask("GET", "/large", &["Range: bytes=0-0"]),
            of_large(0..1),
        ),
        reply_row(
            "of a streamed file, its last octet",
            INT_RANGE,
            ask("GET", "/large", &[&format!("Range: bytes={last}-")]),
            of_large(last..LARGE_BYTES),
        ),
        reply_row(
            "of a streamed file, its end",
            SUFFIX,
            ask("GET", "/large", &["Range: bytes=-50"]),
            of_large(LARGE_BYTES - 50..LARGE_BYTES),
        ),
        reply_row(
            "of a streamed file, around 64 KiB",
            INT_RANGE,
            ask("GET", "/large", &["Range: bytes=65535-65537"]),
            of_large(65_535..65_538),
        ),
        reply_row(
            "of a streamed file, beyond its end",
            UNSATISFIABLE,
            ask("GET", "/large", &[&format!("Range: bytes={LARGE_BYTES}-")]),
            reply(416).field("content-range", format!("bytes */{LARGE_BYTES}")),
        ),
    ]
}

fn if_range() -> Vec<ReplyRow> {
    let with = |value: &str| get(&["Range: bytes=3-6", &format!("If-Range: {value}")]);
    let mut rows = vec![
        reply_row("If-Range with the tag", IF_RANGE_TAG, with("{ten}"), part("3456")),
        reply_row("If-Range with the date", IF_RANGE_DATE, with("{modified}"), part("3456")),
        reply_row(
            "If-Range of a streamed file",
            IF_RANGE_TAG,
            ask("GET", "/large", &["Range: bytes=0-0", "If-Range: {large}"]),
            reply(206).body(large(0..1)),
        ),
        reply_row("If-Range alone", IF_RANGE_ALONE, get(&["If-Range: {ten}"]), whole()),
        reply_row("If-Range alone, of another", IF_RANGE_ALONE, get(&["If-Range: \"x\""]), whole()),
        reply_row(
            "If-Range twice",
            IF_RANGE,
            get(&["Range: bytes=3-6", "If-Range: {ten}", "If-Range: {ten}"]),
            whole(),
        ),
        reply_row(
            "If-Range of a Range beyond the end",
            IF_RANGE,
            get(&["Range: bytes=10-", "If-Range: \"x\""]),
            whole(),
        ),
        reply_row(
            "If-Range that holds of a Range beyond the end",
            UNSATISFIABLE,
            get(&["Range: bytes=10-", "If-Range: {ten}"]),
            unsatisfiable(),
        ),
        reply_row(
            "If-Range of an invalid Range",
            INVALID,
            get(&["Range: bytes=x", "If-Range: {ten}"]),
            whole(),
        ),
        reply_row("If-Range before Range", IF_RANGE, get(&["If-Range: \"x\"", "Range: bytes=3-6"]), whole()),
        reply_row(
            "If-Range of HEAD",
            METHOD,
            ask("HEAD", "/ten", &["Range: bytes=3-6", "If-Range: {ten}"]),
            reply(200).for_head(),
        ),
    ];
    for value in
        ["W/{ten}", "\"x\"", "{large}", "\"x\", {ten}", "{ten}, \"x\"", "{ten}x", "*", "", "x", "wrong"]
    {
        rows.push(reply_row(format!("If-Range <{value}>"), IF_RANGE_TAG, with(value), whole()));
    }
    for value in [
        "Sun, 06 Nov 1994 08:49:36 GMT",
        "Sun, 06 Nov 1994 08:49:38 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "784111777",
    ] {
        rows.push(reply_row(format!("If-Range <{value}>"), IF_RANGE_DATE, with(value), whole()));
    }
    rows
}

#[test]
fn rows_over_a_socket() {
    check_rows(&rows());
}
