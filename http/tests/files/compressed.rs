//! What the server compresses itself, and tags that are made of contents.

use std::io::Read;
use std::time::{Duration, SystemTime};

use selvedge_http::files::{Compression, FileOptions, TagSource};
use selvedge_http::negotiation::{Coding, CodingSet};

use crate::support::client::{Client, Reply};
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient, pattern, wait_until};

fn start(directory: &Directory, change: impl FnOnce(&mut FileOptions)) -> TestServer {
    let mut options = FileOptions { fresh_for: Duration::ZERO, ..FileOptions::new(directory.path()) };
    options.compression.codings = CodingSet::ALL.without(Coding::Identity);
    change(&mut options);
    TestServer::start(patient(), site(options))
}

fn get(client: &mut Client, path: &str, fields: &[(&str, &str)]) -> Reply {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    client.reply()
}

fn decoded(reply: &Reply) -> Vec<u8> {
    let body = reply.body.as_slice();
    let mut content = Vec::new();
    match reply.field("content-encoding") {
        None => content.extend_from_slice(body),
        Some("gzip") => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut content).expect("gzip")),
        Some("br") => brotli::BrotliDecompress(&mut &*body, &mut content).expect("br"),
        Some("zstd") => content = zstd::decode_all(body).expect("zstd"),
        Some(other) => panic!("{other} was not asked for"),
    }
    content
}

/// Text that compresses, but not to nothing.
fn text(length: usize) -> Vec<u8> {
    let words = pattern(length / 4 + 1);
    words.iter().flat_map(|byte| format!("{byte:03} ").into_bytes()).take(length).collect()
}

#[test]
fn a_file_without_a_sibling_is_compressed_for_who_takes_it() {
    let directory = Directory::new("compressed");
    // In memory either way; compressed in memory and as it is streamed; streamed either way.
    for size in [2_000, 150_000, 1_000_000] {
        directory.write("a.js", text(size));
        let server = start(&directory, |_| {});
        let mut client = server.connect();
        let plain = client.get("/a.js");
        assert_eq!((plain.field("content-encoding"), plain.body.len()), (None, size));
        for coding in ["br", "gzip", "zstd"] {
            let accepted = [("Accept-Encoding", coding)];
            let reply = get(&mut client, "/a.js", &accepted);
            assert_eq!((reply.status, reply.field("content-encoding")), (200, Some(coding)), "{size}");
            assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
            assert!(reply.body.len() < size * 2 / 3, "{coding} of {size}: {}", reply.body.len());
            assert!(decoded(&reply) == text(size), "{coding} of {size}");
            let tag = reply.field("etag").expect("a tag").to_owned();
            assert_ne!(Some(tag.as_str()), plain.field("etag"));
            let again = get(&mut client, "/a.js", &[accepted[0], ("If-None-Match", &tag)]);
            assert_eq!((again.status, again.field("vary")), (304, Some("Accept-Encoding")));
            // A part of the compressed octets, whose tag is as strong as any.
            let fields = [accepted[0], ("Range", "bytes=100-299"), ("If-Range", &tag)];
            let part = get(&mut client, "/a.js", &fields);
            assert_eq!(part.status, 206);
            assert!(part.body == reply.body[100..300]);
            let parts = get(&mut client, "/a.js", &[accepted[0], ("Range", "bytes=0-9,50-59")]);
            assert_eq!(parts.status, 206);
            let has = |octets: &[u8]| parts.body.windows(octets.len()).any(|window| window == octets);
            assert!(has(&reply.body[..10]) && has(&reply.body[50..60]));
        }
    }
}

#[test]
fn what_gains_nothing_stays_as_it_is() {
    let directory = Directory::new("compressed");
    directory.write("a.png", text(5_000));
    directory.write("short.js", text(1_000));
    directory.write("long.js", text(40_000));
    directory.write("none", text(5_000));
    let server = start(&directory, |options| options.compression.bytes_max = 30_000);
    let mut client = server.connect();
    for path in ["/a.png", "/short.js", "/long.js", "/none"] {
        let reply = get(&mut client, path, &[("Accept-Encoding", "br, gzip")]);
        assert_eq!((reply.field("content-encoding"), reply.field("vary")), (None, None), "{path}");
    }
    let types = vec!["image/*".to_owned(), "application/octet-stream".to_owned()];
    let server = start(&directory, |options| {
        options.compression = Compression { types, bytes_min: 10, ..options.compression.clone() };
    });
    let mut client = server.connect();
    for (path, coding) in [("/a.png", Some("br")), ("/none", Some("br")), ("/short.js", None)] {
        let reply = get(&mut client, path, &[("Accept-Encoding", "br")]);
        assert_eq!(reply.field("content-encoding"), coding, "{path}");
    }
}

#[test]
fn a_sibling_goes_before_the_servers_own() {
    let directory = Directory::new("compressed");
    directory.write("a.js", text(5_000));
    directory.write("a.js.gz", "made beforehand");
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    assert_eq!(get(&mut client, "/a.js", &[("Accept-Encoding", "gzip")]).text(), "made beforehand");
    let reply = get(&mut client, "/a.js", &[("Accept-Encoding", "br")]);
    assert!(decoded(&reply) == text(5_000));
}

#[test]
fn a_new_version_is_compressed_anew_and_many_at_once_get_the_same() {
    let directory = Directory::new("compressed");
    let server = start(&directory, |_| {});
    for version in 0..3 {
        let content = text(200_000 + version);
        directory.replace("a.js", &content);
        let mut clients: Vec<Client> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send("GET /a.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n");
        }
        for client in &mut clients {
            assert!(decoded(&client.reply()) == content, "version {version}");
        }
    }
}

#[test]
fn requests_that_are_given_up_leave_nothing_behind() {
    let directory = Directory::new("compressed");
    for number in 0..64 {
        directory.write(&format!("{number}.js"), text(400_000));
    }
    let server = start(&directory, |_| {});
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("/proc is mounted").count();
    let before = descriptors();
    let mut clients = Vec::new();
    for number in 0..64 {
        let mut client = server.connect();
        client.send(format!("GET /{number}.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n"));
        clients.push(client);
    }
    server.wait_for_accepted(64);
    // Two sockets of each connection, the files of two helpers and of a look, and what other tests do beside this one.
    let most = before + 2 * 64 + 64;
    assert!(descriptors() < most, "{} descriptors where {before} were", descriptors());
    clients.into_iter().for_each(Client::reset);
    server.wait_until_at_rest();
    let reply = get(&mut server.connect(), "/63.js", &[("Accept-Encoding", "br")]);
    assert!(decoded(&reply) == text(400_000));
}

#[test]
fn a_file_that_has_just_changed_goes_out_as_it_is() {
    let directory = Directory::new("compressed");
    directory.write_now("a.js", text(5_000));
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    let accepted = [("Accept-Encoding", "br")];
    let first = get(&mut client, "/a.js", &accepted);
    // It may have settled by now on a slow machine.
    assert!(decoded(&first) == text(5_000) && first.field("vary") == Some("Accept-Encoding"));
    wait_until("it is compressed", || match get(&mut client, "/a.js", &accepted).field("content-encoding") {
        Some("br") => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_variant_without_a_block_is_sent_all_the_same() {
    let directory = Directory::new("compressed");
    directory.write("a.js", text(5_000));
    let server = start(&directory, |options| {
        (options.ready_small_max, options.ready_medium_max, options.ready_large_max) = (0, 0, 0);
    });
    let mut client = server.connect();
    for _ in 0..3 {
        let reply = get(&mut client, "/a.js", &[("Accept-Encoding", "zstd")]);
        assert_eq!(reply.field("content-encoding"), Some("zstd"));
        assert!(decoded(&reply) == text(5_000));
    }
}

#[test]
fn a_tag_of_the_content_is_the_same_for_the_same_content() {
    let directory = Directory::new("compressed");
    let server = start(&directory, |options| options.tags = TagSource::Content);
    let mut client = server.connect();
    for size in [10, 5_000, 300_000] {
        let mut tags = Vec::new();
        for (content, seconds) in [(text(size), 9_000), (text(size), 8_000), (text(size + 1), 9_000)] {
            let path = directory.write("a.txt", content);
            let file = std::fs::File::open(path).expect("it was written");
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).expect("its owner may");
            let reply = client.get("/a.txt");
            assert!(reply.field("last-modified").is_some());
            let tag = reply.field("etag").expect("a tag").to_owned();
            let again = get(&mut client, "/a.txt", &[("If-None-Match", &tag)]);
            assert_eq!((again.status, again.field("etag")), (304, Some(tag.as_str())));
            tags.push(tag);
        }
        assert_eq!(tags[0], tags[1], "{size}: only the time differs");
        assert_ne!(tags[0], tags[2], "{size}");
        assert_eq!(tags[0].len(), 34);
    }
}

#[test]
fn a_file_of_the_beginning_of_time_is_named_by_its_content() {
    let directory = Directory::new("compressed");
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    for size in [700, 300_000] {
        for seconds in [0, 1] {
            let path = directory.write("a.txt", text(size));
            let file = std::fs::File::open(path).expect("it was written");
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("its owner may");
            let reply = client.get("/a.txt");
            assert_eq!((reply.status, reply.field("last-modified")), (200, None));
            let tag = reply.field("etag").expect("a tag").to_owned();
            assert_eq!(tag.len(), 34, "{tag}");
            assert_eq!(get(&mut client, "/a.txt", &[("If-None-Match", &tag)]).status, 304);
            let since = [("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT")];
            assert_eq!(get(&mut client, "/a.txt", &since).status, 200);
        }
    }
}
