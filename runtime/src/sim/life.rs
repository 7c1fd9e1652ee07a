//! A simulated worker's life, turn by turn.
//!
//! In: its core and what its factory made. Out: steps, and when the next one is due.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crate::handle::JobsEnd;
use crate::sys::{Moment, Reaped};
use crate::waker::TaskId;
use crate::worker::Core;

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

/// A worker's life. Dropped, it ends.
pub(crate) struct Life {
    core: Rc<Core>,
    main: Option<Pin<Box<dyn Future<Output = ()>>>>,
    main_id: Option<TaskId>,
    reaped: Reaped,
    /// Dropped with the life: nobody runs its jobs any more.
    _jobs: JobsEnd,
}

impl Life {
    pub(crate) fn new(core: Rc<Core>, main: Pin<Box<dyn Future<Output = ()>>>, jobs: JobsEnd) -> Self {
        Self { core, main: Some(main), main_id: None, reaped: Reaped::default(), _jobs: jobs }
    }

    pub(crate) fn index(&self) -> usize {
        self.core.index()
    }

    /// What it does when its ring wakes it.
    pub(crate) fn step(&mut self) -> Next {
        let main = self.main.as_mut().expect("a life that has ended takes no step");
        match self.core.step(&mut self.reaped, &mut self.main_id, main.as_mut()) {
            Next::Ended => {
                self.end();
                Next::Ended
            }
            next => next,
        }
    }

    fn end(&mut self) {
        if let Some(main) = self.main.take() {
            self.core.end_life(main);
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Life({:?})", self.core)
    }
}
