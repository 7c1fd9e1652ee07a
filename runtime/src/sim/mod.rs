//! A machine in memory: sockets, files, a clock that jumps, faults, all from one seed and on one thread.
//!
//! In: a seed, and what is to run. Out: the same run for the same seed, to the byte. It stands below `runtime::sys`, in
//! the kernel's place: everything above runs unchanged in it, and does not know. While a thread is in a simulation
//! ([`Simulation::new`]), listeners bound on it are the simulated machine's, a [`Runtime`](crate::Runtime) started on
//! it has its workers here, and clocks and random bits are the seed's.
//!
//! In order: this file, `simulation`, `peer` and `disk` (for those outside), `world` (what there is, and what happens
//! next), `rings` and `life` (workers), `sockets` and `file_calls` (system calls), `descriptors`, `opening` and `places`
//! (how connections begin), `wire` (what is on its way), `stream` (their ends), `file_lookup` and `file_tree` (files),
//! `dice`, `faults`, `mistakes`, `trace`.

mod descriptors;
mod dice;
mod disk;
mod faults;
mod file_calls;
mod file_lookup;
mod file_tree;
mod life;
mod mistakes;
mod opening;
mod peer;
mod places;
mod rings;
mod simulation;
mod sockets;
mod stream;
mod trace;
mod wire;
mod world;

pub use dice::Dice;
pub use disk::Disk;
pub use faults::{FAULTS, Fault, FaultRates};
pub(crate) use file_calls::{Name, NameKind};
pub(crate) use life::{Life, Next};
pub(crate) use opening::{Answering, BACKLOG_MAX};
pub use peer::{Peer, PeerEnd};
pub(crate) use rings::{Message, Reached, TakenOn};
pub use simulation::{Happening, Simulation, SimulationOptions, WorkerDeath};
pub(crate) use stream::{Opening, Refusal};
pub use trace::Keeping;
pub(crate) use world::{World, world};
