use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello";

/// All answers in `octets`, which come in pieces of `piece` octets.
fn answers(method: Method, octets: &[u8], piece: usize) -> Result<Vec<Answer>, Failure> {
    let mut reader = AnswerReader::new(method);
    let mut found = Vec::new();
    for mut piece in octets.chunks(piece) {
        while !piece.is_empty() {
            let (taken, answer) = reader.read(piece)?;
            piece = &piece[taken..];
            found.extend(answer);
        }
    }
    assert!(reader.is_between_answers(), "something is left");
    Ok(found)
}

fn answer(status: u16, body_bytes: u64) -> Answer {
    Answer { status, body_bytes, after: After::GoesOn }
}

#[test]
fn answers_end_where_they_do_in_pieces_of_any_size() {
    let octets = [
        OK,
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        OK,
        OK,
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ]
    .concat();
    let expected = [
        answer(200, 5),
        answer(304, 0),
        answer(200, 5),
        answer(200, 5),
        answer(404, 0),
        answer(206, 2),
        answer(204, 0),
    ];
    for piece in 1..=octets.len() {
        assert_eq!(answers(Method::Get, &octets, piece).unwrap(), expected, "in pieces of {piece}");
    }
}

#[test]
fn a_known_head_is_not_another_that_begins_like_it() {
    let octets = [OK, &OK[..OK.len() - 9], b"\r\nX: y\r\n\r\nhello", OK].concat();
    assert_eq!(answers(Method::Get, &octets, octets.len()).unwrap(), [answer(200, 5); 3]);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let octets =
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(answers(Method::Head, octets, 100).unwrap(), [answer(200, 0); 2]);
}

#[test]
fn the_end_of_a_connection_is_announced() {
    for (head, expected) in [
        ("HTTP/1.1 200 OK\r\nConnection: Close", After::Closes),
        ("HTTP/1.1 200 OK\r\nConnection: x, close", After::Closes),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive", After::GoesOn),
        ("HTTP/1.1 200 OK\r\nX: close", After::GoesOn),
        ("HTTP/1.0 200 OK\r\nX: y", After::Closes),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive", After::GoesOn),
    ] {
        let octets = format!("{head}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(answers(Method::Get, octets.as_bytes(), 9).unwrap()[0].after, expected, "{head}");
    }
}

#[test]
fn what_is_no_answer_is_told() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(HEAD_BYTES_MAX));
    for (octets, kind, told) in [
        ("SSH-2.0-x\r\n", FailureKind::Garbage, "no head of an answer: \"S"),
        ("HTTP/2 200\r\n", FailureKind::Garbage, "no head"),
        ("HTTP/1.1 2000 OK\r\n\r\n", FailureKind::Garbage, "HTTP/1.1 2000"),
        ("HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n", FailureKind::Garbage, "another protocol"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", FailureKind::Garbage, "that is none"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            FailureKind::Garbage,
            "two lengths",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", FailureKind::Unframed, "in chunks"),
        ("HTTP/1.1 200 OK\r\n\r\n", FailureKind::Unframed, "as long as its connection"),
        (&long, FailureKind::Garbage, "no head"),
    ] {
        for piece in [1, 1_000, octets.len()] {
            let failure = answers(Method::Get, octets.as_bytes(), piece).unwrap_err();
            assert!(failure.kind == kind && failure.text.contains(told), "{failure:?}");
        }
    }
}

#[test]
fn a_new_connection_begins_with_a_head() {
    let mut reader = AnswerReader::new(Method::Get);
    reader.read(&OK[..OK.len() - 8]).unwrap();
    reader.begin_anew();
    reader.read(OK).unwrap();
    assert!(!reader.is_between_answers());
    reader.begin_anew();
    assert_eq!(reader.read(OK).unwrap().0, OK.len() - 5);
}
