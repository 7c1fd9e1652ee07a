//! Which path is asked for next. In: a list, or a pattern and how popular its paths are. Out: one path after the other.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use selvedge_runtime::sim::Dice;

/// Paths of one run.
const PATHS_MAX: usize = 1_000_000;
/// What stands for the number in a pattern.
const PLACE: &str = "{}";

/// What may be asked for. Cheap to clone: all workers read the same.
#[derive(Debug, Clone)]
pub(crate) enum Paths {
    /// One after the other, then again from the first. At least one.
    InTurn(Arc<[String]>),
    /// By their popularity.
    Zipf(Arc<Zipf>),
}

/// The paths `before`, a number from 0, `after`. Number k is asked for in proportion to 1 / (k + 1) to the exponent (Zipf's
/// law).
#[derive(Debug)]
pub(crate) struct Zipf {
    before: String,
    after: String,
    /// The sums of the weights up to each number, ascending.
    cumulative: Vec<f64>,
}

impl Paths {
    /// A single path.
    pub(crate) fn one(path: &str) -> anyhow::Result<Self> {
        check(path)?;
        ensure!(
            !path.contains(PLACE),
            "{path} has a place for a number, and nothing says which: say how many there are by --zipf"
        );
        Ok(Self::InTurn([path.to_owned()].into()))
    }

    /// Those of a file, one in each line; empty lines are left out.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("the paths in {} cannot be read", file.display()))?;
        let lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        ensure!(!lines.is_empty(), "{} has no path in it: a path in each line is wanted", file.display());
        ensure!(lines.len() <= PATHS_MAX, "{} has more than {PATHS_MAX} paths", file.display());
        for path in &lines {
            check(path).with_context(|| file.display().to_string())?;
        }
        Ok(Self::InTurn(lines.into()))
    }

    /// `count` paths by the pattern, in which `{}` is the number's place.
    pub(crate) fn zipf(pattern: &str, count: usize, exponent: f64) -> anyhow::Result<Self> {
        check(pattern)?;
        let (before, after) = pattern.split_once(PLACE).with_context(|| {
            format!("{pattern} has no place for a number: write {PLACE} in it, as in /file-{PLACE}.bin")
        })?;
        ensure!((1..=PATHS_MAX).contains(&count), "{count} paths: between 1 and {PATHS_MAX} are possible");
        ensure!(
            exponent.is_finite() && exponent >= 0.0,
            "an exponent of {exponent}: it is 0 or above, mostly near 1"
        );
        let mut sum = 0.0;
        let cumulative = (1..=count).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        let cumulative = cumulative.collect();
        Ok(Self::Zipf(Arc::new(Zipf { before: before.to_owned(), after: after.to_owned(), cumulative })))
    }

    /// Octets of the longest.
    pub(super) fn bytes_max(&self) -> usize {
        match self {
            Self::InTurn(paths) => paths.iter().map(String::len).max().unwrap_or(0),
            Self::Zipf(zipf) => {
                zipf.before.len() + zipf.after.len() + decimal_digits(zipf.cumulative.len() - 1)
            }
        }
    }
}

/// What a path must be to stand in a request line (RFC 9112 3.2.1).
fn check(path: &str) -> anyhow::Result<()> {
    ensure!(path.starts_with('/'), "'{path}' is no path: it begins with /");
    ensure!(
        path.bytes().all(|octet| octet.is_ascii_graphic()),
        "'{}' is no path: what is not printable ASCII is written as %XX",
        path.escape_debug()
    );
    Ok(())
}

fn decimal_digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |digits| digits as usize + 1)
}

/// One worker's choices.
#[derive(Debug)]
pub(super) struct Chooser {
    paths: Paths,
    next: usize,
    dice: Dice,
}

/// A path in up to three pieces.
pub(super) type Pieces<'a> = (&'a str, Option<usize>, &'a str);

impl Chooser {
    pub(super) fn new(paths: &Paths, seed: u64) -> Self {
        Self { paths: paths.clone(), next: 0, dice: Dice::new(seed) }
    }

    /// The next path. Asks the allocator for nothing.
    pub(super) fn next(&mut self) -> Pieces<'_> {
        match &self.paths {
            Paths::InTurn(paths) => {
                let path = &paths[self.next];
                self.next = (self.next + 1) % paths.len();
                (path, None, "")
            }
            Paths::Zipf(zipf) => (&zipf.before, Some(zipf.number(&mut self.dice)), &zipf.after),
        }
    }
}

impl Zipf {
    fn number(&self, dice: &mut Dice) -> usize {
        // 53 bits are a number from 0 to below 1 with nothing rounded.
        let share = (dice.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        let whole = self.cumulative.last().copied().unwrap_or(0.0);
        let number = self.cumulative.partition_point(|&sum| sum <= share * whole);
        number.min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text((before, number, after): Pieces<'_>) -> String {
        format!("{before}{}{after}", number.map(|number| number.to_string()).unwrap_or_default())
    }

    #[test]
    fn a_file_s_paths_come_in_turn() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"/a\n\n/b\r\n/c").unwrap();
        let mut chooser = Chooser::new(&Paths::read(file.path()).unwrap(), 1);
        let asked: Vec<_> = (0..4).map(|_| text(chooser.next())).collect();
        assert_eq!(asked, ["/a", "/b", "/c", "/a"]);
    }

    /// The expected share of each rank, and what of 200,000 it got: within five standard deviations.
    #[test]
    fn zipf_s_frequencies_are_those_of_the_law() {
        const COUNT: usize = 1_000;
        const DRAWS: usize = 200_000;
        for exponent in [0.0, 0.8, 1.0, 1.5] {
            let paths = Paths::zipf("/f-{}.bin", COUNT, exponent).unwrap();
            let mut chooser = Chooser::new(&paths, 7);
            let mut counts = vec![0_usize; COUNT];
            for _ in 0..DRAWS {
                counts[chooser.next().1.unwrap()] += 1;
            }
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

    #[test]
    fn a_seed_s_choices_are_the_same_again() {
        let paths = Paths::zipf("/f-{}.bin", 100, 1.0).unwrap();
        let choices = |seed| {
            let mut chooser = Chooser::new(&paths, seed);
            (0..50).map(|_| text(chooser.next())).collect::<Vec<_>>()
        };
        assert_eq!(choices(1), choices(1));
        assert_ne!(choices(1), choices(2));
        assert!(choices(1).iter().all(|path| path.starts_with("/f-") && path.len() <= paths.bytes_max()));
    }

    #[test]
    fn what_is_no_path_is_told() {
        for (error, told) in [
            (Paths::one("a").unwrap_err(), "begins with /"),
            (Paths::one("/a b").unwrap_err(), "%XX"),
            (Paths::one("/{}").unwrap_err(), "--zipf"),
            (Paths::zipf("/a", 10, 1.0).unwrap_err(), "no place for a number"),
            (Paths::zipf("/{}", 0, 1.0).unwrap_err(), "between 1 and"),
            (Paths::zipf("/{}", 10, -1.0).unwrap_err(), "0 or above"),
        ] {
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
