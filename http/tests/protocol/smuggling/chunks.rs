//! Chunks, their extensions and trailers.

use selvedge_http::h1::{Persistence, Reject};

use crate::runner::row::{Body, GET, Row, Told, post_chunked, row};
use crate::runner::{engine, wire};

const CHUNK: &str = "RFC 9112 section 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF";
const SIZE: &str = "RFC 9112 section 7.1: chunk-size = 1*HEXDIG";
const OVERFLOW: &str = "RFC 9112 section 7.1: recipients MUST anticipate potentially large hexadecimal \
    numerals and prevent parsing errors due to integer conversion overflows or precision loss due to \
    integer representation.";
const EXTENSION: &str = "RFC 9112 section 7.1.1: A recipient MUST ignore unrecognized chunk extensions.";
const LONG_EXTENSION: &str = "RFC 9112 section 7.1.1: A server ought to limit the total length of chunk \
    extensions received in a request to an amount reasonable for the services provided, in the same way \
    that it applies length limitations and timeouts for other parts of a message, and generate an \
    appropriate 4xx (Client Error) response if that amount is exceeded.";
const TRAILER: &str = "RFC 9112 section 7.1.2: trailer-section = *( field-line CRLF )";
const MERGE: &str = "RFC 9112 section 7.1.2: A recipient MUST NOT merge a received trailer field into the \
    header section unless its corresponding header field definition explicitly permits and instructs how \
    the trailer field value can be safely merged.";
const LONG_TRAILER: &str = "RFC 9110 section 5.4: A server that receives a request header field line, field \
    value, or set of fields larger than it wishes to process MUST respond with an appropriate 4xx (Client \
    Error) status code.";
const BODY: &str = "RFC 9112 section 9.3: A server MUST read the entire request message body or close the \
    connection after sending its response; otherwise, the remaining data on a persistent connection would \
    be misinterpreted as the next request.";

/// Octets of extensions of one body, and of its trailers.
const EXTENSION_BYTES_MAX: usize = 4 * 1_024;
const TRAILER_BYTES_MAX: usize = 4 * 1_024;

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = sizes();
    rows.extend(extensions());
    rows.extend(trailers());
    rows
}

fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", body.as_ref()].concat()
}

fn data(octets: &'static [u8]) -> Told {
    post_chunked(Body::Read(octets))
}

fn refused(reject: Reject) -> Told {
    post_chunked(Body::Refused(reject))
}

fn sizes() -> Vec<Row> {
    let mut rows = vec![
        row("no data", CHUNK, post("0\r\n\r\n"), data(b"")),
        row("one chunk", CHUNK, post("5\r\n12345\r\n0\r\n\r\n"), data(b"12345")),
        row("two chunks", CHUNK, post("4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n"), data(b"Wikipedia")),
        row(
            "hexadecimal in both cases",
            SIZE,
            post("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
            data(b"01234567890123456789"),
        ),
        row("two digits", SIZE, post("10\r\n0123456789abcdef\r\n0\r\n\r\n"), data(b"0123456789abcdef")),
        row("leading zeros", SIZE, post("00005\r\n12345\r\n0\r\n\r\n"), data(b"12345")),
        row(
            "a last chunk of several zeros",
            "RFC 9112 section 7.1: last-chunk = 1*(\"0\") [ chunk-ext ] CRLF",
            post("0000\r\n\r\n"),
            data(b""),
        ),
        row("sixteen digits", OVERFLOW, post("0000000000000005\r\n12345\r\n0\r\n\r\n"), data(b"12345")),
        row("line ends as data", CHUNK, post("8\r\n\r\n0\r\n\r\n\r\r\n0\r\n\r\n"), data(b"\r\n0\r\n\r\n\r")),
        row(
            "a request as data",
            BODY,
            post("21\r\nGET /lure HTTP/1.1\r\nHost: lure\r\n\r\r\n0\r\n\r\n"),
            data(b"GET /lure HTTP/1.1\r\nHost: lure\r\n\r"),
        ),
        row(
            "a request behind it",
            BODY,
            [&post("1\r\nx\r\n0\r\n\r\n")[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat(),
            [data(b"x").into(), GET.into()],
        ),
        row(
            "two behind each other",
            BODY,
            [post("1\r\nx\r\n0\r\n\r\n"), post("1\r\ny\r\n0\r\n\r\n")].concat(),
            [data(b"x").into(), data(b"y").into()],
        ),
        row(
            "of a request that closes",
            "RFC 9112 section 9.6: A server that receives a \"close\" connection option MUST initiate \
             closure of the connection (see below) after it sends the final response to the request that \
             contained the \"close\" connection option.",
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n\
             0\r\n\r\n",
            Told { persistence: Persistence::Close, ..data(b"x") },
        ),
        row("not begun", CHUNK, post(""), post_chunked(Body::CutShort)),
        row("cut short in its size", CHUNK, post("5"), post_chunked(Body::CutShort)),
        row("cut short in its data", CHUNK, post("5\r\n123"), post_chunked(Body::CutShort)),
        row("cut short before its last chunk", CHUNK, post("5\r\n12345\r\n"), post_chunked(Body::CutShort)),
        row("cut short before its end", CHUNK, post("5\r\n12345\r\n0\r\n"), post_chunked(Body::CutShort)),
        row("cut short within its end", CHUNK, post("5\r\n12345\r\n0\r\n\r"), post_chunked(Body::CutShort)),
        row(
            "beyond what a body may have",
            "RFC 9110 section 15.5.14: The 413 (Content Too Large) status code indicates that the server is \
             refusing to process a request",
            post("100001\r\n"),
            refused(Reject::BodyTooLarge),
        ),
        row(
            "beyond it in the second chunk",
            "RFC 9110 section 15.5.14: The 413 (Content Too Large) status code indicates that the server is \
             refusing to process a request",
            post("1\r\nx\r\n100000\r\n"),
            refused(Reject::BodyTooLarge),
        ),
        row("the largest of 64 bits", OVERFLOW, post("ffffffffffffffff\r\n"), refused(Reject::BodyTooLarge)),
        row("the largest of 63 bits", OVERFLOW, post("7fffffffffffffff\r\n"), refused(Reject::BodyTooLarge)),
        row("5 in 32 bits", OVERFLOW, post("100000005\r\n12345\r\n0\r\n\r\n"), refused(Reject::BodyTooLarge)),
        row(
            "two that would be 5 together",
            OVERFLOW,
            post("6\r\n123456\r\nffffffffffffffff\r\n"),
            refused(Reject::BodyTooLarge),
        ),
        row(
            "one octet more than its size",
            CHUNK,
            post("5\r\n123456\r\n0\r\n\r\n"),
            refused(Reject::ChunkEnd),
        ),
        row("one octet less than its size", CHUNK, post("5\r\n1234\r\n0\r\n\r\n"), refused(Reject::ChunkEnd)),
        row("LF behind the data", CHUNK, post("5\r\n12345\n0\r\n\r\n"), refused(Reject::ChunkEnd)),
        row("CR behind the data", CHUNK, post("5\r\n12345\r0\r\n\r\n"), refused(Reject::ChunkEnd)),
        row("nothing behind the data", CHUNK, post("5\r\n123450\r\n\r\n"), refused(Reject::ChunkEnd)),
        row("spaces behind the data", CHUNK, post("5\r\n12345 \r\n0\r\n\r\n"), refused(Reject::ChunkEnd)),
        row("LF and CR behind the data", CHUNK, post("5\r\n12345\n\r0\r\n\r\n"), refused(Reject::ChunkEnd)),
    ];
    for size in [
        "",
        " 5",
        "\t5",
        "+5",
        "-5",
        "-0",
        "0x5",
        "0X5",
        "x5",
        "5x",
        "5g",
        "g",
        "5 5",
        "5,5",
        "5_0",
        "5.",
        "\"5\"",
        "5 ",
        "5\t",
        "5h",
        "#5",
        "\u{661}",
        "\u{ff15}",
        "5\0",
        "\x0b5",
        "5\x0b",
        "00000000000000005",
        "10000000000000005",
        "fffffffffffffffff",
        "5\r",
        "5\n",
        "5\rX",
        "\n5",
        "5:",
        "5 =",
        "5&a",
    ] {
        rows.push(row(
            format!("size <{}>", size.escape_debug()),
            SIZE,
            post(format!("{size}\r\n12345\r\n0\r\n\r\n")),
            refused(Reject::ChunkSize),
        ));
    }
    rows
}

fn extensions() -> Vec<Row> {
    let long = |length: usize| post(format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(length - 1)));
    let shared = format!("1;{}\r\nx\r\n", "e".repeat(EXTENSION_BYTES_MAX / 4));
    let mut rows = vec![
        row("a long extension", LONG_EXTENSION, long(EXTENSION_BYTES_MAX), data(b"x")),
        row(
            "a longer extension",
            LONG_EXTENSION,
            long(EXTENSION_BYTES_MAX + 1),
            refused(Reject::ChunkExtensionsTooLong),
        ),
        row(
            "many extensions",
            LONG_EXTENSION,
            post(shared.repeat(4) + "0\r\n\r\n"),
            refused(Reject::ChunkExtensionsTooLong),
        ),
        row(
            "whitespace that is too long",
            LONG_EXTENSION,
            post(format!("1{};a\r\nx\r\n0\r\n\r\n", " ".repeat(EXTENSION_BYTES_MAX))),
            refused(Reject::ChunkExtensionsTooLong),
        ),
        row(
            "whitespace and no extension",
            EXTENSION,
            post("5 \r\n12345\r\n0\r\n\r\n"),
            refused(Reject::ChunkSize),
        ),
        row("of the last chunk", EXTENSION, post("1\r\nx\r\n0;a=b\r\n\r\n"), data(b"x")),
        row("obs-text", EXTENSION, post(b"1;a=\"\xff\"\r\nx\r\n0\r\n\r\n"), data(b"x")),
        row("LF", EXTENSION, post("1;a\nx\r\n0\r\n\r\n"), refused(Reject::ChunkExtension)),
        row(
            "LF and what would be a chunk",
            EXTENSION,
            post("1;\n3\r\nabc\r\n0\r\n\r\n"),
            refused(Reject::ChunkExtension),
        ),
        row("CR", EXTENSION, post("1;a\rx\r\n0\r\n\r\n"), refused(Reject::ChunkSize)),
        row("CR twice", EXTENSION, post("1;a\r\r\nx\r\n0\r\n\r\n"), refused(Reject::ChunkSize)),
        row("LF in quotes", EXTENSION, post("1;a=\"\n\"\r\nx\r\n0\r\n\r\n"), refused(Reject::ChunkExtension)),
        row(
            "CRLF in quotes ends the line",
            EXTENSION,
            post("1;a=\"\r\n\"\r\nx\r\n0\r\n\r\n"),
            refused(Reject::ChunkSize),
        ),
    ];
    for extension in [
        ";a",
        ";a=b",
        ";a=\"b\"",
        ";a=\"b;c\"",
        "; a = b",
        " ;a=b",
        "\t;\ta",
        ";a;b;c=d",
        ";",
        ";;",
        "; comment",
        ";a=\"\\\"\"",
    ] {
        rows.push(row(
            extension,
            EXTENSION,
            post(format!("1{extension}\r\nx\r\n0{extension}\r\n\r\n")),
            data(b"x"),
        ));
    }
    for octet in (0..b' ').chain([0x7f]).filter(|octet| !b"\t\r\n".contains(octet)) {
        let octets = [b"1;a", &[octet][..], b"\r\nx\r\n0\r\n\r\n"].concat();
        rows.push(row(
            format!("octet {octet:#04x}"),
            EXTENSION,
            post(octets),
            refused(Reject::ChunkExtension),
        ));
    }
    rows
}

fn trailers() -> Vec<Row> {
    let long = |length: usize| post(format!("0\r\nA: {}\r\n\r\n", "t".repeat(length - 5)));
    let mut rows = vec![
        row("one trailer", TRAILER, post("1\r\nx\r\n0\r\nA: b\r\n\r\n"), data(b"x")),
        row("two trailers", TRAILER, post("0\r\nA: b\r\nC: d\r\n\r\n"), data(b"")),
        row("a trailer without a value", TRAILER, post("0\r\nA:\r\n\r\n"), data(b"")),
        row(
            "Content-Length in a trailer",
            MERGE,
            [&post("1\r\nx\r\n0\r\nContent-Length: 50\r\n\r\n")[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]
                .concat(),
            [data(b"x").into(), GET.into()],
        ),
        row(
            "Transfer-Encoding in a trailer",
            MERGE,
            [&post("0\r\nTransfer-Encoding: chunked\r\n\r\n")[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"]
                .concat(),
            [data(b"").into(), GET.into()],
        ),
        row("Host in a trailer", MERGE, post("0\r\nHost: b\r\n\r\n"), data(b"")),
        row("Connection in a trailer", MERGE, post("0\r\nConnection: close\r\n\r\n"), data(b"")),
        row("Expect in a trailer", MERGE, post("0\r\nExpect: 200-ok\r\n\r\n"), data(b"")),
        row("trailers of 4 KiB", LONG_TRAILER, long(TRAILER_BYTES_MAX), data(b"")),
        row(
            "trailers of 4 KiB and one octet",
            LONG_TRAILER,
            long(TRAILER_BYTES_MAX + 1),
            refused(Reject::TrailersTooLong),
        ),
        row(
            "many trailers",
            LONG_TRAILER,
            post(format!("0\r\n{}\r\n", "A: b\r\n".repeat(1_000))),
            refused(Reject::TrailersTooLong),
        ),
    ];
    for trailer in [
        "A\r\n",
        "A : b\r\n",
        "A\t: b\r\n",
        " A: b\r\n",
        "\tA: b\r\n",
        ": b\r\n",
        "A: b\r\n c\r\n",
        "A: b\n",
        "A: b\rc\r\n",
        "A: \0\r\n",
        "A: \x7f\r\n",
        "A B: c\r\n",
        "\n",
        "\r",
        "\rX",
        "GET /lure HTTP/1.1\r\n",
        "é: b\r\n",
        "A\r\n: b\r\n",
        "A=b\r\n",
    ] {
        rows.push(row(
            format!("trailer <{}>", trailer.escape_debug()),
            TRAILER,
            post(format!("0\r\n{trailer}\r\n")),
            refused(Reject::Trailer),
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
