//! What is noted of a request and its client.

use http::HeaderName;
use selvedge_http::middleware::{HeaderChanges, RequestId, headers, real_ip, request_id};
use selvedge_http::real_address::RealAddress;
use selvedge_http::{Application, Request};

use crate::support::client::{Client, Reply};
use crate::support::{TestServer, patient};

const FIELD: HeaderName = HeaderName::from_static("x-request-id");

async fn id(request: Request<'_>) -> String {
    request.extensions().get::<RequestId>().map_or("none".to_owned(), |id| id.as_str().to_owned())
}

fn get(client: &mut Client, fields: &str) -> Reply {
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.reply()
}

#[test]
fn a_request_gets_a_name_that_all_see() {
    let server = TestServer::start(patient(), |_| id.with(request_id(FIELD)));
    let mut client = server.connect();
    let mut seen = Vec::new();
    for _ in 0..100 {
        let reply = get(&mut client, "");
        assert_eq!(reply.field("x-request-id"), Some(reply.text()));
        assert!(reply.text().len() == 32 && reply.text().bytes().all(|byte| byte.is_ascii_hexdigit()));
        seen.push(reply.text().to_owned());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 100);
}

#[test]
fn a_name_that_came_is_kept_if_it_is_one() {
    let server = TestServer::start(patient(), |_| id.with(request_id(FIELD)));
    let mut client = server.connect();
    let reply = get(&mut client, "X-Request-Id: from/proxy:7\r\n");
    assert_eq!((reply.text(), reply.field("x-request-id")), ("from/proxy:7", Some("from/proxy:7")));
    let long = format!("X-Request-Id: {}\r\n", "a".repeat(129));
    for fields in
        ["X-Request-Id: two words\r\n", &long, "X-Request-Id: a\r\nX-Request-Id: b\r\n", "X-Request-Id:\r\n"]
    {
        let reply = get(&mut client, fields);
        assert_eq!(reply.text().len(), 32, "{fields}");
        assert_eq!(reply.field("x-request-id"), Some(reply.text()), "{fields}");
    }
}

#[test]
fn a_name_that_the_application_says_itself_stays() {
    let server = TestServer::start(patient(), |_| {
        id.with(headers(HeaderChanges::new().set(FIELD, "own"))).with(request_id(FIELD))
    });
    assert_eq!(server.connect().get("/").field("x-request-id"), Some("own"));
}

async fn address(request: Request<'_>) -> String {
    match request.extensions().get::<RealAddress>() {
        Some(RealAddress::Known(address)) => address.to_string(),
        Some(RealAddress::Unknown { behind }) => format!("unknown behind {behind}"),
        None => "not noted".to_owned(),
    }
}

#[test]
fn the_client_behind_a_trusted_proxy_is_noted() {
    let server =
        TestServer::start(patient(), |_| address.with(real_ip("127.0.0.0/8".parse().expect("a network"))));
    let mut client = server.connect();
    assert_eq!(get(&mut client, "").text(), "127.0.0.1");
    assert_eq!(get(&mut client, "X-Forwarded-For: 203.0.113.9\r\n").text(), "203.0.113.9");
    assert_eq!(get(&mut client, "Forwarded: for=unknown\r\n").text(), "unknown behind 127.0.0.1");
}

#[test]
fn nobody_else_is_believed() {
    let server =
        TestServer::start(patient(), |_| address.with(real_ip("10.0.0.0/8".parse().expect("a network"))));
    let mut client = server.connect();
    assert_eq!(get(&mut client, "X-Forwarded-For: 203.0.113.9\r\n").text(), "127.0.0.1");
}
