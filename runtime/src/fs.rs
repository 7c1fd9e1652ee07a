//! Files: opened beneath a directory, looked at, and read into leases.

use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

use crate::op::OpFuture;
use crate::sys::{Op, OpenArguments};
use crate::worker;

use crate::sys::Lease;
pub use crate::sys::{Access, File, Kind, Metadata, Residency, Resolve};

/// Opens a directory as a root to open others beneath (O_PATH). Waits for the disk if it must.
///
/// # Errors
/// Those of open(2).
///
/// # Panics
/// Outside a worker.
pub fn open_directory(path: &Path) -> io::Result<File> {
    worker::current().kernel().open_directory(path)
}

/// Opens `path` relative to `directory` at once, if the kernel has all it needs in memory (openat2(2), RESOLVE_CACHED).
///
/// # Errors
/// `WouldBlock` when it would need the disk: then [`open`] does it. Otherwise those of openat2(2).
///
/// # Panics
/// Outside a worker.
pub fn open_cached(directory: &File, path: &CStr, access: Access, resolve: Resolve) -> io::Result<File> {
    worker::current().kernel().open_cached(directory, path, access, resolve)
}

/// Opens `path` relative to `directory`, waiting for the disk outside the worker's thread.
///
/// # Errors
/// Those of openat2(2): `EXDEV` (`CrossesDevices`) when the path leads out of the directory.
///
/// # Panics
/// Outside a worker.
pub async fn open(directory: &File, path: CString, access: Access, resolve: Resolve) -> io::Result<File> {
    let core = worker::current();
    let op = core.kernel().opening(directory, OpenArguments::new(path, access, resolve));
    let outcome = OpFuture::submit(&core, op).await;
    outcome.result?;
    let Op::Open { opened: Some(fd), .. } = outcome.op else {
        panic!("an open came back as {:?}", outcome.op)
    };
    let file = core.kernel().adopt_opened(fd);
    Ok(file)
}

/// Reads from `offset` into all of `lease`; fewer bytes come at the file's end, and sometimes before it.
///
/// # Errors
/// Those of read(2), with the lease given back to its pool.
///
/// # Panics
/// Outside a worker.
pub async fn read_at(file: &File, lease: Lease, offset: u64) -> io::Result<Lease> {
    let core = worker::current();
    let op = core.kernel().reading(file, lease, offset);
    let outcome = OpFuture::submit(&core, op).await;
    let length = outcome.result?;
    let Op::Read { mut lease, .. } = outcome.op else { panic!("a read came back as {:?}", outcome.op) };
    lease.truncate(length as usize);
    Ok(lease)
}
