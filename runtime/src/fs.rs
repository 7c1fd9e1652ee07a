//! Files: opened beneath a directory, looked at, and read into leases.

use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

use crate::blocking::{Undone, blocking};
use crate::op::OpFuture;
use crate::sys::{DirectoryReader, OPEN_TRIES, Op, OpenArguments, errno};
use crate::worker;

use crate::sys::Lease;
pub use crate::sys::{
    Access, DirectoryEntries, DirectoryEntry, File, FileReader, Kind, Metadata, MoreNames, Residency, Resolve,
};

/// Opens a directory as a root to open others beneath (O_PATH). Waits for the disk if it must.
///
/// # Errors
/// Those of open(2).
///
/// # Panics
/// Outside a worker.
pub fn open_directory(path: &Path) -> io::Result<File> {
    worker::current().kernel().open_directory(path)
}

/// Opens `path` relative to `directory` at once, if the kernel has all it needs in memory (openat2(2), RESOLVE_CACHED).
///
/// # Errors
/// `WouldBlock` when it would need the disk: then [`open`] does it. Otherwise those of openat2(2).
///
/// # Panics
/// Outside a worker.
pub fn open_cached(directory: &File, path: &CStr, access: Access, resolve: Resolve) -> io::Result<File> {
    worker::current().kernel().open_cached(directory, path, access, resolve)
}

/// Opens `path` relative to `directory`, waiting for the disk outside the worker's thread.
///
/// # Errors
/// Those of openat2(2): `EXDEV` (`CrossesDevices`) when the path leads out of the directory.
///
/// # Panics
/// Outside a worker.
pub async fn open(directory: &File, path: CString, access: Access, resolve: Resolve) -> io::Result<File> {
    let core = worker::current();
    let mut op = core.kernel().opening(directory, OpenArguments::new(path, access, resolve));
    for tries_left in (0..OPEN_TRIES).rev() {
        let outcome = OpFuture::submit(&core, op).await;
        match outcome.result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && tries_left > 0 => op = outcome.op,
            Err(error) => return Err(error),
            Ok(_) => {
                let Op::Open { opened: Some(fd), .. } = outcome.op else {
                    panic!("an open came back as {:?}", outcome.op)
                };
                return Ok(core.kernel().adopt_opened(fd));
            }
        }
    }
    unreachable!("the last try returns")
}

/// What `path` relative to `directory` leads to now; opens nothing of it and allocates nothing.
///
/// # Errors
/// `WouldBlock` when it would need the disk: then [`open`] with [`Access::Place`] does it. Otherwise those of openat2(2).
///
/// # Panics
/// Outside a worker.
pub fn stat_cached(directory: &File, path: &CStr, resolve: Resolve) -> io::Result<Metadata> {
    worker::with_current(|core| {
        core.expect("a look at a file needs a worker").kernel().stat_cached(directory, path, resolve)
    })
}

/// Opens for reading what was opened as a place, whatever its path leads to by now.
///
/// # Errors
/// Those of open(2): `PermissionDenied` for a file this process may not read; `NotFound` where /proc is not mounted.
///
/// # Panics
/// Outside a worker.
pub fn reopen(place: &File) -> io::Result<File> {
    worker::current().kernel().reopen(place)
}

/// Reads from `offset` into all of `lease`; fewer bytes come at the file's end, and sometimes before it.
///
/// # Errors
/// Those of read(2), with the lease given back to its pool.
///
/// # Panics
/// Outside a worker.
pub async fn read_at(file: &File, lease: Lease, offset: u64) -> io::Result<Lease> {
    read_behind(file, lease, 0, offset).await
}

/// As [`read_at`], into `lease` behind its first `skip` bytes, which stay. The result ends where the read did.
///
/// # Errors
/// As [`read_at`].
///
/// # Panics
/// Outside a worker, and when `skip` leaves no room.
pub async fn read_behind(file: &File, lease: Lease, skip: usize, offset: u64) -> io::Result<Lease> {
    let core = worker::current();
    let op = core.kernel().reading(file, lease, skip, offset);
    let outcome = OpFuture::submit(&core, op).await;
    let length = outcome.result?;
    let Op::Read { mut lease, .. } = outcome.op else { panic!("a read came back as {:?}", outcome.op) };
    lease.truncate(skip + length as usize);
    Ok(lease)
}

/// A directory to be read, and how what is in it is judged.
///
/// ```
/// use std::io;
/// use std::path::Path;
///
/// use selvedge_runtime::fs::{self, Access, Directory, Resolve};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// selvedge_runtime::block_on(|| async {
///     let root = fs::open_directory(Path::new("."))?;
///     let place = fs::open(&root, c"src".to_owned(), Access::Place, Resolve::Beneath).await?;
///     let directory = Directory { place: &place, root: &root, location: c"src", links: Resolve::Beneath };
///     let is_source = |name: &[u8]| name.ends_with(b".rs");
///     let names = fs::read_directory(&directory, 1_000, is_source, |entries| {
///         entries?.map(|entry| Ok(entry?.name)).collect::<io::Result<Vec<_>>>()
///     });
///     let names = names.await??;
///     assert!(names.iter().any(|name| name == b"lib.rs"));
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a> {
    /// The directory that was opened, as a place.
    pub place: &'a File,
    /// The root it lies beneath.
    pub root: &'a File,
    /// Its path relative to the root, `.` for the root itself.
    pub location: &'a CStr,
    /// The symbolic links in it that count as what they lead to; others are left out. With [`Resolve::Beneath`] an absolute
    /// link counts if it leads to something beneath the root.
    pub links: Resolve,
}

/// Reads a directory on a helper's thread ([`blocking`]) and has `digest` make something of its entries there, as it looks
/// at them: sorting thousands of names takes time too. At most `names_max` names are read, and only those `wanted` are
/// looked at. `digest` gets the error where the directory cannot be read: `PermissionDenied`, mostly.
///
/// # Errors
/// As [`blocking`].
///
/// # Panics
/// Outside a worker.
pub fn read_directory<T, W, D>(
    directory: &Directory<'_>,
    names_max: usize,
    wanted: W,
    digest: D,
) -> impl Future<Output = Result<T, Undone>> + use<T, W, D>
where
    T: Send + 'static,
    W: Fn(&[u8]) -> bool + Send + 'static,
    D: FnOnce(io::Result<DirectoryEntries>) -> T + Send + 'static,
{
    let Directory { place, root, location, links } = *directory;
    let reader = DirectoryReader::new(root, place, location, links);
    blocking(move || digest(reader.and_then(|reader| reader.entries(names_max, wanted))))
}

/// Opens a place for reading and has `digest` read it on a helper's thread ([`blocking`]), from its start. It gets the error
/// where the file cannot be opened.
///
/// # Errors
/// As [`blocking`].
///
/// # Panics
/// Outside a worker.
pub fn read_beside<T, D>(place: &File, digest: D) -> impl Future<Output = Result<T, Undone>> + use<T, D>
where
    T: Send + 'static,
    D: FnOnce(io::Result<FileReader>) -> T + Send + 'static,
{
    let reader = FileReader::new(place);
    blocking(move || digest(reader))
}

/// What a failed open means to whoever asked for the path.
///
/// ```
/// use std::path::Path;
///
/// use selvedge_runtime::fs::{self, Access, Failure, Resolve};
///
/// # fn main() -> std::io::Result<()> {
/// selvedge_runtime::block_on(|| async {
///     let root = fs::open_directory(Path::new("src"))?;
///     for path in [c"nothing-of-that-name", c"../Cargo.toml"] {
///         let opened = fs::open(&root, path.to_owned(), Access::Read, Resolve::Beneath).await;
///         let status = match Failure::of(&opened.unwrap_err()) {
///             Failure::NotThere | Failure::LeadsOut | Failure::Link => 404,
///             Failure::Forbidden => 403,
///             Failure::Exhausted => 503,
///             Failure::Other => 500,
///         };
///         assert_eq!(status, 404);
///     }
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is at that path (ENOENT, ENOTDIR, ENAMETOOLONG).
    NotThere,
    /// This process may not (EACCES, EPERM).
    Forbidden,
    /// The path leads out of the directory (EXDEV).
    LeadsOut,
    /// A symbolic link where none is followed, or too many of them (ELOOP).
    Link,
    /// Out of descriptors or memory (EMFILE, ENFILE, ENOMEM).
    Exhausted,
    /// The disk, mostly.
    Other,
}

impl Failure {
    /// Classifies an error of openat2(2).
    pub fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno::ENOENT | errno::ENOTDIR | errno::ENAMETOOLONG) => Self::NotThere,
            Some(errno::EACCES | errno::EPERM) => Self::Forbidden,
            Some(errno::EXDEV) => Self::LeadsOut,
            Some(errno::ELOOP) => Self::Link,
            Some(errno::EMFILE | errno::ENFILE | errno::ENOMEM) => Self::Exhausted,
            _ => Self::Other,
        }
    }
}
