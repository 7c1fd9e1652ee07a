//! The load generator `wrk`: how it is called and what it prints.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, bail};

use super::workloads::{Kind, Workload};

/// Threads of the client where it has more CPUs than this.
const THREADS_MAX: usize = 8;

/// What `wrk` reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    pub(super) requests: u64,
    pub(super) requests_per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// Socket errors and answers other than 2xx and 3xx.
    pub(super) errors: u64,
}

/// The command for `seconds` of `workload` against 127.0.0.1:`port`; a script it needs is written to `scratch`.
pub(super) fn command(
    wrk: &Path,
    workload: &Workload,
    port: u16,
    threads: usize,
    seconds: u64,
    scratch: &Path,
) -> anyhow::Result<Command> {
    let threads = threads.clamp(1, THREADS_MAX).min(workload.connections);
    let mut command = Command::new(wrk);
    command.args(["--latency", "--timeout", "10s"]);
    command
        .arg(format!("-t{threads}"))
        .arg(format!("-c{}", workload.connections))
        .arg(format!("-d{seconds}s"));
    match workload.kind {
        Kind::KeepAlive | Kind::Handler | Kind::Idle => {}
        Kind::Close => {
            command.args(["-H", "Connection: close"]);
        }
        Kind::Pipelined { depth } => {
            let script = scratch.join("pipelined.lua");
            fs::write(&script, pipelined_script(depth)).context("cannot write the script for wrk")?;
            command.arg("-s").arg(script);
        }
    }
    command.arg(format!("http://127.0.0.1:{port}/{}", workload.file));
    Ok(command)
}

fn pipelined_script(depth: usize) -> String {
    format!(
        "init = function(args)\n\
         \x20 local batch = {{}}\n\
         \x20 for i = 1, {depth} do batch[i] = wrk.format() end\n\
         \x20 requests = table.concat(batch)\n\
         end\n\
         request = function() return requests end\n"
    )
}

/// Reads what `wrk --latency` printed.
pub(super) fn parse(output: &str) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome { requests: 0, requests_per_second: 0.0, p50_us: 0.0, p99_us: 0.0, errors: 0 };
    for line in output.lines().map(str::trim) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match *words {
            ["50%", time] => outcome.p50_us = microseconds(time)?,
            ["99%", time] => outcome.p99_us = microseconds(time)?,
            [requests, "requests", "in", ..] => outcome.requests = requests.parse()?,
            ["Requests/sec:", rate] => outcome.requests_per_second = rate.parse()?,
            ["Socket", "errors:", ref counts @ ..] => outcome.errors += numbers(counts),
            ["Non-2xx", "or", "3xx", "responses:", ref counts @ ..] => outcome.errors += numbers(counts),
            _ => {}
        }
    }
    if outcome.requests == 0 {
        bail!("wrk got no answer at all:\n{output}");
    }
    Ok(outcome)
}

fn numbers(words: &[&str]) -> u64 {
    words.iter().filter_map(|word| word.trim_end_matches(',').parse::<u64>().ok()).sum()
}

/// `1.23ms`, `456.00us`, `1.02s`, `1.10m` in microseconds.
pub(crate) fn microseconds(text: &str) -> anyhow::Result<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6), ("h", 3600e6)];
    let unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = unit.with_context(|| format!("no time: '{text}'"))?;
    Ok(number.parse::<f64>().with_context(|| format!("no time: '{text}'"))? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "Running 1s test @ http://127.0.0.1:9101/a.txt
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   626.70us   74.07us   2.61ms   93.76%
    Req/Sec   101.66k     1.37k  103.63k    81.82%
  Latency Distribution
     50%  611.00us
     75%  640.00us
     90%  675.00us
     99%    1.07ms
  111112 requests in 1.10s, 42.38MB read
  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 7
Requests/sec: 101097.69
Transfer/sec:     38.56MB
";

    #[test]
    fn every_figure_is_found() {
        let expected = Outcome {
            requests: 111_112,
            requests_per_second: 101_097.69,
            p50_us: 611.0,
            p99_us: 1_070.0,
            errors: 4_328,
        };
        let outcome = parse(OUTPUT).unwrap();
        assert_eq!(Outcome { p99_us: outcome.p99_us.round(), ..outcome }, expected);
    }

    #[test]
    fn no_answer_is_an_error() {
        assert!(parse("  0 requests in 1.00s, 0.00B read\n").is_err());
        assert!(parse("unable to connect to 127.0.0.1:1 Connection refused\n").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(microseconds("1.50s").unwrap(), 1_500_000.0);
        assert!(microseconds("12").is_err());
    }

    #[test]
    fn a_connection_per_request_is_asked_for_by_its_header() {
        let workloads = super::super::workloads::select(&["close".into()]).unwrap();
        let command = command(Path::new("wrk"), workloads[0], 80, 1, 2, Path::new("/")).unwrap();
        assert!(command.get_args().any(|argument| argument == "Connection: close"));
    }
}
