//! How threads without a ring wake a worker: an eventfd that the worker's ring watches.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::event::EventfdFlags;

use crate::sim::world;

/// An eventfd (eventfd(2)). Ringing twice before it is heard is heard once.
#[derive(Debug)]
pub(crate) struct Doorbell(OwnedFd);

impl Doorbell {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Rings. Never blocks: a counter that is full is heard anyway.
    pub(crate) fn ring(&self) {
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        if let Some(world) = world() {
            world.attend_all();
        }
    }

    /// Takes the ringing back, so that the next one is seen.
    pub(crate) fn hush(&self) {
        self.take_ringing();
    }

    /// The same; true if there was any.
    pub(super) fn take_ringing(&self) -> bool {
        let mut count = [0_u8; 8];
        rustix::io::read(&self.0, &mut count).is_ok()
    }

    /// Whether somebody rings who was not heard yet.
    #[cfg(test)]
    pub(crate) fn is_rung(&self) -> bool {
        self.take_ringing()
    }

    pub(super) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }
}

/// The address of a worker's ring for messages of other rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RingAddress(pub(super) RawFd);

impl RingAddress {
    /// As a number that fits an atomic; `None` is -1.
    pub(crate) fn to_bits(address: Option<Self>) -> i32 {
        address.map_or(-1, |address| address.0)
    }

    /// The inverse of [`to_bits`](Self::to_bits).
    pub(crate) fn from_bits(bits: i32) -> Option<Self> {
        (bits >= 0).then_some(Self(bits))
    }
}
