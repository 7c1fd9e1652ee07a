//! The generator beside others. In: those that are installed. Out: what each measures of one server, in turn, and whether they
//! agree.

mod tools;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use clap::Args;

use self::tools::{Asking, Figures, Tool};
use crate::compare::interrupt;
use crate::compare::process::{Running, find_executable, free_port, run_to_end};
use crate::compare::servers::{Profile, selvedge};
use crate::compare::summary::Spread;
use crate::compare::workloads::{self, Workload};
use crate::content::content;
use crate::cpus::{self, Placement};
use crate::plural::counted;

/// How far this generator's rate times its mean latency may be from the number of its connections (Little's law).
const LITTLE_MAX: f64 = 0.05;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds; the order of the generators is rotated from one to the next
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, value_name = "S", default_value_t = 2)]
    seconds: u64,
    /// Connections
    #[arg(short, long, value_name = "N", default_value_t = 64)]
    connections: usize,
    /// Most that this generator's rate may be above or below the fastest other's, as a factor
    #[arg(long, value_name = "F", default_value_t = 1.5)]
    factor: f64,
    /// The server's binary [default: built from this workspace]
    #[arg(long, value_name = "PATH")]
    selvedge: Option<PathBuf>,
}

/// Measures in rounds and prints Markdown. A generator that is missing is named and left out.
///
/// # Errors
/// When none but this one is here, and when they do not agree.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(
        options.rounds > 0 && options.seconds > 0 && options.connections > 0,
        "a comparison needs rounds, seconds in them, and connections"
    );
    ensure!(
        options.factor.is_finite() && options.factor >= 1.0,
        "--factor {}: it is 1 or above, and 1 is the very same rate",
        options.factor
    );
    interrupt::catch()?;
    let tools = installed();
    ensure!(tools.len() > 1, "there is nothing to compare with: apt install wrk nghttp2-client");
    let server = selvedge(options.selvedge.as_deref(), Profile::Release)?;
    let placement = Placement::apart(&cpus::allowed()?, 1);
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    std::fs::create_dir(&root)?;
    let mut workload = workloads::select(&["small".to_owned()])?[0].clone();
    workload.connections = options.connections;
    std::fs::write(root.join(workload.file), content(workload.bytes))?;
    let port = free_port()?;
    let mut command = Command::new(server);
    command.arg(&root).args(["-a", "127.0.0.1", "-p", &port.to_string(), "-j", "1"]);
    command.args(["--cpus", &cpus::list(&placement.server)]);
    let _server = Running::start(command, port, &placement.server, &folder.path().join("log"))?;

    let asking = Asking {
        workload: &workload,
        port,
        seconds: options.seconds,
        cpus: &placement.client,
        scratch: folder.path(),
    };
    let mut measured: Vec<Vec<Figures>> = tools.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        for turn in 0..tools.len() {
            let place = (turn + round) % tools.len();
            let (tool, program) = &tools[place];
            let (output, _) = run_to_end(&mut tool.command(program, &asking)?, &placement.client)?;
            let figures = tool.parse(&output).with_context(|| format!("{}:\n{output}", tool.name()))?;
            measured[place].push(figures);
        }
    }
    let medians: Vec<_> =
        tools.iter().zip(&measured).map(|((tool, _), all)| (*tool, Medians::of(all))).collect();
    print(&medians, options, &workload, &placement);
    judge(&medians, options)
}

/// Those that are here, this one among them.
fn installed() -> Vec<(Tool, PathBuf)> {
    let mut found = Vec::new();
    for tool in Tool::ALL {
        let Some((program, package)) = tool.program() else {
            found.extend(std::env::current_exe().map(|own| (tool, own)));
            continue;
        };
        match find_executable(program) {
            Some(path) => found.push((tool, path)),
            None => eprintln!("SKIPPED: {program} is missing: apt install {package}"),
        }
    }
    found
}

/// The medians over the rounds.
#[derive(Debug, Clone, Copy)]
struct Medians {
    requests_per_second: Spread,
    mean_us: f64,
    /// The rate times the mean latency, in the same round.
    under_way: f64,
}

impl Medians {
    fn of(measured: &[Figures]) -> Self {
        let spread =
            |figure: fn(&Figures) -> f64| Spread::of(measured.iter().map(figure)).expect("a round is there");
        Self {
            requests_per_second: spread(|figures| figures.requests_per_second),
            mean_us: spread(|figures| figures.mean_us).median,
            under_way: spread(|figures| figures.requests_per_second * figures.mean_us / 1e6).median,
        }
    }
}

fn print(medians: &[(Tool, Medians)], options: &Options, workload: &Workload, placement: &Placement) {
    println!("# Load generators on one server\n");
    println!(
        "{} of {} s each, alternated; {}, {} bytes; server on CPU {}, generators on {}.\n",
        counted(options.rounds, "round", "rounds"),
        options.seconds,
        counted(options.connections, "connection", "connections"),
        workload.bytes,
        cpus::list(&placement.server),
        cpus::list(&placement.client),
    );
    println!("| generator | requests/s | least | most | mean us | rate x mean |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (tool, Medians { requests_per_second: rate, mean_us, under_way }) in medians {
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {mean_us:.1} | {under_way:.2} |",
            tool.name(),
            rate.median,
            rate.min,
            rate.max
        );
    }
}

fn judge(medians: &[(Tool, Medians)], options: &Options) -> anyhow::Result<()> {
    let (own, others): (Vec<_>, Vec<_>) = medians.iter().partition(|(tool, _)| *tool == Tool::Load);
    let (_, own) = own.first().context("it measures itself, too")?;
    let little = own.under_way / options.connections as f64;
    if (little - 1.0).abs() > LITTLE_MAX {
        bail!(
            "rate times mean latency is {little:.3} of the connections: latencies or requests are not counted right"
        );
    }
    let rates = others.iter().map(|(_, medians)| medians.requests_per_second.median);
    let fastest = rates.max_by(f64::total_cmp).context("another one is here")?;
    let ratio = own.requests_per_second.median / fastest;
    ensure!(
        (1.0 / options.factor..=options.factor).contains(&ratio),
        "this generator's rate is {ratio:.2} of the fastest other's, and at most a factor of {} is agreement",
        options.factor
    );
    println!("\nthey agree: this generator's rate is {ratio:.2} of the fastest other's");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medians(rates: &[f64], mean_us: f64) -> Medians {
        let figures = |&requests_per_second| Figures { requests_per_second, mean_us };
        Medians::of(&rates.iter().map(figures).collect::<Vec<_>>())
    }

    #[test]
    fn generators_agree_where_their_rates_do_and_little_s_law_holds() {
        let options = Options { rounds: 3, seconds: 1, connections: 64, factor: 1.5, selvedge: None };
        let wrk = (Tool::Wrk, medians(&[90_000.0, 100_000.0, 110_000.0], 700.0));
        for (rate, mean_us, told) in [
            (100_000.0, 640.0, None),
            (149_000.0, 430.0, None),
            (160_000.0, 400.0, Some("1.60 of the fastest")),
            (60_000.0, 1_067.0, Some("0.60 of the fastest")),
            (100_000.0, 500.0, Some("0.781 of the connections")),
        ] {
            let judged = judge(&[wrk, (Tool::Load, medians(&[rate], mean_us))], &options);
            match told {
                None => judged.unwrap(),
                Some(told) => assert!(judged.unwrap_err().to_string().contains(told), "{rate}, {mean_us}"),
            }
        }
    }
}
