//! One file as a worker knows it: what it was when it was looked at, and its answer as far as it is ready.
//!
//! In: a place. Out: a prepared response, or an open file to stream from. Next: `connection/answer.rs`, `connection/file.rs`.

mod loading;

use loading::HEAD_BYTES_USUAL;
pub(super) use loading::{Loading, is_named_by_content};

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use bytes::Bytes;
use selvedge_runtime::fs::{File, Metadata};
use selvedge_runtime::{BlockClass, BufferPool, Moment, SharedLease};

use super::derived::{Derived, DerivedKey, DerivedStore};
use super::options::TagSource;
use super::shares::{Scarce, Share, Shares};
use crate::clock::Clock;
use crate::fixed_fields::FixedFields;
use crate::h1::date::DATE_LEN;
use crate::negotiation::Coding;
use crate::response::{OpenFile, Prepared};
use crate::validators::{ChangeTime, Validators};

/// Files up to this size are kept in memory, with their head.
pub(super) const READY_BYTES_MAX: u64 = 64 * 1024;

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
    /// Head and body in one block.
    Ready(RefCell<Ready>),
    /// Compressed by the server, and too large for a block.
    Variant(DerivedKey),
    /// Open, or to be opened again.
    Streamed { open: RefCell<Option<Rc<OpenFile>>>, used_at: Cell<Moment> },
}

#[derive(Debug)]
struct Ready {
    block: SharedLease,
    head_bytes: u32,
    bytes: u32,
    date_start: usize,
    /// The second whose Date stands in the block.
    unix_s: u64,
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
        let clock = &mut *clock.borrow_mut();
        if ready.unix_s != clock.unix_s() {
            ready.bring_up_to_date(clock);
        }
        Some(Prepared { block: ready.block.clone(), head_bytes: ready.head_bytes, bytes: ready.bytes })
    }

    /// Where the octets of the body are.
    pub(super) fn body(&self, store: &DerivedStore) -> EntryBody {
        match &self.content {
            Content::Ready(ready) => {
                let ready = ready.borrow();
                EntryBody::Block(ready.block.clone(), ready.head_bytes)
            }
            Content::Variant(key) => match store.get(key) {
                Some(Derived::Variant(variant)) => EntryBody::Shared(variant.bytes()),
                _ => EntryBody::Gone,
            },
            Content::Streamed { .. } => EntryBody::File,
        }
    }

    /// The open file, if it is streamed and its descriptor has not been closed for idleness.
    pub(super) fn open_file(&self) -> Option<Rc<OpenFile>> {
        let Content::Streamed { open, used_at } = &self.content else { return None };
        used_at.set(selvedge_runtime::now());
        open.borrow().clone()
    }

    /// Keeps a file open, for this request and later ones; `None` where all descriptors that files may have are in use, and
    /// for an answer that stands ready, which needs none.
    pub(super) fn keep_open(
        &self,
        file: File,
        shares: &Rc<Shares>,
        mut make_room: impl FnMut(Scarce) -> bool,
    ) -> Option<Rc<OpenFile>> {
        let Content::Streamed { open, .. } = &self.content else { return None };
        let share = loop {
            match shares.take(Scarce::Descriptor) {
                None if make_room(Scarce::Descriptor) => {}
                share => break share?,
            }
        };
        let file = Rc::new(OpenFile::with_share(file, self.metadata, share));
        *open.borrow_mut() = Some(Rc::clone(&file));
        Some(file)
    }

    /// Closes the descriptor if nobody has used it since `before`; who sends from it still holds it.
    pub(super) fn close_idle(&self, before: Moment) {
        if let Content::Streamed { used_at, .. } = &self.content
            && used_at.get() < before
        {
            self.close();
        }
    }

    /// Closes the descriptor for this entry. Who sends from it still holds it.
    pub(super) fn close(&self) {
        if let Content::Streamed { open, .. } = &self.content {
            *open.borrow_mut() = None;
        }
    }

    /// What it holds that is scarce and would be free without it.
    pub(super) fn holds(&self) -> Option<Scarce> {
        match &self.content {
            Content::Ready(ready) => Some(ready.borrow().share.scarce()),
            Content::Variant(_) => None,
            Content::Streamed { open, .. } => {
                let open = open.borrow();
                open.as_ref().filter(|open| Rc::strong_count(open) == 1).map(|_| Scarce::Descriptor)
            }
        }
    }

    /// Whether its descriptor is open.
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.content, Content::Streamed { open, .. } if open.borrow().is_some())
    }

    /// Whether no request was answered from its block in this second and the one before. A block that went to whoever asks next
    /// would be read anew for nearly every request, where more files are asked for than there are blocks.
    pub(super) fn is_at_rest(&self, unix_s: u64) -> bool {
        let Content::Ready(ready) = &self.content else { return true };
        ready.borrow().unix_s + 1 < unix_s
    }

    /// Whether a later look may make more of the same file: it is streamed only because there was no room for it or because
    /// it changed while it was read, or its version could not be named, as it was so recent, or too much else was to do.
    pub(super) fn is_makeshift(&self, shares: &Shares, unix_s: u64) -> bool {
        self.change_time == ChangeTime::Recent
            || self.validators.entity_tag.is_none()
            || self.may_become_ready(shares, unix_s)
    }

    fn may_become_ready(&self, shares: &Shares, unix_s: u64) -> bool {
        if matches!(self.content, Content::Ready(_)) || self.content_bytes > READY_BYTES_MAX {
            return false;
        }
        // With the shortest head and with a long one: which block it takes is known when it is written.
        [0, HEAD_BYTES_USUAL].iter().any(|head_bytes| {
            BlockClass::fitting(self.content_bytes as usize + head_bytes)
                .is_some_and(|class| shares.may_be_had(Scarce::Block(class), unix_s))
        })
    }
}

impl Ready {
    /// Writes the new second's Date: in place if no send uses the block, else into a copy, since a block that changes under
    /// a send that waits would go out half old, half new.
    fn bring_up_to_date(&mut self, clock: &mut Clock) {
        let unix_s = clock.unix_s();
        let date = *clock.date();
        if self.block.get_mut().is_none() {
            let Some(mut copy) = BlockClass::fitting(self.block.len()).and_then(BufferPool::lease) else {
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
