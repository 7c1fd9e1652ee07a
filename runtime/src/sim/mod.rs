//! A machine in memory: sockets, a clock that jumps, faults, all from one seed and on one thread.
//!
//! In: a seed, and what is to run. Out: the same run for the same seed, to the byte. It stands below `runtime::sys`, in the
//! kernel's place: everything above runs unchanged in it, and does not know. While a thread is in a simulation
//! ([`Simulation::new`]), listeners bound on it are the simulated machine's, a [`Runtime`](crate::Runtime) started on it has its
//! workers here, and clocks and random bits are the seed's.
//!
//! In order: this file, `world` (what there is, and what happens next), `stream` (connections), `dice`, `faults`, `trace`.

mod dice;
mod faults;
mod peer;
mod simulation;
mod stream;
mod trace;
mod world;

pub use dice::Dice;
pub use faults::{FAULTS, Fault, FaultRates};
pub use peer::{Peer, PeerEnd};
pub(crate) use simulation::Life;
pub use simulation::{Happening, Simulation, SimulationOptions};
pub(crate) use stream::Refusal;
pub use trace::Keeping;
pub(crate) use world::{Next, World, world};
