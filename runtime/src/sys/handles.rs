//! What a worker asks directly, without an op: clocks, handles that are its own, and ops made from them.

use std::ffi::CStr;
use std::io;
use std::path::Path;

use rustix::rand::{GetRandomFlags, getrandom};

use super::chunk::Chunk;
use super::clock::{self, Moment};
use super::fd::Fd;
use super::file::{self, Access, File, Metadata, OpenArguments, Resolve};
use super::kernel::{Kernel, Machine};
use super::op::{OnceTaken, Op, TAKEN_AT_ONCE_BYTES_MAX, Tells};
use super::pool::Lease;
use super::ring::RingFeatures;
use super::socket::{Accepted, Address, Listening, More, Socket};

impl Kernel {
    /// The monotonic clock.
    pub(crate) fn now(&self) -> Moment {
        clock::monotonic()
    }

    /// The wall clock: seconds since 1970 and nanoseconds.
    pub(crate) fn wall_clock(&self) -> (u64, u32) {
        clock::wall()
    }

    /// Bits that nobody can foretell.
    pub(crate) fn random_bits(&self) -> u128 {
        if let Machine::Simulated(ring) = &self.machine {
            return ring.world().random_bits();
        }
        let mut bits = [0; 16];
        // So few come all at once and without an interruption (getrandom(2)).
        let filled = getrandom(&mut bits, GetRandomFlags::empty());
        assert_eq!(filled, Ok(bits.len()), "getrandom of 16 bytes cannot fail");
        u128::from_ne_bytes(bits)
    }

    /// What the kernel gave at set-up.
    pub(crate) fn features(&self) -> RingFeatures {
        self.machine.features()
    }

    /// Makes an accepted socket this worker's own.
    pub(crate) fn adopt(&self, accepted: Accepted) -> Socket {
        Socket::new(accepted.into_fd(), &self.close_queue)
    }

    /// Makes a listening socket usable for [`Op::Accept`] on this worker.
    pub(crate) fn adopt_listening(&self, listening: Listening) -> Socket {
        Socket::new(listening.into_fd(), &self.close_queue)
    }

    /// An op that connects a new socket to `address`.
    pub(crate) fn connecting(&self, address: &Address) -> io::Result<Op> {
        let (socket, address) = Socket::for_connect(address, &self.close_queue)?;
        Ok(Op::Connect { socket, address })
    }

    /// An op that sends all of `chunk`, which must not be empty.
    pub(crate) fn sending(&self, socket: &Socket, chunk: Chunk, more: More) -> Op {
        assert!(!chunk.is_empty() && u32::try_from(chunk.len()).is_ok(), "a send has 1 to 2^32-1 bytes");
        let is_taken_at_once = chunk.len() <= TAKEN_AT_ONCE_BYTES_MAX;
        let tells = if is_taken_at_once { Tells::Failures } else { Tells::Everything };
        let more = if more == More::End && !is_taken_at_once { More::Follows } else { more };
        Op::Send { socket: socket.clone(), chunk, sent: 0, more, tells, once_taken: OnceTaken::Kept }
    }

    /// Opens a directory by path; waits for the disk if it must.
    pub(crate) fn open_directory(&self, path: &Path) -> io::Result<File> {
        file::open_directory(path).map(|fd| File::new(fd, &self.close_queue))
    }

    /// Opens `path` in `directory` if that needs no disk; `WouldBlock` otherwise.
    pub(crate) fn open_cached(
        &self,
        directory: &File,
        path: &CStr,
        access: Access,
        resolve: Resolve,
    ) -> io::Result<File> {
        directory.open_cached(path, access, resolve).map(|fd| File::new(fd, &self.close_queue))
    }

    /// What `path` in `directory` leads to, if that needs no disk; `WouldBlock` otherwise. Allocates nothing.
    pub(crate) fn stat_cached(
        &self,
        directory: &File,
        path: &CStr,
        resolve: Resolve,
    ) -> io::Result<Metadata> {
        file::stat_cached(directory, path, resolve)
    }

    /// Opens what `place` is for reading.
    pub(crate) fn reopen(&self, place: &File) -> io::Result<File> {
        place.reopen().map(|fd| File::new(fd, &self.close_queue))
    }

    /// The file an [`Op::Open`] has opened.
    pub(crate) fn adopt_opened(&self, fd: Fd) -> File {
        File::new(fd, &self.close_queue)
    }

    /// An op that opens `path` in `directory`, waiting for the disk on a thread of the kernel's.
    pub(crate) fn opening(&self, directory: &File, arguments: Box<OpenArguments>) -> Op {
        Op::Open { directory: directory.clone(), arguments, opened: None }
    }

    /// A block for file contents.
    pub(crate) fn file_block(&self) -> Option<Lease> {
        self.file_blocks.lease()
    }

    /// Blocks for file contents in all.
    pub(crate) fn file_blocks(&self) -> usize {
        self.file_blocks.buffers()
    }

    /// An op that reads from `offset` into `lease` after its first `skip` bytes, until it is full or the file ends.
    pub(crate) fn reading(&self, file: &File, lease: Lease, skip: usize, offset: u64) -> Op {
        assert!(skip < lease.len(), "a read needs room");
        let registered =
            (self.machine.features().registered_blocks && lease.is_of(&self.file_blocks)).then_some(0);
        Op::Read { file: file.clone(), lease, skip: skip as u32, offset, registered }
    }
}
