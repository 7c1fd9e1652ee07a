//! From a path below the root to the file it leads to, without ever leaving the root or opening what is not a file.
//!
//! In: a [`SitePath`]. Out: a place that is a regular file, or why there is none. Next: [`super::entry`] opens and reads it.

use std::ffi::{CStr, CString};
use std::io;
use std::path::PathBuf;

use selvedge_runtime::fs::{self, Access, Failure, File, Kind, Metadata, Resolve};

use super::options::{CleanUrls, Precompressed, SymlinkPolicy, TreeOptions};
use crate::negotiation::{Coding, CodingSet};
use crate::path::{SitePath, TrailingSlash};

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Located {
    /// A regular file, in one form or several.
    File(LocatedFile),
    /// A directory named without its slash.
    NeedsSlash,
    /// A file named with a slash.
    NeedsNoSlash,
    /// A directory named with its slash, without an index file.
    Directory,
    /// Nothing is there.
    Missing,
}

/// A file that was found and not opened yet.
#[derive(Debug)]
pub(super) struct LocatedFile {
    /// Relative to the root; what its forms are named after.
    pub(super) name: CString,
    pub(super) choice: Choice,
    /// What it was found as; at least one.
    pub(super) forms: Vec<LocatedForm>,
    /// Siblings that are older than their file.
    pub(super) outdated: Vec<(CString, Metadata)>,
    /// The directory in which forms were looked for that are not there.
    pub(super) directory: Option<DirectoryVersion>,
}

/// One form of a file: in a language, in a coding.
#[derive(Debug)]
pub(super) struct LocatedForm {
    pub(super) form: Form,
    /// Relative to the root.
    pub(super) location: CString,
    pub(super) metadata: Metadata,
    /// Of the first form alone: a look holds few descriptors.
    pub(super) place: Option<File>,
}

/// Which form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// Its place among the tree's languages.
    pub(super) language: Option<u8>,
    pub(super) coding: Coding,
}

/// A directory as it was: what it lacked then it lacks as long as it has not changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DirectoryVersion {
    pub(super) location: CString,
    pub(super) identity: (u64, u64),
    pub(super) modified: (i64, u32),
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

/// Finds what `path` leads to beneath `directory`. `siblings` tells in which codings a file of that name may exist.
pub(super) async fn locate(
    directory: &File,
    options: &TreeOptions,
    path: &SitePath<'_>,
    siblings: &dyn Fn(&[u8]) -> CodingSet,
) -> Result<Located, Refused> {
    let relative = path.relative();
    let search = Search { directory, options, siblings };
    if path.trailing_slash() == TrailingSlash::Absent {
        let as_it_is = match search.file(relative, Choice::First).await? {
            Sought::File(file) => return Ok(Located::File(file)),
            other => other,
        };
        if options.clean_urls == CleanUrls::On
            && let Sought::File(file) = search.file(&with_html(relative), Choice::Later).await?
        {
            return Ok(Located::File(file));
        }
        return Ok(match as_it_is {
            Sought::Directory => Located::NeedsSlash,
            _ => Located::Missing,
        });
    }
    let mut hidden = None;
    for (number, index) in options.index.iter().enumerate() {
        let choice = if number == 0 { Choice::First } else { Choice::Later };
        match search.file(&join(relative, index.as_bytes()), choice).await {
            Ok(Sought::File(file)) => return Ok(Located::File(file)),
            // The next name may do.
            Err(Refused::Hidden) => hidden = Some(Refused::Hidden),
            found => drop(found?),
        }
    }
    if let Some(refused) = hidden {
        return Err(refused);
    }
    if relative.is_empty() {
        return Ok(Located::Directory);
    }
    match search.file(relative, Choice::First).await? {
        Sought::Directory => Ok(Located::Directory),
        Sought::File(_) => Ok(Located::NeedsNoSlash),
        Sought::Missing if options.clean_urls == CleanUrls::On => {
            match search.file(&with_html(relative), Choice::First).await? {
                Sought::File(_) => Ok(Located::NeedsNoSlash),
                _ => Ok(Located::Missing),
            }
        }
        Sought::Missing => Ok(Located::Missing),
    }
}

fn with_html(relative: &[u8]) -> Vec<u8> {
    [relative, b".html"].concat()
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

/// A search beneath one root.
struct Search<'a> {
    directory: &'a File,
    options: &'a TreeOptions,
    siblings: &'a dyn Fn(&[u8]) -> CodingSet,
}

/// What was found at one name.
enum Sought {
    File(LocatedFile),
    Directory,
    Missing,
}

impl Search<'_> {
    /// The file called `name`, in all its forms.
    async fn file(&self, name: &[u8], choice: Choice) -> Result<Sought, Refused> {
        let location = to_c_string(name).map_err(Refused::Failed)?;
        let siblings = (self.siblings)(name);
        let plain = self.place(&location).await?;
        if let Some((_, metadata)) = &plain
            && metadata.kind == Kind::Directory
        {
            return Ok(Sought::Directory);
        }
        let mut file =
            LocatedFile { name: location, choice, forms: Vec::new(), outdated: Vec::new(), directory: None };
        if plain.is_none() && self.options.languages.is_empty() && !self.siblings_suffice() {
            return Ok(Sought::Missing);
        }
        // Before the forms themselves: one that comes into being meanwhile is noticed later.
        if !siblings.is_empty() || !self.options.languages.is_empty() {
            file.directory = self.directory_of(name).await?;
        }
        self.forms(&mut file, None, name, plain, siblings).await?;
        for (number, language) in self.options.languages.iter().enumerate() {
            let name = [name, b".", language.as_bytes()].concat();
            let location = to_c_string(&name).map_err(Refused::Failed)?;
            let plain = self.place(&location).await?;
            self.forms(&mut file, Some(number as u8), &name, plain, siblings).await?;
        }
        Ok(if file.forms.is_empty() { Sought::Missing } else { Sought::File(file) })
    }

    fn siblings_suffice(&self) -> bool {
        self.options.precompressed == Precompressed::Alone
    }

    /// Adds the forms of a name: the file as it is, and its siblings.
    async fn forms(
        &self,
        file: &mut LocatedFile,
        language: Option<u8>,
        name: &[u8],
        plain: Option<(File, Metadata)>,
        siblings: CodingSet,
    ) -> Result<(), Refused> {
        let as_it_is = plain.as_ref().map(|(_, metadata)| *metadata);
        if let Some((place, metadata)) = plain {
            if metadata.kind != Kind::Regular {
                return Ok(());
            }
            let location = to_c_string(name).map_err(Refused::Failed)?;
            let place = file.forms.is_empty().then_some(place);
            let form = Form { language, coding: Coding::Identity };
            file.forms.push(LocatedForm { form, location, metadata, place });
        } else if !self.siblings_suffice() {
            return Ok(());
        }
        for coding in siblings.iter() {
            let Some(extension) = extension(coding) else { continue };
            let location = to_c_string(&[name, extension].concat()).map_err(Refused::Failed)?;
            // A sibling that may not be read is a mistake like one that is not there; the file itself still is.
            let Ok(Some((_, metadata))) = self.place(&location).await else { continue };
            if metadata.kind != Kind::Regular {
                continue;
            }
            let outdated = |file: Metadata| metadata.modified.0 < file.modified.0;
            if self.options.precompressed != Precompressed::Always && as_it_is.is_some_and(outdated) {
                file.outdated.push((location, metadata));
                continue;
            }
            file.forms.push(LocatedForm { form: Form { language, coding }, location, metadata, place: None });
        }
        Ok(())
    }

    async fn place(&self, location: &CStr) -> Result<Option<(File, Metadata)>, Refused> {
        match place(self.directory, self.options.symlinks, location).await? {
            Some((_, metadata)) if metadata.kind == Kind::Special => Err(Refused::Hidden),
            found => Ok(found),
        }
    }

    async fn directory_of(&self, name: &[u8]) -> Result<Option<DirectoryVersion>, Refused> {
        let parent = memchr::memrchr(b'/', name).map_or(&b"."[..], |slash| &name[..slash]);
        let location = to_c_string(parent).map_err(Refused::Failed)?;
        let found = place(self.directory, self.options.symlinks, &location).await?;
        Ok(found.map(|(_, metadata)| DirectoryVersion {
            location,
            identity: metadata.identity,
            modified: metadata.modified,
        }))
    }
}

/// What a sibling's name has behind its file's; `None` for the file itself.
fn extension(coding: Coding) -> Option<&'static [u8]> {
    match coding {
        Coding::Identity => None,
        Coding::Gzip => Some(b".gz"),
        Coding::Brotli => Some(b".br"),
        Coding::Zstd => Some(b".zst"),
    }
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

pub(super) fn to_c_string(path: &[u8]) -> io::Result<CString> {
    CString::new(path).map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))
}
