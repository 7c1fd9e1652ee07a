//! What an answer about a file may be: one version that was there while it was asked for and answered, and nothing else.
//!
//! In: a request, its answer, the site's past. Out: what is wrong with it.

use std::rc::Rc;
use std::time::Duration;

use super::site_history::{History, State, Version};
use super::site_requests::{Asked, Codings, Condition, Method, Subject};

/// What was found is good for so long (`FileOptions::fresh_for`), and a turn later at most.
const FRESH: Duration = Duration::from_millis(1_100);
/// Looks at a file that changes all the time, before that is said (`files::LOOKS_MAX`).
const LOOKS_MAX: usize = 3;

/// What the machine may do to files in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    /// It is slow, and others write to it.
    Works,
    /// It also fails to read, and descriptors run out: then there are 403, 500 and 503 at any time, and answers from memory
    /// however old.
    Fails,
}

/// The head of an answer, and its body as far as it has come.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    head: &'a str,
    pub(super) content_length: usize,
    pub(super) body: &'a [u8],
    /// Octets of it in all, when it is whole.
    pub(super) length: usize,
}

impl<'a> Answer<'a> {
    /// The answer at the front of what was received; `None` while its head is not whole. Its body may still be under way.
    ///
    /// # Errors
    /// What no server may send.
    pub(super) fn read(received: &'a [u8], method: Method) -> Result<Option<Self>, String> {
        let Some(head_length) = received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
        else {
            let beginning = &received[..received.len().min(9)];
            return match b"HTTP/1.1 ".starts_with(beginning) {
                true => Ok(None),
                false => Err(format!("an answer begins with {:?}", String::from_utf8_lossy(beginning))),
            };
        };
        let head = std::str::from_utf8(&received[..head_length]).map_err(|_| "a head that is no text")?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let mut answer = Self {
            status: status.ok_or_else(|| format!("a status line in {head:?}"))?,
            head,
            content_length: 0,
            body: &[],
            length: head_length,
        };
        if answer.status != 304 {
            let length = answer.field("content-length").ok_or_else(|| format!("no length in {head:?}"))?;
            answer.content_length = length.parse().map_err(|_| format!("a length {length:?}"))?;
            if method == Method::Get {
                answer.length += answer.content_length;
            }
        }
        answer.body = &received[head_length..received.len().min(answer.length)];
        Ok(Some(answer))
    }

    pub(super) fn is_whole(&self, received: &[u8]) -> bool {
        received.len() >= self.length
    }

    pub(super) fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn field(&self, name: &str) -> Option<&'a str> {
        self.head.split("\r\n").find_map(|line| {
            let (there, value) = line.split_once(':')?;
            there.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A whole answer.
///
/// # Errors
/// Why it is not right.
pub(super) fn judge(
    asked: &Asked,
    answer: &Answer<'_>,
    history: &mut History,
    now: Duration,
    disk: Disk,
) -> Result<(), String> {
    judge_status(asked, answer, history, now, disk).map_err(|wrong| {
        let Answer { status, head, body, .. } = answer;
        format!("{wrong}\n  asked: {asked:?}\n  answer: {status}, {} octets at {now:?}: {head:?}", body.len())
    })
}

fn judge_status(
    asked: &Asked,
    answer: &Answer<'_>,
    history: &mut History,
    now: Duration,
    disk: Disk,
) -> Result<(), String> {
    let span = span(asked, now, disk);
    let had =
        |history: &History, name: &str, state: fn(&State) -> bool| history.states(name, span).any(state);
    let is_right = match (answer.status, asked.subject) {
        (500, Subject::File(name)) => disk == Disk::Fails || history.changes(name, span) >= LOOKS_MAX,
        (403 | 500 | 503, _) if disk == Disk::Fails => true,
        (200 | 206, Subject::File(name)) => return judge_content(asked, name, answer, history, now, disk),
        (304, Subject::File(name)) => return judge_not_modified(asked, name, answer, history, span),
        (416, Subject::File(name)) => {
            let Some((start, _)) = asked.range else { return Err("416 without a range".to_owned()) };
            let size = answer.field("content-range").and_then(|range| range.strip_prefix("bytes */"));
            let size = size.and_then(|size| size.parse().ok()).ok_or("416 without a size")?;
            // It is not said of which form.
            let was_so_long = |version: &Version| version.content.len() == size;
            start >= size && forms(name).iter().any(|file| history.versions(file, span).any(was_so_long))
        }
        (403, Subject::File(name)) => had(history, name, |state| matches!(state, State::Forbidden(_))),
        (404, Subject::File(name) | Subject::Slashed(name)) => had(history, name, |state| !state.is_there()),
        (301, Subject::Slashed(name)) => {
            answer.field("location") == Some(&*format!("/{name}")) && had(history, name, State::is_there)
        }
        (301, Subject::Redirect(location)) => answer.field("location") == Some(location),
        (404, Subject::Missing) | (400, Subject::Above) => true,
        _ => false,
    };
    if is_right { Ok(()) } else { Err("it was never so".to_owned()) }
}

/// From when to when a version may have been there that answers the request.
fn span(asked: &Asked, now: Duration, disk: Disk) -> (Duration, Duration) {
    match disk {
        Disk::Works => (asked.at.saturating_sub(FRESH), now),
        Disk::Fails => (Duration::ZERO, now),
    }
}

/// The file itself, and its compressed forms.
fn forms(name: &str) -> [String; 3] {
    [name.to_owned(), format!("{name}.br"), format!("{name}.gz")]
}

/// The file that an answer is made of: the one asked for, or a compressed form of it.
fn file_of(asked: &Asked, name: &str, answer: &Answer<'_>) -> Result<String, String> {
    match (answer.field("content-encoding"), asked.codings) {
        (None, _) => Ok(name.to_owned()),
        (Some("br"), Codings::Compressed) => Ok(format!("{name}.br")),
        (Some("gzip"), Codings::Compressed) => Ok(format!("{name}.gz")),
        (Some(other), _) => Err(format!("a coding that nobody asked for: {other}")),
    }
}

fn judge_content(
    asked: &Asked,
    name: &str,
    answer: &Answer<'_>,
    history: &mut History,
    now: Duration,
    disk: Disk,
) -> Result<(), String> {
    let file = file_of(asked, name, answer)?;
    let part = match answer.status {
        206 => Some(part_of(asked, answer)?),
        _ => None,
    };
    let agrees = |version: &&Version| {
        let whole = &version.content;
        match part {
            Some((start, end, size)) => {
                whole.len() == size && whole.get(start..=end).is_some_and(|octets| octets == answer.body)
            }
            None if asked.method == Method::Head => whole.len() == answer.content_length,
            None => **whole == *answer.body,
        }
    };
    let versions = history.versions(&file, span(asked, now, disk)).filter(agrees);
    let mut versions: Vec<Version> = versions.cloned().collect();
    if versions.is_empty() {
        return Err(format!("no version of {file} was so"));
    }
    if let Some(modified) = answer.field("last-modified") {
        let modified = httpdate::parse_http_date(modified).map_err(|_| format!("a date {modified:?}"))?;
        let modified = modified.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        versions.retain(|version| version.modified_unix_s == modified as i64);
        if versions.is_empty() {
            return Err(format!("no such version of {file} was changed at {modified}"));
        }
    }
    let Some(tag) = answer.field("etag") else { return Ok(()) };
    let known: Option<Rc<[u8]>> = history.of_tag(name, tag).map(|(_, content)| Rc::clone(content));
    match known {
        Some(content) if !versions.iter().any(|version| version.content == content) => {
            Err(format!("the tag {tag} is another version's"))
        }
        None if part.is_none() && asked.method == Method::Get => {
            history.note_tag(name, tag, &file, &versions[0].content)
        }
        _ => Ok(()),
    }
}

/// First and last octet, and the size of the whole, as a 206 says them.
fn part_of(asked: &Asked, answer: &Answer<'_>) -> Result<(usize, usize, usize), String> {
    let Some((start, end)) = asked.range else { return Err("206 without a range".to_owned()) };
    let said = answer.field("content-range").ok_or("206 without a Content-Range")?;
    let parse = || {
        let (range, size) = said.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?, size.parse::<usize>().ok()?))
    };
    let (first, last, size) = parse().ok_or_else(|| format!("a range {said:?}"))?;
    let wanted = end.unwrap_or(usize::MAX).min(size.saturating_sub(1));
    match (first, last) == (start, wanted) {
        true => Ok((first, last, size)),
        false => Err(format!("{said:?} was not asked for")),
    }
}

fn judge_not_modified(
    asked: &Asked,
    name: &str,
    answer: &Answer<'_>,
    history: &History,
    span: (Duration, Duration),
) -> Result<(), String> {
    let is_right = match &asked.condition {
        Condition::None => false,
        Condition::NoneMatch(tag) => {
            let (file, content) = history.of_tag(name, tag).ok_or("304 to a tag that nobody has said")?;
            answer.field("etag").is_none_or(|said| said == tag)
                && history.versions(file, span).any(|version| version.content == *content)
        }
        Condition::ModifiedSince(unix_s) => {
            let was_before = |version: &Version| version.modified_unix_s <= *unix_s;
            forms(name).iter().any(|file| history.versions(file, span).any(was_before))
        }
    };
    if is_right { Ok(()) } else { Err("it had been modified".to_owned()) }
}

/// An answer that the connection's end has cut: what has come of it, the head perhaps not even whole.
///
/// # Errors
/// Why it should have come whole, or what is wrong with its beginning.
pub(super) fn judge_cut(
    asked: &Asked,
    received: &[u8],
    history: &History,
    now: Duration,
    disk: Disk,
) -> Result<(), String> {
    let span = span(asked, now, disk);
    let wrong = |what: &str| Err(format!("{what}\n  asked: {asked:?}\n  at {now:?}"));
    let answer = Answer::read(received, asked.method)?;
    let (Subject::File(name), Some(answer)) = (asked.subject, answer) else {
        // The head of a file that has changed since may not have left yet.
        let has_changed = match asked.subject {
            Subject::File(name) => forms(name).iter().any(|file| history.changes(file, span) > 0),
            _ => false,
        };
        return if disk == Disk::Fails || has_changed { Ok(()) } else { wrong("cut, and not within a file") };
    };
    let file = file_of(asked, name, &answer)?;
    if disk == Disk::Works && history.changes(&file, span) == 0 {
        return wrong("cut though the file has not changed");
    }
    // Who is sent a file that somebody writes into gets some of the new.
    if history.was_written_into(&file, span) || !matches!(answer.status, 200 | 206) {
        return Ok(());
    }
    let (start, size) = match answer.status {
        206 => part_of(asked, &answer).map(|(start, _, size)| (start, size))?,
        _ => (0, answer.content_length),
    };
    let begins = |version: &Version| {
        version.content.len() == size
            && version.content.get(start..).is_some_and(|rest| rest.starts_with(answer.body))
    };
    match history.versions(&file, span).any(begins) {
        true => Ok(()),
        false => wrong("cut, and its beginning is no version's"),
    }
}
