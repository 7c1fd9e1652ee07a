//! Descriptors: of this process, or of the simulated machine. A raw number never leaves this module's parent.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use crate::sim::{World, world};

/// An open descriptor; dropped, it is closed.
#[derive(Debug)]
pub(crate) enum Fd {
    /// The process's.
    Real(OwnedFd),
    /// The simulated machine's, while the thread is in a simulation.
    Simulated(SimulatedFd),
}

/// A number that the simulated machine gave.
#[derive(Debug)]
pub(crate) struct SimulatedFd(i32);

impl SimulatedFd {
    pub(super) fn new(number: i32) -> Self {
        Self(number)
    }
}

impl Drop for SimulatedFd {
    fn drop(&mut self) {
        if let Some(world) = world() {
            world.close(self.0);
        }
    }
}

impl Fd {
    pub(super) fn raw(&self) -> RawFd {
        match self {
            Self::Real(fd) => fd.as_raw_fd(),
            Self::Simulated(fd) => fd.0,
        }
    }

    /// The simulated machine it is of, if it is of one.
    #[inline]
    pub(super) fn world(&self) -> Option<Rc<World>> {
        match self {
            Self::Real(_) => None,
            Self::Simulated(_) => Some(world().expect("a simulated descriptor is used in its simulation")),
        }
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Real(fd) => Ok(Self::Real(fd.try_clone()?)),
            Self::Simulated(fd) => {
                let world = self.world().expect("it is simulated");
                Ok(Self::Simulated(SimulatedFd(world.duplicate(fd.0))))
            }
        }
    }

    /// A listening socket of the simulated machine, if the thread is in one.
    pub(super) fn listen(address: SocketAddr, backlog: u32) -> Option<io::Result<(Self, SocketAddr)>> {
        let listened = world()?.listen(address, backlog);
        Some(listened.map(|(number, address)| (Self::Simulated(SimulatedFd(number)), address)))
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
