//! How an answer comes to be: read into a block with its head, or open to be streamed.

use std::io;

use http::StatusCode;
use selvedge_runtime::fs::{self, File, Metadata};
use selvedge_runtime::{BufferPool, Lease};
use xxhash_rust::xxh3::xxh3_128;

use super::super::derived::{DerivedKey, Variant, What};
use super::super::options::TagSource;
use super::super::resource::Representation;
use super::super::shares::{Demand, Shares, classes_for};
use super::{Content, Description, Entry, READY_BYTES_MAX, Ready, Streamed};
use crate::clock::Clock;
use crate::fixed_fields::FixedFields;
use crate::h1::HeadWriter;
use crate::open_file::OpenFile;
use crate::validators::{ChangeTime, EntityTag, Validators};

use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Room for the fields that every file's head has; a content type has at most a few hundred octets.
pub(super) const HEAD_BYTES_USUAL: usize = 1_024;
/// Tries to read a file that changes while it is read; then it is streamed, which closes on a change.
const READS_MAX: usize = 3;

/// What an answer is loaded with.
pub(in super::super) struct Loading<'a> {
    pub(in super::super) shares: &'a Rc<Shares>,
    pub(in super::super) clock: &'a RefCell<Clock>,
    /// How much the answer was asked for while it had no block.
    pub(in super::super) demand: Demand,
}

impl Entry {
    /// Reads the file at `place` if it is small, and makes its answer ready. `hash` is that of its content, where a file
    /// that is not small is named by it.
    pub(in super::super) async fn load(
        place: &File,
        description: Description,
        hash: Option<(Metadata, u128)>,
        loading: &Loading<'_>,
    ) -> io::Result<(Rc<Self>, Option<Rc<OpenFile>>)> {
        loading.bring_clock_up_to_date();
        let file = fs::reopen(place)?;
        let mut metadata = file.metadata()?;
        let hash = hash.filter(|(version, _)| *version == metadata).map(|(_, hash)| hash);
        let mut validators = loading.validators(&metadata, &description, hash);
        let mut content = None;
        for _ in 0..READS_MAX {
            if metadata.size_bytes > READY_BYTES_MAX {
                break;
            }
            let size = metadata.size_bytes as usize;
            let read = async |block, head_bytes| read_whole(&file, block, head_bytes, size).await;
            let ready = loading.ready(&metadata, size, &description, read).await?;
            let again = file.metadata()?;
            if again == metadata {
                if let Some((ready, named)) = ready {
                    (content, validators) = (Some(Content::Ready(RefCell::new(Some(ready)))), named);
                }
                break;
            }
            metadata = again;
            validators = loading.validators(&metadata, &description, None);
        }
        let entry = Rc::new(Self {
            description,
            metadata,
            content_bytes: metadata.size_bytes,
            validators,
            version_fields: FixedFields::of_version(&validators, loading.clock.borrow().unix_s()),
            change_time: loading.change_time(&metadata),
            content: content.unwrap_or_else(|| Content::Streamed(Streamed::new())),
            is_in_line: Cell::default(),
        });
        entry.note_block(loading.shares);
        let opened = entry.keep_open(file, loading.shares);
        Ok((entry, opened))
    }

    /// The answer of a variant that was made of a form's file.
    pub(in super::super) async fn of_variant(
        variant: &Variant,
        form: &Representation,
        description: Description,
        loading: &Loading<'_>,
    ) -> io::Result<Rc<Self>> {
        let metadata = form.metadata;
        let octets = variant.octets();
        let mut validators = loading.validators(&metadata, &description, Some(xxh3_128(octets)));
        let what = What::variant(form.form.coding).expect("a variant has a coding");
        let mut content = Content::Variant(DerivedKey::new(&metadata, what));
        if octets.len() as u64 <= READY_BYTES_MAX {
            let copy = async |mut block: Lease, head_bytes: usize| {
                block.truncate(head_bytes + octets.len());
                block[head_bytes..].copy_from_slice(octets);
                Ok(Some(block))
            };
            if let Some((ready, named)) = loading.ready(&metadata, octets.len(), &description, copy).await? {
                (content, validators) = (Content::Ready(RefCell::new(Some(ready))), named);
            }
        }
        let content_bytes = octets.len() as u64;
        let version_fields = FixedFields::of_version(&validators, loading.clock.borrow().unix_s());
        let change_time = loading.change_time(&metadata);
        let entry = Rc::new(Self {
            description,
            metadata,
            content_bytes,
            validators,
            change_time,
            version_fields,
            content,
            is_in_line: Cell::default(),
        });
        entry.note_block(loading.shares);
        Ok(entry)
    }

    /// Who has a block may have to give it up.
    fn note_block(self: &Rc<Self>, shares: &Shares) {
        if let Content::Ready(ready) = &self.content
            && let Some(ready) = &*ready.borrow()
        {
            shares.note_holder(ready.share.scarce(), self);
        }
    }
}

/// Whether a file of this metadata is named by its content.
pub(in super::super) fn is_named_by_content(metadata: &Metadata, tags: TagSource, now_unix_s: u64) -> bool {
    tags == TagSource::Content || ChangeTime::judge(metadata.modified.0, now_unix_s) == ChangeTime::Fixed
}

impl Loading<'_> {
    /// Behind each wait for the disk, which may have taken its time: by an old clock a change of just now looks settled.
    fn bring_clock_up_to_date(&self) {
        self.clock.borrow_mut().advance(selvedge_runtime::now());
    }

    fn change_time(&self, metadata: &Metadata) -> ChangeTime {
        ChangeTime::judge(metadata.modified.0, self.clock.borrow().unix_s())
    }

    /// How a version is named: by its time and size, or by its content, if its hash is known.
    fn validators(&self, metadata: &Metadata, description: &Description, hash: Option<u128>) -> Validators {
        let (modified_unix_s, modified_ns) = metadata.modified;
        let now_unix_s = self.clock.borrow().unix_s();
        let mut validators = match ChangeTime::judge(modified_unix_s, now_unix_s) {
            ChangeTime::Settled => Validators::of_file(metadata.size_bytes, modified_unix_s, modified_ns),
            ChangeTime::Recent | ChangeTime::Fixed => Validators::default(),
        };
        if is_named_by_content(metadata, description.tags, now_unix_s) {
            validators.entity_tag = hash.map(EntityTag::of_content);
        }
        if !description.tag_suffix.is_empty() {
            validators.entity_tag = validators.entity_tag.map(|tag| tag.with_suffix(&description.tag_suffix));
        }
        validators
    }

    /// Head and body in one block, and how its version is named. `fill` puts the body behind the head; `None` from it, or
    /// for want of room, and there is no such block.
    async fn ready(
        &self,
        metadata: &Metadata,
        size: usize,
        description: &Description,
        fill: impl AsyncFnOnce(Lease, usize) -> io::Result<Option<Lease>>,
    ) -> io::Result<Option<(Ready, Validators)>> {
        let mut head = vec![0; HEAD_BYTES_USUAL + description.fields.as_bytes().len()];
        // Any hash: all tags of contents are as long.
        let mut validators = self.validators(metadata, description, Some(0));
        let (head_bytes, _, _) = self.write_head(&mut head, size, &validators, description);
        let Some((block, share)) = self.block(head_bytes + size) else { return Ok(None) };
        let filled = fill(block, head_bytes).await;
        self.bring_clock_up_to_date();
        let Some(mut block) = filled? else { return Ok(None) };
        if is_named_by_content(metadata, description.tags, self.clock.borrow().unix_s()) {
            let hash = xxh3_128(&block[head_bytes..head_bytes + size]);
            validators = self.validators(metadata, description, Some(hash));
        }
        let (written, date_start, unix_s) = self.write_head(&mut head, size, &validators, description);
        if written != head_bytes {
            // It has settled meanwhile, and has fields that were not reckoned with: the next look makes it ready.
            return Ok(None);
        }
        block[..head_bytes].copy_from_slice(&head[..head_bytes]);
        let (head_bytes, bytes) = (head_bytes as u32, (head_bytes + size) as u32);
        let block = block.share();
        let ready = Ready { block, head_bytes, bytes, date_start, unix_s, body_used_unix_s: unix_s, share };
        Ok(Some((ready, validators)))
    }

    /// `None` where other answers use theirs, and where all blocks are on their way to clients.
    fn block(&self, bytes: usize) -> Option<(Lease, super::Share)> {
        let unix_s = self.clock.borrow().unix_s();
        classes_for(bytes, self.demand).find_map(|(class, demand)| {
            // First, as nobody else shall have given up a share for nothing.
            let block = BufferPool::lease(class)?;
            Some((block, self.shares.block(class, demand, unix_s)?))
        })
    }

    /// Returns the head's length, where its Date stands, and of which second that is.
    fn write_head(
        &self,
        head: &mut [u8],
        size: usize,
        validators: &Validators,
        description: &Description,
    ) -> (usize, usize, u64) {
        let mut clock = self.clock.borrow_mut();
        let unix_s = clock.unix_s();
        let mut writer = HeadWriter::new(head);
        writer.status(StatusCode::OK).date(clock.date());
        writer.content_type(description.content_type).content_length(size as u64);
        writer.fixed(&FixedFields::of_version(validators, unix_s));
        if let Some(coding) = description.content_coding {
            writer.content_coding(coding);
        }
        let written = writer.accept_ranges().fixed(&description.fields).finish();
        let written = written.expect("room was reckoned for these");
        (written.len, written.date_start.expect("a date was written"), unix_s)
    }
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
