//! From a path below the root to the file it leads to, without ever leaving the root or opening what is not a file.
//!
//! In: a [`SitePath`]. Out: a place that is a regular file, or why there is none. Next: [`super::entry`] opens and reads it.

use std::ffi::{CStr, CString};
use std::io;
use std::path::{Path, PathBuf};

use selvedge_runtime::fs::{self, Access, Failure, File, Kind, Metadata, Resolve};

use super::options::{FileOptions, SymlinkPolicy};
use crate::path::{SitePath, TrailingSlash};

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

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Located {
    /// A regular file.
    File(LocatedFile),
    /// A directory named without its slash.
    NeedsSlash,
    /// Nothing is there.
    Missing,
}

/// A file that was found and not opened yet.
#[derive(Debug)]
pub(super) struct LocatedFile {
    /// Relative to the root.
    pub(super) location: CString,
    pub(super) place: File,
    pub(super) choice: Choice,
}

/// Whether another name would have been preferred: then a look at the name found is not enough later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    First,
    Later,
}

/// Why a path that may lead somewhere is not served.
#[derive(Debug)]
pub(super) enum Refused {
    /// 403.
    Forbidden,
    /// 404, and not remembered: it is there, but not to be served.
    Hidden,
    /// 503: out of descriptors or memory.
    Exhausted(io::Error),
    /// 503: every descriptor that files may have is in use.
    TooManyOpen,
    /// 500.
    Failed(io::Error),
}

impl Refused {
    /// What the operator can be told of it; nothing of what is hidden on purpose.
    pub(super) fn reason(&self) -> Option<String> {
        match self {
            Self::Hidden => None,
            Self::Forbidden => Some("this user may not read it".to_owned()),
            Self::TooManyOpen => Some(
                "as many files are being sent as may be open; if this lasts, raise `ulimit -n`".to_owned(),
            ),
            Self::Exhausted(error) | Self::Failed(error) => Some(error.to_string()),
        }
    }
}

/// Finds what `path` leads to beneath `directory`.
pub(super) async fn locate(
    directory: &File,
    options: &FileOptions,
    path: &SitePath<'_>,
) -> Result<Located, Refused> {
    let relative = path.relative();
    if path.trailing_slash() == TrailingSlash::Absent {
        let location = to_c_string(relative).map_err(Refused::Failed)?;
        return match place(directory, options.symlinks, &location).await? {
            None => Ok(Located::Missing),
            Some((place, metadata)) => match metadata.kind {
                Kind::Regular => Ok(Located::File(LocatedFile { location, place, choice: Choice::First })),
                Kind::Directory => Ok(Located::NeedsSlash),
                Kind::Special => Err(Refused::Hidden),
            },
        };
    }
    let mut hidden = Ok(Located::Missing);
    for (number, index) in options.index.iter().enumerate() {
        let mut location = relative.to_vec();
        if !location.is_empty() {
            location.push(b'/');
        }
        location.extend_from_slice(index.as_bytes());
        let location = to_c_string(&location).map_err(Refused::Failed)?;
        match place(directory, options.symlinks, &location).await {
            Ok(Some((place, metadata))) if metadata.kind == Kind::Regular => {
                let choice = if number == 0 { Choice::First } else { Choice::Later };
                return Ok(Located::File(LocatedFile { location, place, choice }));
            }
            // The next name may do.
            Err(Refused::Hidden) => hidden = Err(Refused::Hidden),
            found => drop(found?),
        }
    }
    hidden
}

/// How a policy has the kernel resolve a path.
pub(super) fn resolve(symlinks: SymlinkPolicy) -> Resolve {
    match symlinks {
        SymlinkPolicy::Inside => Resolve::Beneath,
        SymlinkPolicy::All => Resolve::Anywhere,
        SymlinkPolicy::None => Resolve::BeneathWithoutLinks,
    }
}

/// The place at `location`, or `None` if nothing is there.
pub(super) async fn place(
    directory: &File,
    symlinks: SymlinkPolicy,
    location: &CStr,
) -> Result<Option<(File, Metadata)>, Refused> {
    let found = match open_place(directory, location, resolve(symlinks)).await {
        // An absolute link, or one that leads out: the kernel does not say which.
        Err(error) if Failure::of(&error) == Failure::LeadsOut && symlinks == SymlinkPolicy::Inside => {
            return open_verified(directory, location).await;
        }
        other => other,
    };
    judge(found)
}

fn judge(found: io::Result<File>) -> Result<Option<(File, Metadata)>, Refused> {
    let found = found.and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) => match Failure::of(&error) {
            Failure::NotThere => Ok(None),
            Failure::Forbidden => Err(Refused::Forbidden),
            Failure::LeadsOut | Failure::Link => Err(Refused::Hidden),
            Failure::Exhausted => Err(Refused::Exhausted(error)),
            Failure::Other => Err(Refused::Failed(error)),
        },
    }
}

/// Follows links wherever they lead, then holds the place they led to against the root's.
async fn open_verified(directory: &File, location: &CStr) -> Result<Option<(File, Metadata)>, Refused> {
    let Some((file, metadata)) = judge(open_place(directory, location, Resolve::Anywhere).await)? else {
        return Ok(None);
    };
    let paths =
        || -> io::Result<(PathBuf, PathBuf)> { Ok((file.current_path()?, directory.current_path()?)) };
    match paths() {
        Ok((path, root)) if path.starts_with(&root) => Ok(Some((file, metadata))),
        Ok(_) => Err(Refused::Hidden),
        Err(error) => Err(Refused::Failed(error)),
    }
}

async fn open_place(directory: &File, location: &CStr, resolve: Resolve) -> io::Result<File> {
    match fs::open_cached(directory, location, Access::Place, resolve) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            fs::open(directory, location.to_owned(), Access::Place, resolve).await
        }
        other => other,
    }
}

fn to_c_string(path: &[u8]) -> io::Result<CString> {
    CString::new(path).map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))
}
