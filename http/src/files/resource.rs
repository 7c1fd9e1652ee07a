//! What is at a path: a file in one form or several, of which each request gets the one it likes best.
//!
//! In: a look's findings, and a request. Out: the form to answer with. Next: [`super::entry`].

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::rc::Rc;

use selvedge_runtime::fs::{File, Metadata};

use super::entry::Entry;
use super::locate::{Choice, DirectoryVersion, Form, LocatedFile};
use super::options::{FORM_BYTES, LANGUAGES_MAX};
use super::shares::Demand;
use crate::h1::{Field, KnownField, RequestHead};
use crate::negotiation::{Acceptable, Coding, CodingSet, LanguagePriorities};
use crate::validators::ChangeTime;

/// A file in all its forms.
#[derive(Debug)]
pub(super) struct Resource {
    /// Relative to the root; what its forms are named after.
    pub(super) name: CString,
    pub(super) choice: Choice,
    /// At least one.
    pub(super) forms: Box<[Representation]>,
    /// Siblings that are not used, as long as they stay as they are.
    pub(super) outdated: Box<[(CString, Metadata)]>,
    /// The directory in which further forms were looked for.
    directory: Option<DirectoryVersion>,
    /// Whether the directory may change again without its time of change telling.
    directory_change: ChangeTime,
}

/// One form of a file.
#[derive(Debug)]
pub(super) struct Representation {
    pub(super) form: Form,
    /// Relative to the root.
    pub(super) location: Rc<CStr>,
    pub(super) metadata: Metadata,
    pub(super) origin: Origin,
    /// As loaded for the first request that wanted it.
    entry: RefCell<Option<Rc<Entry>>>,
    demand: Cell<Demand>,
}

/// Where a form comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file of its own.
    File,
    /// The server compresses the file as it is.
    Compressed,
}

/// What a request is to be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    /// The form at this place.
    Form(usize),
    /// Nothing of what there is: 406.
    NotAcceptable,
    /// The file exists in codings alone, and the client takes none of them: 404.
    NotInCoding,
}

impl Resource {
    /// Of what was found, and the place of its first form, to be loaded at once.
    /// Those `compressed` that a file of its size has no sibling for are added.
    pub(super) fn new(
        located: LocatedFile,
        compressed: impl Fn(&Metadata) -> CodingSet,
        now_unix_s: u64,
    ) -> (Rc<Self>, Option<File>) {
        let mut first_place = None;
        let forms = located.forms.into_iter().map(|found| {
            first_place = first_place.take().or(found.place);
            Representation {
                form: found.form,
                location: found.location.into(),
                metadata: found.metadata,
                origin: Origin::File,
                entry: RefCell::default(),
                demand: Cell::default(),
            }
        });
        let mut forms: Vec<Representation> = forms.collect();
        for number in 0..forms.len() {
            let plain = &forms[number];
            if plain.form.coding != Coding::Identity {
                continue;
            }
            let there = |coding| {
                let form = Form { coding, ..plain.form };
                forms.iter().any(|other| other.form == form)
            };
            let missing = compressed(&plain.metadata).iter().filter(|&coding| !there(coding));
            let added = missing.map(|coding| Representation {
                form: Form { coding, ..plain.form },
                location: Rc::clone(&plain.location),
                metadata: plain.metadata,
                origin: Origin::Compressed,
                entry: RefCell::default(),
                demand: Cell::default(),
            });
            let added: Vec<_> = added.collect();
            forms.extend(added);
        }
        let directory_change = located
            .directory
            .as_ref()
            .map_or(ChangeTime::Settled, |directory| ChangeTime::judge(directory.modified.0, now_unix_s));
        let resource = Self {
            name: located.name,
            choice: located.choice,
            forms: forms.into(),
            outdated: located.outdated.into(),
            directory: located.directory,
            directory_change,
        };
        (Rc::new(resource), first_place)
    }

    /// Whether requests may get different forms.
    pub(super) fn varies(&self) -> Varies {
        let mut varies = Varies { by_coding: false, by_language: false };
        for representation in &self.forms {
            varies.by_coding |= representation.form.coding != Coding::Identity;
            varies.by_language |= representation.form.language.is_some();
        }
        varies
    }

    /// The form that the request wants most: by language, then by coding.
    #[inline]
    pub(super) fn choose(&self, head: &RequestHead, bytes: &[u8], tags: &[String]) -> Chosen {
        if let [only] = &*self.forms
            && only.form.coding == Coding::Identity
            && !has_weights(head, bytes)
        {
            return Chosen::Form(0);
        }
        let language = self.choose_language(head, bytes, tags);
        let available: CodingSet = self.in_language(language).map(|(_, form)| form.coding).collect();
        match Acceptable::of_request(head, bytes).choose(available) {
            Some(coding) => {
                let place = self.in_language(language).find(|(_, form)| form.coding == coding);
                Chosen::Form(place.expect("it was chosen among these").0)
            }
            None if available.contains(Coding::Identity) => Chosen::NotAcceptable,
            None => Chosen::NotInCoding,
        }
    }

    fn choose_language(&self, head: &RequestHead, bytes: &[u8], tags: &[String]) -> Option<u8> {
        if tags.is_empty() {
            return None;
        }
        let is_there = |number: u8| self.in_language(Some(number)).next().is_some();
        // What is not there has an empty tag, which no range matches.
        let mut available = [&b""[..]; LANGUAGES_MAX];
        for (number, tag) in tags.iter().enumerate().filter(|&(number, _)| is_there(number as u8)) {
            available[number] = tag.as_bytes();
        }
        match LanguagePriorities::of_request(head, bytes).choose(&available) {
            Some(place) => Some(place as u8),
            None if self.in_language(None).next().is_some() => None,
            None => (0..tags.len() as u8).find(|&number| is_there(number)),
        }
    }

    fn in_language(&self, language: Option<u8>) -> impl Iterator<Item = (usize, Form)> {
        let forms = self.forms.iter().map(|representation| representation.form).enumerate();
        forms.filter(move |(_, form)| form.language == language)
    }

    /// Whether all of it is still as it was found, as far as `stat` can tell without the disk. Answers that `is_makeshift`
    /// are then made anew.
    pub(super) fn is_unchanged(
        &self,
        mut stat: impl FnMut(&CStr) -> Option<Metadata>,
        is_makeshift: impl Fn(&Entry, Demand) -> bool,
    ) -> bool {
        if self.choice == Choice::Later || self.directory_change == ChangeTime::Recent {
            return false;
        }
        let files = self.forms.iter().filter(|form| form.origin == Origin::File);
        let forms = files.map(|form| (&*form.location, &form.metadata));
        let outdated = self.outdated.iter().map(|(location, metadata)| (location.as_c_str(), metadata));
        if !forms.chain(outdated).all(|(location, metadata)| stat(location).as_ref() == Some(metadata)) {
            return false;
        }
        if let Some(directory) = &self.directory {
            let now = stat(&directory.location);
            let same =
                |now: Metadata| (now.identity, now.modified) == (directory.identity, directory.modified);
            if !now.is_some_and(same) {
                return false;
            }
        }
        self.forms.iter().for_each(|form| form.forget_makeshift(&is_makeshift));
        true
    }

    /// Between two looks: answers that wait for a block, and for which there `may_be_one` by now, are made anew, if their files are
    /// still what they were.
    pub(super) fn improve(&self, may_be_one: impl Fn(&Entry, Demand) -> bool) {
        for form in &self.forms {
            if form.entry.borrow().as_ref().is_some_and(|entry| entry.is_due_for_block()) {
                form.forget_makeshift(&may_be_one);
            }
        }
    }

    /// Whether both were found as the same files of the same versions.
    pub(super) fn is_of_version_of(&self, other: &Self) -> bool {
        let version = |form: &Representation| (Rc::clone(&form.location), form.metadata);
        self.forms.iter().map(version).eq(other.forms.iter().map(version))
    }

    /// The file as it is that a compressed form is made of.
    pub(super) fn plain(&self, compressed: Form) -> Option<&Representation> {
        let form = Form { coding: Coding::Identity, ..compressed };
        self.forms.iter().find(|plain| plain.form == form)
    }

    /// What its forms take on the heap, at most, beside blocks.
    pub(super) fn heap_bytes(&self) -> usize {
        let outdated = self.outdated.iter().map(|(location, _)| location.count_bytes() + FORM_BYTES);
        self.forms.iter().map(|form| form.location.count_bytes() + FORM_BYTES).chain(outdated).sum()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Rc<Entry>> {
        self.forms.iter().filter_map(Representation::entry)
    }
}

/// Whether the client weighs codings, so that it may refuse a file as it is.
fn has_weights(head: &RequestHead, bytes: &[u8]) -> bool {
    match head.field(bytes, KnownField::AcceptEncoding) {
        Field::Absent => false,
        Field::One(value) => memchr::memchr(b';', value).is_some(),
        Field::Several => true,
    }
}

/// What the forms of a file differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Varies {
    pub(super) by_coding: bool,
    pub(super) by_language: bool,
}

impl Representation {
    /// Its answer, if there is one that need not be made anew.
    #[inline]
    pub(super) fn entry(&self) -> Option<Rc<Entry>> {
        self.entry.borrow().as_ref().filter(|entry| !entry.has_given_up()).cloned()
    }

    pub(super) fn set_entry(&self, entry: &Rc<Entry>) {
        *self.entry.borrow_mut() = Some(Rc::clone(entry));
    }

    /// What was made of it for want of something better is made anew.
    fn forget_makeshift(&self, is_makeshift: impl Fn(&Entry, Demand) -> bool) {
        let mut entry = self.entry.borrow_mut();
        let Some(known) = &*entry else { return };
        let demand = known.take_demand();
        if is_makeshift(known, demand) {
            self.demand.set(demand);
            *entry = None;
        }
    }

    /// How much it was asked for before its answer was forgotten: for the one that is made next.
    pub(super) fn take_demand(&self) -> Demand {
        self.demand.take()
    }
}
