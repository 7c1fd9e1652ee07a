//! How sure a median is. In: a figure of each round. Out: an interval around their median.
//!
//! It is made of order statistics, which ask nothing of the figures but that one says nothing about the next: whatever their
//! distribution is, its median lies between the lowest and the highest of n figures in all but 2 in 2^n cases.

/// The certainty that is wanted.
const CERTAINTY: f64 = 0.95;

/// Where the median of all rounds that there could be lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// 0.95 at least, but for fewer than six figures, of which it is the whole range.
    pub(crate) certainty: f64,
}

impl Interval {
    /// The narrowest that is certain enough; `None` without figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let count = figures.len();
        let mut found = None;
        // How likely as many figures are below the median as are left out at one end, and fewer.
        let (mut exactly, mut at_most) = (0.5_f64.powf(count as f64), 0.0);
        for left_out in 0..count.div_ceil(2) {
            at_most += exactly;
            exactly *= (count - left_out) as f64 / (left_out + 1) as f64;
            let certainty = 1.0 - 2.0 * at_most;
            if left_out > 0 && certainty < CERTAINTY {
                break;
            }
            let (low, high) = (figures[left_out], figures[count - 1 - left_out]);
            found = Some(Self { low, high, certainty: certainty.max(0.0) });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the figures 1 to `count`.
    fn of(count: u32) -> Interval {
        Interval::of((1..=count).rev().map(f64::from)).unwrap()
    }

    #[test]
    fn of_ten_figures_it_is_from_the_second_to_the_ninth() {
        let interval = of(10);
        assert_eq!((interval.low, interval.high), (2.0, 9.0));
        assert!((interval.certainty - (1.0 - 22.0 / 1024.0)).abs() < 1e-12, "{interval:?}");
    }

    #[test]
    fn tables_of_order_statistics_say_the_same() {
        for (count, low, high) in [(6, 1.0, 6.0), (9, 2.0, 8.0), (20, 6.0, 15.0), (30, 10.0, 21.0)] {
            let interval = of(count);
            assert_eq!((interval.low, interval.high), (low, high), "{count}");
            assert!((0.95..0.99).contains(&interval.certainty), "{interval:?}");
        }
    }

    #[test]
    fn of_few_figures_it_is_the_range_and_says_how_little_that_is() {
        let interval = of(5);
        assert_eq!((interval.low, interval.high, interval.certainty), (1.0, 5.0, 0.9375));
        assert_eq!(of(1).certainty, 0.0);
        assert_eq!(Interval::of([]), None);
    }
}
