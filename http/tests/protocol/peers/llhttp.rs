//! llhttp, <https://github.com/nodejs/llhttp>: its 13 files `test/request/*.md`, 166 cases, all of them rows. The
//! names begin with the file's.
//!
//! Changed: a request of 1.1 without a Host has got one, since it would be refused for that alone; in
//! `transfer-encoding.md` the fragments of targets are left off for the same reason; five heads that llhttp refuses
//! before their end have got one. What llhttp accepts with a flag of leniency counts as accepted, and so does its
//! pause at an upgrade. Its callbacks and pauses have nothing here to be held against; what is left of those cases
//! are the requests.

use selvedge_http::h1::{BodyFraming, Persistence, Reject, TargetForm, Upgrade};

use super::sentences::{
    AFTER_CLOSE, ASTERISK, BARE_CR, BARE_LF, BOTH, CHUNK, CODING, COLON, CONNECT, CONTROLS, EMPTY_LINE,
    EXTENSION, FOLD, MAJOR_VERSION, METHOD, NOT_LAST, REQUEST_LINE, TARGET, TWO_LINES, USERINFO,
};
use super::{Case, Theirs, assert_whole, case, rows};
use crate::runner::row::{Body, Expected, GET, GET_1_0, POST, Row, Told};
use crate::runner::{engine, wire};

/// Cases of the 13 files.
const CASES: usize = 166;

pub(crate) fn cases() -> Vec<Case<Row>> {
    let mut cases = Vec::new();
    for part in [sample, lenient, method, uri, connection, content_length, transfer_encoding, invalid, events]
    {
        cases.extend(part());
    }
    cases
}

fn sample() -> Vec<Case<Row>> {
    vec![
        case(
            "sample.md: Simple request",
            Theirs::Accepts,
            "OPTIONS /url HTTP/1.1\r\nHost: a\r\nHeader1: Value1\r\nHeader2:\t Value2\r\n\r\n",
            Told { method: "OPTIONS", path: "/url", ..GET },
        ),
        case(
            "sample.md: Request with method starting with `H`",
            Theirs::Accepts,
            "HEAD /url HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { method: "HEAD", path: "/url", ..GET },
        ),
        case(
            "sample.md: curl GET",
            Theirs::Accepts,
            "GET /test HTTP/1.1\r\n\
             User-Agent: curl/7.18.0 (i486-pc-linux-gnu) libcurl/7.18.0 OpenSSL/0.9.8g zlib/1.2.3.3 \
             libidn/1.1\r\n\
             Host: 0.0.0.0=5000\r\n\
             Accept: */*\r\n\r\n",
            Told { path: "/test", authority: Some("0.0.0.0=5000"), ..GET },
        ),
        case(
            "sample.md: Firefox GET",
            Theirs::Accepts,
            "GET /favicon.ico HTTP/1.1\r\n\
             Host: 0.0.0.0=5000\r\n\
             User-Agent: Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.9) Gecko/2008061015 Firefox/3.0\r\n\
             Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
             Accept-Language: en-us,en;q=0.5\r\n\
             Accept-Encoding: gzip,deflate\r\n\
             Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.7\r\n\
             Keep-Alive: 300\r\n\
             Connection: keep-alive\r\n\r\n",
            Told { path: "/favicon.ico", authority: Some("0.0.0.0=5000"), ..GET },
        ),
        case(
            "sample.md: DUMBPACK",
            Theirs::Accepts,
            "GET /dumbpack HTTP/1.1\r\nHost: a\r\naaaaaaaaaaaaa:++++++++++\r\n\r\n",
            Told { path: "/dumbpack", ..GET },
        ),
        case(
            "sample.md: No headers and no body",
            Theirs::Accepts,
            "GET /get_no_headers_no_body/world HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { path: "/get_no_headers_no_body/world", ..GET },
        ),
        case(
            "sample.md: One header and no body",
            Theirs::Accepts,
            "GET /get_one_header_no_body HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
            Told { path: "/get_one_header_no_body", ..GET },
        ),
        case(
            "sample.md: Apache bench GET",
            Theirs::Accepts,
            "GET /test HTTP/1.0\r\n\
             Host: 0.0.0.0:5000\r\n\
             User-Agent: ApacheBench/2.3\r\n\
             Accept: */*\r\n\r\n",
            Told { path: "/test", authority: Some("0.0.0.0:5000"), ..GET_1_0 },
        ),
        case(
            "sample.md: Prefix newline",
            Theirs::Accepts,
            "\r\nGET /test HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { path: "/test", ..GET },
        ),
        case(
            "sample.md: No HTTP version",
            Theirs::Accepts,
            "GET /\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        )
        .differs(REQUEST_LINE),
        case(
            "sample.md: Line folding in header value with CRLF",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\n\
             Host: a\r\n\
             Line1:   abc\r\n\
             \tdef\r\n\
             \x20ghi\r\n\
             \t\tjkl\r\n\
             \x20 mno \r\n\
             \t \tqrs\r\n\
             Line2: \t line2\t\r\n\
             Line3:\r\n\
             \x20line3\r\n\
             Line4: \r\n\
             \x20\r\n\
             Connection:\r\n\
             \x20close\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "sample.md: Line folding in header value with LF",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\n\
             Host: a\r\n\
             Line1:   abc\n\tdef\n ghi\n\t\tjkl\n  mno \n\t \tqrs\nLine2: \t line2\t\nLine3:\n \
             line3\nLine4: \n \nConnection:\n close\n\n",
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        case(
            "sample.md: No LF after CR",
            Theirs::Refuses,
            "GET / HTTP/1.1\rLine: 1\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "sample.md: No LF after CR (lenient)",
            Theirs::Accepts,
            "GET / HTTP/1.1\rLine: 1\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        )
        .differs(BARE_CR),
        case(
            "sample.md: Request starting with CRLF",
            Theirs::Accepts,
            "\r\nGET /url HTTP/1.1\r\nHost: a\r\nHeader1: Value1\r\n\r\n",
            Told { path: "/url", ..GET },
        ),
        case(
            "sample.md: Extended Characters",
            Theirs::Accepts,
            b"GET / HTTP/1.1\r\nHost: a\r\nTest: D\xfcsseldorf\r\n\r\n",
            GET,
        ),
        case(
            "sample.md: 255 ASCII in header value",
            Theirs::Accepts,
            b"OPTIONS /url HTTP/1.1\r\nHost: a\r\nHeader1: Value1\r\nHeader2: \xffValue2\r\n\r\n",
            Told { method: "OPTIONS", path: "/url", ..GET },
        ),
        case(
            "sample.md: X-SSL-Nonsense",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\n\
             Host: a\r\n\
             X-SSL-Nonsense:   -----BEGIN CERTIFICATE-----\r\n\
             \tMIIFbTCCBFWgAwIBAgICH4cwDQYJKoZIhvcNAQEFBQAwcDELMAkGA1UEBhMCVUsx\r\n\
             \tETAPBgNVBAoTCGVTY2llbmNlMRIwEAYDVQQLEwlBdXRob3JpdHkxCzAJBgNVBAMT\r\n\
             \tAkNBMS0wKwYJKoZIhvcNAQkBFh5jYS1vcGVyYXRvckBncmlkLXN1cHBvcnQuYWMu\r\n\
             \tdWswHhcNMDYwNzI3MTQxMzI4WhcNMDcwNzI3MTQxMzI4WjBbMQswCQYDVQQGEwJV\r\n\
             \tSzERMA8GA1UEChMIZVNjaWVuY2UxEzARBgNVBAsTCk1hbmNoZXN0ZXIxCzAJBgNV\r\n\
             \tBAcTmrsogriqMWLAk1DMRcwFQYDVQQDEw5taWNoYWVsIHBhcmQYJKoZIhvcNAQEB\r\n\
             \tBQADggEPADCCAQoCggEBANPEQBgl1IaKdSS1TbhF3hEXSl72G9J+WC/1R64fAcEF\r\n\
             \tW51rEyFYiIeZGx/BVzwXbeBoNUK41OK65sxGuflMo5gLflbwJtHBRIEKAfVVp3YR\r\n\
             \tgW7cMA/s/XKgL1GEC7rQw8lIZT8RApukCGqOVHSi/F1SiFlPDxuDfmdiNzL31+sL\r\n\
             \t0iwHDdNkGjy5pyBSB8Y79dsSJtCW/iaLB0/n8Sj7HgvvZJ7x0fr+RQjYOUUfrePP\r\n\
             \tu2MSpFyf+9BbC/aXgaZuiCvSR+8Snv3xApQY+fULK/xY8h8Ua51iXoQ5jrgu2SqR\r\n\
             \twgA7BUi3G8LFzMBl8FRCDYGUDy7M6QaHXx1ZWIPWNKsCAwEAAaOCAiQwggIgMAwG\r\n\
             \tA1UdEwEB/wQCMAAwEQYJYIZIAYb4QgHTTPAQDAgWgMA4GA1UdDwEB/wQEAwID6DAs\r\n\
             \tBglghkgBhvhCAQ0EHxYdVUsgZS1TY2llbmNlIFVzZXIgQ2VydGlmaWNhdGUwHQYD\r\n\
             \tVR0OBBYEFDTt/sf9PeMaZDHkUIldrDYMNTBZMIGaBgNVHSMEgZIwgY+AFAI4qxGj\r\n\
             \tloCLDdMVKwiljjDastqooXSkcjBwMQswCQYDVQQGEwJVSzERMA8GA1UEChMIZVNj\r\n\
             \taWVuY2UxEjAQBgNVBAsTCUF1dGhvcml0eTELMAkGA1UEAxMCQ0ExLTArBgkqhkiG\r\n\
             \t9w0BCQEWHmNhLW9wZXJhdG9yQGdyaWQtc3VwcG9ydC5hYy51a4IBADApBgNVHRIE\r\n\
             \tIjAggR5jYS1vcGVyYXRvckBncmlkLXN1cHBvcnQuYWMudWswGQYDVR0gBBIwEDAO\r\n\
             \tBgwrBgEEAdkvAQEBAQYwPQYJYIZIAYb4QgEEBDAWLmh0dHA6Ly9jYS5ncmlkLXN1\r\n\
             \tcHBvcnQuYWMudmT4sopwqlBWsvcHViL2NybC9jYWNybC5jcmwwPQYJYIZIAYb4QgEDBDAWLmh0\r\n\
             \tdHA6Ly9jYS5ncmlkLXN1cHBvcnQuYWMudWsvcHViL2NybC9jYWNybC5jcmwwPwYD\r\n\
             \tVR0fBDgwNjA0oDKgMIYuaHR0cDovL2NhLmdyaWQt5hYy51ay9wdWIv\r\n\
             \tY3JsL2NhY3JsLmNybDANBgkqhkiG9w0BAQUFAAOCAQEAS/U4iiooBENGW/Hwmmd3\r\n\
             \tXCy6Zrt08YjKCzGNjorT98g8uGsqYjSxv/hmi0qlnlHs+k/3Iobc3LjS5AMYr5L8\r\n\
             \tUO7OSkgFFlLHQyC9JzPfmLCAugvzEbyv4Olnsr8hbxF1MbKZoQxUZtMVu29wjfXk\r\n\
             \thTeApBv7eaKCWpSp7MCbvgzm74izKhu3vlDk9w6qVrxePfGgpKPqfHiOoGhFnbTK\r\n\
             \twTC6o2xq5y0qZ03JonF7OJspEd3I5zKY3E+ov7/ZhW6DqT8UFvsAdjvQbXyhV8Eu\r\n\
             \tYhixw1aKEPzNjNowuIseVogKOLXxWI5vAi5HgXdS0/ES5gDGsABo4fqovUKlgop3\r\n\
             \tRA==\r\n\
             \t-----END CERTIFICATE-----\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
    ]
}

fn lenient() -> Vec<Case<Row>> {
    vec![
        case(
            "lenient-headers.md: Header value (lenient)",
            Theirs::Accepts,
            "GET /url HTTP/1.1\r\nHost: a\r\nHeader1: \x0c\r\n\r\n",
            Expected::Refused(400, Reject::FieldValue),
        )
        .differs(CONTROLS),
        case(
            "lenient-headers.md: Second request header value (lenient)",
            Theirs::Accepts,
            "GET /url HTTP/1.1\r\n\
             Host: a\r\n\
             Header1: Okay\r\n\r\n\r\n\
             GET /url HTTP/1.1\r\n\
             Host: a\r\n\
             Header1: \x0c\r\n\r\n",
            [Told { path: "/url", ..GET }.into(), Expected::Refused(400, Reject::FieldValue)],
        )
        .differs(CONTROLS),
        case(
            "lenient-headers.md: Header value",
            Theirs::Refuses,
            "GET /url HTTP/1.1\r\nHost: a\r\nHeader1: \x0c\r\n\r\n\r\n",
            Expected::Refused(400, Reject::FieldValue),
        ),
        case(
            "lenient-headers.md: Empty headers separated by CR (lenient)",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\n\
             Connection: Close\r\n\
             Host: localhost:5000\r\n\
             x:\rTransfer-Encoding: chunked\r\n\r\n\
             1\r\n\
             A\r\n\
             0\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        )
        .differs(BARE_CR),
        case(
            "lenient-header-value-relaxed.md: Control char in header value (relaxed)",
            Theirs::Accepts,
            "GET /url HTTP/1.1\r\nHost: a\r\nHeader1: hello\x0cworld\r\n\r\n",
            Expected::Refused(400, Reject::FieldValue),
        )
        .differs(CONTROLS),
        case(
            "lenient-header-value-relaxed.md: Control char in header value (strict)",
            Theirs::Refuses,
            "GET /url HTTP/1.1\r\nHost: a\r\nHeader1: hello\x0cworld\r\n\r\n",
            Expected::Refused(400, Reject::FieldValue),
        ),
        case(
            "lenient-header-value-relaxed.md: LF in header value should be rejected even with relaxed flag",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Host: localhost:5000\r\n\
             x:\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\n\
             A\r\n\
             0\r\n",
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        case(
            "lenient-header-value-relaxed.md: CR without LF in header value should be rejected even with \
             relaxed flag",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Host: localhost:5000\r\n\
             x:\rTransfer-Encoding: chunked\r\n\r\n\
             1\r\n\
             A\r\n\
             0\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "lenient-header-value-relaxed.md: Space after start line must still fail",
            Theirs::Refuses,
            "GET /url HTTP/1.1\r\nHost: a\r\n Header1: value\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "lenient-version.md: Invalid HTTP version (lenient)",
            Theirs::Accepts,
            "GET / HTTP/5.6\r\n\r\n",
            Expected::Refused(505, Reject::VersionUnsupported),
        )
        .differs(MAJOR_VERSION),
    ]
}

fn method() -> Vec<Case<Row>> {
    vec![
        case(
            "method.md: REPORT request",
            Theirs::Accepts,
            "REPORT /test HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { method: "REPORT", path: "/test", ..GET },
        ),
        case(
            "method.md: CONNECT request",
            Theirs::Accepts,
            "CONNECT 0-home0.netscape.com:443 HTTP/1.0\r\n\
             User-agent: Mozilla/1.1N\r\n\
             Proxy-authorization: basic aGVsbG86d29ybGQ=\r\n\r\n\
             some data\r\n\
             and yet even more data",
            Expected::Refused(501, Reject::ConnectUnsupported),
        )
        .differs(CONNECT),
        case(
            "method.md: CONNECT request with CAPS",
            Theirs::Accepts,
            "CONNECT HOME0.NETSCAPE.COM:443 HTTP/1.0\r\n\
             User-agent: Mozilla/1.1N\r\n\
             Proxy-authorization: basic aGVsbG86d29ybGQ=\r\n\r\n",
            Expected::Refused(501, Reject::ConnectUnsupported),
        )
        .differs(CONNECT),
        case(
            "method.md: CONNECT with body",
            Theirs::Accepts,
            "CONNECT foo.bar.com:443 HTTP/1.0\r\n\
             User-agent: Mozilla/1.1N\r\n\
             Proxy-authorization: basic aGVsbG86d29ybGQ=\r\n\
             Content-Length: 10\r\n\r\n\
             blarfcicle\"",
            Expected::Refused(501, Reject::ConnectUnsupported),
        )
        .differs(CONNECT),
        case(
            "method.md: M-SEARCH request",
            Theirs::Accepts,
            "M-SEARCH * HTTP/1.1\r\n\
             HOST: 239.255.255.250:1900\r\n\
             MAN: \"ssdp:discover\"\r\n\
             ST: \"ssdp:all\"\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        )
        .differs(ASTERISK),
        case(
            "method.md: PATCH request",
            Theirs::Accepts,
            "PATCH /file.txt HTTP/1.1\r\n\
             Host: www.example.com\r\n\
             Content-Type: application/example\r\n\
             If-Match: \"e0023aa4e\"\r\n\
             Content-Length: 10\r\n\r\n\
             cccccccccc",
            Told {
                method: "PATCH",
                path: "/file.txt",
                authority: Some("www.example.com"),
                framing: BodyFraming::Length(10),
                body: Body::Read(b"cccccccccc"),
                ..GET
            },
        ),
        case(
            "method.md: PURGE request",
            Theirs::Accepts,
            "PURGE /file.txt HTTP/1.1\r\nHost: www.example.com\r\n\r\n",
            Told { method: "PURGE", path: "/file.txt", authority: Some("www.example.com"), ..GET },
        ),
        case(
            "method.md: SEARCH request",
            Theirs::Accepts,
            "SEARCH / HTTP/1.1\r\nHost: www.example.com\r\n\r\n",
            Told { method: "SEARCH", authority: Some("www.example.com"), ..GET },
        ),
        case(
            "method.md: LINK request",
            Theirs::Accepts,
            "LINK /images/my_dog.jpg HTTP/1.1\r\n\
             Host: example.com\r\n\
             Link: <http://example.com/profiles/joe>; rel=\"tag\"\r\n\
             Link: <http://example.com/profiles/sally>; rel=\"tag\"\r\n\r\n",
            Told { method: "LINK", path: "/images/my_dog.jpg", authority: Some("example.com"), ..GET },
        ),
        case(
            "method.md: LINK request",
            Theirs::Accepts,
            "UNLINK /images/my_dog.jpg HTTP/1.1\r\n\
             Host: example.com\r\n\
             Link: <http://example.com/profiles/sally>; rel=\"tag\"\r\n\r\n",
            Told { method: "UNLINK", path: "/images/my_dog.jpg", authority: Some("example.com"), ..GET },
        ),
        case(
            "method.md: SOURCE request",
            Theirs::Accepts,
            "SOURCE /music/sweet/music HTTP/1.1\r\nHost: example.com\r\n\r\n",
            Told { method: "SOURCE", path: "/music/sweet/music", authority: Some("example.com"), ..GET },
        ),
        case(
            "method.md: SOURCE request with ICE",
            Theirs::Accepts,
            "SOURCE /music/sweet/music ICE/1.0\r\nHost: example.com\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        )
        .differs(REQUEST_LINE),
        case(
            "method.md: OPTIONS request with RTSP",
            Theirs::Accepts,
            "OPTIONS /music/sweet/music RTSP/1.0\r\nHost: example.com\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        )
        .differs(REQUEST_LINE),
        case(
            "method.md: ANNOUNCE request with RTSP",
            Theirs::Accepts,
            "ANNOUNCE /music/sweet/music RTSP/1.0\r\nHost: example.com\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        )
        .differs(REQUEST_LINE),
        case(
            "method.md: PRI request HTTP2",
            Theirs::Accepts,
            "PRI * HTTP/1.1\r\nHost: a\r\n\r\nSM\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        )
        .differs(ASTERISK),
        case(
            "method.md: QUERY request",
            Theirs::Accepts,
            "QUERY /contacts HTTP/1.1\r\n\
             Host: example.org\r\n\
             Content-Type: example/query\r\n\
             Accept: text/csv\r\n\
             Content-Length: 41\r\n\r\n\
             select surname, givenname, email limit 10",
            Told {
                method: "QUERY",
                path: "/contacts",
                authority: Some("example.org"),
                framing: BodyFraming::Length(41),
                body: Body::Read(b"select surname, givenname, email limit 10"),
                ..GET
            },
        ),
    ]
}

fn uri() -> Vec<Case<Row>> {
    vec![
        case(
            "uri.md: Quotes in URI",
            Theirs::Accepts,
            "GET /with_\"lovely\"_quotes?foo=\\\"bar\\\" HTTP/1.1\r\nHost: a\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        )
        .differs(TARGET),
        case(
            "uri.md: Query URL with question mark",
            Theirs::Accepts,
            "GET /test.cgi?foo=bar?baz HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { path: "/test.cgi", query: Some("foo=bar?baz"), ..GET },
        ),
        case(
            "uri.md: Host terminated by a query string",
            Theirs::Accepts,
            "GET http://hypnotoad.org?hail=all HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
            [
                Told {
                    form: TargetForm::Absolute,
                    query: Some("hail=all"),
                    authority: Some("hypnotoad.org"),
                    ..GET
                }
                .into(),
                Expected::Incomplete,
            ],
        ),
        case(
            "uri.md: `host:port` terminated by a query string",
            Theirs::Accepts,
            "GET http://hypnotoad.org:1234?hail=all HTTP/1.1\r\nHost: a\r\n\r\n",
            Told {
                form: TargetForm::Absolute,
                query: Some("hail=all"),
                authority: Some("hypnotoad.org:1234"),
                ..GET
            },
        ),
        case(
            "uri.md: Query URL with vertical bar character",
            Theirs::Accepts,
            "GET /test.cgi?query=| HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { path: "/test.cgi", query: Some("query=|"), ..GET },
        ),
        case(
            "uri.md: `host:port` terminated by a space",
            Theirs::Accepts,
            "GET http://hypnotoad.org:1234 HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { form: TargetForm::Absolute, authority: Some("hypnotoad.org:1234"), ..GET },
        ),
        case(
            "uri.md: Disallow UTF-8 in URI path in strict mode",
            Theirs::Refuses,
            b"GET /\xce\xb4\xc2\xb6/\xce\xb4t/pope?q=1#narf HTTP/1.1\r\nHost: github.com\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        ),
        case(
            "uri.md: Fragment in URI",
            Theirs::Accepts,
            "GET /forums/1/topics/2375?page=1#posts-17408 HTTP/1.1\r\nHost: a\r\n\r\n",
            Expected::Refused(400, Reject::Target),
        )
        .differs(TARGET),
        case(
            "uri.md: Underscore in hostname",
            Theirs::Accepts,
            "CONNECT home_0.netscape.com:443 HTTP/1.0\r\n\
             User-agent: Mozilla/1.1N\r\n\
             Proxy-authorization: basic aGVsbG86d29ybGQ=\r\n\r\n",
            Expected::Refused(501, Reject::ConnectUnsupported),
        )
        .differs(CONNECT),
        case(
            "uri.md: `host:port` and basic auth",
            Theirs::Accepts,
            "GET http://a%12:b!&*$@hypnotoad.org:1234/toto HTTP/1.1\r\nHost: a\r\n\r\n",
            Expected::Refused(400, Reject::HostInvalid),
        )
        .differs(USERINFO),
        case(
            "uri.md: Space in URI",
            Theirs::Refuses,
            "GET /foo bar/ HTTP/1.1\r\nHost: a\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
    ]
}

fn connection() -> Vec<Case<Row>> {
    vec![
        case(
            "connection.md: Setting flag",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
            Told { method: "PUT", path: "/url", ..GET },
        ),
        case(
            "connection.md: Restarting when keep-alive is explicitly",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: keep-alive\r\n\r\n\
             PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: keep-alive\r\n\r\n",
            [
                Told { method: "PUT", path: "/url", ..GET }.into(),
                Told { method: "PUT", path: "/url", ..GET }.into(),
            ],
        ),
        case(
            "connection.md: No restart when keep-alive is off (1.0)",
            Theirs::Refuses,
            "PUT /url HTTP/1.0\r\n\r\nPUT /url HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { method: "PUT", path: "/url", ..GET_1_0 },
        )
        .differs(AFTER_CLOSE),
        case(
            "connection.md: Resetting flags when keep-alive is off (1.0, lenient)",
            Theirs::Accepts,
            "PUT /url HTTP/1.0\r\n\
             Content-Length: 0\r\n\r\n\
             PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n",
            Told { method: "PUT", path: "/url", ..GET_1_0 },
        ),
        case(
            "connection.md: CRLF between requests, implicit `keep-alive`",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\n\
             Host: www.example.com\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 4\r\n\r\n\
             q=42\r\n\r\n\
             GET / HTTP/1.1",
            [
                Told {
                    authority: Some("www.example.com"),
                    framing: BodyFraming::Length(4),
                    body: Body::Read(b"q=42"),
                    ..POST
                }
                .into(),
                Expected::Refused(400, Reject::NotHttp),
            ],
        )
        .differs(EMPTY_LINE),
        case(
            "connection.md: Not treating `\\r` as `-`",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nConnection: keep\ralive\r\n\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "connection.md: Setting flag on `close`",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            Told { method: "PUT", path: "/url", persistence: Persistence::Close, ..GET },
        ),
        case(
            "connection.md: Setting flag on `close` followed by tab",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nConnection: close\t\r\n\r\n",
            Told { method: "PUT", path: "/url", persistence: Persistence::Close, ..GET },
        ),
        case(
            "connection.md: CRLF between requests, explicit `close`",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Host: www.example.com\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 4\r\n\
             Connection: close\r\n\r\n\
             q=42\r\n\r\n\
             GET / HTTP/1.1",
            Told {
                authority: Some("www.example.com"),
                framing: BodyFraming::Length(4),
                persistence: Persistence::Close,
                body: Body::Read(b"q=42"),
                ..POST
            },
        )
        .differs(AFTER_CLOSE),
        case(
            "connection.md: CRLF between requests, explicit `close` followed by tab",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Host: www.example.com\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 4\r\n\
             Connection: close\t\r\n\r\n\
             q=42\r\n\r\n\
             GET / HTTP/1.1",
            Told {
                authority: Some("www.example.com"),
                framing: BodyFraming::Length(4),
                persistence: Persistence::Close,
                body: Body::Read(b"q=42"),
                ..POST
            },
        )
        .differs(AFTER_CLOSE),
        case(
            "connection.md: CRLF between requests, explicit `close` (lenient)",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\n\
             Host: www.example.com\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 4\r\n\
             Connection: close\r\n\r\n\
             q=42\r\n\r\n\
             GET / HTTP/1.1",
            Told {
                authority: Some("www.example.com"),
                framing: BodyFraming::Length(4),
                persistence: Persistence::Close,
                body: Body::Read(b"q=42"),
                ..POST
            },
        ),
        case(
            "connection.md: Sample",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: close, token, upgrade, token, keep-alive\r\n\r\n",
            Told { method: "PUT", path: "/url", persistence: Persistence::Close, ..GET },
        ),
        case(
            "connection.md: Multiple tokens with folding",
            Theirs::Accepts,
            "GET /demo HTTP/1.1\r\n\
             Host: example.com\r\n\
             Connection: Something,\r\n\
             \x20Upgrade, ,Keep-Alive\r\n\
             Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
             Sec-WebSocket-Protocol: sample\r\n\
             Upgrade: WebSocket\r\n\
             Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
             Origin: http://example.com\r\n\r\n\
             Hot diggity dogg",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "connection.md: Multiple tokens with folding and LWS",
            Theirs::Accepts,
            "GET /demo HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: keep-alive, upgrade\r\n\
             Upgrade: WebSocket\r\n\r\n\
             Hot diggity dogg",
            [Told { path: "/demo", upgrade: Upgrade::Offered, ..GET }.into(), Expected::Incomplete],
        ),
        case(
            "connection.md: Multiple tokens with folding, LWS, and CRLF",
            Theirs::Accepts,
            "GET /demo HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: keep-alive, \r\n\
             \x20upgrade\r\n\
             Upgrade: WebSocket\r\n\r\n\
             Hot diggity dogg",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
        case(
            "connection.md: Invalid whitespace token with `Connection` header field",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection : upgrade\r\n\
             Content-Length: 4\r\n\
             Upgrade: ws\r\n\r\n\
             abcdefgh",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "connection.md: Invalid whitespace token with `Connection` header field (lenient)",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection : upgrade\r\n\
             Content-Length: 4\r\n\
             Upgrade: ws\r\n\r\n\
             abcdefgh",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(COLON),
        case(
            "connection.md: Setting a flag and pausing",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n",
            Told { method: "PUT", path: "/url", upgrade: Upgrade::Offered, ..GET },
        ),
        case(
            "connection.md: Emitting part of body and pausing",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: upgrade\r\n\
             Content-Length: 4\r\n\
             Upgrade: ws\r\n\r\n\
             abcdefgh",
            [
                Told {
                    method: "PUT",
                    path: "/url",
                    framing: BodyFraming::Length(4),
                    upgrade: Upgrade::Offered,
                    body: Body::Read(b"abcd"),
                    ..GET
                }
                .into(),
                Expected::Incomplete,
            ],
        ),
        case(
            "connection.md: Upgrade GET request",
            Theirs::Accepts,
            "GET /demo HTTP/1.1\r\n\
             Host: example.com\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
             Sec-WebSocket-Protocol: sample\r\n\
             Upgrade: WebSocket\r\n\
             Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
             Origin: http://example.com\r\n\r\n\
             Hot diggity dogg",
            [
                Told { path: "/demo", authority: Some("example.com"), upgrade: Upgrade::Offered, ..GET }
                    .into(),
                Expected::Incomplete,
            ],
        ),
        case(
            "connection.md: Upgrade POST request",
            Theirs::Accepts,
            "POST /demo HTTP/1.1\r\n\
             Host: example.com\r\n\
             Connection: Upgrade\r\n\
             Upgrade: HTTP/2.0\r\n\
             Content-Length: 15\r\n\r\n\
             sweet post bodyHot diggity dogg",
            [
                Told {
                    path: "/demo",
                    authority: Some("example.com"),
                    framing: BodyFraming::Length(15),
                    upgrade: Upgrade::Offered,
                    body: Body::Read(b"sweet post body"),
                    ..POST
                }
                .into(),
                Expected::Incomplete,
            ],
        ),
    ]
}

fn content_length() -> Vec<Case<Row>> {
    vec![
        case(
            "content-length.md: `Content-Length` with zeroes",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\n\r\nabc",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Length(3),
                body: Body::Read(b"abc"),
                ..GET
            },
        ),
        case(
            "content-length.md: `Content-Length` with follow-up headers",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\nOhai: world\r\n\r\nabc",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Length(3),
                body: Body::Read(b"abc"),
                ..GET
            },
        ),
        case(
            "content-length.md: Error on `Content-Length` overflow",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000000000\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthInvalid),
        ),
        case(
            "content-length.md: Error on duplicate `Content-Length`",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthRepeated),
        ),
        case(
            "content-length.md: Error on simultaneous `Content-Length` and `Transfer-Encoding: identity`",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: identity\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthWithTransferEncoding),
        ),
        case(
            "content-length.md: Invalid whitespace token with `Content-Length` header field",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: upgrade\r\n\
             Content-Length : 4\r\n\
             Upgrade: ws\r\n\r\n\
             abcdefgh",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "content-length.md: Invalid whitespace token with `Content-Length` header field (lenient)",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: upgrade\r\n\
             Content-Length : 4\r\n\
             Upgrade: ws\r\n\r\n\
             abcdefgh",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(COLON),
        case(
            "content-length.md: No error on simultaneous `Content-Length` and `Transfer-Encoding: identity` \
             (lenient)",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: identity\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthWithTransferEncoding),
        )
        .differs(BOTH),
        case(
            "content-length.md: Funky `Content-Length` with body",
            Theirs::Accepts,
            "GET /get_funky_content_length_body_hello HTTP/1.0\r\nconTENT-Length: 5\r\n\r\nHELLO",
            Told {
                path: "/get_funky_content_length_body_hello",
                framing: BodyFraming::Length(5),
                body: Body::Read(b"HELLO"),
                ..GET_1_0
            },
        ),
        case(
            "content-length.md: Spaces in `Content-Length` (surrounding)",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:  42 \r\n\r\n",
            Told { framing: BodyFraming::Length(42), body: Body::CutShort, ..POST },
        ),
        case(
            "content-length.md: Tabs in `Content-Length` (surrounding)",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t42\t  \r\n\r\n",
            Told { framing: BodyFraming::Length(42), body: Body::CutShort, ..POST },
        ),
        case(
            "content-length.md: Spaces in `Content-Length` #2",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4 2\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthInvalid),
        ),
        case(
            "content-length.md: Spaces in `Content-Length` #3",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 13 37\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthInvalid),
        ),
        case(
            "content-length.md: Empty `Content-Length`",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
            Expected::Refused(400, Reject::ContentLengthInvalid),
        ),
        case(
            "content-length.md: `Content-Length` with CR instead of dash",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent\rLength: 003\r\n\r\nabc",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "content-length.md: Content-Length reset when no body is received",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Content-Length: 123\r\n\r\n\
             POST /url HTTP/1.1\r\n\
             Host: a\r\n\
             Content-Length: 456\r\n\r\n",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Length(123),
                body: Body::CutShort,
                ..GET
            },
        ),
        case(
            "content-length.md: Missing CRLF-CRLF before body",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\rabc",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "content-length.md: Missing CRLF-CRLF before body (lenient)",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\rabc",
            Expected::Refused(400, Reject::BareCarriageReturn),
        )
        .differs(BARE_CR),
    ]
}

fn transfer_encoding() -> Vec<Case<Row>> {
    vec![
        case(
            "transfer-encoding.md: Parsing and setting flag",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            Told { method: "PUT", path: "/url", framing: BodyFraming::Chunked, body: Body::CutShort, ..GET },
        ),
        case(
            "transfer-encoding.md: Parse chunks with lowercase size",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Chunked,
                body: Body::Read(b"0123456789"),
                ..GET
            },
        ),
        case(
            "transfer-encoding.md: Parse chunks with uppercase size",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Chunked,
                body: Body::Read(b"0123456789"),
                ..GET
            },
        ),
        case(
            "transfer-encoding.md: POST with `Transfer-Encoding: chunked`",
            Theirs::Accepts,
            "POST /post_chunked_all_your_base HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             1e\r\n\
             all your base are belong to us\r\n\
             0\r\n\r\n",
            Told {
                path: "/post_chunked_all_your_base",
                framing: BodyFraming::Chunked,
                body: Body::Read(b"all your base are belong to us"),
                ..POST
            },
        ),
        case(
            "transfer-encoding.md: Two chunks and triple zero prefixed end chunk",
            Theirs::Accepts,
            "POST /two_chunks_mult_zero_end HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             5\r\n\
             hello\r\n\
             6\r\n\
             \x20world\r\n\
             000\r\n\r\n",
            Told {
                path: "/two_chunks_mult_zero_end",
                framing: BodyFraming::Chunked,
                body: Body::Read(b"hello world"),
                ..POST
            },
        ),
        case(
            "transfer-encoding.md: Trailing headers",
            Theirs::Accepts,
            "POST /chunked_w_trailing_headers HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             5\r\n\
             hello\r\n\
             6\r\n\
             \x20world\r\n\
             0\r\n\
             Vary: *\r\n\
             Content-Type: text/plain\r\n\r\n",
            Told {
                path: "/chunked_w_trailing_headers",
                framing: BodyFraming::Chunked,
                body: Body::Read(b"hello world"),
                ..POST
            },
        ),
        case(
            "transfer-encoding.md: Chunk extensions",
            Theirs::Accepts,
            "POST /chunked_w_unicorns_after_length HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             5;ilovew3;somuchlove=aretheseparametersfor;another=withvalue\r\n\
             hello\r\n\
             6;blahblah;blah\r\n\
             \x20world\r\n\
             0\r\n",
            Told {
                path: "/chunked_w_unicorns_after_length",
                framing: BodyFraming::Chunked,
                body: Body::CutShort,
                ..POST
            },
        ),
        case(
            "transfer-encoding.md: No semicolon before chunk extensions",
            Theirs::Refuses,
            "POST /chunked_w_unicorns_after_length HTTP/1.1\r\n\
             Host: localhost\r\n\
             Transfer-encoding: chunked\r\n\r\n\
             2 erfrferferf\r\n\
             aa\r\n\
             0 rrrr\r\n\r\n",
            Told {
                path: "/chunked_w_unicorns_after_length",
                authority: Some("localhost"),
                framing: BodyFraming::Chunked,
                body: Body::Refused(Reject::ChunkSize),
                ..POST
            },
        ),
        case(
            "transfer-encoding.md: No extension after semicolon",
            Theirs::Refuses,
            "POST /chunked_w_unicorns_after_length HTTP/1.1\r\n\
             Host: localhost\r\n\
             Transfer-encoding: chunked\r\n\r\n\
             2;\r\n\
             aa\r\n\
             0\r\n\r\n",
            Told {
                path: "/chunked_w_unicorns_after_length",
                authority: Some("localhost"),
                framing: BodyFraming::Chunked,
                body: Body::Read(b"aa"),
                ..POST
            },
        )
        .differs(EXTENSION),
        case(
            "transfer-encoding.md: Chunk extensions quoting",
            Theirs::Accepts,
            "POST /chunked_w_unicorns_after_length HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             5;ilovew3=\"I \\\"love\\\"; \\\\extensions\\\\\";somuchlove=\"aretheseparametersfor\";blah;f\
             oo=bar\r\n\
             hello\r\n\
             6;blahblah;blah\r\n\
             \x20world\r\n\
             0\r\n",
            Told {
                path: "/chunked_w_unicorns_after_length",
                framing: BodyFraming::Chunked,
                body: Body::CutShort,
                ..POST
            },
        ),
        case(
            "transfer-encoding.md: Unbalanced chunk extensions quoting",
            Theirs::Refuses,
            "POST /chunked_w_unicorns_after_length HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             5;ilovew3=\"abc\";somuchlove=\"def; ghi\r\n\
             hello\r\n\
             6;blahblah;blah\r\n\
             \x20world\r\n\
             0\r\n",
            Told {
                path: "/chunked_w_unicorns_after_length",
                framing: BodyFraming::Chunked,
                body: Body::CutShort,
                ..POST
            },
        )
        .differs(EXTENSION),
        case(
            "transfer-encoding.md: Ignoring `pigeons`",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: pigeons\r\n\r\n",
            Expected::Refused(400, Reject::TransferEncodingInvalid),
        ),
        case(
            "transfer-encoding.md: POST with `Transfer-Encoding` and `Content-Length`",
            Theirs::Refuses,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: identity\r\n\
             Content-Length: 5\r\n\r\n\
             World",
            Expected::Refused(400, Reject::ContentLengthWithTransferEncoding),
        ),
        case(
            "transfer-encoding.md: POST with `Transfer-Encoding` and `Content-Length` (lenient)",
            Theirs::Accepts,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: identity\r\n\
             Content-Length: 1\r\n\r\n\
             World",
            Expected::Refused(400, Reject::ContentLengthWithTransferEncoding),
        )
        .differs(BOTH),
        case(
            "transfer-encoding.md: POST with empty `Transfer-Encoding` and `Content-Length` (lenient)",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Host: foo\r\n\
             Content-Length: 10\r\n\
             Transfer-Encoding:\r\n\
             Transfer-Encoding:\r\n\
             Transfer-Encoding:\r\n\r\n\
             2\r\n\
             AA\r\n\
             0",
            Expected::Refused(400, Reject::ContentLengthWithTransferEncoding),
        ),
        case(
            "transfer-encoding.md: POST with `chunked` before other transfer coding names",
            Theirs::Refuses,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: chunked, deflate\r\n\r\n\
             World",
            Expected::Refused(400, Reject::TransferEncodingInvalid),
        ),
        case(
            "transfer-encoding.md: POST with `chunked` and duplicate transfer-encoding",
            Theirs::Refuses,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: chunked\r\n\
             Transfer-Encoding: deflate\r\n\r\n\
             World",
            Expected::Refused(400, Reject::TransferEncodingInvalid),
        ),
        case(
            "transfer-encoding.md: POST with `chunked` before other transfer-coding (lenient)",
            Theirs::Accepts,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: chunked, deflate\r\n\r\n\
             World",
            Expected::Refused(400, Reject::TransferEncodingInvalid),
        )
        .differs(NOT_LAST),
        case(
            "transfer-encoding.md: POST with `chunked` and duplicate transfer-encoding (lenient)",
            Theirs::Accepts,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: chunked\r\n\
             Transfer-Encoding: deflate\r\n\r\n\
             World",
            Expected::Refused(400, Reject::TransferEncodingInvalid),
        )
        .differs(NOT_LAST),
        case(
            "transfer-encoding.md: POST with `chunked` as last transfer-encoding",
            Theirs::Accepts,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: deflate, chunked\r\n\r\n\
             5\r\n\
             World\r\n\
             0\r\n\r\n",
            Expected::Refused(501, Reject::TransferCodingUnsupported),
        )
        .differs(CODING),
        case(
            "transfer-encoding.md: POST with `chunked` as last transfer-encoding (multiple headers)",
            Theirs::Accepts,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: deflate\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             5\r\n\
             World\r\n\
             0\r\n\r\n",
            Expected::Refused(400, Reject::TransferEncodingInvalid),
        )
        .differs(TWO_LINES),
        case(
            "transfer-encoding.md: POST with `chunkedchunked` as transfer-encoding",
            Theirs::Refuses,
            "POST /post_identity_body_world?q=search HTTP/1.1\r\n\
             Host: a\r\n\
             Accept: */*\r\n\
             Transfer-Encoding: chunkedchunked\r\n\r\n\
             5\r\n\
             World\r\n\
             0\r\n\r\n",
            Expected::Refused(400, Reject::TransferEncodingInvalid),
        ),
        case(
            "transfer-encoding.md: Missing last-chunk",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n\r\n",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Chunked,
                body: Body::Refused(Reject::ChunkSize),
                ..GET
            },
        ),
        case(
            "transfer-encoding.md: Validate chunk parameters",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 \n  \r\nfoo\r\n\r\n",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Chunked,
                body: Body::Refused(Reject::ChunkSize),
                ..GET
            },
        ),
        case(
            "transfer-encoding.md: Invalid OBS fold after chunked value",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\
             \x20 abc\r\n\r\n\
             5\r\n\
             World\r\n\
             0\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "transfer-encoding.md: Chunk header not terminated by CRLF",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: close \r\n\
             Transfer-Encoding: chunked \r\n\r\n\
             5\r\r;ABCD\r\n\
             34\r\n\
             E\r\n\
             0\r\n\r\n\
             GET / HTTP/1.1 \r\n\
             Host: a\r\n\
             Content-Length: 5\r\n\r\n\
             0\r\n",
            Told {
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkSize),
                ..GET
            },
        ),
        case(
            "transfer-encoding.md: Chunk header not terminated by CRLF (lenient)",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: close \r\n\
             Transfer-Encoding: chunked \r\n\r\n\
             6\r\r;ABCD\r\n\
             33\r\n\
             E\r\n\
             0\r\n\r\n\
             GET / HTTP/1.1 \r\n\
             Host: a\r\n\
             Content-Length: 5\r\n\
             0\r\n\r\n",
            Told {
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkSize),
                ..GET
            },
        )
        .differs(CHUNK),
        case(
            "transfer-encoding.md: Chunk data not terminated by CRLF",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: close \r\n\
             Transfer-Encoding: chunked \r\n\r\n\
             5\r\n\
             ABCDE0\r\n",
            Told {
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkEnd),
                ..GET
            },
        ),
        case(
            "transfer-encoding.md: Chunk data not terminated by CRLF (lenient)",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\n\
             Host: a\r\n\
             Connection: close \r\n\
             Transfer-Encoding: chunked \r\n\r\n\
             5\r\n\
             ABCDE0\r\n",
            Told {
                framing: BodyFraming::Chunked,
                persistence: Persistence::Close,
                body: Body::Refused(Reject::ChunkEnd),
                ..GET
            },
        )
        .differs(CHUNK),
        case(
            "transfer-encoding.md: Space after chunk header",
            Theirs::Refuses,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na \r\n0123456789\r\n0\r\n\r\n",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Chunked,
                body: Body::Refused(Reject::ChunkSize),
                ..GET
            },
        ),
        case(
            "transfer-encoding.md: Space after chunk header (lenient)",
            Theirs::Accepts,
            "PUT /url HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na \r\n0123456789\r\n0\r\n\r\n",
            Told {
                method: "PUT",
                path: "/url",
                framing: BodyFraming::Chunked,
                body: Body::Refused(Reject::ChunkSize),
                ..GET
            },
        )
        .differs(CHUNK),
    ]
}

fn invalid() -> Vec<Case<Row>> {
    vec![
        case(
            "invalid.md: ICE protocol and GET method",
            Theirs::Refuses,
            "GET /music/sweet/music ICE/1.0\r\nHost: example.com\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "invalid.md: ICE protocol, but not really",
            Theirs::Refuses,
            "GET /music/sweet/music IHTTP/1.0\r\nHost: example.com\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "invalid.md: RTSP protocol and PUT method",
            Theirs::Refuses,
            "PUT /music/sweet/music RTSP/1.0\r\nHost: example.com\r\n\r\n",
            Expected::Refused(400, Reject::RequestLine),
        ),
        case(
            "invalid.md: HTTP protocol and ANNOUNCE method",
            Theirs::Refuses,
            "ANNOUNCE /music/sweet/music HTTP/1.0\r\nHost: example.com\r\n\r\n",
            Told {
                method: "ANNOUNCE",
                path: "/music/sweet/music",
                authority: Some("example.com"),
                ..GET_1_0
            },
        )
        .differs(METHOD),
        case(
            "invalid.md: Headers separated by CR",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\nHost: a\r\nFoo: 1\rBar: 2\r\n\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "invalid.md: Headers separated by LF",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Host: localhost:5000\r\n\
             x:x\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\n\
             A\r\n\
             0\r\n",
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        case(
            "invalid.md: Headers separated by dummy characters",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\rZGET /evil: HTTP/1.1\r\nHost: a\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "invalid.md: Headers separated by dummy characters (lenient)",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\rZGET /evil: HTTP/1.1\r\nHost: a\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "invalid.md: Empty headers separated by CR",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Connection: Close\r\n\
             Host: localhost:5000\r\n\
             x:\rTransfer-Encoding: chunked\r\n\r\n\
             1\r\n\
             A\r\n\
             0\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "invalid.md: Empty headers separated by LF",
            Theirs::Refuses,
            "POST / HTTP/1.1\r\n\
             Host: localhost:5000\r\n\
             x:\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\n\
             A\r\n\
             0\r\n",
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        case(
            "invalid.md: Invalid header token #1",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\nHost: a\r\nFo@: Failure\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "invalid.md: Invalid header token #2",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\nHost: a\r\nFoo\x01\test: Bar\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "invalid.md: Invalid header token #3",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\nHost: a\r\n: Bar\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "invalid.md: Invalid method",
            Theirs::Refuses,
            "MKCOLA / HTTP/1.1\r\nHost: a\r\n\r\n",
            Told { method: "MKCOLA", ..GET },
        )
        .differs(METHOD),
        case(
            "invalid.md: Illegal header field name line folding",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\nHost: a\r\nname\r\n : value\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "invalid.md: Corrupted Connection header",
            Theirs::Refuses,
            b"GET / HTTP/1.1\r\n\
             Host: www.example.com\r\n\
             Connection\r\x1b5\xd5eep-Alive\r\n\
             Accept-Encoding: gzip\r\n\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "invalid.md: Corrupted header name",
            Theirs::Refuses,
            b"GET / HTTP/1.1\r\n\
             Host: www.example.com\r\n\
             X-Some-Header\r\x1b5\xd5eep-Alive\r\n\
             Accept-Encoding: gzip\r\n\r\n",
            Expected::Refused(400, Reject::BareCarriageReturn),
        ),
        case(
            "invalid.md: Missing CR between headers",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\n\
             Host: localhost\r\n\
             Dummy: x\nContent-Length: 23\r\n\r\n\
             GET / HTTP/1.1\r\n\
             Dummy: GET /admin HTTP/1.1\r\n\
             Host: localhost\r\n\r\n",
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        case(
            "invalid.md: Invalid HTTP version",
            Theirs::Refuses,
            "GET / HTTP/5.6\r\n\r\n",
            Expected::Refused(505, Reject::VersionUnsupported),
        ),
        case(
            "invalid.md: Invalid space after start line",
            Theirs::Refuses,
            "GET / HTTP/1.1\r\n Host: foo\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "invalid.md: Only LFs present",
            Theirs::Refuses,
            "POST / HTTP/1.1\nTransfer-Encoding: chunked\nTrailer: Baz\r\n\
             Foo: abc\nBar: def\n\n1\nA\n1;abc\nB\n1;def=ghi\nC\n1;jkl=\"mno\"\nD\n0\n\nBaz: ghi\n\n\\",
            Expected::Refused(400, Reject::BareLineFeed),
        ),
        case(
            "invalid.md: Only LFs present (lenient)",
            Theirs::Accepts,
            "POST / HTTP/1.1\nTransfer-Encoding: chunked\nTrailer: Baz\r\n\
             Foo: abc\nBar: def\n\n1\nA\n1;abc\nB\n1;def=ghi\nC\n1;jkl=\"mno\"\nD\n0\n\nBaz: ghi\n\n",
            Expected::Refused(400, Reject::BareLineFeed),
        )
        .differs(BARE_LF),
        case(
            "invalid.md: Spaces before headers",
            Theirs::Refuses,
            "POST /hello HTTP/1.1\r\n\
             Host: localhost\r\n\
             Foo: bar\r\n\
             \x20Content-Length: 38\r\n\r\n\
             GET /bye HTTP/1.1\r\n\
             Host: localhost\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        ),
        case(
            "invalid.md: Spaces before headers (lenient)",
            Theirs::Accepts,
            "POST /hello HTTP/1.1\r\n\
             Host: localhost\r\n\
             Foo: bar\r\n\
             \x20Content-Length: 38\r\n\r\n\
             GET /bye HTTP/1.1\r\n\
             Host: localhost\r\n\r\n",
            Expected::Refused(400, Reject::FieldName),
        )
        .differs(FOLD),
    ]
}

fn events() -> Vec<Case<Row>> {
    vec![
        case(
            "finish.md: It should be safe to finish after GET request",
            Theirs::Accepts,
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            GET,
        ),
        case(
            "finish.md: It should be unsafe to finish after incomplete PUT request",
            Theirs::Accepts,
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n",
            Expected::Incomplete,
        ),
        case(
            "finish.md: It should be unsafe to finish inside of the header",
            Theirs::Accepts,
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Leng",
            Expected::Incomplete,
        ),
        case(
            "pausing.md: on_message_begin",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_message_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_protocol_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_method_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_url_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_version_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_header_field_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_header_value_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_headers_complete",
            Theirs::Accepts,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            Told { framing: BodyFraming::Length(3), body: Body::Read(b"abc"), ..POST },
        ),
        case(
            "pausing.md: on_chunk_header",
            Theirs::Accepts,
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
            Told { method: "PUT", framing: BodyFraming::Chunked, body: Body::Read(b"0123456789"), ..GET },
        ),
        case(
            "pausing.md: on_chunk_extension_name",
            Theirs::Accepts,
            "PUT / HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a;foo=bar\r\n\
             0123456789\r\n\
             0\r\n\r\n",
            Told { method: "PUT", framing: BodyFraming::Chunked, body: Body::Read(b"0123456789"), ..GET },
        ),
        case(
            "pausing.md: on_chunk_extension_value",
            Theirs::Accepts,
            "PUT / HTTP/1.1\r\n\
             Host: a\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             a;foo=bar\r\n\
             0123456789\r\n\
             0\r\n\r\n",
            Told { method: "PUT", framing: BodyFraming::Chunked, body: Body::Read(b"0123456789"), ..GET },
        ),
        case(
            "pausing.md: on_chunk_complete",
            Theirs::Accepts,
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
            Told { method: "PUT", framing: BodyFraming::Chunked, body: Body::Read(b"0123456789"), ..GET },
        ),
        case(
            "pipelining.md: Should parse multiple events",
            Theirs::Accepts,
            "POST /aaa HTTP/1.1\r\n\
             Host: a\r\n\
             Content-Length: 3\r\n\r\n\
             AAA\r\n\
             PUT /bbb HTTP/1.1\r\n\
             Host: a\r\n\
             Content-Length: 4\r\n\r\n\
             BBBB\r\n\
             PATCH /ccc HTTP/1.1\r\n\
             Host: a\r\n\
             Content-Length: 5\r\n\r\n\
             CCCC",
            [
                Told { path: "/aaa", framing: BodyFraming::Length(3), body: Body::Read(b"AAA"), ..POST }
                    .into(),
                Told {
                    method: "PUT",
                    path: "/bbb",
                    framing: BodyFraming::Length(4),
                    body: Body::Read(b"BBBB"),
                    ..GET
                }
                .into(),
                Told {
                    method: "PATCH",
                    path: "/ccc",
                    framing: BodyFraming::Length(5),
                    body: Body::CutShort,
                    ..GET
                }
                .into(),
            ],
        ),
    ]
}

pub(crate) fn rows_len() -> usize {
    cases().len()
}

#[test]
fn every_case_is_carried_over() {
    assert_whole("test/request/*.md", CASES, cases().len(), &[]);
}

#[test]
fn rows_without_a_socket() {
    engine::check(&rows(cases()));
}

#[test]
fn rows_over_a_socket() {
    wire::check(&rows(cases()));
}
