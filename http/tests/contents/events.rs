//! Server-sent events.

use super::app::contents;
use super::support::{TestServer, patient, wait_until};

#[test]
fn events_come_one_by_one_and_go_on_where_the_client_has_been() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head();
    for line in ["content-type: text/event-stream", "cache-control: no-cache", "transfer-encoding: chunked"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
    }
    for id in 1..=3 {
        assert_eq!(client.chunk(), format!("id: {id}\ndata: event\ndata: {id}\n\n").as_bytes());
    }
    assert_eq!(client.chunk(), b"");
    client.send("GET /events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 2\r\n\r\n");
    assert_eq!(client.chunked_reply().text(), "id: 3\ndata: event\ndata: 3\n\n");
}

#[test]
fn a_client_that_has_closed_is_noticed_by_the_comments() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    client.send("GET /silence HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head();
    for _ in 0..3 {
        assert_eq!(client.chunk(), b":\n\n");
    }
    drop(client);
    let mut other = server.connect();
    wait_until("the stream ends", || match other.get("/dropped").text() {
        "1" => Ok(()),
        count => Err(count.to_owned()),
    });
    drop(other);
    server.wait_until_at_rest();
}
