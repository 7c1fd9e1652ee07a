//! Starting tasks on the current worker, and waiting for their results.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use crate::allocation_budget::AllocationBudget;
use crate::near::Near;
use crate::tasks::TaskFuture;
use crate::waker::TaskId;
use crate::worker::{self, Core};

/// Starts `future` as a task of the current worker. `name` is what reports and the watchdog call it.
///
/// The task goes on when the handle is dropped.
///
/// # Panics
/// Outside a worker, and beyond 1,048,576 tasks on one.
pub fn spawn<T: 'static>(name: &'static str, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    let core = worker::current();
    let shared = Rc::new(RefCell::new(Shared { result: None, waker: None }));
    // Held by the task alone, so that it tells the handle when the task has ended without a result.
    let completer = Completer(Rc::clone(&shared));
    let task = start(
        &core,
        name,
        Near::NOTHING,
        Box::pin(async move {
            let result = future.await;
            completer.0.borrow_mut().result = Some(result);
            drop(completer);
        }),
    );
    JoinHandle { shared, task, core: Rc::downgrade(&core) }
}

/// Starts `future` as a task nobody waits for: one allocation, for the future itself.
///
/// # Panics
/// As [`spawn`].
pub fn spawn_detached(name: &'static str, future: impl Future<Output = ()> + 'static) {
    start(&worker::current(), name, Near::NOTHING, Box::pin(future));
}

/// As [`spawn_detached`], with what the task uses first whenever it runs and has not in its future: where thousands of tasks
/// take turns, each finds its memory fetched.
///
/// # Panics
/// As [`spawn`].
pub fn spawn_detached_near(name: &'static str, near: Near, future: impl Future<Output = ()> + 'static) {
    start(&worker::current(), name, near, Box::pin(future));
}

/// Whoever is charged for the memory it asks for is so for that of the tasks it spawns.
fn start(core: &Core, name: &'static str, near: Near, task: TaskFuture) -> TaskId {
    match AllocationBudget::current() {
        None => core.spawn(name, near, task),
        Some(budget) => core.spawn(name, near, budget.charged(task)),
    }
}

/// Wakes all tasks of the current worker: for what concerns each of them and comes seldom, so that none need be known by name.
///
/// # Panics
/// Outside a worker.
pub fn wake_all_tasks() {
    worker::current().make_all_ready();
}

/// Lets all other ready tasks and the kernel have a turn first.
pub async fn yield_now() {
    let mut yielded = Yielded::No;
    std::future::poll_fn(|context| match yielded {
        Yielded::Yes => Poll::Ready(()),
        Yielded::No => {
            yielded = Yielded::Yes;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

enum Yielded {
    Yes,
    No,
}

struct Shared<T> {
    result: Option<T>,
    waker: Option<Waker>,
}

struct Completer<T>(Rc<RefCell<Shared<T>>>);

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        let waker = self.0.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Waits for a task's result.
///
/// ```
/// use selvedge_runtime::{JoinHandle, block_on, spawn};
///
/// # fn main() -> Result<(), selvedge_runtime::Lost> {
/// block_on(|| async {
///     let square = |number: u32| spawn("square", async move { number * number });
///     let tasks: Vec<JoinHandle<u32>> = (1..=3).map(square).collect();
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await?;
///     }
///     assert_eq!(sum, 1 + 4 + 9);
///     # Ok(())
/// })
/// # }
/// ```
#[must_use = "dropping a handle lets its task go on unobserved"]
pub struct JoinHandle<T> {
    shared: Rc<RefCell<Shared<T>>>,
    task: TaskId,
    core: Weak<Core>,
}

impl<T> JoinHandle<T> {
    /// Ends the task: its future is dropped at its await.
    pub fn abort(&self) {
        if let Some(core) = self.core.upgrade() {
            core.abort(self.task);
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Lost>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = self.shared.borrow_mut();
        if let Some(result) = shared.result.take() {
            return Poll::Ready(Ok(result));
        }
        // The completer is the other holder; with it gone no result will come.
        if Rc::strong_count(&self.shared) == 1 {
            return Poll::Ready(Err(Lost));
        }
        shared.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("task", &self.task).finish_non_exhaustive()
    }
}

/// A task ended without a result: it panicked or was aborted.
///
/// ```
/// use selvedge_runtime::{Lost, block_on, spawn};
///
/// block_on(|| async {
///     let task = spawn("waits for ever", std::future::pending::<()>());
///     task.abort();
///     assert_eq!(task.await, Err(Lost));
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task panicked or was aborted")
    }
}

impl std::error::Error for Lost {}
