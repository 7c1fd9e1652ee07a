//! What is answered for files that are there, and for requests that are not to be served.

mod support;

use support::{Client, Response, Server, Site, eventually, get, pattern};

#[test]
fn a_files_answer_says_what_it_is() {
    const TYPES: [(&str, &str); 10] = [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.wasm", "application/wasm"),
        ("a.unheard-of", "application/octet-stream"),
        ("none", "application/octet-stream"),
    ];
    let site = Site::with(&TYPES);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for (name, content_type) in TYPES {
        let response = client.get(&format!("/{name}"));
        assert_eq!((response.status, response.text()), (200, content_type), "{name}");
        assert_eq!(response.field("content-type"), Some(content_type), "{name}");
        assert_eq!(response.field("accept-ranges"), Some("bytes"), "{name}");
        for field in ["date", "last-modified"] {
            let value = response.field(field).unwrap_or_else(|| panic!("{name} has {field}"));
            assert!(value.len() == 29 && value.ends_with(" GMT"), "{name}: {value}");
        }
        let tag = response.field("etag").expect("there is a tag");
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
        assert_eq!(response.field("connection"), None);
    }
    server.stop();
}

#[test]
fn head_is_answered_like_get_without_the_body() {
    let site = Site::with(&[("small.txt", "words"), ("sub/index.html", "index")]);
    support::write_pattern(&site.join("large.bin"), 300_000);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for target in ["/small.txt", "/large.bin", "/sub/", "/sub", "/nothing"] {
        let whole = client.get(target);
        let head = client.head(target);
        assert_eq!(head.status, whole.status, "{target}");
        let without_date = |response: &Response| {
            let fields = response.fields.iter().filter(|(name, _)| name != "date");
            fields.cloned().collect::<Vec<_>>()
        };
        assert_eq!(without_date(&head), without_date(&whole), "{target}");
        assert_eq!(whole.content_length(), whole.body.len() as u64, "{target}");
    }
    // Every answer to HEAD ended with its head.
    assert_eq!(client.get("/small.txt").text(), "words");
}

#[test]
fn the_first_index_file_that_is_there_answers_for_a_directory() {
    let site = Site::with(&[
        ("both/index.html", "html"),
        ("both/index.txt", "txt"),
        ("second/index.txt", "second"),
        ("neither/other.html", "other"),
        ("directory/index.html/x", "x"),
        ("directory/index.txt", "not the directory"),
    ]);
    let server = Server::with(site.path(), &["--index", "index.html,index.txt"]);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/both/").text(), "html");
    assert_eq!(client.get("/second/").text(), "second");
    assert_eq!(client.get("/neither/").status, 404);
    assert_eq!(client.get("/directory/").text(), "not the directory");
    let without = Server::with(site.path(), &["--index", ""]);
    assert_eq!(get(without.address(), "/both/").status, 404);
    assert_eq!(get(without.address(), "/both/index.html").text(), "html");
}

#[test]
fn an_index_file_that_appears_is_preferred_within_the_revalidation_time() {
    let site = Site::with(&[("index.txt", "second choice")]);
    let server = Server::with(site.path(), &["--index", "index.html,index.txt"]);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/").text(), "second choice");
    site.write("index.html", "first choice");
    eventually("the look for a new index file", || client.get("/").text() == "first choice");
}

#[test]
fn ranges_of_small_and_large_files_are_answered_with_206() {
    let site = Site::new();
    for (name, size) in [("small.bin", 1_000_u64), ("large.bin", 300_000)] {
        support::write_pattern(&site.join(name), size);
    }
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for (name, size) in [("small.bin", 1_000_u64), ("large.bin", 300_000)] {
        for (range, start, length) in [
            ("bytes=0-0", 0, 1),
            ("bytes=10-19", 10, 10),
            ("bytes=990-", 990, size - 990),
            ("bytes=-7", size - 7, 7),
            ("bytes=0-999999999", 0, size),
        ] {
            let response = client.get_with(&format!("/{name}"), &[("range", range)]);
            assert_eq!(response.status, 206, "{range} of {name}");
            assert!(response.body == pattern(start, length as usize), "{range} of {name}");
            let content_range = format!("bytes {start}-{}/{size}", start + length - 1);
            assert_eq!(response.field("content-range"), Some(content_range.as_str()));
            assert!(response.field("etag").is_some() && response.field("content-type").is_some());
        }
        for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
            let response = client.get_with(&format!("/{name}"), &[("range", &range)]);
            assert_eq!(response.status, 416, "{range} of {name}");
            assert_eq!(response.field("content-range"), Some(format!("bytes */{size}").as_str()));
        }
        let response = client.get_with(&format!("/{name}"), &[("range", "bytes=0-1,-2,5-6")]);
        assert_eq!(response.status, 206, "three ranges of {name}");
        let content_type = response.field("content-type").expect("a type");
        assert!(content_type.starts_with("multipart/byteranges; boundary="), "{content_type}");
        for (start, length) in [(0, 2), (size - 2, 2), (5, 2)] {
            let mut part = format!("content-range: bytes {start}-{}/{size}\r\n\r\n", start + 1).into_bytes();
            part.extend(pattern(start, length));
            assert!(response.body.windows(part.len()).any(|octets| octets == part), "{start} of {name}");
        }
        for range in ["bytes=0-1,5-6,x", "lines=1-2", "bytes=5-1", "bytes=x"] {
            let response = client.get_with(&format!("/{name}"), &[("range", range)]);
            assert_eq!((response.status, response.content_length()), (200, size), "{range} of {name}");
        }
    }
    // Ranges are GET's alone (RFC 9110 section 14.2).
    client.send("HEAD /small.bin HTTP/1.1\r\nhost: h\r\nrange: bytes=0-0\r\n\r\n");
    assert_eq!(client.response_to("HEAD").status, 200);
}

#[test]
fn if_range_decides_between_part_and_whole() {
    let site = Site::with(&[("file", "0123456789")]);
    let file = std::fs::File::options().write(true).open(site.join("file")).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_modified(long_ago).unwrap();
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    let whole = client.get("/file");
    let (tag, date) = (whole.field("etag").unwrap(), whole.field("last-modified").unwrap());
    assert_eq!(date, "Sun, 09 Sep 2001 01:46:40 GMT");
    let weak = format!("W/{tag}");
    for (if_range, status) in [
        (tag, 206),
        (date, 206),
        (&weak, 200),
        ("\"another\"", 200),
        ("Sun, 09 Sep 2001 01:46:41 GMT", 200),
        ("garbage", 200),
    ] {
        let response = client.get_with("/file", &[("range", "bytes=2-3"), ("if-range", if_range)]);
        assert_eq!(response.status, status, "{if_range}");
        assert_eq!(response.text(), if status == 206 { "23" } else { "0123456789" });
    }
}

#[test]
fn what_the_client_has_already_is_answered_with_304() {
    let site = Site::with(&[("file", "words")]);
    support::write_pattern(&site.join("large"), 300_000);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for target in ["/file", "/large"] {
        let whole = client.get(target);
        let (tag, date) = (whole.field("etag").unwrap(), whole.field("last-modified").unwrap());
        let listed = format!("\"other\", W/{tag}");
        for fields in [
            &[("if-none-match", tag)][..],
            &[("if-none-match", &listed)],
            &[("if-none-match", "*")],
            &[("if-modified-since", date)],
            &[("if-none-match", tag), ("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT")],
        ] {
            let response = client.get_with(target, fields);
            assert_eq!(response.status, 304, "{fields:?}");
            assert_eq!(response.field("etag"), Some(tag));
            assert!(response.field("date").is_some());
        }
        for fields in [
            &[("if-none-match", "\"other\"")][..],
            &[("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT")],
            &[("if-modified-since", "yesterday")],
            &[("if-none-match", "\"other\""), ("if-modified-since", date)],
        ] {
            assert_eq!(client.get_with(target, fields).status, 200, "{fields:?}");
        }
        assert_eq!(client.get_with(target, &[("if-match", "\"other\"")]).status, 412);
        assert_eq!(client.get_with(target, &[("if-match", tag)]).status, 200);
    }
}

#[test]
fn a_rewritten_file_has_another_tag() {
    let site = Site::with(&[("file", "one")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    let before = client.get("/file");
    site.write("file", "two");
    let tag = before.field("etag").unwrap();
    eventually("the look at the new file", || {
        let now = client.get_with("/file", &[("if-none-match", tag)]);
        if now.status == 200 {
            assert_eq!(now.text(), "two");
            assert_ne!(now.field("etag"), Some(tag));
        }
        now.status == 200
    });
}

#[test]
fn other_methods_are_not_allowed_and_unknown_ones_not_implemented() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        client.send(format!("{method} /file HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"));
        let response = client.response();
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.field("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
        assert!(!response.body.is_empty() && !response.closes(), "{method}");
    }
    for method in ["BREW", "get", "PROPFIND"] {
        client.send(format!("{method} /file HTTP/1.1\r\nhost: h\r\n\r\n"));
        assert_eq!(client.response().status, 501, "{method}");
    }
    // A short body that nobody wants is read and forgotten; the connection goes on.
    client.send("POST /file HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!(client.response().status, 405);
    client
        .send("POST /file HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(client.response().status, 405);
    assert_eq!(client.get("/file").text(), "words");
}

#[test]
fn what_is_no_good_request_is_refused_and_closes() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    let long_target = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "a".repeat(10_000));
    let long_field = format!("GET / HTTP/1.1\r\nhost: h\r\nx: {}\r\n\r\n", "a".repeat(20_000));
    let many_fields = format!("GET / HTTP/1.1\r\nhost: h\r\n{}\r\n", "x: y\r\n".repeat(150));
    for (request, status) in [
        ("garbage\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00", 400),
        ("GET /file HTTP/1.1\nhost: h\n\n", 400),
        ("GET /file HTTP/1.1\r\n\r\n", 400),
        ("GET /file HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        ("GET /file HTTP/1.1\r\nhost: h\r\nx : y\r\n\r\n", 400),
        ("GET /file HTTP/1.1\r\nhost: h\r\nx: y\r\n folded\r\n\r\n", 400),
        ("GET file HTTP/1.1\r\nhost: h\r\n\r\n", 400),
        ("GET /file HTTP/2.0\r\nhost: h\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("POST /file HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        ("POST /file HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        ("POST /file HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n", 413),
        ("POST /file HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        ("CONNECT h:80 HTTP/1.1\r\nhost: h:80\r\n\r\n", 501),
        ("GET /file HTTP/1.1\r\nhost: h\r\nexpect: the-unexpected\r\n\r\n", 417),
        (&long_target, 414),
        (&long_field, 431),
        (&many_fields, 431),
    ] {
        let mut client = Client::connect(server.address());
        client.send(request);
        let response = client.response();
        let shown = &request[..request.len().min(60)];
        assert_eq!(response.status, status, "{shown:?}");
        assert!(response.closes() && !response.body.is_empty(), "{shown:?}");
        // A client that sends no more reads the end, not a reset.
        client.expect_close();
    }
    assert_eq!(get(server.address(), "/file").text(), "words");
}

#[test]
fn http_1_0_closes_unless_asked_to_stay() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    client.send("GET /file HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    let kept = client.response();
    assert_eq!((kept.text(), kept.field("connection")), ("words", Some("keep-alive")));
    client.send("GET /file HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "words");
    client.expect_close();
}

#[test]
fn a_large_file_takes_no_memory_in_proportion_to_its_size() {
    let site = Site::new();
    support::write_sparse(&site.join("file"), 1 << 30);
    let server = Server::start(site.path());
    // The largest pools are touched first by smaller ones.
    let before_kib = server.memory_kib("Anonymous");
    let mut client = Client::connect(server.address());
    client.send("GET /file HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    let head = client.try_head().unwrap();
    assert_eq!(head.content_length(), 1 << 30);
    let mut buffer = vec![0; 1 << 20];
    let mut received = 0;
    loop {
        match client.read(&mut buffer).unwrap() {
            0 => break,
            length => received += length as u64,
        }
    }
    assert_eq!(received, 1 << 30);
    let grown_kib = server.memory_kib("Anonymous").saturating_sub(before_kib);
    // All the file blocks of both workers are 8 MiB.
    assert!(grown_kib < 16 * 1024, "{grown_kib} KiB");
}

#[test]
fn options_are_told_for_a_path_and_for_the_server() {
    let site = Site::new();
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    let request = |method, target| format!("{method} {target} HTTP/1.1\r\nhost: h\r\n\r\n");
    // Whatever is there: the methods do not depend on it (RFC 9110 section 9.3.7).
    for target in ["/", "/missing"] {
        client.send(request("OPTIONS", target));
        let response = client.response();
        assert_eq!((response.status, response.field("allow")), (204, Some("GET, HEAD, OPTIONS")), "{target}");
        assert_eq!(response.field("content-length"), None);
    }
    client.send(request("OPTIONS", "*"));
    assert_eq!(client.response().status, 204);
    // The connection goes on after each, also after a refusal.
    client.send(request("TRACE", "/"));
    assert_eq!(client.response().status, 501);
    assert_eq!(client.get("/missing").status, 404);
}
