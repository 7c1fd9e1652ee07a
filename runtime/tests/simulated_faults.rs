//! What the simulated machine does when something goes wrong: full queues, want of memory, workers that die.

#[path = "support/simulated.rs"]
mod support;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use selvedge_runtime::net::{Listening, More, PortSharing, Stream, TcpListener};
use selvedge_runtime::sim::{Fault, PeerEnd, Simulation};
use selvedge_runtime::{Undone, Worker, blocking, channel};
use support::{ALWAYS, address, calm, only, outcome, simulation, start};

async fn echo_one() {
    let mut listener = TcpListener::bind(address()).expect("nobody listens there");
    let mut stream = listener.accept().await.expect("a client comes");
    while let Ok(Some(lease)) = stream.receive().await {
        stream.send(lease).await.expect("the client reads");
    }
}

/// What an echo gives back of `octets` octets, and its counters: overflows, subscriptions started again.
fn echoed(simulation: &Simulation, octets: usize) -> (usize, u64, u64) {
    let running = start(1, |_| echo_one());
    let client = simulation.connect(address(), 1 << 20, 1 << 20).expect("it listens");
    assert_eq!(client.send(&vec![7; octets]), octets);
    client.shut_down_write();
    let mut received = Vec::new();
    simulation.run_while(|| client.receive(&mut received, 1 << 20) == PeerEnd::Open);
    let counters = std::sync::Arc::clone(running.handle().counters(0));
    running.join();
    (received.len(), counters.overflows.get(), counters.rearms.get())
}

#[test]
fn a_full_completion_queue_ends_subscriptions_and_delays_the_rest_and_nothing_is_lost() {
    let (octets, overflows, rearms) = echoed(&simulation(only(Fault::Overflow, ALWAYS)), 100_000);
    assert_eq!(octets, 100_000);
    assert!(overflows > 0 && rearms > 0);
    // A subscription that ends by itself leaves the queue alone.
    let (octets, overflows, rearms) = echoed(&simulation(only(Fault::ReceiveEndsEarly, ALWAYS)), 100_000);
    assert_eq!((octets, overflows), (100_000, 0));
    assert!(rearms > 0);
}

#[test]
fn a_doorbell_whose_watch_has_ended_is_watched_again() {
    // What a helper has done is told by the doorbell.
    let simulation = simulation(only(Fault::Overflow, ALWAYS));
    let results = outcome(&simulation, || async { [blocking(|| 1).await, blocking(|| 2).await] });
    assert_eq!(results, [Ok(1), Ok(2)]);
    let met = simulation.faults();
    assert!(met.contains(&("doorbell", Fault::Overflow, 2)), "{met:?}");
}

#[test]
fn an_interrupted_enter_has_submitted_what_it_had() {
    let simulation = simulation(only(Fault::Interrupted, ALWAYS / 2));
    assert_eq!(echoed(&simulation, 100_000).0, 100_000);
    assert!(!simulation.faults().is_empty());
}

#[test]
fn a_beginning_waits_for_what_follows_it_or_for_a_fifth_of_a_second() {
    let simulation = calm(1);
    let running = start(1, |_| async {
        let mut listener = TcpListener::bind(address()).unwrap();
        let mut stream = listener.accept().await.unwrap();
        stream.send_now(b"head", More::Follows).unwrap();
        let _ = stream.receive().await;
        stream.send_now(b"head", More::Follows).unwrap();
        stream.send_now(b"body", More::Nothing).unwrap();
    });
    let client = simulation.connect(address(), 4_096, 4_096).unwrap();
    let received = RefCell::new(Vec::new());
    let wait_for = |octets: usize| {
        simulation.run_while(|| {
            let _ = client.receive(&mut received.borrow_mut(), 100);
            received.borrow().len() < octets
        });
        simulation.elapsed()
    };
    let first = wait_for(4);
    assert!(first >= Duration::from_millis(200), "{first:?}");
    client.send(b"go on");
    let second = wait_for(12) - first;
    assert!(second < Duration::from_millis(200), "{second:?}");
    assert_eq!(*received.borrow(), b"headheadbody");
    running.join();
}

#[test]
fn a_beginning_waits_its_own_fifth_of_a_second_whatever_waited_before() {
    let simulation = calm(1);
    let (tell, told) = mpsc::channel();
    let running = start(1, move |_| {
        let tell = tell.clone();
        async move {
            let mut listener = TcpListener::bind(address()).unwrap();
            let mut stream = listener.accept().await.unwrap();
            // The one before it has gone after 150 ms.
            stream.send_now(b"head", More::Follows).unwrap();
            selvedge_runtime::timer::sleep(Duration::from_millis(150)).await;
            stream.send_now(b"body", More::Nothing).unwrap();
            stream.send_now(b"head", More::Follows).unwrap();
            tell.send(selvedge_runtime::now()).unwrap();
            let _ = stream.receive().await;
            tell.send(selvedge_runtime::now()).unwrap();
        }
    });
    let client = simulation.connect(address(), 4_096, 4_096).unwrap();
    let mut received = Vec::new();
    simulation.run_while(|| {
        let _ = client.receive(&mut received, 100);
        received.len() < 12
    });
    client.shut_down_write();
    running.join();
    let held = told.iter().take(2).collect::<Vec<_>>();
    let waited = held[1].since(held[0]);
    assert!(waited >= Duration::from_millis(190), "{waited:?}");
}

#[test]
fn a_worker_that_nothing_concerns_has_no_turn() {
    let simulation = calm(1);
    let (call, called) = channel::bounded::<()>(100);
    let running = start(2, move |worker| {
        let called = called.clone();
        async move {
            while worker.index() == 0 && called.recv().await.is_ok() {}
            worker.stopped().await;
        }
    });
    simulation.run_while(|| true);
    let enters = || [0, 1].map(|worker| running.handle().counters(worker).enters.get());
    let before = enters();
    for _ in 0..50 {
        call.try_send(()).unwrap();
        simulation.run_while(|| true);
    }
    let after = enters();
    assert!(after[0] >= before[0] + 50);
    // The bell rings for all: who is not meant sleeps on.
    assert_eq!(after[1], before[1]);
    call.close();
    running.handle().stop();
    running.join();
}

#[test]
fn more_work_than_helpers_may_have_is_refused() {
    let simulation = calm(1);
    let results = outcome(&simulation, || async {
        let work = [1, 2, 3].map(|number| blocking(move || number));
        let mut results = Vec::new();
        for work in work {
            results.push(work.await);
        }
        results
    });
    assert_eq!(results, [Ok(1), Ok(2), Err(Undone::Overloaded)]);
}

#[test]
fn other_octets_are_another_run() {
    let hash = |octets: &'static [u8]| {
        let simulation = calm(1);
        let running = start(1, |_| echo_one());
        let client = simulation.connect(address(), 4_096, 4_096).unwrap();
        client.send(octets);
        client.shut_down_write();
        running.join();
        simulation.trace_hash()
    };
    assert_eq!(hash(b"hello"), hash(b"hello"));
    assert_ne!(hash(b"hello"), hash(b"jello"));
}

#[test]
#[should_panic(expected = "in its own simulation")]
fn a_descriptor_of_another_simulation_is_no_descriptor() {
    let listening = {
        let _simulation = calm(1);
        Listening::bind_ip(address(), 16, PortSharing::Exclusive).unwrap()
    };
    let _another = calm(1);
    let _ = listening.try_clone();
}

/// Keeps streams while a test looks at their ends.
type Kept = Rc<RefCell<Vec<Stream>>>;

mod process {
    use super::*;
    use selvedge_runtime::Busy;
    use selvedge_runtime::net::UnixListener;
    use selvedge_runtime::sim::WorkerDeath;
    use std::path::Path;

    /// A worker that accepts on a port of its own, keeps what comes, and dies when it is told to.
    async fn keep(worker: Worker, die: channel::Receiver<()>) {
        let port = 80 + worker.index() as u16;
        let kept: Kept = Rc::default();
        let keeping = Rc::clone(&kept);
        selvedge_runtime::spawn_detached("acceptor", async move {
            let mut listener =
                TcpListener::bind(([127, 0, 0, 1], port).into()).expect("nobody listens there");
            while let Ok(mut stream) = listener.accept().await {
                stream.start_send("hello".into(), More::Nothing);
                keeping.borrow_mut().push(stream.into());
            }
        });
        assert!(worker.index() == 0 || die.recv().await.is_err(), "told to die");
        worker.stopped().await;
        drop(kept);
    }

    fn addresses() -> [SocketAddr; 2] {
        [80, 81].map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
    }

    #[test]
    fn a_worker_that_dies_takes_the_process_along_and_every_client_is_told() {
        for seed in 0..20 {
            let simulation = calm(seed);
            simulation.set_worker_death(WorkerDeath::EndsProcess);
            let (kill, die) = channel::bounded(1);
            let running = start(2, move |worker| keep(worker, die.clone()));
            simulation.run_while(|| !addresses().iter().all(|&address| simulation.is_listening(address)));
            let clients = addresses().map(|address| simulation.connect(address, 4_096, 4_096).unwrap());
            simulation.run_while(|| true);
            kill.try_send(()).unwrap();
            let mut ends = [PeerEnd::Open; 2];
            simulation.run_while(|| {
                for (end, client) in ends.iter_mut().zip(&clients) {
                    *end = client.receive(&mut Vec::new(), 100);
                }
                ends.contains(&PeerEnd::Open)
            });
            assert!(!ends.contains(&PeerEnd::Open), "seed {seed}: {ends:?}");
            assert_eq!((simulation.workers(), simulation.descriptors_open()), (0, 0), "seed {seed}");
            let deaths = simulation.take_deaths();
            assert!(matches!(&*deaths, [death] if death.ends_with("told to die")), "seed {seed}: {deaths:?}");
            assert!(addresses().iter().all(|&address| simulation.connect(address, 1, 1).is_none()));
            running.join();
        }
    }

    #[test]
    #[should_panic(expected = "told to die")]
    fn a_worker_that_dies_fails_the_test_unless_it_is_to_end_the_process() {
        let simulation = calm(1);
        let (kill, die) = channel::bounded(1);
        let _running = start(2, move |worker| keep(worker, die.clone()));
        kill.try_send(()).unwrap();
        simulation.run_while(|| true);
    }

    #[test]
    fn a_server_that_was_killed_is_started_again_at_the_same_places() {
        let simulation = calm(1);
        let path = Path::new("/run/selvedge.sock");
        for _ in 0..3 {
            let running = start(1, |_| async move {
                let mut listener = UnixListener::bind(Path::new("/run/selvedge.sock")).unwrap();
                let other = TcpListener::bind(address()).unwrap();
                let mut kept = Vec::new();
                while let Ok(mut stream) = listener.accept().await {
                    let _ = stream.send("hello").await;
                    kept.push(stream);
                }
                drop(other);
            });
            simulation.run_while(|| simulation.connect_unix(path, 1, 1).is_none());
            let client = simulation.connect_unix(path, 4_096, 4_096).unwrap();
            let waiting = simulation.connect(address(), 4_096, 4_096).unwrap();
            let mut received = Vec::new();
            simulation.run_while(|| {
                let _ = client.receive(&mut received, 100);
                received.is_empty()
            });
            assert_eq!(received, b"hello");
            simulation.kill();
            assert_eq!((simulation.workers(), simulation.descriptors_open()), (0, 0));
            simulation.run_while(|| true);
            assert_ne!(client.receive(&mut received, 100), PeerEnd::Open);
            assert_ne!(waiting.receive(&mut Vec::new(), 100), PeerEnd::Open);
            // Its file is still there.
            assert!(simulation.connect_unix(path, 1, 1).is_none());
            running.join();
        }
    }

    #[test]
    fn a_worker_that_has_ended_takes_no_jobs() {
        let _simulation = calm(1);
        let running = start(2, |worker| async move {
            if worker.index() == 0 {
                worker.stopped().await;
            }
        });
        let handle = running.handle().clone();
        assert_eq!(handle.run_on(1, || panic!("never run")), Err(Busy));
        assert_eq!(handle.run_on(0, || {}), Ok(()));
        handle.stop();
        running.join();
    }

    #[test]
    fn when_one_worker_ends_its_connections_end_and_the_others_go_on() {
        for seed in 0..20 {
            let simulation = calm(seed);
            let (end, ends) = channel::bounded::<()>(1);
            let running = start(2, move |worker| {
                let ends = ends.clone();
                async move {
                    let (_never, die) = channel::bounded(1);
                    let kept = keep(worker.clone(), die);
                    if worker.index() == 0 {
                        return kept.await;
                    }
                    selvedge_runtime::spawn_detached("kept", kept);
                    let _ = ends.recv().await;
                }
            });
            simulation.run_while(|| !addresses().iter().all(|&address| simulation.is_listening(address)));
            let [stays, goes] = addresses().map(|address| simulation.connect(address, 4_096, 4_096).unwrap());
            simulation.run_while(|| true);
            end.try_send(()).unwrap();
            simulation.run_while(|| true);
            let mut received = [Vec::new(), Vec::new()];
            assert_ne!(goes.receive(&mut received[1], 100), PeerEnd::Open, "seed {seed}");
            assert_eq!(simulation.workers(), 1);
            assert!(simulation.connect(addresses()[1], 1, 1).is_none());
            assert_eq!(stays.receive(&mut received[0], 100), PeerEnd::Open, "seed {seed}");
            running.handle().stop();
            running.join();
            assert_eq!(simulation.descriptors_open(), 0);
        }
    }
}
