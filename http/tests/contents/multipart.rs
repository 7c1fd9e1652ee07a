//! Forms with files.

use super::app::contents;
use super::support::client::{Client, Reply};
use super::support::{TestServer, patient, pattern};

const TYPE: &str = "multipart/form-data; boundary=\"b 0\"";

fn head(path: &str, content_type: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn post(client: &mut Client, path: &str, form: &[u8]) -> Reply {
    client.send(head(path, TYPE, form.len())).send(form);
    client.reply()
}

fn field(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--b 0\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

#[test]
fn fields_are_read_one_after_the_other() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    let file = pattern(100_000);
    let sum: u64 = file.iter().map(|&octet| u64::from(octet)).sum();
    let form = [
        field("name=text", b"some text"),
        field("name=\"skipped\"; filename=\"../x\"", &file),
        field("name=file; filename=\"\u{e9}.bin\"\r\nContent-Type: image/png", &file),
        field("name=empty", b""),
        b"--b 0--\r\n".to_vec(),
    ]
    .concat();
    let expected = format!(
        "text None  some text\nskipped Some(\"../x\")  skipped\n\
         file Some(\"\u{e9}.bin\") image/png (100000, {sum})\nempty None  (0, 0)\n"
    );
    for _ in 0..2 {
        let reply = post(&mut client, "/multipart", &form);
        assert_eq!((reply.status, reply.text()), (200, &*expected));
    }
    for piece in [1, 9, 5_000] {
        client.send(head("/multipart", TYPE, form.len()));
        // One by one they would take long: the first field and the last boundary.
        let (start, rest) = form.split_at(200);
        for octets in start.chunks(piece) {
            client.send(octets);
        }
        client.send(rest);
        assert_eq!(client.reply().text(), expected);
    }
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn what_is_no_form_is_told_so() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    for (content_type, status) in [
        ("multipart/mixed; boundary=b", 415),
        ("application/json", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
    ] {
        client.send(head("/multipart", content_type, 0));
        assert_eq!(client.reply().status, status, "{content_type}");
    }
    let reply = post(&mut client, "/multipart", &field("name=a", b"x"));
    assert_eq!(reply.status, 400);
    assert!(reply.text().ends_with(": the form ends before its last boundary\n"), "{}", reply.text());
    let reply = post(&mut client, "/multipart", b"--b 0\r\nContent-Type: a/b\r\n\r\nx\r\n--b 0--");
    assert_eq!(reply.status, 400);
}

#[test]
fn more_than_the_limits_is_refused() {
    let server = TestServer::start(patient(), contents);
    let end = b"--b 0--".to_vec();
    let fields = |count: usize| [field("name=a", b"").repeat(count), end.clone()].concat();
    let mut client = server.connect();
    assert_eq!(post(&mut client, "/multipart", &fields(4)).status, 200);
    assert_eq!(post(&mut client, "/multipart", &fields(5)).status, 413);
    let long = |length: usize| [field("name=a", &pattern(length)), end.clone()].concat();
    let mut client = server.connect();
    assert_eq!(post(&mut client, "/multipart", &long(500_000)).status, 200);
    assert_eq!(post(&mut client, "/multipart", &long(500_001)).status, 413);
    let mut client = server.connect();
    client.send(head("/multipart", TYPE, 900_001));
    assert_eq!(client.reply().status, 413, "before the body is there");
    let text = [field("name=text", b"eleven char"), end].concat();
    assert_eq!(post(&mut server.connect(), "/multipart", &text).status, 413);
}

#[test]
fn a_form_may_be_left_unread() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    let form = [field("name=a", b"xyz"), field("name=b", b""), b"--b 0--".to_vec()].concat();
    for _ in 0..2 {
        assert_eq!(post(&mut client, "/first-field", &form).text(), "a None  (3, 363)\n");
    }
}
