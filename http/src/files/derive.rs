//! Making something of a file's content, on a helper's thread: a compressed variant, or the hash of its tag.
//!
//! In: a form of a file. Out: what the store has, or what a helper makes of the file now. Next: [`super::entry`].

use std::io::{self, Read};

use selvedge_runtime::Undone;
use selvedge_runtime::fs::{self, FileReader, Metadata};
use xxhash_rust::xxh3::Xxh3Default;

use super::derived::{Derived, DerivedKey, Known, What};
use super::locate::Refused;
use super::resource::Representation;
use super::tree::{Tree, refused_read};
use super::{Files, entry};
use crate::content_coding;
use crate::negotiation::Coding;
use crate::validators::ChangeTime;

/// Octets that are hashed at a time.
const HASH_BUFFER_BYTES: usize = 256 * 1024;
/// How often a request waits for what others make of the same version in vain.
const WAITS_MAX: usize = 2;

/// What came of it.
#[derive(Debug)]
pub(super) enum Made {
    This(Derived),
    /// The file is not what the look has found any more.
    Changed,
    /// Not at this time: the file changed a moment ago, or too much of the kind is in memory.
    NotNow,
}

impl Files {
    /// The variant of a form that the server compresses.
    pub(super) async fn variant(&self, tree: &Tree, form: &Representation) -> Result<Made, Refused> {
        let coding = form.form.coding;
        let what = What::variant(coding).expect("a file as it is is not compressed");
        self.derive(tree, form, what, move |reader, size_bytes| {
            encode(coding, reader, size_bytes).map(Derived::Variant)
        })
        .await
    }

    /// The hash of a form's content.
    pub(super) async fn hash(&self, tree: &Tree, form: &Representation) -> Result<Made, Refused> {
        self.derive(tree, form, What::Hash, hash).await
    }

    /// Whether a form is named by a hash that takes a helper to make.
    pub(super) fn needs_hash(&self, form: &Representation) -> bool {
        let unix_s = self.clock.borrow().unix_s();
        form.metadata.size_bytes > entry::READY_BYTES_MAX
            && entry::is_named_by_content(&form.metadata, self.options.tags, unix_s)
    }

    /// What `make` makes of a form's file and its size, once for all workers.
    async fn derive(
        &self,
        tree: &Tree,
        form: &Representation,
        what: What,
        make: impl FnOnce(&mut FileReader, u64) -> io::Result<Derived> + Send + 'static,
    ) -> Result<Made, Refused> {
        let version: Metadata = form.metadata;
        // Rewritten within one tick of the file system's clock, it would look the same, and what was made of it would stay.
        if ChangeTime::judge(version.modified.0, self.clock.borrow().unix_s()) == ChangeTime::Recent {
            return Ok(Made::NotNow);
        }
        let store = &self.options.derived;
        let key = DerivedKey::new(&version, what);
        let mut waits = 0;
        let underway = loop {
            match store.look_up(key) {
                Known::Made(made) => return Ok(Made::This(made)),
                Known::Full => return Ok(Made::NotNow),
                Known::Nothing(underway) => break underway,
                // Whoever makes it has failed, and so would this one.
                Known::Underway(_) if waits == WAITS_MAX => return Ok(Made::NotNow),
                Known::Underway(ends) => {
                    waits += 1;
                    let _ = ends.recv().await;
                }
            }
        };
        // Before anything is opened: who waits holds no descriptor.
        let turn = store.turns.next().await;
        let Some(place) = self.place(tree, form).await? else { return Ok(Made::Changed) };
        let made = fs::read_beside(&place, move |reader| {
            // Until the work has ended, whether or not anybody still waits for it.
            let _turn = turn;
            let mut reader = reader?;
            let derived = make(&mut reader, version.size_bytes)?;
            // Written to meanwhile, it is a mixture of versions.
            if reader.metadata()? != version {
                return Ok(Made::Changed);
            }
            underway.finish(derived.clone());
            Ok(Made::This(derived))
        });
        drop(place);
        match made.await {
            Ok(made) => made.map_err(refused_read),
            Err(Undone::Overloaded | Undone::Lost) => Ok(Made::NotNow),
        }
    }
}

/// The first `size_bytes` octets in `coding`; of a file that grows meanwhile little more is read.
fn encode(coding: Coding, reader: &mut FileReader, size_bytes: u64) -> io::Result<super::derived::Variant> {
    // Reckoned here for the first time, beside the workers.
    let _ = content_coding::fingerprint(coding);
    content_coding::encode(coding, &mut reader.take(size_bytes)).map(Into::into)
}

/// The hash of the first `size_bytes` octets.
fn hash(reader: &mut FileReader, size_bytes: u64) -> io::Result<Derived> {
    let mut content = reader.take(size_bytes);
    let mut hasher = Xxh3Default::new();
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(Derived::Hash(hasher.digest128())),
            length => hasher.update(&buffer[..length]),
        }
    }
}
