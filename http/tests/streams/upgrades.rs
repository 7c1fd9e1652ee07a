//! Connections that go on in another protocol.

use selvedge_http::CloseReason;

use super::app::streams;
use super::support::{TestServer, patient};

const UPGRADE: &str = "GET /shout HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";

#[test]
fn the_connection_is_the_other_protocol_s_until_it_is_done() {
    let server = TestServer::start(patient(), streams);
    let mut client = server.connect();
    // What follows the head at once is not lost.
    client.send(format!("{UPGRADE}early"));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("\r\nupgrade: shout\r\n"), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\n") && !head.contains("content-length"), "{head}");
    assert_eq!(client.take(5), b"EARLY");
    client.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(client.take(18), b"GET / HTTP/1.1\r\n\r\n");
    client.shut_down_write();
    assert_eq!(client.take(3), b"BYE");
    client.expect_close();
    drop(client);
    server.wait_until_at_rest();
    assert_eq!(server.stop().closes(CloseReason::UpgradeOver), 1);
}

#[test]
fn who_has_not_offered_it_is_told_to() {
    let server = TestServer::start(patient(), streams);
    let mut client = server.connect();
    let reply = client.get("/shout");
    assert_eq!((reply.status, reply.field("upgrade")), (426, Some("shout")));
    client.send("GET /shout HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: shout\r\n\r\n");
    assert_eq!(client.reply().status, 426);
}
