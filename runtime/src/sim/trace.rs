//! What happened, as a hash of everything and, where wanted, in lines for a reader.

/// Events and their hash: equal for equal runs.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    keeping: Keeping,
    lines: Vec<String>,
}

/// What is kept of a trace.
///
/// ```
/// use selvedge_runtime::sim::{Keeping, Simulation, SimulationOptions};
///
/// let options = SimulationOptions { trace: Keeping::Lines, ..SimulationOptions::default() };
/// let simulation = Simulation::new(1, options);
/// simulation.remark(|| "for the reader".to_owned());
/// assert!(simulation.take_trace()[0].ends_with("for the reader"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// A number that says whether two runs were the same.
    Hash,
    /// Every line: megabytes of a run.
    Lines,
}

impl Trace {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, keeping, lines: Vec::new() }
    }

    /// `what` happened, with numbers that say to whom and how much.
    pub(super) fn note(&mut self, now_ns: u64, what: &'static str, numbers: &[i64]) {
        self.mix(now_ns);
        what.bytes().for_each(|byte| self.mix(u64::from(byte)));
        numbers.iter().for_each(|&number| self.mix(number as u64));
        if self.keeping == Keeping::Lines {
            let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
            self.lines.push(format!("{:>14.6} ms  {what} {}", now_ns as f64 / 1e6, numbers.join(" ")));
        }
    }

    /// What was sent or received, for the hash alone.
    pub(super) fn octets(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        rest.iter().for_each(|&octet| self.mix(u64::from(octet)));
    }

    /// FNV-1a's step, of 64 bits at once.
    fn mix(&mut self, bits: u64) {
        self.hash = (self.hash ^ bits).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    /// A line for the reader alone, whose wording is no part of the run.
    pub(super) fn remark(&mut self, now_ns: u64, text: impl FnOnce() -> String) {
        if self.keeping == Keeping::Lines {
            self.lines.push(format!("{:>14.6} ms  {}", now_ns as f64 / 1e6, text()));
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}
