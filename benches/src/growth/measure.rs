//! One measurement. In: a server and a point. Out: its processor time per request while it was loaded by this project's own
//! generator, which connects before the time begins.

use std::env;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use super::files::{self, Files};
use crate::compare::process::{Running, run_to_end};
use crate::compare::servers::Installed;
use crate::compare::{interrupt, measure};
use crate::cpus::{self, Placement};
use crate::experiments::setting::Setting;
use crate::load;

/// Load before the time begins, in seconds.
const WARM_UP_S: &str = "0.5";
/// Octets of a field's line, its end included.
const FIELD_BYTES: usize = 128;
/// Share of its processors above which a server has none left.
const BUSY_SHARE: f64 = 0.95;

/// What is asked, and of how many workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) connections: usize,
    pub(super) workers: usize,
    /// Files asked for, of those that were made; 0 for the one that all workloads have.
    pub(super) files: usize,
    /// Octets of header fields, besides those that every request has.
    pub(super) header_bytes: usize,
    /// Requests in one write.
    pub(super) depth: usize,
}

impl Default for Point {
    fn default() -> Self {
        Self { connections: 64, workers: 1, files: 0, header_bytes: 0, depth: 1 }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) cpu_us_per_request: f64,
    pub(super) requests_per_second: f64,
    pub(super) p99_us: f64,
    pub(super) limit: Limit,
}

/// What kept a server from answering more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Limit {
    /// Its own processors.
    Server,
    /// The load generator's.
    Client,
    /// Neither: there were too few requests under way.
    Waiting,
    /// Both ran on the same processors.
    Shared,
}

impl Limit {
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Waiting => "waiting",
            Self::Shared => "shared CPUs",
        }
    }
}

/// With the first CPUs for the server, and the load on the others.
pub(super) fn measure(
    setting: &Setting<'_>,
    installed: &Installed,
    point: &Point,
    files: Option<&Files>,
) -> anyhow::Result<Sample> {
    measure_on(setting, installed, point, files, &Placement::apart(&setting.load.cpus, point.workers))
}

pub(super) fn measure_on(
    setting: &Setting<'_>,
    installed: &Installed,
    point: &Point,
    files: Option<&Files>,
    placement: &Placement,
) -> anyhow::Result<Sample> {
    let workload = Setting::workload(point.connections)?;
    let running = measure::start(&setting.load, installed, &workload, placement, point.workers)?;
    setting.check(&running, &workload)?;
    let path = match files {
        None => format!("/{}", workload.file),
        Some(files) => {
            warm(&running, point, files, placement)?;
            Files::pattern()
        }
    };
    let mut command = generator(&running, &path);
    command.args(["--connections", &point.connections.to_string()]);
    command.args(["--duration-s", &setting.load.options.seconds().to_string(), "--warm-up-s", WARM_UP_S]);
    command.args(["--server-pid", &running.pid().to_string(), "--pipeline", &point.depth.to_string()]);
    command.args(["--workers", &placement.client.len().min(point.connections).to_string()]);
    command.args(["--cpus", &cpus::list(&placement.client)]);
    if files.is_some() {
        command.args(["--zipf", &point.files.to_string(), "--zipf-exponent", "0"]);
    }
    for field in fields(point.header_bytes) {
        command.args(["--header", &field]);
    }
    let output = run(&mut command, placement)?;
    let report: load::Report =
        serde_json::from_str(&output).context("the load generator tells no figures")?;
    ensure!(
        report.body_bytes == report.requests * files::BYTES,
        "{} answers of {} octets were expected, and {} octets came",
        report.requests,
        files::BYTES,
        report.body_bytes
    );
    let server_cpu_seconds = report.server_cpu_seconds.context("the server's processor time is not known")?;
    let server_share = server_cpu_seconds / (report.seconds * point.workers as f64);
    Ok(Sample {
        cpu_us_per_request: server_cpu_seconds * 1e6 / report.requests as f64,
        requests_per_second: report.requests_per_second,
        p99_us: report.latency.p99_us,
        limit: limit(placement.is_shared(), server_share, report.is_generator_busy()),
    })
}

fn limit(is_shared: bool, server_share: f64, is_generator_busy: bool) -> Limit {
    match (is_shared, server_share >= BUSY_SHARE, is_generator_busy) {
        (true, _, _) => Limit::Shared,
        (false, true, _) => Limit::Server,
        (false, false, true) => Limit::Client,
        (false, false, false) => Limit::Waiting,
    }
}

/// What a generator prints. Why it failed stands on standard error; its figures, then worth nothing, are left out.
fn run(command: &mut Command, placement: &Placement) -> anyhow::Result<String> {
    match run_to_end(command, &placement.client) {
        Ok((output, _)) => Ok(output),
        Err(error) => {
            interrupt::check()?;
            let told = error.to_string();
            let status = told.lines().next().and_then(|line| line.rsplit(" ended with ").next());
            bail!("the load generator failed, {}", status.unwrap_or_default().trim_end_matches(':'))
        }
    }
}

/// Fills what a server remembers.
fn warm(running: &Running, point: &Point, files: &Files, placement: &Placement) -> anyhow::Result<()> {
    let (list, count) = files.warming(point.files)?;
    let mut command = generator(running, "/");
    command.arg("--paths").arg(list);
    command.args(["--requests", &count.to_string(), "--connections", &point.connections.to_string()]);
    run(&mut command, placement).map(drop)
}

fn generator(running: &Running, path: &str) -> Command {
    // It is this program, which is running.
    let mut command = Command::new(env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()));
    command.args(["load", &format!("http://127.0.0.1:{}{path}", running.port)]);
    command.args(["--expect-status", "200", "--json", "-"]);
    command
}

/// So many octets, in lines of the same length but for the last.
fn fields(bytes: usize) -> Vec<String> {
    const LEAST: usize = "x-field-00: v\r\n".len();
    let lines = bytes.div_ceil(FIELD_BYTES);
    let line = |number: usize| {
        let left = (bytes - number * FIELD_BYTES).min(FIELD_BYTES);
        format!("x-field-{number:02}: v{}", "v".repeat(left.saturating_sub(LEAST)))
    };
    (0..lines).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_as_many_octets_as_were_asked_for() {
        let octets = |bytes| fields(bytes).iter().map(|field| field.len() + "\r\n".len()).sum::<usize>();
        assert_eq!([0, 128, 512, 8_192, 200].map(octets), [0, 128, 512, 8_192, 200]);
        assert_eq!(fields(8_192).len(), 64);
    }

    #[test]
    fn a_client_without_time_is_the_limit_only_where_the_server_has_some() {
        assert_eq!(limit(false, 0.99, true), Limit::Server);
        assert_eq!(limit(false, 0.7, true), Limit::Client);
        assert_eq!(limit(false, 0.7, false), Limit::Waiting);
        assert_eq!(limit(true, 0.99, true), Limit::Shared);
    }
}
