use std::{net::TcpListener, thread};

use super::*;
use crate::compare::workloads;

const WHOLE: &str = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 16384\r\n\r\n";

fn workload(name: &str) -> &'static Workload {
    workloads::select(&[name.to_owned()]).unwrap()[0]
}

/// What `check` says of a server that gives this answer, head and body, to each request.
fn check_against(name: &str, answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> anyhow::Result<Checked> {
    check(serve(answer), workload(name), Path::new("/"))
}

/// The port of a server that takes one connection after the other. It ends with the test's process.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut request = String::new();
            while reader.read_line(&mut request).unwrap_or(0) > 0 {
                if request.ends_with("\r\n\r\n") {
                    // A client that has seen enough may be gone.
                    let _ = reader.get_mut().write_all(&answer(&request));
                    request.clear();
                }
            }
        }
    });
    port
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
    assert_eq!(checked.answer_bytes, Some(40));
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
    assert_eq!(check_against("range", move |_| good.clone()).unwrap().answer_bytes, Some(octets));
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

#[test]
fn the_files_of_a_set_are_decoded_before_they_are_compared() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("site")).unwrap();
    for path in FileSet::Site.paths() {
        fs::write(root.path().join(&path[1..]), path).unwrap();
    }
    // One of them comes compressed.
    let answer = |request: &str| {
        let path = request.split(' ').nth(1).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(path.as_bytes()).unwrap();
        let (body, coding) = match path {
            "/site/app.js" => (encoder.finish().unwrap(), "Content-Encoding: gzip\r\n"),
            _ => (path.as_bytes().to_vec(), ""),
        };
        with_body(&format!("HTTP/1.1 200 OK\r\n{coding}Content-Length: {}\r\n\r\n", body.len()), &body)
    };
    let port = serve(answer);
    let checked = check(port, workload("site"), root.path()).unwrap();
    assert_eq!(checked.codings, BTreeMap::from([("gzip".into(), 1), ("identity".into(), 19)]));
    fs::write(root.path().join("site/menu.js"), "new").unwrap();
    let error = format!("{:#}", check(port, workload("site"), root.path()).unwrap_err());
    assert_eq!(error, "/site/menu.js: it has other bytes than the file");
}
