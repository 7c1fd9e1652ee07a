//! Turns at something of which there is little, for a worker or for all of them. Who waits for one gets it roughly in order:
//! one that comes just when a turn is free may take it first.

use crate::channel::{Receiver, Sender, bounded};

/// So many turns as there are of that thing; clones are the same.
///
/// ```
/// use selvedge_runtime::{Turns, block_on, blocking, spawn};
///
/// block_on(|| async {
///     // However many ask for it, two do the heavy work at a time.
///     let turns = Turns::new(2);
///     let tasks: Vec<_> = (0..8_u64)
///         .map(|number| {
///             let turns = turns.clone();
///             spawn("heavy work", async move {
///                 let _turn = turns.next().await;
///                 blocking(move || number * number).await
///             })
///         })
///         .collect();
///     for (number, task) in (0..).zip(tasks) {
///         assert_eq!(task.await, Ok(Ok(number * number)));
///     }
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Turns {
    returned: Sender<()>,
    free: Receiver<()>,
}

/// One turn, until it is dropped. It may go to another thread.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_runtime::timer::timeout;
/// use selvedge_runtime::{Turns, block_on};
///
/// block_on(|| async {
///     let turns = Turns::new(1);
///     let turn = turns.next().await;
///     assert!(timeout(Duration::from_millis(1), turns.next()).await.is_err(), "there is no other");
///     drop(turn);
///     assert!(timeout(Duration::from_secs(60), turns.next()).await.is_ok());
/// });
/// ```
#[derive(Debug)]
pub struct Turn(Sender<()>);

impl Turns {
    /// As many as `count`, at least one.
    pub fn new(count: usize) -> Self {
        let (returned, free) = bounded(count.max(1));
        while returned.try_send(()).is_ok() {}
        Self { returned, free }
    }

    /// Waits for one.
    pub async fn next(&self) -> Turn {
        // Never closed: both ends are here.
        let _ = self.free.recv().await;
        Turn(self.returned.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_turns_as_there_may_be_are_given_and_those_that_are_over_again() {
        const COUNT: usize = 2;
        crate::block_on(|| async {
            let turns = Turns::new(COUNT);
            let mut taken = Vec::new();
            for _ in 0..COUNT {
                taken.push(turns.next().await);
            }
            let waiting = crate::spawn("waits", {
                let turns = turns.clone();
                async move { drop(turns.next().await) }
            });
            crate::yield_now().await;
            assert!(turns.free.is_empty());
            // As on a helper's thread.
            std::thread::spawn(move || drop(taken)).join().unwrap();
            assert_eq!(waiting.await, Ok(()));
            assert_eq!(turns.free.len(), COUNT);
        });
    }
}
