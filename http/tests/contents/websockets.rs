//! WebSocket connections, with another implementation's client and with frames made by hand.

use std::net::TcpStream;

use selvedge_http::CloseReason;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::app::contents;
use super::support::client::Client;
use super::support::{PATIENCE, TestServer, patient, wait_until};

const UPGRADE: &str = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn connect(server: &TestServer) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(server.address()).expect("the listener's backlog has room");
    stream.set_read_timeout(Some(PATIENCE)).expect("a stream has a timeout");
    let mut request = format!("ws://{}/echo", server.address()).into_client_request().expect("a URL");
    request.headers_mut().insert("Sec-WebSocket-Protocol", "other, echo".parse().expect("a value"));
    // Frames of their own for every 100 octets are not offered; small writes are.
    let config = WebSocketConfig::default().write_buffer_size(0);
    let (socket, response) =
        tungstenite::client::client_with_config(request, stream, Some(config)).expect("a handshake");
    assert_eq!(response.headers()["sec-websocket-protocol"], "echo");
    socket
}

/// What the last conversation ended with, once it has.
fn spoken(server: &TestServer) -> String {
    let mut client = server.connect();
    let mut spoken = String::new();
    wait_until("the conversation ends", || {
        client.get("/spoken").text().clone_into(&mut spoken);
        if spoken.is_empty() { Err("not yet".into()) } else { Ok(()) }
    });
    spoken
}

#[test]
fn messages_are_echoed_until_the_client_closes() {
    let server = TestServer::start(patient(), contents);
    let mut socket = connect(&server);
    for message in [
        Message::text("hello"),
        Message::text(""),
        Message::text("\u{e9}".repeat(500)),
        Message::binary(vec![0, 255]),
        Message::binary(vec![7; 1_000]),
    ] {
        socket.send(message.clone()).expect("it is read");
        assert_eq!(socket.read().expect("an echo"), message);
    }
    let frame = tungstenite::protocol::CloseFrame { code: CloseCode::Away, reason: "bye".into() };
    socket.close(Some(frame.clone())).expect("it is read");
    assert_eq!(socket.read().expect("the answer"), Message::Close(Some(frame)));
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
    assert_eq!(spoken(&server), "Some((CloseCode(1001), \"bye\")) Err(BrokenPipe)");
    drop(socket);
    server.wait_until_at_rest();
    assert_eq!(server.stop().closes(CloseReason::UpgradeOver), 1);
}

#[test]
fn pings_are_answered_and_sent() {
    let server = TestServer::start(patient(), contents);
    let mut socket = connect(&server);
    socket.send(Message::Ping("one".into())).expect("it is read");
    assert_eq!(socket.read().expect("an answer"), Message::Pong("one".into()));
    socket.send(Message::text("ping")).expect("it is read");
    assert_eq!(socket.read().expect("a ping"), Message::Ping("are you there".into()));
    // The pong for it, which the client sends by itself, is no message.
    socket.send(Message::text("on")).expect("it is read");
    assert_eq!(socket.read().expect("an echo"), Message::text("on"));
}

#[test]
fn the_server_closes_with_its_reason() {
    let server = TestServer::start(patient(), contents);
    let mut socket = connect(&server);
    socket.send(Message::text("close")).expect("it is read");
    let Message::Close(Some(frame)) = socket.read().expect("a close") else { panic!("no reason") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4_000, "as told"));
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[test]
fn a_message_beyond_the_limit_closes_the_connection_with_1009() {
    let server = TestServer::start(patient(), contents);
    let mut socket = connect(&server);
    socket.send(Message::binary(vec![7; 1_001])).expect("it is read");
    let Message::Close(Some(frame)) = socket.read().expect("a close") else { panic!("no reason") };
    assert_eq!(frame.code, CloseCode::Size);
    assert_eq!(spoken(&server), "InvalidData");
}

/// A frame as a client sends it, its mask all zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126, "a length of one octet");
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0][..], payload].concat()
}

fn raw(server: &TestServer) -> Client {
    let mut client = server.connect();
    client.send(UPGRADE);
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    // RFC 6455 section 1.3 has both.
    assert!(head.contains("\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    assert!(!head.contains("sec-websocket-protocol"), "{head}");
    client
}

#[test]
fn a_message_in_fragments_with_a_ping_between_them_is_one() {
    let server = TestServer::start(patient(), contents);
    let mut client = raw(&server);
    let all = [frame(0x01, b"a"), frame(0x89, b"p"), frame(0x00, b"b"), frame(0x80, b"c")].concat();
    for octet in all {
        client.send([octet]);
    }
    assert_eq!(client.take(3), b"\x8a\x01p");
    assert_eq!(client.take(5), b"\x81\x03abc");
}

#[test]
fn what_breaks_the_protocol_is_closed_with_its_code() {
    for (octets, code) in [
        (frame(0xc1, b"reserved bit"), 1_002_u16),
        (frame(0x83, b"unknown"), 1_002),
        (frame(0x80, b"continues nothing"), 1_002),
        (frame(0x09, b"a ping in fragments"), 1_002),
        (frame(0x88, b"\x03"), 1_002),
        (b"\x81\x01x".to_vec(), 1_002),
        (frame(0x81, b"\xff"), 1_007),
        (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(), 1_009),
        ([frame(0x02, &[0; 125]), frame(0x00, &[0; 125]).repeat(8)].concat(), 1_009),
    ] {
        let server = TestServer::start(patient(), contents);
        let mut client = raw(&server);
        client.send(&octets);
        let close = client.take(4);
        assert_eq!(close, [&[0x88, 2][..], &code.to_be_bytes()].concat(), "{}", octets.escape_ascii());
        assert_eq!(spoken(&server), "InvalidData");
        drop(client);
        server.wait_until_at_rest();
        assert_eq!(
            server.stop().closes(CloseReason::UpgradeOver),
            1,
            "nothing is wrong with the application"
        );
    }
}

#[test]
fn a_client_that_ends_without_a_close_is_gone() {
    let server = TestServer::start(patient(), contents);
    raw(&server).shut_down_write();
    assert_eq!(spoken(&server), "None Err(BrokenPipe)");
}

#[test]
fn a_request_that_is_no_handshake_is_told_what_is_missing() {
    let server = TestServer::start(patient(), contents);
    for (from, to, status) in [
        ("GET", "POST", 405),
        ("Connection: Upgrade\r\n", "", 426),
        ("Upgrade: websocket", "Upgrade: h2c", 426),
        ("Version: 13", "Version: 8", 426),
        ("Sec-WebSocket-Version: 13\r\n", "", 426),
        ("ZQ==", "", 400),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400),
    ] {
        let mut client = server.connect();
        client.send(UPGRADE.replacen(from, to, 1));
        let reply = client.reply();
        assert_eq!(reply.status, status, "{from:?} as {to:?}");
        if status == 426 {
            assert_eq!(reply.field("sec-websocket-version"), Some("13"));
            assert_eq!(reply.field("upgrade"), Some("websocket"));
        }
    }
    let mut client = server.connect();
    client.send(UPGRADE.replacen("Upgrade: websocket", "Upgrade: h2c, WebSocket", 1));
    assert!(client.head().starts_with("HTTP/1.1 101 "));
}
