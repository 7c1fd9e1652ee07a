//! Rings, workers and helper threads of the simulated machine: who has a turn when.
//!
//! In: news for a ring, and what a worker's step has said. Out: the steps of workers, one at a time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::life::{Life, Next};
use super::simulation::WorkerDeath;
use super::world::{Event, State, World};
use crate::report;
use crate::worker::panic_text;

/// Numbers of rings, as addresses of messages.
const RING_BASE: i32 = 0x6000_0000;

#[derive(Debug, Default)]
pub(super) struct RingState {
    stage: Stage,
    message: Message,
    /// When its worker's next turn is, by the event that counts.
    step_at_ns: Option<u64>,
    /// Its worker is busy until then.
    busy_until_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Open,
    /// Closed, with its worker's end.
    Gone,
}

/// Whether somebody has rung since the ring looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Message {
    #[default]
    None,
    Waits,
}

/// Whether a message reached its ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    Yes,
    No,
}

/// Whether work was taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakenOn {
    Yes,
    /// As much as may wait waits already.
    No,
}

impl RingState {
    /// Whether the event of a step at that time is the one that counts; takes it, if it is.
    pub(super) fn is_step(&mut self, at_ns: u64) -> bool {
        self.step_at_ns.take_if(|step| *step == at_ns).is_some()
    }
}

impl World {
    pub(crate) fn new_ring(&self) -> usize {
        let mut state = self.state();
        state.rings.push(RingState::default());
        state.rings.len() - 1
    }

    pub(crate) fn end_ring(&self, ring: usize) {
        self.state().rings[ring].stage = Stage::Gone;
    }

    /// Whether it was closed, by its worker's end or that of the process.
    pub(crate) fn is_gone(&self, ring: usize) -> bool {
        self.state().rings[ring].stage == Stage::Gone
    }

    /// The number by which other rings reach it.
    pub(crate) fn ring_address(ring: usize) -> i32 {
        RING_BASE + ring as i32
    }

    /// A message to the ring at `address`, if there is one.
    pub(crate) fn send_message(&self, address: i32) -> Reached {
        let mut state = self.state();
        let ring = (address - RING_BASE) as usize;
        match state.rings.get_mut(ring) {
            Some(there) if there.stage == Stage::Open => {
                there.message = Message::Waits;
                state.attend(ring);
                Reached::Yes
            }
            _ => Reached::No,
        }
    }

    pub(crate) fn take_message(&self, ring: usize) -> Message {
        std::mem::take(&mut self.state().rings[ring].message)
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

    /// Has this ring's worker look when the disk is done.
    pub(crate) fn attend_after(&self, ring: usize, after_ns: u64) {
        self.state().schedule(after_ns, Event::DiskDone(ring));
    }

    /// Work for a helper thread, of which `jobs_max` may be open.
    pub(crate) fn take_on(&self, job: Box<dyn FnOnce() + Send>, jobs_max: usize) -> TakenOn {
        let mut state = self.state();
        let disk_ns = std::mem::take(&mut state.job_disk_ns);
        if state.jobs_open >= jobs_max {
            return TakenOn::No;
        }
        state.jobs_open += 1;
        state.jobs.push(Some(job));
        let job = state.jobs.len() - 1;
        let delay = state.dice.within(5_000..=5_000_000) + disk_ns;
        state.schedule(delay, Event::Job(job));
        TakenOn::Yes
    }

    // ---- workers ----

    pub(crate) fn add_life(&self, ring: usize, life: Life) {
        let mut lives = self.lives.borrow_mut();
        while lives.len() <= ring {
            lives.push(None);
        }
        lives[ring] = Some(life);
    }

    pub(crate) fn living(&self) -> usize {
        self.lives.borrow().iter().flatten().count()
    }

    /// How many of the workers at these rings have not ended.
    pub(crate) fn living_at(&self, rings: &[usize]) -> usize {
        let lives = self.lives.borrow();
        rings.iter().filter(|&&ring| lives.get(ring).is_some_and(Option::is_some)).count()
    }

    /// A worker ended, and had not given back what it was lent. One that ends with its process owes nothing.
    pub(crate) fn note_leak(&self, what: String) {
        if self.state().rings.iter().any(|ring| ring.stage == Stage::Open) {
            self.mistakes.note(what);
        }
    }

    /// What a worker does when its ring wakes it, or its first turn.
    pub(crate) fn step(&self, ring: usize) {
        let Some(mut life) = self.lives.borrow_mut().get_mut(ring).and_then(Option::take) else { return };
        let next = match self.worker_death.get() {
            WorkerDeath::Panics => life.step(),
            WorkerDeath::EndsProcess => match catch_unwind(AssertUnwindSafe(|| life.step())) {
                Ok(next) => next,
                Err(panic) => {
                    let death = format!("worker {} died: {}", life.index(), panic_text(&*panic));
                    report::line(&death);
                    self.state().deaths.push(death);
                    self.lives.borrow_mut()[ring] = Some(life);
                    return self.end_process();
                }
            },
        };
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

    /// The process ends as by exit(2) or a signal: what it had open is closed, and no code of it runs any more but
    /// drops, which reach nothing.
    pub(super) fn end_process(&self) {
        let mut state = self.state();
        let now_ns = state.now_ns;
        state.trace.note(now_ns, "process ended", &[]);
        state.close_all();
        state.rings.iter_mut().for_each(|ring| ring.stage = Stage::Gone);
        drop(state);
        drop(self.take_jobs());
        self.drop_lives();
    }

    /// The work that no helper has begun, to be dropped while the machine is not held.
    pub(super) fn take_jobs(&self) -> Vec<Box<dyn FnOnce() + Send>> {
        let mut state = self.state();
        state.jobs_open = 0;
        state.jobs.iter_mut().filter_map(Option::take).collect()
    }

    /// Ends the workers that have not ended by themselves: all of them, also where a drop of one panics.
    pub(super) fn drop_lives(&self) {
        let mut first_panic = None;
        loop {
            let life = self.lives.borrow_mut().iter_mut().find_map(Option::take);
            let Some(life) = life else { break };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(life))) {
                first_panic.get_or_insert(panic);
            }
        }
        if let Some(panic) = first_panic.filter(|_| !std::thread::panicking()) {
            resume_unwind(panic);
        }
    }
}

impl State {
    /// A worker's turn as soon as it can be.
    pub(super) fn attend(&mut self, ring: usize) {
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
}
