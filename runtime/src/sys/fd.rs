//! Descriptors: of this process, or of the simulated machine. A raw number never leaves this module's parent.

use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use super::socket::{Address, PortSharing};
use crate::sim::{World, world};

/// An open descriptor; dropped, it is closed.
#[derive(Debug)]
pub(crate) enum Fd {
    /// The process's.
    Real(OwnedFd),
    /// The simulated machine's, while the thread is in a simulation.
    Simulated(SimulatedFd),
}

/// Every connection has one, beside the queue that it is closed by.
const _: () = assert!(size_of::<Option<Fd>>() <= 12);

/// A number that a simulated machine gave.
#[derive(Debug)]
pub(crate) struct SimulatedFd {
    number: i32,
    /// Which machine: in another one it means nothing.
    world: u32,
}

impl SimulatedFd {
    /// One that the thread's machine has just given.
    pub(super) fn new(number: i32) -> Self {
        Self { number, world: world().expect("a simulated machine gives numbers while it is there").number() }
    }
}

impl Drop for SimulatedFd {
    fn drop(&mut self) {
        // With its machine it is gone already.
        if let Some(world) = world().filter(|world| world.number() == self.world) {
            world.close(self.number);
        }
    }
}

impl Fd {
    pub(super) fn raw(&self) -> RawFd {
        match self {
            Self::Real(fd) => fd.as_raw_fd(),
            Self::Simulated(fd) => fd.number,
        }
    }

    /// The simulated machine it is of, if it is of one.
    #[inline]
    pub(super) fn world(&self) -> Option<Rc<World>> {
        match self {
            Self::Real(_) => None,
            Self::Simulated(fd) => {
                let world = world().filter(|world| world.number() == fd.world);
                Some(world.expect("a simulated descriptor is used in its own simulation"))
            }
        }
    }

    /// Its number was given up to whoever closes it.
    pub(super) fn forget(self) {
        match self {
            Self::Real(fd) => drop(fd.into_raw_fd()),
            #[expect(clippy::mem_forget, reason = "its drop would close the number once more")]
            Self::Simulated(fd) => std::mem::forget(fd),
        }
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Real(fd) => Ok(Self::Real(fd.try_clone()?)),
            Self::Simulated(fd) => {
                let world = self.world().expect("it is simulated");
                world.duplicate(fd.number).map(|number| Self::Simulated(SimulatedFd::new(number)))
            }
        }
    }

    /// A file that the simulated machine has opened.
    pub(super) fn simulated(opened: io::Result<i32>) -> io::Result<Self> {
        opened.map(|number| Self::Simulated(SimulatedFd::new(number)))
    }

    /// A listening socket of the simulated machine, and its address, if the thread is in one.
    pub(super) fn listen(
        address: Address,
        backlog: u32,
        sharing: PortSharing,
    ) -> Option<io::Result<(Self, Address)>> {
        let listened = world()?.listen(address, backlog, sharing);
        Some(listened.map(|(number, address)| (Self::Simulated(SimulatedFd::new(number)), address)))
    }

    /// A socket of the simulated machine that can connect to `address`, if the thread is in one.
    pub(super) fn socket_for(address: &Address) -> Option<io::Result<Self>> {
        let made = world()?.socket_for(address);
        Some(made.map(|number| Self::Simulated(SimulatedFd::new(number))))
    }
}

#[cfg(test)]
impl Fd {
    /// The process's own descriptor in it.
    pub(super) fn into_real(self) -> OwnedFd {
        match self {
            Self::Real(fd) => fd,
            Self::Simulated(fd) => panic!("{fd:?} is no descriptor of the process"),
        }
    }
}
