//! Forms, queries and cookies.

use super::app::contents;
use super::support::client::{Client, Reply};
use super::support::{TestServer, patient};

fn post(client: &mut Client, content_type: &str, body: &str) -> Reply {
    let length = body.len();
    client.send(format!(
        "POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    client.reply()
}

#[test]
fn forms_and_queries_are_read_as_browsers_write_them() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    let form = "article=a+b%26%C3%A9&count=3&tag=x&tag=y&other=1";
    let expected = "{\"article\":\"a b&\u{e9}\",\"count\":3,\"tag\":[\"x\",\"y\"]}";
    let reply = post(&mut client, "application/x-www-form-urlencoded;charset=UTF-8", form);
    assert_eq!((reply.status, reply.text()), (200, expected));
    let reply = client.get(&format!("/query?{form}"));
    assert_eq!((reply.status, reply.text()), (200, expected));
}

#[test]
fn what_is_no_order_is_told_so() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    let form = "application/x-www-form-urlencoded";
    let reply = post(&mut client, form, "count=1");
    assert_eq!(reply.status, 422);
    assert!(reply.text().contains("missing field `article`"), "{}", reply.text());
    let reply = post(&mut client, form, "article=a&count=256");
    assert!(reply.status == 422 && reply.text().contains("too large"), "{}", reply.text());
    assert_eq!(post(&mut client, "application/json", "article=a").status, 415);
    for path in ["/query", "/query?", "/query?count=1"] {
        let reply = client.get(path);
        assert_eq!(reply.status, 400);
        assert_eq!(reply.text(), "400 Bad Request: query not as expected: missing field `article`\n");
    }
    assert_eq!(post(&mut client, form, &format!("article={}", "a".repeat(100))).status, 413);
}

#[test]
fn pairs_come_in_order_and_decoded() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    let text = client.get("/pairs?a=1&b&&=c&a=%3D%26+%ff&%zz=%").text().to_owned();
    assert_eq!(text, "\"a\"=\"1\"\n\"b\"=\"\"\n\"\"=\"c\"\n\"a\"=\"=& \u{fffd}\"\n\"%zz\"=\"%\"\n");
    assert_eq!(client.get("/pairs").text(), "");
}

#[test]
fn cookies_come_in_order_from_all_lines() {
    let server = TestServer::start(patient(), contents);
    let mut client = server.connect();
    client.send("GET /cookies HTTP/1.1\r\nHost: a\r\nCookie: a=1; b=\"2\";;c; d=\"\r\ncookie: a=3\r\n\r\n");
    assert_eq!(client.reply().text(), "a=1\nb=2\na=3\n");
    assert_eq!(client.get("/cookies").text(), "");
}

#[test]
fn each_new_cookie_has_its_line() {
    let server = TestServer::start(patient(), contents);
    let reply = server.connect().get("/set-cookies");
    let cookies =
        reply.fields.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str());
    assert_eq!(cookies.collect::<Vec<_>>(), ["a=1; SameSite=Strict", "b=; Max-Age=0"]);
}
