use super::oracle::{End, predict};

/// What is predicted for these octets: the statuses of each answer, and the end.
fn predicted(octets: &str) -> (Vec<Vec<u16>>, End) {
    let prediction = predict(octets.as_bytes());
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
    let prediction = predict(b"GET / HTTP/1.1\r\nHo");
    assert!(prediction.end == End::Incomplete && prediction.answers[0].may_be_missing);
}
