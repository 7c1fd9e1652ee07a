use std::rc::Rc;

use super::super::site_history::{Manner, Said};
use super::super::site_requests::Condition;
use super::*;

/// When a file was changed last, an hour before the start, and the same as a field says it.
const BEFORE_UNIX_S: i64 = START_UNIX_S - 3_600;
const BEFORE: &str = "last-modified: Wed, 31 Dec 2025 23:00:00 GMT\n";
const DATE: &str = "date: Thu, 01 Jan 2026 00:01:40 GMT\n";
const ASKED_AT: Duration = Duration::from_secs(100);

/// `a.css` is `hello`, and its form `a.css.br` is `br`; the tags "a" and "b" were said of them.
fn history() -> History {
    let mut history = History::default();
    for (file, content, tag) in [("a.css", &b"hello"[..], "\"a\""), ("a.css.br", b"br", "\"b\"")] {
        let content: Rc<[u8]> = content.into();
        let version = Version { content: Rc::clone(&content), modified_unix_s: BEFORE_UNIX_S };
        history.note(file, Duration::ZERO, State::File(version), Manner::Apart);
        let said = Said { file: file.to_owned(), content, since: Duration::from_secs(1) };
        history.note_tag("a.css", tag, said).expect("each is said once");
    }
    history
}

/// A GET of `a.css`.
fn asked() -> Asked {
    Asked {
        target: "/a.css".to_owned(),
        subject: Subject::File("a.css"),
        method: Method::Get,
        condition: Condition::None,
        range: None,
        codings: Codings::Identity,
        at: ASKED_AT,
    }
}

/// What is said of an answer half a second after the request.
fn judge(asked: &Asked, history: &mut History, head: &str, body: &str) -> Result<(), String> {
    let octets = [head.replace('\n', "\r\n"), body.to_owned()].concat();
    let answer = Answer::read(octets.as_bytes(), asked.method)?.expect("the head is whole");
    let now = ASKED_AT + Duration::from_millis(500);
    Case { asked, now, disk: Disk::Works, tags: TagSource::Time }.judge(&answer, history)
}

fn ok(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\n{fields}content-length: 5\n\n")
}

#[test]
fn the_version_there_is_is_right_and_so_is_that_the_client_has_it() {
    let plain = asked();
    let named = ok(&format!("{DATE}{BEFORE}etag: \"a\"\n"));
    assert_eq!(judge(&plain, &mut history(), &named, "hello"), Ok(()));
    let has_it = Asked { condition: Condition::NoneMatch("\"a\"".to_owned()), ..asked() };
    let unchanged = format!("HTTP/1.1 304 Not Modified\n{DATE}etag: \"a\"\n\n");
    assert_eq!(judge(&has_it, &mut history(), &unchanged, ""), Ok(()));
    let part = Asked { range: Some((1, Some(2))), ..asked() };
    let partial = format!(
        "HTTP/1.1 206 Partial Content\n{DATE}{BEFORE}etag: \"a\"\ncontent-range: bytes 1-2/5\ncontent-length: 2\n\n"
    );
    assert_eq!(judge(&part, &mut history(), &partial, "el"), Ok(()));
    let missing = Asked { subject: Subject::Missing, ..asked() };
    let refusal = format!("HTTP/1.1 404 Not Found\n{DATE}content-length: 14\n\n");
    assert_eq!(judge(&missing, &mut history(), &refusal, "404 Not Found\n"), Ok(()));
}

#[test]
fn whatever_else_is_said_of_a_file_is_told() {
    let plain = asked();
    let part = Asked { range: Some((1, Some(2))), ..asked() };
    let part_of_head = Asked { method: Method::Head, ..part.clone() };
    let has_a = Asked { condition: Condition::NoneMatch("\"a\"".to_owned()), ..asked() };
    let has_b = Asked { condition: Condition::NoneMatch("\"b\"".to_owned()), ..asked() };
    let has_before = Asked { condition: Condition::ModifiedSince(BEFORE_UNIX_S), ..asked() };
    let missing = Asked { subject: Subject::Missing, ..asked() };
    let names = format!("{BEFORE}etag: \"a\"\n");
    let named = ok(&format!("{DATE}{names}"));
    let partial = format!(
        "HTTP/1.1 206 Partial Content\n{DATE}{names}content-range: bytes 1-2/5\ncontent-length: 2\n\n"
    );
    let unchanged = |tag: &str| format!("HTTP/1.1 304 Not Modified\n{DATE}{tag}\n");
    let cases: [(&Asked, String, &str, &str); 14] = [
        (&plain, named.clone(), "hollo", "no version of a.css was so"),
        (&plain, ok(&names), "hello", "no Date"),
        (&plain, ok(&format!("date: Thu, 01 Jan 2026 00:01:39 GMT\n{names}")), "hello", "made in second 99"),
        (
            &plain,
            ok(&format!("date: Thu, 01 Jan 2026 01:01:40 GMT\n{names}")),
            "hello",
            "made in second 3700",
        ),
        (&plain, ok(&format!("{DATE}{BEFORE}")), "hello", "its version has no name"),
        (&plain, ok(&format!("{DATE}etag: \"a\"\n")), "hello", "its version has no name"),
        (&part, named.clone(), "hello", "all of it, and a part"),
        (&part_of_head, partial, "", "206 without a range"),
        (&has_a, named.clone(), "hello", "by its tag"),
        (&has_before, named, "hello", "by its date"),
        // The tag of a form that the client does not take.
        (&has_b, unchanged("etag: \"b\"\n"), "", "it had been modified"),
        (&has_a, unchanged(""), "", "it had been modified"),
        (
            &plain,
            format!("HTTP/1.1 500 Internal Server Error\n{DATE}content-length: 26\n\n"),
            "500 Internal Server Error\n",
            "it was never so",
        ),
        (
            &missing,
            format!("HTTP/1.1 404 Not Found\n{DATE}content-length: 5\n\n"),
            "hello",
            "other words than the engine's",
        ),
    ];
    for (asked, head, body, told) in cases {
        let judged = judge(asked, &mut history(), &head, body);
        assert!(judged.as_ref().is_err_and(|error| error.contains(told)), "{judged:?} is not {told:?}");
    }
}

#[test]
fn a_version_that_stands_still_keeps_its_tag() {
    let (mut history, plain) = (history(), asked());
    let said = Said { file: "a.css".to_owned(), content: b"hello"[..].into(), since: Duration::from_secs(1) };
    history.note_tag("a.css", "\"a\"", said).expect("of the same content");
    let judged = judge(&plain, &mut history, &ok(&format!("{DATE}{BEFORE}etag: \"c\"\n")), "hello");
    assert!(judged.as_ref().is_err_and(|error| error.contains("has not changed since")), "{judged:?}");
}

#[test]
fn only_two_changes_since_the_request_make_a_file_one_that_always_changes() {
    let plain = asked();
    let failed = format!("HTTP/1.1 500 Internal Server Error\n{DATE}content-length: 26\n\n");
    let words = "500 Internal Server Error\n";
    let change = |history: &mut History, at: Duration| {
        history.note("a.css", at, State::Nothing, Manner::Apart);
    };
    let mut changed = history();
    change(&mut changed, ASKED_AT - Duration::from_millis(10));
    change(&mut changed, ASKED_AT + Duration::from_millis(10));
    assert!(judge(&plain, &mut changed, &failed, words).is_err(), "one was before the request");
    change(&mut changed, ASKED_AT + Duration::from_millis(20));
    assert_eq!(judge(&plain, &mut changed, &failed, words), Ok(()));
}

#[test]
fn only_a_body_that_has_changed_may_be_cut() {
    let now = ASKED_AT + Duration::from_millis(500);
    let cut = |asked: &Asked, history: &History, octets: &str| {
        let case = Case { asked, now, disk: Disk::Works, tags: TagSource::Time };
        let octets = octets.replace('\n', "\r\n");
        case.judge_beginning(octets.as_bytes(), history)?;
        case.judge_cut(octets.as_bytes(), history)
    };
    let (plain, head_only) = (asked(), Asked { method: Method::Head, ..asked() });
    let begun = format!("{}he", ok(DATE));
    let mut changed = history();
    changed.note("a.css", ASKED_AT, State::Nothing, Manner::Apart);
    assert_eq!(cut(&plain, &changed, &begun), Ok(()));
    assert_eq!(cut(&plain, &changed, "HTTP/1.1 2"), Ok(()));
    for (asked, history, octets, told) in [
        (&plain, &history(), &*begun, "has not changed"),
        (&plain, &history(), "HTTP/1.1 2", "not within a file"),
        (&head_only, &changed, "HTTP/1.1 2", "not within a file"),
        (&plain, &changed, &*format!("{}ha", ok(DATE)), "no version's"),
    ] {
        let judged = cut(asked, history, octets);
        assert!(judged.as_ref().is_err_and(|error| error.contains(told)), "{judged:?} is not {told:?}");
    }
}
