//! What there is in the simulated machine, and what happens next.
//!
//! In: the calls of `runtime::sys` and of peers outside. Out: their results at once, and events later. Nothing in here waits, and
//! nothing is decided but by the dice.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::dice::Dice;
use super::faults::Fault;
use super::simulation::{Happening, Life, SimulationOptions};
use super::stream::{Close, Delivery, End, Fate, Flow, Holder, Reading, Refusal, Side};
use super::trace::Trace;
use crate::sys::{Moment, errno};

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    /// Whether there is one: asked in hot places.
    static IS_SIMULATED: Cell<bool> = const { Cell::new(false) };
}

/// The machine of the calling thread, if it is a simulated one.
#[inline]
pub(crate) fn world() -> Option<Rc<World>> {
    if !IS_SIMULATED.get() {
        return None;
    }
    WORLD.with_borrow(Clone::clone)
}

/// Numbers of descriptors begin here, far from those of the real kernel: one that goes astray is EBADF there.
const DESCRIPTOR_BASE: i32 = 0x4000_0000;
/// Numbers of rings, as addresses of messages.
const RING_BASE: i32 = 0x6000_0000;
/// The monotonic clock at the start: not 0, which stands for no time in some places.
const START_NS: u64 = 1_000_000_000;
/// The wall clock at the start: 2026-01-01 00:00:00 UTC.
const START_UNIX_S: u64 = 1_767_225_600;
/// Ports that bind(2) gives for port 0.
const EPHEMERAL_PORT: u16 = 40_000;

/// What a receive brought.
pub(crate) type Received = Result<usize, Refusal>;

/// The simulated machine of one thread.
pub(crate) struct World {
    state: RefCell<State>,
    lives: RefCell<Vec<Option<Life>>>,
    options: SimulationOptions,
}

pub(super) struct State {
    pub(super) now_ns: u64,
    pub(super) dice: Dice,
    pub(super) connections: Vec<Connection>,
    listeners: Vec<Listener>,
    descriptors: Vec<Option<Entity>>,
    rings: Vec<RingState>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    jobs: Vec<Option<Box<dyn FnOnce() + Send>>>,
    happenings: VecDeque<Happening>,
    pub(super) trace: Trace,
    pub(super) faults: BTreeMap<(&'static str, Fault), u64>,
    next_port: u16,
    next_client: u32,
    pub(super) leaks: Vec<String>,
}

/// A connection: the client's end, the server's.
pub(super) struct Connection {
    pub(super) ends: [End; 2],
    /// Whether its peer's news is already in line.
    is_told: Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

struct Listener {
    address: SocketAddr,
    backlog: VecDeque<usize>,
    backlog_max: usize,
    /// Descriptors that name it.
    handles: usize,
    ring: Option<usize>,
}

#[derive(Clone, Copy)]
enum Entity {
    Listener(usize),
    End(usize, Side),
}

#[derive(Default)]
struct RingState {
    is_gone: bool,
    has_message: bool,
    /// When its worker's next turn is, by the event that counts.
    step_at_ns: Option<u64>,
    /// Its worker is busy until then.
    busy_until_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A worker's turn.
    Step(usize),
    /// What an end has sent arrives at the other.
    Deliver(usize, Side),
    /// A reset arrives at an end.
    Reset(usize, Side),
    /// A connection arrives at a listener.
    Arrive(usize, usize),
    /// Work of a helper thread is done.
    Job(usize),
    /// A peer's alarm.
    Alarm(u64),
}

impl World {
    pub(super) fn new(seed: u64, options: SimulationOptions) -> Rc<Self> {
        Rc::new(Self {
            state: RefCell::new(State {
                now_ns: START_NS,
                dice: Dice::new(seed),
                connections: Vec::new(),
                listeners: Vec::new(),
                descriptors: Vec::new(),
                rings: Vec::new(),
                events: BinaryHeap::new(),
                sequence: 0,
                jobs: Vec::new(),
                happenings: VecDeque::new(),
                trace: Trace::new(options.trace),
                faults: BTreeMap::new(),
                next_port: EPHEMERAL_PORT,
                next_client: 0,
                leaks: Vec::new(),
            }),
            lives: RefCell::new(Vec::new()),
            options,
        })
    }

    pub(super) fn enter(self: &Rc<Self>) {
        WORLD.with_borrow_mut(|world| {
            assert!(world.is_none(), "a thread is in one simulation at a time");
            *world = Some(Rc::clone(self));
        });
        IS_SIMULATED.set(true);
    }

    pub(super) fn leave() {
        IS_SIMULATED.set(false);
        drop(WORLD.take());
    }

    pub(super) fn state(&self) -> std::cell::RefMut<'_, State> {
        self.state.borrow_mut()
    }

    // ---- time and chance ----

    pub(crate) fn now(&self) -> Moment {
        Moment::from_nanoseconds(self.state().now_ns)
    }

    pub(crate) fn wall_clock(&self) -> (u64, u32) {
        let ns = self.state().now_ns - START_NS;
        (START_UNIX_S + ns / 1_000_000_000, (ns % 1_000_000_000) as u32)
    }

    pub(crate) fn random_bits(&self) -> u128 {
        let mut state = self.state();
        u128::from(state.dice.bits()) << 64 | u128::from(state.dice.bits())
    }

    /// Whether `fault` meets an op of that name now; counted if it does.
    pub(crate) fn meets(&self, fault: Fault, op: &'static str) -> bool {
        let mut state = self.state();
        if !state.dice.happens(self.options.faults.of(fault)) {
            return false;
        }
        *state.faults.entry((op, fault)).or_default() += 1;
        let now_ns = state.now_ns;
        state.trace.note(now_ns, op, &[-1, fault as i64]);
        state.trace.remark(now_ns, || format!("fault {fault:?} meets {op}"));
        true
    }

    /// A worker ended, and had not given back what it was lent.
    pub(crate) fn note_leak(&self, what: String) {
        self.state().leaks.push(what);
    }

    /// A line for whoever reads the trace.
    pub(crate) fn remark(&self, text: impl FnOnce() -> String) {
        let mut state = self.state();
        let now_ns = state.now_ns;
        state.trace.remark(now_ns, text);
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.state().dice.below(end as u64) as usize
    }

    // ---- rings and workers ----

    pub(crate) fn new_ring(&self) -> usize {
        let mut state = self.state();
        state.rings.push(RingState::default());
        state.rings.len() - 1
    }

    pub(crate) fn end_ring(&self, ring: usize) {
        self.state().rings[ring].is_gone = true;
    }

    /// The number by which other rings reach it.
    pub(crate) fn ring_address(ring: usize) -> i32 {
        RING_BASE + ring as i32
    }

    /// A message to the ring at `address`; false if there is none.
    pub(crate) fn send_message(&self, address: i32) -> bool {
        let mut state = self.state();
        let ring = (address - RING_BASE) as usize;
        match state.rings.get_mut(ring) {
            Some(there) if !there.is_gone => {
                there.has_message = true;
                state.attend(ring);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn take_message(&self, ring: usize) -> bool {
        std::mem::take(&mut self.state().rings[ring].has_message)
    }

    /// This ring's worker has something to do.
    pub(crate) fn attend(&self, ring: usize) {
        self.state().attend(ring);
    }

    /// Somebody has rung by other means: every worker looks.
    pub(crate) fn attend_all(&self) {
        let mut state = self.state();
        for ring in 0..state.rings.len() {
            state.attend(ring);
        }
    }

    pub(crate) fn add_life(&self, ring: usize, life: Life) {
        let mut lives = self.lives.borrow_mut();
        while lives.len() <= ring {
            lives.push(None);
        }
        lives[ring] = Some(life);
        self.state().attend(ring);
    }

    /// Ends the workers that have not ended by themselves.
    pub(super) fn drop_lives(&self) {
        loop {
            let life = self.lives.borrow_mut().iter_mut().find_map(Option::take);
            match life {
                Some(life) => drop(life),
                None => return,
            }
        }
    }

    pub(crate) fn living(&self) -> usize {
        self.lives.borrow().iter().flatten().count()
    }

    /// Work for a helper thread.
    pub(crate) fn take_on(&self, job: Box<dyn FnOnce() + Send>) {
        let mut state = self.state();
        state.jobs.push(Some(job));
        let job = state.jobs.len() - 1;
        let delay = state.dice.within(5_000..=5_000_000);
        state.schedule(delay, Event::Job(job));
    }

    // ---- what happens next ----

    /// Lets the next event happen. `None` when nothing will, unless somebody outside does something.
    pub(crate) fn next(&self) -> Option<Happening> {
        let mut state = self.state();
        if let Some(happening) = state.happenings.pop_front() {
            if let Happening::Peer(connection) = happening {
                state.connections[connection].is_told = Told::No;
            }
            return Some(happening);
        }
        let Reverse((at_ns, _, event)) = state.events.pop()?;
        debug_assert!(at_ns >= state.now_ns);
        match event {
            Event::Step(ring) if state.rings[ring].step_at_ns != Some(at_ns) => {
                return Some(Happening::Nothing);
            }
            _ => state.now_ns = at_ns,
        }
        match event {
            Event::Step(ring) => {
                state.rings[ring].step_at_ns = None;
                drop(state);
                self.step(ring);
            }
            Event::Deliver(connection, side) => state.deliver(connection, side),
            Event::Reset(connection, side) => state.reset(connection, side),
            Event::Arrive(connection, listener) => state.arrive(connection, listener),
            Event::Job(job) => {
                let job = state.jobs[job].take();
                drop(state);
                job.into_iter().for_each(|job| job());
            }
            Event::Alarm(number) => return Some(Happening::Alarm(number)),
        }
        Some(Happening::Nothing)
    }

    /// A turn of a worker's.
    pub(crate) fn step(&self, ring: usize) {
        let Some(mut life) = self.lives.borrow_mut().get_mut(ring).and_then(Option::take) else { return };
        let next = life.step();
        let mut state = self.state();
        let (now_ns, cost_ns) = (state.now_ns, state.dice.within(1_000..=20_000));
        state.rings[ring].busy_until_ns = now_ns + cost_ns;
        match next {
            Next::Now => state.attend(ring),
            // A message or bytes may have come meanwhile, and have scheduled an earlier one.
            Next::At(moment) => state.step_at(ring, moment.nanoseconds()),
            Next::Asleep => {}
            Next::Ended => {
                state.trace.note(now_ns, "worker ended", &[ring as i64]);
                drop(state);
                drop(life);
                return;
            }
        }
        drop(state);
        self.lives.borrow_mut()[ring] = Some(life);
    }

    pub(super) fn alarm(&self, after_ns: u64, number: u64) {
        self.state().schedule(after_ns, Event::Alarm(number));
    }

    // ---- descriptors ----

    pub(crate) fn listen(&self, address: SocketAddr, backlog: u32) -> io::Result<(i32, SocketAddr)> {
        let mut state = self.state();
        let mut address = address;
        if address.port() == 0 {
            address.set_port(state.next_port);
            state.next_port += 1;
        }
        let listener = Listener {
            address,
            backlog: VecDeque::new(),
            backlog_max: backlog.max(1) as usize,
            handles: 1,
            ring: None,
        };
        state.listeners.push(listener);
        let number = state.listeners.len() - 1;
        Ok((state.open(Entity::Listener(number)), address))
    }

    pub(crate) fn duplicate(&self, descriptor: i32) -> i32 {
        let mut state = self.state();
        match state.entity(descriptor) {
            Entity::Listener(listener) => {
                state.listeners[listener].handles += 1;
                state.open(Entity::Listener(listener))
            }
            Entity::End(..) => panic!("a connection has one descriptor"),
        }
    }

    pub(crate) fn close(&self, descriptor: i32) {
        let mut state = self.state();
        let entity = state.entity(descriptor);
        state.descriptors[(descriptor - DESCRIPTOR_BASE) as usize] = None;
        let now_ns = state.now_ns;
        match entity {
            Entity::Listener(listener) => {
                state.listeners[listener].handles -= 1;
                if state.listeners[listener].handles == 0 {
                    for connection in std::mem::take(&mut state.listeners[listener].backlog) {
                        state.close_end(connection, Side::Server, Close::Reset);
                    }
                }
            }
            Entity::End(connection, side) => {
                state.trace.note(now_ns, "closes", &[connection as i64]);
                let how = state.connections[connection].ends[side as usize].close;
                state.close_end(connection, side, how);
            }
        }
    }

    /// Descriptors that are open.
    pub(super) fn descriptors_open(&self) -> usize {
        self.state().descriptors.iter().flatten().count()
    }

    /// Which ring is to hear of it.
    pub(crate) fn watch(&self, descriptor: i32, ring: usize) {
        let mut state = self.state();
        match state.entity(descriptor) {
            Entity::Listener(listener) => state.listeners[listener].ring = Some(ring),
            Entity::End(connection, side) => {
                state.connections[connection].ends[side as usize].holder = Holder::Descriptor(Some(ring));
            }
        }
    }

    // ---- sockets ----

    /// A connection out of a listener's backlog, as a new descriptor.
    pub(crate) fn accept(&self, descriptor: i32) -> Option<i32> {
        let mut state = self.state();
        let Entity::Listener(listener) = state.entity(descriptor) else {
            panic!("{descriptor} does not listen")
        };
        let connection = state.listeners[listener].backlog.pop_front()?;
        let number = state.open(Entity::End(connection, Side::Server));
        state.connections[connection].ends[Side::Server as usize].holder = Holder::Descriptor(None);
        let now_ns = state.now_ns;
        state.trace.note(now_ns, "accepted", &[connection as i64, i64::from(number - DESCRIPTOR_BASE)]);
        Some(number)
    }

    /// Throws the first connection of a backlog away, as one that was reset before it was taken.
    pub(crate) fn abort_first(&self, descriptor: i32) -> bool {
        let mut state = self.state();
        let Entity::Listener(listener) = state.entity(descriptor) else { return false };
        let Some(connection) = state.listeners[listener].backlog.pop_front() else { return false };
        state.close_end(connection, Side::Server, Close::Reset);
        true
    }

    pub(crate) fn has_backlog(&self, descriptor: i32) -> bool {
        let state = self.state();
        let Entity::Listener(listener) = state.entity(descriptor) else { return false };
        !state.listeners[listener].backlog.is_empty()
    }

    pub(crate) fn receive(&self, descriptor: i32, room: &mut [u8]) -> Received {
        let mut state = self.state();
        let (connection, side) = state.end(descriptor);
        state.receive(connection, side, room)
    }

    pub(crate) fn send(&self, descriptor: i32, bytes: &[u8]) -> Result<usize, Refusal> {
        let mut state = self.state();
        let (connection, side) = state.end(descriptor);
        state.send(connection, side, bytes)
    }

    /// Octets that can be received now; `None` at an end or a failure, which can be had too.
    pub(crate) fn receivable(&self, descriptor: i32) -> Option<usize> {
        let state = self.state();
        let (connection, side) = state.end(descriptor);
        let end = &state.connections[connection].ends[side as usize];
        (!end.incoming.is_empty() && end.reading == Reading::Open).then_some(end.incoming.len())
    }

    pub(crate) fn is_writable(&self, descriptor: i32) -> bool {
        let state = self.state();
        let (connection, side) = state.end(descriptor);
        state.connections[connection].ends[side as usize].is_writable()
    }

    pub(crate) fn shutdown_write(&self, descriptor: i32) -> io::Result<()> {
        let mut state = self.state();
        let (connection, side) = state.end(descriptor);
        if state.connections[connection].ends[side as usize].fate != Fate::Alive {
            return Err(io::Error::from_raw_os_error(errno::ENOTCONN));
        }
        state.end_flow(connection, side);
        Ok(())
    }

    pub(crate) fn shutdown_both(&self, descriptor: i32) {
        let mut state = self.state();
        let (connection, side) = state.end(descriptor);
        state.connections[connection].ends[side as usize].reading = Reading::Shut;
        state.end_flow(connection, side);
        state.tell(connection, side);
    }

    pub(crate) fn reset_on_close(&self, descriptor: i32) {
        let mut state = self.state();
        let (connection, side) = state.end(descriptor);
        state.connections[connection].ends[side as usize].close = Close::Reset;
    }

    pub(crate) fn peer(&self, descriptor: i32) -> io::Result<SocketAddr> {
        let state = self.state();
        let (connection, side) = state.end(descriptor);
        let ends = &state.connections[connection].ends;
        match ends[side as usize].fate {
            Fate::Alive => Ok(ends[side.other() as usize].address),
            _ => Err(io::Error::from_raw_os_error(errno::ENOTCONN)),
        }
    }

    pub(crate) fn local(&self, descriptor: i32) -> SocketAddr {
        let state = self.state();
        match state.entity(descriptor) {
            Entity::Listener(listener) => state.listeners[listener].address,
            Entity::End(connection, side) => state.connections[connection].ends[side as usize].address,
        }
    }

    pub(crate) fn set_send_buffer_bytes(&self, descriptor: i32, bytes: usize) {
        let mut state = self.state();
        let (connection, side) = state.end(descriptor);
        state.connections[connection].ends[side as usize].outgoing_bytes_max = bytes.max(1) * 2;
    }

    pub(crate) fn set_receive_buffer_bytes(&self, descriptor: i32, bytes: usize) {
        let mut state = self.state();
        let (connection, side) = state.end(descriptor);
        state.connections[connection].ends[side as usize].incoming_bytes_max = bytes.max(1) * 2;
    }

    /// Octets sent and not yet arrived.
    pub(crate) fn unread_bytes(&self, descriptor: i32) -> usize {
        let state = self.state();
        let (connection, side) = state.end(descriptor);
        state.connections[connection].ends[side as usize].outgoing.len()
    }
}

impl State {
    fn schedule(&mut self, after_ns: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((self.now_ns + after_ns, self.sequence, event)));
    }

    /// A worker's turn as soon as it can be.
    fn attend(&mut self, ring: usize) {
        let wake_ns = self.dice.within(500..=20_000);
        let at_ns = (self.now_ns + wake_ns).max(self.rings[ring].busy_until_ns);
        self.step_at(ring, at_ns);
    }

    fn step_at(&mut self, ring: usize, at_ns: u64) {
        let at_ns = at_ns.max(self.rings[ring].busy_until_ns).max(self.now_ns);
        if self.rings[ring].step_at_ns.is_some_and(|step| step <= at_ns) {
            return;
        }
        self.rings[ring].step_at_ns = Some(at_ns);
        self.schedule(at_ns - self.now_ns, Event::Step(ring));
    }

    fn open(&mut self, entity: Entity) -> i32 {
        // The lowest free number, as the kernel gives them (open(2)).
        let free = self.descriptors.iter().position(Option::is_none);
        let index = free.unwrap_or(self.descriptors.len());
        if index == self.descriptors.len() {
            self.descriptors.push(None);
        }
        self.descriptors[index] = Some(entity);
        DESCRIPTOR_BASE + index as i32
    }

    fn entity(&self, descriptor: i32) -> Entity {
        let index = (descriptor - DESCRIPTOR_BASE) as usize;
        self.descriptors.get(index).copied().flatten().expect("a closed descriptor was used")
    }

    fn end(&self, descriptor: i32) -> (usize, Side) {
        match self.entity(descriptor) {
            Entity::End(connection, side) => (connection, side),
            Entity::Listener(_) => panic!("a listener was used as a connection"),
        }
    }

    fn delay_ns(&mut self) -> u64 {
        // Mostly the next machine, now and then one far away.
        match self.dice.below(20) {
            0 => self.dice.within(1_000_000..=50_000_000),
            1..=5 => self.dice.within(50_000..=1_000_000),
            _ => self.dice.within(1_000..=50_000),
        }
    }

    fn deliver_soon(&mut self, connection: usize, side: Side) {
        if self.connections[connection].ends[side as usize].delivery == Delivery::None {
            self.connections[connection].ends[side as usize].delivery = Delivery::Scheduled;
            let delay_ns = self.delay_ns();
            self.schedule(delay_ns, Event::Deliver(connection, side));
        }
    }

    /// News for whoever holds an end.
    fn tell(&mut self, connection: usize, side: Side) {
        match self.connections[connection].ends[side as usize].holder {
            Holder::Descriptor(Some(ring)) => self.attend(ring),
            Holder::Peer if self.connections[connection].is_told == Told::No => {
                self.connections[connection].is_told = Told::Yes;
                self.happenings.push_back(Happening::Peer(connection));
            }
            Holder::Peer | Holder::Descriptor(None) | Holder::Backlog | Holder::Nobody => {}
        }
    }

    fn deliver(&mut self, connection: usize, side: Side) {
        let other = side.other();
        self.connections[connection].ends[side as usize].delivery = Delivery::None;
        let [room, waiting] = {
            let ends = &self.connections[connection].ends;
            let there = &ends[other as usize];
            [
                there.incoming_bytes_max.saturating_sub(there.incoming.len()),
                ends[side as usize].outgoing.len(),
            ]
        };
        let there_is_nobody = {
            let there = &self.connections[connection].ends[other as usize];
            there.holder == Holder::Nobody || there.fate != Fate::Alive
        };
        if there_is_nobody {
            self.connections[connection].ends[side as usize].outgoing.clear();
            if waiting > 0 {
                let delay_ns = self.delay_ns();
                self.schedule(delay_ns, Event::Reset(connection, side));
            }
        }
        let mut length = if there_is_nobody { 0 } else { room.min(waiting) };
        if length > 1 && self.dice.below(4) == 0 {
            length = self.dice.within(1..=length as u64) as usize;
        }
        if length > 0 {
            let [client, server] = &mut self.connections[connection].ends;
            let (from, to) = if side == Side::Client { (client, server) } else { (server, client) };
            to.take_over(&mut from.outgoing, length);
            self.trace.note(self.now_ns, "arrives", &[connection as i64, side as i64, length as i64]);
            self.tell(connection, other);
            self.tell(connection, side);
        }
        let end = &self.connections[connection].ends[side as usize];
        if !end.outgoing.is_empty() {
            if room > length {
                self.deliver_soon(connection, side);
            }
        } else if end.flow == Flow::Ending {
            self.connections[connection].ends[side as usize].flow = Flow::Ended;
            self.trace.note(self.now_ns, "end arrives", &[connection as i64, side as i64]);
            self.tell(connection, other);
        }
    }

    fn reset(&mut self, connection: usize, side: Side) {
        let end = &mut self.connections[connection].ends[side as usize];
        if end.fate == Fate::Alive {
            end.fate = Fate::Reset;
            end.outgoing.clear();
            self.trace.note(self.now_ns, "reset arrives", &[connection as i64, side as i64]);
            self.tell(connection, side);
        }
    }

    fn arrive(&mut self, connection: usize, listener: usize) {
        let there = &mut self.listeners[listener];
        if there.handles == 0 {
            return self.reset(connection, Side::Client);
        }
        if there.backlog.len() >= there.backlog_max {
            // The client's kernel tries again (tcp(7), tcp_syn_retries).
            return self.schedule(1_000_000_000, Event::Arrive(connection, listener));
        }
        there.backlog.push_back(connection);
        self.trace.note(self.now_ns, "arrives at listener", &[connection as i64]);
        if let Some(ring) = self.listeners[listener].ring {
            self.attend(ring);
        }
    }

    fn end_flow(&mut self, connection: usize, side: Side) {
        let end = &mut self.connections[connection].ends[side as usize];
        if end.flow == Flow::Open {
            end.flow = Flow::Ending;
            self.deliver_soon(connection, side);
        }
    }

    /// close(2), by `how`; unread octets make it a reset whatever was asked for (RFC 1122 section 4.2.2.13).
    pub(super) fn close_end(&mut self, connection: usize, side: Side, how: Close) {
        let end = &mut self.connections[connection].ends[side as usize];
        end.holder = Holder::Nobody;
        if how == Close::Reset || !end.incoming.is_empty() {
            end.outgoing.clear();
            end.incoming.clear();
            end.flow = Flow::Cut;
            if end.fate == Fate::Alive {
                end.fate = Fate::ResetAndTold;
                let delay_ns = self.delay_ns();
                self.schedule(delay_ns, Event::Reset(connection, side.other()));
            }
            return;
        }
        self.end_flow(connection, side);
    }

    pub(super) fn receive(&mut self, connection: usize, side: Side, room: &mut [u8]) -> Received {
        let ended = self.connections[connection].ends[side.other() as usize].flow == Flow::Ended;
        let received = self.connections[connection].ends[side as usize].receive(room, ended);
        if let Ok(1..) = received
            && !self.connections[connection].ends[side.other() as usize].outgoing.is_empty()
        {
            self.deliver_soon(connection, side.other());
        }
        received
    }

    pub(super) fn send(&mut self, connection: usize, side: Side, bytes: &[u8]) -> Result<usize, Refusal> {
        let sent = self.connections[connection].ends[side as usize].send(bytes)?;
        self.trace.note(self.now_ns, "sends", &[connection as i64, side as i64, sent as i64]);
        self.deliver_soon(connection, side);
        Ok(sent)
    }

    pub(super) fn end_flow_of_peer(&mut self, connection: usize) {
        self.end_flow(connection, Side::Client);
    }

    pub(super) fn listens(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|listener| listener.handles > 0 && listener.address == address)
    }

    /// A new connection of a peer's to `address`; `None` where nobody listens.
    pub(super) fn connect(&mut self, address: SocketAddr, buffer_bytes: (usize, usize)) -> Option<usize> {
        let listening = |listener: &Listener| listener.handles > 0 && listener.address == address;
        let count = self.listeners.iter().filter(|listener| listening(listener)).count();
        if count == 0 {
            return None;
        }
        let chosen = self.dice.below(count as u64) as usize;
        let listener =
            (0..self.listeners.len()).filter(|&number| listening(&self.listeners[number])).nth(chosen)?;
        self.next_client += 1;
        let client =
            SocketAddr::from(([10, 0, (self.next_client >> 8) as u8, self.next_client as u8], 50_000));
        let server_bytes =
            (self.dice.within(4_096..=262_144) as usize, self.dice.within(4_096..=131_072) as usize);
        self.connections.push(Connection {
            ends: [
                End::new(Holder::Peer, client, buffer_bytes),
                End::new(Holder::Backlog, address, server_bytes),
            ],
            is_told: Told::No,
        });
        let connection = self.connections.len() - 1;
        let delay_ns = self.delay_ns();
        self.schedule(delay_ns, Event::Arrive(connection, listener));
        Some(connection)
    }
}

/// When a worker wants its next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Now,
    At(Moment),
    /// When something happens.
    Asleep,
    /// It has ended.
    Ended,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
