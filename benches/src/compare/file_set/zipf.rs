//! Files that are asked for as Zipf's law has it: the second half as often as the first, the third a third as often.

use selvedge_runtime::sim::Dice;

use super::SetFile;
use crate::content::content;

const FILES: usize = 10_000;
const BYTES_MIN: u64 = 1024;
const BYTES_MAX: u64 = 20 * 1024;
/// Requests before the order begins anew: the least wanted files are asked for once in it.
const REQUESTS: usize = 1 << 17;
/// Weight of rank r is 1 / r^EXPONENT. Servers' own logs are near 1 (Breslau et al., "Web Caching and Zipf-like Distributions",
/// INFOCOM 1999, have 0.64 to 0.83 for what caches before them see).
const EXPONENT: f64 = 1.0;
/// Seeds of the sizes and of the order.
const SEEDS: (u64, u64) = (0x512e, 0x0de5);

pub(super) fn files(directory: &'static str) -> impl Iterator<Item = SetFile> {
    let mut sizes = Dice::new(SEEDS.0);
    (0..FILES).map(move |rank| {
        // A rank at the beginning: no two files have the same octets.
        let mut octets = format!("{rank:05} ").into_bytes();
        octets.extend(content(sizes.within(BYTES_MIN..=BYTES_MAX) as usize - octets.len()));
        SetFile { name: name(directory, rank), content: octets }
    })
}

pub(super) fn paths(directory: &str) -> Vec<String> {
    let mut dice = Dice::new(SEEDS.1);
    let ranks = Ranks::new(FILES, EXPONENT);
    (0..REQUESTS).map(|_| format!("/{}", name(directory, ranks.draw(&mut dice)))).collect()
}

/// Ranks that are near each other are not so in the directory.
fn name(directory: &str, rank: usize) -> String {
    // 7,919 is a prime that does not divide their number: no two ranks have the same name.
    format!("{directory}/{:04}.txt", rank * 7_919 % FILES)
}

/// A distribution over ranks from 0.
struct Ranks {
    /// Of each rank, its weight and those of all before it.
    sums: Vec<f64>,
}

impl Ranks {
    fn new(count: usize, exponent: f64) -> Self {
        let weights = (1..=count).map(|rank| (rank as f64).powf(-exponent));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    fn draw(&self, dice: &mut Dice) -> usize {
        let total = self.sums.last().copied().unwrap_or(0.0);
        // 53 bits are what a f64 holds exactly.
        let at = dice.below(1 << 53) as f64 / (1_u64 << 53) as f64 * total;
        self.sums.partition_point(|&sum| sum <= at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn ranks_come_as_often_as_their_weights_say() {
        let (ranks, mut dice, draws) = (Ranks::new(1_000, 1.0), Dice::new(1), 400_000);
        let mut counts = vec![0_u32; 1_000];
        (0..draws).for_each(|_| counts[ranks.draw(&mut dice)] += 1);
        let harmonic: f64 = (1..=1_000).map(|rank| 1.0 / f64::from(rank)).sum();
        for rank in [1, 2, 10, 50] {
            let expected = f64::from(draws) / f64::from(rank) / harmonic;
            let ratio = f64::from(counts[rank as usize - 1]) / expected;
            assert!((0.9..1.1).contains(&ratio), "rank {rank}: {ratio}");
        }
        assert!(counts[999] > 0, "the last is drawn too");
    }

    #[test]
    fn the_order_is_the_same_in_every_run_and_its_first_is_the_first_rank() {
        let order = paths("zipf");
        assert_eq!(order, paths("zipf"));
        let mut counts = BTreeMap::<&str, usize>::new();
        order.iter().for_each(|path| *counts.entry(path).or_default() += 1);
        let most = counts.iter().max_by_key(|(_, count)| **count).map(|(path, _)| *path);
        assert_eq!(most, Some("/zipf/0000.txt"));
        assert!(counts.len() > 7_500, "{} files are asked for", counts.len());
    }

    #[test]
    fn files_are_of_1_to_20_kib_and_differ() {
        let files: Vec<SetFile> = files("zipf").take(2_000).collect();
        let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names.len(), files.len());
        assert!(files.iter().all(|file| (1024..=20 * 1024).contains(&file.content.len())));
        assert_ne!(files[0].content[..6], files[1].content[..6]);
    }
}
