//! Load generators. In: what each prints of a closed loop. Out: its rate and its mean latency.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::compare::workloads::Workload;
use crate::compare::wrk;
use crate::cpus;
use crate::load::report::Report;

/// A closed loop of one thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    /// The file and the connections.
    pub(super) workload: &'a Workload,
    pub(super) port: u16,
    pub(super) seconds: u64,
    /// Where the thread is to run.
    pub(super) cpus: &'a [usize],
    /// Where scripts may be written.
    pub(super) scratch: &'a Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Wrk,
    H2load,
    /// This one, in a process of its own.
    Load,
}

/// What one measurement came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    pub(super) requests_per_second: f64,
    pub(super) mean_us: f64,
}

impl Tool {
    pub(super) const ALL: [Self; 3] = [Self::Wrk, Self::H2load, Self::Load];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::H2load => "h2load --h1",
            Self::Load => "selvedge-benches load",
        }
    }

    /// Its program and Debian's package of it, unless it is this one.
    pub(super) fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Wrk => Some(("wrk", "wrk")),
            Self::H2load => Some(("h2load", "nghttp2-client")),
            Self::Load => None,
        }
    }

    /// The command that makes the load.
    ///
    /// # Errors
    /// Where wrk's script cannot be written.
    pub(super) fn command(self, program: &Path, asking: &Asking<'_>) -> anyhow::Result<Command> {
        let Asking { workload, port, seconds, cpus, scratch } = *asking;
        if self == Self::Wrk {
            let load = wrk::Load { wrk: program, workload, fields: &[], port, threads: 1, seconds, scratch };
            return load.command();
        }
        let url = format!("http://127.0.0.1:{port}/{}", workload.file);
        let (connections, seconds) = (workload.connections.to_string(), seconds.to_string());
        let mut command = Command::new(program);
        if self == Self::H2load {
            command.args(["--h1", "-t", "1", "-m", "1", "-c", &connections, "-D", &seconds]);
            command.args(["--warm-up-time", "1", &url]);
        } else {
            command.args(["load", &url, "-c", &connections, "-d", &seconds, "--json", "-"]);
            command.args(["--expect-status", "200", "--cpus", &cpus::list(&cpus[..1])]);
        }
        Ok(command)
    }

    /// Reads what it printed.
    ///
    /// # Errors
    /// Where a figure is not there, and where answers failed.
    pub(super) fn parse(self, output: &str) -> anyhow::Result<Figures> {
        match self {
            Self::Wrk => {
                let outcome = wrk::parse(output)?;
                ensure!(outcome.errors(200) == 0, "answers failed");
                let requests_per_second = outcome.requests_per_second();
                Ok(Figures { requests_per_second, mean_us: outcome.mean_us })
            }
            Self::H2load => h2load(output),
            Self::Load => {
                let report: Report = serde_json::from_str(output).context("no report")?;
                Ok(Figures {
                    requests_per_second: report.requests_per_second,
                    mean_us: report.latency.mean_us,
                })
            }
        }
    }
}

/// The words of the first line that begins with `name`, behind it.
fn words<'a>(output: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let line = output.lines().find_map(|line| line.trim().strip_prefix(name))?;
    Some(line.split_ascii_whitespace().collect())
}

fn h2load(output: &str) -> anyhow::Result<Figures> {
    let codes = words(output, "status codes:").context("no statuses")?;
    ensure!(codes.get(2..) == Some(&["0", "3xx,", "0", "4xx,", "0", "5xx"][..]), "answers failed");
    // finished in 2.00s, 104561.50 req/s, 41.18MB/s
    let finished = words(output, "finished in").context("it has not finished")?;
    let rate = finished.get(1).context("no rate")?;
    // time for request: min max mean sd within
    let times = words(output, "time for request:").context("no times")?;
    let mean_us = microseconds(times.get(2).context("no mean")?)?;
    Ok(Figures { requests_per_second: rate.parse()?, mean_us })
}

/// `1.23ms`, `456.00us`, `1.02s`, `1.10m` in microseconds.
fn microseconds(text: &str) -> anyhow::Result<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6), ("h", 3600e6)];
    let unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = unit.with_context(|| format!("no time: '{text}'"))?;
    Ok(number.parse::<f64>().with_context(|| format!("no time: '{text}'"))? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = r#"{"requests":1000,"duration_us":10000,"received_bytes":443000,"connections_failed":0,"refused":0,"mean_us":626.7,"p50_us":611,"p99_us":1070,"p999_us":2000}"#;

    const H2LOAD: &str = "starting benchmark...
finished in 3.00s, 52280.75 req/s, 20.59MB/s
requests: 104562 total, 104626 started, 104562 done, 104562 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 104562 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 41.18MB (43179510) total, 25.03MB (26243806) headers (space savings 0.00%), 15.06MB (15788862) data
                     min         max         mean         sd        +/- sd
time for request:       94us      6.29ms      1.22ms       294us    79.22%
time for connect:        0us         0us         0us         0us     0.00%
";

    #[test]
    fn rate_and_mean_are_found() {
        let wrk = Tool::Wrk.parse(WRK).unwrap();
        assert_eq!(wrk, Figures { requests_per_second: 100_000.0, mean_us: 626.7 });
        let h2load = Tool::H2load.parse(H2LOAD).unwrap();
        assert_eq!(h2load, Figures { requests_per_second: 52_280.75, mean_us: 1_220.0 });
    }

    #[test]
    fn failed_answers_are_no_figures() {
        assert!(Tool::Wrk.parse(&WRK.replace("\"refused\":0", "\"refused\":7")).is_err());
        assert!(Tool::H2load.parse(&H2LOAD.replace("0 4xx", "1 4xx")).is_err());
        assert!(
            Tool::H2load.parse("").is_err()
                && Tool::Wrk.parse("").is_err()
                && Tool::Load.parse("{}").is_err()
        );
    }

    #[test]
    fn times_have_units() {
        assert_eq!(microseconds("1.50s").unwrap(), 1_500_000.0);
        assert!(microseconds("12").is_err());
    }
}
