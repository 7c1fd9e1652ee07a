//! What is said in every response.

use selvedge_http::files::FileOptions;
use selvedge_http::middleware::{HeaderChanges, cache_control, headers};
use selvedge_http::{Application, header};

use crate::support::app::paths;
use crate::support::client::Client;
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient};

fn get(client: &mut Client, path: &str, fields: &str) -> crate::support::client::Reply {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.reply()
}

#[test]
fn every_response_gets_the_fields_errors_and_files_too() {
    let directory = Directory::new("headers");
    directory.write("small.txt", b"small");
    directory.write("large.txt", [b'x'; 100_000]);
    let make_site = site(FileOptions::new(directory.path()));
    let server = TestServer::start(patient(), move |worker| {
        let changes = HeaderChanges::new()
            .set(header::SERVER, "test")
            .set_if_absent(header::ETAG, "\"other\"")
            .remove(header::LAST_MODIFIED);
        make_site(worker).with(headers(changes))
    });
    let mut client = server.connect();
    // Twice: read at first, prepared then.
    for _ in 0..2 {
        for (path, status, bytes) in
            [("/small.txt", 200, 5), ("/large.txt", 200, 100_000), ("/none", 404, 14)]
        {
            let reply = client.get(path);
            assert_eq!((reply.status, reply.body.len()), (status, bytes), "{path}");
            assert_eq!(reply.field("server"), Some("test"), "{path}");
            assert_eq!(reply.field("last-modified"), None, "{path}");
            assert_eq!(reply.field("etag") == Some("\"other\""), status == 404, "{path}: {reply:?}");
            assert!(
                reply.field("content-type").is_some_and(|value| value.starts_with("text/plain")),
                "{path}"
            );
        }
    }
    let tag = client.get("/small.txt").field("etag").expect("a file has a tag").to_owned();
    let reply = get(&mut client, "/small.txt", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((reply.status, reply.field("server")), (304, Some("test")));
}

#[test]
fn the_type_of_several_parts_stays_the_engines() {
    let directory = Directory::new("headers-parts");
    directory.write("file.txt", b"0123456789");
    let make_site = site(FileOptions::new(directory.path()));
    let server = TestServer::start(patient(), move |worker| {
        make_site(worker).with(headers(HeaderChanges::new().set(header::CONTENT_TYPE, "text/csv")))
    });
    let mut client = server.connect();
    assert_eq!(client.get("/file.txt").field("content-type"), Some("text/csv"));
    let reply = get(&mut client, "/file.txt", "Range: bytes=0-1,5-6\r\n");
    let content_type = reply.field("content-type").expect("it has a type");
    assert!(reply.status == 206 && content_type.starts_with("multipart/byteranges"), "{content_type}");
}

#[test]
fn successful_answers_without_a_word_about_caches_get_it() {
    let server = TestServer::start(patient(), |worker| {
        let no_store = HeaderChanges::new().set(header::CACHE_CONTROL, "no-store");
        let own = headers(no_store)(paths(worker));
        let plain = paths(worker);
        let either = async move |request: selvedge_http::Request<'_>| match request.query() {
            Some(b"own") => own.call(request).await,
            _ => plain.call(request).await,
        };
        either.with(cache_control("max-age=60"))
    });
    let mut client = server.connect();
    for (path, expected) in [
        ("/text/x", Some("max-age=60")),
        ("/text/x?own", Some("no-store")),
        ("/status/304", Some("max-age=60")),
        ("/status/302", None),
        ("/error/404", None),
        ("/error/500?own", Some("no-store")),
    ] {
        assert_eq!(client.get(path).field("cache-control"), expected, "{path}");
    }
}
