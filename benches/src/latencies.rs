//! How long answers took. In: times, and how many answers never came. Out: quantiles.

use std::time::Duration;

use crate::compare::summary::Spread;

/// Times of answers, and requests without one.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    ascending: Vec<Duration>,
    /// Requests without a right answer in time.
    pub(crate) lost: usize,
    /// What one of those counts as.
    patience: Duration,
}

impl Latencies {
    pub(crate) fn new(mut times: Vec<Duration>, lost: usize, patience: Duration) -> Self {
        times.sort_unstable();
        Self { ascending: times, lost, patience }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ascending.is_empty()
    }

    /// The time that this share of the requests took at most. One that was lost took longest.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let rank = ((self.ascending.len() + self.lost) as f64 * share).ceil() as usize;
        self.ascending.get(rank.saturating_sub(1)).copied().unwrap_or(self.patience)
    }

    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        self.quantile(share).as_secs_f64() * 1e6
    }
}

/// How much the rounds' p99 may differ, where nothing but the machine is different: beyond it, none of them says anything.
const P99_SPREAD_MAX: f64 = 2.0;

/// What is wrong with rounds that are to be compared with, if their p99 is not the same.
pub(crate) fn machine_is_busy<'a>(rounds: impl IntoIterator<Item = &'a Latencies>) -> Option<String> {
    differ_too_much(rounds.into_iter().map(|latencies| latencies.quantile_us(0.99)))
}

/// The same, of rounds' p99 in microseconds.
pub(crate) fn differ_too_much(p99_us: impl IntoIterator<Item = f64>) -> Option<String> {
    let p99 = Spread::of(p99_us)?;
    (p99.max > p99.min * P99_SPREAD_MAX)
        .then(|| format!("the machine is busy: p99 of a round alone is {:.0} to {:.0} us", p99.min, p99.max))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn quantiles_are_of_the_values_themselves() {
        let latencies = Latencies::new((1..=200).rev().map(Duration::from_micros).collect(), 0, PATIENCE);
        for (share, expected) in [(0.5, 100.0), (0.99, 198.0), (1.0, 200.0), (0.0, 1.0)] {
            assert!((latencies.quantile_us(share) - expected).abs() < 1e-6, "{share}");
        }
    }

    #[test]
    fn rounds_that_differ_by_more_than_twice_are_of_a_busy_machine() {
        let round = |microseconds| Latencies::new(vec![Duration::from_micros(microseconds)], 0, PATIENCE);
        assert_eq!(machine_is_busy(&[round(100), round(150), round(200)]), None);
        let told = machine_is_busy(&[round(100), round(201), round(150)]).expect("more than twice");
        assert!(told.ends_with("alone is 100 to 201 us"), "{told}");
    }

    #[test]
    fn a_lost_request_counts_as_the_slowest() {
        let latencies = Latencies::new((1..=98).map(Duration::from_micros).collect(), 2, PATIENCE);
        assert_eq!(latencies.quantile(0.5), Duration::from_micros(50));
        assert_eq!(latencies.quantile(0.98), Duration::from_micros(98));
        assert_eq!(latencies.quantile(0.99), PATIENCE);
    }
}
