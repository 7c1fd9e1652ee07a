//! One file as a worker knows it: what it was when it was looked at, and its answer as far as it is ready.
//!
//! In: a place. Out: a prepared response, or an open file to stream from. Next: `connection/answer.rs`, `connection/file.rs`.

mod loading;

use loading::HEAD_BYTES_USUAL;
pub(super) use loading::{Loading, is_named_by_content};

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use selvedge_runtime::fs::{File, Metadata};
use selvedge_runtime::{BufferPool, Moment, SharedLease};

use super::derived::{Derived, DerivedKey, DerivedStore};
use super::options::TagSource;
use super::shares::{Demand, Holding, Plea, Scarce, Share, Shares, classes_for};
use crate::clock::Clock;
use crate::fixed_fields::FixedFields;
use crate::h1::date::DATE_LEN;
use crate::negotiation::Coding;
use crate::open_file::OpenFile;
use crate::response::Prepared;
use crate::validators::{ChangeTime, Validators};

/// Files up to this size are kept in memory, with their head.
pub(super) const READY_BYTES_MAX: u64 = 64 * 1024;

/// Uses within [`DEMAND_PERIOD`], or between two looks that are little further apart, from which on a streamed file may take another one's
/// block: enough for the other one not to be asked for next.
const HIGH_DEMAND_USES_MIN: u32 = 8;

/// How often a small file that is streamed is given the chance of a block, where looks come more rarely.
pub(super) const DEMAND_PERIOD: Duration = Duration::from_secs(1);

/// A file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) description: Description,
    /// Of the file that it is made of.
    pub(super) metadata: Metadata,
    /// Length of the body.
    pub(super) content_bytes: u64,
    pub(super) validators: Validators,
    change_time: ChangeTime,
    /// The same as they are said.
    pub(super) version_fields: FixedFields,
    content: Content,
    /// Among [those](Shares::note_holder) who may be asked for what they hold.
    pub(super) is_in_line: Cell<bool>,
}

/// What an answer says of a form of a file, whatever its content.
#[derive(Debug, Clone)]
pub(super) struct Description {
    /// Relative to the root.
    pub(super) location: Rc<CStr>,
    pub(super) content_type: &'static str,
    pub(super) content_coding: Option<Coding>,
    pub(super) tags: TagSource,
    /// What tells its tag from those of the other forms.
    pub(super) tag_suffix: String,
    /// Of 200, 206 and 304.
    pub(super) fields: FixedFields,
    /// Of the file as an error page.
    pub(super) page_fields: FixedFields,
    /// Of the file in the place of another that is not there.
    pub(super) fallback_fields: FixedFields,
}

#[derive(Debug)]
enum Content {
    /// Head and body in one block, unless that has gone to another entry.
    Ready(RefCell<Option<Ready>>),
    /// Compressed by the server, and too large for a block.
    Variant(DerivedKey),
    /// Open, or to be opened again.
    Streamed(Streamed),
}

#[derive(Debug)]
struct Streamed {
    open: RefCell<Option<Rc<OpenFile>>>,
    used_at: Cell<Moment>,
    /// How often since then.
    uses: Cell<u32>,
    counted_from: Cell<Moment>,
    /// When it had been used last as somebody else needed its descriptor.
    spared_at: Cell<Moment>,
}

#[derive(Debug)]
struct Ready {
    block: SharedLease,
    head_bytes: u32,
    bytes: u32,
    date_start: usize,
    /// The second whose Date stands in the block.
    unix_s: u64,
    /// The second in which the body was last used without this head: for a range, a page of an error, with fields added.
    body_used_unix_s: u64,
    share: Share,
}

/// Where an answer's body is.
pub(super) enum EntryBody {
    /// In this block, from this offset on.
    Block(SharedLease, u32),
    /// In memory that all workers share.
    Shared(Bytes),
    /// In the file.
    File,
    /// It had to make room: it is to be made anew.
    Gone,
}

impl Entry {
    /// The whole answer with the current Date, if it is in memory.
    #[inline]
    pub(super) fn prepared(&self, clock: &RefCell<Clock>) -> Option<Prepared> {
        let Content::Ready(ready) = &self.content else { return None };
        let mut ready = ready.borrow_mut();
        let ready = ready.as_mut()?;
        let clock = &mut *clock.borrow_mut();
        if ready.unix_s != clock.unix_s() {
            ready.bring_up_to_date(clock);
        }
        Some(Prepared { block: ready.block.clone(), head_bytes: ready.head_bytes, bytes: ready.bytes })
    }

    /// Where the octets of the body are, for an answer of this second.
    pub(super) fn body(&self, store: &DerivedStore, unix_s: u64) -> EntryBody {
        match &self.content {
            Content::Ready(ready) => match &mut *ready.borrow_mut() {
                Some(ready) => {
                    ready.body_used_unix_s = unix_s;
                    EntryBody::Block(ready.block.clone(), ready.head_bytes)
                }
                None => EntryBody::Gone,
            },
            Content::Variant(key) => match store.get(key) {
                Some(Derived::Variant(variant)) => EntryBody::Shared(variant.bytes()),
                _ => EntryBody::Gone,
            },
            Content::Streamed(_) => EntryBody::File,
        }
    }

    /// The open file, if it is streamed and its descriptor has not been closed for idleness.
    pub(super) fn open_file(&self) -> Option<Rc<OpenFile>> {
        let Content::Streamed(streamed) = &self.content else { return None };
        streamed.used_at.set(selvedge_runtime::now());
        streamed.uses.update(|uses| uses.saturating_add(1));
        streamed.open.borrow().clone()
    }

    /// Keeps a file open, for this request and later ones; `None` where all descriptors that files may have are in use, and
    /// for an answer that stands ready, which needs none.
    pub(super) fn keep_open(self: &Rc<Self>, file: File, shares: &Rc<Shares>) -> Option<Rc<OpenFile>> {
        let Content::Streamed(streamed) = &self.content else { return None };
        let share = shares.descriptor()?;
        let file = Rc::new(OpenFile::with_share(file, self.metadata, share));
        *streamed.open.borrow_mut() = Some(Rc::clone(&file));
        shares.note_holder(Scarce::Descriptor, self);
        Some(file)
    }

    /// Closes the descriptor if nobody has used it since `before`; who sends from it still holds it.
    pub(super) fn close_idle(&self, before: Moment) {
        if let Content::Streamed(streamed) = &self.content
            && streamed.used_at.get() < before
        {
            self.close();
        }
    }

    /// Closes the descriptor for this entry. Who sends from it still holds it.
    pub(super) fn close(&self) {
        if let Content::Streamed(streamed) = &self.content {
            *streamed.open.borrow_mut() = None;
        }
    }

    /// Whether it holds such a thing.
    pub(super) fn holds(&self, scarce: Scarce) -> bool {
        match &self.content {
            Content::Ready(ready) => {
                ready.borrow().as_ref().is_some_and(|ready| ready.share.scarce() == scarce)
            }
            Content::Variant(_) => false,
            Content::Streamed(streamed) => scarce == Scarce::Descriptor && streamed.open.borrow().is_some(),
        }
    }

    /// Gives such a thing up, as far as it may be asked to. Who sends from a block or a file still holds it; a file that is
    /// sent from is in use, since its descriptor would not be free.
    pub(super) fn give_up(&self, scarce: Scarce, plea: Plea, unix_s: u64) -> Holding {
        if !self.holds(scarce) {
            return Holding::Nothing;
        }
        let is_kept = match &self.content {
            Content::Ready(_) => plea == Plea::IfUnused && !self.is_at_rest(unix_s),
            Content::Variant(_) => true,
            Content::Streamed(streamed) => match plea {
                Plea::IfUnused => streamed.is_in_use() || streamed.was_used_again(),
                Plea::IfIdle => streamed.is_in_use(),
            },
        };
        if is_kept {
            return Holding::Kept;
        }
        match &self.content {
            Content::Ready(ready) => *ready.borrow_mut() = None,
            Content::Variant(_) | Content::Streamed(_) => self.close(),
        }
        Holding::GivenUp
    }

    /// Whether its block has gone to another entry: it is to be made anew.
    #[inline]
    pub(super) fn has_given_up(&self) -> bool {
        matches!(&self.content, Content::Ready(ready) if ready.borrow().is_none())
    }

    /// Whether its descriptor is open.
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.content, Content::Streamed(streamed) if streamed.open.borrow().is_some())
    }

    /// Whether no request was answered from its block in this second and the one before. A block that went to whoever asks next
    /// would be read anew for nearly every request, where more files are asked for than there are blocks.
    pub(super) fn is_at_rest(&self, unix_s: u64) -> bool {
        let Content::Ready(ready) = &self.content else { return true };
        ready.borrow().as_ref().is_none_or(|ready| ready.unix_s.max(ready.body_used_unix_s) + 1 < unix_s)
    }

    /// Whether a later look may make more of the same file: it is streamed only because there was no room for it or because
    /// it changed while it was read, or its version could not be named, as it was so recent, or too much else was to do.
    pub(super) fn is_makeshift(&self, shares: &Shares, demand: Demand, unix_s: u64) -> bool {
        self.change_time == ChangeTime::Recent
            || self.validators.entity_tag.is_none()
            || self.may_become_ready(shares, demand, unix_s)
    }

    /// Whether it is small and streamed, and its demand is to be judged again without a look.
    #[inline]
    pub(super) fn is_due_for_block(&self) -> bool {
        match &self.content {
            Content::Streamed(streamed) if self.content_bytes <= READY_BYTES_MAX => streamed.is_counted(),
            _ => false,
        }
    }

    /// Whether there may be a block for what is streamed only for want of one.
    pub(super) fn may_become_ready(&self, shares: &Shares, demand: Demand, unix_s: u64) -> bool {
        if matches!(self.content, Content::Ready(_)) || self.content_bytes > READY_BYTES_MAX {
            return false;
        }
        // With the shortest head and with a long one: which block it takes is known when it is written.
        [0, HEAD_BYTES_USUAL].iter().any(|head_bytes| {
            classes_for(self.content_bytes as usize + head_bytes, demand)
                .any(|(class, demand)| shares.may_have_block(class, demand, unix_s))
        })
    }

    /// How much it is asked for.
    pub(super) fn take_demand(&self) -> Demand {
        match &self.content {
            Content::Streamed(streamed) => streamed.take_demand(),
            Content::Ready(_) | Content::Variant(_) => Demand::Usual,
        }
    }
}

impl Streamed {
    fn new() -> Self {
        let now = selvedge_runtime::now();
        Self {
            open: RefCell::default(),
            used_at: Cell::new(now),
            uses: Cell::default(),
            counted_from: Cell::new(now),
            spared_at: Cell::new(now),
        }
    }

    /// Whether its uses were counted for so long that they tell of little demand too.
    fn is_counted(&self) -> bool {
        selvedge_runtime::now().since(self.counted_from.get()) >= DEMAND_PERIOD
    }

    fn take_demand(&self) -> Demand {
        let is_high = self.uses.get() >= HIGH_DEMAND_USES_MIN;
        if is_high || self.is_counted() {
            self.uses.set(0);
            self.counted_from.set(selvedge_runtime::now());
        }
        if is_high { Demand::High } else { Demand::Usual }
    }

    fn is_in_use(&self) -> bool {
        self.open.borrow().as_ref().is_some_and(|open| Rc::strong_count(open) > 1)
    }

    /// Whether it was used since it was spared for that.
    fn was_used_again(&self) -> bool {
        self.spared_at.replace(self.used_at.get()) < self.used_at.get()
    }
}

impl Ready {
    /// Writes the new second's Date: in place if no send uses the block, else into a copy, since a block that changes under
    /// a send that waits would go out half old, half new.
    fn bring_up_to_date(&mut self, clock: &mut Clock) {
        let unix_s = clock.unix_s();
        let date = *clock.date();
        if self.block.get_mut().is_none() {
            // Of the class that it has a share of, which may be more than it needs.
            let Scarce::Block(class) = self.share.scarce() else { return };
            let Some(mut copy) = BufferPool::lease(class) else {
                // Every block is on its way: the last second's Date serves once more.
                return;
            };
            copy.truncate(self.block.len());
            copy.copy_from_slice(&self.block);
            self.block = copy.share();
        }
        if let Some(bytes) = self.block.get_mut() {
            bytes[self.date_start..self.date_start + DATE_LEN].copy_from_slice(&date);
            self.unix_s = unix_s;
        }
    }
}

#[cfg(test)]
mod tests;
