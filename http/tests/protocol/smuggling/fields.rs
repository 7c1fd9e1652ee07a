//! Field lines: names, values and what stands around them.

use selvedge_http::h1::Reject;

use crate::runner::row::{Expected, GET, Row, Told, row};
use crate::runner::{engine, wire};

const LINE: &str = "RFC 9112 section 5: field-line = field-name \":\" OWS field-value OWS";
const NAME: &str = "RFC 9110 section 5.1: field-name = token";
const COLON: &str = "RFC 9112 section 5.1: A server MUST reject, with a response status code of 400 (Bad \
    Request), any received request message that contains whitespace between a header field name and colon.";
const FOLD: &str = "RFC 9112 section 5.2: A server that receives an obs-fold in a request message that is \
    not within a \"message/http\" container MUST either reject the message by sending a 400 (Bad Request), \
    preferably with a representation explaining that obsolete line folding is unacceptable, or replace each \
    received obs-fold with one or more SP octets prior to interpreting the field value or forwarding the \
    message downstream.";
const FIRST: &str = "RFC 9112 section 2.2: A recipient that receives whitespace between the start-line and \
    the first header field MUST either reject the message as invalid or consume each whitespace-preceded \
    line without further processing of it";
const NUL: &str = "RFC 9110 section 5.5: Field values containing CR, LF, or NUL characters are invalid and \
    dangerous, due to the varying ways that implementations might parse and interpret those characters; a \
    recipient of CR, LF, or NUL within a field value MUST either reject the message or replace each of \
    those characters with SP before further processing or forwarding of that message.";
const CONTROLS: &str = "RFC 9110 section 5.5: Field values containing other CTL characters are also invalid";
const OBS_TEXT: &str = "RFC 9110 section 5.5: A recipient SHOULD treat other allowed octets in field \
    content (i.e., obs-text) as opaque data.";
const WHITESPACE: &str = "RFC 9112 section 5.1: A field line value might be preceded and/or followed by \
    optional whitespace (OWS)";

pub(crate) fn rows() -> Vec<Row> {
    let with = |lines: &[u8]| [b"GET / HTTP/1.1\r\nHost: a\r\n", lines, b"\r\n"].concat();
    let (name, value) =
        (Expected::Refused(400, Reject::FieldName), Expected::Refused(400, Reject::FieldValue));
    let told = |fields| Told { fields, ..GET };
    let mut rows = vec![
        row("a value", LINE, with(b"A: b\r\n"), told(&[("A", b"b")])),
        row("no whitespace", LINE, with(b"A:b\r\n"), told(&[("A", b"b")])),
        row("whitespace around a value", WHITESPACE, with(b"A: \t b\t \r\n"), told(&[("A", b"b")])),
        row("whitespace within a value", WHITESPACE, with(b"A: b \t c\r\n"), told(&[("A", b"b \t c")])),
        row("an empty value", LINE, with(b"A:\r\n"), told(&[("A", b"")])),
        row("a value of whitespace", WHITESPACE, with(b"A: \t \r\n"), told(&[("A", b"")])),
        row("colons in a value", LINE, with(b"A: b:c: d\r\n"), told(&[("A", b"b:c: d")])),
        row("a value that begins with a colon", LINE, with(b"A:: b\r\n"), told(&[("A", b": b")])),
        row(
            "quotes and commas",
            LINE,
            with(b"A: \"b, c\", d;e=\"f\\\"\"\r\n"),
            told(&[("A", b"\"b, c\", d;e=\"f\\\"\"")]),
        ),
        row("obs-text", OBS_TEXT, with(b"A: \x80\xff\xc3\xa9\r\n"), told(&[("A", b"\x80\xff\xc3\xa9")])),
        row(
            "obs-text alone and at the ends",
            OBS_TEXT,
            with(b"A:\xff\r\nB: \xa0b\xa0\r\n"),
            told(&[("A", b"\xff"), ("B", b"\xa0b\xa0")]),
        ),
        row(
            "the same name twice",
            "RFC 9110 section 5.2: When a field name is repeated within a section, its combined field value \
             consists of the list of corresponding field line values",
            with(b"A: b\r\nA: c\r\n"),
            told(&[("A", b"b"), ("A", b"c")]),
        ),
        row(
            "every octet of a token",
            NAME,
            with(b"!#$%&'*+-.^_`|~09azAZ: b\r\n"),
            told(&[("!#$%&'*+-.^_`|~09azAZ", b"b")]),
        ),
        row("a name of a digit", NAME, with(b"0: b\r\n"), told(&[("0", b"b")])),
        row("underscores stay", NAME, with(b"A_B: c\r\nA-B: d\r\n"), told(&[("A_B", b"c"), ("A-B", b"d")])),
        row("space before the colon", COLON, with(b"A : b\r\n"), name),
        row("HTAB before the colon", COLON, with(b"A\t: b\r\n"), name),
        row("space before the colon of Host", COLON, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", name),
        row("space before the colon of Content-Length", COLON, with(b"Content-Length : 5\r\n"), name),
        row("space within a name", NAME, with(b"A B: c\r\n"), name),
        row("no name", NAME, with(b": b\r\n"), name),
        row("no name and no value", NAME, with(b":\r\n"), name),
        row("no colon", LINE, with(b"A\r\n"), name),
        row("no colon but a space", LINE, with(b"A b\r\n"), name),
        row("a request line as a field line", LINE, with(b"GET /b HTTP/1.1\r\n"), name),
        row("an equals sign for a colon", LINE, with(b"A=b\r\n"), name),
        row("quotes around a name", NAME, with(b"\"A\": b\r\n"), name),
        row("obs-text in a name", NAME, with(b"\xc3\xa9: b\r\n"), name),
        row("folded with a space", FOLD, with(b"A: b\r\n c\r\n"), name),
        row("folded with HTAB", FOLD, with(b"A: b\r\n\tc\r\n"), name),
        row("folded without a value before it", FOLD, with(b"A:\r\n b\r\n"), name),
        row("folded without a value behind it", FOLD, with(b"A: b\r\n \r\n"), name),
        row("folded Host", FOLD, b"GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", name),
        row("folded Content-Length", FOLD, with(b"Content-Length: 1\r\n 0\r\n"), name),
        row("folded before the end", FOLD, with(b"A: b\r\n\t\r\n"), name),
        row("space before the first line", FIRST, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", name),
        row("HTAB before the first line", FIRST, b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", name),
        row("a line of whitespace first", FIRST, b"GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", name),
        row(
            "a hidden Content-Length in the first line",
            FIRST,
            b"GET / HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\n12345",
            name,
        ),
        row("NUL in a value", NUL, with(b"A: b\0c\r\n"), value),
        row("NUL at the end of a value", NUL, with(b"A: b\0\r\n"), value),
        row("NUL alone", NUL, with(b"A: \0\r\n"), value),
        row("NUL in Host", NUL, b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", value),
        row("NUL in a name", NAME, with(b"A\0: b\r\n"), name),
        row("NUL for a line", NAME, with(b"\0\r\n"), name),
        row("the value's first octet is wrong", CONTROLS, with(b"A:\x01\r\n"), value),
    ];
    for octet in 0..=255_u8 {
        if b"\r\n".contains(&octet) {
            continue;
        }
        let in_value = [b"A: b", &[octet][..], b"c\r\n"].concat();
        let is_control = octet < b' ' && octet != b'\t' || octet == 0x7f;
        let expected = if is_control { value } else { GET.into() };
        rows.push(row(format!("octet {octet:#04x} in a value"), CONTROLS, with(&in_value), expected));
        let in_name = [b"A", &[octet][..], b"C: d\r\n"].concat();
        let is_token = octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
        // A colon ends the name, so that the second one belongs to the value.
        let expected = if is_token || octet == b':' { GET.into() } else { name };
        rows.push(row(format!("octet {octet:#04x} in a name"), NAME, with(&in_name), expected));
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
