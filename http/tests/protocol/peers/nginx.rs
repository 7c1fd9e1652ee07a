//! nginx, <https://github.com/nginx/nginx-tests>: eight files, 137 requests, of which 123 are rows and 14 are left
//! out (see [`FILES`]). The names begin with the file's.
//!
//! | file | requests | left out |
//! |---|---|---|
//! | `http_host.t` | 60 | |
//! | `http_uri.t` | 19 | |
//! | `http_method.t` | 4 | |
//! | `http_expect_100_continue.t` | 5 | |
//! | `body_chunked.t` | 18 | 1 |
//! | `range.t` | 18 | 4 |
//! | `range_if_range.t` | 5 | 3 |
//! | `not_modified.t` | 16 | 2 |
//!
//! A 204 or 200 there is a request that is accepted here. nginx reads what Host names and lowers its case, which is
//! not done here: what the rows say of the authority is what was sent.

use selvedge_http::h1::{BodyFraming, Expect, Persistence, Reject, TargetForm};

use super::sentences::{CONNECT, EMPTY_HOST, IP_FUTURE, NOT_LAST, RANGE, REG_NAME, TARGET, UNIMPLEMENTED};
use super::{Case, LeftOut, Theirs, assert_whole, case, reply_case, rows};
use crate::runner::archive::check_rows;
use crate::runner::reply::{ExpectedReply, ReplyRow, reply};
use crate::runner::row::{Body, Expected, GET, GET_1_0, POST, Row, Told};
use crate::runner::{engine, wire};

/// The files, how many requests each has, and what of them is no row.
const FILES: &[(&str, usize, &[LeftOut])] = &[
    ("http_host.t", 60, &[]),
    ("http_uri.t", 19, &[]),
    ("http_method.t", 4, &[]),
    ("http_expect_100_continue.t", 5, &[]),
    (
        "body_chunked.t",
        18,
        &[LeftOut { cases: 1, reason: "a limit of bodies by configuration: requests::limits" }],
    ),
    (
        "range.t",
        18,
        &[
            LeftOut { cases: 1, reason: "a file that is recoded" },
            LeftOut { cases: 2, reason: "a bound on ranges by configuration" },
            LeftOut {
                cases: 1,
                reason: "ranges that overlap: to join or to ignore them is left to the server",
            },
        ],
    ),
    (
        "range_if_range.t",
        5,
        &[LeftOut { cases: 3, reason: "another Last-Modified, or none, by configuration" }],
    ),
    ("not_modified.t", 16, &[LeftOut { cases: 2, reason: "dates that a clock of 32 bits cannot say" }]),
];

/// Cases about requests.
pub(crate) fn cases() -> Vec<Case<Row>> {
    let mut cases = hosts();
    cases.extend(targets());
    cases.extend(methods());
    cases.extend(expectations());
    cases.extend(chunked_bodies());
    cases
}

fn hosts() -> Vec<Case<Row>> {
    vec![
        case(
            "http_host.t: domain empty (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: \r\n\r\n",
            Told { authority: Some(""), ..GET_1_0 },
        )
        .differs(EMPTY_HOST),
        case(
            "http_host.t: domain empty (absolute request)",
            Theirs::Answers(400),
            "GET http:/// HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: domain single (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: l\r\n\r\n",
            Told { authority: Some("l"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain single (absolute request)",
            Theirs::Accepts,
            "GET http://l/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("l"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain single upper (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: L\r\n\r\n",
            Told { authority: Some("L"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain single upper (absolute request)",
            Theirs::Accepts,
            "GET http://L/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("L"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain stray colon (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: abcd-ef.g02.xyz:\r\n\r\n",
            Told { authority: Some("abcd-ef.g02.xyz:"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain stray colon (absolute request)",
            Theirs::Accepts,
            "GET http://abcd-ef.g02.xyz:/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("abcd-ef.g02.xyz:"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4 stray colon (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: 123.40.56.78:\r\n\r\n",
            Told { authority: Some("123.40.56.78:"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4 stray colon (absolute request)",
            Theirs::Accepts,
            "GET http://123.49.0.78:/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("123.49.0.78:"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/o port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: www.abcd-ef.g02.xyz\r\n\r\n",
            Told { authority: Some("www.abcd-ef.g02.xyz"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: abcd-ef.g02.xyz:8080\r\n\r\n",
            Told { authority: Some("abcd-ef.g02.xyz:8080"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/o port (absolute request)",
            Theirs::Accepts,
            "GET http://abcd-ef.g02.xyz/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("abcd-ef.g02.xyz"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/port (absolute request)",
            Theirs::Accepts,
            "GET http://www.abcd-ef.g02.xyz:10/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("www.abcd-ef.g02.xyz:10"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/ ending dot w/o port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: www.abcd-ef.g02.xyz.\r\n\r\n",
            Told { authority: Some("www.abcd-ef.g02.xyz."), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/ ending dot w/port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: abcd-ef.g02.xyz.:88\r\n\r\n",
            Told { authority: Some("abcd-ef.g02.xyz.:88"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/ ending dot w/o port (absolute request)",
            Theirs::Accepts,
            "GET http://www.abcd-ef.g02.xyz./ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("www.abcd-ef.g02.xyz."), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/ ending dot w/port (absolute request)",
            Theirs::Accepts,
            "GET http://abcd-ef.g02.xyz.:2/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("abcd-ef.g02.xyz.:2"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/ ending dot w/port dot (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: example.com.:1.2\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: empty domain w/ ending dot (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: .\r\n\r\n",
            Told { authority: Some("."), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "http_host.t: domain w/ ending dot w/port dot (absolute request)",
            Theirs::Answers(400),
            "GET http://example.com.:1.2/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: empty domain w/ ending dot (absolute request)",
            Theirs::Answers(400),
            "GET http://./ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("."), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "http_host.t: mixed case domain w/o port (absolute request)",
            Theirs::Accepts,
            "GET http://AbC-d93.0.34ZhGt-s.nk.Ru/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("AbC-d93.0.34ZhGt-s.nk.Ru"), ..GET_1_0 },
        ),
        case(
            "http_host.t: mixed case domain w/port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: AbC-d93.0.34ZhGt-s.nk.Ru:88\r\n\r\n",
            Told { authority: Some("AbC-d93.0.34ZhGt-s.nk.Ru:88"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4 w/o port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: 123.40.56.78\r\n\r\n",
            Told { authority: Some("123.40.56.78"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4 w/port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: 123.49.0.78:987\r\n\r\n",
            Told { authority: Some("123.49.0.78:987"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4 w/port long (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: 123.49.0.78:98777\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv4 w/port double (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: 123.40.56.78:9000:80\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv4 w/o port (absolute request)",
            Theirs::Accepts,
            "GET http://123.49.0.78/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("123.49.0.78"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4 w/port (absolute request)",
            Theirs::Accepts,
            "GET http://123.40.56.78:123/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("123.40.56.78:123"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4 w/port long (absolute request)",
            Theirs::Answers(400),
            "GET http://123.40.56.78:123456/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv4 w/port double (absolute request)",
            Theirs::Answers(400),
            "GET http://123.40.56.78:9000:80/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/o port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: [abcd::ef98:0:7654:321]\r\n\r\n",
            Told { authority: Some("[abcd::ef98:0:7654:321]"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv6 literal w/port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: [abcd::ef98:0:7654:321]:80\r\n\r\n",
            Told { authority: Some("[abcd::ef98:0:7654:321]:80"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv6 literal w/o port (absolute request)",
            Theirs::Accepts,
            "GET http://[abcd::ef98:0:7654:321]/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("[abcd::ef98:0:7654:321]"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv6 literal w/port (absolute request)",
            Theirs::Accepts,
            "GET http://[abcd::ef98:0:7654:321]:5/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("[abcd::ef98:0:7654:321]:5"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4-mapped ipv6 w/o port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: [::ffff:12.30.67.89]\r\n\r\n",
            Told { authority: Some("[::ffff:12.30.67.89]"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4-mapped ipv6 w/port (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\nHost: [::123.45.67.89]:4321\r\n\r\n",
            Told { authority: Some("[::123.45.67.89]:4321"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4-mapped ipv6 w/o port (absolute request)",
            Theirs::Accepts,
            "GET http://[::123.45.67.89]/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("[::123.45.67.89]"), ..GET_1_0 },
        ),
        case(
            "http_host.t: ipv4-mapped ipv6 w/port (absolute request)",
            Theirs::Accepts,
            "GET http://[::ffff:12.30.67.89]:4321/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("[::ffff:12.30.67.89]:4321"), ..GET_1_0 },
        ),
        case(
            "http_host.t: domain w/ path separators (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: example.com/\\:552\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: domain w/ path separators (absolute request)",
            Theirs::Answers(400),
            "GET http://\\e/xample.com/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: domain w/ double dot (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: ..examp-LE.com\r\n\r\n",
            Told { authority: Some("..examp-LE.com"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "http_host.t: domain w/ double dot (absolute request)",
            Theirs::Answers(400),
            "GET http://com.exa-m.45..:/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("com.exa-m.45..:"), ..GET_1_0 },
        )
        .differs(REG_NAME),
        case(
            "http_host.t: ipv6 literal w/ path separators (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: [abcd::e\\f98:0/:7654:321]\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ path separators (absolute request)",
            Theirs::Answers(400),
            "GET http://[abcd\\::ef98:0:7654:321/]:12/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ ending dot w/o port(host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: [abcd::ef98:0:7654:321].\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ ending dot w/port (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: [abcd::ef98:0:7654:321].:98\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ ending dot w/o port(absolute request)",
            Theirs::Answers(400),
            "GET http://[abcd::ef98:0:7654:321]./ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ ending dot w/port (absolute request)",
            Theirs::Answers(400),
            "GET http://[abcd::ef98:0:7654:321].:98/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ double dot (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: [abcd::ef98:0:7654:321]..:98\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ double dot (absolute request)",
            Theirs::Answers(400),
            "GET http://[ab..cd::ef98:0:7654:321]/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ leading alnum (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: extra[abcd::ef98:0:7654:321]:98\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal w/ leading alnum (absolute request)",
            Theirs::Answers(400),
            "GET http://extra[abcd::ef98:0:7654:321]/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal missing bracket (host header)",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: [abcd::ef98:0:7654:321\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: ipv6 literal missing bracket (absolute request)",
            Theirs::Answers(400),
            "GET http://[abcd::ef98:0:7654:321/ HTTP/1.0\r\nHost: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        ),
        case(
            "http_host.t: IPvFuture all symbols (host header)",
            Theirs::Accepts,
            "GET / HTTP/1.0\r\n\
             Host: [v0123456789aBcDeF.!$&'()*+,;=-._~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789:]\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        )
        .differs(IP_FUTURE),
        case(
            "http_host.t: IPvFuture all symbols (absolute request)",
            Theirs::Accepts,
            "GET http://[v0123456789aBcDeF.!$&'()*+,;=-._~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789:]/ \
             HTTP/1.0\r\n\
             Host: localhost\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        )
        .differs(IP_FUTURE),
        case(
            "http_host.t: host repeat",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: localhost\r\nHost: again\r\n\r\n",
            Expected::Refused(400, Reject::HostRepeated),
        ),
        case(
            "http_host.t: control",
            Theirs::Answers(400),
            "GET / HTTP/1.0\r\nHost: localhost\x02\r\n\r\n",
            Expected::Refused(400, Reject::FieldValue),
        ),
    ]
}

fn targets() -> Vec<Case<Row>> {
    let get = |target: &str| format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let local = Told { authority: Some("localhost"), ..GET_1_0 };
    let told = |path, query| Told { path, query, ..local };
    let absolute =
        |authority, query| Told { form: TargetForm::Absolute, authority: Some(authority), query, ..GET_1_0 };
    let refused = Expected::Refused(400, Reject::Target);
    let (accepts, bad) = (Theirs::Accepts, Theirs::Answers(400));
    vec![
        case("http_uri.t: dot args", accepts, get("/foo/bar/.?args"), told("/foo/bar/.", Some("args"))),
        case("http_uri.t: dot frag", accepts, get("/foo/bar/.#frag"), refused).differs(TARGET),
        case("http_uri.t: dot dot args", accepts, get("/foo/bar/..?args"), told("/foo/bar/..", Some("args"))),
        case("http_uri.t: dot dot frag", accepts, get("/foo/bar/..#frag"), refused).differs(TARGET),
        case("http_uri.t: trailing dot", accepts, get("/foo/bar/."), told("/foo/bar/.", None)),
        case("http_uri.t: trailing dot dot", accepts, get("/foo/bar/.."), told("/foo/bar/..", None)),
        case("http_uri.t: absolute", accepts, get("http://localhost"), absolute("localhost", None)),
        case("http_uri.t: absolute slash", accepts, get("http://localhost/"), absolute("localhost", None)),
        case(
            "http_uri.t: absolute args",
            accepts,
            get("http://localhost?args"),
            absolute("localhost", Some("args")),
        ),
        case("http_uri.t: absolute args and frag", accepts, get("http://localhost?args#frag"), refused)
            .differs(TARGET),
        case("http_uri.t: port", accepts, get("http://localhost:8080"), absolute("localhost:8080", None)),
        case(
            "http_uri.t: port slash",
            accepts,
            get("http://localhost:8080/"),
            absolute("localhost:8080", None),
        ),
        case(
            "http_uri.t: port args",
            accepts,
            get("http://localhost:8080?args"),
            absolute("localhost:8080", Some("args")),
        ),
        case("http_uri.t: port args and frag", accepts, get("http://localhost:8080?args#frag"), refused)
            .differs(TARGET),
        case("http_uri.t: space", bad, get("/ /"), Expected::Refused(400, Reject::RequestLine)),
        case("http_uri.t: control", bad, get("/\x02"), refused),
        case("http_uri.t: control escaped", accepts, get("/%02"), told("/%02", None)),
    ]
}

fn methods() -> Vec<Case<Row>> {
    let ask = |line: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let trace = Told { method: "TRACE", authority: Some("localhost"), answer: 501, ..GET };
    let connect = Expected::Refused(501, Reject::ConnectUnsupported);
    vec![
        case("http_method.t: trace", Theirs::Answers(405), ask("TRACE /"), trace).differs(UNIMPLEMENTED),
        case("http_method.t: connect", Theirs::Answers(405), ask("CONNECT localhost:8080"), connect)
            .differs(CONNECT),
        case("http_method.t: connect uri", Theirs::Answers(400), ask("CONNECT /"), connect).differs(CONNECT),
        case("http_method.t: connect no port", Theirs::Answers(400), ask("CONNECT localhost"), connect)
            .differs(CONNECT),
    ]
}

fn expectations() -> Vec<Case<Row>> {
    let post = |version: &str, value: &str| {
        format!(
            "POST / HTTP/{version}\r\nHost: localhost\r\nExpect: {value}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        )
    };
    let close = Told {
        authority: Some("localhost"),
        persistence: Persistence::Close,
        expect: Expect::Continue,
        ..POST
    };
    let one_zero = Told { method: "POST", authority: Some("localhost"), ..GET_1_0 };
    let refused = Expected::Refused(417, Reject::ExpectationUnsupported);
    let name = |name| format!("http_expect_100_continue.t: {name}");
    // A 100 before the final answer may be left out where there is no body, as here.
    vec![
        case(&name("expect 100 continue"), Theirs::Accepts, post("1.1", "100-continue"), close),
        case(
            &name("expect 100 continue case-insensitive"),
            Theirs::Accepts,
            post("1.1", "100-Continue"),
            close,
        ),
        case(&name("no 100 continue via http 1.0"), Theirs::Accepts, post("1.0", "100-continue"), one_zero),
        case(&name("unknown expectation"), Theirs::Answers(417), post("1.1", "unknown"), refused),
        case(
            &name("unsupported expectation extension"),
            Theirs::Answers(417),
            post("1.1", "token=param"),
            refused,
        ),
    ]
}

fn chunked_bodies() -> Vec<Case<Row>> {
    // Bodies of 10 octets, of two buffers and of a file's size there.
    let [ten, two, file] = [1, 128, 512].map(|times| -> &'static str { "0123456789".repeat(times).leak() });
    let get = |path: &str, lines: &str, body: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n\
             {body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    let told = |path, body: &'static str, persistence| Told {
        path,
        authority: Some("localhost"),
        framing: BodyFraming::Chunked,
        persistence,
        body: Body::Read(body.as_bytes()),
        ..GET
    };
    let of_bodies = |name: &str, path: &'static str, bodies: &[&'static str]| {
        let (last, others) = bodies.split_last().expect("one at least");
        let mut octets: String = others.iter().map(|body| get(path, "", body)).collect();
        octets.push_str(&get(path, "Connection: close\r\n", last));
        let mut expected: Vec<Expected> =
            others.iter().map(|body| told(path, body, Persistence::Reuse).into()).collect();
        expected.push(told(path, last, Persistence::Close).into());
        case(&format!("body_chunked.t: {name}"), Theirs::Accepts, octets, expected)
    };
    let mut cases = vec![
        of_bodies("body", "/", &[ten]),
        of_bodies("body in two buffers", "/", &[two]),
        of_bodies("body in file", "/", &[file]),
        of_bodies("body in file only", "/b", &[file]),
        of_bodies("body in single buffer", "/single", &[two]),
        of_bodies("chunked body pipelined", "/", &[ten, two, file, "foobar"]),
        of_bodies("chunked body pipelined 2", "/", &[two, file, ten, "foobar"]),
        of_bodies("chunked body discard", "/discard", &[ten, two, file, "foobar"]),
        of_bodies("chunked body discard 2", "/discard", &[two, file, ten, "foobar"]),
        of_bodies("body chunked next upstream", "/next", &[ten]),
    ];
    for (name, path) in [("runaway chunk", "/"), ("runaway chunk discard", "/discard")] {
        let octets = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             \r\n4\r\nSEE-THIS\r\n0\r\n\r\n"
        );
        let expected = Told { body: Body::Refused(Reject::ChunkEnd), ..told(path, "", Persistence::Close) };
        cases.push(case(&format!("body_chunked.t: {name}"), Theirs::Answers(400), octets, expected));
    }
    let coding = |version: &str, coding: &str| {
        format!(
            "GET / HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: {coding}\r\n\
             \r\n0\r\n\r\n"
        )
    };
    let invalid = Expected::Refused(400, Reject::TransferEncodingInvalid);
    let name = |name| format!("body_chunked.t: transfer encoding {name}");
    cases.extend([
        case(&name("identity"), Theirs::Answers(501), coding("1.1", "identity"), invalid).differs(NOT_LAST),
        case(
            &name("repeat"),
            Theirs::Answers(400),
            coding("1.1", "chunked\r\nTransfer-Encoding: chunked"),
            invalid,
        ),
        case(&name("list"), Theirs::Answers(501), coding("1.1", "chunked, identity"), invalid)
            .differs(NOT_LAST),
        case(
            &name("with content-length"),
            Theirs::Answers(400),
            coding("1.1", "chunked\r\nContent-Length: 5"),
            Expected::Refused(400, Reject::ContentLengthWithTransferEncoding),
        ),
        case(
            &name("in HTTP/1.0 requests"),
            Theirs::Answers(400),
            coding("1.0", "chunked"),
            Expected::Refused(400, Reject::TransferEncodingInHttp10),
        ),
    ]);
    cases
}

/// Cases about answers from files.
pub(crate) fn reply_cases() -> Vec<Case<ReplyRow>> {
    let mut cases = paths();
    cases.extend(ranges());
    cases.extend(if_range());
    cases.extend(not_modified());
    cases
}

fn paths() -> Vec<Case<ReplyRow>> {
    let get = |target: &str| format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    vec![
        reply_case("http_uri.t: percent", 400, get("/foo/bar%"), reply(400).closes()),
        reply_case("http_uri.t: percent digit", 400, get("/foo/bar%1"), reply(400).closes()),
    ]
}

fn get_closing(lines: &str) -> String {
    format!("GET /thousand HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n")
}

fn whole() -> ExpectedReply {
    reply(200).closes().field("content-length", "1000").without(&["content-range"])
}

fn ranges() -> Vec<Case<ReplyRow>> {
    let mut cases = Vec::new();
    for (name, range, content_range, body) in [
        ("range request", "0-8", "bytes 0-8/1000", "X000XXXXX"),
        ("final bytes", "-10", "bytes 990-999/1000", "X099XXXXXX"),
        ("final bytes explicit", "990-", "bytes 990-999/1000", "X099XXXXXX"),
        ("more than length", "990-1990", "bytes 990-999/1000", "X099XXXXXX"),
    ] {
        let expected = reply(206).closes().field("content-range", content_range).body(body);
        let request = get_closing(&format!("Range: bytes={range}\r\n"));
        cases.push(reply_case(&format!("range.t: {name}"), 206, request, expected));
    }
    for (name, range) in [
        ("alpha in first byte pos", "alpha"),
        ("alpha in last byte pos", "10-alpha"),
        ("no hyphen", "10"),
        ("no comma", "10-11 12-"),
    ] {
        let request = get_closing(&format!("Range: bytes={range}\r\n"));
        cases.push(
            reply_case(&format!("range.t: not satisfiable - {name}"), 416, request, whole()).differs(RANGE),
        );
    }
    cases.extend([
        reply_case(
            "range.t: not satisfiable - too big first byte pos",
            416,
            get_closing("Range: bytes=100000-\r\n"),
            reply(416).closes().field("content-range", "bytes */1000"),
        ),
        reply_case(
            "range.t: satisfiable - last byte pos adjusted",
            206,
            get_closing("Range: bytes=0-10001\r\n"),
            reply(206).closes().field("content-range", "bytes 0-999/1000"),
        ),
    ]);
    cases
}

/// Cases with several ranges.
pub(crate) fn multipart_cases() -> Vec<Case<ReplyRow>> {
    let get = |ranges: &str| get_closing(&format!("Range: bytes={ranges}\r\n"));
    // Of three parts two touch, and may be one.
    let three = || reply(206).closes().with(&["content-type"]).without(&["content-range"]);
    let two = || reply(206).closes().parts(&[(0, b"X000XXXXXX"), (990, b"X099XXXXXX")]);
    vec![
        reply_case("range.t: multipart", 206, get("0-9, -10, 10-19"), three()),
        reply_case("range.t: multipart big", 206, get("0-9, -10, 100000-, 10-19"), three()),
        reply_case("range.t: max_ranges not reached", 206, get("0-9, -10"), two()),
        reply_case("range.t: max_ranges not reached bad range", 206, get("0-9, -10, 10000-"), two()),
    ]
}

fn if_range() -> Vec<Case<ReplyRow>> {
    let get = |value: &str| get_closing(&format!("Range: bytes=0-9\r\nIf-Range: {value}\r\n"));
    let part = reply(206).closes().body("X000XXXXXX");
    vec![
        reply_case(
            "range_if_range.t: if-range wrong",
            200,
            get("wrong"),
            whole().field("last-modified", "{modified}"),
        ),
        reply_case("range_if_range.t: if-range", 206, get("{modified}"), part),
    ]
}

fn not_modified() -> Vec<Case<ReplyRow>> {
    let get = |target: &str, line: &str| format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n{line}\r\n");
    let mut cases = vec![
        reply_case(
            "not_modified.t: the entity tag",
            200,
            get("/empty", ""),
            reply(200).closes().field("etag", "{empty}"),
        ),
        reply_case(
            "not_modified.t: if-match ignored with 404",
            404,
            get("/nx", "If-Match: \"foo\"\r\n"),
            reply(404).closes(),
        ),
    ];
    for (name, line, status) in [
        ("0x7F000000", "If-Modified-Since: Wed, 08 Jul 2037 22:53:52 GMT", 304),
        ("0x7FFFFFFF", "If-Modified-Since: Tue, 19 Jan 2038 03:14:07 GMT", 304),
        ("if-none-match", "If-None-Match: {empty}", 304),
        ("if-none-match fail", "If-None-Match: \"foo\"", 200),
        ("if-none-match with complex list", "If-None-Match: \"foo\", \"bar\", {empty} , \"baz\"", 304),
        ("if-none-match all", "If-None-Match: *", 304),
        ("if-none-match weak", "If-None-Match: W/{empty}", 304),
        ("if-match", "If-Match: {empty}", 200),
        ("if-match fail", "If-Match: \"foo\"", 412),
        ("if-match with complex list", "If-Match: \"foo\", \"bar\", \t{empty} , \"baz\"", 200),
        ("if-match all", "If-Match: *", 200),
        ("if-match weak fail", "If-Match: W/{empty}", 412),
    ] {
        let request = get("/empty", &format!("{line}\r\n"));
        cases.push(reply_case(&format!("not_modified.t: {name}"), status, request, reply(status).closes()));
    }
    cases
}

pub(crate) fn rows_len() -> usize {
    cases().len() + reply_cases().len() + multipart_cases().len()
}

#[test]
fn every_case_is_carried_over() {
    let mut names: Vec<String> = cases().iter().map(|case| case.name().to_owned()).collect();
    names.extend(reply_cases().iter().chain(&multipart_cases()).map(|case| case.name().to_owned()));
    for (file, requests, left_out) in FILES {
        let carried = names.iter().filter(|name| name.starts_with(&format!("{file}: "))).count();
        assert_whole(file, *requests, carried, left_out);
    }
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
