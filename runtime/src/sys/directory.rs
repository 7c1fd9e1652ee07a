//! What is in a directory: its names, and what they lead to. Reading one waits for the disk, so it is for a helper's thread
//! (`blocking.rs`); the descriptors are its own, whatever happens to the worker's meanwhile.

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags};

use super::file::{self, Access, File, Kind, Metadata, Resolve};

/// One name in a directory, and what it leads to.
///
/// ```
/// use std::io;
/// # use std::path::Path;
///
/// use selvedge_runtime::fs::{self, DirectoryEntry, Kind};
/// # use selvedge_runtime::fs::{Access, Directory, Resolve};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # selvedge_runtime::block_on(|| async {
/// # let root = fs::open_directory(Path::new("."))?;
/// # let place = fs::open(&root, c"src".to_owned(), Access::Place, Resolve::Beneath).await?;
/// # let directory = Directory { place: &place, root: &root, location: c"src", links: Resolve::Beneath };
/// let any_name = |_: &[u8]| true;
/// let entries = fs::read_directory(&directory, 1_000, any_name, |entries| {
///     let mut entries = entries?.collect::<io::Result<Vec<DirectoryEntry>>>()?;
///     entries.sort_by_key(|entry| (entry.metadata.kind != Kind::Directory, entry.name.clone()));
///     Ok::<_, io::Error>(entries)
/// });
/// let entries = entries.await??;
/// assert_eq!(entries[0].metadata.kind, Kind::Directory, "they come first");
/// assert!(entries.iter().any(|entry| entry.name == b"lib.rs"));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name, as it is on disk: any octets but NUL and the slash.
    pub name: Vec<u8>,
    /// What it leads to: a regular file or a directory, of a symbolic link what that leads to.
    pub metadata: Metadata,
}

/// A directory and its root, open for a thread other than the worker.
#[derive(Debug)]
pub(crate) struct DirectoryReader {
    root: OwnedFd,
    place: OwnedFd,
    /// Where the directory is beneath the root; the links in it are followed from there.
    location: Vec<u8>,
    resolve: Resolve,
}

impl DirectoryReader {
    /// # Errors
    /// Those of fcntl(2): no descriptor is left.
    pub(crate) fn new(root: &File, place: &File, location: &CStr, resolve: Resolve) -> io::Result<Self> {
        let mut location = location.to_bytes().to_vec();
        location.push(b'/');
        Ok(Self { root: root.duplicate()?, place: place.duplicate()?, location, resolve })
    }

    /// The names `wanted` that lead to a file or a directory; of at most `names_max` names.
    ///
    /// # Errors
    /// Those of open(2): `PermissionDenied` for a directory that this process may not list.
    pub(crate) fn entries(
        self,
        names_max: usize,
        wanted: impl Fn(&[u8]) -> bool + 'static,
    ) -> io::Result<DirectoryEntries> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = rustix::fs::openat(&self.place, c".", flags, Mode::empty())?;
        let (dir, more) = (Dir::new(readable)?, MoreNames::None);
        Ok(DirectoryEntries { dir, reader: self, names_left: names_max, wanted: Box::new(wanted), more })
    }
}

/// Whether a name is to be looked at.
type Wanted = Box<dyn Fn(&[u8]) -> bool>;

/// Whether names were left unread.
///
/// ```
/// use std::io;
/// # use std::path::Path;
///
/// use selvedge_runtime::fs::{self, MoreNames};
/// # use selvedge_runtime::fs::{Access, Directory, Resolve};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # selvedge_runtime::block_on(|| async {
/// # let root = fs::open_directory(Path::new("."))?;
/// # let place = fs::open(&root, c"src".to_owned(), Access::Place, Resolve::Beneath).await?;
/// # let directory = Directory { place: &place, root: &root, location: c"src", links: Resolve::Beneath };
/// let any_name = |_: &[u8]| true;
/// let list = fs::read_directory(&directory, 3, any_name, |entries| {
///     let mut entries = entries?;
///     let read = entries.by_ref().count();
///     Ok::<_, io::Error>((read, entries.more()))
/// });
/// assert_eq!(list.await??, (3, MoreNames::Some), "the list says that it is not all");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoreNames {
    /// The directory has ended, or has not been read to its end.
    None,
    /// The bound on names was reached before the directory's end.
    Some,
}

/// The entries of a directory, in the order in which the file system has them. Left out are `.` and `..`, names that are not
/// wanted, things that are neither file nor directory, links that lead to such or may not be followed, and what is gone by
/// the time it is looked at.
///
/// ```
/// use std::io;
/// # use std::path::Path;
///
/// use selvedge_runtime::fs::{self, DirectoryEntries};
/// # use selvedge_runtime::fs::{Access, Directory, Resolve};
///
/// /// The largest size in a directory.
/// fn largest(entries: io::Result<DirectoryEntries>) -> io::Result<u64> {
///     entries?.try_fold(0, |largest, entry| Ok(entry?.metadata.size_bytes.max(largest)))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # selvedge_runtime::block_on(|| async {
/// # let root = fs::open_directory(Path::new("."))?;
/// # let place = fs::open(&root, c"src".to_owned(), Access::Place, Resolve::Beneath).await?;
/// # let directory = Directory { place: &place, root: &root, location: c"src", links: Resolve::Beneath };
/// let bytes = fs::read_directory(&directory, 1_000, |name| name.ends_with(b".rs"), largest).await??;
/// assert!(bytes > 0);
/// # Ok(())
/// # })
/// # }
/// ```
pub struct DirectoryEntries {
    dir: Dir,
    reader: DirectoryReader,
    names_left: usize,
    wanted: Wanted,
    more: MoreNames,
}

impl DirectoryEntries {
    /// Whether the bound on names has ended the reading.
    pub fn more(&self) -> MoreNames {
        self.more
    }

    /// What an entry leads to; `None` if it is left out.
    fn look_at(&self, entry: &DirEntry) -> io::Result<Option<Metadata>> {
        let name = entry.file_name();
        let of_entry = match entry.file_type() {
            FileType::Symlink => None,
            FileType::RegularFile | FileType::Directory | FileType::Unknown => {
                let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
                match rustix::fs::statat(self.dir.fd()?, name, flags) {
                    Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => None,
                    stat => Some(stat.map(|stat| file::metadata_of_stat(&stat)).map_err(io::Error::from)),
                }
            }
            _ => return Ok(None),
        };
        match of_entry.unwrap_or_else(|| self.follow(name)) {
            Ok(metadata) => Ok((metadata.kind != Kind::Special).then_some(metadata)),
            Err(error) if is_exhausted(&error) => Err(error),
            // It is gone, leads out, or is nothing that this process may look at.
            Err(_) => Ok(None),
        }
    }

    /// What the link `name` leads to, as a request for it would find it.
    fn follow(&self, name: &CStr) -> io::Result<Metadata> {
        let reader = &self.reader;
        if reader.resolve == Resolve::BeneathWithoutLinks {
            return Err(io::ErrorKind::NotFound.into());
        }
        let location = [&reader.location, name.to_bytes()].concat();
        let open = |resolve: Resolve| {
            let flags = Access::Place.flags();
            rustix::fs::openat2(&reader.root, &*location, flags, Mode::empty(), resolve.flags())
        };
        match open(reader.resolve) {
            // An absolute link, or one that leads out: the kernel does not say which.
            Err(rustix::io::Errno::XDEV) => {
                let led_to = open(Resolve::Anywhere)?;
                let (path, root) =
                    (file::current_path_of(led_to.as_fd())?, file::current_path_of(reader.root.as_fd())?);
                if !path.starts_with(&root) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                file::metadata_of(led_to.as_fd())
            }
            opened => file::metadata_of(opened?.as_fd()),
        }
    }
}

impl Iterator for DirectoryEntries {
    type Item = io::Result<DirectoryEntry>;

    /// # Errors
    /// Those of getdents(2): the disk, mostly; after it nothing comes. And those of want of descriptors or memory.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.dir.read()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if self.names_left == 0 {
                self.more = MoreNames::Some;
                return None;
            }
            self.names_left -= 1;
            if !(self.wanted)(name) {
                continue;
            }
            match self.look_at(&entry) {
                Ok(Some(metadata)) => return Some(Ok(DirectoryEntry { name: name.to_vec(), metadata })),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for DirectoryEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryEntries").field("reader", &self.reader).finish_non_exhaustive()
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}
