//! What the plugin has counted. In: its file. Out: per line and worker, by how much the second window has more than the first.

use anyhow::{Context, ensure};

/// Writes, locked writes and reads of a worker's processor, and some of the instructions that wrote.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Side {
    pub(super) writes: f64,
    pub(super) locked: f64,
    pub(super) reads: f64,
    pub(super) writers: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Where it was last touched, as the processor names it.
    pub(super) address: u64,
    pub(super) sides: [Side; 2],
}

impl Line {
    /// How often it goes from one processor to the other, at most: a write of the one for each touch of the other.
    pub(super) fn goes_over(&self) -> f64 {
        let [one, other] = &self.sides;
        let touches = |side: &Side| side.writes + side.reads;
        one.writes.min(touches(other)).max(other.writes.min(touches(one))).max(0.0)
    }

    /// Locked writes, of the worker with fewer of them.
    pub(super) fn locked(&self) -> f64 {
        self.sides[0].locked.min(self.sides[1].locked).max(0.0)
    }
}

/// Sums over all lines, shared or not, of the mean worker.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Totals {
    /// Writes and locked ones to memory of processes, then to the kernel's.
    sums: [f64; 4],
}

impl Totals {
    pub(super) fn user(&self) -> [f64; 2] {
        [self.sums[0], self.sums[1]]
    }

    pub(super) fn kernel(&self) -> [f64; 2] {
        [self.sums[2], self.sums[3]]
    }
}

#[derive(Debug)]
pub(super) struct Counted {
    pub(super) totals: Totals,
    pub(super) lines: Vec<Line>,
}

impl Counted {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut rows = text.lines();
        let first = rows.next().unwrap_or_default();
        ensure!(
            first.starts_with("windows 2 "),
            "both windows must have begun and ended, and it says '{first}'"
        );
        ensure!(first.ends_with(" lost 0"), "there were more lines than the plugin has room for: '{first}'");
        let mut counted = Self { totals: Totals::default(), lines: Vec::new() };
        for row in rows {
            let fields: Vec<&str> = row.split(' ').collect();
            let parsed = match fields[..] {
                ["total", _, window, ref sums @ ..] => counted.totals.add(window, sums),
                _ => line(&fields).map(|line| counted.lines.push(line)),
            };
            parsed.with_context(|| format!("'{row}' is no line of the plugin's"))?;
        }
        Ok(counted)
    }
}

impl Totals {
    /// Half of each worker's second window less half of its first.
    fn add(&mut self, window: &str, sums: &[&str]) -> Option<()> {
        let sign = if window == "0" { -0.5 } else { 0.5 };
        for (sum, text) in self.sums.iter_mut().zip(sums) {
            *sum += sign * text.parse::<f64>().ok()?;
        }
        Some(())
    }
}

fn line(fields: &[&str]) -> Option<Line> {
    let address = u64::from_str_radix(fields.get(1)?, 16).ok()?;
    let side = |at: usize, writers: usize| {
        let count = |at: usize| fields.get(at)?.parse::<f64>().ok();
        let more = |offset: usize| Some(count(at + 3 + offset)? - count(at + offset)?);
        let addresses = fields.get(writers)?.split(',').map(|address| u64::from_str_radix(address, 16));
        // 0 stands for none.
        let writers = addresses.filter(|address| *address != Ok(0)).collect::<Result<_, _>>().ok()?;
        Some(Side { writes: more(0)?, locked: more(1)?, reads: more(2)?, writers })
    };
    Some(Line { address, sides: [side(2, 14)?, side(8, 15)?] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_window_counts_less_the_first() {
        let text = "windows 2 lost 0\ntotal 0 0 2 0 0 0\ntotal 0 1 12 4 0 0\n\
                    40 ff 1 0 5 11 2 8 0 0 3 4 0 5 a,b,0,0 d,0,0,0\n";
        let counted = Counted::parse(text).unwrap();
        assert_eq!(counted.totals.user(), [5.0, 2.0]);
        let [one, other] = &counted.lines[0].sides;
        assert_eq!(*one, Side { writes: 10.0, locked: 2.0, reads: 3.0, writers: vec![0xa, 0xb] });
        assert_eq!(*other, Side { writes: 4.0, locked: 0.0, reads: 2.0, writers: vec![0xd] });
        assert_eq!(counted.lines[0].goes_over(), 6.0, "ten writes beside six touches");
    }

    #[test]
    fn a_count_that_is_not_whole_is_refused() {
        for text in ["windows 1 lost 0\n", "windows 2 lost 3\n", "windows 2 lost 0\nx y\n", ""] {
            assert!(Counted::parse(text).is_err(), "{text}");
        }
    }
}
