//! Step 2 of a request's walk, hand-off. In: accepted sockets. Out: streams on the worker whose turn it is.
//!
//! Each worker has a bounded queue; the doorbell of its ring wakes it. A connection that nobody takes is closed with its
//! queue, so none is lost silently. The counts have one writer each: who assigns, and the worker whose connections end.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_channel::{Receiver, Sender, TrySendError};

use crate::counters::Counter;
use crate::net::Stream;
use crate::net::accept::{AcceptPolicy, accept_all};
use crate::report;
use crate::sim;
use crate::stop::{StopSignal, StopSource};
use crate::sys::{Accepted, Address, Listening, SocketFile};
use crate::task;
use crate::worker;

/// How connections are taken in.
///
/// ```
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Stream};
/// # use selvedge_runtime::net::{Listening, PortSharing};
///
/// # fn main() -> std::io::Result<()> {
/// # let listening = Listening::bind_ip(([127, 0, 0, 1], 0).into(), 16, PortSharing::Exclusive)?;
/// let options = IntakeOptions { policy: AcceptPolicy::Auto, connections_max: 1 };
/// let intake = Intake::new(vec![vec![listening]], 1, &options)?;
/// block_on(move || async move {
///     let mut door = intake.open_door(0);
///     let _first_client = Stream::connect(&intake.addresses()[0]).await?;
///     let _second_client = Stream::connect(&intake.addresses()[0]).await?;
///     let (first, _, slot) = door.next().await.expect("a connection");
///     // The second waits until the first has ended.
///     assert_eq!(intake.open(), [1]);
///     drop((first, slot));
///     assert!(door.next().await.is_some());
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntakeOptions {
    /// Who accepts.
    pub policy: AcceptPolicy,
    /// Connections of all workers together; each has an equal share. Beyond it the backlog holds them.
    pub connections_max: usize,
}

/// The listeners of a server and the queues to its workers. Belongs to the process, not to a worker.
///
/// ```
/// use std::io::Read;
/// use std::net::Ipv4Addr;
/// use std::sync::Arc;
///
/// use selvedge_runtime::Runtime;
/// use selvedge_runtime::net::{AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listening = Listening::bind_ip((Ipv4Addr::LOCALHOST, 0).into(), 1_024, PortSharing::Exclusive)?;
/// let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 1_000 };
/// let intake = Intake::new(vec![vec![listening]], 2, &options)?;
/// let intake_there = Arc::clone(&intake);
/// let running = Runtime::builder().workers(2).build()?.start(move |worker| {
///     let mut door = intake_there.open_door(worker.index());
///     async move {
///         while let Some((mut stream, _, _slot)) = door.next().await {
///             let _ = stream.send("hello\n").await;
///         }
///     }
/// })?;
///
/// let address = intake.addresses()[0].socket_addr().expect("it is bound to an IP address");
/// let mut answer = String::new();
/// std::net::TcpStream::connect(address)?.read_to_string(&mut answer)?;
/// assert_eq!(answer, "hello\n");
/// assert_eq!(intake.assigned().iter().sum::<u64>(), 1);
/// intake.stop();
/// running.join();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Intake {
    policy: AcceptPolicy,
    places: Box<[Place]>,
    connections_per_worker_max: u64,
    /// Of all workers that serve.
    connections_max: u64,
    /// What raises it, for the operator.
    advice: OnceLock<&'static str>,
    /// Whose turn it is; written by the acceptor alone.
    next: AtomicUsize,
    /// Listeners not yet taken by the worker of that number.
    listeners: Mutex<Vec<Vec<(u16, Listening)>>>,
    addresses: Box<[Address]>,
    socket_files: Box<[SocketFile]>,
    stop: StopSource,
    stopped: StopSignal,
    /// Acceptors that may still hand something over.
    acceptors: AtomicUsize,
}

/// One worker's end of the hand-off.
#[derive(Debug)]
struct Place {
    queue: (Sender<Handed>, Receiver<Handed>),
    alive: AtomicBool,
    assigned: Line,
    ended: Line,
    room: Room,
}

/// How the acceptor on this place's worker hears that a connection has ended while it waits for that.
#[derive(Debug)]
struct Room {
    waited_for: AtomicBool,
    news: (Sender<()>, Receiver<()>),
    /// Times that there was none; written by the acceptor alone.
    pauses: Counter,
}

/// A counter with a cache line of its own, since the two sides of a place are written by two threads.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(Counter);

#[derive(Debug)]
struct Handed {
    accepted: Accepted,
    listener: u16,
}

/// What became of an accepted socket.
pub(super) enum Assigned {
    Given,
    /// Every worker has its share already; the socket comes back.
    NoRoom(Accepted),
}

impl Intake {
    /// An intake for `workers` workers. With [`AcceptPolicy::ReusePort`], `listeners` has a list per worker; otherwise its
    /// first list is all. The number of a listener in its list is told with each connection.
    ///
    /// # Errors
    /// Those of duplicating a descriptor.
    ///
    /// # Panics
    /// When there are no workers.
    pub fn new(
        mut listeners: Vec<Vec<Listening>>,
        workers: usize,
        options: &IntakeOptions,
    ) -> io::Result<Arc<Self>> {
        assert!(workers > 0, "an intake needs a worker");
        listeners.resize_with(workers, Vec::new);
        let policy = options.policy.resolve(workers);
        let serving = if policy == AcceptPolicy::Dedicated && workers > 1 { workers - 1 } else { workers };
        let share = options.connections_max.div_ceil(serving).max(1);
        let places = (0..workers).map(|_| Place {
            // Room for its whole share: a queue is never full before its worker is.
            queue: async_channel::bounded(share),
            alive: AtomicBool::new(false),
            assigned: Line::default(),
            ended: Line::default(),
            room: Room {
                waited_for: AtomicBool::new(false),
                news: async_channel::bounded(1),
                pauses: Counter::default(),
            },
        });
        let (stop, stopped) = StopSource::new();
        let first = &listeners[0];
        Ok(Arc::new(Self {
            policy,
            addresses: first.iter().map(|listening| listening.address().clone()).collect(),
            socket_files: first.iter().filter_map(|listening| listening.socket_file().cloned()).collect(),
            places: places.collect(),
            connections_per_worker_max: share as u64,
            connections_max: (share * serving) as u64,
            advice: OnceLock::new(),
            next: AtomicUsize::new(0),
            listeners: Mutex::new(
                listeners
                    .into_iter()
                    .map(|list| {
                        list.into_iter().enumerate().map(|(number, it)| (number as u16, it)).collect()
                    })
                    .collect(),
            ),
            stop,
            stopped,
            acceptors: AtomicUsize::new(0),
        }))
    }

    /// The policy in force.
    pub fn policy(&self) -> AcceptPolicy {
        self.policy
    }

    /// Connections given to each worker since the start.
    pub fn assigned(&self) -> Vec<u64> {
        self.places.iter().map(|place| place.assigned.0.get()).collect()
    }

    /// Connections each worker has now, those in its queue among them.
    pub fn open(&self) -> Vec<u64> {
        self.places.iter().map(Place::open).collect()
    }

    /// Connections that all workers together may have: those of the options, rounded up to equal shares.
    pub fn connections_max(&self) -> u64 {
        self.connections_max
    }

    /// How often accepting has paused: a connection had come, and all workers that it could go to had their share.
    pub fn pauses(&self) -> u64 {
        self.places.iter().map(|place| place.room.pauses.get()).sum()
    }

    /// What raises the maximum of connections: the end of the line that tells the operator, once a minute at most, that all are
    /// taken. The first advice counts.
    pub fn advise_when_full(&self, advice: &'static str) {
        let _ = self.advice.set(advice);
    }

    /// Where it listens, as bound: with the ports that the kernel chose.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Takes no new connections: what is in the backlogs is handed over, then every [`Door`] ends. The files of Unix sockets
    /// are removed now, not at the end: by then a successor may listen there.
    pub fn stop(&self) {
        self.stop.stop();
        self.socket_files.iter().for_each(SocketFile::remove);
        for place in &self.places {
            let _ = place.room.news.0.try_send(());
        }
    }

    /// Opens worker `worker`'s door, and starts its acceptor if it accepts. To be called on that worker, once.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn open_door(self: &Arc<Self>, worker: usize) -> Door {
        let listeners = std::mem::take(&mut self.lock_listeners()[worker]);
        self.places[worker].alive.store(true, Ordering::Release);
        self.tell_of_room(worker);
        if !listeners.is_empty() {
            self.acceptors.fetch_add(1, Ordering::AcqRel);
            let finished = AcceptorEnd(Arc::clone(self));
            let intake = Arc::clone(self);
            task::spawn_detached("acceptor", async move {
                accept_all(intake, listeners).await;
                drop(finished);
            });
        }
        Door { intake: Arc::clone(self), worker }
    }

    fn lock_listeners(&self) -> std::sync::MutexGuard<'_, Vec<Vec<(u16, Listening)>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- what the acceptor uses ----

    /// Gives a socket to the next worker that lives and has room.
    pub(super) fn assign(&self, accepted: Accepted, listener: u16) -> Assigned {
        let candidates = self.candidates();
        let count = candidates.len();
        let first = self.next.load(Ordering::Relaxed);
        for turn in 0..count {
            let worker = candidates.start + (first + turn) % count;
            let place = &self.places[worker];
            if !self.has_room(place) {
                continue;
            }
            self.next.store((first + turn + 1) % count, Ordering::Relaxed);
            self.give(worker, Handed { accepted, listener });
            return Assigned::Given;
        }
        Assigned::NoRoom(accepted)
    }

    /// As [`assign`](Self::assign), but a full worker takes it too, as soon as its queue has room: the last connections
    /// before the end.
    pub(super) async fn assign_beyond_limit(&self, accepted: Accepted, listener: u16) {
        if let Assigned::NoRoom(accepted) = self.assign(accepted, listener) {
            let living = |&worker: &usize| self.places[worker].alive.load(Ordering::Acquire);
            let least_busy =
                self.candidates().filter(living).min_by_key(|&worker| self.places[worker].open());
            // With no worker left nobody can answer, and the socket closes.
            let Some(worker) = least_busy else { return };
            let place = &self.places[worker];
            place.assigned.0.add(1);
            if place.queue.0.send(Handed { accepted, listener }).await.is_err() {
                place.assigned.0.subtract(1);
            }
        }
    }

    /// Connections that the living workers together still have room for.
    pub(super) fn room_left(&self) -> u64 {
        let places = self.candidates().map(|worker| &self.places[worker]);
        let living = places.filter(|place| place.alive.load(Ordering::Acquire));
        living.map(|place| self.connections_per_worker_max.saturating_sub(place.open())).sum()
    }

    fn has_room(&self, place: &Place) -> bool {
        place.alive.load(Ordering::Acquire) && place.open() < self.connections_per_worker_max
    }

    fn candidates(&self) -> std::ops::Range<usize> {
        match self.policy {
            AcceptPolicy::Dedicated if self.places.len() > 1 => 1..self.places.len(),
            // Whoever accepts serves.
            AcceptPolicy::ReusePort => {
                let own = worker::current().index();
                own..own + 1
            }
            _ => 0..self.places.len(),
        }
    }

    fn give(&self, worker: usize, handed: Handed) {
        let place = &self.places[worker];
        place.assigned.0.add(1);
        match place.queue.0.try_send(handed) {
            Ok(()) => {}
            // Full cannot be, since the queue holds the worker's whole share; closed happens only at the end: the socket
            // closes, its place is free again.
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => place.assigned.0.subtract(1),
        }
    }

    /// Counts that the acceptor on the current worker has a connection for which there is no room.
    pub(super) fn note_pause(&self) {
        self.places[worker::current().index()].room.pauses.add(1);
    }

    /// How many connections the current worker's acceptor has given away and not seen end, for the operator.
    pub(super) fn fullness(&self) -> String {
        let candidates = self.candidates();
        let most = self.connections_per_worker_max * candidates.len() as u64;
        let whose = match self.policy {
            AcceptPolicy::ReusePort => format!(" of worker {}", candidates.start),
            _ => String::new(),
        };
        let open: u64 = candidates.map(|worker| self.places[worker].open()).sum();
        let advice = self.advice.get().map_or_else(String::new, |advice| format!("; {advice}"));
        format!("connections{whose}: {open} of {most}; new ones wait in the backlog until one closes{advice}")
    }

    /// Waits until a connection may have ended, or a door opened, since no worker had room.
    pub(super) async fn room(&self) {
        let room = &self.places[worker::current().index()].room;
        room.waited_for.store(true, Ordering::Relaxed);
        // Pairs with the fence of `tell_of_room`: a connection that ends now sees the flag, or is counted here.
        fence(Ordering::SeqCst);
        if !self.candidates().any(|worker| self.has_room(&self.places[worker])) && !self.is_stopped() {
            let _ = room.news.1.recv().await;
        }
        room.waited_for.store(false, Ordering::Relaxed);
    }

    /// Wakes whoever waits for room on worker `worker`, after the change that made room.
    fn tell_of_room(&self, worker: usize) {
        fence(Ordering::SeqCst);
        let waits = |place: &Place| place.room.waited_for.load(Ordering::Relaxed);
        let tell = |place: &Place| {
            // Full: told already.
            let _ = place.room.news.0.try_send(());
        };
        match self.policy {
            AcceptPolicy::ReusePort => {
                let own = &self.places[worker];
                if waits(own) {
                    tell(own);
                }
            }
            // Any of them may accept, though it is the first as a rule.
            _ => self.places.iter().filter(|place| waits(place)).for_each(tell),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_stopped()
    }

    /// Waits until it was told to [`stop`](Self::stop). What is in the backlogs comes through the doors after that.
    pub async fn stopped(&self) {
        self.stopped.stopped().await;
    }
}

impl Place {
    fn open(&self) -> u64 {
        // `ended` first: a connection that ends between the two reads makes the count too high, never negative.
        let ended = self.ended.0.get();
        self.assigned.0.get().saturating_sub(ended)
    }
}

/// The last acceptor's end closes the queues.
struct AcceptorEnd(Arc<Intake>);

impl Drop for AcceptorEnd {
    fn drop(&mut self) {
        // In a simulation it is the test that has panicked.
        if std::thread::panicking() && sim::world().is_none() {
            // A server that accepts no more and looks as if it drained would be worse than one that is started anew.
            report::line("the acceptor died of a panic");
            std::process::exit(1);
        }
        if self.0.acceptors.fetch_sub(1, Ordering::AcqRel) == 1 {
            for place in &self.0.places {
                place.queue.0.close();
            }
        }
    }
}

/// Where a worker's connections come in.
///
/// ```
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::net::{Intake, Stream};
/// # use selvedge_runtime::net::{AcceptPolicy, IntakeOptions, Listening, PortSharing};
///
/// # fn main() -> std::io::Result<()> {
/// # let any_port = ([127, 0, 0, 1], 0).into();
/// # let public = Listening::bind_ip(any_port, 16, PortSharing::Exclusive)?;
/// # let private = Listening::bind_ip(any_port, 16, PortSharing::Exclusive)?;
/// # let options = IntakeOptions { policy: AcceptPolicy::Auto, connections_max: 16 };
/// let intake = Intake::new(vec![vec![public, private]], 1, &options)?;
/// block_on(move || async move {
///     let mut door = intake.open_door(0);
///     let _client = Stream::connect(&intake.addresses()[1]).await?;
///     let (_stream, listener, _slot) = door.next().await.expect("a connection");
///     assert_eq!(listener, 1, "it came to the second listener");
///     intake.stop();
///     assert!(door.next().await.is_none());
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Door {
    intake: Arc<Intake>,
    worker: usize,
}

impl Door {
    /// The next connection, the number of its listener, and its place among the worker's connections; `None` when the
    /// intake was stopped and everything has been handed over.
    pub async fn next(&mut self) -> Option<(Stream, u16, Slot)> {
        let handed = self.intake.places[self.worker].queue.1.recv().await.ok()?;
        let slot = Slot { intake: Arc::clone(&self.intake), worker: self.worker };
        Some((Stream::adopt(handed.accepted), handed.listener, slot))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let place = &self.intake.places[self.worker];
        place.alive.store(false, Ordering::Release);
        // What is in the queue closes with it.
        place.queue.1.close();
        while place.queue.1.try_recv().is_ok() {
            place.ended.0.add(1);
        }
    }
}

/// A connection's place among its worker's connections, free again when it is dropped, on that worker.
///
/// ```
/// use selvedge_runtime::{block_on, spawn};
/// # use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing, Stream};
///
/// # fn main() -> std::io::Result<()> {
/// # let listening = Listening::bind_ip(([127, 0, 0, 1], 0).into(), 16, PortSharing::Exclusive)?;
/// # let options = IntakeOptions { policy: AcceptPolicy::Auto, connections_max: 16 };
/// # let intake = Intake::new(vec![vec![listening]], 1, &options)?;
/// block_on(move || async move {
///     let mut door = intake.open_door(0);
///     # let _client = Stream::connect(&intake.addresses()[0]).await?;
///     let (mut stream, _, slot) = door.next().await.expect("a connection");
///     let connection = spawn("connection", async move {
///         // Dropped with the connection, it makes room for another.
///         let _slot = slot;
///         stream.send("hello\n").await
///     });
///     assert_eq!(intake.open(), [1]);
///     connection.await.expect("it does not panic")?;
///     assert_eq!(intake.open(), [0]);
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Slot {
    intake: Arc<Intake>,
    worker: usize,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.intake.places[self.worker].ended.0.add(1);
        self.intake.tell_of_room(self.worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_dedicates_the_acceptor_from_eight_workers_on() {
        assert_eq!(AcceptPolicy::Auto.resolve(7), AcceptPolicy::Shared);
        assert_eq!(AcceptPolicy::Auto.resolve(8), AcceptPolicy::Dedicated);
        assert_eq!(AcceptPolicy::ReusePort.resolve(8), AcceptPolicy::ReusePort);
    }
}
