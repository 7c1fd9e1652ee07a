//! This project's load generator as a client, in a process of its own. In: a workload and a pace. Out: the command, and its report,
//! read.

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::Command,
};

use anyhow::{Context, ensure};

use super::{
    loaded::Loaded,
    mark::Mark,
    process::run,
    workloads::{Asked, Kind, Workload},
};
use crate::{
    cpus,
    load::{Report, Verdict},
};

/// Load before anything is measured.
const WARM_UP_SECONDS: u64 = 1;
/// Who is so far behind an offered rate cannot bear it: the run ends, as it is, instead of with requests that are too late.
const BACKLOG_SECONDS: u64 = 2;
/// Threads of the client where it has more CPUs than this.
const WORKERS_MAX: usize = 8;

/// When requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pace {
    /// Each connection asks when its last answer has come.
    Closed,
    /// At fixed times, one by one: latencies are what is measured.
    Open { requests_per_second: f64 },
    /// At fixed times, so many at a time: what is measured is what they cost.
    Offered { requests_per_second: u32, at_once: u32 },
}

/// Who is asked, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) workload: &'a Workload,
    /// Header fields of each request.
    pub(super) fields: &'a [String],
    /// Octets of an answer, head included, where all are alike.
    pub(super) answer_bytes: Option<u64>,
    pub(super) port: u16,
    /// CPUs of the client.
    pub(super) cpus: &'a [usize],
    pub(super) pace: Pace,
    pub(super) seconds: u64,
    /// Where logs may be written, and where the lists of paths are.
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
        self.check(&report)?;
        Ok(loaded(&report, self.pace, self.workload.asked.status(), finished.cpu_us))
    }

    /// Whether the answers were those that were looked at.
    fn check(&self, report: &Report) -> anyhow::Result<()> {
        ensure!(report.answers > 0, "no answer came");
        if self.workload.asked == Asked::Whole {
            let wanted = report.requests * self.workload.bytes as u64;
            ensure!(
                report.body_bytes == wanted,
                "{} answers came, and those that count have {} bytes of bodies, not {wanted}",
                report.answers,
                report.body_bytes
            );
        }
        if let Some(bytes) = self.answer_bytes {
            let wanted = report.requests * bytes;
            // Those that are under way at the begin and at the end count in part.
            let part_max = self.workload.under_way_max() as u64 * bytes;
            ensure!(
                report.received_bytes.abs_diff(wanted) <= part_max,
                "its answers were not those that were looked at: {} of {bytes} bytes each, and {} bytes were received",
                report.requests,
                report.received_bytes
            );
        }
        Ok(())
    }

    fn command(&self) -> anyhow::Result<Command> {
        let Self { workload, fields, port, cpus, pace, seconds, scratch, .. } = *self;
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
        match pace {
            Pace::Closed => {}
            Pace::Open { requests_per_second } => {
                command.args(["--rate", &requests_per_second.to_string()]);
            }
            Pace::Offered { requests_per_second, at_once } => {
                command.args(["--rate", &requests_per_second.to_string()]);
                command.args(["--at-once", &at_once.to_string()]);
                let backlog_max = u64::from(requests_per_second) * BACKLOG_SECONDS;
                command.args(["--backlog", &backlog_max.to_string()]);
            }
        }
        if let Kind::Pipelined { depth } = workload.kind {
            command.args(["--pipeline", &depth.to_string()]);
        }
        if let Asked::Many(set) = workload.asked {
            command.arg("--paths").arg(scratch.join(set.list()));
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
        // Late requests are none the dearer.
        Pace::Offered { .. } => {
            let verdicts = report.verdicts.iter().filter(|verdict| **verdict != Verdict::GeneratorLate);
            verdicts.filter_map(|verdict| mark(*verdict)).collect()
        }
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
        let offered = Pace::Offered { requests_per_second: 100, at_once: 8 };
        assert_eq!(loaded(&report, offered, 200, 5.0).marks, [Mark::RateMissed, Mark::ClientBound]);
        report.verdicts = vec![Verdict::GeneratorLate];
        assert_eq!(loaded(&report, offered, 200, 5.0).marks, []);
        assert_eq!(loaded(&report, Pace::Closed, 200, 5.0).marks, []);
        assert_eq!(loaded(&report, Pace::Closed, 304, 5.0).errors, 100);
    }

    #[test]
    fn the_command_line_is_one_that_the_generator_takes() {
        use clap::Parser;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("site.paths"), "/a\n/b\n").unwrap();
        let plan = |name, pace| {
            let (workload, fields) = (workloads::find(name).unwrap(), ["Accept: */*".to_owned()]);
            let (fields, cpus, scratch) = (&fields[..], &[2, 3][..], folder.path());
            let load =
                Load { workload, fields, answer_bytes: None, port: 81, cpus, pace, seconds: 30, scratch };
            let command = load.command().unwrap();
            let words = [command.get_program()].into_iter().chain(command.get_args());
            let line = crate::CommandLine::try_parse_from(words).unwrap();
            let crate::Command::Load(options) = line.command else { panic!("it loads") };
            options.plan().unwrap()
        };
        let open = plan("open", Pace::Open { requests_per_second: 1_234.5 });
        assert_eq!((open.connections, open.workers, open.cpus), (64, 2, vec![2, 3]));
        assert_eq!((open.expected, open.pipeline), (vec![200], 1));
        let offered = Pace::Offered { requests_per_second: 64_000, at_once: 16 };
        let pipelined = plan("pipelined-at-rate", offered);
        assert_eq!(pipelined.pipeline, 16);
        let pace = format!("{:?}", pipelined.pace);
        assert!(
            pace.starts_with("Open { requests_per_second: 64000.0, at_once: 16, backlog_max: 128000"),
            "{pace}"
        );
        let paths = format!("{:?}", plan("site-at-rate", offered).paths);
        assert!(paths.contains("/a") && paths.contains("/b"), "{paths}");
    }
}
