//! Methods: any token reaches the application, but for those that are the engine's.

use selvedge_http::h1::{Reject, TargetForm};

use crate::runner::row::{Expected, GET, GET_1_0, Row, Told, row};
use crate::runner::{engine, wire};

const TOKEN: &str = "RFC 9112 section 3.1: method = token";
const CASE: &str = "RFC 9112 section 3.1: The request method is case-sensitive.";
const HEAD: &str = "RFC 9110 section 9.3.2: The HEAD method is identical to GET except that the server MUST \
    NOT send content in the response.";
const LINE: &str = "RFC 9112 section 3: request-line = method SP request-target SP HTTP-version";
const TRACE: &str = "RFC 9110 section 9.1: An origin server that receives a request method that is \
    unrecognized or not implemented SHOULD respond with the 501 (Not Implemented) status code.";
const CONNECT: &str = "RFC 9110 section 9.3.6: An origin server MAY accept a CONNECT request, but most \
    origin servers do not implement CONNECT.";
const LONG: &str = "RFC 9112 section 3: A server that receives a method longer than any that it implements \
    SHOULD respond with a 501 (Not Implemented) status code.";
const MALFORMED: &str = "RFC 9112 section 2.2: receives a sequence of octets that does not match the \
    HTTP-message grammar aside from the robustness exceptions listed above, the server SHOULD respond with \
    a 400 (Bad Request) response and close the connection.";

pub(crate) fn rows() -> Vec<Row> {
    let ask = |method: &str| format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut rows: Vec<Row> = [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "PATCH",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "REPORT",
        "MKACTIVITY",
        "CHECKOUT",
        "MERGE",
        "NOTIFY",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "PURGE",
        "LINK",
        "UNLINK",
        "SEARCH",
        "BIND",
        "ACL",
        "QUERY",
        "PRI",
        "M-SEARCH",
        "X",
        "0",
        "!#$%&'*+-.^_`|~",
        "HTTP/1.1",
    ]
    .into_iter()
    .filter(|method| *method != "HTTP/1.1")
    .map(|method| row(method, TOKEN, ask(method), Told { method, ..GET }))
    .collect();
    for method in ["get", "Get", "GETT", "GE", "HEADER", "head", "options", "connect", "trace"] {
        rows.push(row(method, CASE, ask(method), Told { method, ..GET }));
    }
    let refused = Expected::Refused(400, Reject::RequestLine);
    rows.extend([
        row("HEAD of 1.0", TOKEN, "HEAD / HTTP/1.0\r\n\r\n", Told { method: "HEAD", ..GET_1_0 }),
        row(
            "HEAD without Host",
            HEAD,
            "HEAD / HTTP/1.1\r\n\r\n",
            Expected::Refused(400, Reject::HostMissing),
        ),
        row(
            "HEAD behind an empty line",
            HEAD,
            "\r\nHEAD / HTTP/9.1\r\n\r\n",
            Expected::Refused(505, Reject::VersionUnsupported),
        ),
        row(
            "HEAD of a body too large",
            HEAD,
            "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
            Expected::Refused(413, Reject::BodyTooLarge),
        ),
        row(
            "HEAD with a field folded",
            HEAD,
            "HEAD / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        row("TRACE", TRACE, ask("TRACE"), Told { method: "TRACE", answer: 501, ..GET }),
        row(
            "TRACE of an absolute-form",
            TRACE,
            "TRACE http://b/c HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
            Told {
                method: "TRACE",
                form: TargetForm::Absolute,
                authority: Some("b"),
                path: "/c",
                answer: 501,
                ..GET
            },
        ),
        row("CONNECT", CONNECT, ask("CONNECT"), Expected::Refused(501, Reject::ConnectUnsupported)),
        row(
            "CONNECT of a host without a port",
            CONNECT,
            "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
            Expected::Refused(501, Reject::ConnectUnsupported),
        ),
        row(
            "CONNECT with octets of a tunnel behind it",
            CONNECT,
            "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n\x16\x03\x01",
            Expected::Refused(501, Reject::ConnectUnsupported),
        ),
        row(
            "a token of 31 letters",
            TOKEN,
            ask("METHOD-OF-THIRTY-ONE-CHARACTERS"),
            Told { method: "METHOD-OF-THIRTY-ONE-CHARACTERS", ..GET },
        ),
        row(
            "a token of 1,000 letters",
            LONG,
            ask(&"M".repeat(1_000)),
            Told { method: "M".repeat(1_000).leak(), ..GET },
        ),
        row("no method", LINE, " / HTTP/1.1\r\nHost: a\r\n\r\n", Expected::Refused(400, Reject::NotHttp)),
        row("a method alone", LINE, "GET\r\nHost: a\r\n\r\n", refused),
        row("a method and a space", LINE, "GET \r\nHost: a\r\n\r\n", refused),
        row("HTAB behind it", LINE, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", refused),
        row("two spaces behind it", LINE, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", refused),
        row("VT behind it", LINE, "GET\x0b/ HTTP/1.1\r\nHost: a\r\n\r\n", refused),
        row("a colon behind it", LINE, "GET: / HTTP/1.1\r\nHost: a\r\n\r\n", refused),
    ]);
    // Of the octets that no token holds, each within a method and each as its first.
    for octet in (0..=255_u8).filter(|octet| !b"\r\n ".contains(octet)) {
        if octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet) {
            continue;
        }
        let within = [b"G", &[octet][..], b"T / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        rows.push(row(format!("octet {octet:#04x} within"), MALFORMED, within, refused));
        let first = [&[octet][..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let not_http = Expected::Refused(400, Reject::NotHttp);
        rows.push(row(format!("octet {octet:#04x} first"), MALFORMED, first, not_http));
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
