//! What one client feels of others on the same worker. In: a server of one worker. Out: the good client's latencies alone,
//! beside one that pipelines without end, and beside one that downloads 10 GiB, alternated; fails where they double.

mod greedy;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;

use self::greedy::Greedy;
use crate::compare::interrupt;
use crate::compare::process::{Running, free_port};
use crate::compare::servers::{Profile, selvedge};
use crate::compare::summary::Spread;
use crate::content::content;
use crate::cpus;
use crate::latencies::{Latencies, machine_is_busy};
use crate::open_loop::{self, Asking};
use crate::plural::counted;

/// The good client's p99 beside a greedy one, as a multiple of its own without: what is too much.
const RATIO_MAX: f64 = 2.0;
/// Octets in a second that a greedy client must have had; one that is held up is none.
const GREEDY_BYTES_PER_SECOND_MIN: u64 = 20_000_000;
/// What the good client asks for.
const SMALL: (&str, usize) = ("small.txt", 151);
/// What is downloaded: a hole.
const LARGE: (&str, u64) = ("large.bin", 10 << 30);

/// Where the files are, if this is a directory: in memory, so that no disk and no page cache has a part in the latencies.
const IN_MEMORY: &str = "/dev/shm";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds, of one run in each company
    #[arg(long, value_name = "N", default_value_t = 7)]
    rounds: usize,
    /// Length of a run
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    seconds: u64,
    /// Requests of the good client in a second, at times that do not depend on the answers
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    rate: u32,
    /// Requests that the pipelining client has under way
    #[arg(long, value_name = "N", default_value_t = 512)]
    depth: usize,
    /// The server [default: built from this folder]
    #[arg(long, value_name = "FILE")]
    selvedge: Option<PathBuf>,
}

/// Who else is on the good client's worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Nobody,
    Pipeliner,
    Downloader,
}

impl Company {
    const ALL: [Self; 3] = [Self::Nobody, Self::Pipeliner, Self::Downloader];

    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "alone",
            Self::Pipeliner => "beside a pipeliner",
            Self::Downloader => "beside a download",
        }
    }
}

/// Runs all rounds and prints them as Markdown.
///
/// # Errors
/// When the ratio's median is above what is allowed, or nothing could be measured.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(
        options.rounds > 0 && options.seconds > 0,
        "--rounds 0 or --seconds 0: nothing would be measured"
    );
    ensure!(options.rate > 0, "--rate 0: the good client would ask for nothing");
    ensure!(options.depth > 0, "--depth 0: the pipelining client would ask for nothing");
    interrupt::catch()?;
    let server = selvedge(options.selvedge.as_deref(), Profile::Release)?;
    let directory = match Path::new(IN_MEMORY) {
        memory if memory.is_dir() => tempfile::tempdir_in(memory),
        _ => tempfile::tempdir(),
    };
    let directory = directory.context("cannot make a temporary directory")?;
    fs::write(directory.path().join(SMALL.0), content(SMALL.1))?;
    File::create(directory.path().join(LARGE.0))?.set_len(LARGE.1)?;
    let cpus = cpus::allowed()?;
    let port = free_port()?;
    let mut command = Command::new(server);
    command.arg(directory.path()).args(["-a", "127.0.0.1", "-j", "1", "-p", &port.to_string()]);
    command.args(["--cpus", &cpus[0].to_string()]);
    let log = tempfile::NamedTempFile::new()?;
    let _running = Running::start(command, port, &cpus[..1], log.path())?;

    let mut runs: [Vec<(Latencies, u64)>; 3] = Default::default();
    for round in 0..options.rounds {
        for turn in 0..Company::ALL.len() {
            let place = (turn + round) % Company::ALL.len();
            runs[place].push(run_once(Company::ALL[place], port, &cpus, options)?);
        }
    }
    print(&runs, options, &cpus);
    if let Some(fault) = machine_is_busy(runs[0].iter().map(|(latencies, _)| latencies)) {
        bail!("{fault}");
    }
    for company in [Company::Pipeliner, Company::Downloader] {
        let ratio = ratio(&runs, company);
        ensure!(
            ratio <= RATIO_MAX,
            "{} p99 is {ratio:.2} times that alone, more than {RATIO_MAX} times",
            company.name()
        );
    }
    Ok(())
}

/// One run: the good client's latencies, and the octets that the greedy one had.
fn run_once(
    company: Company,
    port: u16,
    cpus: &[usize],
    options: &Options,
) -> anyhow::Result<(Latencies, u64)> {
    let (over, received) = (AtomicBool::new(false), AtomicU64::new(0));
    // The good client has a CPU for itself where there are three.
    let (good_cpus, greedy_cpus) = match cpus {
        [_] => bail!("one processor is not enough: clients would wait for the server's"),
        [_, other] => (vec![*other], vec![*other]),
        [_, good, greedy @ ..] => (vec![*good], greedy.to_vec()),
        [] => bail!("no processor to run on"),
    };
    let latencies = thread::scope(|scope| {
        let greedy = match company {
            Company::Nobody => None,
            Company::Pipeliner => Some(Greedy::Pipeliner { depth: options.depth }),
            Company::Downloader => Some(Greedy::Downloader),
        };
        let greedy = greedy.map(|greedy| {
            let (over, received, cpus) = (&over, &received, &greedy_cpus);
            scope.spawn(move || greedy.run(port, cpus, over, received))
        });
        let asking = Asking {
            port,
            path: SMALL.0,
            body_bytes: SMALL.1,
            requests_per_second: options.rate,
            duration: Duration::from_secs(options.seconds),
        };
        let measured = open_loop::measure(&asking, &good_cpus);
        over.store(true, Ordering::Relaxed);
        let ended = greedy.map(|greedy| greedy.join().expect("it does not panic"));
        let latencies = measured?;
        ended.transpose().context("the greedy client")?;
        let had = received.load(Ordering::Relaxed) / options.seconds;
        ensure!(
            company == Company::Nobody || had >= GREEDY_BYTES_PER_SECOND_MIN,
            "{}: the greedy client had {had} octets a second, and is greedy from {GREEDY_BYTES_PER_SECOND_MIN} on",
            company.name()
        );
        anyhow::Ok(latencies)
    })?;
    Ok((latencies, received.load(Ordering::Relaxed)))
}

/// The median over the rounds of p99 in company to p99 alone.
fn ratio(runs: &[Vec<(Latencies, u64)>; 3], company: Company) -> f64 {
    let rounds = runs[0].iter().zip(&runs[company as usize]);
    median(rounds.map(|((alone, _), (beside, _))| beside.quantile_us(0.99) / alone.quantile_us(0.99)))
}

fn print(runs: &[Vec<(Latencies, u64)>; 3], options: &Options, cpus: &[usize]) {
    println!("# One client beside greedy ones on its worker\n");
    println!(
        "{} of {} s in each company, alternated; {} a second of {} bytes, latency from the time a request \
         was due. The pipeliner has {} under way. Server on CPU {}, clients on {}.\n",
        counted(options.rounds, "round", "rounds"),
        options.seconds,
        counted(options.rate, "request", "requests"),
        SMALL.1,
        counted(options.depth, "request", "requests"),
        cpus[0],
        cpus::list(if cpus.len() > 1 { &cpus[1..] } else { cpus }),
    );
    println!("| company | p50 us | p99 us | greedy client MB/s | p99 to that alone |");
    println!("|---|---:|---:|---:|---:|");
    for company in Company::ALL {
        let runs_of = &runs[company as usize];
        let of = |share| median(runs_of.iter().map(|(latencies, _)| latencies.quantile_us(share)));
        let bytes = median(runs_of.iter().map(|(_, bytes)| *bytes as f64));
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} |",
            company.name(),
            of(0.5),
            of(0.99),
            bytes / 1e6 / options.seconds as f64,
            ratio(runs, company),
        );
    }
}

fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(figures).map_or(f64::NAN, |spread| spread.median)
}
