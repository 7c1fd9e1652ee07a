//! Descriptors of the simulated machine: what a number names, and which ops use it.
//!
//! In: what is opened, closed, and used by an op. Out: numbers, the lowest free one first (open(2)). A number has a
//! generation in it, so that one which was closed never means what was opened after it: to use one is a mistake, and
//! ends the run.

use std::collections::BTreeSet;

use super::file_calls::OpenedFile;
use super::mistakes::Mistakes;
use super::stream::{Family, Side};

/// Numbers begin here, far from those of the real kernel: one that goes astray is EBADF there.
const BASE: i32 = 0x4000_0000;
const INDEX_BITS: u32 = 16;
const GENERATION_MASK: u16 = 0x1fff;

/// What a descriptor names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entity {
    Listener(usize),
    /// A socket that has not begun to connect.
    Unconnected(Family),
    End(usize, Side),
    File(OpenedFile),
}

#[derive(Debug, Default)]
struct Slot {
    entity: Option<Entity>,
    generation: u16,
    /// Ops in flight that use it.
    ops: Vec<&'static str>,
}

/// The table of the machine's one process: 65,536 at most.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    slots: Vec<Slot>,
    /// Numbers that processes had open at their end and that nobody has closed since: drops may still do so. At most
    /// 65,536 of each process.
    past: BTreeSet<i32>,
    mistakes: Mistakes,
}

impl Descriptors {
    pub(super) fn new(mistakes: Mistakes) -> Self {
        Self { mistakes, ..Self::default() }
    }

    pub(super) fn open(&mut self, entity: Entity) -> i32 {
        let free = self.slots.iter().position(|slot| slot.entity.is_none());
        let index = free.unwrap_or(self.slots.len());
        assert!(index < 1 << INDEX_BITS, "a simulated process has at most 65,536 descriptors");
        if index == self.slots.len() {
            self.slots.push(Slot::default());
        }
        self.slots[index].entity = Some(entity);
        let number = number(index, self.slots[index].generation);
        self.past.remove(&number);
        number
    }

    /// What it names; `None` for a number of a process that has ended.
    ///
    /// # Panics
    /// For one that was closed.
    pub(super) fn get(&self, number: i32) -> Option<Entity> {
        let entity = self.slot(number).and_then(|slot| slot.entity);
        if entity.is_none() && !self.past.contains(&number) {
            self.mistakes.end_run(format!("a closed descriptor was used: {number:#x}"));
        }
        entity
    }

    /// # Panics
    /// Always: a descriptor was used for what it is not.
    #[track_caller]
    pub(super) fn end_run(&self, what: String) -> ! {
        self.mistakes.end_run(what)
    }

    /// Lets it name something else: a socket has begun to connect.
    pub(super) fn set(&mut self, number: i32, entity: Entity) {
        if let Some(slot) = self.slot_mut(number) {
            slot.entity = Some(entity);
        }
    }

    /// Frees it, and says what it named.
    ///
    /// # Panics
    /// When it was closed before, or an op uses it: an op of the real kernel's would go on with the file, and who gets
    /// the number next would be taken for it.
    pub(super) fn close(&mut self, number: i32) -> Option<Entity> {
        if self.past.remove(&number) {
            return None;
        }
        let entity = self.get(number)?;
        let mistakes = self.mistakes.clone();
        let slot = self.slot_mut(number).expect("it has just been there");
        if !slot.ops.is_empty() {
            mistakes.end_run(format!("descriptor {number:#x} ({entity:?}) is closed under {:?}", slot.ops));
        }
        slot.entity = None;
        slot.generation = (slot.generation + 1) & GENERATION_MASK;
        Some(entity)
    }

    /// An op uses it from now on.
    pub(super) fn hold(&mut self, number: i32, op: &'static str) {
        self.get(number);
        if let Some(slot) = self.slot_mut(number) {
            slot.ops.push(op);
        }
    }

    /// An op has ended that used it.
    pub(super) fn let_go(&mut self, number: i32, op: &'static str) {
        if let Some(slot) = self.slot_mut(number) {
            let held = slot.ops.iter().position(|&held| held == op);
            slot.ops.swap_remove(held.expect("an op lets go of what it held"));
        }
    }

    /// Closes all, whatever uses them, as the end of a process does.
    pub(super) fn end_process(&mut self) -> Vec<Entity> {
        let mut closed = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            slot.ops.clear();
            if let Some(entity) = slot.entity.take() {
                self.past.insert(number(index, slot.generation));
                slot.generation = (slot.generation + 1) & GENERATION_MASK;
                closed.push(entity);
            }
        }
        closed
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.entity.is_some()).count()
    }

    fn slot(&self, number: i32) -> Option<&Slot> {
        let (index, generation) = parts(number);
        self.slots.get(index).filter(|slot| slot.generation == generation)
    }

    fn slot_mut(&mut self, number: i32) -> Option<&mut Slot> {
        let (index, generation) = parts(number);
        self.slots.get_mut(index).filter(|slot| slot.generation == generation)
    }
}

/// The place of a number in its table, for the trace.
pub(super) fn index_of(number: i32) -> i64 {
    parts(number).0 as i64
}

fn number(index: usize, generation: u16) -> i32 {
    BASE | i32::from(generation) << INDEX_BITS | index as i32
}

fn parts(number: i32) -> (usize, u16) {
    let bits = number & !BASE;
    ((bits & ((1 << INDEX_BITS) - 1)) as usize, (bits >> INDEX_BITS) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_place_is_used_again_by_another_number() {
        let mut descriptors = Descriptors::default();
        let entities = [0, 1, 2].map(Entity::Listener);
        let numbers = entities.map(|entity| descriptors.open(entity));
        assert_eq!(descriptors.close(numbers[1]), Some(entities[1]));
        let again = descriptors.open(Entity::Listener(3));
        assert_eq!(index_of(again), index_of(numbers[1]));
        assert_ne!(again, numbers[1]);
        assert_eq!(descriptors.get(again), Some(Entity::Listener(3)));
        assert_eq!(descriptors.len(), 3);
    }

    #[test]
    #[should_panic(expected = "a closed descriptor was used")]
    fn a_number_that_was_closed_is_not_what_was_opened_after_it() {
        let mut descriptors = Descriptors::default();
        let number = descriptors.open(Entity::Listener(0));
        descriptors.close(number);
        descriptors.open(Entity::Listener(1));
        descriptors.get(number);
    }

    #[test]
    #[should_panic(expected = "is closed under [\"receive\"]")]
    fn a_descriptor_is_not_closed_under_an_op() {
        let mut descriptors = Descriptors::default();
        let number = descriptors.open(Entity::End(0, Side::Server));
        descriptors.hold(number, "receive");
        descriptors.hold(number, "send");
        descriptors.let_go(number, "send");
        descriptors.close(number);
    }

    #[test]
    fn numbers_of_a_process_that_has_ended_name_nothing() {
        let mut descriptors = Descriptors::default();
        let number = descriptors.open(Entity::Listener(0));
        descriptors.hold(number, "accept");
        assert_eq!(descriptors.end_process(), [Entity::Listener(0)]);
        let of_the_next = descriptors.open(Entity::Listener(1));
        descriptors.let_go(number, "accept");
        assert_eq!(descriptors.close(number), None);
        assert_eq!(descriptors.get(of_the_next), Some(Entity::Listener(1)));
    }

    #[test]
    #[should_panic(expected = "a closed descriptor was used")]
    fn what_is_closed_after_the_end_of_a_process_is_closed() {
        let mut descriptors = Descriptors::default();
        descriptors.open(Entity::Listener(0));
        descriptors.end_process();
        let of_the_next = descriptors.open(Entity::Listener(1));
        descriptors.close(of_the_next);
        descriptors.get(of_the_next);
    }

    #[test]
    #[should_panic(expected = "a closed descriptor was used")]
    fn a_number_of_a_process_that_has_ended_is_closed_once() {
        let mut descriptors = Descriptors::default();
        let number = descriptors.open(Entity::Listener(0));
        descriptors.end_process();
        assert_eq!(descriptors.close(number), None);
        descriptors.close(number);
    }

    #[test]
    fn a_mistake_is_known_although_its_panic_was_caught() {
        let mistakes = Mistakes::default();
        let descriptors = Descriptors::new(mistakes.clone());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| descriptors.get(BASE)));
        assert!(caught.is_err());
        assert_eq!(mistakes.take(), ["a closed descriptor was used: 0x40000000"]);
    }
}
