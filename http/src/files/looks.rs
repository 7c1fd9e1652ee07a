//! Looks at the disk that are under way: many requests for a path that must be looked at make one look.
//!
//! Without this, a popular file that changes would be read once per request of that moment, each into a block of its own,
//! and everything else would be evicted for them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// The paths that are being looked at, and who waits for each. One entry per request that looks, so their number bounds it.
#[derive(Debug, Default)]
pub(super) struct Looks(RefCell<BTreeMap<Box<[u8]>, Vec<Waker>>>);

/// The right to look at one path. Dropped, it wakes whoever waits for that look.
#[derive(Debug)]
pub(super) struct Look<'a> {
    looks: &'a Looks,
    key: &'a [u8],
}

impl Looks {
    /// The right to look at `key`; `None` once somebody else's look at it has ended.
    pub(super) async fn begin<'a>(&'a self, key: &'a [u8]) -> Option<Look<'a>> {
        let mut waited = Waited::No;
        poll_fn(|context| {
            let mut under_way = self.0.borrow_mut();
            match under_way.get_mut(key) {
                Some(waiting) => {
                    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        waiting.push(context.waker().clone());
                    }
                    waited = Waited::Yes;
                    Poll::Pending
                }
                None if waited == Waited::Yes => Poll::Ready(None),
                None => {
                    under_way.insert(key.into(), Vec::new());
                    Poll::Ready(Some(Look { looks: self, key }))
                }
            }
        })
        .await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    Yes,
    No,
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let waiting = self.looks.0.borrow_mut().remove(self.key);
        for waker in waiting.into_iter().flatten() {
            waker.wake();
        }
    }
}
