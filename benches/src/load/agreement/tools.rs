//! Load generators. In: what each prints of a closed loop. Out: its rate and its mean latency.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::cpus;
use crate::load::report::Report;

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

    /// `seconds` of closed loop by one thread, which is to run on `cpus`.
    pub(super) fn command(
        self,
        program: &Path,
        url: &str,
        connections: usize,
        seconds: u64,
        cpus: &[usize],
    ) -> Command {
        let mut command = Command::new(program);
        let (connections, seconds) = (connections.to_string(), seconds.to_string());
        match self {
            Self::Wrk => command.args(["-t", "1", "-c", &connections, "-d", &seconds, url]),
            Self::H2load => {
                command.args(["--h1", "-t", "1", "-m", "1", "-c", &connections, "-D", &seconds]);
                command.args(["--warm-up-time", "1", url])
            }
            Self::Load => {
                command.args(["load", url, "-c", &connections, "-d", &seconds, "--json", "-"]);
                command.args(["--expect-status", "200", "--cpus", &cpus::list(&cpus[..1])])
            }
        };
        command
    }

    /// Reads what it printed.
    ///
    /// # Errors
    /// Where a figure is not there, and where answers failed.
    pub(super) fn parse(self, output: &str) -> anyhow::Result<Figures> {
        match self {
            Self::Wrk => wrk(output),
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

fn wrk(output: &str) -> anyhow::Result<Figures> {
    ensure!(
        words(output, "Socket errors:").is_none() && words(output, "Non-2xx or 3xx").is_none(),
        "answers failed"
    );
    let word =
        |name| words(output, name).and_then(|words| words.first().copied()).context("a figure is missing");
    let mean_us = microseconds(word("Latency")?)?;
    Ok(Figures { requests_per_second: word("Requests/sec:")?.parse()?, mean_us })
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

    const WRK: &str = "Running 1s test @ http://127.0.0.1:9101/a.txt
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   626.70us   74.07us   2.61ms   93.76%
    Req/Sec   101.66k     1.37k  103.63k    81.82%
  111112 requests in 1.10s, 42.38MB read
Requests/sec: 101097.69
Transfer/sec:     38.56MB
";

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
        assert_eq!(wrk, Figures { requests_per_second: 101_097.69, mean_us: 626.7 });
        let h2load = Tool::H2load.parse(H2LOAD).unwrap();
        assert_eq!(h2load, Figures { requests_per_second: 52_280.75, mean_us: 1_220.0 });
    }

    #[test]
    fn failed_answers_are_no_figures() {
        assert!(Tool::Wrk.parse(&format!("{WRK}  Non-2xx or 3xx responses: 7\n")).is_err());
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
