//! Answers from files: found beneath a root, kept ready in memory, looked at again when they may have changed.
//!
//! In: a path relative to the root, and a request. Out: a response the engine sends. A hit that is fresh makes no system
//! call; after its period a hit is checked again *by path*, so that a renamed file, a switched link or a replaced root is
//! followed.

mod entry;
mod locate;
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
use selvedge_runtime::{Chunk, Moment, spawn_detached, timer};

use crate::application::Request;
use crate::clock::Clock;
use crate::conditional::{self, Outcome};
use crate::path::SitePath;
use crate::range::{self, ByteRange, RangeOutcome};
use crate::response::{Body, FilePart, RangeField, Response, ResponseHead};
use entry::{Entry, Shares};
use locate::{Choice, Located, Refused, Root};

/// How often descriptors are looked at that nobody uses.
const HOUSEKEEPING_PERIOD: Duration = Duration::from_secs(5);

/// The files of one root, as one worker knows them.
#[derive(Debug)]
pub struct Files {
    options: FileOptions,
    root: RefCell<Root>,
    root_checked_at: Cell<Moment>,
    cache: RefCell<LruCache<Box<[u8]>, Cached>>,
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
            shares: Shares::new(options.ready_small_max, options.ready_large_max),
            clock: RefCell::new(Clock::new()),
            options,
        });
        spawn_detached("file housekeeping", close_idle_descriptors(Rc::downgrade(&files)));
        Ok(files)
    }

    /// Answers GET or HEAD for `path`: from memory while that is fresh, else after a look at the disk.
    pub async fn answer(&self, request: &Request<'_>, path: &SitePath<'_>) -> Answer {
        let now = selvedge_runtime::now();
        self.clock.borrow_mut().advance(now);
        let found = match self.fresh(path.key(), now) {
            Some(found) => Ok(found),
            None => self.look(path, now).await,
        };
        match found {
            Ok(Found::File(entry)) => Answer::Response(self.respond(request, &entry).await),
            Ok(Found::NeedsSlash) => Answer::NeedsSlash,
            Ok(Found::Missing) => Answer::Response(Response::error(StatusCode::NOT_FOUND, "")),
            Err(refused) => Answer::Response(refusal(&refused)),
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
            cached.checked_at = now;
            return Some(cached.found.clone());
        }
        None
    }

    /// Whether the path still leads to the same file, as far as that can be seen without the disk.
    fn is_unchanged(&self, entry: &Entry, now: Moment) -> bool {
        if entry.choice == Choice::Later || !self.refresh_root_cached(now) {
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
                let make_room = || self.cache.borrow_mut().pop_lru().is_some();
                let entry = Entry::load(located, &self.shares, &self.clock, make_room).await;
                Found::File(entry.map_err(refused_read)?)
            }
            Ok(Located::NeedsSlash) => Found::NeedsSlash,
            Ok(Located::Missing) => Found::Missing,
            Err(refused) => {
                self.cache.borrow_mut().pop(path.key());
                return Err(refused);
            }
        };
        // The age counts from before the look.
        let cached = Cached { found: found.clone(), checked_at: now };
        self.cache.borrow_mut().put(path.key().into(), cached);
        Ok(found)
    }

    async fn respond(&self, request: &Request<'_>, entry: &Rc<Entry>) -> Response {
        let (head, bytes) = (request.head(), request.head_bytes());
        match conditional::evaluate(head, bytes, &entry.validators) {
            Outcome::NotModified => {
                return Response::new(with_validators(StatusCode::NOT_MODIFIED, entry), Body::Empty);
            }
            Outcome::PreconditionFailed => return Response::error(StatusCode::PRECONDITION_FAILED, ""),
            Outcome::Proceed => {}
        }
        let (size, unix_s) = (entry.metadata.size_bytes, self.clock.borrow().unix_s());
        match range::evaluate(head, bytes, &entry.validators, size, unix_s) {
            RangeOutcome::Whole => match entry.prepared(&self.clock) {
                Some(prepared) => Response::prepared(prepared),
                None => self.part(StatusCode::OK, entry, ByteRange { start: 0, len: size }).await,
            },
            RangeOutcome::Part(part) => self.part(StatusCode::PARTIAL_CONTENT, entry, part).await,
            RangeOutcome::Unsatisfiable => {
                let mut response = Response::error(StatusCode::RANGE_NOT_SATISFIABLE, "");
                response.head.range = RangeField::Unsatisfied(size);
                response.body = Body::Empty;
                response
            }
        }
    }

    /// A part of a file that is not answered by its ready block.
    async fn part(&self, status: StatusCode, entry: &Rc<Entry>, part: ByteRange) -> Response {
        let size = entry.metadata.size_bytes;
        let mut head = with_validators(status, entry);
        head.content_type = Some(entry.content_type);
        head.range = match status {
            StatusCode::PARTIAL_CONTENT => RangeField::Part(part.start, part.len, size),
            _ => RangeField::Accepted,
        };
        if let Some((block, body_start)) = entry.body_in_memory() {
            let start = body_start + part.start as u32;
            return Response::new(head, Body::Full(Chunk::Shared(block, start..start + part.len as u32)));
        }
        match self.file_of(entry).await {
            Ok(file) => {
                let body = FilePart { file, start: part.start, length: part.len, metadata: entry.metadata };
                Response::new(head, Body::File(body))
            }
            Err(refused) => refusal(&refused),
        }
    }

    /// The entry's open file; opened again if it was closed for idleness.
    async fn file_of(&self, entry: &Rc<Entry>) -> Result<Rc<File>, Refused> {
        if let Some(file) = entry.open_file() {
            return Ok(file);
        }
        let directory = self.root.borrow().directory().clone();
        let place = locate::place(&directory, self.options.symlinks, &entry.location).await?;
        let Some((place, metadata)) = place else { return Err(Refused::Hidden) };
        if metadata != entry.metadata {
            // It changed within the period in which nobody looks: the next request looks.
            self.cache.borrow_mut().clear();
            return Err(Refused::Failed(io::Error::other("the file has just changed")));
        }
        let file = Rc::new(fs::reopen(&place).map_err(refused_read)?);
        entry.keep_open(&file);
        Ok(file)
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
    loop {
        timer::sleep(HOUSEKEEPING_PERIOD).await;
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
