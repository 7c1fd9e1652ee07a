//! An open file that answers are sent from. In: a descriptor, and what it was when it was opened. Out: whether it still is that,
//! asked of the kernel once a turn, in which nobody waits.

use std::cell::Cell;
use std::io;
use std::ops::Deref;

use selvedge_runtime::fs::{File, Metadata};

use crate::files::Share;

/// An open file, and what it was when it was opened. Its share of a worker's descriptors, if it has one, is given back with
/// its last holder.
///
/// ```
/// # use std::rc::Rc;
/// use selvedge_http::OpenFile;
/// use selvedge_runtime::fs::{self, Access, Resolve};
///
/// # let directory = std::env::temp_dir().join(format!("selvedge-open-file-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # std::fs::write(directory.join("page.txt"), "a page")?;
/// # let there = directory.clone();
/// # selvedge_runtime::block_on(move || async move {
/// let root = fs::open_directory(&there)?;
/// let file = fs::open(&root, c"page.txt".into(), Access::Read, Resolve::Beneath).await?;
/// // What it is now; if it is not that any more while it is sent, its client is told by the connection's end.
/// let version = file.metadata()?;
/// let file = OpenFile::new(file, version);
/// assert_eq!(file.version().size_bytes, 6);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # std::fs::remove_dir_all(directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    version: Metadata,
    /// The turn in which it was seen to be of that version.
    seen_in_turn: Cell<Option<u64>>,
    /// Whether its file system knows reads that do not wait, as far as is known.
    reads_resident: Cell<bool>,
    _share: Option<Share>,
}

impl OpenFile {
    /// A file of this version. If it is not of it any more while it is sent, the connection closes.
    pub fn new(file: File, version: Metadata) -> Self {
        Self::with(file, version, None)
    }

    pub(crate) fn with_share(file: File, version: Metadata, share: Share) -> Self {
        Self::with(file, version, Some(share))
    }

    fn with(file: File, version: Metadata, share: Option<Share>) -> Self {
        Self { file, version, seen_in_turn: Cell::new(None), reads_resident: Cell::new(true), _share: share }
    }

    /// What it was when it was opened.
    pub fn version(&self) -> &Metadata {
        &self.version
    }

    /// Whether it is just what it was when it was opened, its names and rights too.
    ///
    /// # Errors
    /// Those of statx(2).
    pub(crate) fn is_as_opened(&self) -> io::Result<bool> {
        let turn = Some(selvedge_runtime::turn_number());
        if self.seen_in_turn.get() == turn {
            return Ok(true);
        }
        let is_as_opened = self.file.metadata()? == self.version;
        if is_as_opened {
            self.seen_in_turn.set(turn);
        }
        Ok(is_as_opened)
    }

    /// Whether its octets are what they were when it was opened.
    ///
    /// # Errors
    /// Those of statx(2).
    pub(crate) fn is_unchanged(&self) -> io::Result<bool> {
        if self.seen_in_turn.get() == Some(selvedge_runtime::turn_number()) {
            return Ok(true);
        }
        let now = self.file.metadata()?;
        Ok(now.size_bytes == self.version.size_bytes && now.modified == self.version.modified)
    }

    /// Whether short parts of it are read without waiting for the disk: until a file system is seen not to know that.
    pub(crate) fn reads_resident(&self) -> bool {
        self.reads_resident.get()
    }

    /// Fills `bytes` from `offset` on, if all of that is in memory. Whether it did; what goes wrong is for others to tell.
    pub(crate) fn read_resident(&self, bytes: &mut [u8], offset: u64) -> bool {
        match self.file.read_resident(bytes, offset) {
            Ok(read) => read == bytes.len(),
            Err(error) => {
                self.reads_resident.set(error.kind() != io::ErrorKind::Unsupported);
                false
            }
        }
    }
}

impl Deref for OpenFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::fs::{self, Access, Resolve};
    use selvedge_runtime::yield_now;

    use super::*;
    use crate::test_support::on_files;

    #[test]
    fn a_file_is_looked_at_once_a_turn() {
        on_files(&[("file", 5)], async |directory| {
            let root = fs::open_directory(&directory).unwrap();
            let file = fs::open(&root, c"file".into(), Access::Read, Resolve::Beneath).await.unwrap();
            let version = file.metadata().unwrap();
            let file = OpenFile::new(file, version);
            assert!(file.is_as_opened().unwrap());
            std::fs::write(directory.join("file"), "another").unwrap();
            assert!(file.is_as_opened().unwrap() && file.is_unchanged().unwrap());
            yield_now().await;
            assert!(!file.is_unchanged().unwrap() && !file.is_as_opened().unwrap());
        });
    }
}
