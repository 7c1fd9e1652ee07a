//! JSON, both ways.

use super::app::contents;
use super::support::client::{Client, Reply};
use super::support::{TestServer, patient};

fn post(client: &mut Client, content_type: &str, body: &str) -> Reply {
    let length = body.len();
    client.send(format!(
        "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    client.reply()
}

#[test]
fn a_value_goes_in_and_comes_out() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    for content_type in ["application/json", "Application/JSON ; charset=utf-8", "application/vnd.order+json"]
    {
        let reply = post(&mut client, content_type, r#" {"article":"\u00e9","count":3} "#);
        assert_eq!((reply.status, reply.field("content-type")), (200, Some("application/json")));
        assert_eq!(reply.text(), "{\"article\":\"\u{e9}\",\"count\":3,\"tag\":[]}");
    }
}

#[test]
fn other_types_are_refused_before_the_body_is_read() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    for content_type in
        ["", "text/plain", "text/json", "application/jsonp", "json", "text/plain; application/json"]
    {
        let reply = post(&mut client, content_type, "{}");
        assert_eq!(reply.status, 415, "{content_type}");
    }
    client.send("POST /json HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(client.reply().status, 415);
    client.send("POST /json HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.reply().status, 415, "and no 100");
}

#[test]
fn an_error_says_where_it_is_and_what_is_wrong() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    let not_understood = "400 Bad Request: request body not understood: ";
    let not_expected = "422 Unprocessable Content: request body not as expected: ";
    for (body, start, says) in [
        ("{\n \"article\": }", not_understood, "line 2 column 13"),
        ("{\"article\": \"a\"", not_understood, "EOF"),
        ("", not_understood, "line 1 column 0"),
        ("{\"article\":\"a\"} x", not_understood, "trailing characters at line 1 column 17"),
        ("{}", not_expected, "missing field `article` at line 1 column 2"),
        ("{\"article\":\"a\",\"count\":256}", not_expected, "256"),
        ("[1]", not_expected, "line 1"),
        ("{\"article\":\"a\\u0000\",\"count\":\"\\r\\n\"}", not_expected, "invalid type: string"),
    ] {
        let reply = post(&mut client, "application/json", body);
        let text = reply.text();
        assert!(text.starts_with(start) && text.contains(says), "{body:?}: {text}");
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text:?}");
        assert_eq!(reply.status.to_string(), start[..3]);
        assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
    }
    let invalid = b"POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n\"\xff\"";
    client.send(invalid);
    assert_eq!(client.reply().status, 400);
    let deep = "[".repeat(100);
    assert_eq!(post(&mut client, "application/json", &deep).status, 422);
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let server = TestServer::start(patient(), contents);
    let reply = post(&mut server.connect(), "application/json", &" ".repeat(101));
    assert_eq!(reply.status, 413);
}

#[test]
fn a_value_that_cannot_be_written_is_a_500() {
    let server = TestServer::start(patient(), contents);
    assert_eq!(server.connect().get("/unwritable").status, 500);
}
