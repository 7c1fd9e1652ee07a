//! A run for people. In: a report. Out: a table in Markdown.

use std::fmt;

use super::report::{Quantiles, Report};
use crate::plural::counted;

/// A report as it is printed.
#[derive(Debug)]
pub(super) struct Printed<'a>(pub(super) &'a Report);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { address, connections, pipeline, seconds, workers, .. } = self.0;
        writeln!(f, "# Load on {address}\n")?;
        writeln!(
            f,
            "connections: {connections}, requests in one send: {pipeline}, measured: {seconds:.3} s, workers: {}\n",
            workers.len()
        )?;
        self.rates(f)?;
        self.times(f)?;
        self.statuses(f)?;
        for verdict in &self.0.verdicts {
            writeln!(f, "\n{}: {verdict}", if verdict.is_fault() { "FAILED" } else { "note" })?;
        }
        Ok(())
    }
}

impl Printed<'_> {
    fn rates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        writeln!(
            f,
            "| requests | per second | MB/s of bodies | under way | generator's CPU s | of its workers |"
        )?;
        writeln!(f, "|---:|---:|---:|---:|---:|---:|")?;
        let seconds = if report.seconds > 0.0 { report.seconds } else { 1.0 };
        let per_second = match &report.schedule {
            Some(schedule) if schedule.moments == 1 => "-".to_owned(),
            _ => format!("{:.1}", report.requests_per_second),
        };
        writeln!(
            f,
            "| {} | {per_second} | {:.1} | {:.2} | {:.3} | {:.0} % |\n",
            report.requests,
            report.body_bytes as f64 / seconds / 1e6,
            report.concurrency,
            report.cpu_seconds,
            report.cpu_seconds / seconds / report.workers.len().max(1) as f64 * 100.0,
        )
    }

    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| us | requests | mean | p50 | p90 | p99 | p99.9 | max |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
        line(f, "latency", &self.0.latency)?;
        if self.0.workers.len() > 1 {
            for (number, worker) in self.0.workers.iter().enumerate() {
                line(f, &format!("latency, worker {number}"), &worker.latency)?;
            }
        }
        let Some(schedule) = &self.0.schedule else { return Ok(()) };
        line(f, "sent late by the generator", &schedule.lateness)?;
        writeln!(
            f,
            "\n{} at {} (a rate of {:.1} a second was asked for); without a free connection at the end: {}, never sent: {}",
            counted(schedule.due, "request was due", "requests were due"),
            counted(schedule.moments, "moment", "moments"),
            schedule.requests_per_second,
            schedule.backlog,
            schedule.unsent
        )
    }

    fn statuses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let statuses: Vec<_> =
            report.statuses.iter().map(|(status, count)| format!("{count} x {status}")).collect();
        writeln!(
            f,
            "\nanswers of the whole run: {}; connections opened: {}, given up: {}",
            if statuses.is_empty() { "none".to_owned() } else { statuses.join(", ") },
            report.connections_opened,
            report.connections_given_up
        )?;
        for (kind, failures) in &report.failures {
            writeln!(f, "failed, {kind}: {} (the first: {})", failures.requests, failures.first)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, times: &Quantiles) -> fmt::Result {
    let Quantiles { count, mean_us, p50_us, p90_us, p99_us, p999_us, max_us } = times;
    writeln!(
        f,
        "| {what} | {count} | {mean_us:.1} | {p50_us:.1} | {p90_us:.1} | {p99_us:.1} | {p999_us:.1} | {max_us:.1} |"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tests::good_report;

    #[test]
    fn a_rate_is_told_where_requests_were_due_at_several_moments() {
        let mut report = good_report();
        let text = Printed(&report).to_string();
        assert!(
            text.contains("| 100 | 100.0 |") && text.contains("due at 100 moments (a rate of 100.0"),
            "{text}"
        );
        report.schedule.iter_mut().for_each(|schedule| schedule.moments = 1);
        let text = Printed(&report).to_string();
        assert!(text.contains("| 100 | - |") && text.contains("due at 1 moment (a rate of 100.0"), "{text}");
    }
}
