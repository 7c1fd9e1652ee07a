//! Whether a machine is linear. In: rates and costs by workers. Out: a verdict that says on what it stands.

use std::fmt;

use serde::Serialize;

use crate::growth::measure::Limit;
use crate::growth::report::Row;
use crate::plural::counted;

/// n workers are called linear when they do at least this share of n times the work of one.
pub(super) const LINEAR_SHARE_MIN: f64 = 0.9;

/// What the rows say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// No row with more than one worker had processors of its own.
    TooSmall,
    /// Rows with more than one worker had, but there the server was not what limited the rate.
    ServerNotBusy(Growth),
    /// The rates were the server's.
    Linear(Growth),
    NotLinear(Growth),
}

/// The most workers that count, beside one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Growth {
    workers: usize,
    /// The rate, in rates of one worker.
    times: f64,
    /// b of the curve a * n^b that is nearest to the rates.
    exponent: f64,
    /// Processor time per request, relative to that of one worker.
    cost: f64,
    limit: Limit,
}

impl Verdict {
    pub(super) fn of(rows: &[Row]) -> Self {
        let apart: Vec<&Row> = rows.iter().filter(|row| row.limit != Limit::Shared).collect();
        let busy: Vec<&Row> = apart.iter().copied().filter(|row| row.limit == Limit::Server).collect();
        // Without one whose rate is the first worker's own, rates are compared with too little.
        let is_one_busy = busy.iter().any(|row| row.value == 1);
        match (growth(&busy).filter(|_| is_one_busy), growth(&apart)) {
            (Some(growth), _) if growth.share() >= LINEAR_SHARE_MIN => Self::Linear(growth),
            (Some(growth), _) => Self::NotLinear(growth),
            (None, Some(growth)) => Self::ServerNotBusy(growth),
            (None, None) => Self::TooSmall,
        }
    }
}

impl Growth {
    /// Of what n times one worker would be.
    fn share(&self) -> f64 {
        self.times / self.workers as f64
    }
}

fn growth(rows: &[&Row]) -> Option<Growth> {
    let one = rows.iter().find(|row| row.value == 1)?;
    let most = rows.iter().filter(|row| row.value > 1).max_by_key(|row| row.value)?;
    Some(Growth {
        workers: most.value,
        times: most.requests_per_second.median / one.requests_per_second.median,
        exponent: exponent(rows),
        cost: most.cpu_us_per_request.median / one.cpu_us_per_request.median,
        limit: most.limit,
    })
}

/// The slope of the straight line through the logarithms, by least squares; there are two rows at least.
fn exponent(rows: &[&Row]) -> f64 {
    let points: Vec<(f64, f64)> =
        rows.iter().map(|row| ((row.value as f64).ln(), row.requests_per_second.median.ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (both, square) = points.iter().fold((0.0, 0.0), |(both, square), point| {
        (both + (point.0 - x) * (point.1 - y), square + (point.0 - x).powi(2))
    });
    both / square
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall => f.write_str(
                "verdict: none. This machine is too small: two workers and the load need four cores at least. Rows \
                 whose limit is `shared CPUs` only show that it runs",
            ),
            Self::ServerNotBusy(growth) => {
                let who = match growth.limit {
                    Limit::Client => "the client was the limit",
                    _ => "the server was not busy all the time",
                };
                write!(
                    f,
                    "verdict: none on rates, since {who} with one worker or with more; use fewer workers (--workers), or more \
                     requests in one write (--depth). By cost: a request took {:.2} times the processor time with {} \
                     workers that it took with one (1.00 is linear)",
                    growth.cost, growth.workers
                )
            }
            Self::Linear(growth) => write!(f, "verdict: LINEAR. {growth}"),
            Self::NotLinear(growth) => write!(
                f,
                "verdict: NOT linear. {growth}. Something is shared, in the server, the kernel or the memory: if the cost grew, \
                 look for locks and lines that several workers write (perf lock contention, perf c2c)"
            ),
        }
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workers, times, exponent, cost, .. } = self;
        write!(
            f,
            "{} {times:.2} times the work of 1, which is {:.2} of {workers} times (at least {LINEAR_SHARE_MIN:.2} is called \
             linear); over all rows the rate grows as n^{exponent:.2}; a request takes {cost:.2} times the processor time",
            counted(workers, "worker does", "workers do"),
            self.share()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::servers::Server;
    use crate::compare::summary::Spread;

    fn row(value: usize, rate: f64, cost: f64, limit: Limit) -> Row {
        let spread = |median| Spread { median, min: median, max: median };
        Row {
            server: Server::Selvedge,
            value,
            cpu_us_per_request: spread(cost),
            requests_per_second: spread(rate),
            p99_us: 1.0,
            limit,
        }
    }

    #[test]
    fn nine_tenths_of_n_times_are_linear_and_less_is_not() {
        let of = |rate| {
            Verdict::of(&[
                row(1, 100.0, 10.0, Limit::Server),
                row(2, 196.0, 10.0, Limit::Server),
                row(4, rate, 11.0, Limit::Server),
            ])
        };
        let linear = of(361.0).to_string();
        assert!(
            linear.contains(": LINEAR. 4 workers do 3.61 times the work of 1, which is 0.90"),
            "{linear}"
        );
        let not = of(300.0).to_string();
        assert!(
            not.contains("NOT linear. 4 workers do 3.00 times") && not.contains("1.10 times the proc"),
            "{not}"
        );
    }

    #[test]
    fn the_exponent_is_that_of_the_rates() {
        let rows = [1, 2, 4, 8].map(|n| row(n, 50.0 * (n as f64).powf(0.75), 1.0, Limit::Server));
        let rows: Vec<&Row> = rows.iter().collect();
        assert!((exponent(&rows) - 0.75).abs() < 1e-9);
    }

    #[test]
    fn a_client_that_was_the_limit_leaves_the_cost_to_judge_by() {
        let limited = |rate| {
            Verdict::of(&[
                row(1, 100.0, 10.0, Limit::Server),
                row(2, rate, 10.0, Limit::Server),
                row(8, 300.0, 10.2, Limit::Client),
            ])
        };
        assert!(matches!(limited(199.0), Verdict::Linear(Growth { workers: 2, .. })), "rows before it count");
        let rows = [row(1, 100.0, 10.0, Limit::Server), row(8, 300.0, 10.2, Limit::Client)];
        let told = Verdict::of(&rows).to_string();
        assert!(told.contains("the client was the limit") && told.contains("1.02 times"), "{told}");
    }

    #[test]
    fn processors_that_are_shared_say_nothing() {
        let rows = [row(1, 100.0, 10.0, Limit::Server), row(2, 90.0, 20.0, Limit::Shared)];
        assert_eq!(Verdict::of(&rows), Verdict::TooSmall);
    }
}
