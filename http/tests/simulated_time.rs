//! Deadlines as they are by default, in simulated time: minutes in milliseconds, and to the tick.

use std::net::SocketAddr;
use std::time::Duration;

use selvedge_http::{Request, Response, Server};
use selvedge_runtime::sim::{FaultRates, Peer, PeerEnd, Simulation, SimulationOptions};
use selvedge_runtime::{Pinning, WatchdogSetting, timer};

/// Deadlines are looked at by a wheel that ticks every 100 ms; what is sent is on its way for 50 ms at most.
const TICK: Duration = Duration::from_millis(250);

struct Machine {
    simulation: Simulation,
    server: Option<Server>,
    address: SocketAddr,
}

impl Machine {
    /// A server of default options, without faults. `/large` is 16 MiB, `/never` is not answered, the rest is a text.
    fn new(seed: u64) -> Self {
        let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
        let simulation = Simulation::new(seed, options);
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let server = Server::builder()
            .listen(address)
            .workers(1)
            .runtime(|runtime| runtime.pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
            .start(|_| {
                async |request: Request<'_>| match request.path() {
                    b"/large" => Response::octets(vec![b'x'; 16 << 20]),
                    b"/never" => {
                        timer::sleep(Duration::from_secs(1 << 20)).await;
                        Response::text("late")
                    }
                    _ => Response::text("hello"),
                }
            })
            .expect("a simulated machine has all it needs");
        Self { simulation, server: Some(server), address }
    }

    fn connect(&self) -> Peer {
        self.simulation.connect(self.address, 1 << 16, 1 << 16).expect("it listens")
    }

    fn now(&self) -> Duration {
        self.simulation.elapsed()
    }

    /// Lets the time pass.
    fn pass(&self, time: Duration) {
        let until = self.now() + time;
        self.simulation.alarm(time, 1);
        self.simulation.run_while(|| self.now() < until);
    }

    /// Reads until the connection ends: what came, how it ended, and when.
    fn read_to_end(&self, peer: &Peer) -> (String, PeerEnd, Duration) {
        let (mut received, mut end) = (Vec::new(), PeerEnd::Open);
        self.simulation.run_while(|| {
            end = peer.receive(&mut received, 1 << 20);
            end == PeerEnd::Open
        });
        (String::from_utf8_lossy(&received).into_owned(), end, self.now())
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

fn assert_after(begun: Duration, ended: Duration, seconds: u64) {
    let (took, expected) = (ended - begun, Duration::from_secs(seconds));
    assert!(took >= expected && took <= expected + TICK, "{took:?} and not {expected:?}");
}

#[test]
fn who_says_nothing_is_let_go_after_75_seconds() {
    let machine = Machine::new(1);
    let (fresh, used) = (machine.connect(), machine.connect());
    let begun = machine.now();
    used.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (received, end, ended) = machine.read_to_end(&fresh);
    assert_eq!((&*received, end), ("", PeerEnd::Ended));
    assert_after(begun, ended, 75);
    let (received, end, ended) = machine.read_to_end(&used);
    assert!(received.starts_with("HTTP/1.1 200 ") && received.ends_with("hello"), "{received}");
    assert_eq!(end, PeerEnd::Ended);
    // Whether an answer has been taken is looked at after a second: the idle time begins then.
    assert!(ended >= begun + Duration::from_secs(75) && ended <= begun + Duration::from_secs(76) + TICK);
}

#[test]
fn a_head_has_ten_seconds_however_it_drips() {
    let machine = Machine::new(2);
    let peer = machine.connect();
    machine.pass(Duration::from_secs(30));
    let begun = machine.now();
    for octet in b"GET / HTTP/1.1\r\nHost: a\r\nX: " {
        peer.send(&[*octet]);
        machine.pass(Duration::from_millis(300));
    }
    let (received, end, ended) = machine.read_to_end(&peer);
    assert!(received.starts_with("HTTP/1.1 408 "), "{received}");
    assert_eq!(end, PeerEnd::Ended);
    assert_after(begun, ended, 10);
}

#[test]
fn who_reads_nothing_is_reset_a_minute_after_the_last_octet_moved() {
    let machine = Machine::new(3);
    let peer = machine.connect();
    let begun = machine.now();
    peer.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    machine.simulation.run_while(|| !peer.is_reset());
    let took = machine.now() - begun;
    // What the buffers hold has earned some time, at 1,024 octets a second, but no more than twice the grace.
    assert!(took >= Duration::from_secs(60) && took <= Duration::from_secs(181), "{took:?}");
}

#[test]
fn a_stop_waits_its_eight_seconds_for_a_handler_and_no_longer() {
    let mut machine = Machine::new(4);
    let peer = machine.connect();
    peer.send(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    machine.pass(Duration::from_secs(1));
    let begun = machine.now();
    let server = machine.server.take().expect("it runs");
    server.control().stop();
    machine.simulation.run_while(|| machine.simulation.workers() > 0);
    assert_after(begun, machine.now(), 8);
    server.join();
    let (received, end, _) = machine.read_to_end(&peer);
    assert_eq!(received, "");
    assert_ne!(end, PeerEnd::Open);
}

#[test]
fn a_minute_of_handler_is_no_delay_of_the_client_s() {
    let machine = Machine::new(5);
    let peer = machine.connect();
    peer.send(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    machine.pass(Duration::from_secs(3_600));
    let mut received = Vec::new();
    assert_eq!(
        peer.receive(&mut received, 100),
        PeerEnd::Open,
        "no deadline of the engine's is about handlers"
    );
    peer.reset();
}
