//! Files beneath a directory: what is opened, what is refused, and how the bytes go out.

mod support;

use std::ffi::CString;
use std::io;
use std::os::unix::fs::symlink;

use selvedge_runtime::fs::{self, Access, Failure, File, Kind, Residency, Resolve};
use selvedge_runtime::net::{TcpListener, TcpStream};
use selvedge_runtime::{BlockClass, BufferPool, block_on, spawn, timer};
use support::directory::Directory;
use support::{PATIENCE, any_port, ip};

async fn open(root: &File, path: &str, resolve: Resolve) -> io::Result<File> {
    let path = CString::new(path).expect("no zero byte");
    fs::open(root, path, Access::Read, resolve).await
}

async fn refusal(root: &File, path: &str, resolve: Resolve) -> Option<i32> {
    open(root, path, resolve).await.err().and_then(|error| error.raw_os_error())
}

/// `inside/` is the root; `outside` must never be reached from it.
fn tree() -> Directory {
    let directory = Directory::new("files");
    let inside = directory.join("inside");
    std::fs::create_dir_all(inside.join("sub")).expect("a directory");
    std::fs::write(directory.join("outside"), "secret").expect("a file");
    std::fs::write(inside.join("file"), "content").expect("a file");
    symlink("file", inside.join("link")).expect("a link");
    symlink("../file", inside.join("sub/up-inside")).expect("a link");
    symlink("../../outside", inside.join("sub/up-outside")).expect("a link");
    symlink(directory.join("outside"), inside.join("absolute-outside")).expect("a link");
    symlink(inside.join("file"), inside.join("absolute-inside")).expect("a link");
    symlink("loop", inside.join("loop")).expect("a link");
    directory
}

#[test]
fn no_path_leads_out_of_the_directory() {
    let directory = tree();
    let inside = directory.join("inside");
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        for path in [
            "..",
            "../outside",
            "sub/../../outside",
            "/",
            "/etc/passwd",
            "absolute-outside",
            "absolute-inside",
            "sub/up-outside",
        ] {
            let refused = refusal(&root, path, Resolve::Beneath).await;
            assert_eq!(refused, Some(libc::EXDEV), "{path}");
            assert!(
                fs::open_cached(&root, &CString::new(path).unwrap(), Access::Read, Resolve::Beneath).is_err()
            );
        }
        for path in ["file", "link", "sub/up-inside", "sub/../file", "sub//../link", "."] {
            let file = open(&root, path, Resolve::Beneath).await;
            assert!(file.is_ok(), "{path}: {file:?}");
        }
        for path in ["link", "sub/up-inside", "absolute-inside", "loop"] {
            let refused = refusal(&root, path, Resolve::BeneathWithoutLinks).await;
            assert_eq!(refused, Some(libc::ELOOP), "{path}");
        }
        assert!(open(&root, "file", Resolve::BeneathWithoutLinks).await.is_ok());
        for path in ["absolute-outside", "sub/up-outside", "absolute-inside"] {
            assert!(open(&root, path, Resolve::Anywhere).await.is_ok(), "{path}");
        }
        assert_eq!(refusal(&root, "loop", Resolve::Beneath).await, Some(libc::ELOOP));
    });
}

#[test]
fn refusals_are_told_apart() {
    let directory = tree();
    let inside = directory.join("inside");
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        for (path, expected) in [
            ("missing", Failure::NotThere),
            ("file/below", Failure::NotThere),
            (&*"long".repeat(100), Failure::NotThere),
            ("../outside", Failure::LeadsOut),
            ("loop", Failure::Link),
        ] {
            let error = open(&root, path, Resolve::Beneath).await.unwrap_err();
            assert_eq!(Failure::of(&error), expected, "{path}: {error}");
        }
        assert_eq!(
            fs::open_directory(&inside.join("file")).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        assert_eq!(fs::open_directory(&inside.join("nothing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    });
}

#[test]
fn a_fifo_is_opened_without_waiting_for_its_writer_and_seen_to_be_special() {
    let directory = Directory::new("fifo");
    let path = directory.path().to_owned();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path.join("fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    block_on(|| async move {
        let root = fs::open_directory(&path).unwrap();
        let open = timer::timeout(PATIENCE, open(&root, "fifo", Resolve::Beneath));
        let fifo = open.await.expect("it does not wait").unwrap();
        assert_eq!(fifo.metadata().unwrap().kind, Kind::Special);
        let place = fs::open(&root, c"fifo".to_owned(), Access::Place, Resolve::Beneath).await.unwrap();
        assert_eq!(fs::reopen(&place).unwrap().metadata().unwrap().kind, Kind::Special);
    });
}

#[test]
fn a_cached_open_succeeds_or_says_that_it_would_block() {
    let directory = tree();
    let inside = directory.join("inside");
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        let opened = open(&root, "file", Resolve::Beneath).await.unwrap();
        let identity = opened.metadata().unwrap().identity;
        match fs::open_cached(&root, c"file", Access::Read, Resolve::Beneath) {
            Ok(file) => assert_eq!(file.metadata().unwrap().identity, identity),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        match fs::stat_cached(&root, c"file", Resolve::Beneath) {
            Ok(metadata) => assert_eq!(metadata, opened.metadata().unwrap()),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    });
}

#[test]
fn metadata_tells_kind_size_time_and_identity() {
    let directory = tree();
    let inside = directory.join("inside");
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        let expected = std::fs::metadata(inside.join("file")).unwrap();
        let metadata = open(&root, "link", Resolve::Beneath).await.unwrap().metadata().unwrap();
        use std::os::unix::fs::MetadataExt;
        assert_eq!(metadata.kind, Kind::Regular);
        assert_eq!(metadata.size_bytes, 7);
        assert_eq!(metadata.modified, (expected.mtime(), expected.mtime_nsec() as u32));
        assert_eq!(metadata.changed, (expected.ctime(), expected.ctime_nsec() as u32));
        assert_eq!(metadata.identity, (expected.dev(), expected.ino()));
        let sub = open(&root, "sub", Resolve::Beneath).await.unwrap();
        assert_eq!(sub.metadata().unwrap().kind, Kind::Directory);
    });
}

#[test]
fn reads_are_short_at_the_end_of_the_file_and_empty_behind_it() {
    let directory = Directory::new("read");
    let bytes: Vec<u8> = (0..200_000_u32).map(|position| (position % 241) as u8).collect();
    std::fs::write(directory.join("file"), &bytes).unwrap();
    let path = directory.path().to_owned();
    block_on(|| async move {
        let root = fs::open_directory(&path).unwrap();
        let file = open(&root, "file", Resolve::Beneath).await.unwrap();
        // A registered block, and a pool's that is not.
        for lease in [
            || BufferPool::file_block().expect("a free block"),
            || BufferPool::lease(BlockClass::Large).expect("a free block"),
        ] {
            let mut read = Vec::new();
            loop {
                let lease = fs::read_at(&file, lease(), read.len() as u64).await.unwrap();
                if lease.is_empty() {
                    break;
                }
                read.extend_from_slice(&lease);
            }
            assert!(read == bytes);
            assert!(fs::read_at(&file, lease(), 1 << 40).await.unwrap().is_empty());
        }
        let mut head = BufferPool::file_block().unwrap();
        head[..4].copy_from_slice(b"head");
        let lease = fs::read_behind(&file, head, 4, 199_990).await.unwrap();
        assert_eq!(lease.len(), 14);
        assert_eq!(lease[..4], *b"head");
        assert_eq!(lease[4..], bytes[199_990..]);

        let not_readable = fs::read_at(&root, BufferPool::file_block().unwrap(), 0).await.unwrap_err();
        assert_eq!(not_readable.raw_os_error(), Some(libc::EBADF), "a place is not open for reading");
        assert_eq!(BufferPool::usage().block_leases, 0);
    });
}

#[test]
fn more_reads_than_file_blocks_wait_for_nobody_and_come_back() {
    let directory = Directory::new("blocks");
    std::fs::write(directory.join("file"), vec![5; 1 << 20]).unwrap();
    let path = directory.path().to_owned();
    block_on(|| async move {
        let root = fs::open_directory(&path).unwrap();
        let file = open(&root, "file", Resolve::Beneath).await.unwrap();
        let leases: Vec<_> = std::iter::from_fn(BufferPool::file_block).collect();
        assert_eq!(leases.len(), 32, "the default, and then none");
        let reads = leases.into_iter().enumerate().map(|(number, lease)| {
            let file = file.clone();
            spawn("reader", async move { fs::read_at(&file, lease, number as u64).await.unwrap().len() })
        });
        // Half of them are given up with the read in flight.
        for (number, read) in reads.collect::<Vec<_>>().into_iter().enumerate() {
            if number % 2 == 0 {
                read.abort();
            } else {
                assert_eq!(read.await, Ok(128 * 1024));
            }
        }
        while std::iter::from_fn(BufferPool::file_block).collect::<Vec<_>>().len() < 32 {
            selvedge_runtime::yield_now().await;
        }
    });
}

#[test]
fn what_was_read_is_resident_and_what_never_was_is_not() {
    let directory = Directory::new("resident");
    std::fs::write(directory.join("read"), vec![1; 100_000]).unwrap();
    // Never written, never read: nothing of it is in memory.
    std::fs::File::create(directory.join("hole")).unwrap().set_len(1 << 30).unwrap();
    let path = directory.path().to_owned();
    block_on(|| async move {
        let root = fs::open_directory(&path).unwrap();
        let file = open(&root, "read", Resolve::Beneath).await.unwrap();
        let lease = fs::read_at(&file, BufferPool::file_block().unwrap(), 0).await.unwrap();
        assert_eq!(lease.len(), 100_000);
        for (offset, length) in [(0, 100_000), (0, 1), (99_999, 1), (4_095, 2), (50_000, 0)] {
            assert_eq!(file.resident(offset, length), Residency::Cached, "{offset}+{length}");
        }
        let hole = open(&root, "hole", Resolve::Beneath).await.unwrap();
        assert_eq!(hole.resident(1 << 20, 1 << 20), Residency::Absent);
        assert_eq!(hole.resident(0, 0), Residency::Cached);
    });
}

#[test]
fn a_file_goes_to_a_slow_reader_as_fast_as_that_reads() {
    const BYTES: usize = 8 << 20;
    let directory = Directory::new("sendfile");
    let bytes: Vec<u8> = (0..BYTES).map(|position| (position % 239) as u8).collect();
    std::fs::write(directory.join("file"), &bytes).unwrap();
    let path = directory.path().to_owned();
    block_on(|| async move {
        let root = fs::open_directory(&path).unwrap();
        let file = open(&root, "file", Resolve::Beneath).await.unwrap();
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let mut client = Some(TcpStream::connect(ip(listener.address())).await.unwrap());
        let mut server = listener.accept().await.unwrap();
        let mut reader = None;
        let mut offset = 0;
        while offset < BYTES {
            match server.send_file(&file, offset as u64, BYTES - offset) {
                Ok(sent) => {
                    assert!(sent > 0, "the file has not ended");
                    offset += sent;
                }
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    // Only now does the peer begin to read.
                    if let Some(mut client) = client.take() {
                        reader = Some(spawn("reader", async move {
                            let mut read = Vec::new();
                            while let Some(lease) = client.receive().await.unwrap() {
                                read.extend_from_slice(&lease);
                            }
                            read
                        }));
                    }
                    server.writable().await.unwrap();
                }
            }
        }
        assert_eq!(server.send_file(&file, BYTES as u64, 1).unwrap(), 0, "the file's end");
        drop(server);
        let reader = reader.expect("8 MiB do not fit into the buffers of a connection");
        assert!(reader.await.unwrap() == bytes);
    });
}

#[test]
fn the_current_path_follows_a_rename() {
    let directory = tree();
    let inside = directory.join("inside").canonicalize().unwrap();
    block_on(|| async move {
        let root = fs::open_directory(&inside).unwrap();
        assert_eq!(root.current_path().unwrap(), inside);
        let file = open(&root, "link", Resolve::Beneath).await.unwrap();
        assert_eq!(file.current_path().unwrap(), inside.join("file"));
        std::fs::rename(inside.join("file"), inside.join("renamed")).unwrap();
        assert_eq!(file.current_path().unwrap(), inside.join("renamed"));
        std::fs::remove_file(inside.join("renamed")).unwrap();
        let gone = file.current_path().unwrap();
        assert!(gone.to_str().unwrap().ends_with("(deleted)"), "{}", gone.display());
    });
}

#[test]
fn a_file_in_memory_counts_as_resident_on_a_file_system_that_has_no_disk() {
    let path = std::path::PathBuf::from(format!("/dev/shm/selvedge-files-{}", std::process::id()));
    if std::fs::write(&path, vec![b'x'; 300_000]).is_err() {
        eprintln!("SKIPPED: /dev/shm cannot be written to");
        return;
    }
    let there = path.clone();
    block_on(move || async move {
        let directory = fs::open_directory(there.parent().expect("it has one")).expect("it is there");
        let name = there.file_name().expect("it has one").to_str().expect("ASCII").to_owned();
        let file = open(&directory, &name, Resolve::Beneath).await.expect("it is there");
        assert_eq!(file.resident(0, 300_000), Residency::Cached);
    });
    std::fs::remove_file(path).expect("it is there");
}
