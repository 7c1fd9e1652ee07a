//! Lists of CPUs, written as taskset(1) and the kernel's `cpuset` files write them: `0-3,6,8-10/2`.

use std::fmt;
use std::str::FromStr;

use crate::bad_value::BadValue;

/// One more than the highest CPU number taken: the most CPUs that a Linux kernel is built for (`CONFIG_NR_CPUS`).
/// It bounds the list too, as no CPU is named twice.
pub const CPUS_MAX: usize = 8192;

/// CPUs by number, each at most once, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuList {
    cpus: Vec<usize>,
}

impl CpuList {
    /// The list of these CPUs, for instance those of the affinity mask (sched_getaffinity(2)). Repeated ones and
    /// those from [`CPUS_MAX`] up are left out.
    pub fn from_cpus(cpus: impl IntoIterator<Item = usize>) -> Self {
        let mut named = Named::new();
        let cpus = cpus.into_iter().filter(|&cpu| cpu < CPUS_MAX && named.insert(cpu)).collect();
        Self { cpus }
    }

    /// The CPU numbers in the order given.
    pub fn cpus(&self) -> &[usize] {
        &self.cpus
    }

    /// Whether the list can be pinned to by a process whose affinity mask is `mask`.
    ///
    /// # Errors
    ///
    /// The first CPU that is not in the mask, and what to choose from.
    pub fn check_within(&self, mask: &CpuList) -> Result<(), BadValue> {
        let allowed = Named::of(&mask.cpus);
        match self.cpus.iter().find(|&&cpu| !allowed.contains(cpu)) {
            None => Ok(()),
            Some(cpu) => Err(BadValue::new(
                format!("CPU {cpu} is not in this process's affinity mask {mask}"),
                format!(
                    "choose from {mask}, or widen the mask \
                     (taskset -c, CPUAffinity= of the service, the container's cpuset)"
                ),
            )),
        }
    }
}

impl FromStr for CpuList {
    type Err = BadValue;

    /// Reads `NUMBER`, `FIRST-LAST` and `FIRST-LAST/STEP`, separated by commas.
    fn from_str(text: &str) -> Result<Self, BadValue> {
        let mut cpus = Vec::new();
        let mut named = Named::new();
        for part in text.split(',') {
            let (first, last, step) = parse_part(part.trim())?;
            for cpu in (first..=last).step_by(step) {
                if !named.insert(cpu) {
                    return Err(BadValue::new(
                        format!("CPU {cpu} is named twice"),
                        "name each CPU once; --threads may be larger than the list",
                    ));
                }
                cpus.push(cpu);
            }
        }
        Ok(Self { cpus })
    }
}

/// First CPU, last CPU and step of one part between commas. The last is not below the first, the step not zero.
fn parse_part(part: &str) -> Result<(usize, usize, usize), BadValue> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) if range.contains('-') => (range, parse_number(step)?),
        Some(_) => {
            return Err(BadValue::new(
                format!("'{part}' has a step but no range"),
                "write FIRST-LAST/STEP, as in 0-6/2",
            ));
        }
        None => (part, 1),
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (parse_cpu(first)?, parse_cpu(last)?),
        None => {
            let cpu = parse_cpu(range)?;
            (cpu, cpu)
        }
    };
    if last < first {
        let fix = format!("write the lower CPU first, as in {last}-{first}");
        return Err(BadValue::new(format!("the range '{range}' runs backwards"), fix));
    }
    if step == 0 {
        return Err(BadValue::new(format!("the step of '{part}' is 0"), "give a step of 1 or more"));
    }
    Ok((first, last, step))
}

fn parse_cpu(text: &str) -> Result<usize, BadValue> {
    let cpu = parse_number(text)?;
    if cpu < CPUS_MAX {
        return Ok(cpu);
    }
    Err(BadValue::new(
        format!("CPU {cpu} is beyond the last possible one, {}", CPUS_MAX - 1),
        "`nproc --all` tells how many this machine has",
    ))
}

fn parse_number(text: &str) -> Result<usize, BadValue> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => Err(BadValue::new(
            format!("'{text}' is not a CPU number"),
            "give numbers and ranges separated by commas, as in 0-3,6,8-10/2",
        )),
    }
}

impl fmt::Display for CpuList {
    /// Ascending runs are joined: `0-3,6`. The result parses back to the same list, unless it is empty ("none").
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cpus.is_empty() {
            return f.write_str("none");
        }
        let mut separator = "";
        for run in self.cpus.chunk_by(|before, after| before + 1 == *after) {
            match run {
                [first, .., last] => write!(f, "{separator}{first}-{last}")?,
                [only] => write!(f, "{separator}{only}")?,
                [] => {}
            }
            separator = ",";
        }
        Ok(())
    }
}

/// The set of CPUs met so far: one bit per CPU, so that reading a list stays linear in its length.
struct Named {
    bits: [u64; CPUS_MAX / 64],
}

impl Named {
    fn new() -> Self {
        Self { bits: [0; CPUS_MAX / 64] }
    }

    fn of(cpus: &[usize]) -> Self {
        let mut named = Self::new();
        for &cpu in cpus {
            named.insert(cpu);
        }
        named
    }

    /// Whether the CPU was new.
    fn insert(&mut self, cpu: usize) -> bool {
        let new = !self.contains(cpu);
        self.bits[cpu / 64] |= 1 << (cpu % 64);
        new
    }

    fn contains(&self, cpu: usize) -> bool {
        self.bits[cpu / 64] & (1 << (cpu % 64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(text: &str) -> Vec<usize> {
        text.parse::<CpuList>().unwrap().cpus().to_vec()
    }

    fn message(text: &str) -> String {
        text.parse::<CpuList>().unwrap_err().to_string()
    }

    #[test]
    fn numbers_ranges_and_steps_are_read() {
        assert_eq!(cpus("0-3,6,8-10/2"), [0, 1, 2, 3, 6, 8, 10]);
        assert_eq!(cpus("5"), [5]);
        assert_eq!(cpus("2-2"), [2]);
        assert_eq!(cpus("0-7/3"), [0, 3, 6]);
        assert_eq!(cpus("1, 3"), [1, 3]);
    }

    #[test]
    fn the_order_given_is_kept() {
        assert_eq!(cpus("6,0-1"), [6, 0, 1]);
    }

    #[test]
    fn the_highest_cpu_is_taken_and_the_next_refused() {
        assert_eq!(cpus("0-8191").len(), CPUS_MAX);
        assert!(message("8192").contains("beyond the last possible one, 8191"));
        assert!(message("0-4000000000").contains("beyond"));
        assert!(message("99999999999999999999999").contains("not a CPU number"));
    }

    #[test]
    fn a_cpu_named_twice_is_refused() {
        assert!(message("0-3,2").starts_with("CPU 2 is named twice; "));
    }

    #[test]
    fn malformed_lists_say_what_is_wrong_and_how_to_fix_it() {
        for (text, what) in [
            ("", "'' is not a CPU number"),
            ("a", "'a' is not a CPU number"),
            ("1,", "'' is not a CPU number"),
            ("-1", "'' is not a CPU number"),
            ("+1", "'+1' is not a CPU number"),
            ("1-2-3", "'2-3' is not a CPU number"),
            ("3-1", "the range '3-1' runs backwards; write the lower CPU first, as in 1-3"),
            ("0-4/0", "the step of '0-4/0' is 0"),
            ("0-4/", "'' is not a CPU number"),
            ("4/2", "'4/2' has a step but no range"),
        ] {
            let message = message(text);
            assert!(message.starts_with(what), "{text}: {message}");
            assert!(message.contains("; "), "{text}: {message}");
        }
    }

    #[test]
    fn a_largest_step_does_not_overflow() {
        assert_eq!(cpus(&format!("0-8191/{}", usize::MAX)), [0]);
    }

    #[test]
    fn display_joins_runs_and_parses_back() {
        for text in ["0-3,6,8,10", "6,0-1", "7", "0-1"] {
            let list = text.parse::<CpuList>().unwrap();
            assert_eq!(list.to_string(), text);
        }
        assert_eq!(CpuList::from_cpus([]).to_string(), "none");
    }

    #[test]
    fn a_mask_is_taken_without_repeats_and_without_impossible_numbers() {
        assert_eq!(CpuList::from_cpus([1, 0, 1, CPUS_MAX]).cpus(), [1, 0]);
    }

    #[test]
    fn a_cpu_outside_the_mask_is_named_with_the_mask() {
        let mask = CpuList::from_cpus([0, 1]);
        let list = "0,7".parse::<CpuList>().unwrap();
        let message = list.check_within(&mask).unwrap_err().to_string();
        assert!(message.starts_with("CPU 7 is not in this process's affinity mask 0-1; choose from 0-1"));
        assert_eq!("1,0".parse::<CpuList>().unwrap().check_within(&mask), Ok(()));
    }
}
