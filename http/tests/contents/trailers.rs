//! Fields behind a body.

use selvedge_http::h1::Limits;

use super::app::contents;
use super::support::{TestServer, options, patient};

fn chunked(path: &str, trailers: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n{trailers}\r\n"
    )
}

#[test]
fn they_are_there_after_the_body_and_never_in_the_head() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    client.send(chunked("/trailers", "X-Sum: 1\r\nHost: b\r\nContent-Length: 7\r\nx-other:\r\n"));
    assert_eq!(client.reply().text(), "4 [(\"x-sum\", \"1\"), (\"x-other\", \"\")]");
    for octet in chunked("/trailers", "X-Sum: 2\r\n").bytes() {
        client.send([octet]);
    }
    assert_eq!(client.reply().text(), "4 [(\"x-sum\", \"2\")]");
    client.send(chunked("/trailers", ""));
    assert_eq!(client.reply().text(), "4 []");
    client.send("POST /trailers HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd");
    assert_eq!(client.reply().text(), "4 []");
    // Unread, they are thrown away with the body.
    client.send(chunked("/too-early", "X-Sum: 3\r\n"));
    assert_eq!(client.reply().text(), "[]");
    assert_eq!(client.get("/trailers").text(), "0 []");
}

#[test]
fn more_than_the_limit_is_refused() {
    let limits = Limits { trailer_bytes_max: 10, ..Limits::default() };
    let server = TestServer::start(options(|options| options.limits = limits), contents);
    let mut client = server.connect();
    client.send(chunked("/trailers", "X: 34567\r\n"));
    assert_eq!(client.reply().text(), "4 [(\"x\", \"34567\")]");
    client.send(chunked("/trailers", "X: 345678\r\n"));
    let reply = client.reply();
    assert!(reply.status == 431 && reply.closes(), "{reply:?}");
}
