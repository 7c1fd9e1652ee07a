//! The tasks of one worker and the order in which they run.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use slab::Slab;

use crate::inbox::TASKS_MAX;
use crate::near::Near;
use crate::sys::prefetch;
use crate::waker::{TaskId, next_generation};

/// A task's future; boxed once when it is spawned.
pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// All tasks, and the queue of those that were woken.
#[derive(Default)]
pub(crate) struct Tasks {
    slots: Slab<Task>,
    ready: VecDeque<u32>,
    next_generation: u32,
}

struct Task {
    generation: u32,
    queued: Queued,
    /// `None` exactly while it is being polled.
    future: Option<TaskFuture>,
    near: Near,
    /// As the worker's counters number it.
    name: u8,
}

/// Each open connection has one; its future has a box of its own.
const _: () = assert!(size_of::<Task>() <= 32);

/// Octets that are fetched of a task's future: as many as a connection's has.
const FUTURE_BYTES: usize = 80;

/// Whether a task's index is in the ready queue: it is there at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queued {
    Yes,
    No,
}

/// What is left to do with a task after its future was polled.
pub(crate) struct Running {
    pub(crate) index: u32,
    pub(crate) generation: u32,
    pub(crate) name: u8,
    pub(crate) future: TaskFuture,
}

impl Tasks {
    pub(crate) fn with_capacity(tasks: usize) -> Self {
        Self { slots: Slab::with_capacity(tasks), ready: VecDeque::with_capacity(tasks), next_generation: 0 }
    }

    /// Adds a task, which is ready at once.
    ///
    /// # Panics
    /// Beyond 1,048,576 tasks on one worker.
    pub(crate) fn insert(&mut self, inbox: u16, name: u8, near: Near, future: TaskFuture) -> TaskId {
        assert!(self.slots.len() < TASKS_MAX, "a worker has at most {TASKS_MAX} tasks");
        self.next_generation = next_generation(self.next_generation);
        let generation = self.next_generation;
        let task = Task { generation, queued: Queued::Yes, future: Some(future), near, name };
        let index = self.slots.insert(task) as u32;
        self.ready.push_back(index);
        TaskId::new(inbox, generation, index)
    }

    /// Queues the task unless it is queued already or gone.
    pub(crate) fn make_ready(&mut self, index: u32, generation: Option<u32>) {
        if let Some(task) = self.slots.get_mut(index as usize)
            && generation.is_none_or(|generation| generation == task.generation)
            && task.queued == Queued::No
        {
            task.queued = Queued::Yes;
            self.ready.push_back(index);
        }
    }

    /// Queues every task that is not queued already.
    pub(crate) fn make_all_ready(&mut self) {
        for (index, task) in &mut self.slots {
            if task.queued == Queued::No {
                task.queued = Queued::Yes;
                self.ready.push_back(index as u32);
            }
        }
    }

    /// Tasks that wait to run.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The next task to run, or `None` if the queue is empty. A queued task that is gone is passed over.
    pub(crate) fn start_next(&mut self) -> Option<Running> {
        loop {
            let index = self.ready.pop_front()?;
            // A slot that was freed and filled again has its own entry in the queue.
            let Some(task) = self.slots.get_mut(index as usize) else { continue };
            task.queued = Queued::No;
            let Some(future) = task.future.take() else { continue };
            let running = Running { index, generation: task.generation, name: task.name, future };
            self.prefetch_ahead();
            return Some(running);
        }
    }

    /// Has the memory of the task after the next one fetched: what one task takes to run is hardly enough for that.
    fn prefetch_ahead(&self) {
        let Some(task) = self.ready.get(1).and_then(|&index| self.slots.get(index as usize)) else { return };
        if let Some(future) = &task.future {
            prefetch((&raw const **future).cast(), FUTURE_BYTES);
        }
        task.near.prefetch();
    }

    /// Puts a future that is not finished back. If its task was aborted meanwhile, the future comes back to be dropped.
    pub(crate) fn put_back(&mut self, running: Running) -> Option<TaskFuture> {
        match self.slots.get_mut(running.index as usize) {
            Some(task) if task.generation == running.generation => {
                task.future = Some(running.future);
                None
            }
            _ => Some(running.future),
        }
    }

    /// Forgets a finished task.
    pub(crate) fn remove(&mut self, index: u32, generation: u32) -> Option<TaskFuture> {
        match self.slots.get(index as usize) {
            Some(task) if task.generation == generation => self.slots.remove(index as usize).future,
            _ => None,
        }
    }

    /// Takes all tasks' futures out: the end of a worker.
    pub(crate) fn take_all(&mut self) -> Vec<TaskFuture> {
        self.slots.drain().filter_map(|task| task.future).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks")
            .field("tasks", &self.len())
            .field("ready", &self.ready())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(tasks: &mut Tasks) -> TaskId {
        tasks.insert(3, 7, Near::NOTHING, Box::pin(std::future::pending()))
    }

    /// Runs the next task once, without an end; its index.
    fn run_next(tasks: &mut Tasks) -> Option<u32> {
        let running = tasks.start_next()?;
        let index = running.index;
        assert!(tasks.put_back(running).is_none(), "nobody has aborted it");
        Some(index)
    }

    #[test]
    fn a_task_runs_once_for_however_many_wakes() {
        let mut tasks = Tasks::with_capacity(4);
        let (first, second) = (insert(&mut tasks), insert(&mut tasks));
        assert_eq!((first.inbox(), tasks.len(), tasks.ready()), (3, 2, 2));
        tasks.make_ready(first.index(), None);
        assert_eq!(tasks.ready(), 2);
        assert_eq!(run_next(&mut tasks), Some(first.index()));
        assert_eq!(run_next(&mut tasks), Some(second.index()));
        assert_eq!(run_next(&mut tasks), None);
        tasks.make_ready(second.index(), Some(second.generation()));
        tasks.make_ready(second.index(), Some(second.generation()));
        assert_eq!((run_next(&mut tasks), run_next(&mut tasks)), (Some(second.index()), None));
    }

    #[test]
    fn a_wake_while_it_runs_is_not_lost() {
        let mut tasks = Tasks::with_capacity(4);
        let task = insert(&mut tasks);
        let running = tasks.start_next().expect("it is ready");
        assert_eq!((running.generation, running.name), (task.generation(), 7));
        tasks.make_ready(task.index(), Some(task.generation()));
        assert!(tasks.put_back(running).is_none());
        assert_eq!(run_next(&mut tasks), Some(task.index()));
    }

    #[test]
    fn all_are_woken_at_once_each_once() {
        let mut tasks = Tasks::with_capacity(4);
        let (first, second) = (insert(&mut tasks), insert(&mut tasks));
        assert_eq!(run_next(&mut tasks), Some(first.index()));
        // The other one is still in line.
        tasks.make_all_ready();
        assert_eq!((run_next(&mut tasks), run_next(&mut tasks)), (Some(second.index()), Some(first.index())));
        assert_eq!(run_next(&mut tasks), None);
    }

    #[test]
    fn what_is_meant_for_a_task_does_not_reach_the_next_one_in_its_place() {
        let mut tasks = Tasks::with_capacity(4);
        let before = insert(&mut tasks);
        let running = tasks.start_next().expect("it is ready");
        assert!(tasks.remove(before.index(), before.generation()).is_none(), "it runs");
        let after = insert(&mut tasks);
        assert_eq!(after.index(), before.index());
        assert_ne!(after.generation(), before.generation());
        // The future of the old one is nobody's any more.
        assert!(tasks.put_back(running).is_some());
        assert_eq!(run_next(&mut tasks), Some(after.index()));
        tasks.make_ready(before.index(), Some(before.generation()));
        assert_eq!(tasks.ready(), 0);
        assert!(tasks.remove(before.index(), before.generation()).is_none());
        assert_eq!(tasks.len(), 1);
        assert!(tasks.remove(after.index(), after.generation()).is_some());
        assert_eq!(tasks.len(), 0);
    }

    #[test]
    fn a_queued_task_that_is_gone_is_passed_over() {
        let mut tasks = Tasks::with_capacity(4);
        let (first, second) = (insert(&mut tasks), insert(&mut tasks));
        assert!(tasks.remove(first.index(), first.generation()).is_some());
        assert_eq!((tasks.ready(), run_next(&mut tasks)), (2, Some(second.index())));
        assert_eq!(format!("{tasks:?}"), "Tasks { tasks: 1, ready: 0, .. }");
        assert_eq!((tasks.take_all().len(), tasks.len()), (1, 0));
    }
}
