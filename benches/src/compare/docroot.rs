//! The files that are served, in a directory that is removed at the end. In: what is asked for. Out: the files, an hour old.

use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use tempfile::TempDir;

use super::{
    cold,
    file_set::FileSet,
    workloads::{Asked, Kind, Workload},
};
use crate::content::content;

/// Sizes served, by the names their files have.
pub(super) const FILES: [(&str, usize); 5] = [
    ("151.txt", 151),
    ("16k.txt", 16 * 1024),
    ("100k.txt", 100 * 1024),
    ("1m.txt", 1024 * 1024),
    ("64m.txt", 64 * 1024 * 1024),
];

/// How old the files say they are. A server may doubt the time of one that has just been written, and give it no tag.
const AGE: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(crate) struct Docroot {
    directory: TempDir,
}

impl Docroot {
    /// Makes the directory with the files of all sizes and the sets that `workloads` ask for, readable by everybody: some servers
    /// change their user. It is in `place`, or where temporary files are.
    pub(crate) fn create(workloads: &[&Workload], place: Option<&Path>) -> anyhow::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("selvedge-compare-").permissions(Permissions::from_mode(0o755));
        let directory = match place {
            Some(place) => {
                builder.tempdir_in(place).context("cannot make a folder below --directory: name another")
            }
            None => {
                builder.tempdir().context("cannot make a temporary directory: set TMPDIR to a folder for it")
            }
        }?;
        let docroot = Self { directory };
        fs::create_dir(docroot.files())?;
        for (name, bytes) in FILES {
            docroot.write(name, &content(bytes))?;
        }
        let sets = workloads.iter().filter_map(|workload| match workload.asked {
            Asked::Many(set) => Some(set),
            _ => None,
        });
        sets.collect::<BTreeSet<FileSet>>().into_iter().try_for_each(|set| docroot.add(set))?;
        if workloads.iter().any(|workload| workload.kind == Kind::BesideCold) {
            cold::make(&docroot.files())?;
        }
        Ok(docroot)
    }

    fn add(&self, set: FileSet) -> anyhow::Result<()> {
        fs::create_dir(self.files().join(set.directory()))?;
        set.files().try_for_each(|file| self.write(&file.name, &file.content))?;
        fs::write(self.scratch().join(set.list()), set.paths().join("\n") + "\n")?;
        Ok(())
    }

    /// Writes a file, which looks as if it had been there for an hour.
    fn write(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let path = self.files().join(name);
        let write = || {
            fs::write(&path, content)?;
            File::options().write(true).open(&path)?.set_modified(SystemTime::now() - AGE)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// The directory to serve.
    pub(crate) fn files(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Where configurations and logs go.
    pub(crate) fn scratch(&self) -> &Path {
        self.directory.path()
    }
}
