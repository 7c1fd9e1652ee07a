//! How files are served.

use std::path::PathBuf;
use std::time::Duration;

/// The longest path that is remembered, in bytes; longer ones are looked at for every request.
pub(super) const KEY_BYTES_MAX: usize = 1_024;
/// What an entry takes beside its path and its block: its own location, validators, and its place in the tables.
const ENTRY_BYTES: usize = 1_536;

/// Which symbolic links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymlinkPolicy {
    /// Those that lead to something beneath the root.
    #[default]
    Inside,
    /// All, wherever they lead.
    All,
    /// None.
    None,
}

/// Where the files are, and how many of them a worker keeps ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// The directory served.
    pub root: PathBuf,
    /// File names tried, in order, for a path that ends in a slash.
    pub index: Vec<String>,
    /// Which symbolic links are followed.
    pub symlinks: SymlinkPolicy,
    /// How long an answer is given without a look at the disk. Workers may differ within it.
    pub fresh_for: Duration,
    /// Files and directories a worker remembers.
    pub entries_max: usize,
    /// Paths that led nowhere a worker remembers: a place of their own, so that asking for many does not drive out files.
    pub misses_max: usize,
    /// Whole responses a worker keeps in blocks of 4 KiB.
    pub ready_small_max: usize,
    /// Whole responses a worker keeps in blocks of 68 KiB.
    pub ready_large_max: usize,
    /// Streamed files a worker has open: those that are sent now, and others for the next request. Beyond it, 503.
    pub descriptors_max: usize,
    /// How long a descriptor nobody uses stays open.
    pub idle_descriptor: Duration,
}

impl FileOptions {
    /// The defaults for files beneath `root`: what [`selvedge_runtime::BlockLimits`] has, less a quarter for responses on
    /// their way.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let blocks = selvedge_runtime::BlockLimits::default();
        Self {
            root: root.into(),
            index: vec!["index.html".to_owned()],
            symlinks: SymlinkPolicy::default(),
            fresh_for: Duration::from_secs(1),
            entries_max: 4_096,
            misses_max: 1_024,
            ready_small_max: blocks.small / 4 * 3,
            ready_large_max: blocks.large / 4 * 3,
            descriptors_max: 256,
            idle_descriptor: Duration::from_secs(10),
        }
    }

    /// Bytes of the heap that what a worker remembers takes at most, beside its blocks.
    pub fn memory_bytes(&self) -> usize {
        (self.entries_max + self.misses_max) * (KEY_BYTES_MAX + ENTRY_BYTES)
    }
}
