//! What is made of a file's content beside the workers: compressed variants, and hashes for its tag. Made once per version
//! for all workers, and kept within a bound.
//!
//! In: a version of a file, and how to make something of it. Out: that, or a wait for whoever makes it already.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use selvedge_runtime::Turns;
use selvedge_runtime::channel::{self, Receiver, Sender};
use selvedge_runtime::fs::Metadata;

use crate::negotiation::Coding;

/// Octets of all that is kept; the least recently used go beyond it.
pub(super) const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Octets of all variants in memory, beyond which no more are made: slow readers may hold some that are not kept any more.
const ALIVE_BYTES_MAX: usize = 2 * KEPT_BYTES_MAX;
/// A variant's octets, about: those of the longest file that is compressed.
const VARIANT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Helpers at work for it at once: the others are for passwords and listings.
const AT_ONCE_MAX: usize = 2;
/// What is kept, beside its octets.
const KEPT_MAX: usize = 16_384;

/// One version of a file, and what is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DerivedKey {
    identity: (u64, u64),
    size_bytes: u64,
    modified: (i64, u32),
    changed: (i64, u32),
    what: What,
}

/// What is made of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum What {
    Hash,
    Gzip,
    Brotli,
    Zstd,
}

impl DerivedKey {
    pub(super) fn new(version: &Metadata, what: What) -> Self {
        let Metadata { identity, size_bytes, modified, changed, .. } = *version;
        Self { identity, size_bytes, modified, changed, what }
    }
}

impl What {
    /// A variant in `coding`; of a file as it is, nothing.
    pub(super) fn variant(coding: Coding) -> Option<Self> {
        match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Self::Gzip),
            Coding::Brotli => Some(Self::Brotli),
            Coding::Zstd => Some(Self::Zstd),
        }
    }
}

/// What was made.
#[derive(Debug, Clone)]
pub(super) enum Derived {
    Hash(u128),
    Variant(Variant),
}

/// Compressed octets, counted while the store or an answer on its way holds them.
#[derive(Debug, Clone)]
pub(super) struct Variant(Arc<Counted>);

#[derive(Debug)]
struct Counted(Vec<u8>);

/// Octets of all variants in memory.
static ALIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

impl From<Vec<u8>> for Variant {
    fn from(mut octets: Vec<u8>) -> Self {
        octets.shrink_to_fit();
        ALIVE_BYTES.fetch_add(octets.len(), Ordering::Relaxed);
        Self(Arc::new(Counted(octets)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE_BYTES.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Variant {
    fn as_ref(&self) -> &[u8] {
        &self.0.0
    }
}

impl Variant {
    pub(super) fn octets(&self) -> &[u8] {
        self.as_ref()
    }

    /// To be sent.
    pub(super) fn bytes(&self) -> Bytes {
        Bytes::from_owner(self.clone())
    }
}

/// The store of a process. Locked for a search in a table; answers that stand ready in a block don't ask it.
///
/// ```
/// use std::sync::Arc;
///
/// use selvedge_http::files::{DerivedStore, FileOptions};
///
/// // Two sites of a process, within one bound.
/// let store = Arc::new(DerivedStore::default());
/// let shop = FileOptions { derived: Arc::clone(&store), ..FileOptions::new("/srv/shop") };
/// let blog = FileOptions { derived: Arc::clone(&store), ..FileOptions::new("/srv/blog") };
/// assert!(Arc::ptr_eq(&shop.derived, &blog.derived));
/// assert!(DerivedStore::MEMORY_BYTES < 256 << 20);
/// ```
#[derive(Debug)]
pub struct DerivedStore {
    state: Mutex<State>,
    /// Turns at having a helper make something.
    pub(super) turns: Turns,
}

#[derive(Debug)]
struct State {
    kept: LruCache<DerivedKey, Derived>,
    kept_bytes: usize,
    /// Whoever waits holds the receiver, which is closed when the work has ended.
    underway: BTreeMap<DerivedKey, Receiver<()>>,
}

/// What is known of a key.
#[derive(Debug)]
pub(super) enum Known {
    Made(Derived),
    /// Somebody makes it: it ends with an error, whatever came of it.
    Underway(Receiver<()>),
    /// Nothing, and too much of the kind is in memory.
    Full,
    /// Nothing: it is for the asker to make.
    Nothing(Underway),
}

/// The right to make something. Dropped, it wakes whoever waits for it.
#[derive(Debug)]
pub(super) struct Underway {
    store: Arc<DerivedStore>,
    key: DerivedKey,
    _waiting: Sender<()>,
}

impl Default for DerivedStore {
    fn default() -> Self {
        let kept = LruCache::new(KEPT_MAX.try_into().expect("it is not zero"));
        Self {
            state: Mutex::new(State { kept, kept_bytes: 0, underway: BTreeMap::new() }),
            turns: Turns::new(AT_ONCE_MAX),
        }
    }
}

impl DerivedStore {
    /// Octets of variants in memory at most: kept, on their way, and being made.
    pub const MEMORY_BYTES: usize = ALIVE_BYTES_MAX + AT_ONCE_MAX * VARIANT_BYTES_MAX;

    pub(super) fn get(&self, key: &DerivedKey) -> Option<Derived> {
        self.state().kept.get(key).cloned()
    }

    pub(super) fn look_up(self: &Arc<Self>, key: DerivedKey) -> Known {
        let mut state = self.state();
        if let Some(made) = state.kept.get(&key) {
            return Known::Made(made.clone());
        }
        if let Some(underway) = state.underway.get(&key) {
            return Known::Underway(underway.clone());
        }
        if key.what != What::Hash && ALIVE_BYTES.load(Ordering::Relaxed) > ALIVE_BYTES_MAX {
            return Known::Full;
        }
        let (sender, receiver) = channel::bounded(1);
        state.underway.insert(key, receiver);
        Known::Nothing(Underway { store: Arc::clone(self), key, _waiting: sender })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, key: DerivedKey, derived: Derived) {
        let bytes = derived.bytes();
        if bytes > KEPT_BYTES_MAX {
            return;
        }
        self.kept_bytes += bytes;
        if let Some((_, gone)) = self.kept.push(key, derived) {
            self.kept_bytes -= gone.bytes();
        }
        while self.kept_bytes > KEPT_BYTES_MAX
            && let Some((_, gone)) = self.kept.pop_lru()
        {
            self.kept_bytes -= gone.bytes();
        }
    }
}

impl Derived {
    fn bytes(&self) -> usize {
        match self {
            Self::Hash(_) => 0,
            Self::Variant(variant) => variant.octets().len(),
        }
    }
}

impl Underway {
    /// Keeps what was made.
    pub(super) fn finish(self, derived: Derived) {
        self.store.state().keep(self.key, derived);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.store.state().underway.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::fs::Kind;

    use super::*;

    fn key(number: u64) -> DerivedKey {
        let version = Metadata {
            kind: Kind::Regular,
            size_bytes: number,
            modified: (1, 2),
            changed: (3, 4),
            identity: (5, 6),
        };
        DerivedKey::new(&version, What::Gzip)
    }

    fn variant(bytes: usize) -> Derived {
        Derived::Variant(vec![0; bytes].into())
    }

    #[test]
    fn one_makes_it_and_the_others_wait() {
        let store = Arc::new(DerivedStore::default());
        let Known::Nothing(underway) = store.look_up(key(1)) else { panic!("nothing is known") };
        let Known::Underway(waiting) = store.look_up(key(1)) else { panic!("it is being made") };
        assert!(matches!(store.look_up(key(2)), Known::Nothing(_)));
        assert!(!waiting.is_closed());
        underway.finish(variant(3));
        assert!(waiting.is_closed());
        assert!(matches!(store.look_up(key(1)), Known::Made(made) if made.bytes() == 3));
    }

    #[test]
    fn given_up_it_is_for_the_next_to_make() {
        let store = Arc::new(DerivedStore::default());
        drop(store.look_up(key(1)));
        assert!(matches!(store.look_up(key(1)), Known::Nothing(_)));
    }

    #[test]
    fn the_least_recently_used_go_beyond_the_bound() {
        let store = Arc::new(DerivedStore::default());
        let quarter = KEPT_BYTES_MAX / 4;
        for number in 0..4 {
            let Known::Nothing(underway) = store.look_up(key(number)) else { panic!("nothing is known") };
            underway.finish(variant(quarter));
        }
        assert!(store.get(&key(0)).is_some());
        let Known::Nothing(underway) = store.look_up(key(9)) else { panic!("nothing is known") };
        underway.finish(variant(1));
        assert!(store.get(&key(1)).is_none() && store.get(&key(0)).is_some() && store.get(&key(9)).is_some());
        assert_eq!(store.state().kept_bytes, 3 * quarter + 1);
        let Known::Nothing(underway) = store.look_up(key(10)) else { panic!("nothing is known") };
        underway.finish(variant(KEPT_BYTES_MAX + 1));
        assert!(store.get(&key(10)).is_none());
    }
}
