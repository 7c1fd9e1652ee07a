//! Descriptors that close when nobody uses them any more.
//!
//! A handle and every op that works on it hold the same count, so a descriptor is closed only after the last completion:
//! a queued send can never reach a number that the kernel has given to someone else.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;

use super::fd::Fd;
use crate::sim::World;

/// A counted descriptor; the last holder's drop queues it to be closed through the ring.
#[derive(Debug, Clone)]
pub(super) struct Descriptor(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` only while it is being dropped.
    fd: Option<Fd>,
    holder: Cell<Holder>,
    close_queue: Rc<CloseQueue>,
}

/// Who closes a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The drop of its last handle.
    Handles,
    /// The ring, behind the op that was queued last. Its number may be somebody else's at any time.
    Ring,
}

impl Descriptor {
    pub(super) fn new(fd: Fd, close_queue: &Rc<CloseQueue>) -> Self {
        let (holder, close_queue) = (Cell::new(Holder::Handles), Rc::clone(close_queue));
        Self(Rc::new(Inner { fd: Some(fd), holder, close_queue }))
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn raw(&self) -> RawFd {
        self.fd().raw()
    }

    /// The simulated machine it is of, if it is of one.
    #[inline]
    pub(super) fn world(&self) -> Option<Rc<World>> {
        self.fd().world()
    }

    /// The same under a number of its own, which is closed at once when it is dropped.
    pub(super) fn duplicate(&self) -> io::Result<Fd> {
        self.fd().try_clone()
    }

    pub(super) fn is_real(&self) -> bool {
        matches!(self.fd(), Fd::Real(_))
    }

    pub(super) fn holder(&self) -> Holder {
        self.0.holder.get()
    }

    /// From now on it is the ring's.
    pub(super) fn hand_over(&self) {
        self.0.holder.set(Holder::Ring);
    }

    /// It is the handles' again: the ring has not closed it.
    pub(super) fn take_back(&self) {
        self.0.holder.set(Holder::Handles);
    }

    fn fd(&self) -> &Fd {
        assert_eq!(self.0.holder.get(), Holder::Handles, "a descriptor that the ring closes is used");
        self.0.fd.as_ref().expect("a descriptor is open until its last holder is gone")
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        match (self.fd.take(), self.holder.get()) {
            (Some(fd), Holder::Handles) => self.close_queue.push(fd),
            (Some(fd), Holder::Ring) => fd.forget(),
            (None, _) => {}
        }
    }
}

/// Descriptors waiting for the turn's end, when one submission closes them all.
#[derive(Debug)]
pub(super) struct CloseQueue(RefCell<Vec<Fd>>);

impl CloseQueue {
    /// Beyond this many in one turn, a descriptor is closed by a direct close(2).
    const CAPACITY: usize = 256;

    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self(RefCell::new(Vec::with_capacity(Self::CAPACITY))))
    }

    fn push(&self, fd: Fd) {
        let mut queue = self.0.borrow_mut();
        if queue.len() < Self::CAPACITY {
            queue.push(fd);
        }
    }

    pub(super) fn pop(&self) -> Option<Fd> {
        self.0.borrow_mut().pop()
    }
}
