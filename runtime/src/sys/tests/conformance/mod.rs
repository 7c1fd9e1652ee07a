//! Ops and outcomes, case by case, on the real kernel and on the simulated one, both ends being this kernel's: where
//! they differ, the simulator is wrong. What needs an ordinary program at the other end is in
//! `runtime/tests/conformance.rs`.

mod accepting;
mod connecting;
mod ends;
mod receiving;
mod unix;

use std::path::PathBuf;

use super::*;
use crate::sim::{FaultRates, Happening, Simulation, SimulationOptions};
use crate::sys::chunk::Chunk;
use crate::sys::socket::More;

type Case = fn(&mut Bench);

/// The table: op by outcome.
fn cases() -> impl Iterator<Item = (&'static str, Case)> {
    let parts = [accepting::CASES, receiving::CASES, connecting::CASES, ends::CASES, unix::CASES];
    parts.into_iter().flatten().copied()
}

#[test]
fn the_real_kernel_does_what_the_table_says() {
    for (name, case) in cases() {
        println!("{name}");
        case(&mut Bench::new(None));
    }
}

#[test]
fn the_simulated_kernel_does_what_the_table_says() {
    for seed in 0..20 {
        for (name, case) in cases() {
            println!("{name}, seed {seed}");
            let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
            case(&mut Bench::new(Some(Simulation::new(seed, options))));
        }
    }
}

/// Receive buffers of a bench, and the size of each in bytes: few, so that a case can hold all of them.
const BUFFERS: u16 = 4;
const BUFFER_BYTES: usize = 64;

/// A kernel, real or simulated.
struct Bench {
    machine: Machine,
    /// Directories of its own for Unix sockets.
    directory: Option<PathBuf>,
    // Last: descriptors are closed while it is there.
    simulation: Option<Simulation>,
}

impl Bench {
    fn new(simulation: Option<Simulation>) -> Self {
        let limits = KernelLimits {
            receive_buffers: BUFFERS,
            receive_buffer_bytes: BUFFER_BYTES,
            ..KernelLimits::default()
        };
        let doorbell = Doorbell::new().unwrap();
        let kernel = Kernel::new(&limits, &doorbell).unwrap();
        let machine = Machine { kernel, reaped: Reaped::default(), doorbell };
        Self { machine, directory: None, simulation }
    }

    /// Turns, and lets happen what may, until `ready` gives something.
    fn until<T>(&mut self, what: &str, mut ready: impl FnMut(&mut Machine) -> Option<T>) -> T {
        let Some(simulation) = &self.simulation else { return self.machine.until(what, ready) };
        loop {
            self.machine.turn();
            if let Some(value) = ready(&mut self.machine) {
                return value;
            }
            if simulation.next().is_none() {
                // What the last event has brought, and what follows from that.
                self.machine.turn();
                self.machine.turn();
                return ready(&mut self.machine).unwrap_or_else(|| panic!("{what} never comes"));
            }
        }
    }

    // ---- listeners and connections ----

    fn listening(&self, backlog: u32) -> (Listening, Address) {
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        let listening = Listening::bind_ip(any_port, backlog, PortSharing::Exclusive).unwrap();
        let address = listening.address().clone();
        (listening, address)
    }

    fn accept(&mut self, listening: Listening, batch: AcceptBatch) -> OpId {
        let listener = self.machine.kernel.adopt_listening(listening);
        self.machine.kernel.submit(Op::Accept { listener, accepted: VecDeque::new(), batch })
    }

    fn next_accepted(&mut self, id: OpId) -> Result<Socket, i32> {
        self.until("a connection", |machine| match machine.kernel.poll_accepted(id, Waiter::Nobody) {
            Poll::Ready(accepted) => Some(accepted.map(|accepted| machine.kernel.adopt(accepted))),
            Poll::Pending => None,
        })
        .map_err(|error| error.raw_os_error().unwrap())
    }

    fn start_connect(&mut self, address: &Address) -> OpId {
        let op = self.machine.kernel.connecting(address).unwrap();
        self.machine.kernel.submit(op)
    }

    fn connected(&mut self, id: OpId) -> Result<Socket, i32> {
        let outcome = self.outcome(id);
        let Op::Connect { socket, .. } = outcome.op else { panic!("a connect comes back as what it was") };
        outcome.result.map(|_| socket).map_err(|error| error.raw_os_error().unwrap())
    }

    fn connect(&mut self, address: &Address) -> Result<Socket, i32> {
        let id = self.start_connect(address);
        self.connected(id)
    }

    /// Two ends of a connection: who connected, who accepted.
    fn pair_at(&mut self, listening: Listening) -> (Socket, Socket) {
        let ops_before = self.machine.kernel.ops();
        let address = listening.address().clone();
        let accept = self.accept(listening, AcceptBatch::One);
        let client = self.connect(&address).unwrap();
        let server = self.next_accepted(accept).unwrap();
        self.machine.kernel.release(accept);
        self.until("the listener's end", |machine| (machine.kernel.ops() == ops_before).then_some(()));
        (client, server)
    }

    fn pair(&mut self) -> (Socket, Socket) {
        let (listening, _) = self.listening(16);
        self.pair_at(listening)
    }

    /// A path for a Unix socket that nobody else uses.
    fn path(&mut self) -> PathBuf {
        static PATHS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = PATHS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("selvedge-conformance-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        if self.simulation.is_none() {
            std::fs::create_dir(&directory).unwrap();
        }
        self.directory = Some(directory.clone());
        directory.join("socket")
    }

    fn unix_pair(&mut self) -> (Socket, Socket) {
        let path = self.path();
        self.pair_at(Listening::bind_unix(&path, 0o600, 16).unwrap())
    }

    // ---- octets ----

    fn outcome(&mut self, id: OpId) -> Outcome {
        self.until("an outcome", |machine| match machine.kernel.poll(id, Waiter::Nobody) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        })
    }

    fn send(&mut self, socket: &Socket, octets: usize) -> Result<u32, i32> {
        let op = self.machine.kernel.sending(socket, Chunk::from(vec![7; octets]), More::Nothing);
        let id = self.machine.kernel.submit(op);
        self.outcome(id).result.map_err(|error| error.raw_os_error().unwrap())
    }

    /// Sends until nothing more is taken on the whole way to who does not read; how much was.
    fn fill(&mut self, socket: &Socket) -> usize {
        let mut octets = 0;
        let mut idle_turns = 0;
        while idle_turns < 3 {
            match socket.send_now(&[7; 10_000], More::Nothing) {
                Ok(more) => (octets, idle_turns) = (octets + more, 0),
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                    idle_turns += 1;
                    self.let_pass();
                }
            }
        }
        octets
    }

    /// Lets what is on its way arrive.
    fn let_pass(&mut self) {
        match &self.simulation {
            Some(simulation) => simulation.run_while(|| true),
            None => self.machine.turn_waiting(Wait::AtMost(Duration::from_millis(20))),
        }
        self.machine.turn();
    }

    /// The same, though more would happen by itself in the end.
    fn let_a_while_pass(&mut self) {
        if let Some(simulation) = &self.simulation {
            simulation.alarm(Duration::from_millis(500), 0);
            while simulation.next().expect("the alarm is still to come") != Happening::Alarm(0) {}
            return self.machine.turn();
        }
        self.let_pass();
    }

    fn next_received(&mut self, id: OpId) -> Result<Option<Lease>, i32> {
        match self.until("a receive", |machine| match machine.kernel.poll_received(id, Waiter::Nobody) {
            Poll::Ready(received) => Some(received),
            Poll::Pending => None,
        }) {
            Received::Data(lease) => Ok(Some(lease)),
            Received::End => Ok(None),
            Received::Failed(error) => Err(error.raw_os_error().unwrap()),
        }
    }

    /// All that a receive brings until its end or failure: how many octets, and how that was.
    fn all_received(&mut self, id: OpId) -> (usize, Result<(), i32>) {
        let mut octets = 0;
        loop {
            match self.next_received(id) {
                Ok(Some(lease)) => octets += lease.len(),
                Ok(None) => return (octets, Ok(())),
                Err(error) => return (octets, Err(error)),
            }
        }
    }

    /// The same for a receive of one's own.
    fn read(&mut self, socket: &Socket) -> (usize, Result<(), i32>) {
        let id = self.machine.receive(socket);
        let read = self.all_received(id);
        self.machine.kernel.release(id);
        read
    }

    /// So many octets, and no end behind them.
    fn read_exactly(&mut self, socket: &Socket, octets: usize) {
        let id = self.machine.receive(socket);
        let mut read = 0;
        while read < octets {
            read += self.next_received(id).unwrap().expect("it has not ended").len();
        }
        assert_eq!(read, octets);
        self.machine.kernel.release(id);
    }

    /// Octets and an end, one way and then the other.
    fn octets_both_ways(&mut self, client: &Socket, server: &Socket) {
        for (from, to) in [(client, server), (server, client)] {
            let id = self.machine.receive(to);
            assert_eq!(self.send(from, 100), Ok(100));
            from.shutdown_write().unwrap();
            assert_eq!(self.all_received(id), (100, Ok(())));
            self.machine.kernel.release(id);
        }
    }

    /// Waits until a receive has found no buffer.
    fn until_starved(&mut self, before: u64) {
        self.until("want of a buffer", |machine| {
            (machine.kernel.figures().starvations > before).then_some(())
        });
    }

    /// All receive buffers, with octets in them: as long as they are held, nobody else gets one.
    fn all_buffers(&mut self) -> Vec<Lease> {
        let ops_before = self.machine.kernel.ops();
        let (from, to) = self.pair();
        let id = self.machine.receive(&to);
        let mut leases = Vec::new();
        while leases.len() < usize::from(BUFFERS) {
            self.send(&from, BUFFER_BYTES).unwrap();
            leases.push(self.next_received(id).unwrap().expect("it has not ended"));
        }
        self.machine.kernel.release(id);
        self.until("its end", |machine| (machine.kernel.ops() == ops_before).then_some(()));
        leases
    }

    fn starvations(&self) -> u64 {
        self.machine.kernel.figures().starvations
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let at_rest = self.machine.kernel.shut_down(&mut Reaped::default());
        assert!(at_rest == AtRest::Yes || std::thread::panicking(), "an op does not end");
        if let (Some(directory), None) = (&self.directory, &self.simulation) {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// How a receive or a send ends, by its number.
fn failed<T>(error: i32) -> Result<T, i32> {
    Err(error)
}
