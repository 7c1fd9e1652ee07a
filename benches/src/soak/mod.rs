//! Half an hour of mixed load at a share of what the server can take, with clients that go away in the midst of it. In: how long, how
//! many, how hard. Out: memory and descriptors over time, and whether they stand still.

mod site;
mod visitor;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use self::site::Site;
use self::visitor::{Pace, Visitor};
use crate::compare::interrupt;
use crate::compare::proc::{CpuTime, Memory};
use crate::compare::process::{Running, free_port};
use crate::compare::servers::{Profile, selvedge};
use crate::cpus::{self, Placement};
use crate::held::Held;

/// Longest soak.
const MINUTES_MAX: f64 = 7.0 * 24.0 * 60.0;
/// How much the resident memory may grow between the first mark and the end.
const GROWTH_BYTES_MAX: u64 = 1 << 20;
/// Time in which the capacity is found.
const CAPACITY: Duration = Duration::from_secs(10);
/// Share of the rate that must be served, or it was no load of that share.
const RATE_SHARE_MIN: f64 = 0.9;
/// Time between two looks.
const LOOK: Duration = Duration::from_secs(10);
/// Longer than an idle connection is kept (75 s), and a file that nobody asks for.
const CALM_MAX: Duration = Duration::from_secs(150);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How long the load lasts, in minutes; the first mark is set after a sixth of it
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Clients at a time
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// How hard, as a share of what the server takes at most
    #[arg(long, default_value_t = 0.8)]
    share: f64,
    /// The server's binary, instead of this workspace's
    #[arg(long)]
    server: Option<PathBuf>,
}

/// # Errors
/// When memory grows, when something is not given back, when an answer is wrong.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.minutes > 0.0 && options.clients > 0, "a soak needs some minutes and some clients");
    ensure!(options.minutes <= MINUTES_MAX, "--minutes {}: at most {MINUTES_MAX}, a week", options.minutes);
    ensure!(options.share > 0.0 && options.share <= 1.0, "a share is above 0 and at most 1");
    interrupt::catch()?;
    let binary = selvedge(options.server.as_deref(), Profile::Release)?;
    let placement = Placement::apart(&cpus::allowed()?, 1);
    let folder = tempfile::tempdir()?;
    let (site, root) = (Site::new(), folder.path().join("site"));
    site.write(&root)?;
    let port = free_port()?;
    let mut command = Command::new(binary);
    command.arg(&root).args(["-a", "127.0.0.1", "-p", &port.to_string(), "--metrics"]);
    command.args(["-j", &placement.server.len().to_string()]);
    let server = Running::start(command, port, &placement.server, &folder.path().join("log"))?;
    site.ask_for_each(port)?;
    let before = calm(&server, None)?;
    println!("before: {before}");

    let clients = Clients { count: options.clients, port, site: &site, cpus: &placement.client };
    let cpu_before = CpuTime::read(server.pid())?;
    let capacity = clients.load(CAPACITY, None, &mut || Ok(()))?;
    let rate = capacity * options.share;
    println!(
        "capacity {capacity:.0} visits a second, for which the server takes {:.0} % of {} CPU; {rate:.0} from here on, for {} \
         minutes",
        CpuTime::read(server.pid())?.since_us(&cpu_before) / CAPACITY.as_secs_f64() / 1e4,
        placement.server.len(),
        options.minutes
    );
    let duration = Duration::from_secs_f64(options.minutes * 60.0);
    let (begun, mut mark, mut last) = (Instant::now(), None, None);
    // Under load: what a connection needs is among it.
    let mut look = || -> anyhow::Result<()> {
        let (rss_bytes, held) = (Memory::read(server.pid())?.rss_bytes, Held::read(&server)?);
        ensure!(rss_bytes > 0, "the server's memory cannot be read (smaps_rollup)");
        println!(
            "{:>6.1} min: {} KiB resident, {held}",
            begun.elapsed().as_secs_f64() / 60.0,
            rss_bytes / 1024
        );
        if begun.elapsed() >= duration / 6 {
            mark.get_or_insert(rss_bytes);
        }
        last = Some(rss_bytes);
        Ok(())
    };
    let cpu_before = CpuTime::read(server.pid())?;
    let served = clients.load(duration, Some(rate), &mut look)?;
    println!(
        "served {served:.0} visits a second, for which the server took {:.0} % of {} CPU",
        CpuTime::read(server.pid())?.since_us(&cpu_before) / duration.as_secs_f64() / 1e4,
        placement.server.len()
    );
    site.ask_for_each(port)?;
    let after = calm(&server, Some(&before))?;
    println!("after:  {after}");

    let (mark, last) = mark.zip(last).context("it was too short for a look at the memory")?;
    let growth = last.saturating_sub(mark);
    println!(
        "resident memory grew by {} KiB between {:.1} minutes and the end",
        growth / 1024,
        options.minutes / 6.0
    );
    ensure!(
        served >= RATE_SHARE_MIN * rate,
        "the load was {served:.0} visits a second and not {rate:.0}: the machine was busy, or the server got slower"
    );
    ensure!(growth <= GROWTH_BYTES_MAX, "memory grows: more than {} KiB", GROWTH_BYTES_MAX / 1024);
    ensure!(after == before, "not everything was given back: {after} and not {before}");
    Ok(())
}

/// The clients of a soak.
#[derive(Debug, Clone, Copy)]
struct Clients<'a> {
    count: usize,
    port: u16,
    site: &'a Site,
    cpus: &'a [usize],
}

impl Clients<'_> {
    /// Runs them for `duration`, at `rate` visits a second in all or as fast as they are answered; visits per second.
    fn load(
        self,
        duration: Duration,
        rate: Option<f64>,
        look: &mut dyn FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<f64> {
        let (over, visits) = (AtomicBool::new(false), AtomicU64::new(0));
        let begun = Instant::now();
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.count)
                .map(|number| {
                    let (over, visits) = (&over, &visits);
                    scope.spawn(move || -> anyhow::Result<()> {
                        cpus::pin(self.cpus)?;
                        let pace = rate.map(|rate| Pace::new(rate / self.count as f64));
                        Visitor::new(self.port, self.site, number as u64, pace).visit_until(over, visits)
                    })
                })
                .collect();
            let mut looked = Ok(());
            while looked.is_ok()
                && begun.elapsed() < duration
                && !clients.iter().any(|client| client.is_finished())
            {
                let wait = LOOK.min(duration.saturating_sub(begun.elapsed()));
                looked = interrupt::sleep(wait).and_then(|()| look());
            }
            over.store(true, Ordering::Relaxed);
            for client in clients {
                client.join().expect("a client does not panic").context("a client")?;
            }
            looked
        })?;
        Ok(visits.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Waits until nobody is connected, and until as much is held as `wanted`.
fn calm(server: &Running, wanted: Option<&Held>) -> anyhow::Result<Held> {
    let begun = Instant::now();
    loop {
        let held = Held::read(server)?;
        let is_calm = held.is_of_nobody_else() && wanted.is_none_or(|wanted| held == *wanted);
        if is_calm || begun.elapsed() > CALM_MAX {
            return Ok(held);
        }
        interrupt::sleep(Duration::from_millis(500))?;
    }
}
