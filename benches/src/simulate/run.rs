//! One run: a server, its clients, and what must be true at the end.

use std::net::SocketAddr;
use std::time::Duration;

use selvedge_http::{AcceptPolicy, Server};
use selvedge_runtime::sim::{Dice, Fault, FaultRates, Happening, Keeping, Simulation, SimulationOptions};
use selvedge_runtime::{Pinning, WatchdogSetting, WorkerLimits};

use super::application::application;
use super::client::{Client, Outcome};

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) clients: usize,
    pub(super) requests: usize,
}

/// What a run has brought.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) hash: u64,
    pub(super) failures: Vec<String>,
    pub(super) figures: Figures,
    pub(super) faults: Vec<(&'static str, Fault, u64)>,
    pub(super) trace: Vec<String>,
}

/// How many of what there were.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Figures {
    whole: u64,
    cut: u64,
    left: u64,
    evictions: u64,
    simulated_s: u64,
}

impl Figures {
    pub(super) fn add(&mut self, other: &Self) {
        self.whole += other.whole;
        self.cut += other.cut;
        self.left += other.left;
        self.evictions += other.evictions;
        self.simulated_s += other.simulated_s;
    }
}

/// No run takes so long in simulated time: the longest deadline is an idle connection's 75 s.
const LIMIT: Duration = Duration::from_secs(900);
/// No run has so many events by far.
const EVENTS_MAX: u64 = 1_000_000;
/// What the drain may take, and a little for the last turns.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Alarms of clients that come: their numbers follow.
const COMES: u64 = 1 << 32;
/// The alarm at which the server is told to stop.
const STOPS: u64 = 1 << 33;

/// Runs `seed`.
pub(super) fn run(seed: u64, size: Size, trace: Keeping) -> Done {
    let mut dice = Dice::new(seed ^ 0x5e1f_ed9e);
    let mut faults = match seed % 4 {
        0 => FaultRates::NONE,
        _ => FaultRates::USUAL,
    };
    // Three quarters of the runs know no fault that ends a connection: there every client that behaves is served whole.
    let is_strict = seed % 4 != 3;
    if is_strict {
        faults.set(Fault::SendWithoutMemory, 0);
        faults.set(Fault::AcceptAborted, 0);
    }
    let simulation = Simulation::new(seed, SimulationOptions { faults, trace });
    let workers = dice.within(1..=4) as usize;
    let policy = *dice.pick(&[AcceptPolicy::Shared, AcceptPolicy::Dedicated, AcceptPolicy::ReusePort]);
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = *dice.pick(&[64, 256]);
    limits.kernel.file_blocks = 2;
    let address = SocketAddr::from(([127, 0, 0, 1], 8_080));
    let server = Server::builder()
        .listen(address)
        .workers(workers)
        .accept(policy)
        .connections_max(if dice.below(4) == 0 { size.clients / 2 } else { 10_000 })
        .runtime(|runtime| runtime.limits(limits).pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
        .start(|_| application())
        .expect("a simulated machine has all it needs");
    let control = server.control().clone();
    let mut clients: Vec<Client> =
        (0..size.clients).map(|number| Client::new(number, size.requests, &mut dice)).collect();
    for client in &clients {
        simulation.alarm(Duration::from_micros(dice.below(2_000_000)), COMES + client.number as u64);
    }
    // In some runs the server stops in the midst of it.
    let stops_early = dice.below(5) == 0;
    if stops_early {
        simulation.alarm(Duration::from_micros(dice.below(3_000_000)), STOPS);
    }
    let mut failures = Vec::new();
    let mut by_connection: Vec<Option<usize>> = Vec::new();
    let mut events = 0_u64;
    let mut look_at = 0;
    while failures.is_empty() {
        // The first that is not over yet is the last but few as a rule, so that hardly any is looked at twice.
        while clients.get(look_at).is_some_and(|client: &Client| client.outcome.is_some()) {
            look_at += 1;
        }
        if look_at == clients.len() {
            break;
        }
        events += 1;
        if simulation.elapsed() > LIMIT || events > EVENTS_MAX {
            failures.push(format!("not over after {:?} and {events} events", simulation.elapsed()));
            break;
        }
        let gone_on = match simulation.next() {
            None => {
                failures.push("nothing happens any more".to_owned());
                break;
            }
            Some(Happening::Nothing) => Ok(()),
            Some(Happening::Peer(connection)) => match by_connection.get(connection).copied().flatten() {
                Some(number) => clients[number].go_on(&simulation),
                None => Ok(()),
            },
            Some(Happening::Alarm(STOPS)) => {
                control.stop();
                clients.iter_mut().for_each(Client::server_stops);
                Ok(())
            }
            Some(Happening::Alarm(number @ COMES..)) => {
                let number = (number - COMES) as usize;
                let buffers = (dice.within(200..=100_000) as usize, dice.within(200..=100_000) as usize);
                let peer = simulation.connect(address, buffers.0, buffers.1);
                if let Some(peer) = &peer {
                    by_connection.resize((peer.number() + 1).max(by_connection.len()), None);
                    by_connection[peer.number()] = Some(number);
                }
                clients[number].connect(&simulation, peer);
                clients[number].tick(&simulation)
            }
            Some(Happening::Alarm(number)) => clients[number as usize].tick(&simulation),
        };
        failures.extend(gone_on.err());
    }
    let unfinished = clients.iter().filter(|client| client.outcome.is_none());
    if !failures.is_empty() {
        failures.extend(unfinished.take(5).map(Client::state));
    }
    let count = |outcome| clients.iter().filter(|client| client.outcome == Some(outcome)).count() as u64;
    let counters = |number: usize| server.running().handle().counters(number).evictions.get();
    let mut figures = Figures {
        whole: count(Outcome::Whole),
        cut: count(Outcome::Cut),
        left: count(Outcome::Left),
        evictions: (0..workers).map(counters).sum(),
        simulated_s: 0,
    };
    if is_strict && !stops_early && figures.evictions == 0 && failures.is_empty() {
        let cut = clients.iter().filter(|client| client.is_benign() && client.outcome == Some(Outcome::Cut));
        failures.extend(cut.map(|client| format!("cut off: {}", client.state())));
    }
    let panics: u64 =
        (0..workers).map(|number| server.running().handle().counters(number).panics.get()).sum();
    if panics > 0 {
        failures.push(format!("{panics} panics"));
    }
    drop(clients);
    let stopped_at = simulation.elapsed();
    control.stop();
    simulation.run_while(|| {
        events += 1;
        simulation.workers() > 0 && simulation.elapsed() < stopped_at + LIMIT && events < EVENTS_MAX
    });
    let took = simulation.elapsed() - stopped_at;
    if simulation.workers() > 0 || took > STOP_LIMIT {
        failures.push(format!("the stop took {took:?}, {} workers are left", simulation.workers()));
    }
    figures.simulated_s = simulation.elapsed().as_secs();
    if simulation.workers() == 0 {
        server.join();
    }
    if simulation.descriptors_open() > 0 {
        failures.push(format!("{} descriptors are open at the end", simulation.descriptors_open()));
    }
    failures.extend(simulation.take_leaks());
    Done {
        hash: simulation.trace_hash(),
        failures,
        figures,
        faults: simulation.faults(),
        trace: simulation.take_trace(),
    }
}
