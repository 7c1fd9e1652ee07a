//! The site that the requests are for: few files, whose every octet is known.

use std::io::{self, Write};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use std::{fs, iter};

/// A file of the site.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Its path below the root.
    pub(super) name: &'static str,
    pub(super) content: Vec<u8>,
}

/// What is at a path of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    File(&'static File),
    /// A directory without an index.
    Directory,
    Nothing,
}

/// The page of the root first. The largest is not kept in memory by the server, but sent from its descriptor.
static FILES: LazyLock<[File; 6]> = LazyLock::new(|| {
    [
        File { name: "index.html", content: b"<p>the page\n".to_vec() },
        File { name: "a.txt", content: text(1_000, 1) },
        File { name: "empty", content: Vec::new() },
        File { name: "large.bin", content: text(70_000, 2) },
        File { name: "dir/b.txt", content: text(151, 3) },
        File { name: ".hidden", content: b"nobody sees it".to_vec() },
    ]
});

/// When the first of them was changed, each other one a second after that before it: long ago, since a file that has
/// just changed has no validators.
const MODIFIED_UNIX: Duration = Duration::from_secs(1_577_934_245);

/// Octets that repeat with a period prime to all sizes of buffers, and whose `step` tells the file: no two octets next
/// to each other are in another one too.
fn text(bytes: usize, step: usize) -> Vec<u8> {
    (0..bytes).map(|at| b'!' + (at * step % 89) as u8).collect()
}

/// Writes the files.
///
/// # Errors
/// Those of the file system.
pub(crate) fn write(root: &Path) -> io::Result<()> {
    fs::create_dir(root.join("dir"))?;
    let seconds = iter::successors(Some(MODIFIED_UNIX), |time| Some(*time + Duration::from_secs(1)));
    FILES.iter().zip(seconds).try_for_each(|(file, modified)| {
        let mut written = fs::File::create(root.join(file.name))?;
        written.write_all(&file.content)?;
        written.set_modified(SystemTime::UNIX_EPOCH + modified)
    })
}

/// The files that anybody may have.
pub(super) fn files() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| !file.name.starts_with('.'))
}

/// Paths of the files that a server keeps in memory once it has been asked for them.
pub(crate) const PATHS_IN_MEMORY: [&str; 5] = ["/", "/index.html", "/a.txt", "/empty", "/dir/b.txt"];

/// What is at `path`, which has no empty segments; the directory itself is the empty path.
pub(super) fn at(path: &[u8]) -> There {
    match path {
        b"" => There::File(&FILES[0]),
        b"dir" => There::Directory,
        _ => match FILES.iter().find(|file| file.name.as_bytes() == path) {
            Some(file) => There::File(file),
            None => There::Nothing,
        },
    }
}
