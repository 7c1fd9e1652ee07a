//! How much memory a piece of work may ask for. In: the work, in as many polls as it takes, and the tasks it spawns. Out:
//! whether it has asked for more than its budget.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::sys::requested_bytes_of_thread;
use crate::tasks::TaskFuture;

thread_local! {
    /// Whose work the thread does now.
    static CURRENT: RefCell<Option<AllocationBudget>> = const { RefCell::new(None) };
}

/// Bytes that a piece of work may ask the allocator for. A clone is the same budget.
///
/// Counted is what its worker's thread asks for while it is [charged](Self::charge), freed again or not, and so what the tasks
/// ask for that are spawned meanwhile, in all their polls. Not counted: what other threads ask for on its behalf
/// ([`blocking`](crate::blocking()), a tokio runtime), the runtime's own blocks and buffers, and what does not come from the
/// allocator. Without a [`CountingAllocator`](crate::CountingAllocator) nothing is ([`counts_allocations`](crate::counts_allocations)).
///
/// Nobody is stopped: whoever charges looks at the budget between polls.
///
/// ```
/// use std::alloc::System;
///
/// use selvedge_runtime::{AllocationBudget, CountingAllocator, block_on, spawn};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator(System);
///
/// fn main() {
///     block_on(|| async {
///         let budget = AllocationBudget::new(1_000);
///         let kept = budget.charge(|| vec![0_u8; 600]);
///         assert_eq!((budget.spent_bytes(), budget.is_exceeded()), (600, false));
///         let task = budget.charge(|| spawn("its task", async { drop(std::hint::black_box(vec![0_u8; 600])) }));
///         assert!(task.await.is_ok());
///         assert!(budget.is_exceeded());
///         drop(kept);
///     });
/// }
/// ```
#[derive(Clone)]
pub struct AllocationBudget(Rc<Account>);

struct Account {
    spent_bytes: Cell<u64>,
    bytes_max: Cell<u64>,
    /// Whether its work is done now.
    is_charging: Cell<bool>,
    /// Who ends the work, to be woken by a task of its that asks for too much.
    waits: RefCell<Option<Waker>>,
}

impl AllocationBudget {
    /// A budget of so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        Self(Rc::new(Account {
            spent_bytes: Cell::new(0),
            bytes_max: Cell::new(bytes_max),
            is_charging: Cell::new(false),
            waits: RefCell::default(),
        }))
    }

    /// A budget for other work, in the same memory where no task is charged to it any more.
    pub fn renew(&mut self, bytes_max: u64) {
        match Rc::get_mut(&mut self.0) {
            Some(account) => {
                *account.spent_bytes.get_mut() = 0;
                *account.bytes_max.get_mut() = bytes_max;
                *account.waits.get_mut() = None;
            }
            None => *self = Self::new(bytes_max),
        }
    }

    /// Does a part of the work, and charges what it asks for. Where it is done within other charged work, both are charged, and
    /// the tasks it spawns are this one's. Within a part of its own work it is charged once.
    pub fn charge<T>(&self, work: impl FnOnce() -> T) -> T {
        let _charging = Charging::begin(self);
        work()
    }

    /// Lowers the budget; one that was lower stays.
    pub fn lower(&self, bytes_max: u64) {
        self.0.bytes_max.set(self.0.bytes_max.get().min(bytes_max));
    }

    /// Bytes asked for so far.
    pub fn spent_bytes(&self) -> u64 {
        self.0.spent_bytes.get()
    }

    /// Whether they are more than there may be.
    pub fn is_exceeded(&self) -> bool {
        self.0.spent_bytes.get() > self.0.bytes_max.get()
    }

    /// Ready when they are; if not yet, the task is woken when another task makes them so.
    pub fn poll_exceeded(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_exceeded() {
            return Poll::Ready(());
        }
        match &mut *self.0.waits.borrow_mut() {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// That of the work which the thread does now.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// A task that is charged in all its polls.
    pub(crate) fn charged(self, mut task: TaskFuture) -> TaskFuture {
        Box::pin(async move { poll_fn(|context| self.charge(|| task.as_mut().poll(context))).await })
    }

    fn add(&self, bytes: u64) {
        let account = &self.0;
        account.spent_bytes.set(account.spent_bytes.get().saturating_add(bytes));
        if self.is_exceeded()
            && let Some(waker) = account.waits.take()
        {
            waker.wake();
        }
    }
}

impl fmt::Debug for AllocationBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocationBudget")
            .field("spent_bytes", &self.0.spent_bytes)
            .field("bytes_max", &self.0.bytes_max)
            .finish_non_exhaustive()
    }
}

/// Work that is charged while this lives, also where it panics.
struct Charging<'b> {
    budget: &'b AllocationBudget,
    /// `None` within a part that is charged already.
    requested_before: Option<u64>,
    outer: Option<AllocationBudget>,
}

impl<'b> Charging<'b> {
    fn begin(budget: &'b AllocationBudget) -> Self {
        let outer = CURRENT.replace(Some(budget.clone()));
        let was_charging = budget.0.is_charging.replace(true);
        let requested_before = (!was_charging).then(requested_bytes_of_thread);
        Self { budget, requested_before, outer }
    }
}

impl Drop for Charging<'_> {
    fn drop(&mut self) {
        if let Some(before) = self.requested_before {
            self.budget.0.is_charging.set(false);
            self.budget.add(requested_bytes_of_thread().wrapping_sub(before));
        }
        CURRENT.set(self.outer.take());
    }
}
