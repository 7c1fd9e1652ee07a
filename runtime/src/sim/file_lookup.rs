//! From a path to what is there, as openat2(2) walks (path_resolution(7), fs/namei.c).
//!
//! In: a directory, a path, where it may lead. Out: an inode, or the error that the kernel has for it.

use super::file_tree::{FileTree, Inode, Node, Permission, ROOT};
use crate::sys::{Resolve, errno};

/// Links that one path may lead through (MAXSYMLINKS).
const LINKS_MAX: u32 = 40;
/// NAME_MAX and PATH_MAX.
const NAME_BYTES_MAX: usize = 255;
const PATH_BYTES_MAX: usize = 4_095;

/// Whether the disk may be asked for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It may.
    Disk,
    /// Only what is in memory (RESOLVE_CACHED): EAGAIN for the rest.
    Memory,
}

impl Reach {
    /// What the kernel refuses only after it has left the quick walk, which RESOLVE_CACHED keeps it from (may_lookup,
    /// follow_dotdot_rcu).
    fn unless_in_memory(self, error: i32) -> i32 {
        if self == Self::Memory { errno::EAGAIN } else { error }
    }
}

/// What a walk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) inode: Inode,
    pub(super) climb: Climb,
}

/// Whether a `..` was on the way, which races with renames where a path must stay beneath its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Climb {
    None,
    Some,
}

impl FileTree {
    /// What `path` leads to from the directory `start`; the last name's links are followed too.
    ///
    /// # Errors
    /// The number of an error of openat2(2).
    pub(super) fn walk(
        &mut self,
        start: Inode,
        path: &[u8],
        resolve: Resolve,
        reach: Reach,
    ) -> Result<Walked, i32> {
        match path.len() {
            0 => return Err(errno::ENOENT),
            1..=PATH_BYTES_MAX => {}
            _ => return Err(errno::ENAMETOOLONG),
        }
        let (mut at, mut rest, mut links) = (start, path.to_vec(), 0);
        let mut climb = Climb::None;
        if path[0] == b'/' {
            at = jump_to_root(resolve)?;
        }
        loop {
            let Some(begin) = rest.iter().position(|&octet| octet != b'/') else {
                return Ok(Walked { inode: at, climb });
            };
            let end =
                rest[begin..].iter().position(|&octet| octet == b'/').map_or(rest.len(), |at| begin + at);
            let (name, after) = (rest[begin..end].to_vec(), rest[end..].to_vec());
            let Node::Directory(names) = self.node(at) else { return Err(errno::ENOTDIR) };
            if self.permission(at) == Permission::Denied {
                return Err(reach.unless_in_memory(errno::EACCES));
            }
            let next = match &*name {
                b"." => at,
                b".." if at == start && resolve != Resolve::Anywhere => {
                    return Err(reach.unless_in_memory(errno::EXDEV));
                }
                b".." => {
                    climb = Climb::Some;
                    self.parent(at)
                }
                name if name.len() > NAME_BYTES_MAX => return Err(errno::ENAMETOOLONG),
                name => {
                    let found = names.get(name).copied();
                    if self.is_absent_name(at, name) {
                        match reach {
                            Reach::Memory => return Err(errno::EAGAIN),
                            Reach::Disk => self.bring_name(at, name),
                        }
                    }
                    found.ok_or(errno::ENOENT)?
                }
            };
            if let Node::Link(target) = self.node(next) {
                links += 1;
                if resolve == Resolve::BeneathWithoutLinks || links > LINKS_MAX {
                    return Err(errno::ELOOP);
                }
                rest = [target, &*after].concat();
                if rest.first() == Some(&b'/') {
                    at = jump_to_root(resolve)?;
                }
                continue;
            }
            if !after.is_empty() && !matches!(self.node(next), Node::Directory(_)) {
                return Err(errno::ENOTDIR);
            }
            (at, rest) = (next, after);
        }
    }
}

fn jump_to_root(resolve: Resolve) -> Result<Inode, i32> {
    if resolve == Resolve::Anywhere { Ok(ROOT) } else { Err(errno::EXDEV) }
}
