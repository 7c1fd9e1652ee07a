//! Files of all sizes, asked for in all ways.

use selvedge_http::files::FileOptions;

use crate::support::client::Asked;
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient, pattern};

/// Around what is kept in memory (64 KiB) and around the pieces in which the rest is sent (256 KiB).
const SIZES: [usize; 13] =
    [0, 1, 151, 3_800, 4_096, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 524_288, 3_000_001];

fn sizes() -> (Directory, TestServer) {
    let directory = Directory::new("sizes");
    for size in SIZES {
        directory.write(&format!("{size}.txt"), pattern(size));
    }
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    (directory, server)
}

#[test]
fn files_of_all_sizes_arrive_whole_the_first_time_and_again() {
    let (_directory, server) = sizes();
    let mut client = server.connect();
    for size in SIZES.into_iter().chain(SIZES) {
        let reply = client.get(&format!("/{size}.txt"));
        assert_eq!((reply.status, reply.field("accept-ranges")), (200, Some("bytes")), "{size}");
        assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
        assert!(reply.field("etag").is_some() && reply.field("last-modified").is_some());
        assert!(reply.body == pattern(size), "{size}");
    }
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let (_directory, server) = sizes();
    let mut client = server.connect();
    for size in SIZES {
        let get = client.get(&format!("/{size}.txt"));
        client.send(format!("HEAD /{size}.txt HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.reply_to(Asked::Head);
        for name in ["content-length", "content-type", "etag", "last-modified", "accept-ranges"] {
            assert_eq!(head.field(name), get.field(name), "{name} of {size}");
        }
    }
}

#[test]
fn pipelined_files_arrive_in_order() {
    let (_directory, server) = sizes();
    let mut client = server.connect();
    let mut sender = client.second_handle();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..5 {
                for size in SIZES {
                    sender.send(format!(
                        "GET /{size}.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /151.txt HTTP/1.1\r\nHost: a\r\n\r\n"
                    ));
                }
            }
        });
        for _ in 0..5 {
            for size in SIZES {
                assert!(client.reply().body == pattern(size), "{size}");
                assert!(client.reply().body == pattern(151));
            }
        }
    });
}

#[test]
fn a_client_of_1_0_gets_them_too() {
    let (_directory, server) = sizes();
    let mut staying = server.connect();
    for size in SIZES {
        staying.send(format!("GET /{size}.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        let reply = staying.reply();
        assert_eq!(reply.field("connection"), Some("keep-alive"));
        assert!(reply.body == pattern(size), "{size}");
        let mut leaving = server.connect();
        leaving.send(format!("GET /{size}.txt HTTP/1.0\r\n\r\n"));
        let reply = leaving.reply();
        assert_eq!(reply.field("connection"), Some("close"));
        assert!(reply.body == pattern(size), "{size}");
        leaving.expect_close();
    }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let (_directory, server) = sizes();
    let mut client = server.connect();
    for size in SIZES {
        let first = client.get(&format!("/{size}.txt"));
        let tag = first.field("etag").expect("a tag").to_owned();
        let modified = first.field("last-modified").expect("a date").to_owned();
        for field in [format!("If-None-Match: {tag}"), format!("If-Modified-Since: {modified}")] {
            client.send(format!("GET /{size}.txt HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
            let reply = client.reply();
            assert_eq!((reply.status, reply.field("etag")), (304, Some(tag.as_str())), "{size}, {field}");
            assert_eq!(reply.field("content-length"), None);
        }
    }
}

#[test]
fn many_clients_get_the_same_file_at_once() {
    let (_directory, server) = sizes();
    let held = server.hold();
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /{}.txt HTTP/1.1\r\nHost: a\r\n\r\n", SIZES[number % SIZES.len()]));
    }
    drop(held);
    for (number, client) in clients.iter_mut().enumerate() {
        assert!(client.reply().body == pattern(SIZES[number % SIZES.len()]), "{number}");
    }
}
