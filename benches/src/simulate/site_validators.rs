//! By what names versions of files go: tags and dates of change, and what becomes of a request that names a version.
//!
//! In: an answer, the versions it may be of, and the tags that were said before. Out: what is wrong with its names, or with
//! a version that was sent to who has it, or not sent to who has another.

use std::time::Duration;

use selvedge_http::files::TagSource;

use super::site_answer::Answer;
use super::site_editor::START_UNIX_S;
use super::site_history::{History, Said, Version};
use super::site_oracle::{Case, Disk};
use super::site_requests::{Condition, Method};

/// A change is too recent to name a version by for so long (`validators::RECENT_S`), and a second for what both times are
/// cut by.
const RECENT_S: i64 = 3;

impl Case<'_> {
    /// What a 200 or 206 of `file`, a form of `name`, says of its version: one of `versions`.
    pub(super) fn judge_validators(
        &self,
        (name, file): (&str, &str),
        answer: &Answer<'_>,
        mut versions: Vec<Version>,
        history: &mut History,
    ) -> Result<(), String> {
        let (modified, tag) = (answer.date("last-modified")?, answer.field("etag"));
        if let Some(modified) = modified {
            versions.retain(|version| version.modified_unix_s == modified);
            if versions.is_empty() {
                return Err(format!("no such version of {file} was changed at {modified}"));
            }
        }
        // To name it by its content takes a block, or its turn at being read (`Loading::ready`, `Files::derive`).
        let has_names = modified.is_some() && (tag.is_some() || self.tags == TagSource::Content);
        if !has_names && self.is_named(file, history) {
            return Err(format!("{file} has stood still, and its version has no name"));
        }
        match &self.asked.condition {
            Condition::NoneMatch(known) if tag == Some(known) => {
                return Err("sent to who has it, by its tag".to_owned());
            }
            Condition::ModifiedSince(unix_s) if modified.is_some_and(|modified| modified <= *unix_s) => {
                return Err("sent to who has it, by its date".to_owned());
            }
            _ => {}
        }
        let Some(tag) = tag else { return Ok(()) };
        if self.disk == Disk::Works
            && let Some((before, said)) = history.latest_tag(name)
            && said.file == file
            && before != tag
            && history.changes(file, (said.since.min(self.span().0), self.now)) == 0
        {
            return Err(format!("{file} was {before}, has not changed since, and is {tag}"));
        }
        // Which of the versions it is tells the whole content alone.
        let is_whole = answer.status == 200 && self.asked.method == Method::Get;
        let content = is_whole.then_some(&versions[0].content);
        match (history.of_tag(name, tag), content) {
            (Some(said), _) if !versions.iter().any(|version| version.content == said.content) => {
                Err(format!("the tag {tag} is another version's"))
            }
            (_, Some(content)) => {
                let said = Said { file: file.to_owned(), content: content.clone(), since: self.span().0 };
                history.note_tag(name, tag, said)
            }
            _ => Ok(()),
        }
    }

    /// A 304: the client has what it would be sent.
    pub(super) fn judge_not_modified(
        &self,
        name: &str,
        answer: &Answer<'_>,
        history: &History,
    ) -> Result<(), String> {
        let is_right = match &self.asked.condition {
            Condition::None => false,
            Condition::NoneMatch(tag) => {
                let said = history.of_tag(name, tag).ok_or("304 to a tag that nobody has said")?;
                // It has the tag that a 200 would have (RFC 9110 section 15.4.5).
                answer.field("etag") == Some(tag)
                    && self.forms(name).any(|file| file == said.file)
                    && history
                        .versions(&said.file, self.span())
                        .any(|version| version.content == said.content)
            }
            Condition::ModifiedSince(unix_s) => {
                let was_before = |version: &Version| version.modified_unix_s <= *unix_s;
                self.forms(name).any(|file| history.versions(&file, self.span()).any(was_before))
            }
        };
        if is_right { Ok(()) } else { Err("it had been modified".to_owned()) }
    }

    /// Whether a file has only one version to be answered with, which was changed long enough ago to be named by then.
    fn is_named(&self, file: &str, history: &History) -> bool {
        let (since, _) = self.span();
        let is_settled =
            |version: &Version| version.modified_unix_s + RECENT_S < START_UNIX_S + since.as_secs() as i64;
        self.disk == Disk::Works
            && since > Duration::ZERO
            && history.changes(file, self.span()) == 0
            && history.versions(file, self.span()).all(is_settled)
    }
}
