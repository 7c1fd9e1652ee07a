//! The command line of a run. In: options. Out: a plan.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;

use super::paths::Paths;
use super::plan::{Closing, Extent, Method, Pace, Plan, Reuse};
use super::target::Target;
use crate::compare::proc;

/// Warm-up of a run that lasts some time.
const WARM_UP_S: f64 = 1.0;
/// A backlog that nobody has bounded: what comes to be due in so many seconds.
const BACKLOG_S: f64 = 10.0;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What is asked for, such as http://127.0.0.1:8080/index.html; only servers of this machine are loaded
    url: String,
    /// Connections of all workers together
    #[arg(short, long, value_name = "N", default_value_t = 64)]
    connections: usize,
    /// Measure for so long, behind the warm-up
    #[arg(short, long, value_name = "SECONDS", default_value_t = 10.0, conflicts_with = "requests")]
    duration_s: f64,
    /// Measure so many requests, however long they take
    #[arg(short = 'n', long, value_name = "N")]
    requests: Option<u64>,
    /// Time before anything is measured [default: 1 with a duration, 0 with a number of requests]
    #[arg(long, value_name = "SECONDS")]
    warm_up_s: Option<f64>,
    /// Send so many requests in a second, whatever the answers do; without it each connection sends when its last answer has
    /// come
    #[arg(short, long, value_name = "PER_SECOND", conflicts_with = "think_time_ms")]
    rate: Option<f64>,
    /// Of the requests of a rate, each thread's so many are due at one moment, and as much later the next: fewer moments, and
    /// less of the generator's own time
    #[arg(long, value_name = "N", default_value_t = 1, requires = "rate")]
    at_once: u64,
    /// Requests that may be due without a free connection before the run is ended [default: those of 10 s]
    #[arg(long, value_name = "N", requires = "rate")]
    backlog: Option<u64>,
    /// Time of a connection between an answer and its next request
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0.0)]
    think_time_ms: f64,
    /// Requests in one send
    #[arg(long, value_name = "DEPTH", default_value_t = 1)]
    pipeline: usize,
    /// Use a connection for so many requests; then open a new one
    #[arg(long, value_name = "REQUESTS")]
    churn: Option<u64>,
    /// Who closes a connection that was used so often: the server is asked for it by `Connection: close`
    #[arg(long, value_enum, default_value_t = Closing::Server, requires = "churn")]
    closing: Closing,
    /// Ask for the paths in this file in turn, one in each line, instead of the URL's
    #[arg(long, value_name = "FILE", conflicts_with = "zipf")]
    paths: Option<PathBuf>,
    /// Ask for so many paths by Zipf's law: `{}` in the URL stands for the number, from 0 for the most popular
    #[arg(long, value_name = "N")]
    zipf: Option<usize>,
    /// Exponent of Zipf's law
    #[arg(long, value_name = "S", default_value_t = 1.0, requires = "zipf")]
    zipf_exponent: f64,
    /// The requests' method
    #[arg(long, value_enum, default_value_t = Method::Get)]
    method: Method,
    /// A further field of each request, such as 'Range: bytes=0-99'; may be said several times
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    headers: Vec<String>,
    /// Statuses that are right, separated by commas; any other one fails the run [default: all are]
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    expect_status: Vec<u16>,
    /// What an answer may take, connecting included; also what is under way at the end
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    timeout_s: f64,
    /// Threads of the generator
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    workers: usize,
    /// Processors to pin the threads to, separated by commas [default: they are not pinned]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cpus: Vec<usize>,
    /// Read the processor time of this process and its descendants, the server's, within the measured time
    #[arg(long, value_name = "PID", conflicts_with = "requests")]
    server_pid: Option<i32>,
    /// What chance follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the figures to this file, or to standard output (-) in the table's place
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

impl Options {
    /// The plan that was asked for, checked.
    ///
    /// # Errors
    /// What is wrong with an option.
    pub(crate) fn plan(&self) -> anyhow::Result<Plan> {
        let (target, path) = Target::parse(&self.url)?;
        let paths = match (&self.paths, self.zipf) {
            (Some(file), _) => Paths::read(file)?,
            (None, Some(count)) => Paths::zipf(&path, count, self.zipf_exponent)?,
            (None, None) => Paths::one(&path)?,
        };
        let (extent, warm_up_s) = match self.requests {
            Some(requests) => (Extent::Requests(requests), self.warm_up_s.unwrap_or(0.0)),
            None => {
                let duration = duration("--duration-s", self.duration_s, 1.0)?;
                (Extent::Duration(duration), self.warm_up_s.unwrap_or(WARM_UP_S))
            }
        };
        let pace = match self.rate {
            None => Pace::Closed { think_time: duration("--think-time-ms", self.think_time_ms, 1e-3)? },
            Some(requests_per_second) => {
                let backlog_max = self.backlog.unwrap_or((requests_per_second * BACKLOG_S).ceil() as u64);
                Pace::Open { requests_per_second, at_once: self.at_once, backlog_max }
            }
        };
        for status in &self.expect_status {
            ensure!(
                (200..600).contains(status),
                "--expect-status {status}: an answer's status is from 200 to 599; interim ones (from 100 to 199) are not looked at"
            );
        }
        if let Some(pid) = self.server_pid {
            ensure!(proc::stat(pid).is_some(), "--server-pid {pid}: there is no such process");
        }
        let plan = Plan {
            target,
            method: self.method,
            fields: self.headers.clone(),
            paths,
            connections: self.connections,
            pipeline: self.pipeline,
            reuse: self.churn.map_or(Reuse::Always, |count| Reuse::Requests { count, closing: self.closing }),
            pace,
            extent,
            warm_up: duration("--warm-up-s", warm_up_s, 1.0)?,
            timeout: duration("--timeout-s", self.timeout_s, 1.0)?,
            expected: self.expect_status.clone(),
            workers: self.workers,
            cpus: self.cpus.clone(),
            server_pid: self.server_pid,
            seed: self.seed,
        };
        plan.check()?;
        Ok(plan)
    }
}

fn duration(option: &str, value: f64, seconds: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(value * seconds)
        .with_context(|| format!("{option} {value}: it is a time, 0 or above"))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct CommandLine {
        #[command(flatten)]
        options: Options,
    }

    /// The plan of a command line, whose words are separated by blanks.
    fn plan(line: &str) -> anyhow::Result<Plan> {
        CommandLine::try_parse_from(["load"].into_iter().chain(line.split(' ')))?.options.plan()
    }

    #[test]
    fn options_are_a_plan() {
        CommandLine::command().debug_assert();
        let plain = plan("http://127.0.0.1:81/a").unwrap();
        assert_eq!(
            (plain.connections, plain.pipeline, plain.workers, plain.reuse),
            (64, 1, 1, Reuse::Always)
        );
        assert_eq!(plain.pace, Pace::Closed { think_time: Duration::ZERO });
        assert_eq!(
            (plain.extent, plain.warm_up),
            (Extent::Duration(Duration::from_secs(10)), Duration::from_secs(1))
        );

        let counted = plan("http://127.0.0.1/ -n 5 --think-time-ms 1.5 --churn 3 --closing client").unwrap();
        assert_eq!(counted.pace, Pace::Closed { think_time: Duration::from_micros(1_500) });
        assert_eq!((counted.extent, counted.warm_up), (Extent::Requests(5), Duration::ZERO));
        assert_eq!(counted.reuse, Reuse::Requests { count: 3, closing: Closing::Client });

        let open =
            plan("http://[::1]/f-{}.bin --zipf 9 -r 2.5 --expect-status 200,304 --cpus 0,1 --method head");
        let open = open.unwrap();
        assert_eq!(open.pace, Pace::Open { requests_per_second: 2.5, at_once: 1, backlog_max: 25 });
        assert_eq!((open.expected, open.cpus, open.method), (vec![200, 304], vec![0, 1], Method::Head));
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for (line, told) in [
            ("http://127.0.0.1/ -n 5 -d 1", "cannot be used with"),
            ("http://127.0.0.1/ -r 5 --think-time-ms 1", "cannot be used with"),
            ("http://127.0.0.1/ --closing client", "required"),
            ("http://127.0.0.1/ --backlog 5", "required"),
            ("http://127.0.0.1/ -n 5 --server-pid 1", "cannot be used with"),
            ("http://127.0.0.1/ --duration-s=-1", "0 or above"),
            ("http://127.0.0.1/ -d 0", "above 0"),
            ("http://127.0.0.1/ -r 0", "above 0"),
            (
                "http://127.0.0.1/ --expect-status 200,20",
                "--expect-status 20: an answer's status is from 200",
            ),
            ("http://127.0.0.1/ --expect-status 199", "interim ones"),
            ("http://127.0.0.1/ --expect-status 600", "to 599"),
            ("http://127.0.0.1/ --server-pid 0", "--server-pid 0: there is no such process"),
            ("http://127.0.0.1/ --paths /nowhere", "/nowhere cannot be read"),
            ("http://127.0.0.1/ --zipf 5", "no place for a number"),
            ("http://192.0.2.1/", "not of the loopback"),
        ] {
            let error = format!("{:#}", plan(line).unwrap_err());
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
