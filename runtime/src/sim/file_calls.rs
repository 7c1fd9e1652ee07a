//! What the server asks of files: the calls of `runtime::sys`, with the faults that may meet each.
//!
//! In: descriptors and paths. Out: what the kernel answers, errno by errno. Nothing here waits: how long the disk takes is said
//! to whoever waits for it (`disk_time`).

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::descriptors::Entity;
use super::faults::Fault;
use super::file_lookup::{Climb, Reach};
use super::file_tree::{Inode, Node, Permission, ROOT, UnixTime};
use super::world::{State, World};
use crate::sys::{Access, Metadata, Residency, Resolve, errno};
use crate::worker;

/// What an open descriptor of a file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenedFile {
    pub(super) inode: Inode,
    pub(super) access: Access,
}

/// A name in a directory, and what it is: none of a file and a directory is a link or a thing that is not served.
pub(crate) type Name = (Vec<u8>, NameKind);

/// What getdents(2) says a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    FileOrDirectory,
    Link,
    Special,
}

/// How long the disk takes for what is not in memory, in nanoseconds.
const DISK_NS: std::ops::RangeInclusive<u64> = 50_000..=8_000_000;
const SLOW_DISK_NS: std::ops::RangeInclusive<u64> = 10_000_000..=1_000_000_000;
const STALLED_DISK_NS: std::ops::RangeInclusive<u64> = 10_000_000_000..=40_000_000_000;

impl World {
    /// How long the disk takes for an op of this name, in nanoseconds: none for what is in memory.
    fn disk_time(&self, op: &'static str, residency: Residency) -> u64 {
        if self.meets(Fault::StalledDisk, op) {
            return self.state().dice.within(STALLED_DISK_NS);
        }
        if self.meets(Fault::SlowDisk, op) {
            return self.state().dice.within(SLOW_DISK_NS);
        }
        match residency {
            Residency::Cached => 0,
            Residency::Absent => self.state().dice.within(DISK_NS),
        }
    }

    /// A call that waits for the disk where it is made: for a helper's thread alone.
    pub(crate) fn waits_for_disk(&self, op: &'static str) {
        if worker::with_current(|core| core.is_some()) {
            self.end_run(format!("a worker would wait for the disk: {op}"));
        }
    }

    /// Whether octets of the file are on the disk alone.
    pub(crate) fn is_absent(&self, descriptor: i32, offset: u64, length: u64) -> bool {
        let state = self.state();
        state.files.is_absent(state.file(descriptor).inode, offset, length)
    }

    /// The helper's job that is taken on next, of this name, waits for the disk.
    pub(crate) fn expect_disk_job(&self, op: &'static str) {
        let disk_ns = self.disk_time(op, Residency::Cached);
        self.state().job_disk_ns = disk_ns;
    }

    /// open(2) of a directory as a place, by its path from the root.
    pub(crate) fn open_directory(&self, path: &Path) -> io::Result<i32> {
        let path = path.as_os_str().as_encoded_bytes();
        let opened = self.open_beneath(ROOT, path, Access::Place, Resolve::Anywhere, Reach::Disk);
        let directory = opened.and_then(|descriptor| {
            let is_directory = matches!(self.state().node_of(descriptor), Node::Directory(_));
            if is_directory {
                return Ok(descriptor);
            }
            self.close(descriptor);
            Err(errno::ENOTDIR)
        });
        directory.map_err(io::Error::from_raw_os_error)
    }

    /// openat2(2), which may ask the disk.
    pub(crate) fn open_at(
        &self,
        directory: i32,
        path: &[u8],
        access: Access,
        resolve: Resolve,
    ) -> Result<i32, i32> {
        let op = "open";
        self.meet_open_faults(op)?;
        let start = self.state().file(directory).inode;
        let walked = self.state().files.walk(start, path, resolve, Reach::Disk)?;
        if walked.climb == Climb::Some && resolve != Resolve::Anywhere && self.meets(Fault::OpenRaced, op) {
            return Err(errno::EAGAIN);
        }
        self.state().open_inode(walked.inode, access)
    }

    /// openat2(2) with RESOLVE_CACHED.
    pub(crate) fn open_at_cached(
        &self,
        directory: i32,
        path: &[u8],
        access: Access,
        resolve: Resolve,
    ) -> io::Result<i32> {
        let op = "open cached";
        let open = || {
            self.meet_open_faults(op)?;
            let start = self.state().file(directory).inode;
            if self.meets(Fault::NotCached, op) {
                let mut state = self.state();
                if let Ok(walked) = state.files.walk(start, path, resolve, Reach::Disk) {
                    state.files.evict_name(walked.inode);
                }
                return Err(errno::EAGAIN);
            }
            self.open_beneath(start, path, access, resolve, Reach::Memory)
        };
        open().map_err(io::Error::from_raw_os_error)
    }

    /// How long the disk takes until an op of this name has opened a path, in nanoseconds.
    pub(crate) fn open_time(&self, op: &'static str, directory: i32, path: &[u8], resolve: Resolve) -> u64 {
        let start = self.state().file(directory).inode;
        let walked = self.state().files.walk(start, path, resolve, Reach::Memory);
        match walked {
            Err(errno::EAGAIN) => self.disk_time(op, Residency::Absent),
            _ => self.disk_time(op, Residency::Cached),
        }
    }

    /// open(2) of what is open already, for reading (/proc/self/fd).
    pub(crate) fn reopen(&self, descriptor: i32) -> io::Result<i32> {
        let reopen = || {
            self.meet_open_faults("reopen")?;
            let mut state = self.state();
            let inode = state.file(descriptor).inode;
            state.open_inode(inode, Access::Read)
        };
        reopen().map_err(io::Error::from_raw_os_error)
    }

    /// fstat(2).
    pub(crate) fn metadata(&self, descriptor: i32) -> Metadata {
        let state = self.state();
        state.files.metadata(state.file(descriptor).inode)
    }

    /// readlink(2) of /proc/self/fd.
    pub(crate) fn path_of(&self, descriptor: i32) -> PathBuf {
        let state = self.state();
        PathBuf::from(OsString::from_vec(state.files.path(state.file(descriptor).inode)))
    }

    /// Whether octets are in memory (cachestat(2)).
    pub(crate) fn residency(&self, descriptor: i32, offset: u64, length: u64) -> Residency {
        let inode = self.state().file(descriptor).inode;
        if self.meets(Fault::NotCached, "resident") {
            self.state().files.evict_content(inode, offset, length);
        }
        let state = self.state();
        match state.files.is_absent(inode, offset, length) || state.files.ends_before(inode, offset + length)
        {
            true => Residency::Absent,
            false => Residency::Cached,
        }
    }

    /// How many of these octets, which the file has, are in memory before the first that is not.
    pub(crate) fn resident_bytes(&self, op: &'static str, descriptor: i32, offset: u64, length: u64) -> u64 {
        let inode = self.state().file(descriptor).inode;
        if length > 0 && self.meets(Fault::NotCached, op) {
            let kept = self.state().dice.below(length);
            self.state().files.evict_content(inode, offset + kept, length - kept);
        }
        self.state().files.resident_bytes(inode, offset, length)
    }

    /// How long the disk takes for a read by an op of this name, in nanoseconds.
    pub(crate) fn read_time(&self, op: &'static str, descriptor: i32, offset: u64, length: u64) -> u64 {
        let inode = self.state().file(descriptor).inode;
        if !self.state().files.is_absent(inode, offset, length) {
            return self.disk_time(op, Residency::Cached);
        }
        self.disk_time(op, Residency::Absent) + self.state().files.delay_ns(inode)
    }

    /// pread(2), by an op of this name: how many octets.
    pub(crate) fn read_file(
        &self,
        op: &'static str,
        descriptor: i32,
        offset: u64,
        room: &mut [u8],
    ) -> Result<usize, i32> {
        let opened = self.state().file(descriptor);
        if opened.access == Access::Place {
            return Err(errno::EBADF);
        }
        match self.state().node_of(descriptor) {
            Node::Directory(_) => return Err(errno::EISDIR),
            Node::Fifo | Node::Link(_) => return Err(errno::ESPIPE),
            Node::Regular(_) => {}
        }
        if self.meets(Fault::ReadFails, op) {
            return Err(errno::EIO);
        }
        if self.meets(Fault::TruncatedMeanwhile, op) {
            self.truncate_meanwhile(opened.inode);
        } else if self.meets(Fault::ReplacedMeanwhile, op) {
            self.replace_meanwhile(opened.inode);
        }
        let mut length = room.len();
        if length > 1 && self.meets(Fault::ShortRead, op) {
            length = 1 + self.below(length - 1);
        }
        let mut state = self.state();
        let read = state.files.read(opened.inode, offset, &mut room[..length]);
        let now_ns = state.now_ns;
        state.trace.note(now_ns, op, &[opened.inode as i64, offset as i64, read as i64]);
        Ok(read)
    }

    /// The names in a directory, in no order that is promised.
    pub(crate) fn names(&self, descriptor: i32) -> io::Result<Vec<Name>> {
        self.waits_for_disk("directory");
        if self.meets(Fault::ReadFails, "directory") {
            return Err(io::Error::from_raw_os_error(errno::EIO));
        }
        let state = self.state();
        let inode = state.file(descriptor).inode;
        let Node::Directory(names) = state.files.node(inode) else {
            return Err(io::Error::from_raw_os_error(errno::ENOTDIR));
        };
        if state.files.permission(inode) == Permission::Denied {
            return Err(io::Error::from_raw_os_error(errno::EACCES));
        }
        let kind = |inode| match state.files.node(inode) {
            Node::Directory(_) | Node::Regular(_) => NameKind::FileOrDirectory,
            Node::Link(_) => NameKind::Link,
            Node::Fifo => NameKind::Special,
        };
        Ok(names.iter().map(|(name, &inode)| (name.clone(), kind(inode))).collect())
    }

    /// fstatat(2) of a name in a directory, which is no link.
    pub(crate) fn metadata_of_name(&self, directory: i32, name: &[u8]) -> io::Result<Metadata> {
        self.waits_for_disk("metadata of a name");
        let mut state = self.state();
        let start = state.file(directory).inode;
        let walked = state.files.walk(start, name, Resolve::BeneathWithoutLinks, Reach::Disk);
        let walked = walked.map_err(io::Error::from_raw_os_error)?;
        Ok(state.files.metadata(walked.inode))
    }

    fn open_beneath(
        &self,
        start: Inode,
        path: &[u8],
        access: Access,
        resolve: Resolve,
        reach: Reach,
    ) -> Result<i32, i32> {
        let mut state = self.state();
        let walked = state.files.walk(start, path, resolve, reach)?;
        state.open_inode(walked.inode, access)
    }

    fn meet_open_faults(&self, op: &'static str) -> Result<(), i32> {
        for (fault, error) in [
            (Fault::OpenWithoutDescriptor, errno::EMFILE),
            (Fault::OpenWithoutFile, errno::ENFILE),
            (Fault::OpenWithoutMemory, errno::ENOMEM),
            (Fault::OpenForbidden, errno::EACCES),
        ] {
            if self.meets(fault, op) {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Another program cuts the file short.
    fn truncate_meanwhile(&self, inode: Inode) {
        self.change_meanwhile(inode, |state, _, now| {
            let length = state.files.metadata(inode).size_bytes;
            let shorter = state.dice.below(length) as usize;
            state.files.edit(inode, now, |content| content.truncate(shorter));
        });
    }

    /// Another program puts another file in its place.
    fn replace_meanwhile(&self, inode: Inode) {
        self.change_meanwhile(inode, |state, path, now| {
            let mut dice = state.dice.fork();
            let length = dice.within(8..=20_000) as usize;
            let content = std::iter::repeat_with(|| dice.bits().to_be_bytes()).flatten().take(length);
            state.files.put(path, Node::Regular(content.collect()), now);
        });
    }

    /// Another program does something to the file, if a name still leads to it.
    fn change_meanwhile(&self, inode: Inode, change: impl FnOnce(&mut State, &Path, UnixTime)) {
        let now = self.unix_time();
        let mut state = self.state();
        let path = state.path_buf(inode);
        if state.files.find(&path) == Some(inode) {
            change(&mut state, &path, now);
            state.files.note_changed(path);
        }
    }

    /// The wall clock as file systems have it.
    pub(super) fn unix_time(&self) -> (i64, u32) {
        let (s, ns) = self.wall_clock();
        (s as i64, ns)
    }
}

impl State {
    fn file(&self, descriptor: i32) -> OpenedFile {
        match self.descriptors.get(descriptor) {
            Some(Entity::File(opened)) => opened,
            other => self.descriptors.end_run(format!("{other:?} was used as a file")),
        }
    }

    fn node_of(&self, descriptor: i32) -> &Node {
        self.files.node(self.file(descriptor).inode)
    }

    fn open_inode(&mut self, inode: Inode, access: Access) -> Result<i32, i32> {
        if access == Access::Read && self.files.permission(inode) == Permission::Denied {
            return Err(errno::EACCES);
        }
        self.files.hold(inode);
        let number = self.descriptors.open(Entity::File(OpenedFile { inode, access }));
        let now_ns = self.now_ns;
        self.trace.note(now_ns, "opens", &[inode as i64, access as i64]);
        Ok(number)
    }

    fn path_buf(&self, inode: Inode) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.files.path(inode)))
    }
}
