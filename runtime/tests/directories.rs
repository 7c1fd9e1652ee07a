//! Directories read beside the worker: which names come, and what is said of them.

mod support;

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use selvedge_runtime::fs::{self, Access, DirectoryEntry, File, Kind, MoreNames, Resolve};
use selvedge_runtime::{block_on, process};
use support::directory::Directory;

/// The root is `inside/`, and `inside/sub` has something of every kind.
fn tree() -> Directory {
    let directory = Directory::new("directories");
    fill(&directory).expect("the temporary directory is writable");
    directory
}

fn fill(directory: &Directory) -> io::Result<()> {
    let sub = directory.join("inside/sub");
    std::fs::create_dir_all(sub.join("folder"))?;
    std::fs::create_dir_all(directory.join("outside"))?;
    std::fs::write(directory.join("outside/secret"), "secret")?;
    std::fs::write(directory.join("inside/above"), "from above")?;
    std::fs::write(sub.join("file"), "content")?;
    std::fs::write(sub.join(".hidden"), "dotted")?;
    std::fs::write(sub.join(OsStr::from_bytes(b"not \xff UTF-8\n")), "x")?;
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, sub.join("fifo"), fifo, mode, 0)?;
    symlink("file", sub.join("link"))?;
    symlink("folder", sub.join("link-to-folder"))?;
    symlink("../above", sub.join("link-up"))?;
    symlink("fifo", sub.join("link-to-fifo"))?;
    symlink("missing", sub.join("link-to-nothing"))?;
    symlink("loop", sub.join("loop"))?;
    symlink("../../outside/secret", sub.join("link-out"))?;
    symlink(directory.join("outside/secret"), sub.join("absolute-out"))?;
    symlink(sub.join("file").canonicalize()?, sub.join("absolute-inside"))
}

async fn read(
    root: &File,
    location: &str,
    links: Resolve,
    names_max: usize,
    wanted: impl Fn(&[u8]) -> bool + Send + 'static,
) -> io::Result<(Vec<DirectoryEntry>, MoreNames)> {
    let location = CString::new(location).expect("no zero byte");
    let place = fs::open(root, location.clone(), Access::Place, Resolve::Beneath).await?;
    let directory = fs::Directory { place: &place, root, location: &location, links };
    let reading = fs::read_directory(&directory, names_max, wanted, |entries| {
        let mut entries = entries?;
        let mut found = entries.by_ref().collect::<io::Result<Vec<_>>>()?;
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((found, entries.more()))
    });
    // The directory's own handle is gone before the helper has read it.
    drop(place);
    reading.await.expect("the work does not panic")
}

fn names(entries: &[DirectoryEntry]) -> Vec<&[u8]> {
    entries.iter().map(|entry| &*entry.name).collect()
}

#[test]
fn links_come_as_far_as_they_may_be_followed_and_special_files_never() {
    let directory = tree();
    let inside = directory.join("inside");
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        let always: [&[u8]; 4] = [b".hidden", b"file", b"folder", b"not \xff UTF-8\n"];
        let beneath: [&[u8]; 4] = [b"absolute-inside", b"link", b"link-to-folder", b"link-up"];
        let out: [&[u8]; 2] = [b"absolute-out", b"link-out"];
        for (links, expected) in [
            (Resolve::BeneathWithoutLinks, always.to_vec()),
            (Resolve::Beneath, [&always[..], &beneath].concat()),
            (Resolve::Anywhere, [&always[..], &beneath, &out].concat()),
        ] {
            let mut expected = expected;
            expected.sort();
            let (found, more) = read(&root, "sub", links, 1_000, |_| true).await.unwrap();
            assert_eq!(names(&found), expected, "{links:?}");
            assert_eq!(more, MoreNames::None);
        }
        let (found, _) = read(&root, ".", Resolve::Beneath, 1_000, |_| true).await.unwrap();
        assert_eq!(names(&found), [&b"above"[..], b"sub"], "the root itself");
    });
}

#[test]
fn a_link_is_told_as_what_it_leads_to() {
    let directory = tree();
    let inside = directory.join("inside");
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        let (found, _) = read(&root, "sub", Resolve::Anywhere, 1_000, |_| true).await.unwrap();
        for entry in found {
            let path = inside.join("sub").join(OsStr::from_bytes(&entry.name));
            let expected = std::fs::metadata(&path).unwrap();
            let kind = if expected.is_dir() { Kind::Directory } else { Kind::Regular };
            assert_eq!(entry.metadata.kind, kind, "{}", path.display());
            assert_eq!(entry.metadata.size_bytes, expected.len());
            assert_eq!(entry.metadata.modified, (expected.mtime(), expected.mtime_nsec() as u32));
            assert_eq!(entry.metadata.identity, (expected.dev(), expected.ino()));
        }
    });
}

#[test]
fn no_more_names_are_read_than_may_and_it_says_so() {
    let directory = Directory::new("many");
    for number in 0..500 {
        std::fs::write(directory.join(&format!("{number}")), "").unwrap();
    }
    let path = directory.path().to_owned();
    block_on(|| async move {
        let root = fs::open_directory(&path).unwrap();
        let read = async |names_max, wanted: fn(&[u8]) -> bool| {
            let (found, more) = read(&root, ".", Resolve::Beneath, names_max, wanted).await.unwrap();
            (found.len(), more)
        };
        assert_eq!(read(500, |_| true).await, (500, MoreNames::None));
        assert_eq!(read(499, |_| true).await, (499, MoreNames::Some));
        assert_eq!(read(0, |_| true).await, (0, MoreNames::Some));
        // What is not wanted counts too: it takes time all the same.
        assert_eq!(read(499, |_| false).await, (0, MoreNames::Some));
        assert_eq!(read(1_000, |name| name.ends_with(b"7")).await, (50, MoreNames::None));
    });
}

#[test]
fn what_cannot_be_listed_is_an_error_and_leaves_no_descriptor_behind() {
    let directory = tree();
    let inside = directory.join("inside");
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        let open = process::descriptors_open().unwrap();
        let file = read(&root, "above", Resolve::Beneath, 1_000, |_| true).await;
        assert_eq!(file.unwrap_err().kind(), io::ErrorKind::NotADirectory);
        if !rustix::process::geteuid().is_root() {
            let closed = inside.join("sub/folder");
            std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o300)).unwrap();
            let refused = read(&root, "sub/folder", Resolve::Beneath, 1_000, |_| true).await;
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
            std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
        }
        for _ in 0..20 {
            read(&root, "sub", Resolve::Anywhere, 1_000, |_| true).await.unwrap();
        }
        // The worker closes at its turn's end.
        while process::descriptors_open().unwrap() > open {
            selvedge_runtime::yield_now().await;
        }
    });
}

#[test]
fn a_directory_that_was_removed_is_empty() {
    let directory = Directory::new("removed");
    std::fs::create_dir(directory.join("gone")).unwrap();
    let path = directory.path().to_owned();
    block_on(|| async move {
        let root = fs::open_directory(&path).unwrap();
        let location = c"gone".to_owned();
        let place = fs::open(&root, location.clone(), Access::Place, Resolve::Beneath).await.unwrap();
        std::fs::remove_dir(Path::new(&path).join("gone")).unwrap();
        let links = Resolve::Beneath;
        let directory = fs::Directory { place: &place, root: &root, location: &location, links };
        let read = fs::read_directory(&directory, 10, |_| true, |entries| entries.map(Iterator::count));
        match read.await.unwrap() {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        }
    });
}
