//! What a cache may hold of things that are scarce: blocks of each class, and descriptors.

use std::cell::Cell;
use std::rc::Rc;

use selvedge_runtime::BlockClass;

use super::options::FileOptions;

/// A scarce thing that an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scarce {
    Block(BlockClass),
    Descriptor,
}

/// How many of each a cache may still take.
#[derive(Debug)]
pub(super) struct Shares {
    small_left: Cell<usize>,
    large_left: Cell<usize>,
    descriptors_left: Cell<usize>,
}

/// One of a cache's share, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Rc<Shares>,
    scarce: Scarce,
}

impl Shares {
    pub(super) fn new(options: &FileOptions) -> Rc<Self> {
        Rc::new(Self {
            small_left: Cell::new(options.ready_small_max),
            large_left: Cell::new(options.ready_large_max),
            descriptors_left: Cell::new(options.descriptors_max),
        })
    }

    pub(super) fn take(self: &Rc<Self>, scarce: Scarce) -> Option<Share> {
        let left = self.left(scarce);
        left.set(left.get().checked_sub(1)?);
        Some(Share { shares: Rc::clone(self), scarce })
    }

    fn left(&self, scarce: Scarce) -> &Cell<usize> {
        match scarce {
            Scarce::Block(BlockClass::Small) => &self.small_left,
            Scarce::Block(BlockClass::Large) => &self.large_left,
            Scarce::Descriptor => &self.descriptors_left,
        }
    }
}

impl Share {
    pub(super) fn scarce(&self) -> Scarce {
        self.scarce
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let left = self.shares.left(self.scarce);
        left.set(left.get() + 1);
    }
}
