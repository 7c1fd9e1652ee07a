//! How many of something a worker has at a time, such as encoders.

use std::cell::Cell;
use std::rc::Rc;

/// Free places of one worker.
#[derive(Debug)]
pub(super) struct Places(Rc<Cell<usize>>);

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Rc<Cell<usize>>);

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self(Rc::new(Cell::new(count)))
    }

    /// One of them, if one is free.
    pub(super) fn take(&self) -> Option<Place> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(Place(Rc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_places_as_were_said_and_they_come_back() {
        let places = Places::new(2);
        let (first, second) = (places.take(), places.take());
        assert!(first.is_some() && second.is_some() && places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }
}
