//! Parts of files in memory and of files that are streamed.

use std::fs::OpenOptions;
use std::ops::Range;

use selvedge_http::CloseReason;
use selvedge_http::files::FileOptions;

use crate::support::client::{Asked, Client, Reply};
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, multipart, patient, pattern};

/// One that is kept in memory where there is a block for it, one that is not.
const SIZES: [usize; 2] = [60_000, 1_000_000];

fn start() -> (Directory, TestServer) {
    start_with(|_| {})
}

/// One that keeps the small file in memory, and one that keeps none.
fn with_blocks_and_without() -> [(Directory, TestServer); 2] {
    [
        start(),
        start_with(|options| {
            (options.ready_small_max, options.ready_medium_max, options.ready_large_max) = (0, 0, 0);
        }),
    ]
}

fn start_with(change: impl FnOnce(&mut FileOptions)) -> (Directory, TestServer) {
    let directory = Directory::new("ranges");
    for size in SIZES {
        directory.write(&size.to_string(), pattern(size));
    }
    directory.write("empty", "");
    let mut options = FileOptions::new(directory.path());
    change(&mut options);
    let server = TestServer::start(patient(), site(options));
    (directory, server)
}

fn get(size: usize, fields: &str) -> String {
    format!("GET /{size} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn a_range_is_answered_with_that_part() {
    for (_directory, server) in with_blocks_and_without() {
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

/// The octets of each part, after it was checked that they are those of the file that the part says they are.
fn parts_of(reply: &Reply, file: &[u8]) -> Vec<Range<usize>> {
    assert_eq!((reply.status, reply.field("content-range")), (206, None));
    let boundary = multipart::boundary(reply.field("content-type").expect("a type"));
    let parts = multipart::split(&reply.body, boundary).into_iter().map(|part| {
        let (octets, size) = part.octets();
        assert_eq!((size, part.content_type), (file.len(), Some("application/octet-stream")));
        assert!(part.content == &file[octets.clone()], "{octets:?} of {size}");
        octets
    });
    parts.collect()
}

fn spelled(octets: &[Range<usize>]) -> String {
    let specs: Vec<_> = octets.iter().map(|octets| format!("{}-{}", octets.start, octets.end - 1)).collect();
    format!("Range: bytes={}\r\n", specs.join(","))
}

/// What a client gets that asks for these octets of a file of `size`.
fn parts(client: &mut Client, size: usize, octets: &[Range<usize>]) -> Vec<Range<usize>> {
    client.send(get(size, &spelled(octets)));
    parts_of(&client.reply(), &pattern(size))
}

#[test]
fn several_ranges_are_answered_with_that_many_parts() {
    for (_directory, server) in with_blocks_and_without() {
        let mut client = server.connect();
        for size in SIZES {
            let last = size - 1;
            for named in [
                vec![0..1, 2..3],
                vec![0..1, last..size],
                vec![last..size, 0..1],
                vec![30_000..59_000, 0..29_999],
                vec![10_000..10_001, 5_000..9_999, 0..4_999, 50_000..size],
            ] {
                assert_eq!(parts(&mut client, size, &named), named, "of {size}");
            }
            client.send(get(size, "Range: bytes=-2, 5-8,, 99999999- ,7-9\r\n"));
            assert_eq!(parts_of(&client.reply(), &pattern(size)), [size - 2..size, 5..10]);
        }
    }
}

#[test]
fn sixteen_parts_of_a_file_are_served_and_seventeen_are_the_whole() {
    let (_directory, server) = start();
    let mut client = server.connect();
    for size in SIZES {
        let named =
            |count| (0..count).map(|at| at * (size / 17)..(at + 1) * (size / 17) - 1).collect::<Vec<_>>();
        assert_eq!(parts(&mut client, size, &named(16)), named(16), "of {size}");
        client.send(get(size, &spelled(&named(17))));
        let reply = client.reply();
        assert_eq!((reply.status, reply.field("content-range")), (200, None));
        assert!(reply.body == pattern(size));
    }
}

#[test]
fn parts_around_the_pieces_of_a_stream_are_exact() {
    let (_directory, server) = start();
    let mut client = server.connect();
    const PIECE: usize = 262_144;
    for length in [1, PIECE - 1, PIECE, PIECE + 1] {
        for start in [0, 1, PIECE - 1, PIECE] {
            let named = [start..start + length, start + length + 1..start + 2 * length + 1, 900_000..900_001];
            assert_eq!(parts(&mut client, SIZES[1], &named), named);
        }
    }
}

#[test]
fn ranges_that_are_one_part_together_are_answered_as_one() {
    let (_directory, server) = start();
    let mut client = server.connect();
    for size in SIZES {
        for range in ["0-9,10-19", "10-19,0-9", "0-9,5-19,99999999-", "0-19,-0"] {
            client.send(get(size, &format!("Range: bytes={range}\r\n")));
            let reply = client.reply();
            assert_eq!((reply.status, reply.field("content-type")), (206, Some("application/octet-stream")));
            assert_eq!(reply.field("content-range"), Some(format!("bytes 0-19/{size}").as_str()));
            assert!(reply.body == pattern(size)[..20], "{range} of {size}");
        }
        client.send(get(size, "Range: bytes=99999999-,-0\r\n"));
        assert_eq!(client.reply().status, 416);
        client.send(get(size, "Range: bytes=0-9,20-29,x\r\n"));
        assert_eq!(client.reply().status, 200);
        client.send(get(size, "Range: bytes=0-9,20-29\r\nIf-Range: \"other\"\r\n"));
        assert_eq!(client.reply().status, 200);
    }
}

#[test]
fn every_answer_with_parts_has_a_boundary_of_its_own_and_the_validators() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let mut boundaries = Vec::new();
    for size in SIZES {
        let whole = client.get(&format!("/{size}"));
        for _ in 0..10 {
            client.send(get(size, "Range: bytes=0-9,20-29\r\n"));
            let reply = client.reply();
            for field in ["etag", "last-modified"] {
                assert!(whole.field(field).is_some());
                assert_eq!(reply.field(field), whole.field(field));
            }
            let content_type = reply.field("content-type").expect("a type").to_owned();
            boundaries.push(content_type);
        }
    }
    boundaries.sort();
    boundaries.dedup();
    assert_eq!(boundaries.len(), 20);
}

#[test]
fn several_ranges_of_a_head_request_are_the_whole_file() {
    for (_directory, server) in with_blocks_and_without() {
        let mut client = server.connect();
        for size in SIZES {
            client.send(format!("HEAD /{size} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,3-4\r\n\r\n"));
            let reply = client.reply_to(Asked::Head);
            assert_eq!((reply.status, reply.field("content-length")), (200, Some(size.to_string().as_str())));
        }
    }
}

#[test]
fn pipelined_answers_of_all_kinds_arrive_in_order() {
    for (_directory, server) in with_blocks_and_without() {
        let mut client = server.connect();
        let named = |at: usize| {
            let step = 3_000 + at % 300;
            (0..2 + at % 15).map(|part| part * step..part * step + step - 1 - at % 7).collect::<Vec<_>>()
        };
        let request = |at: usize| match at % 3 {
            0 => get(SIZES[at % 2], ""),
            1 => get(SIZES[at % 2], &format!("Range: bytes={at}-{}\r\n", at * 101)),
            _ => get(SIZES[at % 2], &spelled(&named(at))),
        };
        client.send((0..120).map(request).collect::<String>());
        for at in 0..120 {
            let (reply, file) = (client.reply(), pattern(SIZES[at % 2]));
            match at % 3 {
                0 => assert!(reply.body == file, "{at}"),
                1 => assert!(reply.body == file[at..=at * 101], "{at}"),
                _ => assert_eq!(parts_of(&reply, &file), named(at), "{at}"),
            }
        }
        // The last of them closes.
        client.send(get(SIZES[0], &format!("Connection: close\r\n{}", spelled(&named(5)))));
        let reply = client.reply();
        assert!(reply.closes());
        assert_eq!(parts_of(&reply, &pattern(SIZES[0])), named(5));
        client.expect_close();
    }
}

#[test]
fn octets_of_an_answer_with_parts_are_counted_as_sent() {
    for (_directory, server) in with_blocks_and_without() {
        let mut received = Vec::new();
        for size in SIZES {
            let mut client = server.connect();
            let fields = format!("Connection: close\r\n{}", spelled(&[0..10_000, 20_000..59_000]));
            client.send(get(size, &fields));
            received.push(client.read_to_end().0.len() as u64);
        }
        let stopped = server.stop();
        assert_eq!(stopped.records.iter().map(|record| record.bytes).collect::<Vec<_>>(), received);
    }
}

#[test]
fn parts_leave_the_turn_to_others_as_a_whole_file_does() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let named: Vec<_> = (0..15).map(|at| at * 66_000..at * 66_000 + 65_537).collect();
    assert_eq!(parts(&mut client, SIZES[1], &named), named);
    let before = server.turns();
    for _ in 0..10 {
        assert_eq!(parts(&mut client, SIZES[1], &named), named);
    }
    let turns = server.turns() - before;
    // Three parts are less than 256 KiB, and four are more.
    assert!(turns >= 10 * 5, "{turns} turns");
}

#[test]
fn parts_from_memory_go_out_in_one_send() {
    let (_directory, server) = start();
    let mut client = server.connect();
    let named: Vec<_> = (0..16).map(|at| at * 3_750..at * 3_750 + 3_749).collect();
    assert_eq!(parts(&mut client, SIZES[0], &named), named);
    let before = server.submissions();
    for _ in 0..20 {
        assert_eq!(parts(&mut client, SIZES[0], &named), named);
    }
    let sends = server.submissions() - before;
    // One for each answer, and a few for the doorbell that asked.
    assert!((20..35).contains(&sends), "{sends} submissions for 20 answers");
}

/// A client that has the first part and stands still in the second.
fn begun() -> (Directory, TestServer, Client, Vec<u8>) {
    let directory = Directory::new("ranges");
    directory.write("a", pattern(30_000_000));
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    let mut client = Client::connect_narrow(server.address(), 16_384);
    let fields = spelled(&[0..100, 5_000_000..25_000_000, 200..300]);
    client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    let mut beginning = Vec::new();
    while beginning.len() < 2_000 {
        beginning.extend(client.read_some(2_000).expect("the answer begins"));
    }
    assert!(beginning.starts_with(b"HTTP/1.1 206 Partial Content\r\n"));
    (directory, server, client, beginning)
}

/// The connection ends within the second part, and nothing but what was promised came before.
fn assert_cut_short(server: TestServer, mut client: Client, mut received: Vec<u8>) {
    received.extend(client.read_to_end().0);
    let file = pattern(30_000_000);
    let heads = memchr::memmem::find_iter(&received, b"\r\n\r\n").map(|at| at + 4).collect::<Vec<_>>();
    assert!(received[heads[1]..].starts_with(&file[..100]));
    let second = &received[heads[2]..];
    assert!(second.len() < 20_000_000, "{} octets", second.len());
    assert!(file[5_000_000..].starts_with(second), "never filled up");
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::FileChanged), 1);
}

#[test]
fn a_file_truncated_between_its_parts_closes_short() {
    let (directory, server, client, received) = begun();
    let file = OpenOptions::new().write(true).open(directory.join("a")).unwrap();
    file.set_len(4_000_000).unwrap();
    assert_cut_short(server, client, received);
}

#[test]
fn a_file_that_changes_between_its_parts_closes_short() {
    let (directory, server, client, received) = begun();
    // Behind all parts: only its size and its time tell.
    let file = OpenOptions::new().write(true).open(directory.join("a")).unwrap();
    file.set_len(30_000_001).unwrap();
    assert_cut_short(server, client, received);
}

#[test]
fn a_file_replaced_between_its_parts_goes_out_as_it_was() {
    let (directory, server, mut client, mut received) = begun();
    directory.replace("a", "new");
    client.shut_down_write();
    received.extend(client.read_to_end().0);
    assert!(received.ends_with(b"--\r\n"));
    let record = server.records(1)[0];
    assert_eq!(record.bytes, received.len() as u64);
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::FileChanged), 0);
}
