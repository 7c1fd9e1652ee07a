//! Deadlines of connections: one wheel per worker, whose entries are moved only when they come up.
//!
//! Activity writes a field (as nginx and Warp do); the wheel looks at it when the entry's old place is reached.

use std::time::Duration;

use slab::Slab;

use crate::sys::{Moment, Waiter};

/// The wheel's resolution: a deadline expires at most this late, never early. Of many at once, eight in a turn expire, and
/// eight more for every second that they are behind.
pub const TICK: Duration = Duration::from_millis(100);

/// Deadlines that expire in one turn; then whoever else is ready has theirs. Thousands of connections that came together
/// are given up together. So many more for every second that the wheel is behind, up to [`SHARES_MAX`] times as many: where
/// more come up than expire, they would be ever later.
const EXPIRED_PER_TURN: usize = 8;
/// Most shares of [`EXPIRED_PER_TURN`] in one turn.
const SHARES_MAX: u64 = 8;
const TICKS_PER_SECOND: u64 = Duration::from_secs(1).as_nanos() as u64 / TICK_NANOSECONDS;

const TICK_NANOSECONDS: u64 = TICK.as_nanos() as u64;
const SLOTS: u64 = 512;
const NONE: u32 = u32::MAX;
/// In place of a tick: none.
const NEVER: u32 = u32::MAX;
/// In place of a tick: one that is over.
const EXPIRED: u32 = u32::MAX - 1;
/// The last tick, 13 years after a worker's start: what is due later is due then.
const TICK_MAX: u32 = u32::MAX - 2;

/// All deadlines of a worker, in 512 slots of 100 ms; later ones wait in the last slot and are put in again.
#[derive(Debug)]
pub(crate) struct Wheel {
    entries: Slab<Entry>,
    heads: Box<[u32]>,
    /// One bit per slot that is not empty.
    occupied: [u64; (SLOTS / 64) as usize],
    /// The tick of the clock that the wheel's own are counted from, so that they are short.
    start: u64,
    /// The last tick that was worked off.
    tick: u64,
}

#[derive(Debug)]
struct Entry {
    /// When it is due, in ticks; `NEVER` if not at all, `EXPIRED` if that is over.
    due: u32,
    /// The tick whose slot it is linked into; `NEVER` if into none. Never later than `due`.
    linked: u32,
    next: u32,
    previous: u32,
    waiter: Waiter,
}

/// Each open connection has one.
const _: () = assert!(size_of::<Entry>() <= 32);

impl Wheel {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            entries: Slab::new(),
            heads: vec![NONE; SLOTS as usize].into_boxed_slice(),
            occupied: [0; (SLOTS / 64) as usize],
            start: now.nanoseconds() / TICK_NANOSECONDS,
            tick: 0,
        }
    }

    pub(crate) fn insert(&mut self) -> u32 {
        let entry = Entry { due: NEVER, linked: NEVER, next: NONE, previous: NONE, waiter: Waiter::Nobody };
        self.entries.insert(entry) as u32
    }

    /// Forgets the entry. Who waited for it comes back, to be dropped when the wheel is not held.
    pub(crate) fn remove(&mut self, index: u32) -> Waiter {
        self.unlink(index);
        self.entries.remove(index as usize).waiter
    }

    /// Sets when the entry is due; `None` is never. Later than before: a store. Earlier: a move.
    pub(crate) fn set(&mut self, index: u32, due: Option<Moment>) {
        let due = due.map_or(NEVER, |due| self.tick_of(due));
        self.set_tick(index, due);
    }

    /// As [`set`](Self::set), and `waiter` is woken then. Who waited before comes back, to be dropped when the wheel is not held.
    pub(crate) fn wait_until(&mut self, index: u32, due: Moment, waiter: Waiter) -> Waiter {
        let due = self.tick_of(due);
        let entry = self.set_tick(index, due);
        std::mem::replace(&mut entry.waiter, waiter)
    }

    fn tick_of(&self, due: Moment) -> u32 {
        let tick = due.nanoseconds().div_ceil(TICK_NANOSECONDS).saturating_sub(self.start);
        u32::try_from(tick).map_or(TICK_MAX, |tick| tick.min(TICK_MAX))
    }

    #[inline]
    fn set_tick(&mut self, index: u32, due: u32) -> &mut Entry {
        let entry = &mut self.entries[index as usize];
        entry.due = due;
        if due < entry.linked {
            self.unlink(index);
            self.link(index);
        }
        &mut self.entries[index as usize]
    }

    /// Whether the entry has expired; if not, `waiter` is woken when it does. Who waited before comes back, to be dropped
    /// when the wheel is not held.
    pub(crate) fn poll_expired(&mut self, index: u32, waiter: Waiter) -> (bool, Waiter) {
        let entry = &mut self.entries[index as usize];
        let before = std::mem::replace(&mut entry.waiter, waiter);
        (entry.due == EXPIRED, before)
    }

    /// Works off the ticks up to `now`, as far as one turn may; `wake` gets who waits for what has expired. The rest is due
    /// at once.
    pub(crate) fn advance(&mut self, now: Moment, mut wake: impl FnMut(Waiter)) {
        let target = (now.nanoseconds() / TICK_NANOSECONDS).saturating_sub(self.start);
        // After a long sleep every slot is looked at once, whatever the number of ticks.
        let first = (self.tick + 1).max(target.saturating_sub(SLOTS - 1));
        let mut left = None;
        for tick in first..=target {
            self.tick = tick;
            let slot = (tick % SLOTS) as usize;
            if self.occupied[slot / 64] & (1 << (slot % 64)) == 0 {
                continue;
            }
            let left = left.get_or_insert_with(|| share(target - tick));
            let mut index = std::mem::replace(&mut self.heads[slot], NONE);
            self.occupied[slot / 64] &= !(1 << (slot % 64));
            while index != NONE {
                if *left == 0 {
                    self.go_on_next_turn(tick, index);
                    return;
                }
                let entry = &mut self.entries[index as usize];
                let next = entry.next;
                (entry.next, entry.previous, entry.linked) = (NONE, NONE, NEVER);
                if u64::from(entry.due) <= target {
                    entry.due = EXPIRED;
                    *left -= 1;
                    wake(std::mem::take(&mut entry.waiter));
                } else {
                    self.link(index);
                }
                index = next;
            }
        }
        self.tick = self.tick.max(target);
    }

    /// Leaves the rest of a slot, from `index` on, as it was. Nothing else is in it meanwhile: what was put off is less than a
    /// revolution away.
    fn go_on_next_turn(&mut self, tick: u64, index: u32) {
        let slot = (tick % SLOTS) as usize;
        self.entries[index as usize].previous = NONE;
        self.heads[slot] = index;
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.tick = tick - 1;
    }

    /// When the wheel must be looked at next.
    pub(crate) fn next(&self) -> Option<Moment> {
        const WORDS: u64 = SLOTS / 64;
        let first = self.tick + 1;
        let (word, bit) = (first % SLOTS / 64, first % 64);
        let occupied = |offset: u64| self.occupied[((word + offset) % WORDS) as usize];
        // The word that `first` is in is looked at twice: from its bit on, and once around, below it.
        let ahead = |offset: u64| match offset {
            0 => occupied(0) >> bit << bit,
            WORDS => occupied(0) & ((1 << bit) - 1),
            _ => occupied(offset),
        };
        let (offset, bits) =
            (0..=WORDS).map(|offset| (offset, ahead(offset))).find(|&(_, bits)| bits != 0)?;
        let tick = first - bit + offset * 64 + u64::from(bits.trailing_zeros());
        Some(Moment::from_nanoseconds((self.start + tick) * TICK_NANOSECONDS))
    }

    fn link(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        if entry.due > TICK_MAX {
            return;
        }
        let tick = u64::from(entry.due).clamp(self.tick + 1, self.tick + SLOTS - 1);
        let slot = (tick % SLOTS) as usize;
        entry.linked = tick as u32;
        entry.previous = NONE;
        entry.next = self.heads[slot];
        let next = entry.next;
        if next != NONE {
            self.entries[next as usize].previous = index;
        }
        self.heads[slot] = index;
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    fn unlink(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        if entry.linked == NEVER {
            return;
        }
        let slot = (u64::from(entry.linked) % SLOTS) as usize;
        let (next, previous) = (entry.next, entry.previous);
        (entry.next, entry.previous, entry.linked) = (NONE, NONE, NEVER);
        if previous == NONE {
            self.heads[slot] = next;
            if next == NONE {
                self.occupied[slot / 64] &= !(1 << (slot % 64));
            }
        } else {
            self.entries[previous as usize].next = next;
        }
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
    }
}

/// Deadlines that may expire in one turn where the first of them is `behind` ticks late.
fn share(behind: u64) -> usize {
    EXPIRED_PER_TURN * (1 + behind / TICKS_PER_SECOND).min(SHARES_MAX) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::from_nanoseconds(milliseconds * 1_000_000)
    }

    fn expired(wheel: &mut Wheel, index: u32) -> bool {
        wheel.poll_expired(index, Waiter::Nobody).0
    }

    #[test]
    fn a_deadline_expires_at_its_tick_and_not_before() {
        let mut wheel = Wheel::new(at(0));
        let entry = wheel.insert();
        wheel.set(entry, Some(at(1_000)));
        assert_eq!(wheel.next(), Some(at(1_000)));
        wheel.advance(at(999), drop);
        assert!(!expired(&mut wheel, entry));
        wheel.advance(at(1_000), drop);
        assert!(expired(&mut wheel, entry));
    }

    #[test]
    fn a_deadline_put_off_is_not_moved_until_its_old_place_comes_up() {
        let mut wheel = Wheel::new(at(0));
        let entry = wheel.insert();
        wheel.set(entry, Some(at(1_000)));
        wheel.set(entry, Some(at(5_000)));
        assert_eq!(wheel.next(), Some(at(1_000)));
        wheel.advance(at(2_000), drop);
        assert!(!expired(&mut wheel, entry));
        assert_eq!(wheel.next(), Some(at(5_000)));
        wheel.advance(at(5_000), drop);
        assert!(expired(&mut wheel, entry));
    }

    #[test]
    fn who_waits_until_a_moment_is_woken_then_and_who_waited_before_is_given_back() {
        let mut wheel = Wheel::new(at(0));
        let entry = wheel.insert();
        let mut woken = Vec::new();
        assert!(matches!(wheel.wait_until(entry, at(5_000), Waiter::Index(1)), Waiter::Nobody));
        assert!(matches!(wheel.wait_until(entry, at(1_000), Waiter::Index(2)), Waiter::Index(1)));
        wheel.advance(at(999), |waiter| woken.push(waiter));
        assert!(woken.is_empty());
        wheel.advance(at(1_000), |waiter| woken.push(waiter));
        assert!(matches!(woken[..], [Waiter::Index(2)]));
        // It has expired, and is set anew.
        assert!(matches!(wheel.wait_until(entry, at(3_000), Waiter::Index(3)), Waiter::Nobody));
        wheel.advance(at(5_000), |waiter| woken.push(waiter));
        assert!(matches!(woken[..], [_, Waiter::Index(3)]));
    }

    #[test]
    fn a_deadline_brought_forward_expires_early() {
        let mut wheel = Wheel::new(at(0));
        let entry = wheel.insert();
        wheel.set(entry, Some(at(40_000)));
        wheel.set(entry, Some(at(500)));
        wheel.advance(at(500), drop);
        assert!(expired(&mut wheel, entry));
    }

    #[test]
    fn deadlines_beyond_one_revolution_expire_in_time() {
        let mut wheel = Wheel::new(at(12_345));
        let entry = wheel.insert();
        wheel.set(entry, Some(at(12_345 + 200_000)));
        let mut now = 12_345;
        while now < 12_345 + 199_900 {
            wheel.advance(at(now), drop);
            assert!(!expired(&mut wheel, entry), "expired at {now}");
            now += 700;
        }
        wheel.advance(at(12_345 + 200_100), drop);
        assert!(expired(&mut wheel, entry));
    }

    #[test]
    fn a_cleared_deadline_never_expires_and_a_removed_one_leaves_no_trace() {
        let mut wheel = Wheel::new(at(0));
        let (first, second, third) = (wheel.insert(), wheel.insert(), wheel.insert());
        for entry in [first, second, third] {
            wheel.set(entry, Some(at(300)));
        }
        wheel.set(first, None);
        wheel.remove(second);
        wheel.advance(at(100_000), drop);
        assert!(!expired(&mut wheel, first));
        assert!(expired(&mut wheel, third));
        wheel.remove(third);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn of_many_that_are_due_at_once_each_turn_has_a_share_and_none_is_left_out() {
        const COUNT: usize = 10 * EXPIRED_PER_TURN + 1;
        let mut wheel = Wheel::new(at(0));
        let entries: Vec<u32> = (0..COUNT).map(|_| wheel.insert()).collect();
        // Half of them are put off beyond a revolution; they are no part of a turn's share.
        for &entry in &entries {
            wheel.set(entry, Some(at(1_000)));
        }
        let put_off: Vec<u32> = entries.iter().copied().step_by(2).collect();
        for &entry in &put_off {
            wheel.set(entry, Some(at(100_000)));
        }
        let (due, mut turns) = (COUNT - put_off.len(), Vec::new());
        while wheel.next().is_some_and(|next| next <= at(1_050)) {
            let mut woken = 0;
            wheel.advance(at(1_050), |_| woken += 1);
            turns.push(woken);
            // What comes meanwhile has its place, and what goes leaves none.
            let (early, gone) = (wheel.insert(), wheel.insert());
            wheel.set(early, Some(at(1_100)));
            wheel.set(gone, Some(at(1_000)));
            wheel.remove(gone);
        }
        assert_eq!(turns.iter().sum::<usize>(), due);
        assert!(turns.iter().all(|&woken| woken <= EXPIRED_PER_TURN), "{turns:?}");
        assert!(turns.len() >= due / EXPIRED_PER_TURN, "{turns:?}");
        assert_eq!(wheel.next(), Some(at(1_100)));
        for &entry in &entries {
            assert_eq!(expired(&mut wheel, entry), !put_off.contains(&entry));
        }
        while wheel.next().is_some() {
            wheel.advance(at(100_000), drop);
        }
        assert!(put_off.iter().all(|&entry| expired(&mut wheel, entry)));
    }

    #[test]
    fn the_later_deadlines_are_the_more_of_them_expire_in_a_turn_up_to_a_bound() {
        for (now, expected) in [(1_099, 8), (1_999, 8), (2_000, 16), (4_050, 32), (8_000, 64), (30_000, 64)] {
            let mut wheel = Wheel::new(at(0));
            for _ in 0..100 {
                let entry = wheel.insert();
                wheel.set(entry, Some(at(1_000)));
            }
            let mut woken = 0;
            wheel.advance(at(now), |_| woken += 1);
            assert_eq!(woken, expected, "at {now}");
        }
    }

    #[test]
    fn what_comes_up_behind_a_long_time_without_deadlines_is_not_late() {
        let mut wheel = Wheel::new(at(0));
        for _ in 0..100 {
            let entry = wheel.insert();
            wheel.set(entry, Some(at(20_000)));
        }
        let mut woken = 0;
        wheel.advance(at(20_000), |_| woken += 1);
        assert_eq!(woken, EXPIRED_PER_TURN);
    }

    #[test]
    fn a_deadline_that_is_over_already_expires_with_the_next_tick() {
        for due in [0, 500, 1_000] {
            let mut wheel = Wheel::new(at(1_000));
            let entry = wheel.insert();
            wheel.set(entry, Some(at(due)));
            assert_eq!(wheel.next(), Some(at(1_100)), "due at {due}");
            wheel.advance(at(1_100), drop);
            assert!(expired(&mut wheel, entry), "due at {due}");
        }
    }

    #[test]
    fn a_deadline_that_goes_takes_no_other_along_wherever_they_are() {
        for (kept, gone) in [(64, 65), (65, 64), (127, 128), (128, 127), (1, 511), (7, 71)] {
            let mut wheel = Wheel::new(at(0));
            let entries = [kept, gone].map(|tick| {
                let entry = wheel.insert();
                wheel.set(entry, Some(at(tick * 100)));
                entry
            });
            wheel.remove(entries[1]);
            assert_eq!(wheel.next(), Some(at(kept * 100)), "{kept} and {gone}");
            wheel.advance(at(kept * 100), drop);
            assert!(expired(&mut wheel, entries[0]), "{kept} and {gone}");
        }
    }

    #[test]
    fn a_deadline_alone_is_the_next_wherever_it_and_the_clock_are() {
        for now in [0, 1, 63, 64, 100, 448, 511, 512, 700] {
            for ahead in [1, 2, 62, 63, 64, 65, 128, 500, SLOTS - 1] {
                let mut wheel = Wheel::new(at(now * 100));
                let entry = wheel.insert();
                wheel.set(entry, Some(at((now + ahead) * 100)));
                assert_eq!(wheel.next(), Some(at((now + ahead) * 100)), "{ahead} ticks after {now}");
            }
        }
    }

    #[test]
    fn what_is_due_beyond_the_last_tick_does_not_expire_before_it() {
        let mut wheel = Wheel::new(at(7_000));
        let entry = wheel.insert();
        wheel.set(entry, Some(Moment::from_nanoseconds(u64::MAX)));
        wheel.advance(at(1_000_000_000), drop);
        assert!(!expired(&mut wheel, entry));
    }

    #[test]
    fn deadlines_all_over_the_wheel_come_up_one_after_the_other() {
        let mut wheel = Wheel::new(at(0));
        for tick in (10..SLOTS).step_by(50) {
            let entry = wheel.insert();
            wheel.set(entry, Some(at(tick * 100)));
        }
        for tick in (10..SLOTS).step_by(50) {
            assert_eq!(wheel.next(), Some(at(tick * 100)));
            wheel.advance(at(tick * 100), drop);
        }
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn random_deadlines_expire_in_their_tick() {
        // A small linear congruential generator: the same sequence each run.
        let mut seed = 42_u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        let mut wheel = Wheel::new(at(0));
        let mut entries: Vec<(u32, u64)> = (0..500).map(|_| (wheel.insert(), u64::MAX)).collect();
        let mut now = 0;
        for _ in 0..5_000 {
            let choice = (random() % 500) as usize;
            let (entry, due) = &mut entries[choice];
            *due = now + 1 + random() % 120_000;
            wheel.set(*entry, Some(at(*due)));
            now += random() % 90;
            wheel.advance(at(now), drop);
            for (entry, due) in &mut entries {
                let is_due = due.div_ceil(100) <= now / 100;
                assert_eq!(expired(&mut wheel, *entry), is_due && *due != u64::MAX, "at {now}, due {due}");
                if is_due {
                    wheel.set(*entry, None);
                    *due = u64::MAX;
                }
            }
        }
    }
}
