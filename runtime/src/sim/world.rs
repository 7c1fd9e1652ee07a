//! What there is in the simulated machine, and what happens next.
//!
//! In: the calls of `runtime::sys` and of peers outside. Out: their results at once, and events later. Nothing in here waits, and
//! nothing is decided but by the dice.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::descriptors::Descriptors;
use super::dice::Dice;
use super::faults::Fault;
use super::file_tree::FileTree;
use super::life::Life;
use super::mistakes::Mistakes;
use super::places::Places;
use super::rings::RingState;
use super::simulation::{Happening, SimulationOptions, WorkerDeath};
use super::stream::{End, Opening, Side};
use super::trace::Trace;
use crate::sys::Moment;

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

/// The monotonic clock at the start: not 0, which stands for no time in some places.
const START_NS: u64 = 1_000_000_000;
/// The wall clock at the start: 2026-01-01 00:00:00 UTC.
const START_UNIX_S: u64 = 1_767_225_600;

/// Worlds of this process so far.
static WORLDS: AtomicU32 = AtomicU32::new(0);

/// The simulated machine of one thread.
pub(crate) struct World {
    /// Which of the process's worlds it is.
    number: u32,
    state: RefCell<State>,
    pub(super) lives: RefCell<Vec<Option<Life>>>,
    options: SimulationOptions,
    pub(super) worker_death: Cell<WorkerDeath>,
    pub(super) mistakes: Mistakes,
}

pub(super) struct State {
    pub(super) now_ns: u64,
    pub(super) dice: Dice,
    pub(super) connections: Vec<Connection>,
    pub(super) places: Places,
    pub(super) files: FileTree,
    pub(super) descriptors: Descriptors,
    pub(super) rings: Vec<RingState>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    pub(super) jobs: Vec<Option<Box<dyn FnOnce() + Send>>>,
    /// Jobs that are not done.
    pub(super) jobs_open: usize,
    /// How long the disk takes for the next job.
    pub(super) job_disk_ns: u64,
    pub(super) happenings: VecDeque<Happening>,
    pub(super) trace: Trace,
    pub(super) faults: BTreeMap<(&'static str, Fault), u64>,
    /// What the workers said whose death has ended the process: at most one each time.
    pub(super) deaths: Vec<String>,
}

/// A connection: the client's end, the server's.
pub(super) struct Connection {
    pub(super) ends: [End; 2],
    pub(super) opening: Opening,
    /// Whether its peer's news is already in line.
    pub(super) is_told: Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A worker's turn.
    Step(usize),
    /// What an end has sent arrives at the other.
    Deliver(usize, Side),
    /// What an end has held back is sent.
    Uncork(usize, Side),
    /// A reset arrives at an end.
    Reset(usize, Side),
    /// A connection is asked for, so many times before.
    Ask(usize, u32),
    /// A listener's answer arrives at who asked.
    Answer(usize, usize),
    /// A connection fails with an errno.
    Fail(usize, i32),
    /// A connection arrives at a listener, so many times before.
    Arrive(usize, usize, u32),
    /// Work of a helper thread is done.
    Job(usize),
    /// The disk has done something for a worker.
    DiskDone(usize),
    /// A peer's alarm.
    Alarm(u64),
}

impl World {
    pub(super) fn new(seed: u64, options: SimulationOptions) -> Rc<Self> {
        let mistakes = Mistakes::default();
        Rc::new(Self {
            number: WORLDS.fetch_add(1, Ordering::Relaxed),
            state: RefCell::new(State {
                now_ns: START_NS,
                dice: Dice::new(seed),
                connections: Vec::new(),
                places: Places::new(),
                files: FileTree::new((START_UNIX_S as i64, 0)),
                descriptors: Descriptors::new(mistakes.clone()),
                rings: Vec::new(),
                events: BinaryHeap::new(),
                sequence: 0,
                jobs: Vec::new(),
                jobs_open: 0,
                job_disk_ns: 0,
                happenings: VecDeque::new(),
                trace: Trace::new(options.trace),
                faults: BTreeMap::new(),
                deaths: Vec::new(),
            }),
            lives: RefCell::new(Vec::new()),
            options,
            worker_death: Cell::new(WorkerDeath::Panics),
            mistakes,
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

    /// Which of the process's worlds it is: descriptors of one mean nothing in another.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn state(&self) -> std::cell::RefMut<'_, State> {
        self.state.borrow_mut()
    }

    // ---- time and chance ----

    pub(crate) fn now(&self) -> Moment {
        Moment::from_nanoseconds(self.state().now_ns)
    }

    /// The simulated time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.now().since(Moment::from_nanoseconds(START_NS))
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

    /// A line for whoever reads the trace.
    pub(crate) fn remark(&self, text: impl FnOnce() -> String) {
        let mut state = self.state();
        let now_ns = state.now_ns;
        state.trace.remark(now_ns, text);
    }

    /// The server has done what a real kernel would answer by foreign memory, a foreign file or a worker that hangs.
    ///
    /// # Panics
    /// Always; what was wrong is known also to who asks at the end.
    #[track_caller]
    pub(crate) fn end_run(&self, what: String) -> ! {
        self.mistakes.end_run(what)
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.state().dice.below(end as u64) as usize
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
            Event::Step(ring) if !state.rings[ring].is_step(at_ns) => return Some(Happening::Nothing),
            _ => state.now_ns = at_ns,
        }
        match event {
            Event::Step(ring) => {
                drop(state);
                self.step(ring);
            }
            Event::Deliver(connection, side) => state.deliver(connection, side),
            Event::Uncork(connection, side) => state.uncork(connection, side),
            Event::Reset(connection, side) => state.reset(connection, side),
            Event::Ask(connection, tries) => state.ask(connection, tries),
            Event::Answer(connection, listener) => state.answer(connection, listener),
            Event::Fail(connection, error) => state.fail(connection, error),
            Event::Arrive(connection, listener, tries) => state.arrive(connection, listener, tries),
            Event::Job(job) => {
                let job = state.jobs[job].take();
                state.jobs_open -= usize::from(job.is_some());
                drop(state);
                job.into_iter().for_each(|job| job());
            }
            Event::DiskDone(ring) => state.attend(ring),
            Event::Alarm(number) => return Some(Happening::Alarm(number)),
        }
        Some(Happening::Nothing)
    }

    pub(super) fn alarm(&self, after_ns: u64, number: u64) {
        self.state().schedule(after_ns, Event::Alarm(number));
    }
}

impl State {
    pub(super) fn schedule(&mut self, after_ns: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((self.now_ns + after_ns, self.sequence, event)));
    }

    /// How long something is on its way.
    pub(super) fn delay_ns(&mut self) -> u64 {
        // Mostly the next machine, now and then one far away.
        match self.dice.below(20) {
            0 => self.dice.within(1_000_000..=50_000_000),
            1..=5 => self.dice.within(50_000..=1_000_000),
            _ => self.dice.within(1_000..=50_000),
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("number", &self.number).finish_non_exhaustive()
    }
}
