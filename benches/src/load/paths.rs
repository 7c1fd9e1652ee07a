//! Which path is asked for next. In: a list, or a pattern and how popular its paths are. Out: one path after the other.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use selvedge_runtime::sim::Dice;

use crate::zipf::Zipf;

/// Paths of one run.
const PATHS_MAX: usize = 1_000_000;
/// What stands for the number in a pattern.
const PLACE: &str = "{}";

/// What may be asked for. Cheap to clone: all workers read the same.
#[derive(Debug, Clone)]
pub(crate) enum Paths {
    /// One after the other, then again from the first. At least one.
    InTurn(Arc<[String]>),
    /// By their popularity, the number standing in the middle.
    Zipf(Arc<Numbered>),
}

/// The paths `before`, a number from 0, `after`.
#[derive(Debug)]
pub(crate) struct Numbered {
    before: String,
    after: String,
    numbers: Zipf,
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
        let mut paths = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
            check(line).with_context(|| format!("{}, line {number}", file.display()))?;
            paths.push(line.to_owned());
        }
        ensure!(!paths.is_empty(), "{} has no path in it: a path in each line is wanted", file.display());
        ensure!(paths.len() <= PATHS_MAX, "{} has more than {PATHS_MAX} paths", file.display());
        Ok(Self::InTurn(paths.into()))
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
        let numbers = Zipf::new(count, exponent);
        Ok(Self::Zipf(Arc::new(Numbered { before: before.to_owned(), after: after.to_owned(), numbers })))
    }

    /// Octets of the longest.
    pub(super) fn bytes_max(&self) -> usize {
        match self {
            Self::InTurn(paths) => paths.iter().map(String::len).max().unwrap_or(0),
            Self::Zipf(numbered) => {
                numbered.before.len() + numbered.after.len() + decimal_digits(numbered.numbers.last())
            }
        }
    }
}

/// What a path must be to stand in a request line (RFC 9112 3.2.1).
fn check(path: &str) -> anyhow::Result<()> {
    ensure!(path.starts_with('/'), "'{}' is no path: a path begins with /", path.escape_debug());
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
            Paths::Zipf(numbered) => {
                (&numbered.before, Some(numbered.numbers.draw(&mut self.dice)), &numbered.after)
            }
        }
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

    #[test]
    fn the_line_of_what_is_no_path_is_told() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"/a\n\nb\n").unwrap();
        let error = Paths::read(file.path()).unwrap_err();
        assert!(format!("{error:#}").contains(", line 3: 'b' is no path"), "{error:#}");
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
