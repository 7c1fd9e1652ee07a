//! Requests as they go over the wire, each with what becomes of it and the sentence that decides: tables of our own by
//! subject, and test files of peers carried over whole.
//!
//! A row of requests says what the application is told of each message, or the status and reason for which it is
//! refused. It is read twice ([`runner`]):
//! * by the scanner, the parser and the decoder of chunks without a socket: whole, split in two at every position, and
//!   octet by octet, with one and the same outcome;
//! * by a running server: whole and split at every position (of long rows at some), where status, the end of the
//!   connection and the answer to a request behind the row are looked at too.
//!
//! A row of answers says status and fields of what a server answers that has a few old files, or an application with a
//! will of its own. It goes over sockets alone, split as well.
//!
//! | table | rows | of |
//! |---|---|---|
//! | `requests::targets` | 240 | request targets: the four forms, and every octet |
//! | `requests::hosts` | 88 | Host |
//! | `requests::methods` | 413 | methods, every octet of them |
//! | `requests::versions` | 65 | versions, and what 1.0 leaves out |
//! | `requests::limits` | 22 | bounds of heads and bodies |
//! | `smuggling::lengths` | 79 | Content-Length |
//! | `smuggling::codings` | 79 | Transfer-Encoding |
//! | `smuggling::fields` | 554 | field lines, every octet of names and values |
//! | `smuggling::line_ends` | 61 | CR, LF, empty lines, what is no request |
//! | `smuggling::chunks` | 153 | chunks, extensions, trailers |
//! | `connection::persistence` | 50 | Connection and Upgrade |
//! | `connection::expectations` | 30 | Expect |
//! | `connection::pipelines` | 40 | several requests at once, good and bad |
//! | `connection::responses` | 40 | what an application may answer |
//! | `connection::responses, of three requests` | 7 | a connection's last request |
//! | `files::preconditions` | 166 | If-Match and its kin, in their order |
//! | `files::ranges` | 114 | Range and If-Range |
//! | `files::multipart` | 17 | several ranges |
//! | `peers::lighttpd` | 153 | `src/t/test_request.c` and `tests/request.t` |
//! | `peers::llhttp` | 166 | `test/request/*.md` |
//! | `peers::nginx` | 135 | eight files of its test suite |
//! | `peers::warp` | 45 | `RunSpec.hs` and `RequestSpec.hs` |
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod connection;
mod files;
mod peers;
mod requests;
mod runner;
mod smuggling;
#[path = "../support/mod.rs"]
mod support;

/// Each table's name and how many rows it has.
fn tables() -> [(&'static str, usize); 22] {
    [
        ("requests::targets", requests::targets::rows().len()),
        ("requests::hosts", requests::hosts::rows().len()),
        ("requests::methods", requests::methods::rows().len()),
        ("requests::versions", requests::versions::rows().len()),
        ("requests::limits", requests::limits::rows().len()),
        ("smuggling::lengths", smuggling::lengths::rows().len()),
        ("smuggling::codings", smuggling::codings::rows().len()),
        ("smuggling::fields", smuggling::fields::rows().len()),
        ("smuggling::line_ends", smuggling::line_ends::rows().len()),
        ("smuggling::chunks", smuggling::chunks::rows().len()),
        ("connection::persistence", connection::persistence::rows().len()),
        ("connection::expectations", connection::expectations::rows().len()),
        ("connection::pipelines", connection::pipelines::rows().len()),
        ("connection::responses", connection::responses::rows().len()),
        ("connection::responses, of three requests", connection::responses::rows_of_three_requests().len()),
        ("files::preconditions", files::preconditions::rows().len()),
        ("files::ranges", files::ranges::rows().len()),
        ("files::multipart", files::multipart::rows().len()),
        ("peers::lighttpd", peers::lighttpd::rows_len()),
        ("peers::llhttp", peers::llhttp::rows_len()),
        ("peers::nginx", peers::nginx::rows_len()),
        ("peers::warp", peers::warp::rows_len()),
    ]
}

#[test]
fn tables_have_as_many_rows_as_they_say() {
    let said = include_str!("main.rs");
    let wrong: Vec<String> = tables()
        .iter()
        .map(|(name, rows)| format!("//! | `{name}` | {rows} |"))
        .filter(|line| !said.contains(line))
        .collect();
    assert!(wrong.is_empty(), "lines that the comment above lacks:\n{}", wrong.join("\n"));
}
