//! What one connection may do in one turn of its worker, so that others have theirs: on a simulated machine, where a worker's
//! turns are the only thing that takes place.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selvedge_http::{Request, Response, Server};
use selvedge_runtime::sim::{FaultRates, Peer, PeerEnd, Simulation, SimulationOptions};
use selvedge_runtime::{Counters, Pinning, WatchdogSetting};

/// Answers of one connection in one turn (`connection/exchange.rs`).
const ANSWERS_PER_TURN_MAX: u64 = 32;
/// Rounds of a streamed body in one turn (`connection/stream.rs`), each of which fills its queue once.
const ROUNDS_PER_TURN_MAX: u64 = 16;
const QUEUE_BYTES: u64 = 64 * 1024;
/// Octets of one piece that the endless body is written in.
const PIECE_BYTES: u64 = 16 * 1024;

/// What a greedy connection had in each turn in which it had something, and the turns in which the modest one was answered.
#[derive(Debug, Default)]
struct Ledger {
    answers: Vec<(u64, u64)>,
    octets: Vec<(u64, u64)>,
    modest: Vec<u64>,
}

impl Ledger {
    fn add(entries: &mut Vec<(u64, u64)>, turn: u64, amount: u64) {
        match entries.last_mut() {
            Some((last, sum)) if *last == turn => *sum += amount,
            _ => entries.push((turn, amount)),
        }
    }

    fn most(entries: &[(u64, u64)]) -> u64 {
        entries.iter().map(|(_, amount)| *amount).max().unwrap_or(0)
    }
}

struct Machine {
    simulation: Simulation,
    server: Option<Server>,
    address: SocketAddr,
    ledger: Arc<Mutex<Ledger>>,
}

impl Machine {
    /// A server of one worker. `/endless` is a body without end, `/modest` is noted, the rest is a text.
    fn new(seed: u64) -> Self {
        let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
        let simulation = Simulation::new(seed, options);
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let ledger = Arc::<Mutex<Ledger>>::default();
        let there = Arc::clone(&ledger);
        let server = Server::builder()
            .listen(address)
            .workers(1)
            .runtime(|runtime| runtime.pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
            .start(move |worker| {
                let (ledger, counters) = (Arc::clone(&there), Arc::clone(worker.counters()));
                async move |request: Request<'_>| answer(request, &ledger, &counters)
            })
            .expect("a simulated machine has all it needs");
        Self { simulation, server: Some(server), address, ledger }
    }

    fn connect(&self) -> Peer {
        self.simulation.connect(self.address, 1 << 20, 1 << 20).expect("it listens")
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        locked(&self.ledger)
    }

    /// Lets `greedy` go on, reading all it gets, until `modest` has had `answers` answers, one after the other. Returns the
    /// longest time of one.
    fn run(&self, greedy: &Greedy, answers: usize) -> Duration {
        let modest = self.connect();
        let mut longest = Duration::ZERO;
        for _ in 0..answers {
            let begun = self.simulation.elapsed();
            assert!(modest.send(b"GET /modest HTTP/1.1\r\nHost: a\r\n\r\n") > 0);
            let mut received = Vec::new();
            self.simulation.run_while(|| {
                greedy.go_on();
                assert_eq!(modest.receive(&mut received, 1 << 16), PeerEnd::Open);
                !received.ends_with(b"modest")
            });
            longest = longest.max(self.simulation.elapsed() - begun);
        }
        longest
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.control().stop();
            server.join();
        }
    }
}

fn locked(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(request: Request<'_>, ledger: &Arc<Mutex<Ledger>>, counters: &Arc<Counters>) -> Response {
    // Those that are over.
    let turn = counters.turns.get();
    match request.path() {
        b"/endless" => {
            let (ledger, counters) = (Arc::clone(ledger), Arc::clone(counters));
            Response::stream(async move |mut body| {
                loop {
                    body.write(&[b'x'; PIECE_BYTES as usize]).await?;
                    let turn = counters.turns.get();
                    Ledger::add(&mut locked(&ledger).octets, turn, PIECE_BYTES);
                }
            })
        }
        b"/modest" => {
            locked(ledger).modest.push(turn);
            Response::text("modest")
        }
        _ => {
            Ledger::add(&mut locked(ledger).answers, turn, 1);
            Response::text("greedy")
        }
    }
}

/// A client that takes as much as it can get.
struct Greedy {
    peer: Peer,
    requests: Vec<u8>,
    /// Octets of `requests` that were sent in the round that goes on.
    sent: Cell<usize>,
    received: Rc<Cell<u64>>,
}

impl Greedy {
    /// Sends requests without end.
    fn pipeliner(machine: &Machine) -> Self {
        Self::of(machine, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000))
    }

    /// Asks once.
    fn downloader(machine: &Machine) -> Self {
        let greedy = Self::of(machine, Vec::new());
        assert!(greedy.peer.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n") > 0);
        greedy
    }

    fn of(machine: &Machine, requests: Vec<u8>) -> Self {
        Self { peer: machine.connect(), requests, sent: Cell::new(0), received: Rc::default() }
    }

    fn go_on(&self) {
        if !self.requests.is_empty() {
            let sent = self.peer.send(&self.requests[self.sent.get()..]);
            self.sent.set((self.sent.get() + sent) % self.requests.len());
        }
        let mut received = Vec::new();
        assert_eq!(self.peer.receive(&mut received, 1 << 20), PeerEnd::Open);
        self.received.set(self.received.get() + received.len() as u64);
    }
}

/// The longest time of an answer to the modest client where nobody else is.
fn alone(seed: u64) -> Duration {
    let machine = Machine::new(seed);
    let nobody = Greedy::of(&machine, Vec::new());
    machine.run(&nobody, 200)
}

#[test]
fn a_connection_that_pipelines_has_32_answers_in_a_turn() {
    let alone = alone(11);
    let machine = Machine::new(11);
    let greedy = Greedy::pipeliner(&machine);
    let beside = machine.run(&greedy, 200);
    let ledger = machine.ledger();
    let most = Ledger::most(&ledger.answers);
    assert!(most <= ANSWERS_PER_TURN_MAX, "{most} answers in one turn");
    // As often as it could, or nothing is shown.
    let full = ledger.answers.iter().filter(|(_, answers)| *answers == ANSWERS_PER_TURN_MAX).count();
    assert!(full > 100, "{full} turns with as many as may be");
    assert_eq!(ledger.modest.len(), 200);
    drop(ledger);
    // A turn takes no simulated time: what is left is the network's, which differs by what was drawn for it.
    assert!(beside <= 2 * alone, "{beside:?} beside it, {alone:?} without it");
}

#[test]
fn a_connection_with_a_body_without_end_fills_its_queue_16_times_in_a_turn() {
    let alone = alone(12);
    let machine = Machine::new(12);
    let greedy = Greedy::downloader(&machine);
    let beside = machine.run(&greedy, 200);
    let ledger = machine.ledger();
    let most = Ledger::most(&ledger.octets);
    assert!(most <= ROUNDS_PER_TURN_MAX * (QUEUE_BYTES + PIECE_BYTES), "{most} octets in one turn");
    assert!(greedy.received.get() > 1 << 20, "{} octets were received", greedy.received.get());
    assert_eq!(ledger.modest.len(), 200);
    drop(ledger);
    assert!(beside <= 2 * alone, "{beside:?} beside it, {alone:?} without it");
}
