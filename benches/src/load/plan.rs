//! What a run is to do. In: what was asked for. Out: a plan that was checked, and each worker's share of it.

use std::time::Duration;

use anyhow::{bail, ensure};
use selvedge_runtime::BlockClass;

use super::paths::Paths;
use super::request::Template;
use super::target::Target;
use crate::plural::counted;

/// Connections of one run: as many as there are ports to come from, nearly (ip(7), ip_local_port_range).
const CONNECTIONS_MAX: usize = 60_000;
/// Requests of a worker that are due at one moment.
const AT_ONCE_MAX: u64 = 1_000_000;
/// Workers of one run.
const WORKERS_MAX: usize = 1_024;
/// Longest run, with its warm-up.
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A whole run. [`check`](Self::check) says what is wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Who is asked.
    pub(crate) target: Target,
    pub(crate) method: Method,
    /// Further fields of each request, as `Name: value`.
    pub(crate) fields: Vec<String>,
    pub(crate) paths: Paths,
    /// Connections of all workers together.
    pub(crate) connections: usize,
    /// Requests in one send, at most.
    pub(crate) pipeline: usize,
    pub(crate) reuse: Reuse,
    pub(crate) pace: Pace,
    pub(crate) extent: Extent,
    /// Time before anything is measured, from the moment at which all connections are there.
    pub(crate) warm_up: Duration,
    /// What an answer may take, connecting included; and what is under way at the end.
    pub(crate) timeout: Duration,
    /// Statuses that may come; any where it is empty.
    pub(crate) expected: Vec<u16>,
    pub(crate) workers: usize,
    /// The workers' processors, one each, again from the first where they are fewer; none pins them to none.
    pub(crate) cpus: Vec<usize>,
    /// The server, where its processor time is to be read; of a run that lasts some time.
    pub(crate) server_pid: Option<i32>,
    /// What chance follows from.
    pub(crate) seed: u64,
}

/// What is done with each path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Method {
    Get,
    Head,
}

/// For how many requests a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As long as the server keeps it open.
    Always,
    /// For so many; then a new one takes its place.
    Requests { count: u64, closing: Closing },
}

/// Who ends a connection that was used often enough. Who does keeps its port for a minute (TIME_WAIT, RFC 9293 3.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Closing {
    /// The server: the last request has `Connection: close`, and the end of its sending is waited for.
    Server,
    /// The client, with its last answer.
    Client,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// Each connection sends when its last answer has come, and it has thought so long.
    Closed { think_time: Duration },
    /// At fixed times, whatever the answers do, each worker's so many at a time. More than so many that are due and could not be
    /// sent end the run.
    Open { requests_per_second: f64, at_once: u64, backlog_max: u64 },
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Duration(Duration),
    /// So many requests, of all workers together.
    Requests(u64),
}

/// One worker's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) worker: u64,
    pub(super) workers: u64,
    pub(super) connections: usize,
}

impl Pace {
    /// Requests of all workers that are due within so long from the start on, at a rate: as many as at whole moments.
    pub(super) fn due_within(self, duration: Duration) -> u64 {
        let Self::Open { requests_per_second, at_once, .. } = self else { return 0 };
        let of_all = (duration.as_secs_f64() * requests_per_second).ceil() as u64;
        of_all.div_ceil(at_once).saturating_mul(at_once)
    }
}

impl Plan {
    /// # Errors
    /// What cannot be done, and what to ask for instead.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Self { connections, pipeline, workers, .. } = *self;
        ensure!(
            (1..=CONNECTIONS_MAX).contains(&connections),
            "{connections} connections: between 1 and {CONNECTIONS_MAX} are possible"
        );
        ensure!(
            (1..=WORKERS_MAX).contains(&workers),
            "{workers} workers: between 1 and {WORKERS_MAX} are possible"
        );
        ensure!(
            workers <= connections,
            "{workers} workers for {}: ask for a connection per worker at least",
            counted(connections, "connection", "connections")
        );
        ensure!(!self.timeout.is_zero(), "answers need some time: a timeout is above 0");
        match self.extent {
            Extent::Duration(duration) => {
                ensure!(!duration.is_zero(), "a run of no time measures nothing: a duration is above 0");
                ensure!(duration + self.warm_up <= DURATION_MAX, "a run lasts a day at most");
            }
            Extent::Requests(requests) => ensure!(requests > 0, "no requests: ask for one at least"),
        }
        if let Pace::Open { requests_per_second, at_once, backlog_max } = self.pace {
            let is_rate = requests_per_second.is_finite() && requests_per_second > 0.0;
            ensure!(
                is_rate,
                "a rate of {requests_per_second}: it is a number of requests per second above 0"
            );
            ensure!(
                (1..=AT_ONCE_MAX).contains(&at_once),
                "{at_once} requests at once: between 1 and {AT_ONCE_MAX} are possible"
            );
            ensure!(backlog_max > 0, "a backlog of 0 ends every run: allow one request at least");
            if let Extent::Duration(duration) = self.extent {
                let [warm_up, of_all] =
                    [self.warm_up, self.warm_up + duration].map(|time| self.pace.due_within(time));
                ensure!(
                    of_all > warm_up,
                    "{} at once, {requests_per_second} a second: none is due within the {duration:?} that are \
                     measured, behind a warm-up of {:?}; ask for fewer at once, or for a longer time",
                    counted(at_once, "request", "requests"),
                    self.warm_up,
                );
            }
        }
        if let Reuse::Requests { count, .. } = self.reuse {
            ensure!(count > 0, "a connection is for one request at least");
        }
        ensure!(pipeline > 0, "a pipeline of 0 sends nothing: 1 is one request at a time");
        let one_bytes = Template::new(self)?.bytes_max();
        let most = BlockClass::Large.bytes() / one_bytes;
        if pipeline > most {
            let block_bytes = BlockClass::Large.bytes();
            bail!(
                "{} of {one_bytes} octets are more than the {block_bytes} of one send: a pipeline of {most} \
                 is the deepest for them",
                counted(pipeline, "request", "requests")
            );
        }
        Ok(())
    }

    pub(super) fn share(&self, worker: usize) -> Share {
        let further = usize::from(worker < self.connections % self.workers);
        Share {
            worker: worker as u64,
            workers: self.workers as u64,
            connections: self.connections / self.workers + further,
        }
    }
}

impl Share {
    /// How many of `count` things are this worker's: those whose number, modulo the workers, is its own.
    pub(super) fn of(self, count: u64) -> u64 {
        count / self.workers + u64::from(self.worker < count % self.workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tests::plan_for;

    #[test]
    fn shares_make_up_the_whole() {
        let plan = Plan { connections: 17, workers: 5, ..plan_for("http://127.0.0.1:1/") };
        let shares: Vec<_> = (0..5).map(|worker| plan.share(worker)).collect();
        assert_eq!(shares.iter().map(|share| share.connections).collect::<Vec<_>>(), [4, 4, 3, 3, 3]);
        assert_eq!(shares.iter().map(|share| share.of(1_002)).collect::<Vec<_>>(), [201, 201, 200, 200, 200]);
    }

    #[test]
    fn what_cannot_be_done_is_told_with_what_can() {
        let plan = || plan_for("http://127.0.0.1:1/");
        let open = |requests_per_second, at_once, backlog_max| Pace::Open {
            requests_per_second,
            at_once,
            backlog_max,
        };
        for (plan, told) in [
            (Plan { connections: 0, ..plan() }, "between 1 and"),
            (Plan { workers: 9, connections: 8, ..plan() }, "a connection per worker"),
            (Plan { extent: Extent::Duration(Duration::ZERO), ..plan() }, "above 0"),
            (Plan { extent: Extent::Requests(0), ..plan() }, "one at least"),
            (Plan { pace: open(f64::NAN, 1, 1), ..plan() }, "a rate of NaN"),
            (Plan { pace: open(1.0, 1, 0), ..plan() }, "allow one"),
            (Plan { pace: open(1.0, 0, 1), ..plan() }, "0 requests at once"),
            (
                Plan {
                    pace: open(10.0, 100, 1),
                    warm_up: Duration::from_secs(1),
                    extent: Extent::Duration(Duration::from_secs(9)),
                    ..plan()
                },
                "fewer at once",
            ),
            (Plan { pipeline: 10_000, ..plan() }, "is the deepest"),
            (Plan { timeout: Duration::ZERO, ..plan() }, "a timeout is above 0"),
        ] {
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        plan().check().unwrap();
    }
}
