//! Transfer-Encoding: `chunked`, once and alone, in 1.1.

use selvedge_http::h1::{Reject, Version};

use crate::runner::row::{Body, Expected, POST, Row, Told, post_chunked, row};
use crate::runner::{engine, wire};

const CHUNKED: &str = "RFC 9112 section 7.1: A recipient MUST be able to parse and decode the chunked \
    transfer coding.";
const CASE: &str = "RFC 9112 section 7: All transfer-coding names are case-insensitive";
const NOT_LAST: &str = "RFC 9112 section 6.3: If a Transfer-Encoding header field is present in a request \
    and the chunked transfer coding is not the final encoding, the message body length cannot be determined \
    reliably; the server MUST respond with the 400 (Bad Request) status code and then close the connection.";
const TWICE: &str = "RFC 9112 section 6.1: A sender MUST NOT apply the chunked transfer coding more than \
    once to a message body";
const UNKNOWN: &str = "RFC 9112 section 6.1: A server that receives a request message with a transfer \
    coding it does not understand SHOULD respond with 501 (Not Implemented).";
const ONE_ZERO: &str = "RFC 9112 section 6.1: A server or client that receives an HTTP/1.0 message \
    containing a Transfer-Encoding header field MUST treat the message as if the framing is faulty";
const PARAMETERS: &str = "RFC 9112 section 7.1: The chunked coding does not define any parameters. Their \
    presence SHOULD be treated as an error.";
const NAME: &str = "RFC 9112 section 5.1: A server MUST reject, with a response status code of 400 (Bad \
    Request), any received request message that contains whitespace between a header field name and colon.";

pub(crate) fn rows() -> Vec<Row> {
    let post = |lines: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n0\r\n\r\n");
    let empty = post_chunked(Body::Read(b""));
    let (invalid, unsupported, name, value) = (
        Expected::Refused(400, Reject::TransferEncodingInvalid),
        Expected::Refused(501, Reject::TransferCodingUnsupported),
        Expected::Refused(400, Reject::FieldName),
        Expected::Refused(400, Reject::FieldValue),
    );
    let mut rows = vec![
        row("chunked", CHUNKED, post("Transfer-Encoding: chunked\r\n"), empty),
        row("in capitals", CASE, post("TRANSFER-ENCODING: CHUNKED\r\n"), empty),
        row("in mixed case", CASE, post("tRANSFER-eNCODING: ChUnKeD\r\n"), empty),
        row("whitespace around it", CHUNKED, post("Transfer-Encoding:\t  chunked\t \r\n"), empty),
        row("no whitespace", CHUNKED, post("Transfer-Encoding:chunked\r\n"), empty),
        row(
            "of a GET",
            CHUNKED,
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            Told { method: "GET", ..post_chunked(Body::Read(b"x")) },
        ),
        row(
            "of a HEAD",
            CHUNKED,
            "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            Told { method: "HEAD", ..post_chunked(Body::Read(b"x")) },
        ),
        row(
            "of a later 1.x",
            CHUNKED,
            "POST / HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            Told { version: Version::Http11, ..post_chunked(Body::Read(b"x")) },
        ),
        row(
            "two lines of chunked",
            TWICE,
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            invalid,
        ),
        row(
            "two lines, chunked last",
            NOT_LAST,
            post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
            invalid,
        ),
        row(
            "two lines, chunked first",
            NOT_LAST,
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            invalid,
        ),
        row(
            "two lines, one empty",
            NOT_LAST,
            post("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n"),
            invalid,
        ),
        row(
            "two lines, names in different case",
            TWICE,
            post("Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n"),
            invalid,
        ),
        row(
            "of 1.0",
            ONE_ZERO,
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Expected::Refused(400, Reject::TransferEncodingInHttp10),
        ),
        row(
            "of 1.0 with Content-Length",
            ONE_ZERO,
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            Expected::Refused(400, Reject::TransferEncodingInHttp10),
        ),
        row(
            "identity of 1.0",
            ONE_ZERO,
            "POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n",
            Expected::Refused(400, Reject::TransferEncodingInHttp10),
        ),
        row("space before the colon", NAME, post("Transfer-Encoding : chunked\r\n"), name),
        row("HTAB before the colon", NAME, post("Transfer-Encoding\t: chunked\r\n"), name),
        row("space before the name", NAME, post(" Transfer-Encoding: chunked\r\n"), name),
        row(
            "folded",
            "RFC 9112 section 5.2: A server that receives an obs-fold in a request message",
            post("Transfer-Encoding:\r\n chunked\r\n"),
            name,
        ),
        row(
            "folded behind a comma",
            "RFC 9112 section 5.2: A server that receives an obs-fold in a request message",
            post("Transfer-Encoding: gzip,\r\n\tchunked\r\n"),
            name,
        ),
        row("NUL before the colon", NAME, post("Transfer-Encoding\0: chunked\r\n"), name),
        row("NUL behind it", NOT_LAST, post("Transfer-Encoding: chunked\0\r\n"), value),
        row("VT before it", NOT_LAST, post("Transfer-Encoding: \x0bchunked\r\n"), value),
        row("FF behind it", NOT_LAST, post("Transfer-Encoding: chunked\x0c\r\n"), value),
        row("DEL before it", NOT_LAST, post("Transfer-Encoding: \x7fchunked\r\n"), value),
        row(
            "bare CR behind the colon",
            "RFC 9112 section 2.2: A recipient of such a bare CR MUST consider that element to be invalid",
            post("Transfer-Encoding:\rchunked\r\n"),
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        row(
            "bare LF behind the colon",
            "RFC 9112 section 2.2: a recipient MAY recognize a single LF as a line terminator",
            post("Transfer-Encoding:\nchunked\r\n"),
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        row(
            "in the value of a field behind a bare CR",
            "RFC 9112 section 2.2: A recipient of such a bare CR MUST consider that element to be invalid",
            post("A: b\rTransfer-Encoding: chunked\r\n"),
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        row(
            "names that are like it",
            "RFC 9112 section 6.3: If this is a request message and none of the above are true, then the \
             message body length is zero",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nX-Transfer-Encoding: chunked\r\n\
             TransferEncoding: chunked\r\nTransfer-Encoding2: chunked\r\nTransfer.Encoding: chunked\r\n\r\n",
            POST,
        ),
        row(
            "in a target",
            "RFC 9112 section 6.3: If this is a request message and none of the above are true, then the \
             message body length is zero",
            "POST /?Transfer-Encoding:chunked HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { query: Some("Transfer-Encoding:chunked"), ..POST },
        ),
    ];
    for value in [
        "gzip, chunked",
        "gzip,chunked",
        "deflate, gzip, chunked",
        "identity, chunked",
        "x;a=b, chunked",
        "x;a=\"b\" ,\tchunked",
        "cow, chunked",
        "x-chunked, chunked",
    ] {
        rows.push(row(value, UNKNOWN, post(&format!("Transfer-Encoding: {value}\r\n")), unsupported));
    }
    for value in [
        "",
        "identity",
        "gzip",
        "compress",
        "deflate",
        "x",
        "chunked, gzip",
        "chunked, identity",
        "chunked,",
        ",chunked",
        ", chunked",
        "chunked, ,",
        ",",
        "xchunked",
        "chunkedx",
        "chunked x",
        "x chunked",
        "chunked-",
        "chunke",
        "chunk",
        "hunked",
        "chunked\tx",
        "'chunked'",
        "\"chunked\"",
        "(chunked)",
        "[chunked]",
        "chunked/1",
        "chunked:",
        "chunked =",
        "c hunked",
        "chun\u{212a}ed",
        "\u{ff43}hunked",
    ] {
        rows.push(row(
            format!("value <{value}>"),
            NOT_LAST,
            post(&format!("Transfer-Encoding: {value}\r\n")),
            invalid,
        ));
    }
    for value in ["chunked, chunked", "chunked,chunked", "chunked, gzip, chunked", "CHUNKED, chunked"] {
        rows.push(row(value, TWICE, post(&format!("Transfer-Encoding: {value}\r\n")), invalid));
    }
    for value in ["chunked;a=b", "chunked;", "chunked ;a", "chunked;q=1"] {
        rows.push(row(value, PARAMETERS, post(&format!("Transfer-Encoding: {value}\r\n")), invalid));
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
