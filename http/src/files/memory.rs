//! What a worker remembers of paths: files and directories, and where nothing was. Bounded, the least recently used go.
//!
//! In: what a look has found. Out: the same for later requests, while it is fresh.

use std::cell::RefCell;
use std::num::NonZero;
use std::rc::Rc;
use std::time::Duration;

use lru::LruCache;
use selvedge_runtime::Moment;

use super::entry::Entry;
use super::options::{FileOptions, KEY_BYTES_MAX};
use super::shares::{Scarce, Shares};
use crate::response::OpenFile;

/// Paths, each with what was found there.
#[derive(Debug)]
pub(super) struct Memory {
    present: RefCell<LruCache<Box<[u8]>, Known>>,
    /// Where nothing was, and when that was seen.
    missing: RefCell<LruCache<Box<[u8]>, Moment>>,
    pub(super) shares: Rc<Shares>,
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
    File(Rc<Entry>),
    NeedsSlash,
}

impl There {
    fn found(&self) -> Found {
        match self {
            Self::File(entry) => Found::File(Rc::clone(entry), None),
            Self::NeedsSlash => Found::NeedsSlash,
        }
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// A file, and its descriptor if this request's own look has opened it.
    File(Rc<Entry>, Option<Rc<OpenFile>>),
    /// A directory named without its slash.
    NeedsSlash,
    /// Nothing.
    Missing,
}

impl Memory {
    pub(super) fn new(options: &FileOptions) -> Self {
        let bound = |entries| NonZero::new(entries).unwrap_or(NonZero::<usize>::MIN);
        Self {
            present: RefCell::new(LruCache::new(bound(options.entries_max))),
            missing: RefCell::new(LruCache::new(bound(options.misses_max))),
            shares: Shares::new(options),
            fresh_for: options.fresh_for,
        }
    }

    /// What is known of `key` and needs no look: fresh, or found unchanged just now by `check`, which tells as of when.
    pub(super) fn recall(
        &self,
        key: &[u8],
        now: Moment,
        check: impl FnOnce(&Entry) -> Option<Moment>,
    ) -> Option<Found> {
        if let Some(known) = self.present.borrow_mut().get_mut(key) {
            if now.since(known.checked_at) >= self.fresh_for {
                let There::File(entry) = &known.there else { return None };
                known.checked_at = check(entry)?;
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
            Found::File(entry, _) => There::File(Rc::clone(entry)),
            Found::NeedsSlash => There::NeedsSlash,
            Found::Missing => {
                self.present.borrow_mut().pop(key);
                self.missing.borrow_mut().put(key.into(), checked_at);
                return;
            }
        };
        self.missing.borrow_mut().pop(key);
        self.present.borrow_mut().put(key.into(), Known { there, checked_at });
    }

    /// What was known of `key`, however long ago: for when a look cannot be had.
    pub(super) fn recall_stale(&self, key: &[u8]) -> Option<Found> {
        self.present.borrow().peek(key).map(|known| known.there.found())
    }

    pub(super) fn forget(&self, key: &[u8]) {
        self.present.borrow_mut().pop(key);
        self.missing.borrow_mut().pop(key);
    }

    /// Forgets `entry`, unless another one is remembered in its place by now.
    pub(super) fn forget_entry(&self, key: &[u8], entry: &Rc<Entry>) {
        let mut present = self.present.borrow_mut();
        if let Some(There::File(remembered)) = present.peek(key).map(|known| &known.there)
            && Rc::ptr_eq(remembered, entry)
        {
            present.pop(key);
        }
    }

    /// Makes the least recently used answer in such a block go, or closes the least recently used descriptor that nobody
    /// sends from; false if there is none.
    pub(super) fn make_room(&self, scarce: Scarce) -> bool {
        let mut present = self.present.borrow_mut();
        let oldest = present.iter().rev().find_map(|(key, known)| match &known.there {
            There::File(entry) if entry.holds() == Some(scarce) => Some((key.clone(), Rc::clone(entry))),
            _ => None,
        });
        match oldest {
            None => false,
            Some((_, entry)) if scarce == Scarce::Descriptor => {
                entry.close();
                true
            }
            Some((key, _)) => present.pop(&key).is_some(),
        }
    }

    /// Closes the descriptors that nobody has used since `before`.
    pub(super) fn close_idle(&self, before: Moment) {
        for (_, known) in self.present.borrow().iter() {
            if let There::File(entry) = &known.there {
                entry.close_idle(before);
            }
        }
    }

    /// Descriptors open, and paths remembered.
    pub(super) fn usage(&self) -> (usize, usize) {
        let present = self.present.borrow();
        let is_open = |there: &There| matches!(there, There::File(entry) if entry.is_open());
        let open = present.iter().filter(|(_, known)| is_open(&known.there)).count();
        (open, present.len() + self.missing.borrow().len())
    }
}
