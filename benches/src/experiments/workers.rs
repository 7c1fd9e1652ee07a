//! Throughput by workers, as in the figure of Warp's chapter: 151 octets, 1,000 connections of 100 requests. In: servers, and
//! numbers of workers. Out: requests per second.

use std::process::Command;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::report::{Report, Table, cell};
use super::setting::Found;
use super::{Setting, spread};
use crate::chart::{Axes, Scale, Series, lines};
use crate::compare::measure;
use crate::compare::process::{find_executable, run_to_end};
use crate::compare::servers::{Installed, Server};
use crate::compare::summary::Spread;
use crate::cpus::Placement;
use crate::plural::counted;

const CONNECTIONS: usize = 1_000;
/// Of all connections together.
const REQUESTS: u64 = 100_000;
/// The threads of the chapter's client.
const CLIENT_THREADS_MAX: usize = 10;
/// The chapter's two, and what stands between this project and the kernel.
const SERVERS: [Server; 4] = [Server::Selvedge, Server::Nginx, Server::Mighty, Server::Ceiling];

#[derive(Debug, Serialize)]
struct Row {
    server: Server,
    workers: usize,
    /// Whether the client had to run on the server's CPUs.
    shares_cpus: bool,
    requests_per_second: Spread,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let h2load = find_executable("h2load").context("h2load is missing: apt install nghttp2-client")?;
    let Found { servers, mut versions, mut missing } = setting.servers()?;
    let servers: Vec<Installed> =
        servers.into_iter().filter(|installed| SERVERS.contains(&installed.server)).collect();
    let is_of_these = |text: &str| SERVERS.iter().any(|server| text.contains(server.name()));
    versions.retain(|version| is_of_these(version));
    missing.retain(|missing| is_of_these(missing));
    let version = Command::new(&h2load).arg("--version").output()?;
    versions.push(String::from_utf8_lossy(&version.stdout).trim().to_owned());
    let mut rows = Vec::new();
    for &workers in &setting.workers {
        let placement = Placement::apart(&setting.load.cpus, workers);
        let title = |installed: &Installed| {
            format!("{}, {}", installed.server.name(), counted(workers, "worker", "workers"))
        };
        let measure = |installed: &Installed, _| measure(setting, &h2load, installed, workers, &placement);
        for (installed, samples) in setting.alternate(&servers, title, &mut missing, measure)? {
            let (server, shares_cpus) = (installed.server, placement.is_shared());
            rows.push(Row { server, workers, shares_cpus, requests_per_second: spread(samples)? });
        }
    }
    let title = "151 octets, 1,000 connections of 100 requests";
    let mut table = Table::new(title, &["server", "workers", "requests/s", "client's CPUs"]);
    let mut series = Vec::new();
    for &server in &SERVERS {
        let own = || rows.iter().filter(|row| row.server == server);
        for row in own() {
            table.row([
                server.name().to_owned(),
                row.workers.to_string(),
                cell(row.requests_per_second),
                if row.shares_cpus { "the server's" } else { "its own" }.to_owned(),
            ]);
        }
        let points = own().map(|row| (row.workers as f64, row.requests_per_second)).collect();
        series.push(Series { label: server.name().to_owned(), points });
    }
    let axes =
        Axes { x: "workers", x_scale: Scale::Linear, y: "requests per second", y_scale: Scale::Linear };
    Ok(Report {
        tables: vec![table],
        plot: lines(setting.title("Requests per second by workers (more is better)"), &axes, &series),
        figures: serde_json::to_value(&rows)?,
        versions,
        missing,
    })
}

fn measure(
    setting: &Setting<'_>,
    h2load: &std::path::Path,
    installed: &Installed,
    workers: usize,
    placement: &Placement,
) -> anyhow::Result<f64> {
    let workload = Setting::workload(CONNECTIONS)?;
    let running = measure::start(&setting.load, installed, &workload, placement, workers)?;
    setting.check(&running, &workload)?;
    let threads = placement.client.len().clamp(1, CLIENT_THREADS_MAX);
    let requests = (REQUESTS / setting.shortened).max(CONNECTIONS as u64);
    let mut command = Command::new(h2load);
    command.args(["--h1", "-n", &requests.to_string(), "-c", &CONNECTIONS.to_string()]);
    command.args(["-t", &threads.to_string()]);
    command.arg(format!("http://127.0.0.1:{}/{}", running.port, workload.file));
    let (output, _) = run_to_end(&mut command, &placement.client)?;
    parse(&output, requests)
}

/// The rate that h2load prints, if all its requests were answered by 2xx.
fn parse(output: &str, requests: u64) -> anyhow::Result<f64> {
    let all = format!("status codes: {requests} 2xx");
    ensure!(output.contains(&all), "not every request was answered:\n{output}");
    let line = output.lines().find(|line| line.starts_with("finished in"));
    let rate = line.and_then(|line| line.split(", ").nth(1)?.strip_suffix(" req/s")?.parse().ok());
    rate.with_context(|| format!("h2load tells no rate:\n{output}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "finished in 1.02s, 98039.22 req/s, 33.45MB/s
requests: 100000 total, 100000 started, 100000 done, 100000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 100000 2xx, 0 3xx, 0 4xx, 0 5xx
";

    #[test]
    fn the_rate_is_read_if_every_request_was_answered() {
        assert_eq!(parse(OUTPUT, 100_000).unwrap(), 98_039.22);
        assert!(parse(OUTPUT, 100_001).is_err());
        assert!(parse("status codes: 5 2xx, 0 3xx\n", 5).unwrap_err().to_string().contains("no rate"));
    }
}
