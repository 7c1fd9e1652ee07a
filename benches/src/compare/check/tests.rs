use std::{net::TcpListener, thread};

use super::*;
use crate::compare::workloads;

const WHOLE: &str = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 16384\r\n\r\n";

fn workload(name: &str) -> &'static Workload {
    workloads::select(&[name.to_owned()]).unwrap()[0]
}

/// What `check` says of a server that gives this answer, head and body, to each request.
fn check_against(name: &str, answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> anyhow::Result<Checked> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // It ends with the test's process: the check opens one connection or two.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut request = String::new();
            while reader.read_line(&mut request).unwrap() > 0 {
                if request.ends_with("\r\n\r\n") {
                    reader.get_mut().write_all(&answer(&request)).unwrap();
                    request.clear();
                }
            }
        }
    });
    check(port, workload(name))
}

fn with_body(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), body].concat()
}

#[test]
fn the_files_own_tag_is_asked_for_again() {
    let checked = check_against("304", |request| match request.contains("If-None-Match: \"a\"\r\n") {
        true => b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".to_vec(),
        false => with_body(WHOLE, &content(16 * 1024)),
    });
    let checked = checked.unwrap();
    assert_eq!(checked.fields, ["If-None-Match: \"a\""]);
    assert_eq!(checked.answer_bytes, 40);
}

#[test]
fn who_has_no_tags_is_asked_by_time() {
    let reply = |text: &str| Reply::read(&mut text.as_bytes(), false, 0).unwrap().unwrap();
    let timed = reply("HTTP/1.1 200 OK\r\nLast-Modified: then\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(condition_of(&timed).unwrap().as_deref(), Some("If-Modified-Since: then"));
    let neither = reply("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(condition_of(&neither).unwrap(), None);
}

#[test]
fn a_server_that_does_something_else_is_not_measured() {
    let range = content(16 * 1024)[RANGE].to_vec();
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Length: 151\r\nContent-Range: bytes";
    let good = with_body(&format!("{part} 100-250/16384\r\n\r\n"), &range);
    let octets = good.len() as u64;
    assert_eq!(check_against("range", move |_| good.clone()).unwrap().answer_bytes, octets);
    for (name, answer, reason) in [
        ("304", with_body(WHOLE, &content(16 * 1024)), "its status is 200, not 304"),
        ("404", with_body(WHOLE, &content(16 * 1024)), "its status is 200, not 404"),
        ("range", with_body(WHOLE, &content(16 * 1024)), "its status is 200, not 206"),
        ("range", with_body(&format!("{part} 0-150/16384\r\n\r\n"), &range), "its Content-Range"),
        ("range", with_body(&format!("{part} 100-250/16384\r\n\r\n"), &[b'x'; 151]), "other bytes"),
        ("small", with_body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"abcde"), "other bytes"),
    ] {
        let error = format!("{:#}", check_against(name, move |_| answer.clone()).unwrap_err());
        assert!(error.contains(reason), "{name}: {error}");
    }
}
