//! The whole server on a simulated machine, seed after seed: what went wrong is printed with its seed, and one seed is the same
//! run again.

mod application;
mod client;
mod oracle;
mod run;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use selvedge_runtime::sim::{Fault, Keeping};

use run::{Figures, Size, run};

/// No seed takes so long by far, in whatever build.
const SEED_TIME_MAX: Duration = Duration::from_secs(60);

/// Options of `simulate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Seeds, from the first up to the second: `0..1000`; one alone is one run
    #[arg(long, value_name = "A..B", default_value = "0..100", value_parser = parse_seeds)]
    seeds: Range<u64>,
    /// Clients of a run
    #[arg(long, value_name = "N", default_value_t = 100)]
    clients: usize,
    /// Requests of a client
    #[arg(long, value_name = "N", default_value_t = 10)]
    requests: usize,
    /// End with the first seed that goes wrong
    #[arg(long)]
    stop_at_first: bool,
    /// Print the trace of every event: for one seed
    #[arg(long)]
    trace: bool,
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => number(text).map(|seed| seed..seed + 1),
    }
}

/// Runs the seeds.
///
/// # Errors
/// When a run went wrong.
pub(crate) fn run_seeds(options: &Options) -> Result<()> {
    let size = Size { clients: options.clients, requests: options.requests };
    let mut total = Figures::default();
    let mut faults: BTreeMap<(&'static str, Fault), u64> = BTreeMap::new();
    let mut failures = 0_u64;
    let under_way = Arc::new(AtomicU64::new(options.seeds.start));
    watch(&under_way);
    for seed in options.seeds.clone() {
        under_way.store(seed, Ordering::Relaxed);
        let keeping = if options.trace { Keeping::Lines } else { Keeping::Hash };
        let done = run(seed, size, keeping);
        if options.trace {
            done.trace.iter().for_each(|line| println!("{line}"));
        }
        if options.seeds.end - options.seeds.start == 1 {
            println!("seed {seed}: trace {:016x}, {:?}", done.hash, done.figures);
        }
        for failure in &done.failures {
            println!("seed {seed}: {failure}");
        }
        if options.stop_at_first && !done.failures.is_empty() {
            bail!("seed {seed} went wrong");
        }
        failures += u64::from(!done.failures.is_empty());
        total.add(&done.figures);
        for (op, fault, count) in done.faults {
            *faults.entry((op, fault)).or_default() += count;
        }
    }
    let seeds = options.seeds.end - options.seeds.start;
    println!("{seeds} seeds: {total:?}");
    for ((op, fault), count) in &faults {
        println!("{op:>10} {fault:<24} {count}", fault = format!("{fault:?}"));
    }
    if failures > 0 {
        bail!("{failures} of {seeds} seeds went wrong; `simulate --seeds SEED --trace` shows one of them");
    }
    Ok(())
}

/// Ends the program when a seed does not end: a task that does not come back from a poll ends no turn.
fn watch(under_way: &Arc<AtomicU64>) {
    let under_way = Arc::clone(under_way);
    std::thread::spawn(move || {
        loop {
            let before = under_way.load(Ordering::Relaxed);
            std::thread::sleep(SEED_TIME_MAX);
            if under_way.load(Ordering::Relaxed) == before {
                println!("seed {before}: a turn does not end");
                std::process::exit(1);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size { clients: 30, requests: 5 };

    #[test]
    fn the_same_seed_is_the_same_run() {
        let hashes = [1, 2, 1].map(|seed| run(seed, SMALL, Keeping::Hash).hash);
        assert_eq!(hashes[0], hashes[2]);
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn nothing_is_lost_and_nothing_hangs() {
        for seed in 0..40 {
            assert_eq!(run(seed, SMALL, Keeping::Hash).failures, [] as [String; 0], "seed {seed}");
        }
    }
}
