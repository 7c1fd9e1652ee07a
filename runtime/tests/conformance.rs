//! What an op comes to, case by case, on the real kernel and on the simulated one: where they differ, the simulator is wrong.
#![allow(clippy::disallowed_methods, reason = "the other side is an ordinary program")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream as StdStream};
use std::sync::mpsc;
use std::time::Duration;

use selvedge_runtime::channel::{Receiver, Sender, bounded};
use selvedge_runtime::net::{More, Stream, TcpListener};
use selvedge_runtime::sim::{FaultRates, Peer, PeerEnd, Simulation, SimulationOptions};
use selvedge_runtime::{Pinning, Running, Runtime, WatchdogSetting, WorkerLimits};

/// How long a test waits for what must come; only a failure lasts this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what must not come is looked for on the real kernel: a wrong one answers at once.
const A_WHILE: Duration = Duration::from_millis(20);

/// What our side does next with its stream.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// Receives once.
    Receive,
    /// Sends so many octets.
    Send(usize),
    /// Sends so many octets without waiting, once.
    SendNow(usize),
    /// Sends without waiting until nothing more is taken; how much was.
    Fill,
    /// Waits until octets are taken again.
    Writable,
    EndSending,
    EndBoth,
    /// How many octets the peer has not read: none, or some.
    Unread,
    /// The peer's address.
    PeerAddress,
    Close,
    CloseWithReset,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Octets(usize),
    End,
    Done,
    None,
    Some,
    Failed(ErrorKind),
}

async fn obey(mut listener: TcpListener, asks: Receiver<Ask>, answers: mpsc::Sender<Came>) {
    let mut stream = Some(Stream::from(listener.accept().await.expect("a client comes")));
    while let Ok(ask) = asks.recv().await {
        let came = match (&mut stream, ask) {
            (held, Ask::Close) => {
                drop(held.take());
                Ok(Came::Done)
            }
            (held, Ask::CloseWithReset) => {
                held.take().into_iter().for_each(|stream| stream.reset_on_drop());
                Ok(Came::Done)
            }
            (None, _) => panic!("{ask:?} after the end"),
            (Some(stream), ask) => do_one(stream, ask).await,
        };
        let _ = answers.send(came.unwrap_or_else(|error| Came::Failed(error.kind())));
    }
}

async fn do_one(stream: &mut Stream, ask: Ask) -> io::Result<Came> {
    Ok(match ask {
        Ask::Receive => match stream.receive().await? {
            Some(lease) => Came::Octets(lease.len()),
            None => Came::End,
        },
        Ask::Send(length) => {
            stream.send(vec![7; length]).await?;
            Came::Done
        }
        Ask::SendNow(length) => Came::Octets(stream.send_now(&vec![7; length], More::Nothing)?),
        Ask::Fill => {
            // Else its buffer may grow, and have room again without an octet being read.
            stream.bound_unsent();
            let mut octets = 0;
            loop {
                match stream.send_now(&[7; 10_000], More::Nothing) {
                    Ok(taken) => octets += taken,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break Came::Octets(octets),
                    Err(error) => return Err(error),
                }
            }
        }
        Ask::Writable => {
            stream.writable().await?;
            Came::Done
        }
        Ask::EndSending => {
            stream.shutdown_write()?;
            Came::Done
        }
        Ask::EndBoth => {
            stream.shutdown();
            Came::Done
        }
        Ask::Unread => match stream.unread_bytes() {
            0 => Came::None,
            _ => Came::Some,
        },
        Ask::PeerAddress => {
            stream.peer()?;
            Came::Done
        }
        Ask::Close | Ask::CloseWithReset => unreachable!("these take the stream"),
    })
}

/// A machine with a connection: our end on a worker, the other one here.
trait Machine {
    /// Has our side begin something.
    fn begin(&mut self, ask: Ask);
    /// What came of what was begun.
    fn came(&mut self) -> Came;
    /// Nothing comes of it now.
    fn comes_to_nothing(&mut self);
    fn peer_sends(&mut self, octets: &[u8]);
    fn peer_ends(&mut self);
    /// Closes with a reset.
    fn peer_resets(&mut self);
    /// Closes; whatever it has not read.
    fn peer_closes(&mut self);
    /// The next octets that the peer gets: how many, or its end.
    fn peer_reads(&mut self) -> Came;
    /// Returns when there is something for the peer to read.
    fn peer_has_more(&mut self);
    /// Lets what is on its way arrive.
    fn let_pass(&mut self);
    /// All that comes, up to the end, or up to so many octets.
    fn peer_reads_all(&mut self, octets_max: usize) -> (usize, Came) {
        let mut octets = 0;
        while octets < octets_max {
            match self.peer_reads() {
                Came::Octets(more) => octets += more,
                end => return (octets, end),
            }
        }
        (octets, Came::Done)
    }

    /// A receive that was begun, and more of them, bring exactly so many octets: a stream has no pieces of its own.
    fn came_in_pieces(&mut self, octets: usize) {
        let mut came = 0;
        loop {
            match self.came() {
                Came::Octets(more) => came += more,
                other => panic!("{other:?} after {came} octets"),
            }
            assert!(came <= octets, "{came} of {octets} octets");
            if came == octets {
                return;
            }
            self.begin(Ask::Receive);
        }
    }

    /// Has our side send until there is no room on the whole way to a peer that does not read; how many octets.
    fn fill(&mut self) -> usize {
        let mut octets = 0;
        let mut idle_rounds = 0;
        while idle_rounds < 3 {
            match self.ask(Ask::Fill) {
                Came::Octets(0) => {
                    idle_rounds += 1;
                    // An acknowledgement that frees room may be under way.
                    self.let_pass();
                }
                Came::Octets(more) => (octets, idle_rounds) = (octets + more, 0),
                other => panic!("{other:?}"),
            }
        }
        octets
    }

    fn ask(&mut self, ask: Ask) -> Came {
        self.begin(ask);
        self.came()
    }
}

fn start(address: SocketAddr) -> (Running, Sender<Ask>, mpsc::Receiver<Came>, mpsc::Receiver<SocketAddr>) {
    let (ask, asks) = bounded(16);
    let (answer, answers) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = 64;
    let runtime = Runtime::builder().workers(1).limits(limits).pinning(Pinning::Free);
    let runtime = runtime.watchdog(WatchdogSetting::Off).build().expect("it can be");
    let running = runtime.start(move |_| {
        let listener = TcpListener::bind(address).expect("nobody listens there");
        let _ = tell.send(listener.address().socket_addr().expect("an IP address"));
        obey(listener, asks.clone(), answer.clone())
    });
    (running.expect("it starts"), ask, answers, told)
}

struct RealMachine {
    running: Option<Running>,
    asks: Sender<Ask>,
    answers: mpsc::Receiver<Came>,
    peer: Option<StdStream>,
}

impl RealMachine {
    fn new() -> Self {
        let (running, asks, answers, told) = start((Ipv4Addr::LOCALHOST, 0).into());
        let address = told.recv_timeout(PATIENCE).expect("it listens");
        let peer = StdStream::connect(address).expect("it listens");
        peer.set_read_timeout(Some(PATIENCE)).expect("a time");
        Self { running: Some(running), asks, answers, peer: Some(peer) }
    }

    fn peer(&mut self) -> &mut StdStream {
        self.peer.as_mut().expect("it has not gone")
    }
}

impl Machine for RealMachine {
    fn begin(&mut self, ask: Ask) {
        self.asks.try_send(ask).expect("the worker lives");
    }

    fn came(&mut self) -> Came {
        self.answers.recv_timeout(PATIENCE).expect("something comes of it")
    }

    fn comes_to_nothing(&mut self) {
        assert_eq!(self.answers.recv_timeout(A_WHILE), Err(mpsc::RecvTimeoutError::Timeout));
    }

    fn peer_sends(&mut self, octets: &[u8]) {
        self.peer().write_all(octets).expect("there is room");
    }

    fn peer_ends(&mut self) {
        self.peer().shutdown(Shutdown::Write).expect("it is connected");
    }

    fn peer_resets(&mut self) {
        let peer = self.peer.take().expect("it has not gone");
        socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("it is a socket");
    }

    fn peer_closes(&mut self) {
        self.peer = None;
    }

    fn peer_reads(&mut self) -> Came {
        match self.peer().read(&mut vec![0; 1 << 16]) {
            Ok(0) => Came::End,
            Ok(length) => Came::Octets(length),
            Err(error) => Came::Failed(error.kind()),
        }
    }

    fn peer_has_more(&mut self) {
        assert_eq!(self.peer().peek(&mut [0]).expect("octets are on their way"), 1);
    }

    fn let_pass(&mut self) {
        self.comes_to_nothing();
    }
}

impl Drop for RealMachine {
    fn drop(&mut self) {
        self.asks.close();
        self.running.take().into_iter().for_each(Running::join);
    }
}

struct SimulatedMachine {
    running: Option<Running>,
    asks: Sender<Ask>,
    answers: mpsc::Receiver<Came>,
    peer: Option<Peer>,
    simulation: Simulation,
}

impl SimulatedMachine {
    fn new(seed: u64) -> Self {
        let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
        let simulation = Simulation::new(seed, options);
        let (running, asks, answers, told) = start((Ipv4Addr::LOCALHOST, 80).into());
        let address = told.try_recv().expect("it listens after its first turn");
        let peer = simulation.connect(address, 1 << 20, 1 << 20);
        let peer = Some(peer.expect("it listens"));
        Self { running: Some(running), asks, answers, peer, simulation }
    }

    fn peer(&self) -> &Peer {
        self.peer.as_ref().expect("it has not gone")
    }

    /// Lets everything happen that will.
    fn settle(&self) {
        self.simulation.run_while(|| true);
    }
}

impl Machine for SimulatedMachine {
    fn begin(&mut self, ask: Ask) {
        self.asks.try_send(ask).expect("the worker lives");
        self.settle();
    }

    fn came(&mut self) -> Came {
        self.settle();
        self.answers.try_recv().expect("something has come of it")
    }

    fn comes_to_nothing(&mut self) {
        self.settle();
        assert_eq!(self.answers.try_recv(), Err(mpsc::TryRecvError::Empty));
    }

    fn peer_sends(&mut self, octets: &[u8]) {
        assert_eq!(self.peer().send(octets), octets.len(), "there is room");
        self.settle();
    }

    fn peer_ends(&mut self) {
        self.peer().shut_down_write();
        self.settle();
    }

    fn peer_resets(&mut self) {
        self.peer.take().into_iter().for_each(Peer::reset);
        self.settle();
    }

    fn peer_closes(&mut self) {
        drop(self.peer.take());
        self.settle();
    }

    fn peer_reads(&mut self) -> Came {
        self.settle();
        let mut received = Vec::new();
        match self.peer().receive(&mut received, 1 << 16) {
            _ if !received.is_empty() => Came::Octets(received.len()),
            PeerEnd::Ended => Came::End,
            PeerEnd::Reset => Came::Failed(ErrorKind::ConnectionReset),
            PeerEnd::Open => panic!("nothing comes any more"),
        }
    }

    fn peer_has_more(&mut self) {
        // What was sent has come then.
        self.settle();
    }

    fn let_pass(&mut self) {
        self.settle();
    }
}

impl Drop for SimulatedMachine {
    fn drop(&mut self) {
        self.asks.close();
        if !std::thread::panicking() {
            self.running.take().into_iter().for_each(Running::join);
        }
    }
}

const RESET: Came = Came::Failed(ErrorKind::ConnectionReset);
const BROKEN: Came = Came::Failed(ErrorKind::BrokenPipe);
const WOULD_BLOCK: Came = Came::Failed(ErrorKind::WouldBlock);

type Case = fn(&mut dyn Machine);

/// The table: op by outcome.
const CASES: [(&str, Case); 21] = [
    ("receive, octets", |machine| {
        machine.peer_sends(b"hello");
        machine.begin(Ask::Receive);
        machine.came_in_pieces(5);
    }),
    ("receive that waits, octets", |machine| {
        machine.begin(Ask::Receive);
        machine.peer_sends(b"hello");
        machine.came_in_pieces(5);
    }),
    ("receive, the end behind octets, again and again", |machine| {
        machine.peer_sends(b"hello");
        machine.peer_ends();
        machine.begin(Ask::Receive);
        machine.came_in_pieces(5);
        assert_eq!(machine.ask(Ask::Receive), Came::End);
        assert_eq!(machine.ask(Ask::Receive), Came::End);
    }),
    ("receive, a reset", |machine| {
        machine.begin(Ask::Receive);
        machine.peer_resets();
        assert_eq!(machine.came(), RESET);
    }),
    ("send, taken", |machine| {
        assert_eq!(machine.ask(Ask::Send(1_000)), Came::Done);
        assert_eq!(machine.peer_reads_all(1_000), (1_000, Came::Done));
    }),
    ("send, more than there is room for, as it is read", |machine| {
        machine.begin(Ask::Send(20_000_000));
        assert_eq!(machine.peer_reads_all(20_000_000), (20_000_000, Came::Done));
        assert_eq!(machine.came(), Came::Done);
    }),
    ("send, after the end of one's own sending", |machine| {
        assert_eq!(machine.ask(Ask::EndSending), Came::Done);
        assert_eq!(machine.peer_reads(), Came::End);
        assert_eq!(machine.ask(Ask::Send(1)), BROKEN);
    }),
    ("shut down, with octets on their way to the peer", |machine| {
        assert_eq!(machine.ask(Ask::Send(1_000)), Came::Done);
        assert_eq!(machine.ask(Ask::EndBoth), Came::Done);
        assert_eq!(machine.peer_reads_all(1_000), (1_000, Came::Done));
        assert_eq!(machine.peer_reads(), Came::End);
        assert_eq!(machine.ask(Ask::Receive), Came::End);
        assert_eq!(machine.ask(Ask::Send(1)), BROKEN);
    }),
    ("shut down, while a receive is under way", |machine| {
        machine.peer_sends(b"x");
        assert_eq!(machine.ask(Ask::Receive), Came::Octets(1));
        assert_eq!(machine.ask(Ask::EndBoth), Came::Done);
        assert_eq!(machine.ask(Ask::Receive), Came::End);
        assert_eq!(machine.ask(Ask::Close), Came::Done);
        assert_eq!(machine.peer_reads(), Came::End);
    }),
    ("send, after the peer's end", |machine| {
        machine.peer_ends();
        assert_eq!(machine.ask(Ask::Receive), Came::End);
        assert_eq!(machine.ask(Ask::Send(10)), Came::Done);
        assert_eq!(machine.peer_reads_all(10), (10, Came::Done));
    }),
    ("send that waits, a reset", |machine| {
        machine.begin(Ask::Send(20_000_000));
        machine.peer_resets();
        assert_eq!(machine.came(), RESET);
        assert_eq!(machine.ask(Ask::Send(1)), BROKEN);
    }),
    ("send that waits, the peer closes with octets unread", |machine| {
        machine.begin(Ask::Send(20_000_000));
        assert!(matches!(machine.peer_reads(), Came::Octets(_)));
        // Closed before that, it ends its sending first, and what comes then is refused.
        machine.peer_has_more();
        machine.peer_closes();
        assert_eq!(machine.came(), RESET);
    }),
    ("send at once, taken", |machine| {
        assert_eq!(machine.ask(Ask::SendNow(1_000)), Came::Octets(1_000));
        assert_eq!(machine.peer_reads_all(1_000), (1_000, Came::Done));
    }),
    ("send at once, no room", |machine| {
        machine.fill();
        assert_eq!(machine.ask(Ask::SendNow(1 << 20)), WOULD_BLOCK);
        assert_eq!(machine.ask(Ask::Unread), Came::Some);
    }),
    ("writable, at once", |machine| {
        assert_eq!(machine.ask(Ask::Writable), Came::Done);
    }),
    ("writable that waits, room", |machine| {
        let octets = machine.fill();
        machine.begin(Ask::Writable);
        machine.comes_to_nothing();
        assert_eq!(machine.peer_reads_all(octets), (octets, Came::Done));
        assert_eq!(machine.came(), Came::Done);
    }),
    ("unread octets, none once they are read", |machine| {
        assert_eq!(machine.ask(Ask::Send(1_000)), Came::Done);
        assert_eq!(machine.peer_reads_all(1_000), (1_000, Came::Done));
        // An acknowledgement may be under way.
        let tries = PATIENCE.as_millis() / A_WHILE.as_millis();
        let is_none = (0..tries).any(|_| {
            machine.ask(Ask::Unread) == Came::None || {
                machine.let_pass();
                false
            }
        });
        assert!(is_none, "octets that were read count as unread");
    }),
    ("the peer's address, and none after a reset", |machine| {
        assert_eq!(machine.ask(Ask::PeerAddress), Came::Done);
        machine.begin(Ask::Receive);
        machine.peer_resets();
        assert_eq!(machine.came(), RESET);
        assert_eq!(machine.ask(Ask::PeerAddress), Came::Failed(ErrorKind::NotConnected));
    }),
    ("close, an end for the peer", |machine| {
        assert_eq!(machine.ask(Ask::Send(1_000)), Came::Done);
        assert_eq!(machine.ask(Ask::Close), Came::Done);
        assert_eq!(machine.peer_reads_all(usize::MAX), (1_000, Came::End));
    }),
    ("close with octets unread, a reset for the peer", |machine| {
        machine.peer_sends(b"hello");
        assert_eq!(machine.ask(Ask::PeerAddress), Came::Done);
        assert_eq!(machine.ask(Ask::Close), Came::Done);
        assert_eq!(machine.peer_reads(), RESET);
    }),
    ("close with a reset", |machine| {
        assert_eq!(machine.ask(Ask::CloseWithReset), Came::Done);
        assert_eq!(machine.peer_reads(), RESET);
    }),
];

#[test]
fn the_real_kernel_does_what_the_table_says() {
    for (name, case) in CASES {
        println!("{name}");
        case(&mut RealMachine::new());
    }
}

#[test]
fn the_simulated_kernel_does_what_the_table_says() {
    for seed in 0..20 {
        for (name, case) in CASES {
            println!("{name}, seed {seed}");
            case(&mut SimulatedMachine::new(seed));
        }
    }
}
