//! What is at a path of one tree: as remembered while that is fresh, else by a look at the disk.
//!
//! In: a path. Out: a [`Resource`], or what else is there. Next: [`super::entry`].

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use selvedge_runtime::fs::{self, Failure, File, Metadata};
use selvedge_runtime::{Moment, timer};

use super::Files;
use super::denied_roots::DeniedRoots;
use super::derive::Made;
use super::derived::Derived;
use super::entry::{Description, Entry, Loading};
use super::locate::{self, Form, Located, Refused};
use super::looks::Looks;
use super::memory::{Found, Memory};
use super::options::{FileOptions, Precompressed, TreeOptions};
use super::resource::{Origin, Representation, Resource};
use super::root::Root;
use super::shares::Demand;
use crate::content_coding;
use crate::media_type;
use crate::negotiation::{Coding, CodingSet};
use crate::open_file::OpenFile;
use crate::path::SitePath;

/// How long what was closed may take to be free again, where descriptors have run out.
const RECOVERY: Duration = Duration::from_millis(10);

/// How often a root is looked for because something beneath it may not be read.
const DOUBT_PERIOD: Duration = Duration::from_secs(1);

/// The answer of a form.
#[derive(Debug)]
pub(super) enum Loaded {
    /// This, and its descriptor if it was opened for it just now.
    Entry(Rc<Entry>, Option<Rc<OpenFile>>),
    /// It is not what the look has found any more.
    Changed,
}

/// One root, and what is remembered of the paths beneath it.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) options: TreeOptions,
    root: RefCell<Root>,
    root_checked_at: Cell<Moment>,
    root_doubted_at: Cell<Option<Moment>>,
    denied_roots: Arc<DeniedRoots>,
    pub(super) memory: Memory,
    looks: Looks,
}

impl Tree {
    pub(super) fn open(options: TreeOptions, limits: &FileOptions) -> io::Result<Self> {
        Ok(Self {
            root: RefCell::new(Root::open(&options.root).map_err(|error| named(&options.root, &error))?),
            root_checked_at: Cell::new(selvedge_runtime::now()),
            root_doubted_at: Cell::default(),
            denied_roots: Arc::clone(&limits.denied_roots),
            memory: Memory::new(limits),
            looks: Looks::default(),
            options,
        })
    }

    /// The root, as of the last look.
    pub(super) fn directory(&self) -> File {
        self.root.borrow().directory().clone()
    }

    /// Whether the resource is still what it was, as far as that can be seen without the disk.
    fn is_unchanged(
        &self,
        resource: &Resource,
        now: Moment,
        fresh_for: Duration,
        is_makeshift: impl Fn(&Entry, Demand) -> bool,
    ) -> bool {
        if !self.refresh_root_cached(now, fresh_for) {
            return false;
        }
        let root = self.root.borrow();
        let resolve = locate::resolve(self.options.symlinks);
        let stat = |location: &CStr| fs::stat_cached(root.directory(), location, resolve).ok();
        resource.is_unchanged(stat, is_makeshift)
    }

    /// Goes over to what the root's path leads to, unless it did so a moment ago or that needs the disk. Whether it is up
    /// to date.
    fn refresh_root_cached(&self, now: Moment, fresh_for: Duration) -> bool {
        if now.since(self.root_checked_at.get()) < fresh_for {
            return true;
        }
        let refreshed = self.root.borrow_mut().refresh_cached();
        if let Ok(standing) = refreshed {
            self.denied_roots.note(&self.options.root, standing);
            self.root_checked_at.set(now);
        }
        refreshed.is_ok()
    }

    /// As [`refresh_root_cached`](Self::refresh_root_cached), waiting for the disk if need be.
    pub(super) async fn refresh_root(&self, now: Moment, fresh_for: Duration) {
        if !self.refresh_root_cached(now, fresh_for) {
            self.follow_root(now).await;
        }
    }

    /// Whether the root's path leads to another directory since it was looked at last: what is missing may be there. A deploy
    /// may remove the directory before as soon as the path has been switched.
    async fn has_moved_on(&self, now: Moment) -> bool {
        let before = self.root.borrow().identity();
        // At a root that was looked at in this very turn nothing is asked again.
        self.refresh_root(now, Duration::from_nanos(1)).await;
        self.root.borrow().identity() != before
    }

    /// Goes over to what the root's path leads to, unless it did so a moment ago. Whether it did.
    async fn doubt_root(&self, now: Moment) -> bool {
        if self.root_doubted_at.get().is_some_and(|at| now.since(at) < DOUBT_PERIOD) {
            return false;
        }
        self.root_doubted_at.set(Some(now));
        self.follow_root(now).await;
        true
    }

    async fn follow_root(&self, now: Moment) {
        let reopening = self.root.borrow().reopening();
        let followed = match reopening.await {
            Ok(directory) => self.root.borrow_mut().follow(directory),
            Err(error) => Err(error),
        };
        match followed {
            Ok(standing) => self.denied_roots.note(&self.options.root, standing),
            // In the midst of a deploy it is gone for a moment.
            Err(error) => selvedge_runtime::report("root", || {
                format!(
                    "{:?}: {error}; the directory that was there before is served until there is one again",
                    self.options.root
                )
            }),
        }
        self.root_checked_at.set(now);
    }
}

impl Files {
    /// Whether another look may find what can be answered. What may not be read may be beneath a root that is none any
    /// more: under Landlock that is so where its file system was unmounted, also if the same one is mounted there again.
    pub(super) async fn may_look_again(&self, tree: &Tree, refused: &Refused) -> bool {
        let Refused::Forbidden = refused else { return false };
        Box::pin(tree.doubt_root(selvedge_runtime::now())).await
    }

    /// What `path` leads to: as remembered while that is fresh, else by a look of one request for all that wait for it.
    pub(super) async fn find(&self, tree: &Tree, path: &SitePath<'_>) -> Result<Found, Refused> {
        loop {
            let now = selvedge_runtime::now();
            if let Some(found) = self.recall(tree, path, now) {
                return Ok(found);
            }
            if let Some(_look) = tree.looks.begin(path.key()).await {
                // Boxed, as all that follows a look: the future of a request that needs none stays small.
                let found = Box::pin(self.look(tree, path, now)).await;
                self.clock.borrow_mut().advance(selvedge_runtime::now());
                return found;
            }
        }
    }

    /// What `path` leads to, if that is known without a look that may have to wait.
    pub(super) fn recall(&self, tree: &Tree, path: &SitePath<'_>, now: Moment) -> Option<Found> {
        self.clock.borrow_mut().advance(now);
        let check = |resource: &Resource| {
            let unix_s = self.clock.borrow().unix_s();
            let is_makeshift =
                |entry: &Entry, demand: Demand| entry.is_makeshift(&self.shares, demand, unix_s);
            let unchanged = tree.is_unchanged(resource, now, self.options.fresh_for, is_makeshift);
            unchanged.then(|| tree.root_checked_at.get())
        };
        let improve = |resource: &Resource| {
            let unix_s = self.clock.borrow().unix_s();
            resource.improve(|entry, demand| entry.may_become_ready(&self.shares, demand, unix_s));
        };
        tree.memory.recall(path.key(), now, check, improve)
    }

    /// Looks at the disk, waiting for it if need be, and remembers what was found.
    async fn look(&self, tree: &Tree, path: &SitePath<'_>, now: Moment) -> Result<Found, Refused> {
        tree.refresh_root(now, self.options.fresh_for).await;
        let look = async || {
            let directory = tree.directory();
            self.with_room(|| self.look_beneath(tree, &directory, path)).await
        };
        let mut found = look().await;
        if let Ok(Found::Missing) = found
            && tree.has_moved_on(now).await
        {
            found = look().await;
        }
        match &found {
            // The age counts from before the look, and from the look at the root that it rests on: counted each for itself,
            // the two periods would add up.
            Ok(found) => tree.memory.remember(path.key(), found, tree.root_checked_at.get().min(now)),
            // What it was a while ago is a better answer than none.
            Err(Refused::Exhausted(_)) => {
                return tree.memory.recall_stale(path.key()).map_or(found, Ok);
            }
            Err(_) => tree.memory.forget(path.key()),
        }
        found
    }

    /// Does what opens files, in turn, and once more after closing what nobody sends from if descriptors have run out.
    pub(super) async fn with_room<T>(
        &self,
        look: impl AsyncFn() -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let _turn = self.look_turns.next().await;
        match look().await {
            Err(Refused::Exhausted(_)) if self.shares.close_one() => {
                while self.shares.close_one() {}
                timer::sleep(RECOVERY).await;
                look().await
            }
            found => found,
        }
    }

    async fn look_beneath(
        &self,
        tree: &Tree,
        directory: &File,
        path: &SitePath<'_>,
    ) -> Result<Found, Refused> {
        let siblings = |name: &[u8]| self.siblings(tree, name);
        let located = match locate::locate(directory, &tree.options, path, &siblings).await? {
            Located::File(located) => located,
            Located::NeedsSlash => return Ok(Found::NeedsSlash),
            Located::NeedsNoSlash => return Ok(Found::NeedsNoSlash),
            Located::Directory => return Ok(Found::Directory),
            Located::Missing => return Ok(Found::Missing),
        };
        let media_type = self.media_type(tree, located.name.as_bytes());
        let compressed =
            |metadata: &Metadata| self.options.compression.codings_of(media_type, metadata.size_bytes);
        let (resource, place) = Resource::new(located, compressed, self.clock.borrow().unix_s());
        warn_of_outdated(&resource);
        // What this request wants is known of a file in one form alone; the others are loaded for who wants them.
        let mut opened = None;
        if let ([only], Some(place)) = (&*resource.forms, place)
            && !self.needs_hash(only)
        {
            opened = self.load(tree, &resource, only, &place, None).await?;
        }
        Ok(Found::Resource(resource, opened))
    }

    /// The type of a file by its name, `index.html.ja` asked for by itself included.
    fn media_type(&self, tree: &Tree, name: &[u8]) -> &'static str {
        let without = |language: &String| name.strip_suffix(language.as_bytes())?.strip_suffix(b".");
        let name = tree.options.languages.iter().find_map(without).unwrap_or(name);
        self.options.types.of_path(name)
    }

    /// In which codings a file of that name may exist beside itself.
    fn siblings(&self, tree: &Tree, name: &[u8]) -> CodingSet {
        let is_sibling = [&b".br"[..], b".zst", b".gz"].iter().any(|extension| name.ends_with(extension));
        let media_type = self.media_type(tree, name);
        match tree.options.precompressed {
            Precompressed::Off => CodingSet::EMPTY,
            _ if is_sibling || media_type::is_compressed(media_type) => CodingSet::EMPTY,
            _ => CodingSet::ALL.without(Coding::Identity),
        }
    }

    /// The answer of one form: as loaded before, or loaded now. Where it would have to be compressed, and too much else is to
    /// do, it is the answer of the file as it is.
    pub(super) async fn entry(
        &self,
        tree: &Tree,
        path: &SitePath<'_>,
        resource: &Resource,
        form: &Representation,
    ) -> Result<Loaded, Refused> {
        if let Some(entry) = form.entry() {
            return Ok(Loaded::Entry(entry, None));
        }
        Box::pin(self.load_entry(tree, path, resource, form)).await
    }

    async fn load_entry(
        &self,
        tree: &Tree,
        path: &SitePath<'_>,
        resource: &Resource,
        form: &Representation,
    ) -> Result<Loaded, Refused> {
        if form.origin == Origin::File {
            let loaded = self.entry_of_file(tree, path, resource, form).await;
            return match (loaded, resource.plain(form.form)) {
                // A sibling that may not be read is a mistake like one that is not there; the file itself still is.
                (Err(Refused::Forbidden), Some(plain)) if form.form.coding != Coding::Identity => {
                    selvedge_runtime::report("forbidden sibling", || {
                        format!("{:?} is not used: this user may not read it", form.location)
                    });
                    self.entry_of_file(tree, path, resource, plain).await
                }
                (loaded, _) => loaded,
            };
        }
        let made = match self.variant(tree, form).await? {
            Made::This(made) => Some(made),
            Made::Changed => return Ok(Loaded::Changed),
            Made::NotNow => None,
        };
        // Somebody else who waited for the same may have been first.
        if let (None, Some(Derived::Variant(variant))) = (form.entry(), made) {
            let mut description = self.description(tree, resource, form);
            description.tag_suffix.push_str(content_coding::fingerprint(form.form.coding));
            let demand = form.take_demand();
            let loading = Loading { shares: &self.shares, clock: &self.clock, demand };
            let entry = Entry::of_variant(&variant, form, description, &loading).await;
            form.set_entry(&entry.map_err(refused_read)?);
        }
        match (form.entry(), resource.plain(form.form)) {
            (Some(entry), _) => Ok(Loaded::Entry(entry, None)),
            (None, Some(plain)) => self.entry_of_file(tree, path, resource, plain).await,
            (None, None) => Ok(Loaded::Changed),
        }
    }

    /// The answer of a form that is a file: one request loads it for all that wait for it.
    async fn entry_of_file(
        &self,
        tree: &Tree,
        path: &SitePath<'_>,
        resource: &Resource,
        form: &Representation,
    ) -> Result<Loaded, Refused> {
        let mut hash = None;
        if form.entry().is_none() && self.needs_hash(form) {
            match self.hash(tree, form).await? {
                Made::This(Derived::Hash(made)) => hash = Some(made),
                Made::Changed => return Ok(Loaded::Changed),
                Made::This(Derived::Variant(_)) | Made::NotNow => {}
            }
        }
        loop {
            if let Some(entry) = form.entry() {
                return Ok(Loaded::Entry(entry, None));
            }
            let Some(_look) = tree.looks.begin(path.key()).await else { continue };
            let load = async || {
                let Some(place) = unchanged_place(tree, &form.location, &form.metadata).await? else {
                    return Ok(None);
                };
                self.load(tree, resource, form, &place, hash).await.map(Some)
            };
            let loaded = self.with_room(load).await?;
            return Ok(match (form.entry(), loaded) {
                (Some(entry), Some(opened)) => Loaded::Entry(entry, opened),
                _ => Loaded::Changed,
            });
        }
    }

    /// The place of a form that is still what the look has found.
    pub(super) async fn place(&self, tree: &Tree, form: &Representation) -> Result<Option<File>, Refused> {
        self.with_room(async || unchanged_place(tree, &form.location, &form.metadata).await).await
    }

    /// Loads a form that is a file from its place.
    async fn load(
        &self,
        tree: &Tree,
        resource: &Resource,
        form: &Representation,
        place: &File,
        hash: Option<u128>,
    ) -> Result<Option<Rc<OpenFile>>, Refused> {
        let description = self.description(tree, resource, form);
        let demand = form.take_demand();
        let loading = Loading { shares: &self.shares, clock: &self.clock, demand };
        let hash = hash.map(|hash| (form.metadata, hash));
        let loaded = Entry::load(place, description, hash, &loading).await;
        let (entry, opened) = loaded.map_err(refused_read)?;
        form.set_entry(&entry);
        Ok(opened)
    }

    fn description(&self, tree: &Tree, resource: &Resource, representation: &Representation) -> Description {
        let Form { language, coding } = representation.form;
        let varies = resource.varies();
        let mut own: Vec<(HeaderName, HeaderValue)> = Vec::new();
        let vary = match (varies.by_coding, varies.by_language) {
            (true, true) => Some("Accept-Encoding, Accept-Language"),
            (true, false) => Some("Accept-Encoding"),
            (false, true) => Some("Accept-Language"),
            (false, false) => None,
        };
        own.extend(vary.map(|vary| (header::VARY, HeaderValue::from_static(vary))));
        let language = language.map(|number| tree.options.languages[usize::from(number)].as_str());
        let language_field = language.and_then(|tag| HeaderValue::from_str(tag).ok());
        own.extend(language_field.map(|tag| (header::CONTENT_LANGUAGE, tag)));
        let content_coding = (coding != Coding::Identity).then_some(coding);
        let tag_parts: Vec<&str> = language.into_iter().chain(content_coding.map(Coding::as_str)).collect();
        let name = resource.name.as_bytes();
        let path = [tree.options.prefix.as_bytes(), name].concat();
        Description {
            tags: self.options.tags,
            location: Rc::clone(&representation.location),
            content_type: self.media_type(tree, name),
            content_coding,
            tag_suffix: tag_parts.join("-"),
            fields: self.rules.of_file(&path, &own),
            page_fields: self.rules.of_page(&path, &own),
            fallback_fields: self.rules.of_fallback(&path, &own),
        }
    }

    /// The entry's file: as this request's own look has opened it, or as it was kept open, or opened again. `None`: it is
    /// not what the entry says any more.
    pub(super) async fn file_of(
        &self,
        tree: &Tree,
        entry: &Rc<Entry>,
        opened: Option<Rc<OpenFile>>,
    ) -> Result<Option<Rc<OpenFile>>, Refused> {
        if opened.is_some() {
            return Ok(opened);
        }
        if let Some(file) = entry.open_file() {
            // Written to since an earlier look, its length would be a promise that is not kept.
            return Ok(file.is_as_opened().unwrap_or(false).then_some(file));
        }
        let place = match unchanged_place(tree, &entry.description.location, &entry.metadata).await {
            Ok(Some(place)) => place,
            // A look knows what to do about that.
            Ok(None) | Err(Refused::Exhausted(_)) => return Ok(None),
            Err(refused) => return Err(refused),
        };
        match fs::reopen(&place).map_err(refused_read) {
            Err(Refused::Exhausted(_)) => Ok(None),
            Err(refused) => Err(refused),
            Ok(file) => {
                let file = entry.keep_open(file, &self.shares);
                file.map(Some).ok_or(Refused::TooManyOpen)
            }
        }
    }
}

/// What is at `location`, if it is still of this version: it may change within the period in which nobody looks.
async fn unchanged_place(tree: &Tree, location: &CStr, version: &Metadata) -> Result<Option<File>, Refused> {
    let place = locate::place(&tree.directory(), tree.options.symlinks, location).await?;
    Ok(place.filter(|(_, metadata)| metadata == version).map(|(place, _)| place))
}

/// Says which siblings are not used, once per version of the file on each worker.
fn warn_of_outdated(resource: &Resource) {
    for (location, _) in &resource.outdated {
        selvedge_runtime::report("outdated sibling", || {
            format!("{location:?} is older than the file it stands beside, and is not used; compress it anew")
        });
    }
}

pub(super) fn refused_read(error: io::Error) -> Refused {
    match Failure::of(&error) {
        Failure::Forbidden => Refused::Forbidden,
        Failure::Exhausted => Refused::Exhausted(error),
        _ => Refused::Failed(error),
    }
}

/// The error, which knows no path, with it.
fn named(root: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", root.display()))
}
