//! The site that the requests are for: few files, whose every octet is known.

use std::path::Path;
use std::sync::LazyLock;
use std::{fs, io};

/// What is at a path of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    /// A file with this content.
    File(&'static [u8]),
    /// A directory without an index.
    Directory,
    Nothing,
}

/// Files by their paths below the root. The largest is not kept in memory by the server, but sent from its descriptor.
static FILES: LazyLock<[(&str, Vec<u8>); 6]> = LazyLock::new(|| {
    [
        ("index.html", b"<p>the page\n".to_vec()),
        ("a.txt", text(1_000, 1)),
        ("empty", Vec::new()),
        ("large.bin", text(70_000, 2)),
        ("dir/b.txt", text(151, 3)),
        (".hidden", b"nobody sees it".to_vec()),
    ]
});

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
    FILES.iter().try_for_each(|(name, content)| fs::write(root.join(name), content))
}

/// Paths of the files that a server keeps in memory once it has been asked for them.
pub(crate) const PATHS_IN_MEMORY: [&str; 5] = ["/", "/index.html", "/a.txt", "/empty", "/dir/b.txt"];

/// What is at `path`, which has no empty segments; the directory itself is the empty path.
pub(super) fn at(path: &[u8]) -> There {
    match path {
        b"" => There::File(&FILES[0].1),
        b"dir" => There::Directory,
        _ => match FILES.iter().find(|(name, _)| name.as_bytes() == path) {
            Some((_, content)) => There::File(content),
            None => There::Nothing,
        },
    }
}
