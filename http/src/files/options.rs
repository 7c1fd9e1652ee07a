//! How files are served.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::denied_roots::DeniedRoots;
use super::derived::DerivedStore;
use super::field_rules::FieldRule;
use super::shares::Shares;
use crate::media_type::{self, MediaTypes};
use crate::negotiation::CodingSet;

/// The longest path that is remembered, in bytes; longer ones are looked at for every request.
pub(super) const KEY_BYTES_MAX: usize = 1_024;
/// What a path takes beside its own octets: its place in the tables, and of a file its name and what was looked at.
pub(super) const PATH_BYTES: usize = 512;
/// What a form of a file takes beside its block and its location's octets: validators, and what is said of it.
pub(super) const FORM_BYTES: usize = 768;
/// Codings in which a file may be remembered.
const CODINGS: usize = 4;

/// Which symbolic links are followed.
///
/// ```
/// # use selvedge_http::files::{Answer, Files};
/// # use selvedge_http::path::SitePath;
/// # use selvedge_http::{Request, Response, StatusCode};
/// use selvedge_http::files::{FileOptions, SymlinkPolicy};
/// use selvedge_http::testing;
///
/// # fn site(options: FileOptions) -> impl selvedge_http::Application {
/// #     let files = Files::open(options).expect("the root is there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         match files.answer(&request, &path).await {
/// #             Answer::File(response) | Answer::Refused(response) => response,
/// #             _ => Response::error(StatusCode::NOT_FOUND, ""),
/// #         }
/// #     }
/// # }
/// # fn main() -> std::io::Result<()> {
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-symlink-policy-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// std::fs::write(root.join("2026.txt"), "this year")?;
/// std::os::unix::fs::symlink("2026.txt", root.join("latest.txt"))?;
///
/// // `site` is an application that answers from `Files`.
/// for (symlinks, status) in [(SymlinkPolicy::Inside, 200), (SymlinkPolicy::None, 404)] {
///     let mut options = FileOptions::new(&root);
///     options.trees[0].symlinks = symlinks;
///     testing::run(|| site(options), async move |client| {
///         client.get("/latest.txt").send().await.assert_status(status);
///     });
/// }
/// # std::fs::remove_dir_all(root)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymlinkPolicy {
    /// Those that lead to something beneath the root.
    #[default]
    Inside,
    /// All, wherever they lead.
    All,
    /// None.
    None,
}

/// Whether a path without an extension leads to a page.
///
/// ```
/// # use selvedge_http::files::{Answer, Files};
/// # use selvedge_http::path::SitePath;
/// # use selvedge_http::{Request, Response, StatusCode};
/// use selvedge_http::files::{CleanUrls, FileOptions};
/// use selvedge_http::testing;
///
/// # fn site(options: FileOptions) -> impl selvedge_http::Application {
/// #     let files = Files::open(options).expect("the root is there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         match files.answer(&request, &path).await {
/// #             Answer::File(response) | Answer::Refused(response) => response,
/// #             _ => Response::error(StatusCode::NOT_FOUND, ""),
/// #         }
/// #     }
/// # }
/// # fn main() -> std::io::Result<()> {
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-clean-urls-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// std::fs::write(root.join("about.html"), "<h1>About us</h1>")?;
/// let mut options = FileOptions::new(&root);
/// options.trees[0].clean_urls = CleanUrls::On;
///
/// // `site` is an application that answers from `Files`.
/// testing::run(|| site(options), async |client| {
///     client.get("/about").send().await.assert_text("<h1>About us</h1>").await;
/// });
/// # std::fs::remove_dir_all(root)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CleanUrls {
    /// A path leads to the file of that name alone.
    #[default]
    Off,
    /// `/a` leads to `a.html` where there is no file `a`.
    On,
}

/// Whether files that were compressed beforehand answer for a file: `a.js.br`, `a.js.zst` and `a.js.gz` for `a.js`.
///
/// ```
/// # use selvedge_http::files::{Answer, Files};
/// # use selvedge_http::path::SitePath;
/// # use selvedge_http::{Request, Response, StatusCode};
/// use selvedge_http::files::{FileOptions, Precompressed};
/// use selvedge_http::testing;
///
/// # fn site(options: FileOptions) -> impl selvedge_http::Application {
/// #     let files = Files::open(options).expect("the root is there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         match files.answer(&request, &path).await {
/// #             Answer::File(response) | Answer::Refused(response) => response,
/// #             _ => Response::error(StatusCode::NOT_FOUND, ""),
/// #         }
/// #     }
/// # }
/// # fn main() -> std::io::Result<()> {
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-precompressed-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// std::fs::write(root.join("a.js"), "let a = 1;")?;
/// std::fs::write(root.join("a.js.br"), "what a build step has made of it")?;
///
/// // `site` is an application that answers from `Files`.
/// for (precompressed, coding) in [(Precompressed::Always, Some("br")), (Precompressed::Off, None)] {
///     let mut options = FileOptions::new(&root);
///     options.trees[0].precompressed = precompressed;
///     testing::run(|| site(options), async move |client| {
///         let response = client.get("/a.js").header("accept-encoding", "br").send().await;
///         assert_eq!(response.header("content-encoding"), coding);
///     });
/// }
/// # std::fs::remove_dir_all(root)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precompressed {
    /// Those that are not older than their file, in whole seconds.
    #[default]
    Auto,
    /// All of them.
    Always,
    /// As `Auto`, and also without the file itself: then clients that take no such coding get 404.
    Alone,
    /// None.
    Off,
}

/// What a strong tag is made of.
///
/// ```
/// # use selvedge_http::files::{Answer, Files};
/// # use selvedge_http::path::SitePath;
/// # use selvedge_http::{Request, Response, StatusCode};
/// use selvedge_http::files::{FileOptions, TagSource};
/// use selvedge_http::testing;
///
/// # fn site(options: FileOptions) -> impl selvedge_http::Application {
/// #     let files = Files::open(options).expect("the root is there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         match files.answer(&request, &path).await {
/// #             Answer::File(response) | Answer::Refused(response) => response,
/// #             _ => Response::error(StatusCode::NOT_FOUND, ""),
/// #         }
/// #     }
/// # }
/// # fn written(path: std::path::PathBuf, content: &str, unix_s: u64) -> std::io::Result<()> {
/// #     std::fs::write(&path, content)?;
/// #     let changed = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix_s);
/// #     std::fs::File::options().write(true).open(path)?.set_modified(changed)
/// # }
/// # fn main() -> std::io::Result<()> {
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-tag-source-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// # written(root.join("one.txt"), "the same", 1_000_000_000)?;
/// # written(root.join("two.txt"), "the same", 1_100_000_000)?;
/// // one.txt and two.txt are copies, made on different days.
/// let options = FileOptions { tags: TagSource::Content, ..FileOptions::new(&root) };
///
/// // `site` is an application that answers from `Files`.
/// testing::run(|| site(options), async |client| {
///     let one = client.get("/one.txt").send().await;
///     let two = client.get("/two.txt").send().await;
///     assert!(one.header("etag").is_some());
///     assert_eq!(one.header("etag"), two.header("etag"));
/// });
/// # std::fs::remove_dir_all(root)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TagSource {
    /// A file's size and time of change; of files whose time is 0 or 1, the content.
    #[default]
    Time,
    /// A file's content: hashed once per version, which reads all of it.
    Content,
}

/// Which files are compressed by the server, for clients that take it.
///
/// ```
/// # use selvedge_http::files::{Answer, Files};
/// # use selvedge_http::path::SitePath;
/// # use selvedge_http::{Request, Response, StatusCode};
/// use selvedge_http::files::{Compression, FileOptions};
/// use selvedge_http::negotiation::CodingSet;
/// use selvedge_http::testing;
///
/// # fn site(options: FileOptions) -> impl selvedge_http::Application {
/// #     let files = Files::open(options).expect("the root is there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         match files.answer(&request, &path).await {
/// #             Answer::File(response) | Answer::Refused(response) => response,
/// #             _ => Response::error(StatusCode::NOT_FOUND, ""),
/// #         }
/// #     }
/// # }
/// # fn written(path: std::path::PathBuf, content: &str, unix_s: u64) -> std::io::Result<()> {
/// #     std::fs::write(&path, content)?;
/// #     let changed = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix_s);
/// #     std::fs::File::options().write(true).open(path)?.set_modified(changed)
/// # }
/// # fn main() -> std::io::Result<()> {
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-compression-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// # written(root.join("a.txt"), &"a line\n".repeat(1_000), 1_000_000_000)?;
/// // a.txt are 7 KB of text.
/// let compression = Compression { codings: CodingSet::ALL, bytes_min: 500, ..Compression::default() };
/// let options = FileOptions { compression, ..FileOptions::new(&root) };
///
/// // `site` is an application that answers from `Files`.
/// testing::run(|| site(options), async |client| {
///     let request = client.get("/a.txt").header("accept-encoding", "gzip");
///     request.send().await.assert_header("content-encoding", "gzip");
///     client.get("/a.txt").send().await.assert_no_header("content-encoding");
/// });
/// # std::fs::remove_dir_all(root)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// The codings, none for no compression. Where there is a sibling in a coding, that is used.
    pub codings: CodingSet,
    /// Files of these types: such as `text/html`, or with a star at the end, `text/*`; empty for what gains by it
    /// ([`is_compressible`](crate::media_type::is_compressible)).
    pub types: Vec<String>,
    /// The shortest file that is compressed, in octets.
    pub bytes_min: u64,
    /// The longest.
    pub bytes_max: u64,
}

impl Default for Compression {
    fn default() -> Self {
        Self { codings: CodingSet::EMPTY, types: Vec::new(), bytes_min: 1_024, bytes_max: 16 * 1024 * 1024 }
    }
}

impl Compression {
    /// In which codings a file of this type and size is compressed.
    pub(super) fn codings_of(&self, media_type: &str, size_bytes: u64) -> CodingSet {
        let of_type = media_type::is_selected(&self.types, media_type);
        if of_type && (self.bytes_min..=self.bytes_max).contains(&size_bytes) {
            self.codings
        } else {
            CodingSet::EMPTY
        }
    }
}

/// A directory that is served.
///
/// ```
/// # use selvedge_http::files::{Answer, Files};
/// # use selvedge_http::path::SitePath;
/// # use selvedge_http::{Request, Response, StatusCode};
/// use selvedge_http::files::{FileOptions, TreeOptions};
/// use selvedge_http::testing;
///
/// # fn site(options: FileOptions) -> impl selvedge_http::Application {
/// #     let files = Files::open(options).expect("the root is there");
/// #     async move |request: Request<'_>| {
/// #         let mut decoded = Vec::new();
/// #         let path = SitePath::resolve(request.path(), &mut decoded).expect("it is a path");
/// #         match files.answer(&request, &path).await {
/// #             Answer::File(response) | Answer::Refused(response) => response,
/// #             _ => Response::error(StatusCode::NOT_FOUND, ""),
/// #         }
/// #     }
/// # }
/// # fn main() -> std::io::Result<()> {
/// # let root = std::env::temp_dir().join(format!("selvedge-doc-tree-options-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// std::fs::write(root.join("start.html"), "<h1>Welcome</h1>")?;
/// let tree = TreeOptions { index: vec!["start.html".to_owned()], ..TreeOptions::new(&root) };
/// let options = FileOptions { trees: vec![tree], ..FileOptions::new(&root) };
///
/// // `site` is an application that answers from `Files`.
/// testing::run(|| site(options), async |client| {
///     client.get("/").send().await.assert_text("<h1>Welcome</h1>").await;
/// });
/// # std::fs::remove_dir_all(root)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeOptions {
    /// The directory.
    pub root: PathBuf,
    /// What stands before a file's path in the patterns of field rules: nothing, or such as `docs/`.
    pub prefix: String,
    /// File names tried, in order, for a path that ends in a slash.
    pub index: Vec<String>,
    /// Which symbolic links are followed.
    pub symlinks: SymlinkPolicy,
    /// Whether `/a` may lead to `a.html`.
    pub clean_urls: CleanUrls,
    /// Which siblings answer for a file.
    pub precompressed: Precompressed,
    /// Language tags, at most [`LANGUAGES_MAX`]: `a.html.ja` answers for `a.html` if the client likes `ja` best. Where a
    /// file exists in languages only, the first of this list that it has is its default.
    pub languages: Vec<String>,
}

/// Most languages of a tree: each costs up to four openings per look at a file.
pub const LANGUAGES_MAX: usize = 8;
/// Most octets of a language's tag.
pub const LANGUAGE_BYTES_MAX: usize = 16;

impl TreeOptions {
    /// The defaults for files beneath `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            prefix: String::new(),
            index: vec!["index.html".to_owned()],
            symlinks: SymlinkPolicy::default(),
            clean_urls: CleanUrls::default(),
            precompressed: Precompressed::default(),
            languages: Vec::new(),
        }
    }
}

/// Where the files are, and how many of them a worker keeps ready.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::files::FileOptions;
///
/// let usual = FileOptions::new("/srv/site");
/// let small = FileOptions {
///     fresh_for: Duration::from_secs(60),
///     entries_max: 300,
///     misses_max: 100,
///     ..FileOptions::new("/srv/site")
/// };
/// assert!(small.memory_bytes() < usual.memory_bytes() / 8);
/// ```
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// The directories served, at least one: the first is the one that is meant where none is named.
    pub trees: Vec<TreeOptions>,
    /// Fields of the answers.
    pub fields: Vec<FieldRule>,
    /// Content types.
    pub types: MediaTypes,
    /// What tags are made of.
    pub tags: TagSource,
    /// What is compressed.
    pub compression: Compression,
    /// What is made of files beside the workers; clones share it.
    pub derived: Arc<DerivedStore>,
    /// Roots that cannot be followed for a sandbox; clones share it.
    pub denied_roots: Arc<DeniedRoots>,
    /// How long an answer is given without a look at the disk. Workers may differ within it.
    pub fresh_for: Duration,
    /// Files and directories a worker remembers, of each tree.
    pub entries_max: usize,
    /// Bytes of the heap that they may take, of each tree: with paths as long as may be, fewer of them fit.
    pub entries_bytes_max: usize,
    /// Paths that led nowhere a worker remembers, of each tree: a place of their own, so that asking for many does not
    /// drive out files.
    pub misses_max: usize,
    /// Whole responses a worker keeps in blocks of 4 KiB.
    pub ready_small_max: usize,
    /// Whole responses a worker keeps in blocks of 24 KiB.
    pub ready_medium_max: usize,
    /// Whole responses a worker keeps in blocks of 68 KiB: longer ones, and medium ones beyond their own blocks.
    pub ready_large_max: usize,
    /// Streamed files a worker has open: those that are sent now, and others for the next request. Beyond it, 503.
    pub descriptors_max: usize,
    /// How long a descriptor nobody uses stays open.
    pub idle_descriptor: Duration,
}

impl FileOptions {
    /// The defaults for files beneath `root`: what [`selvedge_runtime::BlockLimits`] has, less a quarter for responses on
    /// their way.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let blocks = selvedge_runtime::BlockLimits::default();
        Self {
            trees: vec![TreeOptions::new(root)],
            fields: Vec::new(),
            types: MediaTypes::default(),
            tags: TagSource::default(),
            compression: Compression::default(),
            derived: Arc::default(),
            denied_roots: Arc::default(),
            fresh_for: Duration::from_secs(1),
            entries_max: 16_384,
            entries_bytes_max: 32 << 20,
            misses_max: 1_024,
            ready_small_max: blocks.small / 4 * 3,
            ready_medium_max: blocks.medium / 4 * 3,
            ready_large_max: blocks.large / 4 * 3,
            descriptors_max: 256,
            idle_descriptor: Duration::from_secs(10),
        }
    }

    /// Bytes of the heap that what a worker remembers takes at most, beside its blocks.
    pub fn memory_bytes(&self) -> usize {
        let of_tree = |tree: &TreeOptions| {
            let one_coding = tree.precompressed == Precompressed::Off && self.compression.codings.is_empty();
            let forms = (1 + tree.languages.len()) * if one_coding { 1 } else { CODINGS };
            let longest = 2 * KEY_BYTES_MAX + PATH_BYTES + forms * (KEY_BYTES_MAX + FORM_BYTES);
            (self.entries_max * longest).min(self.entries_bytes_max + longest)
                + self.misses_max * (KEY_BYTES_MAX + PATH_BYTES)
        };
        self.trees.iter().map(of_tree).sum::<usize>() + Shares::memory_bytes(self)
    }
}
