//! What the runtime makes of errors that a file system has now and then, on the simulated disk.

use std::ffi::CStr;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use selvedge_runtime::fs::{self, Access, Directory, DirectoryEntries, File, Resolve};
use selvedge_runtime::net::{TcpListener, TcpStream};
use selvedge_runtime::sim::{Disk, Fault, FaultRates, Simulation, SimulationOptions};
use selvedge_runtime::{BufferPool, block_on, spawn};

/// A machine with one fault, which happens so often in a million, and a file in it.
fn machine(fault: Fault, per_million: u32) -> Simulation {
    let mut faults = FaultRates::NONE;
    faults.set(fault, per_million);
    let simulation = Simulation::new(1, SimulationOptions { faults, ..SimulationOptions::default() });
    simulation.disk().write("/site/file", b"content");
    simulation.disk().make_directory("/site/sub");
    simulation
}

/// Opens the file by a path and reads it, many times: every error there was.
fn errors(path: &'static str, times: u32) -> Vec<io::ErrorKind> {
    block_on(move || async move {
        let root = fs::open_directory(Path::new("/site")).expect("it is there");
        let mut errors = Vec::new();
        for _ in 0..times {
            let path = std::ffi::CString::new(path).expect("no NUL");
            let read = async {
                let file = fs::open(&root, path, Access::Read, Resolve::Beneath).await?;
                let block = BufferPool::file_block().expect("a free block");
                assert_eq!(&*fs::read_at(&file, block, 0).await?, b"content");
                Ok::<_, io::Error>(())
            };
            errors.extend(read.await.err().map(|error| error.kind()));
        }
        errors
    })
}

fn times_met(simulation: &Simulation) -> u64 {
    simulation.faults().iter().map(|(_, _, times)| times).sum()
}

#[test]
fn a_read_that_is_interrupted_is_begun_again() {
    let simulation = machine(Fault::ReadInterrupted, 500_000);
    assert_eq!(errors("file", 100), []);
    assert!(times_met(&simulation) > 50);
}

#[test]
fn an_open_that_is_interrupted_is_begun_again() {
    let simulation = machine(Fault::OpenInterrupted, 500_000);
    assert_eq!(errors("file", 100), []);
    assert!(times_met(&simulation) > 50);
}

#[test]
fn a_path_through_dots_is_tried_again_when_a_rename_races_with_it() {
    let simulation = machine(Fault::OpenRaced, 500_000);
    assert_eq!(errors("sub/../file", 100), []);
    assert!(times_met(&simulation) > 50);
}

#[test]
fn a_link_through_dots_is_listed_although_a_rename_races_with_it() {
    let simulation = machine(Fault::OpenRaced, 500_000);
    simulation.disk().link("/site/sub/link", "../file");
    let found = block_on(|| async {
        let root = fs::open_directory(Path::new("/site")).expect("it is there");
        let place =
            fs::open(&root, c"sub".to_owned(), Access::Place, Resolve::Beneath).await.expect("it is there");
        let directory = Directory { place: &place, root: &root, location: c"sub", links: Resolve::Beneath };
        let mut found = 0;
        for _ in 0..100 {
            let count = |entries: io::Result<DirectoryEntries>| entries.map(Iterator::count);
            let counted = fs::read_directory(&directory, 10, |_| true, count);
            found += counted.await.expect("a helper does it").expect("it can be read");
        }
        found
    });
    assert_eq!(found, 100);
    assert!(times_met(&simulation) > 50);
}

#[test]
fn renames_without_end_are_an_error_at_last() {
    let simulation = machine(Fault::OpenRaced, 1_000_000);
    assert_eq!(errors("sub/../file", 1), [io::ErrorKind::WouldBlock]);
    assert_eq!(errors("file", 1), [], "a path without dots does not race");
    drop(simulation);
}

/// A machine where nothing goes wrong by itself, with a file of some pages in it.
fn calm() -> Simulation {
    let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
    let simulation = Simulation::new(1, options);
    simulation.disk().write("/site/file", &[7; 10_000]);
    simulation
}

async fn open(name: &CStr) -> io::Result<File> {
    let root = fs::open_directory(Path::new("/site"))?;
    fs::open(&root, name.to_owned(), Access::Read, Resolve::Beneath).await
}

#[test]
fn a_worker_that_would_wait_for_the_disk_ends_the_run() {
    let simulation = calm();
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    block_on(move || async move {
        let sending = spawn("sender", async move {
            let mut listener = TcpListener::bind(address)?;
            let _client = TcpStream::connect(address).await?;
            let mut stream = listener.accept().await?;
            let file = open(c"file").await?;
            assert_eq!(stream.send_file(&file, 0, 10_000)?, 10_000, "what is in memory goes at once");
            Disk::current().expect("the thread is in a simulation").evict("/site/file");
            stream.send_file(&file, 4_096, 1)
        });
        // The task's panic is counted and no more.
        assert!(sending.await.is_err());
    });
    assert_eq!(simulation.take_leaks(), ["a worker would wait for the disk: sendfile of /site/file"]);
}

#[test]
fn a_read_that_does_not_wait_ends_before_what_is_not_in_memory() {
    let simulation = calm();
    simulation.disk().evict("/site/file");
    block_on(|| async {
        let file = open(c"file").await?;
        let mut bytes = [0; 10_000];
        let mut read = |offset| file.read_resident(&mut bytes, offset).map_err(|error| error.kind());
        assert_eq!(read(0), Err(io::ErrorKind::WouldBlock));
        // A page and an octet: two pages.
        let mut block = BufferPool::file_block().expect("a free block");
        block.truncate(4_097);
        fs::read_at(&file, block, 0).await?;
        assert_eq!(read(0), Ok(8_192));
        assert_eq!(read(100), Ok(8_092));
        assert_eq!(read(8_191), Ok(1));
        assert_eq!(read(8_192), Err(io::ErrorKind::WouldBlock));
        assert_eq!(read(10_000), Ok(0), "the file's end");
        Ok::<_, io::Error>(())
    })
    .expect("it is there");
    drop(simulation);
}

#[test]
fn a_file_system_without_reads_that_do_not_wait_says_so() {
    let simulation = machine(Fault::NowaitUnsupported, 1_000_000);
    let read = block_on(|| async { open(c"file").await?.read_resident(&mut [0; 7], 0) });
    assert_eq!(read.map_err(|error| error.kind()), Err(io::ErrorKind::Unsupported));
    assert_eq!(times_met(&simulation), 1);
}

#[test]
fn a_name_that_something_is_moved_to_is_in_memory() {
    let simulation = calm();
    let disk = simulation.disk();
    disk.write("/site/other", b"other");
    disk.evict("/site/file");
    disk.rename("/site/other", "/site/file");
    // To itself it is no move.
    disk.rename("/site/file", "/site/file");
    block_on(|| async {
        let root = fs::open_directory(Path::new("/site"))?;
        let file = fs::open_cached(&root, c"file", Access::Read, Resolve::Beneath)?;
        assert_eq!(file.metadata()?.size_bytes, 5);
        Ok::<_, io::Error>(())
    })
    .expect("it is there");
    drop(simulation);
}
