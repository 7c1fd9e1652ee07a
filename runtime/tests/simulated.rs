//! The runtime on the simulated machine: the same seed is the same run, and nothing is lost.

use std::net::SocketAddr;
use std::sync::Arc;

use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing, Stream};
use selvedge_runtime::sim::{
    Fault, FaultRates, Happening, Keeping, Peer, PeerEnd, Simulation, SimulationOptions,
};
use selvedge_runtime::{Pinning, Runtime, Worker, WorkerLimits, spawn_detached};

fn limits() -> WorkerLimits {
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = 64;
    limits
}

/// Sends back what comes, until the client ends.
async fn echo(mut stream: Stream) {
    while let Ok(Some(lease)) = stream.receive().await {
        if stream.send(lease).await.is_err() {
            return;
        }
    }
}

struct Client {
    peer: Peer,
    to_send: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    end: PeerEnd,
}

impl Client {
    fn go_on(&mut self) {
        self.sent += self.peer.send(&self.to_send[self.sent..]);
        if self.sent == self.to_send.len() {
            self.peer.shut_down_write();
        }
        self.end = self.peer.receive(&mut self.received, 1 << 16);
    }
}

const CLIENTS: usize = 30;

/// A run of some clients: its trace, and how many of them got all they sent. Each of them comes to its end.
fn run(seed: u64, faults: FaultRates, trace: Keeping) -> (u64, usize) {
    let simulation = Simulation::new(seed, SimulationOptions { faults, trace });
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    let listening = Listening::bind_ip(address, 1_024, PortSharing::Exclusive).expect("nobody listens");
    let runtime =
        Runtime::builder().workers(2).pinning(Pinning::Free).limits(limits()).build().expect("it can be");
    let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 1_000 };
    let intake = Intake::new(vec![vec![listening]], 2, &options).expect("it can be");
    let intake_there = Arc::clone(&intake);
    let running = runtime
        .start(move |worker: Worker| {
            let mut door = intake_there.open_door(worker.index());
            async move {
                while let Some((stream, _, slot)) = door.next().await {
                    spawn_detached("connection", async move {
                        echo(stream).await;
                        drop(slot);
                    });
                }
            }
        })
        .expect("it starts");
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|number| {
            let peer = simulation.connect(address, 1_000 + number * 500, 3_000).expect("it listens");
            let to_send = (0..number * 700 + 1).map(|at| (at * 7 + number) as u8).collect();
            Client { peer, to_send, sent: 0, received: Vec::new(), end: PeerEnd::Open }
        })
        .collect();
    clients.iter_mut().for_each(Client::go_on);
    while clients.iter().any(|client| client.end == PeerEnd::Open) {
        match simulation.next() {
            Some(Happening::Peer(number)) => {
                if let Some(client) = clients.iter_mut().find(|client| client.peer.number() == number) {
                    client.go_on();
                }
            }
            Some(_) => {}
            None => panic!("seed {seed}: nothing happens any more"),
        }
    }
    let whole = clients.iter().filter(|client| client.received == client.to_send).count();
    for client in &clients {
        // Whatever became of it: nothing of another's, nothing out of order.
        assert!(client.to_send.starts_with(&client.received));
    }
    drop(clients);
    intake.stop();
    running.join();
    assert_eq!(simulation.workers(), 0, "seed {seed}");
    assert_eq!(simulation.descriptors_open(), 0);
    (simulation.trace_hash(), whole)
}

#[test]
fn the_same_seed_is_the_same_run_and_another_one_another() {
    let usual = FaultRates::USUAL;
    let (one, other) = (run(1, usual, Keeping::Hash), run(2, usual, Keeping::Hash));
    assert_eq!(run(1, usual, Keeping::Lines).0, one.0);
    assert_ne!(one.0, other.0);
}

#[test]
fn what_is_sent_comes_back_whatever_goes_wrong() {
    // The only faults that end a connection.
    let mut harmless = FaultRates::USUAL;
    harmless.set(Fault::SendWithoutMemory, 0);
    harmless.set(Fault::AcceptAborted, 0);
    for seed in 0..50 {
        assert_eq!(run(seed, harmless, Keeping::Hash).1, CLIENTS, "seed {seed}");
    }
    let whole: usize = (0..50).map(|seed| run(seed, FaultRates::USUAL, Keeping::Hash).1).sum();
    assert!(whole >= 50 * CLIENTS - 25, "{whole}");
}
