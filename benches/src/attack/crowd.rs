//! Many attackers on one thread: each does a step now and then. In: how they behave. Out: how many there were, what the
//! server did to them, and what CPU time it cost them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::{SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use selvedge_runtime::sim::Dice;

use super::socket::{self, Sources};
use crate::compare::interrupt;
use crate::cpus;
use crate::plural::counted;

/// Between two steps of an attacker; each time between half of it and one and a half.
const PAUSE: Duration = Duration::from_secs(3);
/// New connections of all attackers together while they gather, per second: below what a backlog holds for a second.
const ARRIVALS_PER_SECOND: u32 = 3_000;
/// Steps before the sockets are looked at again.
const STEPS_MAX: usize = 256;
/// How long all may take to be there, beyond what their arrivals take.
const GATHERING_MAX: Duration = Duration::from_secs(10);

/// How attackers of a kind behave.
pub(super) trait Conduct: Send {
    /// The size of their receive buffers, if not the usual one.
    fn receive_buffer_bytes(&self) -> Option<usize> {
        None
    }

    /// Whether they read what comes, and throw it away.
    fn reading(&self) -> Reading {
        Reading::All
    }

    /// Whether they stay as long as the server lets them.
    fn presence(&self) -> Presence {
        Presence::Lasting
    }

    /// The step of this number on a connection, counted from 0, which is taken as soon as it is begun. One that would
    /// block is taken again later.
    fn step(&self, stream: &mut TcpStream, number: u64, dice: &mut Dice) -> io::Result<Next>;
}

/// Whether an attacker reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    All,
    /// Only what a step reads.
    Nothing,
}

/// How long an attacker is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Until the server ends it, and soon again.
    Lasting,
    /// For a moment, or until the server sees that it has ended.
    Passing,
}

/// What an attacker does after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one after a pause.
    Stay,
    /// It leaves, and comes anew after a pause.
    Leave,
}

/// What there was of a crowd.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CrowdFigures {
    /// Connections begun.
    pub(super) begun: u64,
    /// Connections that the server ended.
    pub(super) ended_by_server: u64,
    /// Connections that could not be begun.
    pub(super) failed: u64,
    /// Share of a CPU that the attackers took.
    pub(super) cpu_share: f64,
}

/// A crowd at work; it leaves when it is dropped.
#[derive(Debug)]
pub(super) struct Crowd {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<anyhow::Result<CrowdFigures>>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    /// Attackers that have been there once.
    arrived: AtomicUsize,
    /// Steps of all of them.
    steps: AtomicU64,
}

impl Crowd {
    /// Sends `count` attackers to `server`, from `cpus`, and waits until all have been there once.
    pub(super) fn gather(
        conduct: Box<dyn Conduct>,
        count: usize,
        server: SocketAddrV4,
        cpus: &[usize],
    ) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (there, cpus) = (Arc::clone(&shared), cpus.to_vec());
        let work = move || -> anyhow::Result<CrowdFigures> {
            cpus::pin(&cpus)?;
            // The good client does not wait for attackers, whose CPU time would be another machine's.
            cpus::give_way()?;
            Attackers::new(&*conduct, count, server)?.run(&there)
        };
        let thread = thread::Builder::new().name("attackers".into()).spawn(work)?;
        let mut crowd = Self { shared, thread: Some(thread) };
        let patience = arrivals(count) + GATHERING_MAX;
        let began = Instant::now();
        while crowd.shared.arrived.load(Ordering::Relaxed) < count {
            interrupt::sleep(Duration::from_millis(10))?;
            if crowd.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                crowd.leave()?;
                bail!("the attackers left before all were there");
            }
            if began.elapsed() > patience {
                let arrived = crowd.shared.arrived.load(Ordering::Relaxed);
                bail!(
                    "only {arrived} of {} could connect in {patience:?}",
                    counted(count, "attacker", "attackers")
                );
            }
        }
        Ok(crowd)
    }

    /// Steps that attackers have taken so far.
    pub(super) fn steps(&self) -> u64 {
        self.shared.steps.load(Ordering::Relaxed)
    }

    /// Steps that so many attackers take in a time if they have the CPU they need.
    pub(super) fn steps_due(count: usize, time: Duration) -> f64 {
        count as f64 * time.as_secs_f64() / PAUSE.as_secs_f64()
    }

    /// Sends them home: their connections are closed in whatever state they are.
    pub(super) fn leave(&mut self) -> anyhow::Result<CrowdFigures> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("they have left")?;
        thread.join().unwrap_or_else(|_| bail!("the attackers' thread panicked"))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if self.thread.is_some() {
            // What it would say is told already, or nobody waits for it.
            let _ = self.leave();
        }
    }
}

fn arrivals(count: usize) -> Duration {
    Duration::from_secs_f64(count as f64 / f64::from(ARRIVALS_PER_SECOND))
}

/// One attacker.
#[derive(Debug, Default)]
struct Attacker {
    stream: Option<TcpStream>,
    /// Steps on this connection.
    steps: u64,
}

struct Attackers<'a> {
    conduct: &'a dyn Conduct,
    server: SocketAddrV4,
    sources: Sources,
    dice: Dice,
    epoll: OwnedFd,
    all: Vec<Attacker>,
    /// When who takes the next step: each stands in it once.
    plan: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Attackers that have been there once.
    arrived: usize,
    /// Times that one has come or done something.
    steps: u64,
    figures: CrowdFigures,
}

impl<'a> Attackers<'a> {
    fn new(conduct: &'a dyn Conduct, count: usize, server: SocketAddrV4) -> io::Result<Self> {
        let now = Instant::now();
        let arrival = |number: usize| Reverse((now + arrivals(number), number));
        Ok(Self {
            conduct,
            server,
            sources: Sources::of_attackers(),
            dice: Dice::new(count as u64),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            all: (0..count).map(|_| Attacker::default()).collect(),
            plan: (0..count).map(arrival).collect(),
            arrived: 0,
            steps: 0,
            figures: CrowdFigures::default(),
        })
    }

    fn run(mut self, shared: &Shared) -> anyhow::Result<CrowdFigures> {
        let (began, cpu_before) = (Instant::now(), cpus::thread_time());
        while !shared.is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            for _ in 0..STEPS_MAX {
                match self.plan.pop() {
                    Some(Reverse((due, number))) if due <= now => {
                        self.act(number, now);
                        self.steps += 1;
                    }
                    later => {
                        self.plan.extend(later);
                        break;
                    }
                }
            }
            shared.arrived.store(self.arrived, Ordering::Relaxed);
            shared.steps.store(self.steps, Ordering::Relaxed);
            self.listen(now)?;
        }
        self.figures.cpu_share =
            (cpus::thread_time() - cpu_before).as_secs_f64() / began.elapsed().as_secs_f64();
        Ok(self.figures)
    }

    /// Comes if it is not there, and takes a step.
    fn act(&mut self, number: usize, now: Instant) {
        let pause = PAUSE.as_micros() as u64;
        let pause = Duration::from_micros(self.dice.within(pause / 2..=pause * 3 / 2));
        self.plan.push(Reverse((now + pause, number)));
        if self.all[number].stream.is_none() {
            match self.begin(number) {
                Ok(stream) => {
                    // They come in the order of their numbers.
                    self.arrived = self.arrived.max(number + 1);
                    self.figures.begun += 1;
                    self.all[number] = Attacker { stream: Some(stream), steps: 0 };
                }
                Err(_) => {
                    self.figures.failed += 1;
                    return;
                }
            }
        }
        let attacker = &mut self.all[number];
        let Some(stream) = &mut attacker.stream else { return };
        match self.conduct.step(stream, attacker.steps, &mut self.dice) {
            Ok(Next::Stay) => attacker.steps += 1,
            Ok(Next::Leave) => attacker.stream = None,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => {
                attacker.stream = None;
                self.figures.ended_by_server += 1;
            }
        }
    }

    fn begin(&mut self, number: usize) -> io::Result<TcpStream> {
        let stream = socket::begin(self.server, self.sources.next(), self.conduct.receive_buffer_bytes())?;
        let events = match self.conduct.reading() {
            Reading::All => epoll::EventFlags::IN | epoll::EventFlags::RDHUP,
            // Errors and the end of both directions are always told.
            Reading::Nothing => epoll::EventFlags::empty(),
        };
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(number as u64), events)?;
        Ok(stream)
    }

    /// Waits for what the server says and for the next step that is due, not longer than an end may take to be seen.
    fn listen(&mut self, now: Instant) -> io::Result<()> {
        let next =
            self.plan.peek().map_or(Duration::MAX, |Reverse((due, _))| due.saturating_duration_since(now));
        let wait = next.min(Duration::from_millis(20));
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); 256];
        let (events, _) = epoll::wait(&self.epoll, &mut events, Some(&timeout))?;
        for event in &*events {
            let number = event.data.u64() as usize;
            // A copy: the kernel's event is packed (epoll_event(3type)).
            let flags = event.flags;
            let has_failed = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
            let attacker = &mut self.all[number];
            let Some(stream) = &mut attacker.stream else { continue };
            if has_failed || self.conduct.reading() == Reading::All && has_ended(stream) {
                // It comes again at the time of its next step.
                attacker.stream = None;
                self.figures.ended_by_server += 1;
            }
        }
        Ok(())
    }
}

/// Reads what is there, and says whether nothing more can come.
fn has_ended(stream: &mut TcpStream) -> bool {
    let mut octets = [0; 4_096];
    loop {
        match stream.read(&mut octets) {
            Ok(0) => return true,
            Ok(count) if count < octets.len() => return false,
            Ok(_) => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}
