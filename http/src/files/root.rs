//! The directory that a tree is served from, found again by its path.
//!
//! In: the root's path. Out: the directory beneath which [`super::locate`] looks for paths, and how it stands to the
//! root's path, which [`super::denied_roots`] tells the operator.

use std::ffi::CString;
use std::io;
use std::path::Path;

use selvedge_runtime::fs::{self, Access, File, Kind, Resolve};

use super::locate::to_c_string;

/// The directory served, found again by its path, so that one that is renamed and replaced is followed.
///
/// Only what the sandbox denies is not followed. Its rules were made for the directories that were there at the start,
/// so a new one elsewhere is denied for how it was deployed, and by nobody's wish: 403 for all its paths would serve
/// nobody. What permissions forbid is followed, and 403: whoever takes them away means it. A directory that both forbid
/// counts as the latter.
#[derive(Debug)]
pub(super) struct Root {
    /// `/`, from which the root is found.
    base: File,
    /// The root's path relative to `/`.
    path: CString,
    directory: File,
    identity: Identity,
    standing: Standing,
}

/// Device and inode number.
pub(super) type Identity = (u64, u64);

/// How the directory that is served stands to the root's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The path leads to it.
    Followed,
    /// The path leads to this one, which the sandbox denies: the one before is served on.
    Kept(Identity),
    /// As `Kept`, but the one before was removed: nothing can be served.
    Lost(Identity),
}

impl Root {
    /// Opens the root. Waits for the disk if it must: at start only.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let absolute = std::path::absolute(path)?;
        let base = fs::open_directory(Path::new("/"))?;
        let relative = absolute.strip_prefix("/").unwrap_or(&absolute);
        let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
        let path = to_c_string(relative.as_os_str().as_encoded_bytes())?;
        let directory = fs::open_directory(&absolute)?;
        let identity = directory.metadata()?.identity;
        Ok(Self { base, path, directory, identity, standing: Standing::Followed })
    }

    /// Which directory is served.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Looks whether the path leads to another directory by now, and goes over to it.
    pub(super) fn refresh_cached(&mut self) -> io::Result<Standing> {
        let metadata = fs::stat_cached(&self.base, &self.path, Resolve::Anywhere)?;
        if metadata.identity == self.identity && !matches!(self.standing, Standing::Lost(_)) {
            self.standing = Standing::Followed;
            return Ok(self.standing);
        }
        let directory = fs::open_cached(&self.base, &self.path, Access::Place, Resolve::Anywhere)?;
        self.follow(directory)
    }

    /// What the path leads to, for who must not keep the root borrowed while waiting for the disk.
    pub(super) fn reopening(&self) -> impl Future<Output = io::Result<File>> + use<> {
        let (base, path) = (self.base.clone(), self.path.clone());
        async move { fs::open(&base, path, Access::Place, Resolve::Anywhere).await }
    }

    /// Goes over to what the path leads to, if that is a directory and there is nothing better.
    pub(super) fn follow(&mut self, directory: File) -> io::Result<Standing> {
        let metadata = directory.metadata()?;
        // Between a removal and its replacement something else may be there.
        if metadata.kind != Kind::Directory {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.standing = if !directory.is_denied_by_sandbox() {
            Standing::Followed
        } else if is_named(&self.directory) && !self.directory.is_denied_by_sandbox() {
            Standing::Kept(metadata.identity)
        } else {
            Standing::Lost(metadata.identity)
        };
        if !matches!(self.standing, Standing::Kept(_)) {
            self.identity = metadata.identity;
            self.directory = directory;
        }
        Ok(self.standing)
    }

    pub(super) fn directory(&self) -> &File {
        &self.directory
    }
}

/// Whether a path leads to the directory, whichever: one that was removed has nothing to serve (proc(5), /proc/pid/fd).
fn is_named(directory: &File) -> bool {
    let path = directory.current_path();
    path.is_ok_and(|path| !path.as_os_str().as_encoded_bytes().ends_with(b" (deleted)"))
}
