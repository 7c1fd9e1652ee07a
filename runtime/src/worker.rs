//! One worker: a pinned thread with its own kernel, tasks and timers.
//!
//! In: completions, wake-ups, the clock. Out: polls of tasks, and one enter per turn. [`Core::turn`] never blocks; only
//! the loop around it waits.

use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::blocking::Helpers;
use crate::blocks::{BlockLimits, Blocks};
use crate::counters::{Counters, Turn};
use crate::inbox::{self, Inbox, InboxClaim};
use crate::near::Near;
use crate::report::{self, Reporter};
use crate::sim::{self, Next};
use crate::sys::{
    AtRest, Kernel, KernelFigures, KernelLimits, Moment, Reaped, RingAddress, StartError, Wait, Waiter,
    requested_bytes_of_thread,
};
use crate::tasks::{Running, TaskFuture, Tasks};
use crate::timer::{Sleeps, Wheel};
use crate::waker::{self, TaskId};

/// Memory that one poll of a task may ask the allocator for before it is told of, in bytes.
const POLL_REQUESTED_BYTES_TOLD: u64 = 64 << 20;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// Sizes of a worker, fixed at its start.
///
/// ```
/// use selvedge_runtime::{BlockLimits, KernelLimits, Runtime, WorkerLimits};
///
/// # fn main() -> Result<(), selvedge_runtime::StartError> {
/// // For a small machine.
/// let limits = WorkerLimits {
///     kernel: KernelLimits { receive_buffers: 256, file_blocks: 8, ..KernelLimits::default() },
///     blocks: BlockLimits { small: 256, medium: 32, large: 16 },
/// };
/// let runtime = Runtime::builder().workers(2).limits(limits).build()?;
/// assert_eq!(runtime.memory_bytes(), 2 * limits.memory_bytes());
/// assert!(limits.memory_bytes() < 6 << 20);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerLimits {
    /// Ring and receive buffers.
    pub kernel: KernelLimits,
    /// Blocks for responses.
    pub blocks: BlockLimits,
}

impl WorkerLimits {
    /// Bytes a worker's pools take when every page of them has been touched.
    pub fn memory_bytes(&self) -> usize {
        self.kernel.memory_bytes() + self.blocks.memory_bytes()
    }
}

/// What the parts of a worker share. All of it stays on the worker's thread but the counters, which others read.
pub(crate) struct Core {
    kernel: RefCell<Kernel>,
    tasks: RefCell<Tasks>,
    wheel: RefCell<Wheel>,
    sleeps: RefCell<Sleeps>,
    blocks: Blocks,
    helpers: Arc<Helpers>,
    counters: Arc<Counters>,
    reporter: Reporter,
    /// The clock at the beginning of the turn.
    now: Cell<Moment>,
    /// Who is woken by the clock in this turn; kept for its memory.
    due: RefCell<Vec<Waiter>>,
    inbox: &'static Inbox,
    claim: InboxClaim,
    index: usize,
}

impl Core {
    /// Makes a worker's core on its own thread.
    pub(crate) fn new(
        index: usize,
        limits: &WorkerLimits,
        helpers: Arc<Helpers>,
        counters: Arc<Counters>,
    ) -> Result<Rc<Self>, StartError> {
        let claim = InboxClaim::new().map_err(|error| StartError::Other("claiming an inbox", error))?;
        let kernel = Kernel::new(&limits.kernel, claim.inbox().doorbell())?;
        claim.inbox().set_ring(Some(kernel.ring_address()));
        let now = kernel.now();
        Ok(Rc::new(Self {
            kernel: RefCell::new(kernel),
            tasks: RefCell::new(Tasks::with_capacity(1_024)),
            wheel: RefCell::new(Wheel::new(now)),
            sleeps: RefCell::new(Sleeps::default()),
            blocks: Blocks::new(&limits.blocks).map_err(StartError::Memory)?,
            helpers,
            counters,
            reporter: Reporter::default(),
            now: Cell::new(now),
            // Room for what is due in a usual tick, so that the first one does not allocate in the midst of requests.
            due: RefCell::new(Vec::with_capacity(64)),
            inbox: claim.inbox(),
            claim,
            index,
        }))
    }

    /// Runs `main` and all that it spawns, until `main` is ready; then drops every task and lets the kernel come to
    /// rest.
    pub(crate) fn run(self: &Rc<Self>, main: impl Future<Output = ()>) {
        let entered = Entered::new(self);
        {
            let mut main = pin!(main);
            let main_id = self.spawn_main();
            let mut reaped = Reaped::default();
            loop {
                if self.turn(&mut reaped, main_id, main.as_mut()) == Turned::MainIsDone {
                    break;
                }
                self.wait();
            }
        }
        self.come_to_rest(entered);
    }

    /// Drops every task and lets the kernel come to rest.
    fn come_to_rest(&self, entered: Entered) {
        // A drop may spawn.
        while self.tasks() > 0 {
            for future in self.take_all_tasks() {
                self.drop_task(future);
            }
        }
        let mut reaped = Reaped::default();
        let at_rest = self.kernel.borrow_mut().shut_down(&mut reaped);
        for inbox in reaped.unreached {
            inbox::ring_by_eventfd(inbox);
        }
        self.counters.note_kernel(&self.kernel.borrow().figures());
        drop(entered);
        if at_rest == AtRest::No {
            report::line("a kernel operation does not end; its memory is given up");
        }
    }

    /// What a simulated worker does when its ring wakes it: the rest of the enter it waits in, then, if that returns, a
    /// turn and the next enter. Says when that one returns if nothing happens until then.
    pub(crate) fn step(
        self: &Rc<Self>,
        reaped: &mut Reaped,
        main_id: &mut Option<TaskId>,
        main: Pin<&mut dyn Future<Output = ()>>,
    ) -> Next {
        let _entered = Entered::new(self);
        self.kernel().go_on();
        let is_first = main_id.is_none();
        let main_id = *main_id.get_or_insert_with(|| self.spawn_main());
        // As outside a simulation: a worker that waits too long sleeps too long, whoever looks in.
        let returns = |next| next == Next::Now || matches!(next, Next::At(due) if due <= self.kernel().now());
        let next = self.next_step();
        if !is_first && !returns(next) {
            return next;
        }
        if self.turn(reaped, main_id, main) == Turned::MainIsDone {
            return Next::Ended;
        }
        self.wait_as_told(Wait::None);
        self.next_step()
    }

    /// Until when a simulated worker's enter waits, as [`wait`](Self::wait) tells the real one.
    fn next_step(&self) -> Next {
        if self.tasks.borrow().ready() > 0 || self.kernel().has_news() {
            return Next::Now;
        }
        self.next_due().map_or(Next::Asleep, Next::At)
    }

    /// The end of a simulated worker.
    pub(crate) fn end_life(self: &Rc<Self>, main: Pin<Box<dyn Future<Output = ()>>>) {
        let entered = Entered::new(self);
        drop(main);
        self.come_to_rest(entered);
        let kernel = self.kernel.borrow();
        let (leases, ops) = (kernel.receive_buffers().0, kernel.ops());
        let blocks = self.blocks.leases_out() + kernel.file_block_leases();
        if let Some(world) = sim::world()
            && leases + ops + blocks > 0
        {
            let index = self.index;
            world.note_leak(format!(
                "worker {index} ended with {leases} receive buffers, {blocks} blocks, {ops} ops"
            ));
        }
    }

    /// One turn: completions, wake-ups, timers, then the tasks that are ready now, then the buffers they gave back.
    fn turn(
        &self,
        reaped: &mut Reaped,
        main_id: TaskId,
        main: Pin<&mut (impl Future<Output = ()> + ?Sized)>,
    ) -> Turned {
        let started = self.now_from_kernel();
        self.counters.begin_turn(started);
        self.kernel.borrow_mut().reap(reaped);
        // Before what was received: who tells a worker to stop, and then sends a request, finds that it stops.
        if std::mem::take(&mut reaped.rung) {
            self.inbox.drain(|index| self.tasks.borrow_mut().make_ready(index, None));
        }
        for waiter in reaped.woken.drain(..) {
            waker::wake_waiter(waiter);
        }
        self.drop_discarded();
        for inbox in reaped.unreached.drain(..) {
            inbox::ring_by_eventfd(inbox);
        }
        self.fire_timers(started);
        let turned = self.run_ready(main_id, main);
        self.drop_discarded();
        self.kernel.borrow_mut().publish();
        let ended = self.kernel.borrow().now();
        self.counters.end_turn(&Turn { started, ended });
        if self.counters.is_watched(started) {
            self.reporter.report("stall over", ended, || {
                let length = ended.since(started).as_millis();
                format!("worker {} goes on, after a turn of {length} ms", self.index)
            });
        }
        turned
    }

    fn fire_timers(&self, now: Moment) {
        let mut due = self.due.take();
        self.wheel.borrow_mut().advance(now, |waiter| due.push(waiter));
        self.sleeps.borrow_mut().advance(now, |waiter| due.push(waiter));
        for waiter in due.drain(..) {
            waker::wake_waiter(waiter);
        }
        self.due.replace(due);
    }

    /// Runs what is ready at this moment; what becomes ready meanwhile waits for the next turn, after the kernel.
    fn run_ready(&self, main_id: TaskId, mut main: Pin<&mut (impl Future<Output = ()> + ?Sized)>) -> Turned {
        let ready = self.tasks.borrow().ready();
        for _ in 0..ready {
            let Some(mut running) = self.tasks.borrow_mut().start_next() else { break };
            self.counters.note_task(running.name);
            let id = TaskId::new(self.inbox(), running.generation, running.index);
            let waker = id.waker();
            let mut context = Context::from_waker(&waker);
            if id == main_id {
                self.put_back(running);
                if main.as_mut().poll(&mut context).is_ready() {
                    return Turned::MainIsDone;
                }
                continue;
            }
            let requested_before = requested_bytes_of_thread();
            let polled = catch_unwind(AssertUnwindSafe(|| running.future.as_mut().poll(&mut context)));
            self.note_requested(requested_bytes_of_thread().wrapping_sub(requested_before));
            match polled {
                Ok(Poll::Pending) => self.put_back(running),
                Ok(Poll::Ready(())) => self.finish(running),
                Err(panic) => {
                    self.note_panic("a task panicked", panic);
                    self.finish(running);
                }
            }
        }
        Turned::Goes
    }

    /// A poll that asks for much memory is told of, with what it was at: nothing can stop it while it does. Where no allocator
    /// counts, `bytes` is 0.
    fn note_requested(&self, bytes: u64) {
        if bytes > POLL_REQUESTED_BYTES_TOLD {
            self.reporter.report("memory of a poll", self.now(), || {
                let (index, work, mebibytes) = (self.index, self.counters.last_work(), bytes >> 20);
                format!("worker {index}: one poll has asked for {mebibytes} MiB of memory ({work})")
            });
        }
    }

    fn put_back(&self, running: Running) {
        let aborted = self.tasks.borrow_mut().put_back(running);
        if let Some(future) = aborted {
            self.drop_task(future);
        }
    }

    fn finish(&self, running: Running) {
        // The bound entry first, the future after: its drop may wake and spawn.
        let left = self.tasks.borrow_mut().remove(running.index, running.generation);
        debug_assert!(left.is_none(), "a running task's future is out of its slot");
        self.drop_task(running.future);
    }

    fn drop_task(&self, future: TaskFuture) {
        self.survive(|| drop(future));
    }

    /// A drop that panics ends here.
    fn survive(&self, drop: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(drop)) {
            self.note_panic("a task panicked while it was dropped", panic);
        }
    }

    pub(crate) fn label_work(&self, what: &[u8]) {
        self.counters.label_work(what);
    }

    pub(crate) fn note_failure(&self, what: &'static str, failure: &dyn Display) {
        self.reporter.report(what, self.now(), || {
            format!("worker {}: {what} ({}): {failure}", self.index, self.counters.last_work())
        });
    }

    pub(crate) fn note_panic(&self, what: &'static str, panic: Box<dyn Any + Send>) {
        self.counters.panics.add(1);
        let place = report::take_panic_place();
        self.reporter.report(what, self.now(), || {
            let (index, work) = (self.index, self.counters.last_work());
            format!("worker {index}: {what} ({work}): {}{place}", panic_text(&*panic))
        });
        // Dropping the payload may panic again.
        #[expect(clippy::mem_forget, reason = "a payload whose drop panics would end the worker")]
        std::mem::forget(panic);
    }

    /// Takes the kernel object's figures over, and says if connections were given up so that others could be heard.
    fn note_kernel(&self, figures: &KernelFigures) {
        let more = figures.evictions - self.counters.evictions.get();
        self.counters.note_kernel(figures);
        if more > 0 {
            self.reporter.report("evictions", self.now(), || {
                format!(
                    "worker {}: {more} connections closed: all receive buffers were held by input that is not read",
                    self.index
                )
            });
        }
    }

    /// Drops what the kernel object may not drop itself, because it would come back to it.
    fn drop_discarded(&self) {
        loop {
            let discarded = self.kernel.borrow_mut().take_discarded();
            match discarded {
                Some(discarded) => self.survive(|| drop(discarded)),
                None => return,
            }
        }
    }

    fn take_all_tasks(&self) -> Vec<TaskFuture> {
        self.tasks.borrow_mut().take_all()
    }

    fn wait(&self) {
        let wait = if self.tasks.borrow().ready() > 0 {
            Wait::None
        } else {
            self.next_due().map_or(Wait::Forever, |next| Wait::AtMost(next.since(self.kernel.borrow().now())))
        };
        self.wait_as_told(wait);
    }

    /// When the clock has something for the worker.
    fn next_due(&self) -> Option<Moment> {
        let relief_due = self.kernel.borrow().relief_due();
        let next = [self.wheel.borrow().next(), self.sleeps.borrow().next(), relief_due];
        next.into_iter().flatten().min()
    }

    fn wait_as_told(&self, wait: Wait) {
        let mut kernel = self.kernel.borrow_mut();
        self.note_kernel(&kernel.figures());
        kernel.wait(wait);
    }

    fn now_from_kernel(&self) -> Moment {
        let now = self.kernel.borrow().now();
        self.now.set(now);
        now
    }

    /// Task 0 of this worker, which stands for `main`: that lives with its caller.
    fn spawn_main(&self) -> TaskId {
        self.spawn("main", Near::NOTHING, Box::pin(std::future::pending()))
    }

    // ---- what the parts of a worker use ----

    pub(crate) fn spawn(&self, name: &'static str, near: Near, future: TaskFuture) -> TaskId {
        self.tasks.borrow_mut().insert(self.inbox(), self.counters.task_name(name), near, future)
    }

    /// Ends a task: its future is dropped now, or after its poll if it is the one that runs.
    pub(crate) fn abort(&self, task: TaskId) {
        let future = self.tasks.borrow_mut().remove(task.index(), task.generation());
        if let Some(future) = future {
            self.drop_task(future);
        }
    }

    pub(crate) fn make_ready(&self, task: TaskId) {
        self.tasks.borrow_mut().make_ready(task.index(), Some(task.generation()));
    }

    pub(crate) fn make_all_ready(&self) {
        self.tasks.borrow_mut().make_all_ready();
    }

    /// Rings another worker's ring; false if this worker's kernel is busy, so that another way must be taken.
    pub(crate) fn ring_other(&self, address: RingAddress, inbox: u16) -> bool {
        match self.kernel.try_borrow_mut() {
            Ok(mut kernel) => {
                kernel.ring_other(address, u32::from(inbox));
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn kernel(&self) -> RefMut<'_, Kernel> {
        self.kernel.borrow_mut()
    }

    pub(crate) fn wheel(&self) -> RefMut<'_, Wheel> {
        self.wheel.borrow_mut()
    }

    pub(crate) fn sleeps(&self) -> RefMut<'_, Sleeps> {
        self.sleeps.borrow_mut()
    }

    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    pub(crate) fn helpers(&self) -> &Arc<Helpers> {
        &self.helpers
    }

    pub(crate) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// The clock at the beginning of the turn.
    pub(crate) fn now(&self) -> Moment {
        self.now.get()
    }

    /// Turns before this one.
    pub(crate) fn turn_number(&self) -> u64 {
        self.counters.turns.get()
    }

    pub(crate) fn inbox(&self) -> u16 {
        self.claim.index()
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn tasks(&self) -> usize {
        self.tasks.borrow().len()
    }
}

impl std::fmt::Debug for Core {
    /// Short: every stream and future holds its core.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Core(worker {})", self.index)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turned {
    Goes,
    MainIsDone,
}

/// The thread is this worker's while this lives.
struct Entered;

impl Entered {
    fn new(core: &Rc<Core>) -> Self {
        CURRENT.with(|current| {
            let before = current.borrow_mut().replace(Rc::clone(core));
            assert!(before.is_none(), "a thread is at most one worker");
        });
        Self
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let core = CURRENT.with(|current| current.borrow_mut().take());
        drop(core);
    }
}

/// The worker of the calling thread.
///
/// # Panics
/// Outside a worker.
pub(crate) fn current() -> Rc<Core> {
    CURRENT
        .with(|current| current.borrow().clone())
        .expect("this needs a worker: call it from a future that runs on a selvedge runtime")
}

pub(crate) fn with_current<T>(run: impl FnOnce(Option<&Core>) -> T) -> T {
    let mut run = Some(run);
    // While a thread's storage is torn down it is nobody's worker any more.
    let result = CURRENT.try_with(|current| {
        let current = current.borrow();
        run.take().map(|run| run(current.as_deref()))
    });
    match result.ok().flatten() {
        Some(result) => result,
        None => (run.expect("it has not run"))(None),
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "(no message)"
    }
}
