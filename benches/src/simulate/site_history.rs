//! What was at each path of the site, and when: what an answer is held against.
//!
//! In: what is there after each edit. Out: the states that a path had in a span of time.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// What was at a path for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Nothing,
    /// Nothing, since the file has gone to another place: who has opened it before reads this of it.
    Away(Version),
    /// A file that the server may not read, unless it has opened it before.
    Forbidden(Version),
    File(Version),
}

impl State {
    /// Whether a look finds something.
    pub(super) fn is_there(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::File(_))
    }
}

/// A file's content, and when it was changed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) content: Rc<[u8]>,
    pub(super) modified_unix_s: i64,
}

/// How a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Who has opened it before reads what was there, or less of it.
    Apart,
    /// It was written into, so that who reads it sees some of both.
    InPlace,
    /// Several times at once: what was there between them was seen by nobody but the server.
    Unseen,
}

#[derive(Debug)]
struct Period {
    from: Duration,
    state: State,
    manner: Manner,
}

/// What a tag was said of.
#[derive(Debug)]
pub(super) struct Said {
    /// The file that the answer came from.
    pub(super) file: String,
    pub(super) content: Rc<[u8]>,
    /// The version was there then, or came later.
    pub(super) since: Duration,
}

/// The past of every path.
#[derive(Debug, Default)]
pub(super) struct History {
    paths: BTreeMap<String, Vec<Period>>,
    /// What each entity tag of a resource was said of last.
    tags: BTreeMap<(String, String), Said>,
    latest_tags: BTreeMap<String, String>,
}

impl History {
    /// From now on it is so. An edit that leaves the content as it was is one too: its times tell.
    pub(super) fn note(&mut self, path: &str, from: Duration, state: State, manner: Manner) {
        self.paths.entry(path.to_owned()).or_default().push(Period { from, state, manner });
    }

    pub(super) fn now(&self, path: &str) -> &State {
        self.paths.get(path).and_then(|periods| periods.last()).map_or(&State::Nothing, |last| &last.state)
    }

    /// The states a path had from one time to another, both included.
    pub(super) fn states(&self, path: &str, span: (Duration, Duration)) -> impl Iterator<Item = &State> {
        self.periods(path, span).map(|period| &period.state)
    }

    /// What could be read: also of a forbidden file or one that has gone, where it could be opened at some other time of the span.
    pub(super) fn versions(&self, path: &str, span: (Duration, Duration)) -> impl Iterator<Item = &Version> {
        let could_be_opened = self.states(path, span).any(|state| matches!(state, State::File(_)));
        self.states(path, span).filter_map(move |state| match state {
            State::File(version) => Some(version),
            State::Forbidden(version) | State::Away(version) => could_be_opened.then_some(version),
            State::Nothing => None,
        })
    }

    /// How often it was edited.
    pub(super) fn changes(&self, path: &str, span: (Duration, Duration)) -> usize {
        self.periods(path, span).filter(|period| period.from >= span.0).count()
    }

    /// Whether somebody has written into it.
    pub(super) fn was_written_into(&self, path: &str, span: (Duration, Duration)) -> bool {
        self.periods(path, span).any(|period| period.manner == Manner::InPlace)
    }

    /// Whether there were versions that nobody knows of.
    pub(super) fn has_unseen(&self, path: &str, span: (Duration, Duration)) -> bool {
        self.periods(path, span).any(|period| period.manner == Manner::Unseen)
    }

    fn periods(&self, path: &str, (since, until): (Duration, Duration)) -> impl Iterator<Item = &Period> {
        let periods = self.paths.get(path).map_or(&[][..], Vec::as_slice);
        let first = periods.partition_point(|period| period.from < since).saturating_sub(1);
        periods[first..].iter().take_while(move |period| period.from <= until)
    }

    /// An answer said this tag of this content; a strong tag is never said of another (RFC 9110 section 8.8.1).
    ///
    /// # Errors
    /// When it was.
    pub(super) fn note_tag(&mut self, resource: &str, tag: &str, said: Said) -> Result<(), String> {
        if self.of_tag(resource, tag).is_some_and(|before| before.content != said.content) {
            return Err(format!("the tag {tag} of {resource} was said of another content before"));
        }
        self.latest_tags.insert(resource.to_owned(), tag.to_owned());
        self.tags.insert((resource.to_owned(), tag.to_owned()), said);
        Ok(())
    }

    /// What a tag was said of last.
    pub(super) fn of_tag(&self, resource: &str, tag: &str) -> Option<&Said> {
        self.tags.get(&(resource.to_owned(), tag.to_owned()))
    }

    /// The tag that was said of a resource last, and of what.
    pub(super) fn latest_tag(&self, resource: &str) -> Option<(&str, &Said)> {
        let tag = self.latest_tags.get(resource)?;
        Some((tag, self.of_tag(resource, tag)?))
    }
}
