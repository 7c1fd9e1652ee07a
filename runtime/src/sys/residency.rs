//! Whether bytes of a file are in memory, so that sending them waits for no disk.
//!
//! In: a file and a part of it. Out: a hint, true only at this moment, since the kernel may drop a page at any time.

use std::io;

use rustix::io::{Errno, ReadWriteFlags};

use super::file::File;
use super::simulated_files;

/// Bytes between two looks where the kernel does not count pages: several reads ahead of a disk.
const PROBE_BYTES: u64 = 64 * 1024;
/// Looks at one part, at most: of more than 4 MiB they lie farther apart.
const PROBES_MAX: u64 = 64;

/// Whether bytes of a file are in memory.
///
/// ```
/// use selvedge_runtime::BufferPool;
/// use selvedge_runtime::fs::{self, Residency};
/// # use std::path::Path;
/// # use selvedge_runtime::fs::{Access, Resolve};
/// # use selvedge_runtime::net::{Stream, TcpListener};
///
/// # fn main() -> std::io::Result<()> {
/// # selvedge_runtime::block_on(|| async {
/// # let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
/// # let mut client = Stream::connect(listener.address()).await?;
/// # let mut stream = listener.accept().await?;
/// # let root = fs::open_directory(Path::new("src"))?;
/// # let file = fs::open(&root, c"lib.rs".to_owned(), Access::Read, Resolve::Beneath).await?;
/// // The first 100 bytes of a file, without the worker waiting for the disk.
/// match file.resident(0, 100) {
///     Residency::Cached => assert_eq!(stream.send_file(&file, 0, 100)?, 100),
///     Residency::Absent => {
///         let mut block = BufferPool::file_block().expect("a free block");
///         block.truncate(100);
///         stream.send(fs::read_at(&file, block, 0).await?).await?;
///     }
/// }
/// assert_eq!(client.receive().await?.map(|received| received.len()), Some(100));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residency {
    /// In the page cache.
    Cached,
    /// Some of them would have to be read from the disk.
    Absent,
}

/// What one look at one byte has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It can be read without waiting.
    Arrived,
    /// It would have to be waited for.
    OnItsWay,
    /// The file system knows no reads that do not wait (tmpfs, overlayfs), or the read fails.
    Untold,
}

impl File {
    /// Whether `length` bytes from `offset` are in the page cache: a hint, true only at this moment.
    ///
    /// The kernel counts their pages (cachestat(2), from Linux 6.5 on) for whoever owns the file or may write to it, and
    /// for CAP_FOWNER. Otherwise one byte in 64 KiB is asked for by a read that does not wait: where fewer than 64 KiB
    /// between two of them have left memory, that goes unseen. Where the file system knows no such reads either, the
    /// bytes count as absent, since a wrong guess would wait for the disk.
    pub fn resident(&self, offset: u64, length: u64) -> Residency {
        if length == 0 {
            return Residency::Cached;
        }
        if let Some(world) = self.world() {
            return world.residency(self.raw(), offset, length);
        }
        let page = super::page_size_bytes() as u64;
        let pages = (offset + length).div_ceil(page) - offset / page;
        let last = offset + length - 1;
        let is_cached = match self.cached_pages(offset, length) {
            // Pages on their way from the disk are in the cache too; reading ahead, the last one arrives last.
            Ok(cached) => cached >= pages && self.arrival(last) != Arrival::OnItsWay,
            // EPERM: the file is another user's; ENOSYS: the kernel is older.
            Err(_) => probes(offset, last).all(|at| self.arrival(at) == Arrival::Arrived),
        };
        if is_cached { Residency::Cached } else { Residency::Absent }
    }

    /// Reads what is in the page cache from `offset` on, up to the first byte that is not (preadv2(2) with RWF_NOWAIT): for
    /// what is too little for [`send_file`](crate::net::Stream::send_file) to gain by not copying it. `Ok(0)` is the file's end.
    ///
    /// # Errors
    /// `WouldBlock` where not even the first byte is there, `Unsupported` on file systems that know no reads that do not wait
    /// (tmpfs, overlayfs); otherwise those of preadv2(2).
    pub fn read_resident(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(world) = self.world() {
            return simulated_files::read_resident(&world, self.raw(), offset, bytes);
        }
        let mut buffers = [io::IoSliceMut::new(bytes)];
        Ok(rustix::io::preadv2(self.borrow(), &mut buffers, offset, ReadWriteFlags::NOWAIT)?)
    }

    /// Whether the byte at `offset` can be read without waiting (preadv2(2) with RWF_NOWAIT). If not, the kernel has
    /// begun to read it ahead.
    pub(super) fn arrival(&self, offset: u64) -> Arrival {
        let mut byte = [0_u8];
        let mut buffers = [io::IoSliceMut::new(&mut byte)];
        match rustix::io::preadv2(self.borrow(), &mut buffers, offset, ReadWriteFlags::NOWAIT) {
            // Behind the end there is no page.
            Ok(0) => Arrival::Untold,
            Ok(_) => Arrival::Arrived,
            Err(Errno::AGAIN) => Arrival::OnItsWay,
            Err(_) => Arrival::Untold,
        }
    }

    fn cached_pages(&self, offset: u64, length: u64) -> io::Result<u64> {
        const SYS_CACHESTAT: libc::c_long = 451;
        let range = [offset, length];
        // nr_cache, nr_dirty, nr_writeback, nr_evicted, nr_recently_evicted
        let mut figures = [0_u64; 5];
        // SAFETY: the kernel reads two u64 from `range` and writes five to `figures`, both live across the call.
        let result = unsafe {
            libc::syscall(SYS_CACHESTAT, self.raw(), range.as_ptr(), figures.as_mut_ptr(), 0 as libc::c_uint)
        };
        if result == 0 { Ok(figures[0]) } else { Err(io::Error::last_os_error()) }
    }
}

/// Where to look, from `first` to `last`, both among them.
fn probes(first: u64, last: u64) -> impl Iterator<Item = u64> {
    let step = (last - first).div_ceil(PROBES_MAX).max(PROBE_BYTES);
    (first..last).step_by(step as usize).chain([last])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_looked_at_from_its_first_byte_to_its_last() {
        let places = |first, last| probes(first, last).collect::<Vec<_>>();
        assert_eq!(places(7, 7), [7]);
        assert_eq!(places(7, 8), [7, 8]);
        assert_eq!(places(100, 100 + PROBE_BYTES), [100, 100 + PROBE_BYTES]);
        assert_eq!(places(0, 2 * PROBE_BYTES + 1), [0, PROBE_BYTES, 2 * PROBE_BYTES, 2 * PROBE_BYTES + 1]);
        assert_eq!(places(0, u64::MAX).len() as u64, PROBES_MAX + 1);
    }
}
