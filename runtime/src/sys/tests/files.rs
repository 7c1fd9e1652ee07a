//! Reading into blocks, registered or not.

use std::os::unix::fs::FileExt;

use rustix::fs::Advice;
use rustix::process::geteuid;
use rustix::thread::{Uid, set_thread_res_uid};

use super::*;
use crate::sys::descriptor::CloseQueue;
use crate::sys::fd::Fd;
use crate::sys::file::{Access, File, OpenArguments, Resolve};
use crate::sys::residency::{Arrival, Residency};

fn read_this_file(machine: &mut Machine) -> Vec<u8> {
    let root = machine.kernel.open_directory(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap();
    let arguments = OpenArguments::new(c"Cargo.toml".to_owned(), Access::Read, Resolve::Beneath);
    let op = machine.kernel.opening(&root, arguments);
    let open = machine.kernel.submit(op);
    let outcome = machine.outcome(open);
    outcome.result.unwrap();
    let Op::Open { opened: Some(fd), .. } = outcome.op else { panic!("an open comes back") };
    let file = machine.kernel.adopt_opened(fd);
    let lease = machine.kernel.file_block().unwrap();
    let op = machine.kernel.reading(&file, lease, 0, 0);
    let read = machine.kernel.submit(op);
    let outcome = machine.outcome(read);
    let length = outcome.result.unwrap() as usize;
    let Op::Read { lease, registered, .. } = outcome.op else { panic!("a read comes back") };
    assert_eq!(registered.is_some(), machine.kernel.features().registered_blocks);
    lease[..length].to_vec()
}

#[test]
fn blocks_the_kernel_does_not_register_are_read_into_all_the_same() {
    let this_file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    // One registered range is at most 1 GiB (io_uring_register_buffers(3)); untouched pages cost nothing.
    for (file_block_bytes, registered) in [(64 * 1024, true), (768 << 20, false)] {
        let limits =
            KernelLimits { receive_buffers: 8, file_blocks: 2, file_block_bytes, ..KernelLimits::default() };
        let doorbell = Doorbell::new().unwrap();
        let mut kernel = Kernel::new(&limits, &doorbell).unwrap();
        kernel.register_file_blocks();
        assert!(!kernel.features().registered_blocks || registered, "1.5 GiB cannot be registered");
        let mut machine = Machine { kernel, reaped: Reaped::default(), doorbell };
        assert!(read_this_file(&mut machine) == this_file);
        machine.assert_idle();
    }
}

/// Of such a file cachestat(2) says nothing, from Linux 6.14 on.
#[test]
fn of_a_file_that_another_user_owns_the_part_in_memory_counts_as_cached() {
    const KIB: u64 = 1_024;
    let skip = |why| {
        writeln!(std::io::stderr(), "SKIPPED of_a_file_that_another_user_owns: {why}").unwrap();
    };
    if !geteuid().is_root() {
        return skip("needs root, whose file it is");
    }
    let path = std::env::temp_dir().join(format!("selvedge-residency-{}", std::process::id()));
    std::fs::write(&path, vec![7; 1_024 * KIB as usize]).unwrap();
    let opened = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    rustix::fs::fchmod(&opened, 0o644.into()).unwrap();
    // What is not on the disk yet stays in memory. Then the first half is read, and nothing ahead of it.
    opened.sync_all().unwrap();
    rustix::fs::fadvise(&opened, 0, None, Advice::DontNeed).unwrap();
    rustix::fs::fadvise(&opened, 0, None, Advice::Random).unwrap();
    opened.read_exact_at(&mut vec![0; 512 * KIB as usize], 0).unwrap();
    let as_nobody = move || {
        let nobody = Uid::from_raw(65_534);
        set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let file = File::new(Fd::Real(opened.into()), &CloseQueue::new());
        if file.arrival(0) == Arrival::Untold {
            return skip("the temporary directory's file system knows no reads that do not wait");
        }
        assert_eq!(file.resident(0, 512 * KIB), Residency::Cached);
        // A look at a part begins to read it, and a disk may be quick: of several, one is absent.
        let is_absent = |part: u64| file.resident((520 + 60 * part) * KIB, KIB) == Residency::Absent;
        assert!((0..8).any(is_absent), "what was never read is said to be in memory");
    };
    // This thread alone is another user's from now on.
    std::thread::spawn(as_nobody).join().unwrap();
}

#[test]
fn a_worker_without_file_blocks_starts() {
    let limits = KernelLimits { receive_buffers: 8, file_blocks: 0, ..KernelLimits::default() };
    let doorbell = Doorbell::new().unwrap();
    let mut kernel = Kernel::new(&limits, &doorbell).unwrap();
    kernel.register_file_blocks();
    assert!(!kernel.features().registered_blocks);
    assert!(kernel.file_block().is_none());
}

#[test]
fn a_ring_that_may_lock_little_memory_is_smaller_and_works() {
    let mut before = usize::MAX;
    for locked_bytes_max in [1 << 20, 128 << 10, 32 << 10, 16 << 10, 0] {
        let limits = KernelLimits { locked_bytes_max: Some(locked_bytes_max), ..KernelLimits::default() };
        let doorbell = Doorbell::new().unwrap();
        let kernel = Kernel::new(&limits, &doorbell).unwrap();
        let (_, _, buffers) = kernel.receive_buffers();
        assert_eq!(kernel.features().full_size, locked_bytes_max == 1 << 20);
        assert!(buffers <= before && buffers >= 64);
        before = buffers;
        let mut machine = Machine { kernel, reaped: Reaped::default(), doorbell };
        // More of everything than there is room for.
        let mut pairs: Vec<_> = (0..300).map(|_| machine.pair()).collect();
        let ids: Vec<OpId> = pairs.iter().map(|(socket, _)| machine.receive(socket)).collect();
        for (_, peer) in &mut pairs {
            peer.write_all(b"x").unwrap();
        }
        // Whoever has something is read: Linux 6.1 brings what it finds at once in the reverse order.
        let mut unheard = ids.clone();
        machine.until("an octet from each", |machine| {
            unheard.retain(|id| machine.received_now(*id).is_empty());
            unheard.is_empty().then_some(())
        });
        for id in ids {
            machine.kernel.release(id);
        }
        machine.assert_idle();
    }
    assert_eq!(before, 64);
}
