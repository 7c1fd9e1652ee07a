//! What an answer about a file may be: one version that was there while it was asked for and answered, and nothing else.
//!
//! In: a request, its answer, the site's past. Out: what is wrong with it. Next: `site_validators` (by what names).

use std::time::Duration;

use selvedge_http::files::TagSource;

use super::expected::judge_words;
use super::site_answer::Answer;
use super::site_editor::START_UNIX_S;
use super::site_history::{History, State, Version};
use super::site_requests::{Asked, Codings, Method, Subject};

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

/// A request, when its answer was read, on what disk it was made, and by what versions are named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) asked: &'a Asked,
    pub(super) now: Duration,
    pub(super) disk: Disk,
    pub(super) tags: TagSource,
}

impl Case<'_> {
    /// A whole answer.
    ///
    /// # Errors
    /// Why it is not right.
    pub(super) fn judge(&self, answer: &Answer<'_>, history: &mut History) -> Result<(), String> {
        let judged = self.judge_date(answer).and_then(|()| self.judge_status(answer, history));
        judged.map_err(|wrong| {
            let Self { asked, now, .. } = self;
            let Answer { status, head, body, .. } = answer;
            format!(
                "{wrong}\n  asked: {asked:?}\n  answer: {status}, {} octets at {now:?}: {head:?}",
                body.len()
            )
        })
    }

    /// An answer that the connection's end has cut: what has come of it, the head perhaps not even whole.
    ///
    /// # Errors
    /// Why it should have come whole.
    pub(super) fn judge_cut(&self, received: &[u8], history: &History) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}\n  asked: {:?}\n  at {:?}", self.asked, self.now));
        let answer = Answer::read(received, self.asked.method)?;
        let has_changed = |file: &str| history.changes(file, self.span()) > 0;
        match (self.asked.subject, self.asked.method, answer) {
            _ if self.disk == Disk::Fails => Ok(()),
            (Subject::File(name), Method::Get, Some(answer))
                if has_changed(&self.file_of(name, &answer)?) =>
            {
                Ok(())
            }
            (Subject::File(_), Method::Get, Some(_)) => wrong("cut though the file has not changed"),
            // The head of a file that has changed since may not have left yet.
            (Subject::File(name), Method::Get, None) if self.forms(name).any(|file| has_changed(&file)) => {
                Ok(())
            }
            _ => wrong("cut, and not within a file"),
        }
    }

    /// What has come of an answer that is not whole, for whatever reason.
    ///
    /// # Errors
    /// What is wrong with its beginning.
    pub(super) fn judge_beginning(&self, received: &[u8], history: &History) -> Result<(), String> {
        let (Subject::File(name), Some(answer)) =
            (self.asked.subject, Answer::read(received, self.asked.method)?)
        else {
            return Ok(());
        };
        let file = self.file_of(name, &answer)?;
        let (start, size) = match answer.status {
            200 => (0, answer.content_length),
            206 => self.part_of(&answer).map(|(start, _, size)| (start, size))?,
            _ => return Ok(()),
        };
        let rest = |version: &Version| version.content.get(start..).map(<[u8]>::to_vec).unwrap_or_default();
        let versions = history.versions(&file, self.span());
        let versions: Vec<_> = versions.map(|version| (version.content.len(), rest(version))).collect();
        let was_so_long = versions.iter().any(|(length, _)| *length == size);
        let is_beginning =
            versions.iter().any(|(length, rest)| *length == size && rest.starts_with(answer.body));
        // Who is sent a file that somebody writes into gets some of the new.
        let is_mixed = || {
            let is_of_some = |(at, octet)| versions.iter().any(|(_, rest)| rest.get(at) == Some(octet));
            history.was_written_into(&file, self.span()) && answer.body.iter().enumerate().all(is_of_some)
        };
        match was_so_long && (is_beginning || is_mixed()) || history.has_unseen(&file, self.span()) {
            true => Ok(()),
            false => Err(format!(
                "cut, and its beginning is no version's\n  asked: {:?}\n  at {:?}",
                self.asked, self.now
            )),
        }
    }

    /// It was made between the request and now; a ready one has its second written anew where it stands.
    fn judge_date(&self, answer: &Answer<'_>) -> Result<(), String> {
        let date = answer.date("date")?.ok_or("no Date")? - START_UNIX_S;
        match (self.asked.at.as_secs() as i64..=self.now.as_secs() as i64).contains(&date) {
            true => Ok(()),
            false => Err(format!("made in second {date}")),
        }
    }

    fn judge_status(&self, answer: &Answer<'_>, history: &mut History) -> Result<(), String> {
        let (asked, span) = (self.asked, self.span());
        let had =
            |history: &History, name: &str, state: fn(&State) -> bool| history.states(name, span).any(state);
        // A 416 and a redirect have no content.
        if answer.status >= 400 && answer.status != 416 && asked.method == Method::Get {
            judge_words(answer.status, answer.body)?;
        }
        let is_right = match (answer.status, asked.subject) {
            (500, Subject::File(name)) => {
                self.disk == Disk::Fails || self.has_never_stood_still(name, history)
            }
            (403 | 500 | 503, _) if self.disk == Disk::Fails => true,
            (200 | 206, Subject::File(name)) => return self.judge_content(name, answer, history),
            (304, Subject::File(name)) => return self.judge_not_modified(name, answer, history),
            (416, Subject::File(name)) if asked.method == Method::Get => {
                let Some((start, _)) = asked.range else { return Err("416 without a range".to_owned()) };
                let size = answer.field("content-range").and_then(|range| range.strip_prefix("bytes */"));
                let size = size.and_then(|size| size.parse().ok()).ok_or("416 without a size")?;
                // It is not said of which form.
                let was_so_long = |version: &Version| version.content.len() == size;
                let may_be = |file: String| {
                    history.versions(&file, span).any(was_so_long) || history.has_unseen(&file, span)
                };
                start >= size && self.forms(name).any(may_be)
            }
            (403, Subject::File(name)) => had(history, name, |state| matches!(state, State::Forbidden(_))),
            (404, Subject::File(name) | Subject::Slashed(name)) => {
                had(history, name, |state| !state.is_there())
            }
            (301, Subject::Slashed(name)) => {
                answer.field("location") == Some(&*format!("/{name}")) && had(history, name, State::is_there)
            }
            (301, Subject::Redirect(location)) => answer.field("location") == Some(location),
            (404, Subject::Missing) | (400, Subject::Above) => true,
            _ => false,
        };
        if is_right { Ok(()) } else { Err("it was never so".to_owned()) }
    }

    /// Whether every look may have met a change. Only the first meets one from before the request.
    fn has_never_stood_still(&self, name: &str, history: &History) -> bool {
        let since = (self.asked.at, self.now);
        self.forms(name).map(|file| history.changes(&file, since)).sum::<usize>() >= LOOKS_MAX - 1
    }

    /// From when to when a version may have been there that answers the request.
    pub(super) fn span(&self) -> (Duration, Duration) {
        match self.disk {
            Disk::Works => (self.asked.at.saturating_sub(FRESH), self.now),
            Disk::Fails => (Duration::ZERO, self.now),
        }
    }

    /// The file itself, and those of its compressed forms that the client takes.
    pub(super) fn forms(&self, name: &str) -> impl Iterator<Item = String> + use<> {
        let endings: &[&str] = match self.asked.codings {
            Codings::Identity => &[""],
            Codings::Compressed => &["", ".br", ".gz"],
        };
        let name = name.to_owned();
        endings.iter().map(move |ending| format!("{name}{ending}"))
    }

    /// The file that an answer is made of: the one asked for, or a compressed form of it.
    fn file_of(&self, name: &str, answer: &Answer<'_>) -> Result<String, String> {
        match (answer.field("content-encoding"), self.asked.codings) {
            (None, _) => Ok(name.to_owned()),
            (Some("br"), Codings::Compressed) => Ok(format!("{name}.br")),
            (Some("gzip"), Codings::Compressed) => Ok(format!("{name}.gz")),
            (Some(other), _) => Err(format!("a coding that nobody asked for: {other}")),
        }
    }

    fn judge_content(&self, name: &str, answer: &Answer<'_>, history: &mut History) -> Result<(), String> {
        let asked = self.asked;
        let file = self.file_of(name, answer)?;
        let part = match answer.status {
            206 => Some(self.part_of(answer)?),
            // An empty file has no parts (`range::evaluate`).
            _ if asked.range.is_some() && asked.method == Method::Get && answer.content_length > 0 => {
                return Err("all of it, and a part was asked for".to_owned());
            }
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
        let versions = history.versions(&file, self.span()).filter(agrees);
        let versions: Vec<Version> = versions.cloned().collect();
        if versions.is_empty() {
            return match history.has_unseen(&file, self.span()) {
                true => Ok(()),
                false => Err(format!("no version of {file} was so")),
            };
        }
        self.judge_validators((name, &file), answer, versions, history)
    }

    /// First and last octet, and the size of the whole, as a 206 says them. Only a GET gets one (RFC 9110 section 14.2).
    fn part_of(&self, answer: &Answer<'_>) -> Result<(usize, usize, usize), String> {
        let Some((start, end)) = self.asked.range.filter(|_| self.asked.method == Method::Get) else {
            return Err("206 without a range".to_owned());
        };
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
}

#[cfg(test)]
mod tests;
