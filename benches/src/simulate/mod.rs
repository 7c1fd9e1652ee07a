//! The whole server on a simulated machine, seed after seed: what went wrong is printed with its seed, and one seed is the same
//! run again.
//!
//! In order: this file, `run` (one seed), `setting` (what it is like), `application` (what is served), `client` and
//! `script` (who asks, and for what), `expected` and `oracle` (what must come), `patience` (and when), `account` (why
//! connections end); `site` (one seed of the static server), `site_setting` (what it is like), `site_editor` (who writes to
//! its disk), `site_client` and `site_requests` (who asks, and for what), `site_history`, `site_answer`, `site_oracle` and
//! `site_validators` (what must come), `site_account` (why connections end); `held` (what workers hold), `done` (what a run
//! has brought), `coverage` (which faults were met), `watch` (what does not end).

mod account;
mod application;
mod client;
mod coverage;
mod done;
mod expected;
mod held;
mod oracle;
mod patience;
mod run;
mod script;
mod setting;
mod site;
mod site_account;
mod site_answer;
mod site_client;
mod site_editor;
mod site_history;
mod site_oracle;
mod site_requests;
mod site_setting;
mod site_validators;
mod watch;

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use anyhow::{Result, bail, ensure};
use selvedge_runtime::sim::Keeping;

use crate::plural::counted;
use coverage::{Coverage, SEEDS_FOR_ALL};
use done::{Done, Figures};
use setting::Size;
use watch::{NO_SEED, watch};

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
    /// What runs: an application in every form the engine has, a site on a disk that is written to, or by the seed one of both
    #[arg(long, value_enum, default_value_t = Workload::Both)]
    workload: Workload,
    /// Threads, each with a seed at a time; default: one per processor
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// End with the first seed that goes wrong
    #[arg(long)]
    stop_at_first: bool,
    /// Print the trace of every event: for one seed
    #[arg(long)]
    trace: bool,
}

/// What a seed runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Workload {
    Server,
    Site,
    /// Of every three seeds the first runs the site.
    Both,
}

impl Workload {
    fn run(self, seed: u64, size: Size, keeping: Keeping) -> Done {
        match self {
            Self::Site => site::run(seed, size, keeping),
            Self::Both if seed.is_multiple_of(3) => site::run(seed, size, keeping),
            Self::Server | Self::Both => run::run(seed, size, keeping),
        }
    }
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => number(text).map(|seed| seed..seed.saturating_add(1)),
    }
}

/// Runs the seeds.
///
/// # Errors
/// When a run went wrong, when a fault never met an op that it can meet, and for options that do not fit.
pub(crate) fn run_seeds(options: &Options) -> Result<()> {
    let seeds = options.seeds.end.saturating_sub(options.seeds.start);
    ensure!(seeds > 0, "no seeds in {:?}; name them as 0..1000", options.seeds);
    for (option, count) in [
        ("--clients", options.clients),
        ("--requests", options.requests),
        ("--threads", options.threads.unwrap_or(1)),
    ] {
        ensure!(count > 0, "{option} 0: nothing would be asked; say one at least, or leave it out");
    }
    ensure!(
        !options.trace || seeds == 1,
        "--trace prints megabytes for each seed; name one seed: `--seeds {} --trace`",
        options.seeds.start
    );
    tell_panics();
    let mut total = Figures::default();
    let mut coverage = Coverage::of(options.workload);
    let mut wrong = Vec::new();
    for (seed, done) in results(options) {
        done.trace.iter().for_each(|line| println!("{line}"));
        if seeds == 1 {
            println!("seed {seed}: trace {:016x}, {:?}", done.hash, done.figures);
        }
        done.failures.iter().for_each(|failure| println!("seed {seed}: {failure}"));
        if !done.failures.is_empty() {
            wrong.push(seed);
        }
        total.add(&done.figures);
        coverage.add(done.faults);
    }
    let requests = seeds * options.clients as u64 * options.requests as u64;
    println!(
        "{}, about {}, {} compared: {total:?}",
        counted(seeds, "seed", "seeds"),
        counted(requests, "request", "requests"),
        counted(total.answers, "answer", "answers")
    );
    coverage.print();
    if let Some(first) = wrong.iter().min() {
        bail!(
            "{} wrong, the first is {first}; `simulate --seeds {first} --trace` shows it",
            counted(wrong.len(), "seed went", "seeds went")
        );
    }
    let gaps = coverage.gaps();
    if seeds >= SEEDS_FOR_ALL && !gaps.is_empty() {
        bail!("faults that were to be met: {}", gaps.join("; "));
    }
    Ok(())
}

/// Runs all seeds on several threads: what each has brought, as it comes.
fn results(options: &Options) -> mpsc::Receiver<(u64, Done)> {
    let size = Size { clients: options.clients, requests: options.requests };
    let keeping = if options.trace { Keeping::Lines } else { Keeping::Hash };
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let next = Arc::new(AtomicU64::new(options.seeds.start));
    let stops = Arc::new(AtomicBool::new(false));
    let (tell, results) = mpsc::channel();
    let under_way: Arc<[AtomicU64]> =
        (0..options.threads.unwrap_or_else(processors)).map(|_| AtomicU64::new(NO_SEED)).collect();
    watch(&under_way);
    for thread in 0..under_way.len() {
        let (next, stops, tell) = (Arc::clone(&next), Arc::clone(&stops), tell.clone());
        let under_way = Arc::clone(&under_way);
        let (workload, end, stop_at_first) = (options.workload, options.seeds.end, options.stop_at_first);
        std::thread::spawn(move || {
            // Seeds below one that went wrong have been begun before it, so that the first that goes wrong is told too.
            while !stops.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    break;
                }
                under_way[thread].store(seed, Ordering::Relaxed);
                SEED.set(Some(seed));
                let done = std::panic::catch_unwind(|| workload.run(seed, size, keeping));
                let done = done.unwrap_or_else(|_| Done::of_panic());
                if stop_at_first && !done.failures.is_empty() {
                    stops.store(true, Ordering::Relaxed);
                }
                if tell.send((seed, done)).is_err() {
                    break;
                }
            }
            under_way[thread].store(NO_SEED, Ordering::Relaxed);
        });
    }
    results
}

thread_local! {
    /// The seed that this thread runs.
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A panic is told with its seed at once: it may end the process.
fn tell_panics() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match SEED.get() {
        Some(seed) => println!("seed {seed}: {}", panic.to_string().replace('\n', " ")),
        None => others(panic),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size { clients: 30, requests: 5 };

    #[test]
    fn the_same_seed_is_the_same_run() {
        for workload in [Workload::Server, Workload::Site] {
            let hashes = [1, 2, 1].map(|seed| workload.run(seed, SMALL, Keeping::Hash).hash);
            assert_eq!(hashes[0], hashes[2]);
            assert_ne!(hashes[0], hashes[1]);
        }
    }

    #[test]
    fn nothing_is_lost_and_nothing_hangs() {
        for seed in 0..40 {
            let done = Workload::Both.run(seed, SMALL, Keeping::Hash);
            assert_eq!(done.failures, [] as [String; 0], "seed {seed}");
        }
    }
}
