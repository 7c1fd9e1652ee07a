//! A server of one worker on the simulated machine, with clients of the same thread: minutes pass in milliseconds, and nothing
//! depends on how busy this machine is.
//!
//! Whatever waits (a read, a write, a stop) lets the machine's events happen meanwhile.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge_http::{
    Application, CloseReason, Control, ExchangeRecord, Observer, Server, ServerOptions, WorkerApplication,
};
use selvedge_runtime::sim::{Disk, FaultRates, Happening, Peer, PeerEnd, Simulation, SimulationOptions};
use selvedge_runtime::{BufferPool, BufferUsage, Pinning, WatchdogSetting, Worker, timer};

use super::client::Client;

/// A deadline is seen by a wheel that ticks every 100 ms, and what is sent is on its way for 50 ms at most.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// Octets that a client's buffers hold, each way, unless it is a narrow one.
const BUFFER_BYTES: usize = 64 * 1024;

pub(crate) struct SimulatedServer {
    simulation: Rc<Simulation>,
    server: Option<Server>,
    control: Control,
    address: SocketAddr,
    records: Arc<Mutex<Vec<ExchangeRecord>>>,
}

impl SimulatedServer {
    /// A server on a machine without faults.
    pub(crate) fn start<A: Application>(
        options: ServerOptions,
        factory: impl Fn(&Worker) -> A + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(1, |_| (), options, factory)
    }

    /// A server on the machine of `seed`, without faults, that `prepare` has made ready: its disk, mostly.
    pub(crate) fn start_on<A: Application>(
        seed: u64,
        prepare: impl FnOnce(&Simulation),
        options: ServerOptions,
        factory: impl Fn(&Worker) -> A + Send + Sync + 'static,
    ) -> Self {
        let calm = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
        let simulation = Simulation::new(seed, calm);
        prepare(&simulation);
        Self::start_in(simulation, options, factory)
    }

    /// A server on that machine.
    pub(crate) fn start_in<A: Application>(
        simulation: Simulation,
        options: ServerOptions,
        factory: impl Fn(&Worker) -> A + Send + Sync + 'static,
    ) -> Self {
        let simulation = Rc::new(simulation);
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let records = Arc::new(Mutex::new(Vec::new()));
        let records_there = Arc::clone(&records);
        let server = Server::builder()
            .listen(address)
            .workers(1)
            .options(options)
            .runtime(|runtime| runtime.pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
            .start(move |worker: &Worker| {
                let records = Arc::clone(&records_there);
                let observer: Observer = Rc::new(move |record, _| {
                    records.lock().expect("no holder panics").push(*record);
                });
                WorkerApplication { observer: Some(observer), ..factory(worker).into() }
            })
            .expect("a simulated machine has all it needs");
        let control = server.control().clone();
        Self { simulation, server: Some(server), control, address, records }
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    pub(crate) fn connect(&self) -> Client<Wire> {
        self.connect_narrow(BUFFER_BYTES)
    }

    /// With a receive buffer of so many octets.
    pub(crate) fn connect_narrow(&self, bytes: usize) -> Client<Wire> {
        let peer = self.simulation.connect(self.address, BUFFER_BYTES, bytes).expect("it listens");
        Client::over(Wire { peer, simulation: Rc::clone(&self.simulation) })
    }

    /// A client that waits for nothing by itself, with buffers of so many octets.
    pub(crate) fn connect_peer(&self, send_bytes: usize, receive_bytes: usize) -> Peer {
        self.simulation.connect(self.address, send_bytes, receive_bytes).expect("it listens")
    }

    pub(crate) fn disk(&self) -> Disk {
        self.simulation.disk()
    }

    /// What has happened since this was last asked, in lines, on a machine that keeps them.
    pub(crate) fn take_trace(&self) -> Vec<String> {
        self.simulation.take_trace()
    }

    /// The simulated time since the machine's start.
    pub(crate) fn now(&self) -> Duration {
        self.simulation.elapsed()
    }

    /// Lets so much time pass.
    pub(crate) fn pass(&self, time: Duration) {
        let number = u64::try_from(self.now().as_nanos()).expect("a run is short");
        self.simulation.alarm(time, number);
        while self.simulation.next().expect("the alarm is still to come") != Happening::Alarm(number) {}
    }

    /// Lets the time pass up to a tick of the wheel before `due`: the connection is open then. Returns what has come.
    pub(crate) fn expect_open_until(&self, client: &mut Client<Wire>, due: Duration) -> Vec<u8> {
        self.pass(due - timer::TICK - self.now());
        let (received, end) = client.take_received();
        assert_eq!(end, PeerEnd::Open);
        received
    }

    /// Lets events happen until it is so.
    pub(crate) fn wait_until(&self, mut is_so: impl FnMut() -> bool) {
        while !is_so() {
            assert!(self.simulation.next().is_some(), "nothing happens any more");
        }
    }

    /// Lets events happen until the worker holds no lease and no connection has a place.
    pub(crate) fn wait_until_at_rest(&self) {
        self.wait_until(|| self.control.intake().open().iter().sum::<u64>() == 0);
        let usage = self.usage();
        assert_eq!((usage.receive_leases, usage.block_leases), (0, 0));
    }

    pub(crate) fn usage(&self) -> BufferUsage {
        self.on_worker(BufferPool::usage)
    }

    /// Runs `job` on the worker and returns what it found.
    pub(crate) fn on_worker<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let result = Arc::new(Mutex::new(None));
        let there = Arc::clone(&result);
        let job = move || *there.lock().expect("no holder panics") = Some(job());
        let server = self.server.as_ref().expect("it runs");
        server.running().handle().run_on(0, job).expect("the worker takes a job");
        let mut found = None;
        self.wait_until(|| {
            found = found.take().or_else(|| result.lock().expect("no holder panics").take());
            found.is_some()
        });
        found.expect("waited for")
    }

    /// Stops, waits for the drain's end, and returns how long it took.
    pub(crate) fn stop(&mut self) -> Duration {
        let begun = self.now();
        self.control.stop();
        self.server.take().expect("stopped once").join();
        self.now() - begun
    }

    pub(crate) fn closes(&self, reason: CloseReason) -> u64 {
        self.control.figures(0).closes(reason)
    }

    /// Statuses in the order of the exchanges' ends, 0 where there was no answer.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.records.lock().expect("no holder panics").iter().map(super::status).collect()
    }
}

impl Drop for SimulatedServer {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.control.stop();
            if !std::thread::panicking() {
                server.join();
            }
        }
    }
}

/// A client's end of a simulated connection, as a stream that blocks.
pub(crate) struct Wire {
    peer: Peer,
    simulation: Rc<Simulation>,
}

impl Wire {
    /// Whether a reset has come, whatever is still to be read.
    pub(crate) fn is_reset(&self) -> bool {
        self.peer.is_reset()
    }

    /// Lets something happen.
    fn wait(&self) -> io::Result<()> {
        match self.simulation.next() {
            Some(_) => Ok(()),
            None => Err(io::Error::new(ErrorKind::TimedOut, "nothing happens any more")),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut received = Vec::new();
        loop {
            let end = self.peer.receive(&mut received, room.len());
            if !received.is_empty() {
                room[..received.len()].copy_from_slice(&received);
                return Ok(received.len());
            }
            match end {
                PeerEnd::Open => self.wait()?,
                PeerEnd::Ended => return Ok(0),
                PeerEnd::Reset => return Err(ErrorKind::ConnectionReset.into()),
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if self.peer.is_reset() {
                return Err(ErrorKind::ConnectionReset.into());
            }
            match self.peer.send(bytes) {
                0 => self.wait()?,
                sent => return Ok(sent),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Client<Wire> {
    /// What has come so far, and how the connection stands.
    pub(crate) fn take_received(&mut self) -> (Vec<u8>, PeerEnd) {
        let mut received = self.take_ahead();
        let end = self.stream().peer.receive(&mut received, usize::MAX);
        (received, end)
    }

    /// Whether a reset has come, whatever is still to be read.
    pub(crate) fn is_reset(&self) -> bool {
        self.stream().is_reset()
    }
}
