//! What a cache may hold of things that are scarce, blocks of each class and descriptors, and who has to give them up for others.
//!
//! In: an answer that needs one. Out: a share, from what is left or from another answer. Who holds one stands in line; who
//! comes first and was not used lately gives it up, who was goes back to the end: the least recently used, nearly, without a
//! list that each request writes to.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use selvedge_runtime::{BlockClass, Moment};

use super::entry::Entry;
use super::options::FileOptions;

/// Holders that are asked for one share before it is denied, or taken from one that was used.
const ASKED_MAX: usize = 32;

/// A scarce thing that an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scarce {
    Block(BlockClass),
    Descriptor,
}

/// How many of each a cache may still take, and who has the others.
#[derive(Debug)]
pub(super) struct Shares {
    small: Stock,
    medium: Stock,
    large: Stock,
    descriptors: Stock,
    /// The turn in which all descriptors were found to be sent from.
    sent_from_in_turn: Cell<Option<Moment>>,
}

/// One scarce thing.
#[derive(Debug)]
struct Stock {
    left: Cell<usize>,
    /// In all.
    total: usize,
    /// Who has some, and who had some, each once: at most [`Stock::in_line_max`].
    holders: RefCell<VecDeque<Weak<Entry>>>,
    /// The second in which nobody was found who does not use its own.
    in_use_at_unix_s: Cell<Option<u64>>,
}

/// How much an answer is asked for that has no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Demand {
    /// It may have one that is free.
    #[default]
    Usual,
    /// So much that it may have one of an answer that rests.
    High,
}

/// What is asked of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plea {
    /// To give up what it has not used lately.
    IfUnused,
    /// To give up what it does not use just now.
    IfIdle,
}

/// What a holder does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// It has no such thing.
    Nothing,
    /// It has given it up.
    GivenUp,
    /// It keeps it.
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
            medium: Stock::of(options.ready_medium_max),
            large: Stock::of(options.ready_large_max),
            descriptors: Stock::of(options.descriptors_max),
            sent_from_in_turn: Cell::default(),
        })
    }

    /// Bytes that the lines take at most, and those in them that are forgotten and have nothing any more.
    pub(super) fn memory_bytes(options: &FileOptions) -> usize {
        let totals = [
            options.ready_small_max,
            options.ready_medium_max,
            options.ready_large_max,
            options.descriptors_max,
        ];
        let of_total = |total| {
            // A deque doubles.
            let line = 2 * Stock::in_line_max(total) * size_of::<Weak<Entry>>();
            line + (Stock::in_line_max(total) - total) * size_of::<Entry>()
        };
        totals.into_iter().map(of_total).sum()
    }

    /// A block's; with high demand, also from an answer that [rests](Entry::is_at_rest).
    pub(super) fn block(self: &Rc<Self>, class: BlockClass, demand: Demand, unix_s: u64) -> Option<Share> {
        let scarce = Scarce::Block(class);
        let taken = self.take(scarce);
        if taken.is_some() || !self.may_have_block(class, demand, unix_s) {
            return taken;
        }
        if !self.make_room(scarce, Plea::IfUnused, unix_s) {
            self.stock(scarce).in_use_at_unix_s.set(Some(unix_s));
        }
        self.take(scarce)
    }

    /// Whether there may be a block, as far as is known in this second.
    pub(super) fn may_have_block(&self, class: BlockClass, demand: Demand, unix_s: u64) -> bool {
        let stock = self.stock(Scarce::Block(class));
        stock.left.get() > 0 || demand == Demand::High && stock.in_use_at_unix_s.get() != Some(unix_s)
    }

    /// A descriptor's, if need be from a file that nobody reads just now; `None` where all of them are in use.
    pub(super) fn descriptor(self: &Rc<Self>) -> Option<Share> {
        let taken = self.take(Scarce::Descriptor);
        let turn = Some(selvedge_runtime::now());
        if taken.is_some() || self.sent_from_in_turn.get() == turn {
            return taken;
        }
        if !self.make_room(Scarce::Descriptor, Plea::IfUnused, 0) && !self.close_one() {
            self.sent_from_in_turn.set(turn);
        }
        self.take(Scarce::Descriptor)
    }

    /// Closes a descriptor that nobody uses just now; false if there is none.
    pub(super) fn close_one(&self) -> bool {
        self.make_room(Scarce::Descriptor, Plea::IfIdle, 0)
    }

    /// Lets `entry` stand in line: it has one. Whoever stood there twice would be asked twice, and not be spared for its use.
    pub(super) fn note_holder(&self, scarce: Scarce, entry: &Rc<Entry>) {
        if entry.is_in_line.replace(true) {
            return;
        }
        let stock = self.stock(scarce);
        let mut holders = stock.holders.borrow_mut();
        if holders.len() >= Stock::in_line_max(stock.total) {
            holders.retain(|holder| {
                holder.upgrade().is_some_and(|entry| {
                    entry.is_in_line.set(entry.holds(scarce));
                    entry.is_in_line.get()
                })
            });
        }
        holders.push_back(Rc::downgrade(entry));
    }

    fn take(self: &Rc<Self>, scarce: Scarce) -> Option<Share> {
        let left = &self.stock(scarce).left;
        left.set(left.get().checked_sub(1)?);
        Some(Share { shares: Rc::clone(self), scarce })
    }

    /// Asks holders, each once at most, and of those that have something so many at most as may be asked.
    fn make_room(&self, scarce: Scarce, plea: Plea, unix_s: u64) -> bool {
        let holders = &self.stock(scarce).holders;
        let in_line = holders.borrow().len();
        let mut asked = 0;
        for _ in 0..in_line {
            let Some(holder) = holders.borrow_mut().pop_front() else { return false };
            let Some(entry) = holder.upgrade() else { continue };
            let holding = entry.give_up(scarce, plea, unix_s);
            entry.is_in_line.set(holding == Holding::Kept);
            match holding {
                Holding::Nothing => continue,
                Holding::GivenUp => return true,
                Holding::Kept => holders.borrow_mut().push_back(holder),
            }
            asked += 1;
            if plea == Plea::IfUnused && asked == ASKED_MAX {
                return false;
            }
        }
        false
    }

    fn stock(&self, scarce: Scarce) -> &Stock {
        match scarce {
            Scarce::Block(BlockClass::Small) => &self.small,
            Scarce::Block(BlockClass::Medium) => &self.medium,
            Scarce::Block(BlockClass::Large) => &self.large,
            Scarce::Descriptor => &self.descriptors,
        }
    }
}

impl Stock {
    fn of(total: usize) -> Self {
        let left = Cell::new(total);
        Self { left, total, holders: RefCell::default(), in_use_at_unix_s: Cell::default() }
    }

    /// How many stand in line at most, where so many have one: before there are more, those that have none any longer go.
    const fn in_line_max(total: usize) -> usize {
        total + total / 4 + ASKED_MAX
    }
}

#[cfg(test)]
impl Shares {
    /// How many stand in line.
    pub(super) fn in_line(&self, scarce: Scarce) -> usize {
        self.stock(scarce).holders.borrow().len()
    }
}

/// The classes that an answer of `bytes` may be kept in, the better first, each with the demand that counts for it. A medium one
/// gets a large block too, but one that is free: no large answer has to give up its own for it.
pub(super) fn classes_for(bytes: usize, demand: Demand) -> impl Iterator<Item = (BlockClass, Demand)> {
    let fitting = BlockClass::fitting(bytes);
    let instead = (fitting == Some(BlockClass::Medium)).then_some((BlockClass::Large, Demand::Usual));
    fitting.map(|class| (class, demand)).into_iter().chain(instead)
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
