//! What a worker remembers of paths: files and directories, and where nothing was. Bounded, the least recently used go.
//!
//! In: what a look has found. Out: the same for later requests, while it is fresh.

use std::cell::{Cell, RefCell};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use lru::LruCache;
use selvedge_runtime::Moment;

use super::Answer;
use super::entry::DEMAND_PERIOD;
use super::options::{FileOptions, KEY_BYTES_MAX, PATH_BYTES};
use super::resource::Resource;
use crate::open_file::OpenFile;

/// Paths of one tree, each with what was found there.
#[derive(Debug)]
pub(super) struct Memory {
    present: RefCell<LruCache<Box<[u8]>, Known>>,
    /// What those take.
    present_bytes: Cell<usize>,
    present_bytes_max: usize,
    /// Where nothing was, and when that was seen.
    missing: RefCell<LruCache<Box<[u8]>, Moment>>,
    fresh_for: Duration,
}

#[derive(Debug)]
struct Known {
    there: There,
    checked_at: Moment,
}

/// What is at a path.
#[derive(Debug, Clone)]
enum There {
    Resource(Rc<Resource>),
    NeedsSlash,
    NeedsNoSlash,
    Directory,
}

impl There {
    fn found(&self) -> Found {
        match self {
            Self::Resource(resource) => Found::Resource(Rc::clone(resource), None),
            Self::NeedsSlash => Found::NeedsSlash,
            Self::NeedsNoSlash => Found::NeedsNoSlash,
            Self::Directory => Found::Directory,
        }
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// A file, and its descriptor if this request's own look has opened it.
    Resource(Rc<Resource>, Option<Rc<OpenFile>>),
    /// A directory named without its slash.
    NeedsSlash,
    /// A file named with a slash.
    NeedsNoSlash,
    /// A directory without an index file.
    Directory,
    /// Nothing.
    Missing,
}

impl Found {
    /// The file, and its descriptor if there is one; or what is answered where there is none.
    pub(super) fn into_resource(self) -> ControlFlow<Answer, (Rc<Resource>, Option<Rc<OpenFile>>)> {
        ControlFlow::Break(match self {
            Self::Resource(resource, opened) => return ControlFlow::Continue((resource, opened)),
            Self::NeedsSlash => Answer::NeedsSlash,
            Self::NeedsNoSlash => Answer::NeedsNoSlash,
            Self::Directory => Answer::Directory,
            Self::Missing => Answer::Missing,
        })
    }
}

impl Memory {
    pub(super) fn new(options: &FileOptions) -> Self {
        let bound = |entries| NonZero::new(entries).unwrap_or(NonZero::<usize>::MIN);
        Self {
            present: RefCell::new(LruCache::new(bound(options.entries_max))),
            present_bytes: Cell::default(),
            present_bytes_max: options.entries_bytes_max,
            missing: RefCell::new(LruCache::new(bound(options.misses_max))),
            fresh_for: options.fresh_for,
        }
    }

    /// What is known of `key` and needs no look: fresh, or found unchanged just now by `check`, which tells as of when. While a
    /// file is fresh for longer than it waits for a block, `improve` is told of it: with each look that is so anyway.
    pub(super) fn recall(
        &self,
        key: &[u8],
        now: Moment,
        check: impl FnOnce(&Resource) -> Option<Moment>,
        improve: impl FnOnce(&Resource),
    ) -> Option<Found> {
        if let Some(known) = self.present.borrow_mut().get_mut(key) {
            if now.since(known.checked_at) >= self.fresh_for {
                let There::Resource(resource) = &known.there else { return None };
                known.checked_at = check(resource)?;
            } else if self.fresh_for > DEMAND_PERIOD
                && let There::Resource(resource) = &known.there
            {
                improve(resource);
            }
            return Some(known.there.found());
        }
        let seen_at = *self.missing.borrow_mut().get(key)?;
        (now.since(seen_at) < self.fresh_for).then_some(Found::Missing)
    }

    /// Remembers what a look has found, in the place of what was known.
    pub(super) fn remember(&self, key: &[u8], found: &Found, checked_at: Moment) {
        if key.len() > KEY_BYTES_MAX {
            return;
        }
        let there = match found {
            Found::Resource(resource, _) => There::Resource(Rc::clone(resource)),
            Found::NeedsSlash => There::NeedsSlash,
            Found::NeedsNoSlash => There::NeedsNoSlash,
            Found::Directory => There::Directory,
            Found::Missing => {
                self.forget_present(key);
                self.missing.borrow_mut().put(key.into(), checked_at);
                return;
            }
        };
        self.missing.borrow_mut().pop(key);
        let known = Known { there, checked_at };
        let mut bytes = self.present_bytes.get() + bytes_of(key, &known);
        let mut present = self.present.borrow_mut();
        if let Some((key, before)) = present.push(key.into(), known) {
            bytes -= bytes_of(&key, &before);
        }
        while bytes > self.present_bytes_max
            && let Some((key, oldest)) = present.pop_lru()
        {
            bytes -= bytes_of(&key, &oldest);
        }
        self.present_bytes.set(bytes);
    }

    /// What was known of `key`, however long ago: for when a look cannot be had.
    pub(super) fn recall_stale(&self, key: &[u8]) -> Option<Found> {
        self.present.borrow().peek(key).map(|known| known.there.found())
    }

    pub(super) fn forget(&self, key: &[u8]) {
        self.forget_present(key);
        self.missing.borrow_mut().pop(key);
    }

    fn forget_present(&self, key: &[u8]) {
        if let Some(known) = self.present.borrow_mut().pop(key) {
            self.present_bytes.update(|bytes| bytes - bytes_of(key, &known));
        }
    }

    /// Forgets `resource`, and what another look has found of the same version; but not what has taken its place by now.
    pub(super) fn forget_resource(&self, key: &[u8], resource: &Resource) {
        let is_known = match self.present.borrow().peek(key).map(|known| &known.there) {
            Some(There::Resource(remembered)) => remembered.is_of_version_of(resource),
            _ => false,
        };
        if is_known {
            self.forget_present(key);
        }
    }

    /// Closes the descriptors that nobody has used since `before`.
    pub(super) fn close_idle(&self, before: Moment) {
        for (_, known) in self.present.borrow().iter() {
            if let There::Resource(resource) = &known.there {
                resource.entries().for_each(|entry| entry.close_idle(before));
            }
        }
    }

    /// Descriptors open, and paths remembered.
    pub(super) fn usage(&self) -> (usize, usize) {
        let present = self.present.borrow();
        let open_in = |there: &There| match there {
            There::Resource(resource) => resource.entries().filter(|entry| entry.is_open()).count(),
            _ => 0,
        };
        let open = present.iter().map(|(_, known)| open_in(&known.there)).sum();
        (open, present.len() + self.missing.borrow().len())
    }
}

/// What a path takes on the heap, at most: the same as long as it is remembered.
fn bytes_of(key: &[u8], known: &Known) -> usize {
    let forms = match &known.there {
        There::Resource(resource) => resource.heap_bytes(),
        _ => 0,
    };
    2 * key.len() + PATH_BYTES + forms
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::hash::BuildHasher;
    use std::process::Command;

    use selvedge_runtime::fs::{Kind, Metadata};

    use super::super::locate::{Choice, Form, LocatedFile, LocatedForm};
    use super::super::options::FORM_BYTES;
    use super::*;
    use crate::negotiation::{Coding, CodingSet};

    /// Set for a process that is to tell its hash.
    const TELLS: &str = "SELVEDGE_TEST_TELLS_HASH";

    /// A file that was changed then.
    fn resource(modified_unix_s: i64) -> Rc<Resource> {
        let metadata = Metadata {
            kind: Kind::Regular,
            size_bytes: 1,
            modified: (modified_unix_s, 0),
            changed: (modified_unix_s, 0),
            identity: (1, 1),
        };
        let form = Form { language: None, coding: Coding::Identity };
        let form = LocatedForm { form, location: c"a".to_owned(), metadata, place: None };
        let located = LocatedFile {
            name: c"a".to_owned(),
            choice: Choice::First,
            forms: vec![form],
            outdated: Vec::new(),
            directory: None,
        };
        Resource::new(located, |_| CodingSet::EMPTY, 0).0
    }

    /// Two requests may have looked side by side: what one has found out of date must not be what the other tries next.
    #[test]
    fn what_is_out_of_date_is_forgotten_whoever_has_found_it() {
        let memory = Memory::new(&FileOptions::new("."));
        let is_known = || memory.recall_stale(b"a").is_some();
        let (mine, another, newer) = (resource(1), resource(1), resource(2));
        for (found, stays) in [(&mine, false), (&another, false), (&newer, true)] {
            memory.remember(b"a", &Found::Resource(Rc::clone(found), None), Moment::default());
            memory.forget_resource(b"a", &mine);
            assert_eq!(is_known(), stays);
        }
    }

    /// However long paths are, they take no more memory than they may; the least recently used go.
    #[test]
    fn of_longer_paths_fewer_are_remembered() {
        const BYTES_MAX: usize = 100_000;
        let options =
            FileOptions { entries_max: 1_000, entries_bytes_max: BYTES_MAX, ..FileOptions::new(".") };
        for length in [4, 1_000] {
            let memory = Memory::new(&options);
            let remember = |number: usize| {
                let found = Found::Resource(resource(1), None);
                memory.remember(format!("{number:0length$}").as_bytes(), &found, Moment::default());
            };
            (0..500).for_each(remember);
            // What is there already takes the place of what was known of it.
            remember(499);
            let is_known =
                |number: &usize| memory.recall_stale(format!("{number:0length$}").as_bytes()).is_some();
            let known = (0..500).filter(is_known).count();
            let bytes_each = 2 * length + PATH_BYTES + 1 + FORM_BYTES;
            assert_eq!(known, BYTES_MAX / bytes_each, "of {length} octets");
            assert!((500 - known..500).all(|number| is_known(&number)), "of {length} octets");
            assert_eq!(memory.present_bytes.get(), known * bytes_each);
        }
    }

    /// What a path is found by in a map such as this one.
    fn hash_of<V, S: BuildHasher + Default>(_map: &LruCache<Box<[u8]>, V, S>, path: &[u8]) -> u64 {
        S::default().hash_one(path)
    }

    /// Clients choose the paths: whoever could foresee their hashes could have all of them fall on one place.
    #[test]
    fn each_process_hashes_paths_by_a_key_of_its_own() {
        let memory = Memory::new(&FileOptions::new("."));
        let hashes =
            [hash_of(&memory.present.borrow(), b"a path"), hash_of(&memory.missing.borrow(), b"a path")];
        assert_ne!(hashes[0], hashes[1], "and each map");
        if env::var_os(TELLS).is_some() {
            println!("hash: {hashes:?}");
            return;
        }
        let told = || {
            let mut child = Command::new(env::current_exe().expect("the test is a file"));
            child.args([
                "--exact",
                "--nocapture",
                "files::memory::tests::each_process_hashes_paths_by_a_key_of_its_own",
            ]);
            let output = child.env(TELLS, "1").output().expect("the test can run itself");
            let text = String::from_utf8(output.stdout).expect("it prints text");
            let hash = text.lines().find_map(|line| line.split_once("hash: "));
            hash.unwrap_or_else(|| panic!("no hash in {text}")).1.to_owned()
        };
        assert_ne!(told(), told());
    }
}
