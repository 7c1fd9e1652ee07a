//! Directories to be listed. In: a path that no index file answers for. Out: what is in the directory, by the rules that
//! files are found by. Next: the application makes a page of it.

use std::ffi::CString;
use std::io;
use std::path::Path;

use selvedge_runtime::Undone;
use selvedge_runtime::fs::{self, DirectoryEntries, File, Kind, Resolve};

use super::locate::{self, Refused};
use super::tree::refused_read;
use super::{Files, Target, refusal};
use crate::response::Response;

/// After how many seconds it may be tried again where too much is to be read at once.
const RETRY_AFTER_S: u32 = 1;

/// A directory beneath the root, open.
///
/// ```
/// use selvedge_http::files::{FileOptions, Files, Listable};
/// use selvedge_http::path::SitePath;
///
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-directory-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// # for name in ["b.txt", "a.txt", ".hidden"] {
/// #     std::fs::write(root.join(name), "")?;
/// # }
/// # let there = root.clone();
/// # selvedge_runtime::block_on(move || async move {
/// # let root = there;
/// let files = Files::open(FileOptions::new(root)).expect("the root is there");
/// let path = SitePath::decoded(b"").expect("it is the root's own");
/// let Listable::Directory(directory) = files.directory(&path).await else { panic!("it is one") };
/// let is_shown = |name: &[u8]| !name.starts_with(b".");
/// let names = directory.read(1_000, is_shown, |entries| entries.map(|entry| Ok(entry?.name)).collect());
/// let mut names: Vec<_> = names.await.expect("it can be read");
/// names.sort();
/// assert_eq!(names, [b"a.txt", b"b.txt"]);
/// # });
/// # std::fs::remove_dir_all(root)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Directory {
    root: File,
    place: File,
    location: CString,
    links: Resolve,
}

/// What a path leads to that is to be listed.
///
/// ```
/// # use selvedge_http::files::FileOptions;
/// use selvedge_http::StatusCode;
/// use selvedge_http::files::{Files, Listable};
/// use selvedge_http::path::SitePath;
///
/// async fn count(files: &Files, path: &[u8]) -> Result<usize, StatusCode> {
///     let path = SitePath::decoded(path).ok_or(StatusCode::BAD_REQUEST)?;
///     match files.directory(&path).await {
///         Listable::Directory(directory) => {
///             let count = directory.read(1_000, |_| true, |entries| Ok(entries.count())).await;
///             count.map_err(|refused| refused.status())
///         }
///         Listable::No => Err(StatusCode::NOT_FOUND),
///         Listable::Refused(response) => Err(response.status()),
///     }
/// }
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-listable-{}", std::process::id()));
/// # std::fs::create_dir_all(root.join("a"))?;
/// # std::fs::write(root.join("a/page.txt"), "a page")?;
/// # let there = root.clone();
/// # selvedge_runtime::block_on(move || async move {
/// # let root = there;
///
/// let files = Files::open(FileOptions::new(root)).expect("the root is there");
/// assert_eq!(count(&files, b"a").await, Ok(1));
/// assert_eq!(count(&files, b"a/page.txt").await, Err(StatusCode::NOT_FOUND));
/// # });
/// # std::fs::remove_dir_all(root)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub enum Listable {
    /// A directory.
    Directory(Directory),
    /// Something else, or nothing.
    No,
    /// It cannot be looked at: the answer to that.
    Refused(Response),
}

impl Files {
    /// The directory at a path, for which [`Answer::Directory`](super::Answer) was the answer just now.
    pub async fn directory<'a>(&self, target: impl Into<Target<'a>>) -> Listable {
        let Target { tree, path, .. } = target.into();
        let tree = &self.trees[tree];
        // That answer has looked at the root, if it was due.
        let root = tree.directory();
        let relative = if path.relative().is_empty() { b"." } else { path.relative() };
        // A path holds no NUL.
        let Ok(location) = CString::new(relative) else { return Listable::No };
        let links = tree.options.symlinks;
        match self.with_room(async || locate::place(&root, links, &location).await).await {
            Ok(Some((place, metadata))) if metadata.kind == Kind::Directory => {
                Listable::Directory(Directory { root, place, location, links: locate::resolve(links) })
            }
            Ok(_) | Err(Refused::Hidden) => Listable::No,
            Err(refused) => Listable::Refused(refusal(&refused, &tree.options.root, path.key())),
        }
    }
}

impl Directory {
    /// Reads at most `names_max` names, and looks at those `wanted`; `digest` makes something of them, on a helper's thread
    /// ([`fs::read_directory`]). What is answered if that fails comes as the error.
    pub async fn read<T: Send + 'static>(
        &self,
        names_max: usize,
        wanted: impl Fn(&[u8]) -> bool + Send + 'static,
        digest: impl FnOnce(DirectoryEntries) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Box<Response>> {
        let Self { root, place, location, links } = self;
        let directory = fs::Directory { place, root, location, links: *links };
        let read =
            fs::read_directory(&directory, names_max, wanted, |entries| entries.and_then(digest)).await;
        let refused = match read {
            Ok(Ok(digested)) => return Ok(digested),
            // It was removed after it was found.
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Refused::Hidden,
            Ok(Err(error)) => refused_read(error),
            Err(Undone::Lost) => Refused::Failed(io::Error::other("its listing was not finished")),
            Err(Undone::Overloaded) => {
                return Err(Box::new(Response::unavailable("too much to read", RETRY_AFTER_S)));
            }
        };
        Err(Box::new(refusal(&refused, Path::new("."), location.as_bytes())))
    }
}
