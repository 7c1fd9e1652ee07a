//! The files that are served, in a directory that is removed at the end.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::TempDir;

use crate::content::content;

/// Sizes served, by the names their files have.
pub(super) const FILES: [(&str, usize); 5] = [
    ("151.txt", 151),
    ("16k.txt", 16 * 1024),
    ("100k.txt", 100 * 1024),
    ("1m.txt", 1024 * 1024),
    ("64m.txt", 64 * 1024 * 1024),
];

#[derive(Debug)]
pub(super) struct Docroot {
    directory: TempDir,
}

impl Docroot {
    /// Makes the directory with all files, readable by everybody: some servers change their user.
    pub(super) fn create() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("selvedge-compare-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .context("cannot make a temporary directory")?;
        let docroot = Self { directory };
        fs::create_dir(docroot.files())?;
        for (name, bytes) in FILES {
            let path = docroot.files().join(name);
            fs::write(&path, content(bytes)).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(docroot)
    }

    /// The directory to serve.
    pub(super) fn files(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Where configurations and logs go.
    pub(super) fn scratch(&self) -> &Path {
        self.directory.path()
    }
}
