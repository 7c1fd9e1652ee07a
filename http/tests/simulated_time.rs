//! Each deadline in simulated time, a tick before it and at it; `connection/deadlines.rs` has who is slow, and how.

use std::net::SocketAddr;
use std::time::Duration;

use selvedge_http::{Budgets, IntoResponse, Request, Response, Server, ServerOptions};
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
    /// A server of default options.
    fn new(seed: u64) -> Self {
        Self::with(seed, |_| {})
    }

    /// A server of default options but for what `change` changes, without faults. `/large` is 16 MiB, `/never` is not answered,
    /// `/ticks` is a word every 5 s, `/body` reads its request's; the rest is a text.
    fn with(seed: u64, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let mut server_options = ServerOptions::default();
        change(&mut server_options);
        let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
        let simulation = Simulation::new(seed, options);
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let server = Server::builder()
            .listen(address)
            .workers(1)
            .options(server_options)
            .runtime(|runtime| runtime.pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
            .start(|_| {
                async |request: Request<'_>| match request.path() {
                    b"/large" => Response::octets(vec![b'x'; 16 << 20]),
                    b"/never" => {
                        timer::sleep(Duration::from_secs(1 << 20)).await;
                        Response::text("late")
                    }
                    b"/ticks" => Response::stream(async |mut writer| {
                        for _ in 0..1 << 20 {
                            writer.write(b"tick").await?;
                            timer::sleep(Duration::from_secs(5)).await;
                        }
                        Ok(())
                    }),
                    b"/body" => request.body().text(1 << 20).await.into_response(),
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

    /// What has come, of a connection that is open.
    fn read(&self, peer: &Peer) -> String {
        let mut received = Vec::new();
        assert_eq!(peer.receive(&mut received, 1 << 20), PeerEnd::Open);
        String::from_utf8_lossy(&received).into_owned()
    }

    /// A tick before it is `seconds` since `begun` the connection is open; then it ends. Returns what has come before that tick,
    /// what comes at the end, and how it ends.
    fn read_around(&self, peer: &Peer, begun: Duration, seconds: u64) -> (String, String, PeerEnd) {
        self.pass(begun + Duration::from_secs(seconds) - timer::TICK - self.now());
        let before = self.read(peer);
        let (received, end, ended) = self.read_to_end(peer);
        assert_after(begun, ended, seconds);
        (before, received, end)
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

/// A request that is complete, or begins, on a connection of its own, and when.
fn asked(machine: &Machine, octets: &str) -> (Peer, Duration) {
    let peer = machine.connect();
    machine.pass(Duration::from_secs(1));
    let begun = machine.now();
    peer.send(octets.as_bytes());
    (peer, begun)
}

fn assert_last(received: &str, status: u16) {
    assert!(received.starts_with(&format!("HTTP/1.1 {status} ")), "{received}");
    assert!(received.contains("\r\nconnection: close\r\n"), "{received}");
}

#[test]
fn an_idle_time_ends_after_75_seconds_and_silently() {
    let machine = Machine::new(6);
    let peer = machine.connect();
    let begun = machine.now();
    assert_eq!(machine.read_around(&peer, begun, 75), (String::new(), String::new(), PeerEnd::Ended));
}

#[test]
fn an_idle_time_behind_an_answer_begins_a_second_after_it() {
    let machine = Machine::new(7);
    let (peer, begun) = asked(&machine, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    machine.pass(Duration::from_secs(76) - timer::TICK);
    assert!(machine.read(&peer).ends_with("hello"));
    let (received, end, ended) = machine.read_to_end(&peer);
    assert_eq!((&*received, end), ("", PeerEnd::Ended));
    // A tick for the look at the answer, one for the idle time's end, and the way to the client.
    assert!(ended - begun <= Duration::from_secs(76) + 2 * TICK, "{:?}", ended - begun);
}

#[test]
fn a_head_s_time_ends_after_10_seconds_with_408() {
    let machine = Machine::new(8);
    let (peer, begun) = asked(&machine, "GET / HTTP/1.1\r\nHost: a\r\n");
    let (before, received, end) = machine.read_around(&peer, begun, 10);
    assert_eq!((&*before, end), ("", PeerEnd::Ended));
    assert_last(&received, 408);
}

#[test]
fn a_body_of_which_nothing_comes_is_given_up_after_10_seconds_with_408() {
    let machine = Machine::new(9);
    let (peer, begun) = asked(&machine, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    let (before, received, end) = machine.read_around(&peer, begun, 10);
    assert_eq!((&*before, end), ("", PeerEnd::Ended));
    assert_last(&received, 408);
}

#[test]
fn a_body_above_the_rate_is_waited_for_and_one_below_it_is_not() {
    let machine = Machine::new(10);
    for (each_second, is_answered) in [(1_100, true), (900, false)] {
        let head = "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 220000\r\n\r\n";
        let (peer, begun) = asked(&machine, head);
        let mut received = Vec::new();
        let mut sent = 0;
        while sent < 220_000 && peer.receive(&mut received, 1 << 20) == PeerEnd::Open {
            sent += peer.send(&vec![b'x'; each_second.min(220_000 - sent)]);
            machine.pass(Duration::from_secs(1));
        }
        machine.pass(Duration::from_secs(1));
        let _ = peer.receive(&mut received, 1 << 20);
        let received = String::from_utf8_lossy(&received);
        assert!(
            received.starts_with(if is_answered { "HTTP/1.1 200 " } else { "HTTP/1.1 408 " }),
            "{received}"
        );
        // At 900 a second a tenth of each second is lost: ten seconds last for a hundred, at 1,024.
        let took = machine.now() - begun;
        assert!(is_answered || took > Duration::from_secs(75) && took < Duration::from_secs(100), "{took:?}");
    }
}

#[test]
fn an_answer_that_is_not_read_ends_after_60_seconds_with_a_reset() {
    // So that what the buffers take earns no time.
    let machine = Machine::with(11, |options| options.timeouts.bytes_per_second_min = 1 << 40);
    let (peer, begun) = asked(&machine, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    machine.pass(Duration::from_secs(60) - timer::TICK);
    assert!(!peer.is_reset());
    machine.simulation.run_while(|| !peer.is_reset());
    assert_after(begun, machine.now(), 60);
}

const HANDLER_TIME: Budgets =
    Budgets { handler_time: Some(Duration::from_secs(30)), exchange_time: None, allocated_bytes: None };
const EXCHANGE_TIME: Budgets =
    Budgets { handler_time: None, exchange_time: Some(Duration::from_secs(60)), allocated_bytes: None };

#[test]
fn a_handler_s_time_ends_with_503_and_a_close() {
    for (budgets, seconds) in [(HANDLER_TIME, 30), (EXCHANGE_TIME, 60)] {
        let machine = Machine::with(12, |options| options.budgets = budgets);
        // A second request, which is not answered, and a body that is slow itself.
        for request in [
            "GET /never HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /never HTTP/1.0\r\n\r\n",
            "POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbegin",
        ] {
            let (peer, begun) = asked(&machine, request);
            let (before, received, end) = machine.read_around(&peer, begun, seconds);
            assert_eq!((&*before, end), ("", PeerEnd::Ended), "{request:?}");
            assert_last(&received, 503);
            assert!(received.ends_with("the answer took too long\n"), "{received}");
        }
    }
}

#[test]
fn a_handler_s_time_goes_on_while_it_waits_for_its_client_s_body() {
    let machine = Machine::with(13, |options| options.budgets = HANDLER_TIME);
    let (peer, begun) = asked(&machine, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..29 {
        peer.send(&[b'x'; 2_000]);
        machine.pass(Duration::from_secs(1));
    }
    let (before, received, end) = machine.read_around(&peer, begun, 30);
    assert_eq!((&*before, end), ("", PeerEnd::Ended));
    assert_last(&received, 503);
}

#[test]
fn an_exchange_s_time_ends_within_a_body_so_that_its_client_can_tell() {
    let machine = Machine::with(14, |options| options.budgets = EXCHANGE_TIME);
    let (peer, begun) = asked(&machine, "GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n");
    let (before, received, end) = machine.read_around(&peer, begun, 60);
    assert_eq!(before.matches("4\r\ntick\r\n").count(), 12, "{before}");
    assert!(!received.contains("0\r\n\r\n") && end == PeerEnd::Ended, "{received}");
    let (peer, begun) = asked(&machine, "GET /ticks HTTP/1.0\r\n\r\n");
    let (_, _, end) = machine.read_around(&peer, begun, 60);
    assert_eq!(end, PeerEnd::Reset, "a close would be the body's end");
}

#[test]
fn a_handler_s_time_is_over_when_it_has_answered() {
    let machine = Machine::with(15, |options| options.budgets = HANDLER_TIME);
    let (peer, _) = asked(&machine, "GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n");
    machine.pass(Duration::from_secs(301));
    assert_eq!(machine.read(&peer).matches("4\r\ntick\r\n").count(), 61);
    peer.reset();
}
