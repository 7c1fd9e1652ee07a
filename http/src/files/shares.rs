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
    small: Stock,
    large: Stock,
    descriptors: Stock,
}

/// What is left of one thing.
#[derive(Debug)]
struct Stock {
    left: Cell<usize>,
    /// The second in which all who had some were found to use it.
    in_use_at_unix_s: Cell<Option<u64>>,
}

impl Stock {
    fn of(left: usize) -> Self {
        Self { left: Cell::new(left), in_use_at_unix_s: Cell::default() }
    }
}

/// What a holder of a scarce thing does where another one needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// It has no such thing.
    Nothing,
    /// It has given one up.
    GivenUp,
    /// It keeps what it has: it was used a moment ago.
    Kept,
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
            small: Stock::of(options.ready_small_max),
            large: Stock::of(options.ready_large_max),
            descriptors: Stock::of(options.descriptors_max),
        })
    }

    pub(super) fn take(self: &Rc<Self>, scarce: Scarce) -> Option<Share> {
        let left = &self.stock(scarce).left;
        left.set(left.get().checked_sub(1)?);
        Some(Share { shares: Rc::clone(self), scarce })
    }

    /// As [`take`](Self::take), where `make_room` makes holders give up theirs, one at a time. Once it fails, it is not asked
    /// again within that second: it looks through all that is remembered.
    pub(super) fn take_or_make_room(
        self: &Rc<Self>,
        scarce: Scarce,
        unix_s: u64,
        make_room: impl Fn(Scarce) -> bool,
    ) -> Option<Share> {
        loop {
            if let Some(share) = self.take(scarce) {
                return Some(share);
            }
            if !self.may_be_had(scarce, unix_s) {
                return None;
            }
            if !make_room(scarce) {
                self.stock(scarce).in_use_at_unix_s.set(Some(unix_s));
            }
        }
    }

    /// Whether there may be one, as far as is known in this second.
    pub(super) fn may_be_had(&self, scarce: Scarce, unix_s: u64) -> bool {
        let stock = self.stock(scarce);
        stock.left.get() > 0 || stock.in_use_at_unix_s.get() != Some(unix_s)
    }

    fn stock(&self, scarce: Scarce) -> &Stock {
        match scarce {
            Scarce::Block(BlockClass::Small) => &self.small,
            Scarce::Block(BlockClass::Large) => &self.large,
            Scarce::Descriptor => &self.descriptors,
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
        let left = &self.shares.stock(self.scarce).left;
        left.set(left.get() + 1);
    }
}
