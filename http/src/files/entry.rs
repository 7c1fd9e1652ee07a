//! One file as a worker knows it: what it was when it was looked at, and its answer as far as it is ready.
//!
//! In: a place. Out: a prepared response, or an open file to stream from. Next: `connection/answer.rs`, `connection/file.rs`.

use std::cell::{Cell, RefCell};
use std::ffi::CString;
use std::io;
use std::rc::Rc;

use http::StatusCode;
use selvedge_runtime::fs::{self, File, Metadata};
use selvedge_runtime::{BlockClass, BufferPool, Lease, Moment, SharedLease};

use super::shares::{Scarce, Share, Shares};
use crate::clock::Clock;
use crate::fixed_fields::FixedFields;
use crate::h1::HeadWriter;
use crate::h1::date::{DATE_LEN, format_date};
use crate::response::{OpenFile, Prepared};
use crate::validators::{ChangeTime, Validators};

/// Files up to this size are kept in memory, with their head.
const READY_BYTES_MAX: u64 = 64 * 1024;
/// Room for the fields that every file's head has; a content type has at most a few hundred octets.
const HEAD_BYTES_USUAL: usize = 1_024;
/// Tries to read a file that changes while it is read; then it is streamed, which closes on a change.
const READS_MAX: usize = 3;

/// A file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) description: Description,
    pub(super) metadata: Metadata,
    pub(super) validators: Validators,
    change_time: ChangeTime,
    content: Content,
}

/// What an answer says of a form of a file, whatever its content.
#[derive(Debug, Clone)]
pub(super) struct Description {
    /// Relative to the root.
    pub(super) location: CString,
    pub(super) content_type: &'static str,
    pub(super) content_coding: Option<&'static str>,
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

/// What a file's whole answer needs that the cache did not have.
pub(super) enum NoRoom {
    /// Other entries with such a thing must go first.
    Share(Scarce),
    /// All blocks are on their way to clients.
    Blocks,
}

impl Entry {
    /// Reads the file at `place` if it is small, and makes its answer ready.
    pub(super) async fn load(
        place: &File,
        description: Description,
        shares: &Rc<Shares>,
        clock: &RefCell<Clock>,
        mut make_room: impl FnMut(Scarce) -> bool,
    ) -> io::Result<(Rc<Self>, Option<Rc<OpenFile>>)> {
        let file = fs::reopen(place)?;
        let mut metadata = file.metadata()?;
        let mut version = Version::judge(&metadata, &description, clock);
        let mut content = None;
        if metadata.size_bytes <= READY_BYTES_MAX {
            for _ in 0..READS_MAX {
                let ready = loop {
                    match ready(&file, &metadata, &version.validators, &description, shares, clock).await? {
                        Err(NoRoom::Share(scarce)) if make_room(scarce) => {}
                        other => break other.ok().flatten(),
                    }
                };
                let again = file.metadata()?;
                if let Some(ready) = ready
                    && again == metadata
                {
                    content = Some(Content::Ready(RefCell::new(ready)));
                    break;
                }
                if again == metadata {
                    break;
                }
                metadata = again;
                version = Version::judge(&metadata, &description, clock);
            }
        }
        let entry = Rc::new(Self {
            description,
            metadata,
            validators: version.validators,
            change_time: version.change_time,
            content: content.unwrap_or_else(|| Content::Streamed {
                open: RefCell::default(),
                used_at: Cell::new(selvedge_runtime::now()),
            }),
        });
        let opened = entry.keep_open(file, shares, make_room);
        Ok((entry, opened))
    }

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

    /// The octets of a part of the body, if it is in memory: the block, and where the body begins in it.
    pub(super) fn body_in_memory(&self) -> Option<(SharedLease, u32)> {
        let Content::Ready(ready) = &self.content else { return None };
        let ready = ready.borrow();
        Some((ready.block.clone(), ready.head_bytes))
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
        let file = Rc::new(OpenFile::with_share(file, share));
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

    /// Whether a later look may make more of the same file: it is streamed only because there was no room for it or because
    /// it changed while it was read, or it changed so recently that its version could not be named.
    pub(super) fn is_makeshift(&self) -> bool {
        let is_streamed = matches!(self.content, Content::Streamed { .. });
        self.change_time == ChangeTime::Recent || is_streamed && self.metadata.size_bytes <= READY_BYTES_MAX
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

/// How a version of a file is named.
struct Version {
    validators: Validators,
    change_time: ChangeTime,
}

impl Version {
    fn judge(metadata: &Metadata, description: &Description, clock: &RefCell<Clock>) -> Self {
        let (modified_unix_s, modified_ns) = metadata.modified;
        let change_time = ChangeTime::judge(modified_unix_s, clock.borrow().unix_s());
        let mut validators = match change_time {
            ChangeTime::Settled => Validators::of_file(metadata.size_bytes, modified_unix_s, modified_ns),
            ChangeTime::Recent | ChangeTime::Fixed => Validators::default(),
        };
        if !description.tag_suffix.is_empty() {
            validators.entity_tag = validators.entity_tag.map(|tag| tag.with_suffix(&description.tag_suffix));
        }
        Self { validators, change_time }
    }
}

/// Head and body of `file` in one block; `None` if the file turned out shorter or longer than `metadata` says.
async fn ready(
    file: &File,
    metadata: &Metadata,
    validators: &Validators,
    description: &Description,
    shares: &Rc<Shares>,
    clock: &RefCell<Clock>,
) -> io::Result<Result<Option<Ready>, NoRoom>> {
    let mut head = vec![0; HEAD_BYTES_USUAL + description.fields.as_bytes().len()];
    let (head_bytes, date_start, unix_s) = write_head(&mut head, metadata, validators, description, clock);
    let size = metadata.size_bytes as usize;
    let Some(class) = BlockClass::fitting(head_bytes + size) else { return Ok(Ok(None)) };
    let scarce = Scarce::Block(class);
    let Some(share) = shares.take(scarce) else { return Ok(Err(NoRoom::Share(scarce))) };
    let Some(mut block) = BufferPool::lease(class) else { return Ok(Err(NoRoom::Blocks)) };
    block[..head_bytes].copy_from_slice(&head[..head_bytes]);
    let Some(block) = read_whole(file, block, head_bytes, size).await? else { return Ok(Ok(None)) };
    Ok(Ok(Some(Ready {
        block: block.share(),
        head_bytes: head_bytes as u32,
        bytes: (head_bytes + size) as u32,
        date_start,
        unix_s,
        share,
    })))
}

fn write_head(
    head: &mut [u8],
    metadata: &Metadata,
    validators: &Validators,
    description: &Description,
    clock: &RefCell<Clock>,
) -> (usize, usize, u64) {
    let mut clock = clock.borrow_mut();
    let unix_s = clock.unix_s();
    let mut writer = HeadWriter::new(head);
    writer.status(StatusCode::OK).date(clock.date());
    writer.field("content-type", description.content_type.as_bytes()).content_length(metadata.size_bytes);
    if let Some(modified_unix_s) = validators.last_modified_unix_s(unix_s) {
        writer.last_modified(&format_date(modified_unix_s));
    }
    if let Some(tag) = &validators.entity_tag {
        writer.field("etag", tag.as_bytes());
    }
    if let Some(coding) = description.content_coding {
        writer.field("content-encoding", coding.as_bytes());
    }
    let written =
        writer.accept_ranges().fixed(&description.fields).finish().expect("room was reckoned for these");
    (written.len, written.date_start.expect("a date was written"), unix_s)
}

/// Reads until `size` octets follow the head; `None` if the file has fewer.
async fn read_whole(
    file: &File,
    mut block: Lease,
    head_bytes: usize,
    size: usize,
) -> io::Result<Option<Lease>> {
    let mut read = 0;
    while read < size {
        block.restore();
        block.truncate(head_bytes + size);
        block = fs::read_behind(file, block, head_bytes + read, read as u64).await?;
        let now = block.len() - head_bytes;
        if now == read {
            return Ok(None);
        }
        read = now;
    }
    block.truncate(head_bytes + size);
    Ok(Some(block))
}

#[cfg(test)]
mod tests;
