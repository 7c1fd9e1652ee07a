//! Step 6 of a request's walk, handler: answers from files, found beneath a root, kept ready in memory, looked at again when they may have changed.
//!
//! In: a path relative to the root, and a request. Out: a response the engine sends. A hit that is fresh makes no system
//! call; after its period a hit is checked again *by path*, so that a renamed file, a switched link or a replaced root is
//! followed.

mod entry;
mod locate;
mod looks;
mod options;

pub use options::{FileOptions, SymlinkPolicy};

use std::cell::{Cell, RefCell};
use std::io;
use std::num::NonZero;
use std::rc::{Rc, Weak};
use std::time::Duration;

use http::StatusCode;
use lru::LruCache;
use selvedge_runtime::fs::{self, Failure, File};
use selvedge_runtime::{BlockClass, Chunk, Moment, spawn_detached, timer};

use crate::application::Request;
use crate::clock::Clock;
use crate::conditional::{self, Outcome};
use crate::path::SitePath;
use crate::range::{self, ByteRange, RangeOutcome};
use crate::response::{Body, FilePart, RangeField, Response, ResponseHead};
use entry::{Entry, Shares};
use locate::{Choice, Located, Refused, Root};
use looks::Looks;

/// How often descriptors are looked at that nobody uses, at the longest and at the shortest.
const HOUSEKEEPING_PERIODS: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(100)];
/// Looks at a file that changes between a look and its opening; then it is an error.
const LOOKS_MAX: usize = 3;

/// The files of one root, as one worker knows them.
#[derive(Debug)]
pub struct Files {
    options: FileOptions,
    root: RefCell<Root>,
    root_checked_at: Cell<Moment>,
    cache: RefCell<LruCache<Box<[u8]>, Cached>>,
    looks: Looks,
    shares: Rc<Shares>,
    clock: RefCell<Clock>,
}

/// What a path was found to be, and when.
#[derive(Debug)]
struct Cached {
    found: Found,
    checked_at: Moment,
}

#[derive(Debug, Clone)]
enum Found {
    File(Rc<Entry>),
    NeedsSlash,
    Missing,
}

/// Where it is known from what a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// An earlier request's look.
    Memory,
    /// This request's own look.
    Disk,
}

/// A file that is not what its entry says any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Changed;

/// What is to be answered for a path.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would cost every hit an allocation")]
pub enum Answer {
    /// This.
    Response(Response),
    /// A directory without its slash: a redirect to it with one.
    NeedsSlash,
}

impl Files {
    /// Opens the root for the current worker; waits for the disk if it must.
    ///
    /// # Errors
    /// Those of open(2).
    ///
    /// # Panics
    /// Outside a worker.
    pub fn open(options: FileOptions) -> io::Result<Rc<Self>> {
        let entries = NonZero::new(options.entries_max).unwrap_or(NonZero::<usize>::MIN);
        let files = Rc::new(Self {
            root: RefCell::new(Root::open(&options.root)?),
            root_checked_at: Cell::new(selvedge_runtime::now()),
            cache: RefCell::new(LruCache::new(entries)),
            looks: Looks::default(),
            shares: Shares::new(options.ready_small_max, options.ready_large_max),
            clock: RefCell::new(Clock::new()),
            options,
        });
        spawn_detached("file housekeeping", close_idle_descriptors(Rc::downgrade(&files)));
        Ok(files)
    }

    /// Answers GET or HEAD for `path`: from memory while that is fresh, else after a look at the disk.
    pub async fn answer(&self, request: &Request<'_>, path: &SitePath<'_>) -> Answer {
        for _ in 0..LOOKS_MAX {
            match self.find(path).await {
                Ok((Found::File(entry), source)) => match self.respond(request, &entry, source).await {
                    Ok(response) => return Answer::Response(response),
                    // It was remembered, but is no more what it was: another look.
                    Err(Changed) => self.forget(path.key(), &entry),
                },
                Ok((Found::NeedsSlash, _)) => return Answer::NeedsSlash,
                Ok((Found::Missing, _)) => {
                    return Answer::Response(Response::error(StatusCode::NOT_FOUND, ""));
                }
                Err(refused) => return Answer::Response(refusal(&refused)),
            }
        }
        Answer::Response(refusal(&Refused::Failed(io::Error::other("it changes all the time"))))
    }

    /// What `path` leads to: as remembered while that is fresh, else by a look of one request for all that wait for it.
    async fn find(&self, path: &SitePath<'_>) -> Result<(Found, Source), Refused> {
        loop {
            let now = selvedge_runtime::now();
            self.clock.borrow_mut().advance(now);
            if let Some(found) = self.fresh(path.key(), now) {
                return Ok((found, Source::Memory));
            }
            if let Some(_look) = self.looks.begin(path.key()).await {
                let found = self.look(path, now).await;
                self.clock.borrow_mut().advance(selvedge_runtime::now());
                return found.map(|found| (found, Source::Disk));
            }
        }
    }

    /// Forgets `entry`, unless another one is remembered in its place by now.
    fn forget(&self, key: &[u8], entry: &Rc<Entry>) {
        let mut cache = self.cache.borrow_mut();
        if let Some(Found::File(remembered)) = cache.peek(key).map(|cached| &cached.found)
            && Rc::ptr_eq(remembered, entry)
        {
            cache.pop(key);
        }
    }

    /// What is known of `key` and needs no look: fresh, or found unchanged by its path just now.
    fn fresh(&self, key: &[u8], now: Moment) -> Option<Found> {
        let mut cache = self.cache.borrow_mut();
        let cached = cache.get_mut(key)?;
        if now.since(cached.checked_at) < self.options.fresh_for {
            return Some(cached.found.clone());
        }
        let Found::File(entry) = &cached.found else { return None };
        if self.is_unchanged(entry, now) {
            cached.checked_at = self.root_checked_at.get();
            return Some(cached.found.clone());
        }
        None
    }

    /// Whether the path still leads to the same file, as far as that can be seen without the disk.
    fn is_unchanged(&self, entry: &Entry, now: Moment) -> bool {
        if entry.choice == Choice::Later || entry.is_makeshift() || !self.refresh_root_cached(now) {
            return false;
        }
        let root = self.root.borrow();
        let resolve = locate::resolve(self.options.symlinks);
        fs::stat_cached(root.directory(), &entry.location, resolve).is_ok_and(|now| now == entry.metadata)
    }

    fn refresh_root_cached(&self, now: Moment) -> bool {
        if now.since(self.root_checked_at.get()) < self.options.fresh_for {
            return true;
        }
        let refreshed = self.root.borrow_mut().refresh_cached();
        if refreshed.is_ok() {
            self.root_checked_at.set(now);
        }
        refreshed.is_ok()
    }

    /// Looks at the disk, waiting for it if need be, and remembers what was found.
    async fn look(&self, path: &SitePath<'_>, now: Moment) -> Result<Found, Refused> {
        if !self.refresh_root_cached(now) {
            let reopening = self.root.borrow().reopening();
            // With its root gone for the moment, the old directory serves on.
            if let Ok(directory) = reopening.await {
                let _ = self.root.borrow_mut().follow(directory);
            }
            self.root_checked_at.set(now);
        }
        let directory = self.root.borrow().directory().clone();
        let found = match locate::locate(&directory, &self.options, path).await {
            Ok(Located::File(located)) => {
                let make_room = |class| self.evict_ready(class);
                match Entry::load(located, &self.shares, &self.clock, make_room).await {
                    Ok(entry) => Found::File(entry),
                    Err(error) => {
                        self.cache.borrow_mut().pop(path.key());
                        return Err(refused_read(error));
                    }
                }
            }
            Ok(Located::NeedsSlash) => Found::NeedsSlash,
            Ok(Located::Missing) => Found::Missing,
            Err(refused) => {
                self.cache.borrow_mut().pop(path.key());
                return Err(refused);
            }
        };
        // The age counts from before the look, and from the look at the root that it rests on: counted each for itself, the
        // two periods would add up.
        let checked_at = self.root_checked_at.get().min(now);
        let cached = Cached { found: found.clone(), checked_at };
        self.cache.borrow_mut().put(path.key().into(), cached);
        Ok(found)
    }

    /// Makes the least recently used answer of a class go; false if there is none.
    fn evict_ready(&self, class: BlockClass) -> bool {
        let mut cache = self.cache.borrow_mut();
        let of_class = |cached: &Cached| matches!(&cached.found, Found::File(entry) if entry.ready_class() == Some(class));
        let oldest = cache.iter().rev().find(|(_, cached)| of_class(cached)).map(|(key, _)| key.clone());
        oldest.and_then(|key| cache.pop(&key)).is_some()
    }

    async fn respond(
        &self,
        request: &Request<'_>,
        entry: &Rc<Entry>,
        source: Source,
    ) -> Result<Response, Changed> {
        let (head, bytes) = (request.head(), request.head_bytes());
        match conditional::evaluate(head, bytes, &entry.validators) {
            Outcome::NotModified => {
                return Ok(Response::new(with_validators(StatusCode::NOT_MODIFIED, entry), Body::Empty));
            }
            Outcome::PreconditionFailed => return Ok(Response::error(StatusCode::PRECONDITION_FAILED, "")),
            Outcome::Proceed => {}
        }
        let (size, unix_s) = (entry.metadata.size_bytes, self.clock.borrow().unix_s());
        match range::evaluate(head, bytes, &entry.validators, size, unix_s) {
            RangeOutcome::Whole => match entry.prepared(&self.clock) {
                Some(prepared) => Ok(Response::prepared(prepared)),
                None => self.part(StatusCode::OK, entry, ByteRange { start: 0, len: size }, source).await,
            },
            RangeOutcome::Part(part) => self.part(StatusCode::PARTIAL_CONTENT, entry, part, source).await,
            RangeOutcome::Unsatisfiable => {
                let mut response = Response::error(StatusCode::RANGE_NOT_SATISFIABLE, "");
                response.head.range = RangeField::Unsatisfied(size);
                response.body = Body::Empty;
                Ok(response)
            }
        }
    }

    /// A part of a file that is not answered by its ready block.
    async fn part(
        &self,
        status: StatusCode,
        entry: &Rc<Entry>,
        part: ByteRange,
        source: Source,
    ) -> Result<Response, Changed> {
        let size = entry.metadata.size_bytes;
        let mut head = with_validators(status, entry);
        head.content_type = Some(entry.content_type);
        head.range = match status {
            StatusCode::PARTIAL_CONTENT => RangeField::Part(part.start, part.len, size),
            _ => RangeField::Accepted,
        };
        if let Some((block, body_start)) = entry.body_in_memory() {
            let start = body_start + part.start as u32;
            let body = Chunk::Shared(block, start..start + part.len as u32);
            return Ok(Response::new(head, Body::Full(body)));
        }
        match self.file_of(entry, source).await {
            Ok(Some(file)) => {
                let body = FilePart { file, start: part.start, length: part.len, metadata: entry.metadata };
                Ok(Response::new(head, Body::File(body)))
            }
            Ok(None) => Err(Changed),
            Err(refused) => Ok(refusal(&refused)),
        }
    }

    /// The entry's open file; opened again if it was closed for idleness. `None`: it is not what the entry says any more.
    async fn file_of(&self, entry: &Rc<Entry>, source: Source) -> Result<Option<Rc<File>>, Refused> {
        if let Some(file) = entry.open_file() {
            // Written to since an earlier look, its length would be a promise that is not kept.
            let unchanged = source == Source::Disk || file.metadata().is_ok_and(|now| now == entry.metadata);
            return Ok(unchanged.then_some(file));
        }
        let directory = self.root.borrow().directory().clone();
        let place = locate::place(&directory, self.options.symlinks, &entry.location).await?;
        // It may change within the period in which nobody looks.
        let Some((place, _)) = place.filter(|(_, metadata)| *metadata == entry.metadata) else {
            return Ok(None);
        };
        let file = Rc::new(fs::reopen(&place).map_err(refused_read)?);
        entry.keep_open(&file);
        Ok(Some(file))
    }

    /// Descriptors open for files that are streamed, and paths remembered.
    pub fn usage(&self) -> (usize, usize) {
        let cache = self.cache.borrow();
        let open =
            cache.iter().filter(|(_, cached)| matches!(&cached.found, Found::File(entry) if entry.is_open()));
        (open.count(), cache.len())
    }
}

async fn close_idle_descriptors(files: Weak<Files>) {
    let [longest, shortest] = HOUSEKEEPING_PERIODS;
    loop {
        let Some(idle) = files.upgrade().map(|files| files.options.idle_descriptor) else { return };
        timer::sleep(idle.clamp(shortest, longest)).await;
        let Some(files) = files.upgrade() else { return };
        let idle = files.options.idle_descriptor.as_nanos() as u64;
        let before = Moment::from_nanoseconds(selvedge_runtime::now().nanoseconds().saturating_sub(idle));
        for (_, cached) in files.cache.borrow().iter() {
            if let Found::File(entry) = &cached.found {
                entry.close_idle(before);
            }
        }
    }
}

/// 304 and 206 carry the validators of the 200 (RFC 9110 sections 15.4.5 and 15.3.7).
fn with_validators(status: StatusCode, entry: &Entry) -> ResponseHead {
    ResponseHead {
        modified_unix_s: Some(entry.validators.modified_unix_s),
        entity_tag: Some(entry.validators.entity_tag),
        ..ResponseHead::new(status)
    }
}

fn refused_read(error: io::Error) -> Refused {
    match Failure::of(&error) {
        Failure::Forbidden => Refused::Forbidden,
        Failure::Exhausted => Refused::Exhausted(error),
        _ => Refused::Failed(error),
    }
}

fn refusal(refused: &Refused) -> Response {
    let (status, error) = match refused {
        Refused::Forbidden => (StatusCode::FORBIDDEN, None),
        Refused::Hidden => (StatusCode::NOT_FOUND, None),
        Refused::Exhausted(error) => (StatusCode::SERVICE_UNAVAILABLE, Some(error)),
        Refused::Failed(error) => (StatusCode::INTERNAL_SERVER_ERROR, Some(error)),
    };
    if let Some(error) = error {
        selvedge_runtime::report("file", || format!("a file cannot be served: {error}"));
    }
    Response::error(status, "")
}
