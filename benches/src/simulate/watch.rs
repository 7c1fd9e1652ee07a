//! Seeds that do not end. In: those that are under way, one for each thread. Out: the program's end, with the seeds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Of a thread that runs none.
pub(super) const NO_SEED: u64 = u64::MAX;
/// No seed takes so long by far, in whatever build. It is waited for in pieces, of which a process that is stopped for a while
/// (SIGSTOP) loses one.
const SEED_SECONDS_MAX: usize = 60;

/// Ends the program when seeds do not end: a task that does not come back from a poll ends no turn. All of them are told, so that the
/// lowest one is: it was begun before the others.
pub(super) fn watch(under_way: &Arc<[AtomicU64]>) {
    let under_way = Arc::clone(under_way);
    std::thread::spawn(move || {
        loop {
            let before = seeds(&under_way);
            (0..SEED_SECONDS_MAX).for_each(|_| std::thread::sleep(Duration::from_secs(1)));
            let now = seeds(&under_way);
            let stuck: BTreeSet<_> = before.intersection(&now).collect();
            if !stuck.is_empty() {
                stuck.iter().for_each(|seed| println!("seed {seed}: a turn does not end"));
                std::process::exit(1);
            }
        }
    });
}

/// Those that are under way.
fn seeds(under_way: &[AtomicU64]) -> BTreeSet<u64> {
    under_way.iter().map(|seed| seed.load(Ordering::Relaxed)).filter(|&seed| seed != NO_SEED).collect()
}
