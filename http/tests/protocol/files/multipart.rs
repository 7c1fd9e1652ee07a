//! Several parts of a file in one answer.

use crate::runner::archive::{LARGE_BYTES, check_rows, large};
use crate::runner::reply::{ReplyRow, reply, reply_row};

const MULTIPART: &str = "RFC 9110 section 15.3.7.2: If multiple parts are being transferred, the server \
    generating the 206 response MUST generate \"multipart/byteranges\" content";
const NO_CONTENT_RANGE: &str = "RFC 9110 section 15.3.7.2: a server MUST NOT generate a Content-Range \
    header field in the HTTP header section of a multiple part response";
const ONE_LEFT: &str = "RFC 9110 section 15.3.7.2: A server MUST NOT generate a multipart response to a \
    request for a single range";
const SATISFIABLE: &str = "RFC 9110 section 14.1.1: A valid ranges-specifier is satisfiable if it contains \
    at least one range-spec that is satisfiable, as defined by the indicated range-unit.";
const INVALID: &str = "RFC 9110 section 14.2: A server that supports range requests MAY ignore or reject a \
    Range header field that contains an invalid ranges-specifier";
const LIST: &str = "RFC 9110 section 5.6.1.2: A recipient MUST parse and ignore a reasonable number of \
    empty list elements";

pub(crate) fn rows() -> Vec<ReplyRow> {
    let get = |ranges: &str| format!("GET /ten HTTP/1.1\r\nHost: a\r\nRange: bytes={ranges}\r\n\r\n");
    let two =
        || reply(206).parts(&[(0, b"01"), (5, b"56")]).field("etag", "{ten}").without(&["content-range"]);
    let end = LARGE_BYTES - 2;
    vec![
        reply_row("two parts", MULTIPART, get("0-1,5-6"), two()),
        reply_row("two parts and whitespace", LIST, get(" 0-1 ,\t5-6 "), two()),
        reply_row("two parts and empty elements", LIST, get(",0-1,, 5-6,"), two()),
        reply_row("no Content-Range in the head", NO_CONTENT_RANGE, get("0-1,5-6"), two()),
        reply_row("a part and the end", MULTIPART, get("0-0,-1"), reply(206).parts(&[(0, b"0"), (9, b"9")])),
        reply_row(
            "three parts",
            MULTIPART,
            get("0-0,3-4,8-"),
            reply(206).parts(&[(0, b"0"), (3, b"34"), (8, b"89")]),
        ),
        reply_row("one that is beyond the end", SATISFIABLE, get("0-1,5-6,10-"), two()),
        reply_row(
            "one that is left",
            ONE_LEFT,
            get("3-6,10-"),
            reply(206).body("3456").field("content-range", "bytes 3-6/10"),
        ),
        reply_row(
            "none that is left",
            SATISFIABLE,
            get("10-,11-12,-0"),
            reply(416).field("content-range", "bytes */10"),
        ),
        reply_row("one that is invalid", INVALID, get("0-1,x"), reply(200).body("0123456789")),
        reply_row("one that ends before it begins", INVALID, get("0-1,6-5"), reply(200).body("0123456789")),
        reply_row(
            "of a HEAD",
            "RFC 9110 section 14.2: For this specification, GET is the only method for which range handling \
             is defined.",
            get("0-1,5-6").replace("GET", "HEAD"),
            reply(200).for_head(),
        ),
        reply_row(
            "with If-Range that holds",
            MULTIPART,
            "GET /ten HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,5-6\r\nIf-Range: {ten}\r\n\r\n",
            two(),
        ),
        reply_row(
            "with If-Range that does not",
            MULTIPART,
            "GET /ten HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,5-6\r\nIf-Range: \"x\"\r\n\r\n",
            reply(200).body("0123456789"),
        ),
        reply_row("of an empty file", INVALID, get("0-1,5-6").replace("/ten", "/empty"), reply(200).body("")),
        reply_row(
            "of a streamed file",
            MULTIPART,
            get(&format!("0-1,65535-65536,{end}-")).replace("/ten", "/large"),
            reply(206).parts(&[
                (0, &large(0..2)),
                (65_535, &large(65_535..65_537)),
                (end as u64, &large(end..LARGE_BYTES)),
            ]),
        ),
        reply_row("of two requests", MULTIPART, get("0-1,5-6").repeat(2), [two(), two()]),
    ]
}

#[test]
fn rows_over_a_socket() {
    check_rows(&rows());
}
