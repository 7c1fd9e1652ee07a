//! Host: one, and valid.

use selvedge_http::h1::{Reject, Version};

use crate::runner::row::{Expected, GET, GET_1_0, Row, Told, row};
use crate::runner::{engine, wire};

pub(crate) const ONE_HOST: &str = "RFC 9112 section 3.2: A server MUST respond with a 400 (Bad Request) \
    status code to any HTTP/1.1 request message that lacks a Host header field and to any request message \
    that contains more than one Host header field line or a Host header field with an invalid field value.";
const SYNTAX: &str = "RFC 9110 section 7.2: Host = uri-host [ \":\" port ]";
const EMPTY: &str = "RFC 9112 section 3.2: If the authority component is missing or undefined for the \
    target URI, then a client MUST send a Host header field with an empty field value.";

pub(crate) fn rows() -> Vec<Row> {
    let one_one = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}\r\n");
    let one_zero = |lines: &str| format!("GET / HTTP/1.0\r\n{lines}\r\n");
    let (missing, repeated, invalid) = (
        Expected::Refused(400, Reject::HostMissing),
        Expected::Refused(400, Reject::HostRepeated),
        Expected::Refused(400, Reject::HostInvalid),
    );
    let mut rows = vec![
        row("missing", ONE_HOST, one_one(""), missing),
        row("missing among others", ONE_HOST, one_one("Accept: */*\r\nX-Host: a\r\nHosts: a\r\n"), missing),
        row("missing in a later 1.x", ONE_HOST, "GET / HTTP/1.2\r\n\r\n", missing),
        row("missing in OPTIONS *", ONE_HOST, "OPTIONS * HTTP/1.1\r\n\r\n", missing),
        row("missing in a POST", ONE_HOST, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", missing),
        row("missing in 1.0", ONE_HOST, one_zero(""), GET_1_0),
        row("two, equal", ONE_HOST, one_one("Host: a\r\nHost: a\r\n"), repeated),
        row("two, different", ONE_HOST, one_one("Host: a\r\nHost: b\r\n"), repeated),
        row("two, one empty", ONE_HOST, one_one("Host: a\r\nHost:\r\n"), repeated),
        row("two, the first empty", ONE_HOST, one_one("Host:\r\nHost: a\r\n"), repeated),
        row("two, far from each other", ONE_HOST, one_one("hOST: a\r\nA: b\r\nHOST: a\r\n"), repeated),
        row("three", ONE_HOST, one_one("Host: a\r\nHost: a\r\nHost: a\r\n"), repeated),
        row("two in 1.0", ONE_HOST, one_zero("Host: a\r\nHost: a\r\n"), repeated),
        row(
            "two beside an absolute-form",
            ONE_HOST,
            "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            repeated,
        ),
        row("empty", EMPTY, one_one("Host:\r\n"), Told { authority: Some(""), ..GET }),
        row("whitespace", EMPTY, one_one("Host: \t \r\n"), Told { authority: Some(""), ..GET }),
        row("empty in 1.0", EMPTY, one_zero("Host:\r\n"), Told { authority: Some(""), ..GET_1_0 }),
        row(
            "whitespace around it",
            "RFC 9112 section 5.1: The field line value does not include that leading or trailing whitespace",
            one_one("Host:\t a \t\r\n"),
            GET,
        ),
        row(
            "no whitespace before it",
            "RFC 9112 section 5: field-line = field-name \":\" OWS field-value OWS",
            one_one("Host:a\r\n"),
            GET,
        ),
        row(
            "last of many",
            SYNTAX,
            one_one(&("A: b\r\n".repeat(40) + "Host: a\r\n")),
            Told { version: Version::Http11, ..GET },
        ),
        row("valid in 1.0", SYNTAX, one_zero("Host: a\r\n"), Told { authority: Some("a"), ..GET_1_0 }),
        row("two in one line", ONE_HOST, one_one("Host: a, b\r\n"), invalid),
        row("invalid in 1.0", ONE_HOST, one_zero("Host: a b\r\n"), invalid),
        row("octet above 0x7f", SYNTAX, b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", invalid),
    ];
    for valid in [
        "example.com",
        "EXAMPLE.com",
        "example.com.",
        "example.com:80",
        "example.com:",
        "a:0",
        "a:65535",
        "a:00080",
        "127.0.0.1",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:8080",
        "[2001:db8::7]:",
        "[::ffff:127.0.0.1]",
        "a_b",
        "a-b",
        "-a-",
        "xn--nxasmq6b",
        "%61",
        "a!$&'()*+;=~",
        "a,b",
        "1.2.3",
        "256.256.256.256",
    ] {
        let told = Told { authority: Some(valid), ..GET };
        rows.push(row(valid, SYNTAX, one_one(&format!("Host: {valid}\r\n")), told));
    }
    for not_valid in [
        "a b",
        "a\tb",
        "a/",
        "/a",
        "http://a",
        "a/b",
        "a?b",
        "a#b",
        "u@a",
        "u:p@a",
        "a@",
        "a:b",
        "a:8 0",
        "a: 80",
        "a :80",
        "a:+80",
        "a:-1",
        "a:65536",
        "a:99999999999999999999",
        "a:80:80",
        "a::80",
        "::1",
        "[::1",
        "::1]",
        "[]",
        "[::1]80",
        "[::1]:x",
        "[::g]",
        "[1.2.3.4]",
        "[::1%25lo]",
        "[a]",
        "a%",
        "a%2",
        "a%zz",
        "a\\b",
        "\"a\"",
        "<a>",
        "a|b",
        "a^b",
        "{a}",
        "a`b",
    ] {
        rows.push(row(not_valid, ONE_HOST, one_one(&format!("Host: {not_valid}\r\n")), invalid));
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
