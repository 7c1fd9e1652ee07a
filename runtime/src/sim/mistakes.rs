//! What the server did wrong in the machine's eyes. In: what was used after its end, closed under an op, kept for ever. Out: the
//! same when the run has ended, also where somebody has caught the panic that it raised: a task's poll, or the end of a
//! worker.

use std::cell::RefCell;
use std::rc::Rc;

/// Mistakes that are kept: the first ones tell what was wrong.
const MISTAKES_MAX: usize = 100;

/// The list, which all parts of a machine share.
#[derive(Debug, Clone, Default)]
pub(super) struct Mistakes(Rc<RefCell<Vec<String>>>);

impl Mistakes {
    pub(super) fn note(&self, what: String) {
        let mut mistakes = self.0.borrow_mut();
        if mistakes.len() < MISTAKES_MAX {
            mistakes.push(what);
        }
    }

    /// # Panics
    /// Always: the run cannot go on.
    #[track_caller]
    pub(super) fn end_run(&self, what: String) -> ! {
        self.note(what.clone());
        panic!("{what}");
    }

    pub(super) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}
