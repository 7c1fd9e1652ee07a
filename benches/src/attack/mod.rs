//! Attacks on the real server, on the real kernel: while they last, a good client that opens a new connection for each
//! request is measured, and after them the server must have everything back. In: an attack's name. Out: a table, and a
//! failure where the good client suffered, an answer was wrong or something did not come back.
//!
//! The walk: `target` (the server) -> `siege` (rounds) -> `good_client`, then `crowd` with one of the conducts and
//! `good_client` again -> `target` (is all of it back?). `requests` is by itself: each request held against an oracle.

mod attacks;
mod churn;
mod crowd;
mod good_client;
mod half_open;
mod never_read;
mod report;
mod requests;
mod resets;
mod siege;
mod slow_body;
mod slow_head;
mod slow_read;
pub(crate) mod socket;
mod target;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use self::attacks::Attack;
use self::requests::Figures;
use self::target::Target;
use crate::compare::servers::{Profile, selvedge};
use crate::compare::{interrupt, process};
use crate::cpus::{self, Placement};

/// Options of `attack`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The attack
    attack: Attack,
    /// Attackers at once; fewer where the descriptor limit allows fewer
    #[arg(long, value_name = "N", default_value_t = 15_000)]
    attackers: usize,
    /// Seconds that the good client is measured, without attackers and with them
    #[arg(long, value_name = "S", default_value_t = 10)]
    seconds: u64,
    /// Rounds, each without attackers and then with them
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// The good client's requests per second, each on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 500)]
    rate: u32,
    /// Requests of the attack 'requests'
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    count: u64,
    /// The number of its first request: with a count of 1, that one alone
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// Seed of its requests
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The selvedge binary [default: built from this workspace]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Few attackers for a second, and no verdict about times: only to see that nothing is lost and all comes back
    #[arg(long)]
    quick: bool,
}

/// Attacks and prints Markdown.
///
/// # Errors
/// When the good client suffered, an answer was wrong, something did not come back, or the attack was not possible.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let options = &effective(options)?;
    interrupt::catch()?;
    process::raise_descriptor_limit()?;
    let profile = if cfg!(debug_assertions) { Profile::Dev } else { Profile::Release };
    let server = selvedge(options.server.as_deref(), profile)?;
    let placement = Placement::apart(&cpus::allowed()?, 1);
    cpus::pin(&placement.client)?;
    report::print_header(options, &placement);
    let mut failed = Vec::new();
    for attack in options.attack.chosen() {
        let faults = if attack == Attack::Requests {
            requests(&server, &placement, options)?
        } else {
            let outcome = siege::run(attack, &server, &placement, options).with_context(|| attack.name())?;
            report::print_outcome(&outcome);
            outcome.faults
        };
        failed.extend(faults.into_iter().map(|fault| format!("{}: {fault}", attack.name())));
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    Ok(())
}

/// The same, checked, and with what `--quick` stands for.
fn effective(options: &Options) -> anyhow::Result<Options> {
    let mut options = options.clone();
    ensure!(options.attackers > 0, "--attackers 0: ask for one at least");
    ensure!(
        options.rounds > 0 && options.seconds > 0,
        "--rounds 0 or --seconds 0: nothing would be measured"
    );
    ensure!(options.rate > 0, "--rate 0: the good client would ask for nothing");
    ensure!(options.count > 0, "--count 0: nothing would be sent");
    ensure!(
        options.first.checked_add(options.count).is_some(),
        "--first {}: the last of {} requests would have no number; begin with a lower one",
        options.first,
        options.count
    );
    if options.quick {
        (options.attackers, options.seconds, options.rounds) = (60, 1, 2);
        (options.rate, options.count) = (100, options.count.min(20_000));
    }
    Ok(options)
}

/// Sends all requests, from as many threads as the client has CPUs.
fn requests(server: &Path, placement: &Placement, options: &Options) -> anyhow::Result<Vec<String>> {
    let target = Target::start(server, &placement.server, 1_000)?;
    let (began, held) = (Instant::now(), target.held()?);
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(placement.client.len()) as u64;
    let (first, end) = (options.first, options.first + options.count);
    let share = options.count.div_ceil(threads).max(1);
    let outcomes = thread::scope(|scope| {
        let shares = (0..threads).map(|thread| {
            let from = (first + thread * share).min(end);
            let numbers = from..(from + share).min(end);
            scope.spawn(|| requests::run(target.address().into(), numbers, options.seed))
        });
        let threads: Vec<_> = shares.collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    let mut figures = Figures::default();
    let mut faults = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(Ok(share)) => figures.add(share),
            Ok(Err(failure)) => faults.push(failure.to_string()),
            Err(_) => faults.push("a client panicked".into()),
        }
    }
    report::print_requests(&figures, began.elapsed());
    target.recover(&held)?;
    Ok(faults)
}
