//! Requests in the terms of `http`.

use std::convert::Infallible;

use selvedge_http::tower::{RequestBody, from_service};
use selvedge_http::{Application, Request, Response};
use tower::service_fn;

use super::support::{TestServer, patient};

/// Answers with the head it got.
async fn told(request: http::Request<RequestBody>) -> Result<http::Response<String>, Infallible> {
    let (parts, body) = request.into_parts();
    let mut text = format!("{} {} {:?}", parts.method, parts.uri, parts.version);
    for (name, value) in &parts.headers {
        text += &format!("\n{name}: {}", value.as_bytes().escape_ascii());
    }
    let hint = http_body::Body::size_hint(&body);
    Ok(http::Response::new(format!("{text}\n{:?} {}", hint.exact(), http_body::Body::is_end_stream(&body))))
}

#[test]
fn a_head_comes_as_it_was_sent() {
    let server = TestServer::start(patient(), |_| from_service(service_fn(told)));
    let mut client = server.connect();
    client.send(b"GET /a%20b/?q=%3F&r HTTP/1.1\r\nHost: a\r\nX-B: 1\r\nx-a: \xe9\r\nX-B: 2\r\n\r\n");
    assert_eq!(
        client.reply().text(),
        "GET /a%20b/?q=%3F&r HTTP/1.1\nhost: a\nx-b: 1\nx-b: 2\nx-a: \\xe9\nSome(0) true"
    );
    client.send("PURGE http://b:81/c? HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(
        client.reply().text(),
        "PURGE http://b:81/c? HTTP/1.1\nhost: a\ncontent-length: 3\nSome(3) false"
    );
    client.send("POST HTTPS://b HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(
        client.reply().text(),
        "POST https://b/ HTTP/1.1\nhost: b\ntransfer-encoding: chunked\nNone false"
    );
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.reply().text(), "GET / HTTP/1.0\nconnection: keep-alive\nSome(0) true");
}

#[test]
fn a_target_that_http_cannot_hold_is_refused() {
    let server = TestServer::start(patient(), |_| from_service(service_fn(told)));
    let mut client = server.connect();
    let reply = client.get("/a`b");
    assert_eq!((reply.status, reply.text()), (400, "400 Bad Request: request target malformed\n"));
    assert!(client.get("/a%60b").text().starts_with("GET /a%60b "));
}

#[test]
fn middleware_before_a_service_rewrites_its_path() {
    struct Below<A>(A);
    impl<A: Application> Application for Below<A> {
        async fn call(&self, request: Request<'_>) -> Response {
            let path = request.path().strip_prefix(b"/below").unwrap_or(request.path());
            self.0.call(request.with_path(path).with_query(Some(b"rewritten"))).await
        }
    }
    let server = TestServer::start(patient(), |_| Below(from_service(service_fn(told))));
    let text = server.connect().get("/below/it").text().to_owned();
    assert!(text.starts_with("GET /it?rewritten HTTP/1.1\n"), "{text}");
}
