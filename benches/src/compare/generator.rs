//! This project's load generator as a client, in a process of its own. In: a workload and a pace. Out: the command, and its report,
//! read.

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::Command,
};

use anyhow::{Context, ensure};

use super::{loaded::Loaded, mark::Mark, process::run, workloads::Workload};
use crate::{
    cpus,
    load::{Report, Verdict},
};

/// Load before anything is measured.
const WARM_UP_SECONDS: u64 = 1;
/// Threads of the client where it has more CPUs than this.
const WORKERS_MAX: usize = 8;

/// When requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pace {
    /// Each connection asks when its last answer has come.
    Closed,
    /// At fixed times.
    Open { requests_per_second: f64 },
}

/// Who is asked, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) workload: &'a Workload,
    /// Header fields of each request.
    pub(super) fields: &'a [String],
    pub(super) port: u16,
    /// CPUs of the client.
    pub(super) cpus: &'a [usize],
    pub(super) pace: Pace,
    pub(super) seconds: u64,
    /// Where logs may be written.
    pub(super) scratch: &'a Path,
}

impl Load<'_> {
    /// Loads the server.
    ///
    /// # Errors
    /// Where the client cannot run, was interrupted, or was answered with other bodies than the file. What it says of its own
    /// figures is in their marks.
    pub(super) fn run(&self) -> anyhow::Result<Loaded> {
        let log = self.scratch.join("load.log");
        // What it says of its figures is in the report; the way out that it names is not for who compares.
        let mut command = self.command()?;
        command.stderr(File::create(&log)?);
        let finished = run(&mut command, self.cpus)?;
        let report: Report = serde_json::from_str(&finished.output).with_context(|| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("the load generator ended with {}: {}", finished.status, said.trim_end())
        })?;
        let wanted = report.requests * self.workload.bytes as u64;
        ensure!(
            report.answers > 0 && report.body_bytes == wanted,
            "{} answers came, and those that count have {} bytes of bodies, not {wanted}",
            report.answers,
            report.body_bytes
        );
        Ok(loaded(&report, self.pace, self.workload.asked.status(), finished.cpu_us))
    }

    fn command(&self) -> anyhow::Result<Command> {
        let Self { workload, fields, port, cpus, pace, seconds, .. } = *self;
        let workers = cpus.len().clamp(1, WORKERS_MAX).min(workload.connections);
        let mut command = Command::new(env::current_exe()?);
        command.arg("load").arg(format!("http://127.0.0.1:{port}/{}", workload.file));
        for (option, value) in [
            ("--connections", workload.connections.to_string()),
            ("--duration-s", seconds.to_string()),
            ("--warm-up-s", WARM_UP_SECONDS.to_string()),
            ("--expect-status", workload.asked.status().to_string()),
            ("--workers", workers.to_string()),
            ("--cpus", cpus::list(cpus)),
            ("--json", "-".to_owned()),
        ] {
            command.args([option, &value]);
        }
        if let Pace::Open { requests_per_second } = pace {
            command.args(["--rate", &requests_per_second.to_string()]);
        }
        for field in fields {
            command.args(["--header", field]);
        }
        Ok(command)
    }
}

/// The figures of answers that should have `status`.
fn loaded(report: &Report, pace: Pace, status: u16, client_us: f64) -> Loaded {
    let failed: u64 = report.failures.values().map(|failures| failures.requests).sum();
    let wrong: u64 =
        report.statuses.iter().filter(|(other, _)| **other != status).map(|(_, count)| count).sum();
    let marks = match pace {
        // Having no time left is what a closed loop is for. Whether the server has some is seen by its CPU.
        Pace::Closed => Vec::new(),
        Pace::Open { .. } => report.verdicts.iter().filter_map(|verdict| mark(*verdict)).collect(),
    };
    Loaded {
        answers: report.answers,
        load_us: (report.seconds + WARM_UP_SECONDS as f64) * 1e6,
        client_us,
        seconds: report.seconds,
        requests_per_second: report.requests_per_second,
        p50_us: report.latency.p50_us,
        p99_us: report.latency.p99_us,
        p999_us: report.latency.p999_us,
        late_p50_us: report.schedule.map(|schedule| schedule.lateness.p50_us),
        errors: failed + wrong + report.connections_given_up,
        marks,
    }
}

/// What a verdict is as a mark; failures and other statuses are counted as errors.
fn mark(verdict: Verdict) -> Option<Mark> {
    match verdict {
        Verdict::GeneratorBusy | Verdict::GeneratorLate => Some(Mark::ClientBound),
        Verdict::RateNotReached | Verdict::TooFew => Some(Mark::RateMissed),
        Verdict::Failures | Verdict::ConnectionsGivenUp | Verdict::UnexpectedStatus => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{compare::workloads, load::tests::good_report};

    #[test]
    fn a_generator_that_was_late_or_busy_marks_an_open_loop_alone() {
        let mut report = good_report();
        report.verdicts = vec![Verdict::RateNotReached, Verdict::GeneratorLate, Verdict::GeneratorBusy];
        let open = loaded(&report, Pace::Open { requests_per_second: 100.0 }, 200, 5.0);
        assert_eq!(open.marks, [Mark::RateMissed, Mark::ClientBound, Mark::ClientBound]);
        assert_eq!((open.answers, open.errors), (100, 0));
        assert_eq!(loaded(&report, Pace::Closed, 200, 5.0).marks, []);
        assert_eq!(loaded(&report, Pace::Closed, 304, 5.0).errors, 100);
    }

    #[test]
    fn the_command_line_is_one_that_the_generator_takes() {
        use clap::Parser;
        let workload = workloads::select(&["open".into()]).unwrap()[0];
        let fields = ["Accept: */*".to_owned()];
        let pace = Pace::Open { requests_per_second: 1_234.5 };
        let scratch = Path::new("/");
        let load = Load { workload, fields: &fields, port: 81, cpus: &[2, 3], pace, seconds: 30, scratch };
        let command = load.command().unwrap();
        let line =
            crate::CommandLine::try_parse_from([command.get_program()].into_iter().chain(command.get_args()));
        let crate::Command::Load(options) = line.unwrap().command else { panic!("it loads") };
        let plan = options.plan().unwrap();
        assert_eq!((plan.connections, plan.workers, plan.cpus), (64, 2, vec![2, 3]));
        assert_eq!(plan.expected, [200]);
    }
}
