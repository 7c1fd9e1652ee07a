//! The simulated machine's disk as other programs see it: an editor, a deploy, an operator.
//!
//! In: edits, between events. Out: what the server finds from then on.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::file_tree::{FileTree, Node, Permission};
use super::world::{World, world};
use crate::sys::Metadata;

/// The files of a simulated machine. Paths begin at its root, `/`; directories on the way are made.
///
/// ```
/// use std::io;
/// use std::path::Path;
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::fs::{self, Access, Resolve};
/// use selvedge_runtime::sim::{FaultRates, Simulation, SimulationOptions};
///
/// # fn main() -> io::Result<()> {
/// let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
/// let simulation = Simulation::new(1, options);
/// let disk = simulation.disk();
/// disk.write("/site/page.txt", b"a page");
/// disk.link("/site/link.txt", "page.txt");
/// // The size of what the link leads to, as a server would find it.
/// let size_bytes = || {
///     block_on(|| async {
///         let root = fs::open_directory(Path::new("/site"))?;
///         let file = fs::open(&root, c"link.txt".to_owned(), Access::Read, Resolve::Beneath).await?;
///         Ok::<_, io::Error>(file.metadata()?.size_bytes)
///     })
/// };
/// assert_eq!(size_bytes()?, 6);
/// disk.forbid("/site/page.txt");
/// assert_eq!(size_bytes().unwrap_err().kind(), io::ErrorKind::PermissionDenied);
/// disk.replace("/site/page.txt", b"another page");
/// assert_eq!(size_bytes()?, 12);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Disk {
    world: Rc<World>,
}

impl Disk {
    pub(super) fn new(world: Rc<World>) -> Self {
        Self { world }
    }

    /// The disk of the simulation that the calling thread is in, for who holds no [`Simulation`](super::Simulation): a handler
    /// that writes files, or a worker's test.
    pub fn current() -> Option<Self> {
        world().map(Self::new)
    }

    /// Writes a file in place: the same file if there is one, with other content.
    ///
    /// # Panics
    /// Here and in what follows: where the path leads through a file, or nothing is there to be changed.
    pub fn write(&self, path: impl AsRef<Path>, content: &[u8]) {
        self.edit(path.as_ref(), |files, path, now| {
            files.write(path, now, |there| {
                there.clear();
                there.extend_from_slice(content);
            });
        });
    }

    /// Puts a new file in the place of what is there, all at once (rename(2)).
    pub fn replace(&self, path: impl AsRef<Path>, content: &[u8]) {
        self.edit(path.as_ref(), |files, path, now| {
            files.put(path, Node::Regular(content.to_vec()), now);
        });
    }

    /// Adds to the end of a file.
    pub fn append(&self, path: impl AsRef<Path>, content: &[u8]) {
        self.edit(path.as_ref(), |files, path, now| {
            files.write(path, now, |there| there.extend_from_slice(content));
        });
    }

    /// Cuts a file to at most `length` octets.
    pub fn truncate(&self, path: impl AsRef<Path>, length: usize) {
        self.edit(path.as_ref(), |files, path, now| files.write(path, now, |there| there.truncate(length)));
    }

    /// Takes a name away, and what is beneath it. What is open stays readable.
    pub fn remove(&self, path: impl AsRef<Path>) {
        self.edit(path.as_ref(), |files, path, now| files.remove(path, now));
    }

    /// Gives something another name, over whatever has that (rename(2)).
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        self.edit(from.as_ref(), |files, from, now| files.rename(from, to.as_ref(), now));
    }

    /// Makes a directory.
    pub fn make_directory(&self, path: impl AsRef<Path>) {
        self.edit(path.as_ref(), |files, path, now| {
            files.make_directory(path, now);
        });
    }

    /// Makes a symbolic link that leads to `target`.
    pub fn link(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) {
        let target = target.as_ref().as_os_str().as_encoded_bytes().to_vec();
        self.edit(path.as_ref(), |files, path, now| {
            files.put(path, Node::Link(target), now);
        });
    }

    /// Makes a FIFO.
    pub fn make_fifo(&self, path: impl AsRef<Path>) {
        self.edit(path.as_ref(), |files, path, now| {
            files.put(path, Node::Fifo, now);
        });
    }

    /// Takes the server's permission to read a file, or to read and search a directory.
    pub fn forbid(&self, path: impl AsRef<Path>) {
        self.set_permission(path.as_ref(), Permission::Denied);
    }

    /// Gives it again.
    pub fn allow(&self, path: impl AsRef<Path>) {
        self.set_permission(path.as_ref(), Permission::Granted);
    }

    /// Has a file's content changed last at that second since 1970 (utimensat(2)).
    pub fn set_modified(&self, path: impl AsRef<Path>, unix_s: i64) {
        self.edit(path.as_ref(), |files, path, now| {
            let inode = files.find(path).unwrap_or_else(|| panic!("nothing is at {path:?}"));
            files.set_modified(inode, (unix_s, 0), now);
        });
    }

    /// Has name and content in memory no more: the next open of it waits for the disk, and so does the next read through the ring,
    /// also by who has it open. A helper's read takes its time at any rate.
    pub fn evict(&self, path: impl AsRef<Path>) {
        self.edit(path.as_ref(), |files, path, _| {
            let inode = files.find(path).unwrap_or_else(|| panic!("nothing is at {path:?}"));
            files.evict_name(inode);
            files.evict_content(inode, 0, u64::MAX);
        });
    }

    /// Has the disk take so much longer for each read through the ring whose content is not in memory.
    pub fn delay(&self, path: impl AsRef<Path>, time: Duration) {
        self.edit(path.as_ref(), |files, path, _| {
            let inode = files.find(path).unwrap_or_else(|| panic!("nothing is at {path:?}"));
            files.set_delay_ns(inode, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2));
        });
    }

    /// A file's content; `None` where no regular file is at the path itself.
    pub fn content(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.world.state();
        match state.files.node(state.files.find(path.as_ref())?) {
            Node::Regular(content) => Some(content.clone()),
            _ => None,
        }
    }

    /// What lstat(2) tells of a path; `None` where nothing is.
    pub fn metadata(&self, path: impl AsRef<Path>) -> Option<Metadata> {
        let state = self.world.state();
        Some(state.files.metadata(state.files.find(path.as_ref())?))
    }

    /// Whether the server's permission was taken.
    pub fn is_forbidden(&self, path: impl AsRef<Path>) -> bool {
        let state = self.world.state();
        let inode = state.files.find(path.as_ref());
        inode.is_some_and(|inode| state.files.permission(inode) == Permission::Denied)
    }

    /// The files that a fault has changed since this was last asked, in order.
    pub fn take_changed_by_faults(&self) -> Vec<PathBuf> {
        self.world.state().files.take_changed()
    }

    fn set_permission(&self, path: &Path, permission: Permission) {
        self.edit(path, |files, path, now| {
            let inode = files.find(path).unwrap_or_else(|| panic!("nothing is at {path:?}"));
            files.set_permission(inode, permission, now);
        });
    }

    fn edit(&self, path: &Path, edit: impl FnOnce(&mut FileTree, &Path, (i64, u32))) {
        let now = self.world.unix_time();
        let mut state = self.world.state();
        edit(&mut state.files, path, now);
        let size_bytes = state.files.find(path).map_or(0, |inode| state.files.metadata(inode).size_bytes);
        let now_ns = state.now_ns;
        state.trace.note(now_ns, "edit", &[size_bytes as i64]);
        state.trace.remark(now_ns, || format!("an edit of {}", path.display()));
    }
}
