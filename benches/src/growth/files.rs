//! As many files as are asked for. In: a folder. Out: files of 151 octets in one directory of it, numbered, an hour old, in the
//! kernel's memory. They are holes: each takes an inode, and no block of the disk.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rustix::fs::statvfs;

use crate::compare::docroot::Docroot;
use crate::compare::interrupt;

const DIRECTORY: &str = "many";
pub(super) const BYTES: u64 = 151;
/// A server may doubt the time of a file that has just been written.
const AGE: Duration = Duration::from_secs(3_600);
/// Memory of the kernel's for each: a page, an inode, a name.
const MEMORY_BYTES_EACH: u64 = 8 * 1024;
/// How often an interruption is looked for.
const FILES_PER_LOOK: usize = 1_000;
/// Asked for once each before anything is measured: more than any of the servers remembers.
const WARMED_MAX: usize = 20_000;

/// How many files there can be.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) files: usize,
    /// Why there can't be more.
    pub(super) why: String,
}

/// What the disk below `folder` and this much memory have room for.
pub(super) fn room(folder: &Path, memory_bytes: u64) -> anyhow::Result<Room> {
    let disk = statvfs(folder)?;
    Ok(least(disk.f_files, disk.f_favail, memory_bytes))
}

fn least(inodes: u64, free_inodes: u64, memory_bytes: u64) -> Room {
    // Where a file system has no fixed number of inodes, it says 0.
    let by_inodes = if inodes == 0 { u64::MAX } else { free_inodes / 10 * 9 };
    let by_memory = memory_bytes / 2 / MEMORY_BYTES_EACH;
    let why = if by_inodes < by_memory {
        format!("the disk has {free_inodes} inodes left: name another one by --directory")
    } else {
        format!("they would take more than half of the machine's memory, at {MEMORY_BYTES_EACH} octets each")
    };
    Room { files: usize::try_from(by_inodes.min(by_memory)).unwrap_or(usize::MAX), why }
}

/// Files that are there; they go with the folder that they are in.
#[derive(Debug)]
pub(super) struct Files {
    scratch: PathBuf,
}

impl Files {
    pub(super) fn make(docroot: &Docroot, count: usize) -> anyhow::Result<Self> {
        let folder = docroot.files().join(DIRECTORY);
        fs::create_dir(&folder)?;
        let time = SystemTime::now() - AGE;
        for number in 0..count {
            if number % FILES_PER_LOOK == 0 {
                interrupt::check()?;
            }
            let path = folder.join(number.to_string());
            make_one(&path, time).with_context(|| format!("cannot make {}", path.display()))?;
        }
        Ok(Self { scratch: docroot.scratch().to_owned() })
    }

    /// What the load generator puts numbers into.
    pub(super) fn pattern() -> String {
        format!("/{DIRECTORY}/{{}}")
    }

    /// A list of paths that fills what a server remembers of `count` files, and how many there are on it.
    pub(super) fn warming(&self, count: usize) -> anyhow::Result<(PathBuf, usize)> {
        let warmed = count.min(WARMED_MAX);
        let list: String = (0..warmed).map(|number| format!("/{DIRECTORY}/{number}\n")).collect();
        let path = self.scratch.join("warming.paths");
        fs::write(&path, list)?;
        Ok((path, warmed))
    }
}

fn make_one(path: &Path, time: SystemTime) -> std::io::Result<()> {
    let file = File::options().read(true).write(true).create_new(true).open(path)?;
    file.set_len(BYTES)?;
    // Into the kernel's memory, as if it had been asked for.
    file.read_exact_at(&mut [0], 0)?;
    file.set_modified(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_files_than_inodes_and_memory_allow() {
        let by_inodes = least(1_000, 100, u64::MAX);
        assert_eq!(by_inodes.files, 90);
        assert!(by_inodes.why.contains("100 inodes") && by_inodes.why.contains("--directory"));
        let by_memory = least(0, 0, 1 << 20);
        assert_eq!(by_memory.files, 64);
        assert!(by_memory.why.contains("memory"));
    }

    #[test]
    fn files_are_there_and_the_warming_asks_for_each_once() {
        let docroot = Docroot::create(&[], None).unwrap();
        let files = Files::make(&docroot, 3).unwrap();
        let bytes = |number: usize| {
            fs::metadata(docroot.files().join(format!("many/{number}"))).map(|file| file.len())
        };
        assert_eq!([bytes(0).unwrap(), bytes(2).unwrap()], [BYTES; 2]);
        assert!(bytes(3).is_err());
        let (list, count) = files.warming(3).unwrap();
        assert_eq!((fs::read_to_string(list).unwrap().as_str(), count), ("/many/0\n/many/1\n/many/2\n", 3));
        assert_eq!(files.warming(1_000_000).unwrap().1, WARMED_MAX);
    }
}
