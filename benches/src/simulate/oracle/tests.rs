use super::super::application::pattern;
use super::*;

/// A POST of 4 octets that are echoed, then the answer under test, then whatever.
fn expected(form: Form) -> Expected {
    Expected { form, ..Expected::of_pattern(7, 4) }
}

/// What is said of `octets`, which come in two pieces, cut anywhere.
fn judge(expected: &Expected, octets: &[u8]) -> Result<usize, String> {
    let whole = |at: usize| {
        let mut answers = Answers::new(vec![expected.clone()]);
        answers.take(&octets[..at], ServerState::Serves)?;
        answers.take(&octets[at..], ServerState::Serves)?;
        Ok(answers.whole())
    };
    let judged: Vec<Result<usize, String>> = (0..=octets.len()).map(whole).collect();
    for other in &judged {
        assert_eq!(other.is_ok(), judged[0].is_ok(), "{judged:?}");
    }
    judged.into_iter().next().expect("one is cut at 0")
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [head.replace('\n', "\r\n").as_bytes(), body].concat()
}

#[test]
fn the_right_answer_is_whole_however_it_is_cut() {
    let body = expected(Form::Length).pattern();
    let octets = answer("HTTP/1.1 200 OK\ncontent-length: 4\n\n", &body);
    assert_eq!(judge(&expected(Form::Length), &octets), Ok(1));
    let chunks = [b"1\r\n", &body[..1], b"\r\n3\r\n", &body[1..], b"\r\n0\r\n\r\n"].concat();
    let octets = answer("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n", &chunks);
    assert_eq!(judge(&expected(Form::Chunked), &octets), Ok(1));
    let head = Expected { content: Content::LeftOut, ..expected(Form::Length) };
    assert_eq!(judge(&head, &answer("HTTP/1.1 200 OK\ncontent-length: 4\n\n", b"")), Ok(1));
    let waits = Expected { interim: Interim::Always, ..expected(Form::Length) };
    let octets = answer("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\ncontent-length: 4\n\n", &body);
    assert_eq!(judge(&waits, &octets), Ok(1));
    let refused = Expected::refusal(7, 400);
    let octets =
        answer("HTTP/1.1 400 Bad Request\ncontent-length: 17\nconnection: close\n\n", b"400 Bad Request!\n");
    assert_eq!(judge(&refused, &octets), Ok(1));
}

#[test]
fn whatever_else_comes_is_told() {
    let plain = expected(Form::Length);
    let body = plain.pattern();
    let closing = Expected { after: After::Closes, ..plain.clone() };
    let head_only = Expected { content: Content::LeftOut, ..plain.clone() };
    let waits = Expected { interim: Interim::Always, ..plain.clone() };
    let chunked = expected(Form::Chunked);
    let ok = "HTTP/1.1 200 OK\ncontent-length: 4\n\n";
    let in_chunks = "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n";
    let beyond = [&body[..], b"\r\n"].concat();
    let refused = Expected::refusal(7, 400);
    let refusal = "HTTP/1.1 400 Bad Request\ncontent-length: 16\nconnection: close\n\n";
    let cases: [(&Expected, Vec<u8>, &str); 15] = [
        (&refused, answer(refusal, &pattern(8, 16)), "other words than the engine's"),
        (&refused, answer(refusal, b"413 Bad Request\n"), "other words than the engine's"),
        (&refused, answer(refusal, b"400 Bad\nRequest\n"), "other words than the engine's"),
        (&plain, answer(ok, b"\0"), "octet 0 of the answer to 7 is another one's"),
        (&plain, answer(ok, &beyond), "2 octets beyond the last answer"),
        (&plain, answer("HTTP/1.1 200 OK\ncontent-length: 5\n\n", &body), "framed by"),
        (&plain, answer("HTTP/1.1 404 No\ncontent-length: 0\n\n", b""), "404 for request 7"),
        (
            &plain,
            answer("HTTP/1.1 200 OK\ncontent-length: 4\nconnection: close\n\n", b""),
            "closes, and nobody",
        ),
        (&plain, body.clone(), "no answer begins with"),
        (&closing, answer(ok, &body), "does not close"),
        (&head_only, answer(ok, &body), "beyond the last answer"),
        (&head_only, answer("HTTP/1.1 200 OK\ncontent-length: 0\n\n", b""), "framed by"),
        (&waits, answer(ok, &body), "no 100 before"),
        // The beginning of an answer that is never whole.
        (&chunked, answer(in_chunks, b"4\r\n\0"), "is another one's"),
        (&chunked, answer(in_chunks, b"0\r\n\r\n"), "ends after 0 of its 4 octets"),
    ];
    for (expected, octets, told) in cases {
        let judged = judge(expected, &octets);
        assert!(judged.as_ref().is_err_and(|error| error.contains(told)), "{judged:?} is not {told:?}");
    }
}
