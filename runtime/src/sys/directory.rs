//! What is in a directory: its names, and what they lead to. Reading one waits for the disk, so it is for a helper's thread
//! (`blocking.rs`); the descriptors are its own, whatever happens to the worker's meanwhile.

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::vec;

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags};

use super::fd::Fd;
use super::file::{self, Access, File, Kind, Metadata, Resolve};
use crate::sim::{Name, NameKind};

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
    root: Fd,
    place: Fd,
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
        let (root, place) = (root.duplicate()?, place.duplicate()?);
        if let Some(world) = place.world() {
            world.expect_disk_job("directory");
        }
        Ok(Self { root, place, location, resolve })
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
        let names = Names::of(&self.place)?;
        let (wanted, more) = (Box::new(wanted), MoreNames::None);
        Ok(DirectoryEntries { names, reader: self, names_left: names_max, wanted, more })
    }
}

/// The names in a directory, one after the other.
enum Names {
    Real(Dir),
    Simulated(vec::IntoIter<Name>),
}

/// One of them.
enum Found {
    Real(DirEntry),
    Simulated(Name),
}

impl Names {
    fn of(place: &Fd) -> io::Result<Self> {
        let fd = match place {
            Fd::Real(fd) => fd,
            Fd::Simulated(_) => {
                let world = place.world().expect("it is simulated");
                return world.names(place.raw()).map(|names| Self::Simulated(names.into_iter()));
            }
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::Real(Dir::new(rustix::fs::openat(fd, c".", flags, Mode::empty())?)?))
    }

    fn next(&mut self) -> Option<io::Result<Found>> {
        match self {
            Self::Real(dir) => Some(dir.read()?.map(Found::Real).map_err(io::Error::from)),
            Self::Simulated(names) => names.next().map(|name| Ok(Found::Simulated(name))),
        }
    }
}

impl Found {
    fn name(&self) -> &[u8] {
        match self {
            Self::Real(entry) => entry.file_name().to_bytes(),
            Self::Simulated((name, _)) => name,
        }
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
    names: Names,
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
    fn look_at(&self, entry: &Found) -> io::Result<Option<Metadata>> {
        let of_entry = match (entry, &self.names) {
            (Found::Real(entry), Names::Real(dir)) => match entry.file_type() {
                FileType::Symlink => None,
                FileType::RegularFile | FileType::Directory | FileType::Unknown => {
                    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
                    match rustix::fs::statat(dir.fd()?, entry.file_name(), flags) {
                        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => None,
                        stat => Some(stat.map(|stat| file::metadata_of_stat(&stat)).map_err(io::Error::from)),
                    }
                }
                _ => return Ok(None),
            },
            (entry, _) => self.look_at_simulated(entry),
        };
        match of_entry.unwrap_or_else(|| self.follow(entry.name())) {
            Ok(metadata) => Ok((metadata.kind != Kind::Special).then_some(metadata)),
            Err(error) if is_exhausted(&error) => Err(error),
            // It is gone, leads out, or is nothing that this process may look at.
            Err(_) => Ok(None),
        }
    }

    fn look_at_simulated(&self, entry: &Found) -> Option<io::Result<Metadata>> {
        let Found::Simulated((name, NameKind::FileOrDirectory)) = entry else { return None };
        let place = &self.reader.place;
        Some(place.world()?.metadata_of_name(place.raw(), name))
    }

    /// What the link `name` leads to, as a request for it would find it.
    fn follow(&self, name: &[u8]) -> io::Result<Metadata> {
        let reader = &self.reader;
        if reader.resolve == Resolve::BeneathWithoutLinks {
            return Err(io::ErrorKind::NotFound.into());
        }
        let location = [&reader.location, name].concat();
        let open = |resolve: Resolve| file::open_at(&reader.root, &location, Access::Place, resolve);
        match open(reader.resolve) {
            // An absolute link, or one that leads out: the kernel does not say which.
            Err(error) if error.raw_os_error() == Some(libc::EXDEV) => {
                let led_to = open(Resolve::Anywhere)?;
                let (path, root) = (file::current_path_of(&led_to)?, file::current_path_of(&reader.root)?);
                if !path.starts_with(&root) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                file::metadata_of(&led_to)
            }
            opened => file::metadata_of(&opened?),
        }
    }
}

impl Iterator for DirectoryEntries {
    type Item = io::Result<DirectoryEntry>;

    /// # Errors
    /// Those of getdents(2): the disk, mostly; after it nothing comes. And those of want of descriptors or memory.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.names.next()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error)),
            };
            let name = entry.name();
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
