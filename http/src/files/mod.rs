//! Step 6 of a request's walk, handler: answers from files, found beneath a root, kept ready in memory, looked at again when they may have changed.
//!
//! In: a path relative to the root, and a request. Out: a response the engine sends. A hit that is fresh makes no system
//! call; after its period a hit is checked again *by path*, so that a renamed file, a switched link or a replaced root is
//! followed.

mod entry;
mod locate;
mod looks;
mod memory;
mod options;
mod shares;

pub use options::{FileOptions, SymlinkPolicy};

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use http::StatusCode;
use selvedge_runtime::fs::{self, Failure, File};
use selvedge_runtime::{Chunk, Moment, spawn_detached, timer};

use crate::application::Request;
use crate::clock::Clock;
use crate::conditional::{self, Outcome};
use crate::path::SitePath;
use crate::range::{self, ByteRange, RangeOutcome};
use crate::response::{Body, FilePart, OpenFile, RangeField, Response, ResponseHead};
use crate::turns::Turns;
use entry::Entry;
use locate::{Choice, Located, Refused, Root};
use looks::Looks;
use memory::{Found, Memory};
use shares::Scarce;
pub(crate) use shares::Share;

/// How often descriptors are looked at that nobody uses, at the longest and at the shortest.
const HOUSEKEEPING_PERIODS: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(100)];
/// How long what was closed may take to be free again, where descriptors have run out.
const RECOVERY: Duration = Duration::from_millis(10);
/// Looks at the disk under way: each holds up to two descriptors.
const LOOKS_AT_ONCE_MAX: usize = 16;
/// Looks at a file that changes between a look and its opening; then it is an error.
const LOOKS_MAX: usize = 3;

/// The files of one root, as one worker knows them.
#[derive(Debug)]
pub struct Files {
    options: FileOptions,
    root: RefCell<Root>,
    root_checked_at: Cell<Moment>,
    memory: Memory,
    looks: Looks,
    look_turns: Turns,
    clock: RefCell<Clock>,
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
        let files = Rc::new(Self {
            root: RefCell::new(Root::open(&options.root)?),
            root_checked_at: Cell::new(selvedge_runtime::now()),
            memory: Memory::new(&options),
            looks: Looks::default(),
            look_turns: Turns::new(LOOKS_AT_ONCE_MAX),
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
                Ok(Found::File(entry, opened)) => match self.respond(request, &entry, opened).await {
                    Ok(response) => return Answer::Response(response),
                    // It was remembered, but is no more what it was: another look.
                    Err(Changed) => self.memory.forget_entry(path.key(), &entry),
                },
                Ok(Found::NeedsSlash) => return Answer::NeedsSlash,
                Ok(Found::Missing) => return Answer::Response(Response::error(StatusCode::NOT_FOUND, "")),
                Err(refused) => return Answer::Response(refusal(&refused, path.key())),
            }
        }
        let always = Refused::Failed(io::Error::other("it changes all the time"));
        Answer::Response(refusal(&always, path.key()))
    }

    /// What `path` leads to: as remembered while that is fresh, else by a look of one request for all that wait for it.
    async fn find(&self, path: &SitePath<'_>) -> Result<Found, Refused> {
        loop {
            let now = selvedge_runtime::now();
            self.clock.borrow_mut().advance(now);
            let check = |entry: &Entry| self.is_unchanged(entry, now).then(|| self.root_checked_at.get());
            if let Some(found) = self.memory.recall(path.key(), now, check) {
                return Ok(found);
            }
            if let Some(_look) = self.looks.begin(path.key()).await {
                let found = self.look(path, now).await;
                self.clock.borrow_mut().advance(selvedge_runtime::now());
                return found;
            }
        }
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
            let followed = match reopening.await {
                Ok(directory) => self.root.borrow_mut().follow(directory),
                Err(error) => Err(error),
            };
            if let Err(error) = followed {
                // In the midst of a deploy it is gone for a moment.
                selvedge_runtime::report("root", || {
                    format!(
                        "{:?}: {error}; the directory that was there before is served until there is one again",
                        self.options.root
                    )
                });
            }
            self.root_checked_at.set(now);
        }
        let directory = self.root.borrow().directory().clone();
        let turn = self.look_turns.next().await;
        let found = match self.look_beneath(&directory, path).await {
            // What nobody sends from is closed, and given back with the turn's end.
            Err(Refused::Exhausted(_)) if self.memory.make_room(Scarce::Descriptor) => {
                while self.memory.make_room(Scarce::Descriptor) {}
                timer::sleep(RECOVERY).await;
                self.look_beneath(&directory, path).await
            }
            found => found,
        };
        drop(turn);
        match &found {
            // The age counts from before the look, and from the look at the root that it rests on: counted each for itself,
            // the two periods would add up.
            Ok(found) => self.memory.remember(path.key(), found, self.root_checked_at.get().min(now)),
            // What it was a while ago is a better answer than none.
            Err(Refused::Exhausted(_)) => {
                return self.memory.recall_stale(path.key()).map_or(found, Ok);
            }
            Err(_) => self.memory.forget(path.key()),
        }
        found
    }

    async fn look_beneath(&self, directory: &File, path: &SitePath<'_>) -> Result<Found, Refused> {
        let located = match locate::locate(directory, &self.options, path).await? {
            Located::File(located) => located,
            Located::NeedsSlash => return Ok(Found::NeedsSlash),
            Located::Missing => return Ok(Found::Missing),
        };
        let make_room = |scarce| self.memory.make_room(scarce);
        let loaded = Entry::load(located, &self.memory.shares, &self.clock, make_room).await;
        loaded.map(|(entry, opened)| Found::File(entry, opened)).map_err(refused_read)
    }

    async fn respond(
        &self,
        request: &Request<'_>,
        entry: &Rc<Entry>,
        opened: Option<Rc<OpenFile>>,
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
                None => self.part(StatusCode::OK, entry, ByteRange { start: 0, len: size }, opened).await,
            },
            RangeOutcome::Part(part) => self.part(StatusCode::PARTIAL_CONTENT, entry, part, opened).await,
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
        opened: Option<Rc<OpenFile>>,
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
        match self.file_of(entry, opened).await {
            Ok(Some(file)) => {
                let body = FilePart { file, start: part.start, length: part.len, metadata: entry.metadata };
                Ok(Response::new(head, Body::File(body)))
            }
            Ok(None) => Err(Changed),
            Err(refused) => Ok(refusal(&refused, entry.location.as_bytes())),
        }
    }

    /// The entry's file: as this request's own look has opened it, or as it was kept open, or opened again. `None`: it is
    /// not what the entry says any more.
    async fn file_of(
        &self,
        entry: &Rc<Entry>,
        opened: Option<Rc<OpenFile>>,
    ) -> Result<Option<Rc<OpenFile>>, Refused> {
        if opened.is_some() {
            return Ok(opened);
        }
        if let Some(file) = entry.open_file() {
            // Written to since an earlier look, its length would be a promise that is not kept.
            let unchanged = file.metadata().is_ok_and(|now| now == entry.metadata);
            return Ok(unchanged.then_some(file));
        }
        let directory = self.root.borrow().directory().clone();
        let place = match locate::place(&directory, self.options.symlinks, &entry.location).await {
            // A look knows what to do about that.
            Err(Refused::Exhausted(_)) => return Ok(None),
            place => place?,
        };
        // It may change within the period in which nobody looks.
        let Some((place, _)) = place.filter(|(_, metadata)| *metadata == entry.metadata) else {
            return Ok(None);
        };
        match fs::reopen(&place).map_err(refused_read) {
            Err(Refused::Exhausted(_)) => Ok(None),
            Err(refused) => Err(refused),
            Ok(file) => {
                let make_room = |scarce| self.memory.make_room(scarce);
                let file = entry.keep_open(file, &self.memory.shares, make_room);
                file.map(Some).ok_or(Refused::TooManyOpen)
            }
        }
    }

    /// Descriptors open for files that are streamed, and paths remembered.
    pub fn usage(&self) -> (usize, usize) {
        self.memory.usage()
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
        files.memory.close_idle(before);
    }
}

/// 304 and 206 carry the validators of the 200 (RFC 9110 sections 15.4.5 and 15.3.7).
fn with_validators(status: StatusCode, entry: &Entry) -> ResponseHead {
    ResponseHead {
        modified_unix_s: entry.validators.modified_unix_s,
        entity_tag: entry.validators.entity_tag,
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

/// The answer to a path that is refused, and a line for the operator where it is for him to mend.
fn refusal(refused: &Refused, path: &[u8]) -> Response {
    let status = match refused {
        Refused::Forbidden => StatusCode::FORBIDDEN,
        Refused::Hidden => StatusCode::NOT_FOUND,
        Refused::Exhausted(_) | Refused::TooManyOpen => StatusCode::SERVICE_UNAVAILABLE,
        Refused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if let Some(reason) = refused.reason() {
        selvedge_runtime::report("file", || {
            format!("{}: {:?} cannot be served: {reason}", status.as_u16(), String::from_utf8_lossy(path))
        });
    }
    Response::error(status, "")
}
