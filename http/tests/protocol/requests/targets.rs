//! Request targets: their four forms, and what is in them.

use selvedge_http::h1::{Persistence, Reject, TargetForm, Version};

use crate::runner::row::{Expected, GET, GET_1_0, Row, Told, row};
use crate::runner::{engine, wire};

const ORIGIN: &str = "RFC 9112 section 3.2.1: origin-form = absolute-path [ \"?\" query ]";
const ABSOLUTE: &str = "RFC 9112 section 3.2.2: A server MUST accept the absolute-form in requests even \
    though most HTTP/1.1 clients will only send the absolute-form to a proxy.";
const ABSOLUTE_WINS: &str = "RFC 9112 section 3.2.2: When an origin server receives a request with an \
    absolute-form of request-target, the origin server MUST ignore the received Host header field (if any) \
    and instead use the host information of the request-target.";
const EMPTY_HOST: &str = "RFC 9110 section 4.2.1: A recipient that processes such a URI reference MUST \
    reject it as invalid.";
const USERINFO: &str = "RFC 9110 section 4.2.4: Before making use of an \"http\" or \"https\" URI reference \
    received from an untrusted source, a recipient SHOULD parse for userinfo and treat its presence as an \
    error";
const AUTHORITY: &str = "RFC 9112 section 3.2.3: The authority-form of request-target is only used for \
    CONNECT requests";
const ASTERISK: &str = "RFC 9112 section 3.2.4: The asterisk-form of request-target is only used for a \
    server-wide OPTIONS request";
const FORMS: &str = "RFC 9112 section 3.2: request-target = origin-form / absolute-form / authority-form / \
    asterisk-form";
const INVALID: &str = "RFC 9112 section 3.2: Recipients of an invalid request-line SHOULD respond with \
    either a 400 (Bad Request) error or a 301 (Moved Permanently) redirect with the request-target properly \
    encoded.";
const NO_WHITESPACE: &str = "RFC 9112 section 3.2: No whitespace is allowed in the request-target.";

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = origin();
    rows.extend(absolute());
    rows.extend(other_forms());
    rows.extend(octets());
    rows
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn origin() -> Vec<Row> {
    let told = |path, query| Told { path, query, ..GET };
    vec![
        row("the root", ORIGIN, get("/"), GET),
        row("a path", ORIGIN, get("/where"), told("/where", None)),
        row("a path of several segments", ORIGIN, get("/a/b.html"), told("/a/b.html", None)),
        row("a query", ORIGIN, get("/where?q=now"), told("/where", Some("q=now"))),
        row("an empty query", ORIGIN, get("/?"), told("/", Some(""))),
        row("question marks in a query", ORIGIN, get("/a?b?c"), told("/a", Some("b?c"))),
        row("slashes in a query", ORIGIN, get("/a?/b/../c"), told("/a", Some("/b/../c"))),
        row("an authority's form in a path", ORIGIN, get("//b/c"), told("//b/c", None)),
        row("a URI in a path", ORIGIN, get("/http://b/c"), told("/http://b/c", None)),
        row("dots stay", ORIGIN, get("/a/../b/./c"), told("/a/../b/./c", None)),
        row("percent-encoding stays", ORIGIN, get("/%2e%2E/%00"), told("/%2e%2E/%00", None)),
        row("what is no percent-encoding is the application's", ORIGIN, get("/%zz%"), told("/%zz%", None)),
        row("sub-delims and pchar", ORIGIN, get("/!$&'()*+,;=:@-._~"), told("/!$&'()*+,;=:@-._~", None)),
        row("an asterisk behind a slash", ORIGIN, get("/*"), told("/*", None)),
    ]
}

fn absolute() -> Vec<Row> {
    let told = |authority, path, query| Told {
        form: TargetForm::Absolute,
        authority: Some(authority),
        path,
        query,
        ..GET
    };
    let refused = Expected::Refused(400, Reject::HostInvalid);
    vec![
        row("absolute-form", ABSOLUTE, get("http://a/"), told("a", "/", None)),
        row("with path and query", ABSOLUTE, get("http://a/b/c?d"), told("a", "/b/c", Some("d"))),
        row("its host wins over Host", ABSOLUTE_WINS, get("http://b/"), told("b", "/", None)),
        row("its host and port win over Host", ABSOLUTE_WINS, get("http://b:81/c"), told("b:81", "/c", None)),
        row(
            "its host wins over an empty Host",
            ABSOLUTE_WINS,
            "GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n",
            told("b", "/", None),
        ),
        row(
            "Host is missing beside it",
            "RFC 9112 section 3.2.2: A client MUST send a Host header field in an HTTP/1.1 request even if \
             the request-target is in the absolute-form",
            "GET http://b/ HTTP/1.1\r\n\r\n",
            Expected::Refused(400, Reject::HostMissing),
        ),
        row(
            "Host is invalid beside it",
            crate::requests::hosts::ONE_HOST,
            "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n",
            refused,
        ),
        row(
            "Host is missing beside it in 1.0",
            ABSOLUTE,
            "GET http://b/ HTTP/1.0\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("b"), ..GET_1_0 },
        ),
        row("no path", ABSOLUTE, get("http://b"), told("b", "/", None)),
        row("no path but a query", ABSOLUTE, get("http://b?c"), told("b", "/", Some("c"))),
        row("no path but a query with a slash", ABSOLUTE, get("http://b?c/d"), told("b", "/", Some("c/d"))),
        row("https", ABSOLUTE, get("https://b/"), told("b", "/", None)),
        row(
            "scheme in capitals",
            "RFC 9110 section 4.2.3: The scheme and host are case-insensitive and normally provided in \
             lowercase",
            get("HTTP://B/"),
            told("B", "/", None),
        ),
        row("IPv4 address", ABSOLUTE, get("http://127.0.0.1:80/"), told("127.0.0.1:80", "/", None)),
        row("IPv6 address", ABSOLUTE, get("http://[::1]:80/"), told("[::1]:80", "/", None)),
        row("empty port", ABSOLUTE, get("http://b:/"), told("b:", "/", None)),
        row("encoded host", ABSOLUTE, get("http://%62/"), told("%62", "/", None)),
        row("no host", EMPTY_HOST, get("http://"), refused),
        row("no host but a path", EMPTY_HOST, get("http:///a"), refused),
        row("no host but a port", EMPTY_HOST, get("http://:80/"), refused),
        row("no host but a query", EMPTY_HOST, get("http://?a"), refused),
        row("userinfo", USERINFO, get("http://u@b/"), refused),
        row("userinfo with a password", USERINFO, get("http://u:p@b/"), refused),
        row("two hosts", USERINFO, get("http://a@b@c/"), refused),
        row("port with a letter", FORMS, get("http://b:8x/"), refused),
        row("port beyond 65535", FORMS, get("http://b:65536/"), refused),
        row("IPv6 address without its bracket", FORMS, get("http://[::1/"), refused),
        row("IPv6 address that is none", FORMS, get("http://[::g]/"), refused),
        row("backslash in the host", FORMS, get("http://a\\@b/"), refused),
        row("half a percent-encoding in the host", FORMS, get("http://a%2/"), refused),
    ]
}

fn other_forms() -> Vec<Row> {
    let refused = Expected::Refused(400, Reject::Target);
    vec![
        row("authority-form of a GET", AUTHORITY, get("a:80"), refused),
        row("host alone", AUTHORITY, get("a"), refused),
        row(
            "authority-form of CONNECT",
            "RFC 9110 section 9.3.6: CONNECT is intended for use in requests to a proxy.",
            "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
            Expected::Refused(501, Reject::ConnectUnsupported),
        ),
        row(
            "asterisk-form of OPTIONS",
            "RFC 9110 section 9.3.7: An OPTIONS request with an asterisk (\"*\") as the request target () \
             applies to the server in general rather than to a specific resource.",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { method: "OPTIONS", form: TargetForm::Asterisk, path: "*", answer: 204, ..GET },
        ),
        row(
            "asterisk-form of OPTIONS of 1.0",
            ASTERISK,
            "OPTIONS * HTTP/1.0\r\n\r\n",
            Told { method: "OPTIONS", form: TargetForm::Asterisk, path: "*", answer: 204, ..GET_1_0 },
        ),
        row("asterisk-form of GET", ASTERISK, get("*"), refused),
        row("asterisk-form of HEAD", ASTERISK, "HEAD * HTTP/1.1\r\nHost: a\r\n\r\n", refused),
        row("asterisk and more", ASTERISK, "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", refused),
        row("asterisk and a query", ASTERISK, "OPTIONS *?a HTTP/1.1\r\nHost: a\r\n\r\n", refused),
        row("two asterisks", ASTERISK, "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", refused),
        row(
            "origin-form of OPTIONS",
            ORIGIN,
            "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { method: "OPTIONS", ..GET },
        ),
        row(
            "absolute-form of OPTIONS",
            ABSOLUTE,
            "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { method: "OPTIONS", form: TargetForm::Absolute, authority: Some("b"), ..GET },
        ),
        row("a relative path", FORMS, get("a/b"), refused),
        row("a relative path with dots", FORMS, get("../a"), refused),
        row("a query alone", FORMS, get("?a"), refused),
        row("a backslash first", FORMS, get("\\a"), refused),
        row("another scheme", FORMS, get("ftp://b/"), refused),
        row("a scheme that begins like http", FORMS, get("httpx://b/"), refused),
        row("one slash behind the scheme", FORMS, get("http:/b/"), refused),
        row("no slash behind the scheme", FORMS, get("http:b"), refused),
        row("a scheme alone", FORMS, get("http:"), refused),
        row("backslashes behind the scheme", FORMS, get("http:\\\\b/"), refused),
        row("slashes behind a query", FORMS, get("http:?//b/"), refused),
    ]
}

fn octets() -> Vec<Row> {
    let refused = Expected::Refused(400, Reject::Target);
    let mut rows = vec![
        row(
            "a fragment",
            "RFC 9110 section 7.1: The target URI excludes the reference's fragment component, if any",
            get("/#a"),
            refused,
        ),
        row("a fragment alone", INVALID, get("#a"), refused),
        row("a fragment behind a query", INVALID, get("/?a#b"), refused),
        row("a fragment of an absolute-form", INVALID, get("http://b/#c"), refused),
        row("HTAB", NO_WHITESPACE, get("/a\tb"), refused),
        row("a space", NO_WHITESPACE, get("/a b"), Expected::Refused(400, Reject::RequestLine)),
        row("UTF-8", INVALID, get("/é"), refused),
        row("UTF-8 in a query", INVALID, get("/?é"), refused),
        row("UTF-8 in the host", INVALID, get("http://é/"), refused),
        row(
            "what browsers send as it is",
            "RFC 9112 section 3.2: Unfortunately, some user agents fail to properly encode or exclude \
             whitespace found in hypertext references, resulting in those disallowed characters being sent \
             as the request-target in a malformed request-line.",
            get("/|^{}[]`\\"),
            Told { path: "/|^{}[]`\\", ..GET },
        ),
    ];
    // Each octet of those that no target may hold.
    for octet in (0..=255_u8).filter(|octet| *octet < b' ' || *octet >= 0x7f || b"\"<>".contains(octet)) {
        if !b"\r\n".contains(&octet) {
            let octets =
                [b"GET /a?", &[octet][..], b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
            rows.push(row(format!("octet {octet:#04x}"), INVALID, octets, refused));
        }
    }
    // And beside it all that it may, a question mark among them.
    let allowed: String = (b'!'..=b'~').filter(|octet| !b"#\"<>".contains(octet)).map(char::from).collect();
    let path = allowed.split_once('?').expect("it is among them").0;
    let told = Told {
        path: format!("/{path}").leak(),
        query: Some(allowed[path.len() + 1..].to_owned().leak()),
        version: Version::Http11,
        persistence: Persistence::Reuse,
        ..GET
    };
    rows.push(row("every octet that a target may hold", ORIGIN, get(&format!("/{allowed}")), told));
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
