//! Ops about files on a simulated ring: an open or a read that the disk takes its time for.
//!
//! In: an op that a ring has. Out: how long the disk takes, and then its result. And the direct calls of `file` and
//! `directory`, from a descriptor of the simulated machine to its answer.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use super::fd::Fd;
use super::file::{Access, Metadata, OpenArguments, Resolve};
use super::op::Op;
use crate::sim::{Fault, World};

/// How long the disk takes for an op, in nanoseconds: none for what is in memory.
pub(super) fn time_ns(world: &World, op: &Op) -> u64 {
    match op {
        Op::Open { directory, arguments, .. } => {
            let OpenArguments { path, resolve, .. } = &**arguments;
            world.open_time("open", directory.raw(), path.to_bytes(), *resolve)
        }
        Op::Read { file, lease, skip, offset, .. } => {
            world.read_time("read", file.raw(), *offset, (lease.len() - *skip as usize) as u64)
        }
        other => panic!("{other:?} is not about a file"),
    }
}

/// Lets it have its result, or the number of its error.
pub(super) fn perform(world: &World, op: &mut Op) -> Result<i32, i32> {
    match op {
        Op::Open { directory, arguments, .. } => {
            if world.meets(Fault::OpenInterrupted, "open") {
                return Err(libc::EINTR);
            }
            let OpenArguments { path, access, resolve, .. } = &**arguments;
            world.open_at(directory.raw(), path.to_bytes(), *access, *resolve)
        }
        Op::Read { file, lease, skip, offset, .. } => {
            if world.meets(Fault::ReadInterrupted, "read") {
                return Err(libc::EINTR);
            }
            let read = world.read_file("read", file.raw(), *offset, &mut lease[*skip as usize..])?;
            Ok(read as i32)
        }
        other => panic!("{other:?} is not about a file"),
    }
}

// ---- direct calls ----

/// What sendfile(2) takes out of a file: it may be less than asked for.
pub(super) fn bytes_to_send(world: &World, file: i32, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let rest = world.metadata(file).size_bytes.saturating_sub(offset);
    let mut bytes = vec![0; length.min(usize::try_from(rest).unwrap_or(usize::MAX))];
    if world.is_absent(file, offset, bytes.len() as u64) {
        world.end_run(format!(
            "a worker would wait for the disk: sendfile of {}",
            world.path_of(file).display()
        ));
    }
    let read = world.read_file("sendfile", file, offset, &mut bytes).map_err(io::Error::from_raw_os_error)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// preadv2(2) with RWF_NOWAIT: what is in memory, up to the first page that is not.
pub(super) fn read_resident(world: &World, file: i32, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let op = "read resident";
    if world.meets(Fault::NowaitUnsupported, op) {
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    let rest = world.metadata(file).size_bytes.saturating_sub(offset);
    let wanted = bytes.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
    let there = world.resident_bytes(op, file, offset, wanted as u64) as usize;
    if there == 0 && wanted > 0 {
        return Err(io::Error::from_raw_os_error(libc::EAGAIN));
    }
    world.read_file(op, file, offset, &mut bytes[..there]).map_err(io::Error::from_raw_os_error)
}

/// read(2), on a helper's thread.
pub(super) fn read_on(fd: &Fd, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let world = world_of(fd);
    world.waits_for_disk("read beside");
    world.read_file("read beside", fd.raw(), offset, buffer).map_err(io::Error::from_raw_os_error)
}

/// openat2(2), on a helper's thread.
pub(super) fn open_at(directory: &Fd, path: &[u8], access: Access, resolve: Resolve) -> io::Result<Fd> {
    let world = world_of(directory);
    world.waits_for_disk("open beside");
    let opened = world.open_at(directory.raw(), path, access, resolve);
    Fd::simulated(opened.map_err(io::Error::from_raw_os_error))
}

pub(super) fn path_of(fd: &Fd) -> PathBuf {
    world_of(fd).path_of(fd.raw())
}

pub(super) fn metadata_of(fd: &Fd) -> Metadata {
    world_of(fd).metadata(fd.raw())
}

fn world_of(fd: &Fd) -> Rc<World> {
    fd.world().expect("it is a simulated descriptor")
}
