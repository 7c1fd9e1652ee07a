//! Accept and hand-off: whose turn it is, limits, and the end.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::process::raise_descriptor_limit;
use selvedge_runtime::{Running, spawn_detached};
use support::{PATIENCE, any_port, builder, client, ip};

/// A server that answers each connection's every message with the number of its worker.
struct Server {
    intake: Arc<Intake>,
    running: Running,
    address: SocketAddr,
    /// The most connections served at one moment.
    peak: Arc<AtomicUsize>,
}

impl Server {
    /// Ready when every worker's door is open.
    fn start(policy: AcceptPolicy, workers: usize, connections_max: usize) -> Self {
        raise_descriptor_limit();
        let sharing = match policy {
            AcceptPolicy::ReusePort => PortSharing::Shared,
            _ => PortSharing::Exclusive,
        };
        let first = Listening::bind_ip(any_port(), 4_096, sharing).expect("a free port");
        let address = ip(first.address());
        let mut listeners = vec![vec![first]];
        if policy == AcceptPolicy::ReusePort {
            let another = || Listening::bind_ip(address, 4_096, sharing).expect("the port is shared");
            listeners.extend((1..workers).map(|_| vec![another()]));
        }
        let options = IntakeOptions { policy, connections_max };
        let intake = Intake::new(listeners, workers, &options).expect("an intake");
        let peak = Arc::new(AtomicUsize::new(0));
        let (ready, doors_open) = mpsc::channel();
        let (doors, highest, now) = (Arc::clone(&intake), Arc::clone(&peak), Arc::new(AtomicUsize::new(0)));
        let running = builder(workers).build().expect("workers").start(move |worker| {
            let index = worker.index();
            let mut door = doors.open_door(index);
            let (highest, now) = (Arc::clone(&highest), Arc::clone(&now));
            ready.send(()).expect("the test waits");
            async move {
                while let Some((mut stream, listener, slot)) = door.next().await {
                    assert_eq!(listener, 0);
                    let now = Arc::clone(&now);
                    highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    spawn_detached("connection", async move {
                        while let Ok(Some(_)) = stream.receive().await {
                            if stream.send(vec![index as u8]).await.is_err() {
                                break;
                            }
                        }
                        now.fetch_sub(1, Ordering::SeqCst);
                        drop(slot);
                    });
                }
                // Those that run are answered before the worker ends.
                while now.load(Ordering::SeqCst) > 0 {
                    selvedge_runtime::yield_now().await;
                }
            }
        });
        for _ in 0..workers {
            doors_open.recv_timeout(PATIENCE).expect("the door opens");
        }
        Self { intake, running: running.expect("it starts"), address, peak }
    }

    fn stop(self) {
        self.intake.stop();
        self.running.join();
    }
}

/// Asks, and tells which worker answered.
fn ask(client: &mut TcpStream) -> usize {
    client.write_all(b"?").expect("the connection is open");
    let mut answer = [0];
    client.read_exact(&mut answer).expect("an answer");
    usize::from(answer[0])
}

fn assignments(policy: AcceptPolicy) -> Vec<u64> {
    const CONNECTIONS: usize = 1_000;
    let server = Server::start(policy, 4, 2 * CONNECTIONS);
    let mut clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| client(server.address)).collect();
    let mut served = vec![0; 4];
    for client in &mut clients {
        served[ask(client)] += 1;
    }
    let assigned = server.intake.assigned();
    assert_eq!(assigned, served, "the counts are what the clients saw");
    assert_eq!(server.intake.open(), served);
    drop(clients);
    server.stop();
    assigned
}

#[test]
fn shared_workers_take_equal_turns() {
    assert_eq!(assignments(AcceptPolicy::Shared), [250; 4]);
    assert_eq!(assignments(AcceptPolicy::Auto), [250; 4]);
}

#[test]
fn a_dedicated_acceptor_serves_nobody_and_the_others_take_equal_turns() {
    let mut assigned = assignments(AcceptPolicy::Dedicated);
    assert_eq!(assigned.remove(0), 0);
    assert_eq!(assigned.iter().sum::<u64>(), 1_000);
    assert!(assigned.iter().max().unwrap() - assigned.iter().min().unwrap() <= 1, "{assigned:?}");
}

#[test]
fn with_a_port_each_every_worker_serves_what_it_accepts() {
    let assigned = assignments(AcceptPolicy::ReusePort);
    assert_eq!(assigned.iter().sum::<u64>(), 1_000);
    // The kernel spreads by a hash: unequal, but nobody is left out.
    assert!(assigned.iter().all(|&count| count > 50), "{assigned:?}");
}

#[test]
fn connections_that_end_give_their_place_back() {
    let server = Server::start(AcceptPolicy::Shared, 2, 4);
    for _ in 0..200 {
        ask(&mut client(server.address));
    }
    assert_eq!(server.intake.assigned().iter().sum::<u64>(), 200);
    assert!(server.peak.load(Ordering::SeqCst) <= 4);
    server.stop();
}

fn beyond_the_limit(policy: AcceptPolicy, workers: usize, connections_max: usize, clients: usize) {
    let server = Server::start(policy, workers, connections_max);
    // Everybody asks at once, and leaves when answered.
    let waiting: Vec<_> = (0..clients)
        .map(|_| {
            let mut client = client(server.address);
            std::thread::spawn(move || ask(&mut client))
        })
        .collect();
    for client in waiting {
        client.join().expect("an answer");
    }
    let peak = server.peak.load(Ordering::SeqCst);
    assert!(peak <= connections_max, "{peak} at once");
    server.stop();
}

#[test]
fn beyond_the_limit_connections_wait_until_others_end() {
    beyond_the_limit(AcceptPolicy::Shared, 4, 8, 100);
    beyond_the_limit(AcceptPolicy::Dedicated, 4, 6, 100);
    beyond_the_limit(AcceptPolicy::ReusePort, 4, 4, 100);
}

#[test]
fn a_limit_of_one_connection_serves_one_after_the_other() {
    for _ in 0..10 {
        beyond_the_limit(AcceptPolicy::Shared, 1, 1, 50);
    }
}

#[test]
fn each_connection_that_finds_no_room_is_a_pause() {
    for policy in [AcceptPolicy::Shared, AcceptPolicy::Dedicated] {
        let workers = if policy == AcceptPolicy::Dedicated { 3 } else { 2 };
        // Equal shares of 3 for two workers are two each.
        let server = Server::start(policy, workers, 3);
        assert_eq!(server.intake.connections_max(), 4);
        let mut residents: Vec<TcpStream> = (0..4).map(|_| client(server.address)).collect();
        for resident in &mut residents {
            ask(resident);
        }
        assert_eq!(server.intake.pauses(), 0);
        for pauses in 1..=3 {
            let mut waiting = client(server.address);
            let until = Instant::now() + PATIENCE;
            while server.intake.pauses() < pauses {
                assert!(Instant::now() < until, "no pause {pauses}");
                std::thread::yield_now();
            }
            residents.remove(0);
            ask(&mut waiting);
            residents.push(waiting);
        }
        assert_eq!(server.intake.pauses(), 3);
        drop(residents);
        server.stop();
    }
}

#[test]
fn a_worker_whose_door_is_closed_is_passed_over_also_when_the_others_are_full() {
    let listening = Listening::bind_ip(any_port(), 128, PortSharing::Exclusive).unwrap();
    let address = ip(listening.address());
    let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 4 };
    let intake = Intake::new(vec![vec![listening]], 2, &options).unwrap();
    let doors = Arc::clone(&intake);
    let (ready, is_ready) = mpsc::channel();
    let running = builder(2)
        .build()
        .unwrap()
        .start(move |worker| {
            let mut door = doors.open_door(worker.index());
            let ready = ready.clone();
            async move {
                if worker.index() == 1 {
                    drop(door);
                    ready.send(()).unwrap();
                    return;
                }
                ready.send(()).unwrap();
                while let Some((mut stream, _, slot)) = door.next().await {
                    spawn_detached("connection", async move {
                        while let Ok(Some(lease)) = stream.receive().await {
                            let _ = stream.send(lease).await;
                        }
                        drop(slot);
                    });
                }
            }
        })
        .unwrap();
    for _ in 0..2 {
        is_ready.recv_timeout(PATIENCE).unwrap();
    }
    // Worker 0's share is 2: the others wait for the first to leave.
    let clients: Vec<TcpStream> = (0..10).map(|_| client(address)).collect();
    for mut client in clients {
        ask(&mut client);
    }
    assert_eq!(intake.assigned(), [10, 0]);
    intake.stop();
    running.join();
}

#[test]
fn stop_serves_everybody_who_has_connected_and_nobody_else() {
    for round in 0..20 {
        let server = Server::start(AcceptPolicy::Shared, 2, 2);
        let mut clients: Vec<TcpStream> = (0..12).map(|_| client(server.address)).collect();
        if round % 2 == 0 {
            // One in each worker's hands, one in the acceptor's, the rest accepted or in the backlog.
            ask(&mut clients[0]);
            ask(&mut clients[1]);
        }
        let Server { intake, running, address, .. } = server;
        intake.stop();
        for client in &mut clients {
            ask(client);
        }
        drop(clients);
        running.join();
        assert_eq!(intake.assigned().iter().sum::<u64>(), 12);
        assert_eq!(intake.open(), [0, 0]);
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn stop_ends_every_policy_also_when_nothing_has_come() {
    for policy in [AcceptPolicy::Shared, AcceptPolicy::Dedicated, AcceptPolicy::Auto, AcceptPolicy::ReusePort]
    {
        Server::start(policy, 3, 100).stop();
        Server::start(policy, 1, 100).stop();
    }
}

#[test]
fn several_listeners_are_told_apart() {
    let listening = |_| Listening::bind_ip(any_port(), 128, PortSharing::Exclusive).unwrap();
    let listeners: Vec<Listening> = (0..3).map(listening).collect();
    let addresses: Vec<SocketAddr> = listeners.iter().map(|listener| ip(listener.address())).collect();
    let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 100 };
    let intake = Intake::new(vec![listeners], 2, &options).unwrap();
    let doors = Arc::clone(&intake);
    let running = builder(2)
        .build()
        .unwrap()
        .start(move |worker| {
            let mut door = doors.open_door(worker.index());
            async move {
                while let Some((mut stream, listener, _slot)) = door.next().await {
                    stream.send(vec![listener as u8]).await.unwrap();
                }
            }
        })
        .unwrap();
    for (number, address) in addresses.iter().enumerate() {
        let mut answer = [9];
        client(*address).read_exact(&mut answer).unwrap();
        assert_eq!(usize::from(answer[0]), number);
    }
    intake.stop();
    running.join();
}
