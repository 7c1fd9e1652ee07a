//! Limits of the whole process, so this binary has one test.

mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use selvedge_runtime::fs::{self, Access, Resolve};
use selvedge_runtime::process::{DescriptorLimit, memlock_limit_bytes, raise_descriptor_limit};
use selvedge_runtime::{BufferPool, Builder, Running, StartError, WorkerLimits};
use support::directory::Directory;
use support::{PATIENCE, builder};

/// Starts workers that run `main`. The kernel gives the locked memory of closed rings back some time after they
/// were closed, and tells nobody.
fn start<M: Future<Output = ()> + 'static>(builder: &Builder, main: fn() -> M) -> Running {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match builder.clone().build().and_then(|runtime| runtime.start(move |_| main())) {
            Ok(running) => return running,
            Err(StartError::Memory(_)) if std::time::Instant::now() < deadline => {
                // Each try has made rings of its own, which take as long.
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            Err(error) => panic!("{builder:?}: {error}"),
        }
    }
}

/// A failed assertion here ends the process.
async fn read_a_file() {
    let directory = Directory::new("memlock");
    std::fs::write(directory.join("file"), "read all the same").expect("a file");
    let root = fs::open_directory(directory.path()).expect("a directory");
    let file = fs::open(&root, c"file".to_owned(), Access::Read, Resolve::Beneath).await.expect("a file");
    let lease = fs::read_at(&file, BufferPool::file_block().expect("a block"), 0).await.expect("it is read");
    assert_eq!(*lease, *b"read all the same");
}

#[test]
fn descriptors_are_raised_to_the_hard_limit_and_little_locked_memory_is_enough() {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), maximum: hard }).unwrap();
    let now = hard.unwrap_or(u64::MAX);
    assert_eq!(raise_descriptor_limit(), DescriptorLimit { before: 256, now });
    assert_eq!(getrlimit(Resource::Nofile).current, hard);
    assert_eq!(raise_descriptor_limit(), DescriptorLimit { before: now, now });

    // 64 KiB, and no privilege to go beyond it: threads started from here on inherit that.
    let hard = getrlimit(Resource::Memlock).maximum;
    setrlimit(Resource::Memlock, Rlimit { current: Some(64 * 1024), maximum: hard }).unwrap();
    assert_eq!(memlock_limit_bytes(), Some(64 * 1024));
    let mut capabilities = rustix::thread::capabilities(None).unwrap();
    capabilities.effective.remove(rustix::thread::CapabilitySet::IPC_LOCK);
    rustix::thread::set_capabilities(None, capabilities).unwrap();
    for workers in [1, 2, 4] {
        let running = start(&builder(workers), read_a_file);
        assert!(!running.features().registered_blocks, "4 MiB of blocks do not fit in 64 KiB");
        assert!(!running.features().full_size, "neither does a ring of full size");
        running.join();
    }
    // Somebody else has locked what was thought to be there.
    let mut limits = WorkerLimits::default();
    limits.kernel.locked_bytes_max = Some(1 << 30);
    start(&builder(1).limits(limits), read_a_file).join();

    // The usual 8 MiB: rings of many workers come before the blocks of a few.
    if hard.is_none_or(|hard| hard >= 8 << 20) {
        setrlimit(Resource::Memlock, Rlimit { current: Some(8 << 20), maximum: hard }).unwrap();
        start(&builder(40), read_a_file).join();
    }
}
