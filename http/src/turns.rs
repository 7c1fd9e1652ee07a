//! Turns at something of which a worker has few. Who waits for one gets it roughly in order: one that comes just when a
//! turn is free may take it first.

use selvedge_runtime::channel::{Receiver, Sender, bounded};

/// So many turns as there are of that thing.
#[derive(Debug)]
pub(crate) struct Turns {
    returned: Sender<()>,
    free: Receiver<()>,
}

/// One turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(crate) fn new(count: usize) -> Self {
        let (returned, free) = bounded(count.max(1));
        while returned.try_send(()).is_ok() {}
        Self { returned, free }
    }

    pub(crate) async fn next(&self) -> Turn<'_> {
        // Never closed: both ends are here.
        let _ = self.free.recv().await;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.0.returned.try_send(());
    }
}
