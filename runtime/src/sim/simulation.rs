//! A run: who is in it, and its events one after the other.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::disk::Disk;
use super::faults::{Fault, FaultRates};
use super::peer::Peer;
use super::trace::Keeping;
use super::world::World;
use crate::sys::Address;

/// What a simulation is like.
///
/// ```
/// use selvedge_runtime::sim::{FaultRates, SimulationOptions};
///
/// let calm = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
/// assert_eq!(calm.faults, FaultRates::NONE);
/// ```
#[derive(Debug, Clone)]
pub struct SimulationOptions {
    /// How often which fault happens.
    pub faults: FaultRates,
    /// What is kept of the trace.
    pub trace: Keeping,
}

/// What becomes of a worker's panic outside any task: in its main future, or in the runtime.
///
/// ```
/// use selvedge_runtime::sim::{Simulation, SimulationOptions, WorkerDeath};
/// use selvedge_runtime::{Runtime, StartError};
///
/// # fn main() -> Result<(), StartError> {
/// let simulation = Simulation::new(1, SimulationOptions::default());
/// simulation.set_worker_death(WorkerDeath::EndsProcess);
/// let running = Runtime::builder().workers(2).build()?.start(|worker| async move {
///     assert_eq!(worker.index(), 0, "the other one dies");
///     worker.stopped().await;
/// })?;
/// // And takes all of them along, as it does outside a simulation.
/// assert_eq!(simulation.workers(), 0);
/// assert!(simulation.take_deaths()[0].contains("the other one dies"));
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerDeath {
    /// It goes on to whoever lets events happen: a test's failed assertion fails the test.
    Panics,
    /// It ends the process with all its workers, as that of a real worker does; see [`Simulation::kill`].
    EndsProcess,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self { faults: FaultRates::USUAL, trace: Keeping::Hash }
    }
}

/// What an event was, for those outside.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_runtime::sim::{Happening, Simulation, SimulationOptions};
///
/// let simulation = Simulation::new(1, SimulationOptions::default());
/// simulation.alarm(Duration::from_secs(3_600), 7);
/// // An hour in no time.
/// assert_eq!(simulation.next(), Some(Happening::Alarm(7)));
/// assert_eq!(simulation.next(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Something within the machine.
    Nothing,
    /// This peer may have something to read, room to send, or an end to see.
    Peer(usize),
    /// An alarm of this number.
    Alarm(u64),
}

/// A simulated machine, and the thread's only one while this lives. Dropped, it panics if the server has done what ends a run, or
/// kept what was lent to it, and nobody has asked ([`take_leaks`](Self::take_leaks)).
///
/// ```
/// use std::net::SocketAddr;
///
/// use selvedge_runtime::net::{Listening, PortSharing, Stream, TcpListener};
/// use selvedge_runtime::sim::{PeerEnd, Simulation, SimulationOptions};
/// use selvedge_runtime::{Runtime, StartError};
///
/// # fn main() -> Result<(), StartError> {
/// let simulation = Simulation::new(1, SimulationOptions::default());
/// let address = SocketAddr::from(([127, 0, 0, 1], 8_080));
/// // An echo, which knows nothing of the simulation.
/// let running = Runtime::builder().workers(1).build()?.start(move |_| async move {
///     let mut listener = TcpListener::bind(address).expect("nobody listens there");
///     let mut stream = listener.accept().await.expect("a client comes");
///     while let Ok(Some(lease)) = stream.receive().await {
///         stream.send(lease).await.expect("the client reads");
///     }
/// })?;
/// simulation.run_while(|| !simulation.is_listening(address));
/// let client = simulation.connect(address, 4_096, 4_096).expect("it listens");
/// client.send(b"hello");
/// client.shut_down_write();
/// let mut echoed = Vec::new();
/// simulation.run_while(|| client.receive(&mut echoed, 100) == PeerEnd::Open);
/// assert_eq!(echoed, b"hello");
/// running.join();
/// # Ok(())
/// # }
/// ```
pub struct Simulation {
    world: Rc<World>,
}

impl Simulation {
    /// Makes the calling thread one of the machine of `seed`.
    ///
    /// # Panics
    /// While it is in another one.
    pub fn new(seed: u64, options: SimulationOptions) -> Self {
        let world = World::new(seed, options);
        world.enter();
        Self { world }
    }

    /// Lets the next event happen; `None` when nothing will happen any more by itself.
    pub fn next(&self) -> Option<Happening> {
        self.world.next()
    }

    /// Lets events happen as long as `wanted` and there are any.
    pub fn run_while(&self, mut wanted: impl FnMut() -> bool) {
        while wanted() && self.next().is_some() {}
    }

    /// The simulated time since its start.
    pub fn elapsed(&self) -> Duration {
        self.world.elapsed()
    }

    /// Has [`Happening::Alarm`] come after a time.
    pub fn alarm(&self, after: Duration, number: u64) {
        self.world.alarm(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX / 2), number);
    }

    /// A client's connection from outside, with buffers of so many octets; `None` where nobody listens.
    pub fn connect(&self, address: SocketAddr, send_bytes: usize, receive_bytes: usize) -> Option<Peer> {
        self.connect_to(&Address::Ip(address), (send_bytes, receive_bytes))
    }

    /// As [`connect`](Self::connect), to the Unix socket at `path`; `None` also where its backlog is full.
    pub fn connect_unix(&self, path: &Path, send_bytes: usize, receive_bytes: usize) -> Option<Peer> {
        self.connect_to(&Address::Unix(path.to_path_buf()), (send_bytes, receive_bytes))
    }

    fn connect_to(&self, address: &Address, buffer_bytes: (usize, usize)) -> Option<Peer> {
        let connection = self.world.state().connect_peer(address, buffer_bytes)?;
        Some(Peer::new(Rc::clone(&self.world), connection))
    }

    /// Its disk, as other programs see it. The server's calls about files are about this one too.
    pub fn disk(&self) -> Disk {
        Disk::new(Rc::clone(&self.world))
    }

    /// Whether somebody listens there.
    pub fn is_listening(&self, address: SocketAddr) -> bool {
        self.world.state().places.listens(address)
    }

    /// Nobody answers at `address` from now on: who connects to it waits until ETIMEDOUT.
    pub fn silence(&self, address: SocketAddr) {
        self.world.state().places.silence(address);
    }

    /// What becomes of a worker's panic outside any task from now on; [`WorkerDeath::Panics`] at first.
    pub fn set_worker_death(&self, death: WorkerDeath) {
        self.world.worker_death.set(death);
    }

    /// Ends the process with all its workers at once (SIGKILL, or a worker's death): descriptors close, clients are
    /// told by their kernel, no code of the process runs but drops, which reach nothing. The machine goes on, and
    /// another server may be started.
    ///
    /// # Panics
    /// Within a worker.
    pub fn kill(&self) {
        crate::worker::with_current(|core| assert!(core.is_none(), "a process is killed from outside"));
        self.world.end_process();
    }

    /// Descriptors that are open.
    pub fn descriptors_open(&self) -> usize {
        self.world.descriptors_open()
    }

    /// Workers that have not ended.
    pub fn workers(&self) -> usize {
        self.world.living()
    }

    /// A number that equal runs have alike, and different ones hardly ever.
    pub fn trace_hash(&self) -> u64 {
        self.world.state().trace.hash()
    }

    /// What has happened, in lines, if they are kept.
    pub fn take_trace(&self) -> Vec<String> {
        self.world.state().trace.take_lines()
    }

    /// A line of one's own in the trace, if lines are kept.
    pub fn remark(&self, text: impl FnOnce() -> String) {
        self.world.remark(text);
    }

    /// What workers had not given back when they ended, and what the server did that ends a run: a descriptor used after
    /// its close or closed under an op, an op's slot freed under it, a worker that would wait for the disk. The first
    /// 100; also those whose panic was caught. What nobody has taken fails the test when this is dropped.
    pub fn take_leaks(&self) -> Vec<String> {
        self.world.mistakes.take()
    }

    /// What the workers said by whose death the process has ended ([`WorkerDeath::EndsProcess`]), one for each time.
    pub fn take_deaths(&self) -> Vec<String> {
        std::mem::take(&mut self.world.state().deaths)
    }

    /// Which faults have met which ops, and how often.
    pub fn faults(&self) -> Vec<(&'static str, Fault, u64)> {
        self.world.state().faults.iter().map(|(&(op, fault), &count)| (op, fault, count)).collect()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // Whatever a drop in there does, the thread is its own again.
        let _leaving = Leaving;
        drop(self.world.take_jobs());
        self.world.drop_lives();
        let mistakes = self.take_leaks();
        assert!(mistakes.is_empty() || std::thread::panicking(), "{}", mistakes.join("; "));
    }
}

/// Dropped, it ends the thread's simulation.
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        World::leave();
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}
