//! Directories to serve, and files whose every byte is known.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// The sizes every client is tried with, and the names of their files.
pub const SIZES: [(&str, u64); 5] =
    [("0.bin", 0), ("151.bin", 151), ("64k.bin", 64 << 10), ("1m.bin", 1 << 20), ("1g.bin", 1 << 30)];

/// A directory of its own, gone when it is dropped.
#[derive(Debug)]
pub struct Site(TempDir);

impl Site {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("selvedge-")
            // Other users' servers read it too.
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("the temporary directory is writable");
        Self(directory)
    }

    /// With these files in it.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let site = Self::new();
        for (name, text) in files {
            site.write(name, text);
        }
        site
    }

    /// With a file of each of [`SIZES`].
    pub fn with_sizes() -> Self {
        let site = Self::new();
        for (name, size) in SIZES {
            if size < 1 << 30 {
                write_pattern(&site.join(name), size);
            } else {
                write_sparse(&site.join(name), size);
            }
        }
        site
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the directories it lies in.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        let parent = path.parent().expect("a file lies in a directory");
        fs::create_dir_all(parent).expect("the site is writable");
        fs::write(&path, bytes).expect("the site is writable");
        age(&path);
        path
    }
}

/// The row repeats after so many bytes.
const PERIOD: usize = 251 * 256;

/// `length` bytes from `offset` of an endless row that repeats only after [`PERIOD`] bytes: what is lost, doubled or out of
/// place shows.
pub fn pattern(offset: u64, length: usize) -> Vec<u8> {
    static PERIODS: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..2 * PERIOD).map(|at| (at % 251) as u8 ^ (at / 251 % 256) as u8).collect());
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let start = ((offset + bytes.len() as u64) % PERIOD as u64) as usize;
        let piece = (length - bytes.len()).min(PERIOD);
        bytes.extend_from_slice(&PERIODS[start..start + piece]);
    }
    bytes
}

pub fn write_pattern(path: &Path, size: u64) {
    fs::write(path, pattern(0, size as usize)).expect("the site is writable");
    age(path);
}

/// Makes a file and its directory seem to have lain there for an hour: one that has just changed has no validators, and in a
/// directory that has just changed things are looked for again.
pub fn age(path: &Path) {
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3_600);
    for changed in [path, path.parent().expect("a file lies in a directory")] {
        let file = File::open(changed).expect("it was written");
        file.set_modified(an_hour_ago).expect("its owner may");
    }
}

/// A file of holes, with something at its start, about its middle and at its end.
pub fn write_sparse(path: &Path, size: u64) {
    let mut file = File::create(path).expect("the site is writable");
    file.set_len(size).expect("the file system has sparse files");
    for offset in [0, size / 2 - 777, size - 5_000] {
        file.seek(SeekFrom::Start(offset)).expect("a file can be written anywhere");
        file.write_all(&pattern(offset, 5_000)).expect("the site is writable");
    }
    age(path);
}

/// Reads `from` to its end and holds it against the file, a block at a time.
pub fn expect_content(mut from: impl Read, path: &Path) {
    let mut file = File::open(path).expect("the file is there");
    let (mut expected, mut got) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
    let mut offset = 0;
    loop {
        let length = file.read(&mut expected).expect("the file is readable");
        from.read_exact(&mut got[..length])
            .unwrap_or_else(|error| panic!("after {offset} bytes of {}: {error}", path.display()));
        assert!(got[..length] == expected[..length], "{} differs after {offset} bytes", path.display());
        offset += length;
        if length == 0 {
            break;
        }
    }
    let more = from.read(&mut got).expect("the end can be read");
    assert_eq!(more, 0, "bytes beyond the end of {}", path.display());
}
