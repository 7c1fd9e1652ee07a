//! Zipf's law. In: how many there are to choose from, and how much more popular the first are. Out: numbers, by their popularity.

use selvedge_runtime::sim::Dice;

/// Numbers from 0, of which k comes in proportion to 1 / (k + 1) to the exponent.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// The sums of the weights up to each number, ascending.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// # Panics
    /// When there is nothing to choose from.
    pub(crate) fn new(count: usize, exponent: f64) -> Self {
        assert!(count > 0, "there is nothing to choose from");
        let mut sum = 0.0;
        let cumulative = (1..=count).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    /// The last number, which comes least.
    pub(crate) fn last(&self) -> usize {
        self.cumulative.len() - 1
    }

    pub(crate) fn draw(&self, dice: &mut Dice) -> usize {
        // 53 bits are a number from 0 to below 1 with nothing rounded.
        let share = (dice.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        let whole = self.cumulative[self.last()];
        self.cumulative.partition_point(|&sum| sum <= share * whole).min(self.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected share of each rank, and what of 200,000 it got: within five standard deviations.
    #[test]
    fn frequencies_are_those_of_the_law() {
        const COUNT: usize = 1_000;
        const DRAWS: usize = 200_000;
        for exponent in [0.0, 0.8, 1.0, 1.5] {
            let (zipf, mut dice) = (Zipf::new(COUNT, exponent), Dice::new(7));
            let mut counts = vec![0_usize; COUNT];
            (0..DRAWS).for_each(|_| counts[zipf.draw(&mut dice)] += 1);
            let weight = |rank: usize| ((rank + 1) as f64).powf(-exponent);
            let whole: f64 = (0..COUNT).map(weight).sum();
            for (rank, &count) in counts.iter().enumerate() {
                let share = weight(rank) / whole;
                let deviation = (DRAWS as f64 * share * (1.0 - share)).sqrt();
                let off = (count as f64 - DRAWS as f64 * share).abs();
                assert!(off < 5.0 * deviation + 1.0, "exponent {exponent}: number {rank} came {count} times");
            }
        }
    }
}
