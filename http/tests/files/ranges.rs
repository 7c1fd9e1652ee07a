//! Parts of files in memory and of files that are streamed.

use selvedge_http::files::FileOptions;

use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient, pattern};

/// One that is kept in memory, one that is not.
const SIZES: [usize; 2] = [60_000, 1_000_000];

fn start() -> (Directory, TestServer) {
    let directory = Directory::new("ranges");
    for size in SIZES {
        directory.write(&size.to_string(), pattern(size));
    }
    directory.write("empty", "");
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    (directory, server)
}

fn get(size: usize, fields: &str) -> String {
    format!("GET /{size} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn a_range_is_answered_with_that_part() {
    let (_directory, server) = start();
    let mut client = server.connect();
    for size in SIZES {
        let last = size - 1;
        for (range, start, end) in [
            ("0-0".to_owned(), 0, 1),
            (format!("{last}-{last}"), last, size),
            (format!("1-{last}"), 1, size),
            ("100-50099".to_owned(), 100, 50_100),
            ("-1".to_owned(), last, size),
            ("-50000".to_owned(), size - 50_000, size),
            ("-99999999".to_owned(), 0, size),
            ("59999-".to_owned(), 59_999, size),
            (format!("0-{size}"), 0, size),
        ] {
            client.send(get(size, &format!("Range: bytes={range}\r\n")));
            let reply = client.reply();
            assert_eq!(reply.status, 206, "{range} of {size}");
            let content_range = format!("bytes {start}-{}/{size}", end - 1);
            assert_eq!(reply.field("content-range"), Some(content_range.as_str()));
            assert!(reply.body == pattern(size)[start..end], "{range} of {size}");
        }
    }
}

#[test]
fn ranges_around_the_pieces_of_a_stream_are_exact() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let whole = pattern(SIZES[1]);
    for start in [0, 1, 262_143, 262_144] {
        for length in [262_143, 262_144, 262_145, 524_288] {
            client.send(get(SIZES[1], &format!("Range: bytes={start}-{}\r\n", start + length - 1)));
            assert!(client.reply().body == whole[start..start + length], "{length} from {start}");
        }
    }
}

#[test]
fn a_range_beyond_the_end_gets_416() {
    let (_directory, server) = start();
    let mut client = server.connect();
    for size in SIZES {
        for range in [format!("{size}-"), "-0".to_owned()] {
            client.send(get(size, &format!("Range: bytes={range}\r\n")));
            let reply = client.reply();
            assert_eq!((reply.status, reply.body.len()), (416, 0));
            assert_eq!(reply.field("content-range"), Some(format!("bytes */{size}").as_str()));
        }
    }
}

#[test]
fn an_empty_file_is_always_whole() {
    let (_directory, server) = start();
    let mut client = server.connect();
    client.send("GET /empty HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n");
    let reply = client.reply();
    assert_eq!((reply.status, reply.field("content-length")), (200, Some("0")));
}

#[test]
fn a_range_of_something_else_is_the_whole() {
    let (_directory, server) = start();
    let mut client = server.connect();
    for size in SIZES {
        let tag = client.get(&format!("/{size}")).field("etag").expect("a tag").to_owned();
        client.send(get(size, &format!("Range: bytes=5-9\r\nIf-Range: {tag}\r\n")));
        assert!(client.reply().body == pattern(size)[5..10]);
        client.send(get(size, "Range: bytes=5-9\r\nIf-Range: \"other\"\r\n"));
        let reply = client.reply();
        assert_eq!((reply.status, reply.body.len()), (200, size));
    }
}

#[test]
fn pipelined_ranges_arrive_in_order() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let requests: String =
        (0..200).map(|at| get(SIZES[at % 2], &format!("Range: bytes={at}-{}\r\n", at * 101))).collect();
    client.send(requests);
    for at in 0..200 {
        assert!(client.reply().body == pattern(SIZES[at % 2])[at..=at * 101], "{at}");
    }
}
