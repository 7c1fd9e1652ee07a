//! The files that rows about files are held against: old ones, whose validators are strong.

use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use selvedge_http::files::FileOptions;

use crate::runner::reply::{ReplyRow, check};
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient};

/// When all of them were changed, RFC 9110's own example.
pub(crate) const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const MODIFIED_UNIX_S: u64 = 784_111_777;

/// A file that is streamed, longer than what is kept in memory.
pub(crate) const LARGE_BYTES: usize = 100_000;

/// The octets at `range` of it.
pub(crate) fn large(range: std::ops::Range<usize>) -> Vec<u8> {
    range.map(|at| b'a' + (at * 7_919 % 26_113 % 26) as u8).collect()
}

/// Runs rows against `/ten` (ten digits), `/empty`, `/large` and `/thousand` (nginx's file of 100 lines), below
/// `/sub/` too. In them `{ten}`, `{empty}`, `{large}`, `{thousand}` are their entity tags and `{modified}` is when
/// they were changed.
pub(crate) fn check_rows(rows: &[ReplyRow]) {
    let directory = Directory::new("protocol");
    let thousand: String = (0..100).map(|line| format!("X{line:03}XXXXXX")).collect();
    let hundred = format!("12{}hi\n", "-".repeat(95));
    let contents: [(&str, Vec<u8>); 10] = [
        ("ten", b"0123456789".to_vec()),
        ("empty", Vec::new()),
        ("large", large(0..LARGE_BYTES)),
        ("thousand", thousand.into_bytes()),
        ("sub/ten", b"0123456789".to_vec()),
        ("subdir/any.txt", b"any\n".to_vec()),
        ("index.html", b"index\n".to_vec()),
        ("12345.txt", b"12345\n".to_vec()),
        ("12345.html", b"12345\n".to_vec()),
        ("100.txt", hundred.into_bytes()),
    ];
    for (name, content) in &contents {
        let file = File::options().write(true).open(directory.write(name, content)).expect("it was written");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(MODIFIED_UNIX_S)).expect("it is ours");
    }
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    let mut client = server.connect();
    let mut names: Vec<(&str, String)> = ["ten", "empty", "large", "thousand"]
        .into_iter()
        .map(|name| {
            let reply = client.get(&format!("/{name}"));
            assert_eq!(reply.field("last-modified"), Some(MODIFIED));
            (name, reply.field("etag").expect("a tag").to_owned())
        })
        .collect();
    names.push(("modified", MODIFIED.to_owned()));
    check(&server, "GET /sub/ten HTTP/1.1\r\nHost: a\r\n\r\n", rows, &names);
}
