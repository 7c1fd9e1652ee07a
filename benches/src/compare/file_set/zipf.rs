//! Files that are asked for as Zipf's law has it: the second half as often as the first, the third a third as often.

use selvedge_runtime::sim::Dice;

use super::SetFile;
use crate::content::content;
use crate::zipf::Zipf;

const FILES: usize = 10_000;
const BYTES_MIN: u64 = 1024;
const BYTES_MAX: u64 = 20 * 1024;
/// Requests before the order begins anew: the least wanted files are asked for once in it.
const REQUESTS: usize = 1 << 17;
/// Servers' own logs are near 1 (Breslau et al., "Web Caching and Zipf-like Distributions",
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
    let ranks = Zipf::new(FILES, EXPONENT);
    (0..REQUESTS).map(|_| format!("/{}", name(directory, ranks.draw(&mut dice)))).collect()
}

/// Ranks that are near each other are not so in the directory.
fn name(directory: &str, rank: usize) -> String {
    // 7,919 is a prime that does not divide their number: no two ranks have the same name.
    format!("{directory}/{:04}.txt", rank * 7_919 % FILES)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

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
