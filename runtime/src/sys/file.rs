//! Directories and files: opening beneath a root, and the direct calls that do not block.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};

use super::descriptor::{CloseQueue, Descriptor};
use super::fd::Fd;
use super::simulated_files;
use super::socket::{More, Socket};
use crate::sim::{World, world};

/// Where a path may lead (openat2(2)).
///
/// ```
/// use std::io::ErrorKind;
/// use std::path::Path;
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::fs::{self, Access, Resolve};
///
/// # fn main() -> std::io::Result<()> {
/// block_on(|| async {
///     let root = fs::open_directory(Path::new("src"))?;
///     let open = |resolve| fs::open(&root, c"../Cargo.toml".to_owned(), Access::Read, resolve);
///     assert_eq!(open(Resolve::Beneath).await.unwrap_err().kind(), ErrorKind::CrossesDevices);
///     assert!(open(Resolve::Anywhere).await.is_ok());
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolve {
    /// Nowhere out of the directory: neither by `..`, nor by a relative or absolute link.
    Beneath,
    /// As `Beneath`, and through no symbolic link at all.
    BeneathWithoutLinks,
    /// Wherever links lead.
    Anywhere,
}

impl Resolve {
    pub(super) fn flags(self) -> ResolveFlags {
        match self {
            Self::Beneath => ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
            Self::BeneathWithoutLinks => {
                ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
            }
            Self::Anywhere => ResolveFlags::NO_MAGICLINKS,
        }
    }
}

/// What is opened.
///
/// ```
/// use std::path::Path;
///
/// use selvedge_runtime::fs::{self, Access, Resolve};
/// use selvedge_runtime::{BufferPool, block_on};
///
/// # fn main() -> std::io::Result<()> {
/// block_on(|| async {
///     let root = fs::open_directory(Path::new("src"))?;
///     // A place tells what is there; its bytes cannot be read.
///     let place = fs::open(&root, c"lib.rs".to_owned(), Access::Place, Resolve::Beneath).await?;
///     let size_bytes = place.metadata()?.size_bytes;
///     let block = || BufferPool::file_block().expect("a free block");
///     assert!(fs::read_at(&place, block(), 0).await.is_err());
///     // The same file, opened as with `Access::Read`.
///     let file = fs::reopen(&place)?;
///     assert!(size_bytes > 0 && !fs::read_at(&file, block(), 0).await?.is_empty());
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only the place in the tree, whatever is there: nothing of it is opened (O_PATH, open(2)).
    Place,
    /// Its bytes for reading. Never waits for a FIFO's writer and never takes a terminal.
    Read,
}

impl Access {
    pub(super) fn flags(self) -> OFlags {
        match self {
            Self::Place => OFlags::PATH | OFlags::CLOEXEC,
            Self::Read => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
        }
    }
}

/// The kind of thing a path leads to.
///
/// ```
/// use std::path::Path;
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::fs::{self, Access, Kind, Resolve};
///
/// # fn main() -> std::io::Result<()> {
/// block_on(|| async {
///     let root = fs::open_directory(Path::new("/"))?;
///     let null = fs::open(&root, c"dev/null".to_owned(), Access::Place, Resolve::Beneath).await?;
///     let answer = match null.metadata()?.kind {
///         Kind::Regular => "its bytes",
///         Kind::Directory => "a list of its names",
///         Kind::Special => "nothing",
///     };
///     assert_eq!(answer, "nothing");
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A FIFO, socket, device or other thing that is not served.
    Special,
}

/// What fstat(2) tells of a file.
///
/// ```
/// use std::path::Path;
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::fs::{self, Access, Kind, Metadata, Resolve};
///
/// # fn main() -> std::io::Result<()> {
/// block_on(|| async {
///     let root = fs::open_directory(Path::new("src"))?;
///     let file = fs::open(&root, c"lib.rs".to_owned(), Access::Read, Resolve::Beneath).await?;
///     let Metadata { kind, size_bytes, identity, .. } = file.metadata()?;
///     assert!(kind == Kind::Regular && size_bytes > 0);
///     // Another name, and the same file.
///     let place = fs::open(&root, c"net/../lib.rs".to_owned(), Access::Place, Resolve::Beneath).await?;
///     assert_eq!(place.metadata()?.identity, identity);
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// The kind.
    pub kind: Kind,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Last change of the content: seconds since 1970 and nanoseconds.
    pub modified: (i64, u32),
    /// Last change of the content or the inode.
    pub changed: (i64, u32),
    /// Device and inode number: the same file.
    pub identity: (u64, u64),
}

/// A file or directory of one worker; open while a handle or an op in flight uses it.
///
/// ```
/// use std::path::Path;
///
/// use selvedge_runtime::fs::{self, Access, Resolve};
/// use selvedge_runtime::{BufferPool, block_on};
///
/// # fn main() -> std::io::Result<()> {
/// block_on(|| async {
///     let root = fs::open_directory(Path::new("src"))?;
///     let file = fs::open(&root, c"lib.rs".to_owned(), Access::Read, Resolve::Beneath).await?;
///     assert!(file.current_path()?.ends_with("src/lib.rs"));
///     let block = BufferPool::file_block().expect("a free block");
///     let beginning = fs::read_at(&file, block, 0).await?;
///     assert!(beginning.starts_with(b"//!"));
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct File(Descriptor);

impl File {
    pub(super) fn new(fd: Fd, close_queue: &Rc<CloseQueue>) -> Self {
        Self(Descriptor::new(fd, close_queue))
    }

    pub(super) fn raw(&self) -> i32 {
        self.0.raw()
    }

    /// The simulated machine it is of, if it is of one.
    pub(super) fn world(&self) -> Option<Rc<World>> {
        self.0.world()
    }

    /// The process's own descriptor in it.
    pub(super) fn borrow(&self) -> BorrowedFd<'_> {
        assert!(self.0.is_real(), "this call is not simulated");
        // SAFETY: the descriptor stays open while `self`, which the result borrows, lives.
        unsafe { BorrowedFd::borrow_raw(self.raw()) }
    }

    /// fstat(2): a direct call, since the inode of an open file is in memory.
    ///
    /// # Errors
    /// Those of fstat(2): EIO and ESTALE on network file systems.
    pub fn metadata(&self) -> io::Result<Metadata> {
        if let Some(world) = self.0.world() {
            return Ok(world.metadata(self.raw()));
        }
        metadata_of_real(self.borrow())
    }

    /// Sends up to `length` bytes from `offset` without waiting for the socket (sendfile(2)). It may wait for the disk
    /// where the bytes are not [`resident`](Self::resident).
    ///
    /// # Errors
    /// `WouldBlock` when the socket takes nothing now. `Ok(0)`: the file ends at or before `offset`.
    pub(crate) fn send_to(&self, socket: &Socket, mut offset: u64, length: usize) -> io::Result<usize> {
        if let Some(world) = self.0.world() {
            let bytes = simulated_files::bytes_to_send(&world, self.raw(), offset, length)?;
            // The file's end: a send of nothing says nothing of the socket.
            return if bytes.is_empty() { Ok(0) } else { socket.send_now(&bytes, More::Nothing) };
        }
        socket.check_ours()?;
        Ok(rustix::fs::sendfile(socket.as_fd(), self.borrow(), Some(&mut offset), length)?)
    }

    /// Opens the same file for reading, whatever its path leads to by now.
    pub(super) fn reopen(&self) -> io::Result<Fd> {
        if let Some(world) = self.0.world() {
            return Fd::simulated(world.reopen(self.raw()));
        }
        Ok(Fd::Real(rustix::fs::open(self.own_path(), Access::Read.flags(), Mode::empty())?))
    }

    /// A path that leads to it whatever became of its own (/proc/self/fd, proc(5)).
    fn own_path(&self) -> String {
        format!("/proc/self/fd/{}", self.raw())
    }

    /// Whether a sandbox keeps from the process what the file's permissions let it read: Landlock
    /// ([`FileRules`](crate::process::FileRules)), or another security module that judges open(2) and not
    /// access(2). `false` for what the permissions forbid, whatever the sandbox says of it.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use selvedge_runtime::block_on;
    /// use selvedge_runtime::fs;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// block_on(|| async {
    ///     let root = fs::open_directory(Path::new("src"))?;
    ///     assert!(!root.is_denied_by_sandbox(), "this process is in none");
    ///     # Ok(())
    /// })
    /// # }
    /// ```
    pub fn is_denied_by_sandbox(&self) -> bool {
        // A simulated machine has permissions alone.
        if self.0.world().is_some() {
            return false;
        }
        let is_denied = self.reopen().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        // Landlock has no word in access(2): what it denies is what that call grants and open(2) does not.
        is_denied && super::process::check_file(Path::new(&self.own_path())).is_ok()
    }

    /// The same open file under a number of its own, for another thread.
    pub(super) fn duplicate(&self) -> io::Result<Fd> {
        self.0.duplicate()
    }

    /// The absolute path the file has now, as the kernel knows it (/proc/self/fd, proc(5)).
    ///
    /// # Errors
    /// Those of readlink(2); `NotFound` where /proc is not mounted.
    pub fn current_path(&self) -> io::Result<PathBuf> {
        if let Some(world) = self.0.world() {
            return Ok(world.path_of(self.raw()));
        }
        current_path_of_real(self.borrow())
    }

    /// Opens `path` relative to this directory now, if that needs no disk (RESOLVE_CACHED, openat2(2)).
    ///
    /// # Errors
    /// `WouldBlock` when it would need the disk; otherwise those of openat2(2).
    pub(super) fn open_cached(
        &self,
        path: &std::ffi::CStr,
        access: Access,
        resolve: Resolve,
    ) -> io::Result<Fd> {
        if let Some(world) = self.0.world() {
            return Fd::simulated(world.open_at_cached(self.raw(), path.to_bytes(), access, resolve));
        }
        let flags = resolve.flags() | ResolveFlags::CACHED;
        Ok(Fd::Real(rustix::fs::openat2(self.borrow(), path, access.flags(), Mode::empty(), flags)?))
    }
}

/// A file's bytes from its start, for a thread other than the worker: reading them waits for the disk.
///
/// ```
/// use std::io::{self, BufRead, BufReader};
/// use std::path::Path;
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::fs::{self, Access, FileReader, Resolve};
///
/// fn count_lines(file: io::Result<FileReader>) -> io::Result<usize> {
///     Ok(BufReader::new(file?).lines().count())
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// block_on(|| async {
///     let root = fs::open_directory(Path::new("src"))?;
///     let place = fs::open(&root, c"lib.rs".to_owned(), Access::Place, Resolve::Beneath).await?;
///     assert!(fs::read_beside(&place, count_lines).await?? > 1);
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct FileReader {
    fd: Fd,
    /// Where a simulated machine goes on; the kernel knows by itself.
    read_bytes: u64,
}

impl FileReader {
    /// # Errors
    /// Those of open(2): `PermissionDenied`; no descriptor is left.
    pub(crate) fn new(place: &File) -> io::Result<Self> {
        let fd = place.reopen()?;
        if let Some(world) = fd.world() {
            world.expect_disk_job("read beside");
        }
        Ok(Self { fd, read_bytes: 0 })
    }

    /// fstat(2).
    ///
    /// # Errors
    /// As [`File::metadata`].
    pub fn metadata(&self) -> io::Result<Metadata> {
        metadata_of(&self.fd)
    }
}

impl io::Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.fd {
            Fd::Real(fd) => Ok(rustix::io::read(fd, buffer)?),
            Fd::Simulated(_) => {
                let read = simulated_files::read_on(&self.fd, self.read_bytes, buffer)?;
                self.read_bytes += read as u64;
                Ok(read)
            }
        }
    }
}

/// Looks at what `path` leads to, opening nothing of it; `WouldBlock` if that needs the disk.
pub(super) fn stat_cached(directory: &File, path: &std::ffi::CStr, resolve: Resolve) -> io::Result<Metadata> {
    metadata_of(&directory.open_cached(path, Access::Place, resolve)?)
}

/// Tries to open a path that goes through `..`. Wherever a file is renamed meanwhile, anywhere in the machine, the
/// kernel cannot be sure that it stays beneath its directory, and leaves the next try to us (EAGAIN, openat2(2)).
pub(crate) const OPEN_TRIES: u32 = 16;

/// Opens `path` relative to a directory; waits for the disk if it must, and tries again where a rename or a signal
/// (EINTR) came between.
pub(super) fn open_at(directory: &Fd, path: &[u8], access: Access, resolve: Resolve) -> io::Result<Fd> {
    let open = || match directory {
        Fd::Real(fd) => {
            let opened = rustix::fs::openat2(fd, path, access.flags(), Mode::empty(), resolve.flags());
            Ok(Fd::Real(opened?))
        }
        Fd::Simulated(_) => simulated_files::open_at(directory, path, access, resolve),
    };
    for _ in 1..OPEN_TRIES {
        match open() {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            opened => return opened,
        }
    }
    open()
}

pub(super) fn current_path_of(fd: &Fd) -> io::Result<PathBuf> {
    match fd {
        Fd::Real(fd) => current_path_of_real(fd.as_fd()),
        Fd::Simulated(_) => Ok(simulated_files::path_of(fd)),
    }
}

pub(super) fn metadata_of(fd: &Fd) -> io::Result<Metadata> {
    match fd {
        Fd::Real(fd) => metadata_of_real(fd.as_fd()),
        Fd::Simulated(_) => Ok(simulated_files::metadata_of(fd)),
    }
}

fn current_path_of_real(fd: BorrowedFd<'_>) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let link = rustix::fs::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(link.into_bytes())))
}

fn metadata_of_real(fd: BorrowedFd<'_>) -> io::Result<Metadata> {
    Ok(metadata_of_stat(&rustix::fs::fstat(fd)?))
}

#[allow(clippy::unnecessary_cast, reason = "the fields' types differ among architectures")]
pub(super) fn metadata_of_stat(stat: &rustix::fs::Stat) -> Metadata {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::Regular,
        FileType::Directory => Kind::Directory,
        _ => Kind::Special,
    };
    Metadata {
        kind,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        identity: (stat.st_dev as u64, stat.st_ino as u64),
    }
}

/// Opens a directory by its path in the process's own name space; may wait for the disk, so at start only.
pub(super) fn open_directory(path: &Path) -> io::Result<Fd> {
    if let Some(world) = world() {
        return Fd::simulated(world.open_directory(path));
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(Fd::Real(rustix::fs::open(path, flags, Mode::empty())?))
}

/// A path and how to open it, kept where the kernel can read it until the op is done.
#[derive(Debug)]
pub(crate) struct OpenArguments {
    pub(super) path: CString,
    pub(super) access: Access,
    pub(super) resolve: Resolve,
    pub(super) how: io_uring::types::OpenHow,
}

impl OpenArguments {
    pub(crate) fn new(path: CString, access: Access, resolve: Resolve) -> Box<Self> {
        let how = io_uring::types::OpenHow::new()
            .flags(u64::from(access.flags().bits()))
            .resolve(resolve.flags().bits());
        Box::new(Self { path, access, resolve, how })
    }
}
