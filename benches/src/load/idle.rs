//! Connections that have nothing to send. In: who waits. Out: who is woken, the one first that has waited longest.

use std::collections::VecDeque;
use std::task::Waker;

/// The idle connections of a worker, by their numbers from 0.
#[derive(Debug)]
pub(super) struct Idle {
    /// In order. Who left is in it still, and passed over; nobody is in it twice at once.
    line: VecDeque<usize>,
    /// Of those that are in the line and wait.
    wakers: Box<[Option<Waker>]>,
    /// Whether a number is in the line.
    in_line: Box<[bool]>,
    waiting: usize,
}

impl Idle {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            line: VecDeque::with_capacity(connections),
            wakers: vec![None; connections].into(),
            in_line: vec![false; connections].into(),
            waiting: 0,
        }
    }

    /// It waits, if it did not do so already. Asks the allocator for nothing.
    pub(super) fn enter(&mut self, number: usize, waker: &Waker) {
        if self.wakers[number].replace(waker.clone()).is_none() {
            self.waiting += 1;
        }
        if !std::mem::replace(&mut self.in_line[number], true) {
            self.line.push_back(number);
        }
    }

    /// It waits no longer.
    pub(super) fn leave(&mut self, number: usize) {
        if self.wakers[number].take().is_some() {
            self.waiting -= 1;
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The one that has waited longest, which waits no longer; it is to be woken.
    pub(super) fn pop(&mut self) -> Option<Waker> {
        while let Some(number) = self.line.pop_front() {
            self.in_line[number] = false;
            if let Some(waker) = self.wakers[number].take() {
                self.waiting -= 1;
                return Some(waker);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_left_is_passed_over_and_nobody_is_woken_twice() {
        let woken: Vec<_> = (0..3).map(|_| Arc::new(Woken(AtomicUsize::new(0)))).collect();
        let mut idle = Idle::new(3);
        for number in [0, 1, 2, 0, 1] {
            idle.enter(number, &Arc::clone(&woken[number]).into());
        }
        idle.leave(1);
        assert_eq!(idle.waiting(), 2);
        idle.pop().unwrap().wake();
        idle.enter(0, &Arc::clone(&woken[0]).into());
        while let Some(waker) = idle.pop() {
            waker.wake();
        }
        assert_eq!(idle.waiting(), 0);
        assert_eq!(woken.iter().map(|woken| woken.0.load(Ordering::Relaxed)).collect::<Vec<_>>(), [2, 0, 1]);
    }
}
