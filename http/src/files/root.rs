//! The directory that a tree is served from.
//!
//! In: the root's path. Out: the directory beneath which [`super::locate`] looks for paths.

use std::ffi::CString;
use std::io;
use std::path::Path;

use selvedge_runtime::fs::{self, Access, File, Kind, Resolve};

use super::locate::to_c_string;

/// The directory served, found again by its path, so that one that is renamed and replaced is followed.
#[derive(Debug)]
pub(super) struct Root {
    /// `/`, from which the root is found.
    base: File,
    /// The root's path relative to `/`.
    path: CString,
    directory: File,
    identity: (u64, u64),
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
        Ok(Self { base, path, directory, identity })
    }

    /// Looks whether the path leads to another directory by now, and goes over to it.
    pub(super) fn refresh_cached(&mut self) -> io::Result<()> {
        let metadata = fs::stat_cached(&self.base, &self.path, Resolve::Anywhere)?;
        if metadata.identity != self.identity {
            let directory = fs::open_cached(&self.base, &self.path, Access::Place, Resolve::Anywhere)?;
            self.follow(directory)?;
        }
        Ok(())
    }

    /// What the path leads to, for who must not keep the root borrowed while waiting for the disk.
    pub(super) fn reopening(&self) -> impl Future<Output = io::Result<File>> + use<> {
        let (base, path) = (self.base.clone(), self.path.clone());
        async move { fs::open(&base, path, Access::Place, Resolve::Anywhere).await }
    }

    pub(super) fn follow(&mut self, directory: File) -> io::Result<()> {
        let metadata = directory.metadata()?;
        // Between a removal and its replacement something else may be there.
        if metadata.kind != Kind::Directory {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.identity = metadata.identity;
        self.directory = directory;
        Ok(())
    }

    pub(super) fn directory(&self) -> &File {
        &self.directory
    }
}
