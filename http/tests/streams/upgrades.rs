//! Connections that go on in another protocol.

use selvedge_http::CloseReason;
use selvedge_http::h1::ConnectPolicy;

use super::app::streams;
use super::support::{TestServer, options, patient};

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
    assert_eq!(reply.field("connection"), Some("upgrade"));
    client.send("GET /shout HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: shout\r\n\r\n");
    assert_eq!(client.reply().status, 426);
}

#[test]
fn connect_is_a_tunnel_where_the_application_may_have_it() {
    let server = TestServer::start(options(|options| options.connect = ConnectPolicy::Application), streams);
    let mut client = server.connect();
    client.send("CONNECT forbidden:7 HTTP/1.1\r\nHost: forbidden:7\r\n\r\n");
    assert_eq!(client.reply().status, 403);
    client.send("CONNECT echo:7 HTTP/1.1\r\nHost: echo:7\r\n\r\nhello");
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("content-length"), "{head}");
    assert!(!head.contains("transfer-encoding") && !head.contains("connection"), "{head}");
    assert_eq!(client.take(5), b"hello");
    client.send("again").shut_down_write();
    assert_eq!(client.take(5), b"again");
    client.expect_close();
}

#[test]
fn connect_needs_a_host_a_port_and_a_tunnel() {
    let server = TestServer::start(options(|options| options.connect = ConnectPolicy::Application), streams);
    for target in ["/", "echo", "echo:", ":7", "http://echo:7/", "echo:7/", "*"] {
        let mut client = server.connect();
        client.send(format!("CONNECT {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(client.reply().status, 400, "{target}");
    }
    let mut client = server.connect();
    client.send("CONNECT plain:7 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply().status, 500);
    let server = TestServer::start(patient(), streams);
    let mut client = server.connect();
    client.send("CONNECT echo:7 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply().status, 501);
}

#[test]
fn no_100_stands_in_another_protocol() {
    let server = TestServer::start(patient(), streams);
    let mut client = server.connect();
    client.send(UPGRADE.replace("Host: a", "Host: a\r\nExpect: 100-continue"));
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    client.send("one").shut_down_write();
    assert_eq!(client.take(6), b"ONEBYE");
}
