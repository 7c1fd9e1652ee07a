//! What a run has come to. In: what the workers have counted. Out: the figures, as JSON for programs.
//!
//! The JSON is one object, [`Report`], whose members are named as its fields are; times are in microseconds and end in `_us`,
//! sizes are in octets and end in `_bytes`. Members are added to it and not taken away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::failure::FailureKind;
use super::plan::{Extent, Pace, Plan};
use super::tally::{Tally, Times};
use super::verdict::{self, Verdict};
use super::worker::{Done, Schedule};

/// A run's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) address: String,
    pub(crate) connections: usize,
    pub(crate) pipeline: usize,
    /// The time that was measured: as long as was asked for, unless the run ended before; or until the last of the requests
    /// that were asked for was answered. In an open loop these last until a further one would be due.
    pub(crate) seconds: f64,
    /// Answers within that time; where requests are counted, those to them.
    pub(crate) requests: u64,
    pub(crate) requests_per_second: f64,
    /// All answers, those of the warm-up and behind the end among them: what a server's own figures are to be divided by.
    pub(crate) answers: u64,
    /// Heads and bodies, as far as they came within the time.
    pub(crate) received_bytes: u64,
    /// Bodies of the requests.
    pub(crate) body_bytes: u64,
    /// Of all answers.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Of the whole run, by kind.
    pub(crate) failures: BTreeMap<FailureKind, Failures>,
    pub(crate) connections_opened: u64,
    /// Connections that failed ten times with no answer between.
    pub(crate) connections_given_up: u64,
    /// Of the requests that were due within the time, from the moment at which they were, connecting included, to the last
    /// octet of their answers. In a closed loop a request is due when its connection is free.
    pub(crate) latency: Quantiles,
    /// Requests under way on the average: the rate times the mean latency (Little's law). In a closed loop without a think time
    /// or a pipeline it is the number of connections.
    pub(crate) concurrency: f64,
    /// Of an open loop.
    pub(crate) schedule: Option<ScheduleReport>,
    /// Processor time of the generator within the time.
    pub(crate) cpu_seconds: f64,
    /// Processor time of the server within the time, where it was asked for: connecting is no part of it.
    #[serde(default)]
    pub(crate) server_cpu_seconds: Option<f64>,
    pub(crate) workers: Vec<WorkerReport>,
    /// What is to be known of the figures. None: they are the server's.
    pub(crate) verdicts: Vec<Verdict>,
}

/// Requests that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failures {
    pub(crate) requests: u64,
    /// What was said of the first.
    pub(crate) first: String,
}

/// Quantiles of times, 0 where there are none. They are right to three digits, but for the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) mean_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

/// How an open loop's schedule was kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScheduleReport {
    /// What was asked for.
    pub(crate) requests_per_second: f64,
    /// Requests that were due within the time.
    pub(crate) due: u64,
    /// The moments at which they were. At one alone there is no rate: how many there were per second says how long was measured.
    #[serde(default)]
    pub(crate) moments: u64,
    /// Requests that were due and for which no connection was free, when the last one came to be due.
    pub(crate) backlog: u64,
    /// Requests that were due and never sent.
    pub(crate) unsent: u64,
    /// How late requests were sent for which a connection was free: the generator's own doing.
    pub(crate) lateness: Quantiles,
}

/// One worker's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkerReport {
    /// Where it is pinned.
    pub(crate) cpu: Option<usize>,
    pub(crate) requests: u64,
    pub(crate) cpu_seconds: f64,
    /// Of one processor, while it was measured.
    pub(crate) cpu_share: f64,
    pub(crate) latency: Quantiles,
}

impl Report {
    /// Puts together what all workers of `plan` have done: one at least.
    pub(super) fn new(plan: &Plan, done: &[Done]) -> Self {
        let window = done[0].window;
        let finished = done.iter().map(|done| done.finished).max().unwrap_or(window.begin);
        let seconds = finished.min(window.end).since(window.begin).as_secs_f64();
        let per_second = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };

        let mut tally = Tally::new(window);
        done.iter().for_each(|done| tally.add(&done.tally));
        let statuses = tally.statuses();
        let latency = Quantiles::of(&tally.latencies);
        let requests_per_second = per_second(tally.measured as f64);
        let worker = |done: &Done| {
            let cpu_seconds = done.cpu.as_secs_f64();
            let cpu = (!plan.cpus.is_empty()).then(|| plan.cpus[done.worker % plan.cpus.len()]);
            let (requests, latency) = (done.tally.measured, Quantiles::of(&done.tally.latencies));
            WorkerReport { cpu, requests, cpu_seconds, cpu_share: per_second(cpu_seconds), latency }
        };
        let workers: Vec<_> = done.iter().map(worker).collect();
        let mut report = Self {
            address: plan.target.address.to_string(),
            connections: plan.connections,
            pipeline: plan.pipeline,
            seconds,
            requests: tally.measured,
            requests_per_second,
            answers: statuses.values().sum(),
            received_bytes: tally.received_bytes,
            body_bytes: tally.body_bytes,
            statuses,
            failures: failures(&tally),
            connections_opened: tally.connections_opened,
            connections_given_up: tally.connections_given_up,
            latency,
            concurrency: requests_per_second * latency.mean_us / 1e6,
            schedule: schedule(plan, done, &tally),
            cpu_seconds: workers.iter().map(|worker| worker.cpu_seconds).sum(),
            server_cpu_seconds: done.iter().find_map(|done| done.server_cpu).map(|cpu| cpu.as_secs_f64()),
            workers,
            verdicts: Vec::new(),
        };
        report.verdicts = verdict::of(plan, &report);
        report
    }

    /// Whether the generator had no processor time left.
    pub(crate) fn is_generator_busy(&self) -> bool {
        self.verdicts.contains(&Verdict::GeneratorBusy)
    }

    /// Requests that the plan asked for and that were neither answered nor failed.
    pub(crate) fn missing(&self, plan: &Plan) -> u64 {
        let failed: u64 = self.failures.values().map(|failures| failures.requests).sum();
        match plan.extent {
            Extent::Duration(_) => 0,
            Extent::Requests(count) => count.saturating_sub(self.requests + failed),
        }
    }
}

fn failures(tally: &Tally) -> BTreeMap<FailureKind, Failures> {
    let failures = tally.failures.iter();
    failures
        .map(|(&kind, failed)| (kind, Failures { requests: failed.requests, first: failed.text.clone() }))
        .collect()
}

fn schedule(plan: &Plan, done: &[Done], tally: &Tally) -> Option<ScheduleReport> {
    let Pace::Open { requests_per_second, .. } = plan.pace else { return None };
    let of =
        |part: fn(&Schedule) -> u64| done.iter().filter_map(|done| done.schedule.as_ref()).map(part).sum();
    Some(ScheduleReport {
        requests_per_second,
        due: of(|schedule| schedule.due),
        moments: of(|schedule| schedule.moments),
        backlog: of(|schedule| schedule.backlog),
        unsent: of(|schedule| schedule.unsent),
        lateness: Quantiles::of(&tally.lateness),
    })
}

impl Quantiles {
    fn of(times: &Times) -> Self {
        if times.is_empty() {
            return Self::default();
        }
        let us = |nanoseconds: u64| nanoseconds as f64 / 1e3;
        let quantile = |share| us(times.value_at_quantile(share));
        Self {
            count: times.len(),
            mean_us: times.mean() / 1e3,
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            max_us: us(times.max()),
        }
    }
}
