use std::collections::BTreeSet;

use super::conditions::EARLIER;
use super::oracle::{End, predict};
use super::site::{self, File};
use super::versions::{Version, Versions};

const LAST_MODIFIED: &str = "Thu, 02 Jan 2020 03:04:05 GMT";

fn versions() -> Versions {
    let last_modified = || LAST_MODIFIED.to_owned();
    Versions::with(|file| Version {
        file,
        entity_tag: format!("\"{}\"", file.name),
        last_modified: last_modified(),
    })
}

/// What is predicted for these octets: the statuses of each answer, and the end.
fn predicted(octets: &str) -> (Vec<Vec<u16>>, End) {
    let versions = versions();
    let prediction = predict(octets.as_bytes(), &versions);
    (prediction.answers.into_iter().map(|answer| answer.statuses).collect(), prediction.end)
}

const NEXT: &str = "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_request_is_answered_and_so_is_what_follows() {
    for (first, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /dir?q HTTP/1.1\r\nHost: a\r\n\r\n", 301),
        ("GET /%61.txt/../missing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204),
        ("GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1,3-4\r\n\r\n", 206),
        ("GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=1000-\r\n\r\n", 416),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /", 405),
        (
            "PURGE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nX: y\r\n\r\n",
            501,
        ),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    ] {
        let (answers, end) = predicted(&format!("{first}{NEXT}"));
        assert_eq!((answers, end), (vec![vec![status], vec![200]], End::Open), "{first:?}");
    }
}

#[test]
fn a_condition_leaves_one_answer_where_it_is_clear_what_it_says() {
    let (same, earlier) = (LAST_MODIFIED, EARLIER);
    for (lines, statuses) in [
        (vec!["If-None-Match: \"a.txt\""], vec![304]),
        (vec!["If-None-Match: W/\"a.txt\""], vec![304]),
        (vec!["If-None-Match: \"b,\" ,, \"a.txt\""], vec![304]),
        (vec!["If-None-Match: *"], vec![304]),
        (vec!["If-None-Match: \"none\""], vec![200]),
        (vec!["If-None-Match: \""], vec![200]),
        (vec!["If-None-Match: \"b\"\"a.txt\""], vec![304, 200]),
        (vec!["If-None-Match: \"none\"", &format!("If-Modified-Since: {same}")], vec![200]),
        (vec![&format!("If-Modified-Since: {same}")], vec![304]),
        (vec![&format!("If-Modified-Since: {earlier}")], vec![200]),
        (vec!["If-Modified-Since: yesterday"], vec![200]),
        (vec!["If-Modified-Since: Thu, 02 Jan 2020 03:04:06 GMT"], vec![304, 200]),
        (vec!["If-Match: *"], vec![200]),
        (vec!["If-Match: \"b\", \"a.txt\""], vec![200]),
        (vec!["If-Match: W/\"a.txt\""], vec![412]),
        (vec!["If-Match: \"none\"", "If-None-Match: *"], vec![412]),
        (vec!["If-Match: \"a.txt\"", &format!("If-Unmodified-Since: {earlier}")], vec![200]),
        (vec![&format!("If-Unmodified-Since: {earlier}")], vec![412]),
        (vec![&format!("If-Unmodified-Since: {same}"), "If-None-Match: \"a.txt\""], vec![304]),
        (vec!["Range: bytes=0-1", "If-Range: \"none\""], vec![200]),
        (vec!["Range: bytes=0-1", "If-Range: W/\"a.txt\""], vec![200]),
        (vec!["Range: bytes=0-1", "If-Range: \"a.txt\""], vec![206]),
        (vec!["Range: bytes=0-1", &format!("If-Range: {same}")], vec![206]),
        (vec!["Range: bytes=0-1", &format!("If-Range: {earlier}")], vec![200]),
        (vec!["Range: bytes=2000-", "If-Range: \"none\""], vec![200]),
        (vec!["Range: bytes=2000-", "If-Range: \"a.txt\""], vec![416]),
        (vec!["Range: bytes=0-1", "If-None-Match: \"a.txt\""], vec![304]),
    ] {
        let request = format!("GET /a.txt HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", lines.join("\r\n"));
        assert_eq!(predicted(&request), (vec![statuses], End::Open), "{lines:?}");
    }
}

#[test]
fn what_two_readers_may_read_in_two_ways_is_refused_and_nothing_follows() {
    for (first, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: rain\r\n\r\n", 417),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413),
    ] {
        let (answers, end) = predicted(&format!("{first}{NEXT}"));
        assert_eq!((answers, end), (vec![vec![status]], End::Closed), "{first:?}");
    }
    let bomb = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_eq!(predicted(&bomb), (vec![vec![431]], End::Closed));
}

#[test]
fn a_body_that_goes_wrong_ends_the_connection_behind_the_answer() {
    for body in
        ["0x5\r\nhello\r\n0\r\n\r\n", "5\r\nhello!\r\n", "5\nhello\r\n", "5 \r\nhello\r\n", "0\r\nX\r\n\r\n"]
    {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (answers, end) = predicted(&format!("{head}{body}{NEXT}"));
        assert_eq!((answers, end), (vec![vec![405]], End::Closed), "{body:?}");
    }
}

#[test]
fn what_is_not_whole_is_waited_for() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n";
    assert_eq!(predicted(&format!("{post}{NEXT}")), (vec![vec![405]], End::Incomplete));
    let versions = versions();
    let prediction = predict(b"GET / HTTP/1.1\r\nHo", &versions);
    assert!(prediction.end == End::Incomplete && prediction.answers[0].may_be_missing);
}

#[test]
fn two_octets_of_a_large_file_are_in_no_other() {
    let pairs = |file: &'static File| file.content.windows(2).collect::<BTreeSet<_>>();
    let large: Vec<_> = site::files().filter(|file| file.content.len() > 100).collect();
    assert_eq!(large.len(), 3);
    for (number, file) in large.iter().enumerate() {
        for other in &large[..number] {
            assert!(pairs(file).is_disjoint(&pairs(other)), "{} and {}", file.name, other.name);
        }
    }
}
