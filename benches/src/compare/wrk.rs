//! The load generator `wrk`. In: a workload, and the fields that its requests have. Out: the command, and what it prints at the
//! end, read.

mod script;

use std::{fs, path::Path, process::Command};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::workloads::Workload;

/// Threads of the client where it has more CPUs than this.
const THREADS_MAX: usize = 8;

/// What `wrk` reports.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(super) duration_us: f64,
    /// Octets of all answers, heads included, and of those that were under way at the end.
    pub(super) received_bytes: u64,
    /// Connections that failed, were cut off or timed out.
    connections_failed: u64,
    /// Answers of 400 and above.
    refused: u64,
    pub(crate) mean_us: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
}

/// Who is asked, and with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) wrk: &'a Path,
    pub(crate) workload: &'a Workload,
    /// Header fields of each request.
    pub(crate) fields: &'a [String],
    pub(crate) port: u16,
    /// CPUs of the client.
    pub(crate) threads: usize,
    pub(crate) seconds: u64,
    /// Where scripts may be written.
    pub(crate) scratch: &'a Path,
}

impl Load<'_> {
    pub(crate) fn command(&self) -> anyhow::Result<Command> {
        let Self { workload, port, seconds, .. } = *self;
        let connections = workload.connections;
        let threads = self.threads.clamp(1, THREADS_MAX).min(connections);
        let script = self.scratch.join("wrk.lua");
        fs::write(&script, script::script(workload, self.scratch, threads))
            .context("cannot write the script for wrk")?;
        let mut command = Command::new(self.wrk);
        command.args(["--timeout", "10s"]);
        command.arg(format!("-t{threads}")).arg(format!("-c{connections}")).arg(format!("-d{seconds}s"));
        for field in self.fields {
            command.args(["-H", field]);
        }
        command.arg("-s").arg(script).arg(format!("http://127.0.0.1:{port}/{}", workload.file));
        Ok(command)
    }
}

impl Outcome {
    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.duration_us * 1e6
    }

    /// Connections that failed, and answers of another kind than `status`: `wrk` tells those below 400 from the others.
    pub(crate) fn errors(&self, status: u16) -> u64 {
        let wrong = if status < 400 { self.refused } else { self.requests.saturating_sub(self.refused) };
        self.connections_failed + wrong
    }

    /// Whether all answers had this many octets. Those under way at the end, `under_way_max` at most, count in part.
    pub(super) fn has_answers_of(&self, bytes: u64, under_way_max: u64) -> bool {
        let least = self.requests * bytes;
        (least..=least + under_way_max * bytes).contains(&self.received_bytes)
    }
}

/// Reads what the script printed at the end.
pub(crate) fn parse(output: &str) -> anyhow::Result<Outcome> {
    let line = output.lines().rev().find(|line| line.starts_with('{'));
    let line = line.with_context(|| format!("wrk has not come to its end:\n{output}"))?;
    let outcome: Outcome = serde_json::from_str(line).with_context(|| format!("no figures: {line}"))?;
    if outcome.requests == 0 {
        bail!("wrk got no answer at all:\n{output}");
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "Running 1s test @ http://127.0.0.1:9101/a.txt
  1 threads and 64 connections
  111112 requests in 1.10s, 42.38MB read
Requests/sec: 101097.69
{\"requests\":1000,\"duration_us\":500000,\"received_bytes\":443100,\"connections_failed\":3,\"refused\":990,\"mean_us\":626.7,\"p50_us\":611,\"p99_us\":1070,\"p999_us\":2000}
";

    #[test]
    fn every_figure_is_found() {
        let outcome = parse(OUTPUT).unwrap();
        assert_eq!((outcome.requests, outcome.requests_per_second()), (1_000, 2_000.0));
        assert_eq!((outcome.mean_us, outcome.p50_us), (626.7, 611.0));
        assert_eq!((outcome.p99_us, outcome.p999_us), (1_070.0, 2_000.0));
    }

    #[test]
    fn answers_of_another_kind_are_errors() {
        let outcome = parse(OUTPUT).unwrap();
        assert_eq!(outcome.errors(200), 3 + 990);
        assert_eq!(outcome.errors(304), 3 + 990);
        assert_eq!(outcome.errors(404), 3 + 10);
    }

    #[test]
    fn answers_of_another_size_show_in_the_sum() {
        let outcome = parse(OUTPUT).unwrap();
        assert!(outcome.has_answers_of(443, 1));
        assert!(!outcome.has_answers_of(444, 64), "there is less than that");
        assert!(!outcome.has_answers_of(400, 64), "43,100 octets are more than 64 answers");
    }

    #[test]
    fn no_answer_is_an_error() {
        assert!(parse(&OUTPUT.replace(":1000,", ":0,")).is_err());
        assert!(parse("unable to connect to 127.0.0.1:1 Connection refused\n").is_err());
    }
}
