//! What is on the simulated machine's disk: directories, files, links and FIFOs, and what of them is in memory.
//!
//! In: edits, as other programs make them. Out: what fstat(2) and pread(2) tell of a file. Next: `file_lookup`, from a path to
//! what is there; `file_calls`, what the server asks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::sys::{Kind, Metadata};

/// Seconds since 1970 and nanoseconds.
pub(super) type UnixTime = (i64, u32);

/// The number of an inode.
pub(super) type Inode = usize;

/// The tree's root. Its parent is itself.
pub(super) const ROOT: Inode = 0;

/// The file system's clock: two changes within one tick have the same time, as on ext4 and xfs at 250 Hz before Linux 6.13.
const TICK_NS: u32 = 4_000_000;
const DEVICE: u64 = 0x5d;
const PAGE_BYTES: u64 = 4_096;

/// Everything on the disk. Bounded by who writes to it; what is removed is gone with its last descriptor.
#[derive(Debug)]
pub(super) struct FileTree {
    inodes: Vec<Option<Entry>>,
    /// Files that a fault has changed, until somebody asks.
    changed_by_faults: Vec<PathBuf>,
}

/// One inode.
#[derive(Debug)]
struct Entry {
    node: Node,
    /// Where it is in the tree, or was last.
    parent: Inode,
    name: Vec<u8>,
    link: Link,
    permission: Permission,
    /// How long the disk takes for it, besides what it takes for all.
    delay_ns: u64,
    modified: UnixTime,
    changed: UnixTime,
    /// Descriptors that name it, and inodes that are in it or were last.
    holders: usize,
    /// Pages of the content that are on the disk alone.
    absent_pages: BTreeSet<u64>,
    /// Names in the directory that are on the disk alone.
    absent_names: BTreeSet<Vec<u8>>,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Node {
    Directory(BTreeMap<Vec<u8>, Inode>),
    Regular(Vec<u8>),
    /// A symbolic link, and where it leads.
    Link(Vec<u8>),
    Fifo,
}

/// Whether a name leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Named,
    Removed,
}

/// Whether the server may read it, and search it if it is a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    Granted,
    Denied,
}

impl FileTree {
    pub(super) fn new(now: UnixTime) -> Self {
        let root = Entry::new(Node::Directory(BTreeMap::new()), ROOT, Vec::new(), ticked(now));
        Self { inodes: vec![Some(root)], changed_by_faults: Vec::new() }
    }

    // ---- what is there ----

    pub(super) fn node(&self, inode: Inode) -> &Node {
        &self.entry(inode).node
    }

    pub(super) fn parent(&self, inode: Inode) -> Inode {
        self.entry(inode).parent
    }

    pub(super) fn permission(&self, inode: Inode) -> Permission {
        self.entry(inode).permission
    }

    pub(super) fn metadata(&self, inode: Inode) -> Metadata {
        let entry = self.entry(inode);
        let (kind, size_bytes) = match &entry.node {
            Node::Directory(_) => (Kind::Directory, PAGE_BYTES),
            Node::Regular(content) => (Kind::Regular, content.len() as u64),
            Node::Link(target) => (Kind::Special, target.len() as u64),
            Node::Fifo => (Kind::Special, 0),
        };
        let identity = (DEVICE, inode as u64 + 2);
        Metadata { kind, size_bytes, modified: entry.modified, changed: entry.changed, identity }
    }

    /// The path that leads to it, or did last: then with what proc(5) says of such.
    pub(super) fn path(&self, inode: Inode) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = inode;
        while at != ROOT {
            names.push(&*self.entry(at).name);
            at = self.entry(at).parent;
        }
        let mut path: Vec<u8> = names.iter().rev().flat_map(|name| [b"/", *name].concat()).collect();
        if path.is_empty() {
            path.push(b'/');
        }
        if self.entry(inode).link == Link::Removed {
            path.extend_from_slice(b" (deleted)");
        }
        path
    }

    /// What is at a path, through no link.
    pub(super) fn find(&self, path: &Path) -> Option<Inode> {
        names_of(path).try_fold(ROOT, |at, name| match self.node(at) {
            Node::Directory(names) => names.get(name).copied(),
            _ => None,
        })
    }

    // ---- what is in memory ----

    /// Whether the name is on the disk alone; a look there brings it into memory.
    pub(super) fn is_absent_name(&self, directory: Inode, name: &[u8]) -> bool {
        self.entry(directory).absent_names.contains(name)
    }

    pub(super) fn bring_name(&mut self, directory: Inode, name: &[u8]) {
        self.entry_mut(directory).absent_names.remove(name);
    }

    pub(super) fn evict_name(&mut self, inode: Inode) {
        let (parent, name) = (self.entry(inode).parent, self.entry(inode).name.clone());
        if inode != ROOT {
            self.entry_mut(parent).absent_names.insert(name);
        }
    }

    /// Whether a page of these octets is on the disk alone.
    pub(super) fn is_absent(&self, inode: Inode, offset: u64, length: u64) -> bool {
        length > 0 && self.entry(inode).absent_pages.range(pages(offset, length)).next().is_some()
    }

    /// How many of these octets lie before the first page that is on the disk alone.
    pub(super) fn resident_bytes(&self, inode: Inode, offset: u64, length: u64) -> u64 {
        let absent = self.entry(inode).absent_pages.range(pages(offset, length)).next();
        absent.map_or(length, |page| (page * PAGE_BYTES).saturating_sub(offset))
    }

    /// Whether a page up to `end` lies behind the file's last one.
    pub(super) fn ends_before(&self, inode: Inode, end: u64) -> bool {
        end.div_ceil(PAGE_BYTES) > self.metadata(inode).size_bytes.div_ceil(PAGE_BYTES)
    }

    pub(super) fn evict_content(&mut self, inode: Inode, offset: u64, length: u64) {
        let Node::Regular(content) = self.node(inode) else { return };
        let length = length.min((content.len() as u64).saturating_sub(offset));
        if length > 0 {
            self.entry_mut(inode).absent_pages.extend(pages(offset, length));
        }
    }

    /// Reads what is at `offset`, however it is brought: how many octets.
    pub(super) fn read(&mut self, inode: Inode, offset: u64, room: &mut [u8]) -> usize {
        let entry = self.entry_mut(inode);
        let Node::Regular(content) = &entry.node else { return 0 };
        let rest = content.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let length = rest.len().min(room.len());
        room[..length].copy_from_slice(&rest[..length]);
        if length > 0 {
            for page in pages(offset, length as u64) {
                entry.absent_pages.remove(&page);
            }
        }
        length
    }

    // ---- edits ----

    /// Makes a directory, and those above it.
    pub(super) fn make_directory(&mut self, path: &Path, now: UnixTime) -> Inode {
        let mut at = ROOT;
        for name in names_of(path) {
            let Node::Directory(names) = self.node(at) else { panic!("{path:?} leads through a file") };
            at = match names.get(name) {
                Some(&there) => there,
                None => self.make(Node::Directory(BTreeMap::new()), at, name, now),
            };
        }
        at
    }

    /// Puts something new at a path; what was there has no name any more, as after a rename(2) over it.
    pub(super) fn put(&mut self, path: &Path, node: Node, now: UnixTime) -> Inode {
        let (parent, name) = self.place(path, now);
        self.make(node, parent, &name, now)
    }

    /// Changes the content of the file at a path, or of a new one: of the same inode, in place.
    pub(super) fn write(&mut self, path: &Path, now: UnixTime, edit: impl FnOnce(&mut Vec<u8>)) {
        let inode = match self.find(path) {
            Some(inode) => inode,
            None => self.put(path, Node::Regular(Vec::new()), now),
        };
        self.edit(inode, now, edit);
    }

    pub(super) fn edit(&mut self, inode: Inode, now: UnixTime, edit: impl FnOnce(&mut Vec<u8>)) {
        let entry = self.entry_mut(inode);
        let Node::Regular(content) = &mut entry.node else { panic!("{:?} is no file", entry.node) };
        edit(content);
        let end = (content.len() as u64).div_ceil(PAGE_BYTES);
        drop(entry.absent_pages.split_off(&end));
        (entry.modified, entry.changed) = (ticked(now), ticked(now));
    }

    /// Takes the name at a path away, and what is beneath it.
    pub(super) fn remove(&mut self, path: &Path, now: UnixTime) {
        let Some(inode) = self.find(path) else { panic!("nothing is at {path:?}") };
        let (parent, name) = (self.entry(inode).parent, self.entry(inode).name.clone());
        self.unlink(parent, &name, now);
    }

    /// rename(2), which leaves alone what has that name already.
    pub(super) fn rename(&mut self, from: &Path, to: &Path, now: UnixTime) {
        let Some(inode) = self.find(from) else { panic!("nothing is at {from:?}") };
        if self.find(to) == Some(inode) {
            return;
        }
        let (parent, name) = self.place(to, now);
        self.unlink(parent, &name, now);
        let entry = self.entry_mut(inode);
        let (old_parent, old_name) = (entry.parent, std::mem::replace(&mut entry.name, name.clone()));
        (entry.parent, entry.changed) = (parent, ticked(now));
        self.names_mut(old_parent, now).remove(&old_name);
        self.bring_name(parent, &name);
        self.names_mut(parent, now).insert(name, inode);
        self.hold(parent);
        self.let_go(old_parent);
    }

    pub(super) fn set_permission(&mut self, inode: Inode, permission: Permission, now: UnixTime) {
        let entry = self.entry_mut(inode);
        (entry.permission, entry.changed) = (permission, ticked(now));
    }

    /// utimensat(2).
    pub(super) fn set_modified(&mut self, inode: Inode, modified: UnixTime, now: UnixTime) {
        let entry = self.entry_mut(inode);
        (entry.modified, entry.changed) = (modified, ticked(now));
    }

    pub(super) fn delay_ns(&self, inode: Inode) -> u64 {
        self.entry(inode).delay_ns
    }

    pub(super) fn set_delay_ns(&mut self, inode: Inode, delay_ns: u64) {
        self.entry_mut(inode).delay_ns = delay_ns;
    }

    /// A fault has changed the file at this path.
    pub(super) fn note_changed(&mut self, path: PathBuf) {
        self.changed_by_faults.push(path);
    }

    pub(super) fn take_changed(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.changed_by_faults)
    }

    // ---- descriptors ----

    pub(super) fn hold(&mut self, inode: Inode) {
        self.entry_mut(inode).holders += 1;
    }

    pub(super) fn let_go(&mut self, inode: Inode) {
        self.entry_mut(inode).holders -= 1;
        self.free_unused(inode);
    }

    // ---- inodes ----

    fn entry(&self, inode: Inode) -> &Entry {
        self.inodes[inode].as_ref().expect("an inode lives as long as a name or a descriptor leads to it")
    }

    fn entry_mut(&mut self, inode: Inode) -> &mut Entry {
        self.inodes[inode].as_mut().expect("an inode lives as long as a name or a descriptor leads to it")
    }

    /// The names in a directory, to be changed.
    fn names_mut(&mut self, directory: Inode, now: UnixTime) -> &mut BTreeMap<Vec<u8>, Inode> {
        let entry = self.entry_mut(directory);
        (entry.modified, entry.changed) = (ticked(now), ticked(now));
        match &mut entry.node {
            Node::Directory(names) => names,
            other => panic!("{other:?} is no directory"),
        }
    }

    /// The directory a path is in, made if need be, and its name there.
    fn place(&mut self, path: &Path, now: UnixTime) -> (Inode, Vec<u8>) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            panic!("{path:?} names no file")
        };
        (self.make_directory(parent, now), name.as_encoded_bytes().to_vec())
    }

    fn make(&mut self, node: Node, parent: Inode, name: &[u8], now: UnixTime) -> Inode {
        // The lowest free number, as ext4 gives them: that of a file removed just now, often.
        let free = self.inodes.iter().position(Option::is_none);
        let inode = free.unwrap_or(self.inodes.len());
        if inode == self.inodes.len() {
            self.inodes.push(None);
        }
        self.inodes[inode] = Some(Entry::new(node, parent, name.to_vec(), ticked(now)));
        self.hold(parent);
        // The new one is there before the old one goes, so that they never have one number.
        self.unlink(parent, name, now);
        self.names_mut(parent, now).insert(name.to_vec(), inode);
        self.bring_name(parent, name);
        inode
    }

    fn unlink(&mut self, parent: Inode, name: &[u8], now: UnixTime) {
        let Some(inode) = self.names_mut(parent, now).remove(name) else { return };
        if let Node::Directory(names) = self.node(inode) {
            for name in names.keys().cloned().collect::<Vec<_>>() {
                self.unlink(inode, &name, now);
            }
        }
        let entry = self.entry_mut(inode);
        (entry.link, entry.changed) = (Link::Removed, ticked(now));
        self.free_unused(inode);
    }

    fn free_unused(&mut self, inode: Inode) {
        let entry = self.entry(inode);
        if entry.holders == 0 && entry.link == Link::Removed {
            let parent = entry.parent;
            self.inodes[inode] = None;
            self.let_go(parent);
        }
    }
}

impl Entry {
    fn new(node: Node, parent: Inode, name: Vec<u8>, now: UnixTime) -> Self {
        Self {
            node,
            parent,
            name,
            link: Link::Named,
            permission: Permission::Granted,
            delay_ns: 0,
            modified: now,
            changed: now,
            holders: 0,
            absent_pages: BTreeSet::new(),
            absent_names: BTreeSet::new(),
        }
    }
}

fn ticked((s, ns): UnixTime) -> UnixTime {
    (s, ns - ns % TICK_NS)
}

fn pages(offset: u64, length: u64) -> std::ops::Range<u64> {
    offset / PAGE_BYTES..(offset + length).div_ceil(PAGE_BYTES)
}

fn names_of(path: &Path) -> impl Iterator<Item = &[u8]> {
    assert!(path.is_absolute(), "{path:?}: paths on the simulated disk begin with a slash");
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.as_encoded_bytes()),
        _ => None,
    })
}
