//! Preconditions, in their order, of files that exist and of what does not.

use crate::runner::archive::check_rows;
use crate::runner::reply::{ReplyRow, reply, reply_row};

const MATCH: &str = "RFC 9110 section 13.1.1: An origin server MUST use the strong comparison function when \
    comparing entity tags for If-Match";
const MATCH_ANY: &str = "RFC 9110 section 13.1.1: If the field value is \"*\", the condition is true if the \
    origin server has a current representation for the target resource.";
const NONE_MATCH: &str = "RFC 9110 section 13.1.2: A recipient MUST use the weak comparison function when \
    comparing entity tags for If-None-Match";
const NONE_MATCH_ANY: &str = "RFC 9110 section 13.1.2: If the field value is \"*\", the condition is false \
    if the origin server has a current representation for the target resource.";
const LIST: &str = "RFC 9110 section 5.6.1.2: A recipient MUST parse and ignore a reasonable number of \
    empty list elements";
const TAG: &str = "RFC 9110 section 8.8.3: entity-tag = [ weak ] opaque-tag";
const MODIFIED_SINCE: &str = "RFC 9110 section 13.1.3: If the selected representation's last modification \
    date is earlier or equal to the date provided in the field value, the condition is false.";
const MODIFIED_SINCE_INVALID: &str = "RFC 9110 section 13.1.3: A recipient MUST ignore the \
    If-Modified-Since header field if the received field value is not a valid HTTP-date, the field value \
    has more than one member, or if the request method is neither GET nor HEAD.";
const UNMODIFIED_SINCE: &str = "RFC 9110 section 13.1.4: If the selected representation's last modification \
    date is earlier than or equal to the date provided in the field value, the condition is true.";
const UNMODIFIED_SINCE_INVALID: &str = "RFC 9110 section 13.1.4: A recipient MUST ignore the \
    If-Unmodified-Since header field if the received field value is not a valid HTTP-date (including when \
    the field value appears to be a list of dates).";
const DATES: &str = "RFC 9110 section 5.6.7: A recipient that parses a timestamp value in an HTTP field \
    MUST accept all three HTTP-date formats.";
const ORDER: &str = "RFC 9110 section 13.2.2: When recipient is the origin server and If-Match is present, \
    evaluate the If-Match precondition";
const TAG_BEFORE_DATE: &str = "RFC 9110 section 13.1.3: A recipient MUST ignore If-Modified-Since if the \
    request contains an If-None-Match header field";
const MATCH_BEFORE_DATE: &str = "RFC 9110 section 13.1.4: A recipient MUST ignore If-Unmodified-Since if \
    the request contains an If-Match header field";
const NOT_MODIFIED: &str = "RFC 9110 section 15.4.5: The server generating a 304 response MUST generate any \
    of the following header fields that would have been sent in a 200 (OK) response to the same request";
const ONLY_2XX: &str = "RFC 9110 section 13.2.1: A server MUST ignore all received preconditions if its \
    response to the same request without those conditions, prior to processing the request content, would \
    have been a status code other than a 2xx (Successful) or 412 (Precondition Failed).";
const RANGE_LAST: &str = "RFC 9110 section 14.2: If all of the preconditions are true, the server supports \
    the Range header field for the target resource, the received Range field-value contains a valid \
    ranges-specifier, and either the range-unit is not supported for that target resource or the \
    ranges-specifier is unsatisfiable with respect to the selected representation, the server SHOULD send a \
    416 (Range Not Satisfiable) response.";

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

pub(crate) fn rows() -> Vec<ReplyRow> {
    let mut rows = tags();
    rows.extend(dates());
    rows.extend(order());
    rows.extend(only_where_the_plain_answer_is_2xx());
    rows
}

fn ask(method: &str, target: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn get(lines: &[&str]) -> String {
    ask("GET", "/ten", lines)
}

fn tags() -> Vec<ReplyRow> {
    let whole = || reply(200).body("0123456789").field("etag", "{ten}");
    let not_modified = || {
        reply(304).field("etag", "{ten}").field("last-modified", "{modified}").without(&["content-length"])
    };
    let failed = || reply(412).without(&["content-range"]);
    let mut rows = vec![
        reply_row("a 304 has the validators", NOT_MODIFIED, get(&["If-None-Match: {ten}"]), not_modified()),
        reply_row(
            "a 304 to HEAD",
            NOT_MODIFIED,
            ask("HEAD", "/ten", &["If-None-Match: {ten}"]),
            not_modified().for_head(),
        ),
        reply_row(
            "a 304 of a streamed file",
            NOT_MODIFIED,
            ask("GET", "/large", &["If-None-Match: {large}"]),
            reply(304).field("etag", "{large}"),
        ),
        reply_row(
            "a 304 of an empty file",
            NOT_MODIFIED,
            ask("GET", "/empty", &["If-None-Match: {empty}"]),
            reply(304).field("etag", "{empty}"),
        ),
        reply_row(
            "If-None-Match on two lines",
            NONE_MATCH,
            get(&["If-None-Match: \"x\"", "If-None-Match: {ten}"]),
            not_modified(),
        ),
        reply_row(
            "If-None-Match on two lines, neither",
            NONE_MATCH,
            get(&["If-None-Match: \"x\"", "If-None-Match: \"y\""]),
            whole(),
        ),
        reply_row("If-None-Match of another file's", NONE_MATCH, get(&["If-None-Match: {large}"]), whole()),
        reply_row(
            "If-None-Match of HEAD that does not match",
            NONE_MATCH,
            ask("HEAD", "/ten", &["If-None-Match: \"x\""]),
            reply(200).for_head().field("content-length", "10"),
        ),
        reply_row(
            "If-None-Match of another method",
            "RFC 9110 section 13.1.2: the origin server MUST respond with either a) the 304 (Not Modified) \
             status code if the request method is GET or HEAD or b) the 412 (Precondition Failed) status \
             code for all other request methods.",
            ask("PUT", "/ten", &["If-None-Match: *", "Content-Length: 0"]),
            failed(),
        ),
        reply_row("If-Match on two lines", MATCH, get(&["If-Match: \"x\"", "If-Match: {ten}"]), whole()),
        reply_row("If-Match of HEAD", MATCH, ask("HEAD", "/ten", &["If-Match: \"x\""]), failed().for_head()),
        reply_row("If-Match of a streamed file", MATCH, ask("GET", "/large", &["If-Match: \"x\""]), failed()),
        reply_row("If-Match of another method", MATCH, ask("DELETE", "/ten", &["If-Match: \"x\""]), failed()),
    ];
    for (value, rule) in [
        ("{ten}", NONE_MATCH),
        ("W/{ten}", NONE_MATCH),
        ("*", NONE_MATCH_ANY),
        ("\"x\", {ten}", NONE_MATCH),
        ("{ten}, \"x\"", NONE_MATCH),
        ("\"x\",W/\"y\",W/{ten}", NONE_MATCH),
        ("\"x,y\", {ten}", TAG),
        ("\"\", {ten}", TAG),
        ("\"x\\\", {ten}", TAG),
        (", {ten}", LIST),
        ("{ten},", LIST),
        (",,\t, {ten} ,,", LIST),
        ("\"\u{e9}\", {ten}", TAG),
    ] {
        rows.push(reply_row(
            format!("If-None-Match <{value}>"),
            rule,
            get(&[&format!("If-None-Match: {value}")]),
            not_modified(),
        ));
    }
    for value in [
        "\"x\"",
        "W/\"x\"",
        "\"\"",
        "",
        "x",
        "{ten}x",
        "x{ten}",
        "w/{ten}",
        "W {ten}",
        "W/ {ten}",
        "\"x {ten}",
        "\"x\" {ten}",
        "x, {ten}",
        "\"*\"",
        "**",
        "* *",
        "\"x\"; {ten}",
        "'x', {ten}",
    ] {
        rows.push(reply_row(
            format!("If-None-Match <{value}>"),
            TAG,
            get(&[&format!("If-None-Match: {value}")]),
            whole(),
        ));
    }
    for (value, rule) in [
        ("{ten}", MATCH),
        ("*", MATCH_ANY),
        ("\"x\", {ten}", MATCH),
        ("W/\"x\", {ten}", MATCH),
        (",{ten},", LIST),
        ("\"x,\", {ten}", TAG),
    ] {
        rows.push(reply_row(
            format!("If-Match <{value}>"),
            rule,
            get(&[&format!("If-Match: {value}")]),
            whole(),
        ));
    }
    for value in
        ["W/{ten}", "\"x\"", "", "\"\"", "x", "{ten}x", "\"x\" {ten}", "\"x\", W/{ten}", "\"*\"", "{large}"]
    {
        rows.push(reply_row(
            format!("If-Match <{value}>"),
            MATCH,
            get(&[&format!("If-Match: {value}")]),
            failed(),
        ));
    }
    rows
}

fn dates() -> Vec<ReplyRow> {
    let whole = || reply(200).body("0123456789").field("last-modified", "{modified}");
    let not_modified = || reply(304).field("etag", "{ten}").without(&["content-length"]);
    let failed = || reply(412);
    let modified = |date: &str| format!("If-Modified-Since: {date}");
    let unmodified = |date: &str| format!("If-Unmodified-Since: {date}");
    let mut rows = vec![
        reply_row(
            "If-Modified-Since, the same",
            MODIFIED_SINCE,
            get(&[&modified("{modified}")]),
            not_modified(),
        ),
        reply_row("If-Modified-Since, later", MODIFIED_SINCE, get(&[&modified(AFTER)]), not_modified()),
        reply_row("If-Modified-Since, earlier", MODIFIED_SINCE, get(&[&modified(BEFORE)]), whole()),
        reply_row(
            "If-Modified-Since, long ago",
            MODIFIED_SINCE,
            get(&[&modified("Thu, 01 Jan 1970 00:00:00 GMT")]),
            whole(),
        ),
        reply_row(
            "If-Modified-Since, in the future",
            MODIFIED_SINCE,
            get(&[&modified("Fri, 31 Dec 9999 23:59:59 GMT")]),
            not_modified(),
        ),
        reply_row(
            "If-Modified-Since of HEAD",
            MODIFIED_SINCE,
            ask("HEAD", "/ten", &[&modified("{modified}")]),
            not_modified().for_head(),
        ),
        reply_row(
            "If-Modified-Since of another method",
            MODIFIED_SINCE_INVALID,
            ask("POST", "/ten", &[&modified("{modified}")]),
            whole(),
        ),
        reply_row(
            "If-Modified-Since twice",
            MODIFIED_SINCE_INVALID,
            get(&[&modified("{modified}"), &modified("{modified}")]),
            whole(),
        ),
        reply_row(
            "If-Modified-Since as a list",
            MODIFIED_SINCE_INVALID,
            get(&[&modified("{modified}, {modified}")]),
            whole(),
        ),
        reply_row(
            "If-Unmodified-Since, the same",
            UNMODIFIED_SINCE,
            get(&[&unmodified("{modified}")]),
            whole(),
        ),
        reply_row("If-Unmodified-Since, later", UNMODIFIED_SINCE, get(&[&unmodified(AFTER)]), whole()),
        reply_row("If-Unmodified-Since, earlier", UNMODIFIED_SINCE, get(&[&unmodified(BEFORE)]), failed()),
        reply_row(
            "If-Unmodified-Since of HEAD",
            UNMODIFIED_SINCE,
            ask("HEAD", "/ten", &[&unmodified(BEFORE)]),
            failed().for_head(),
        ),
        reply_row(
            "If-Unmodified-Since of another method",
            UNMODIFIED_SINCE,
            ask("POST", "/ten", &[&unmodified(BEFORE)]),
            failed(),
        ),
        reply_row(
            "If-Unmodified-Since twice",
            UNMODIFIED_SINCE_INVALID,
            get(&[&unmodified(BEFORE), &unmodified(BEFORE)]),
            whole(),
        ),
        reply_row(
            "If-Unmodified-Since as a list",
            UNMODIFIED_SINCE_INVALID,
            get(&[&unmodified(&format!("{BEFORE}, {BEFORE}"))]),
            whole(),
        ),
    ];
    for (same, before) in [
        ("Sunday, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:36 GMT"),
        ("Sun Nov  6 08:49:37 1994", "Sun Nov  6 08:49:36 1994"),
    ] {
        rows.push(reply_row(
            format!("If-Modified-Since: {same}"),
            DATES,
            get(&[&modified(same)]),
            not_modified(),
        ));
        rows.push(reply_row(
            format!("If-Modified-Since: {before}"),
            DATES,
            get(&[&modified(before)]),
            whole(),
        ));
        rows.push(reply_row(
            format!("If-Unmodified-Since: {same}"),
            DATES,
            get(&[&unmodified(same)]),
            whole(),
        ));
        rows.push(reply_row(
            format!("If-Unmodified-Since: {before}"),
            DATES,
            get(&[&unmodified(before)]),
            failed(),
        ));
    }
    for invalid in [
        "",
        "0",
        "784111777",
        "tomorrow",
        "Sun, 06 Nov 1994",
        "08:49:37",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Non 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "1994-11-06T08:49:37Z",
        "\"Sun, 06 Nov 1994 08:49:37 GMT\"",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=10",
        "Sun, 06 Nov -1994 08:49:37 GMT",
    ] {
        rows.push(reply_row(
            format!("If-Modified-Since: <{invalid}>"),
            MODIFIED_SINCE_INVALID,
            get(&[&modified(invalid)]),
            whole(),
        ));
        rows.push(reply_row(
            format!("If-Unmodified-Since: <{invalid}>"),
            UNMODIFIED_SINCE_INVALID,
            get(&[&unmodified(invalid)]),
            whole(),
        ));
    }
    rows
}

fn order() -> Vec<ReplyRow> {
    let whole = || reply(200).body("0123456789");
    let (not_modified, failed) = (|| reply(304), || reply(412));
    let part = || reply(206).body("01").field("content-range", "bytes 0-1/10").field("etag", "{ten}");
    let (since, unless) = (format!("If-Modified-Since: {BEFORE}"), format!("If-Unmodified-Since: {BEFORE}"));
    let (since, unless) = (since.as_str(), unless.as_str());
    let same = "If-Modified-Since: {modified}";
    vec![
        reply_row(
            "If-Match holds, If-Unmodified-Since does not",
            MATCH_BEFORE_DATE,
            get(&["If-Match: {ten}", unless]),
            whole(),
        ),
        reply_row(
            "If-Match does not hold, If-Unmodified-Since does",
            MATCH_BEFORE_DATE,
            get(&["If-Match: \"x\"", "If-Unmodified-Since: {modified}"]),
            failed(),
        ),
        reply_row(
            "If-Match holds, If-None-Match does not",
            ORDER,
            get(&["If-Match: {ten}", "If-None-Match: {ten}"]),
            not_modified(),
        ),
        reply_row(
            "neither If-Match nor If-None-Match hold",
            ORDER,
            get(&["If-None-Match: {ten}", "If-Match: \"x\""]),
            failed(),
        ),
        reply_row(
            "If-Match and If-None-Match hold",
            ORDER,
            get(&["If-Match: {ten}", "If-None-Match: \"x\""]),
            whole(),
        ),
        reply_row(
            "If-Match holds, If-Modified-Since does not",
            ORDER,
            get(&["If-Match: *", same]),
            not_modified(),
        ),
        reply_row("If-Match and If-Modified-Since hold", ORDER, get(&["If-Match: *", since]), whole()),
        reply_row(
            "If-Unmodified-Since does not hold, nor If-None-Match",
            ORDER,
            get(&[unless, "If-None-Match: {ten}"]),
            failed(),
        ),
        reply_row(
            "If-Unmodified-Since holds, If-None-Match does not",
            ORDER,
            get(&["If-Unmodified-Since: {modified}", "If-None-Match: {ten}"]),
            not_modified(),
        ),
        reply_row(
            "If-Unmodified-Since holds, If-Modified-Since does not",
            ORDER,
            get(&["If-Unmodified-Since: {modified}", same]),
            not_modified(),
        ),
        reply_row(
            "If-None-Match holds, If-Modified-Since does not",
            TAG_BEFORE_DATE,
            get(&["If-None-Match: \"x\"", same]),
            whole(),
        ),
        reply_row(
            "If-None-Match does not hold, If-Modified-Since does",
            TAG_BEFORE_DATE,
            get(&["If-None-Match: {ten}", since]),
            not_modified(),
        ),
        reply_row(
            "an invalid If-None-Match beside If-Modified-Since",
            TAG_BEFORE_DATE,
            get(&["If-None-Match: x", same]),
            whole(),
        ),
        reply_row(
            "an invalid If-Modified-Since beside If-None-Match",
            TAG_BEFORE_DATE,
            get(&["If-None-Match: {ten}", "If-Modified-Since: x"]),
            not_modified(),
        ),
        reply_row(
            "If-None-Match does not hold, and a Range",
            ORDER,
            get(&["If-None-Match: {ten}", "Range: bytes=0-1"]),
            not_modified(),
        ),
        reply_row(
            "If-None-Match holds, and a Range",
            ORDER,
            get(&["If-None-Match: \"x\"", "Range: bytes=0-1"]),
            part(),
        ),
        reply_row(
            "If-Match does not hold, and a Range",
            ORDER,
            get(&["If-Match: \"x\"", "Range: bytes=0-1"]),
            failed(),
        ),
        reply_row(
            "If-Match holds, and a Range",
            ORDER,
            get(&["If-Match: {ten}", "Range: bytes=0-1"]),
            part(),
        ),
        reply_row(
            "If-Modified-Since does not hold, and a Range",
            ORDER,
            get(&[same, "Range: bytes=0-1"]),
            not_modified(),
        ),
        reply_row(
            "If-Unmodified-Since holds, and a Range",
            ORDER,
            get(&["If-Unmodified-Since: {modified}", "Range: bytes=0-1"]),
            part(),
        ),
        reply_row(
            "If-Unmodified-Since does not hold, and a Range",
            ORDER,
            get(&[unless, "Range: bytes=0-1"]),
            failed(),
        ),
        reply_row(
            "If-None-Match does not hold, and a Range beyond the end",
            RANGE_LAST,
            get(&["If-None-Match: {ten}", "Range: bytes=10-"]),
            not_modified(),
        ),
        reply_row(
            "If-Match holds, and If-Range does not",
            ORDER,
            get(&["If-Match: {ten}", "Range: bytes=0-1", "If-Range: \"x\""]),
            whole(),
        ),
        reply_row(
            "If-Match does not hold, and If-Range does",
            ORDER,
            get(&["If-Match: \"x\"", "Range: bytes=0-1", "If-Range: {ten}"]),
            failed(),
        ),
        reply_row(
            "all of them hold",
            ORDER,
            get(&[
                "If-Match: {ten}",
                "If-Unmodified-Since: {modified}",
                "If-None-Match: \"x\"",
                since,
                "Range: bytes=0-1",
                "If-Range: {ten}",
            ]),
            part(),
        ),
    ]
}

fn only_where_the_plain_answer_is_2xx() -> Vec<ReplyRow> {
    let mut rows = Vec::new();
    for line in [
        "If-Match: \"x\"",
        "If-Match: *",
        "If-None-Match: *",
        "If-None-Match: {ten}",
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
        "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT",
        "Range: bytes=0-1",
    ] {
        rows.push(reply_row(
            format!("{line} of what is not there"),
            ONLY_2XX,
            ask("GET", "/missing", &[line]),
            reply(404).without(&["etag", "content-range"]),
        ));
        rows.push(reply_row(
            format!("{line} of a redirect"),
            ONLY_2XX,
            ask("GET", "/sub", &[line]),
            reply(301).without(&["etag", "content-range"]),
        ));
        rows.push(reply_row(
            format!("{line} of a path that is refused"),
            ONLY_2XX,
            ask("GET", "/%00", &[line]),
            reply(400).without(&["etag", "content-range"]),
        ));
    }
    rows
}

#[test]
fn rows_over_a_socket() {
    check_rows(&rows());
}
