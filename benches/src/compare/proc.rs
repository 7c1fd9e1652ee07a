//! What /proc says: the processes of a tree, their CPU time and memory, and how busy the CPUs were (proc(5)).

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs, io,
    path::Path,
};

/// Of /proc/PID/stat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) parent: i32,
    /// User and system time of all threads, also of those that ended, in clock ticks.
    pub(crate) cpu_ticks: u64,
    /// Tells a process from a later one of the same number.
    pub(crate) start_ticks: u64,
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name stands in parentheses and may hold anything, so fields are counted from the last one.
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        cpu_ticks: ticks(11)? + ticks(12)?,
        start_ticks: ticks(19)?,
    })
}

pub(crate) fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// How often each thread of a process tree went to sleep so far (voluntary_ctxt_switches, proc_pid_status(5)): each sleep ends
/// by a wake-up.
pub(crate) fn sleeps(root: i32) -> io::Result<BTreeMap<OsString, u64>> {
    let mut sleeps = BTreeMap::new();
    for pid in tree(root)? {
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?;
            sleeps.insert(thread.file_name(), sleeps_of_thread(&thread.path())?);
        }
    }
    Ok(sleeps)
}

/// How often each thread slept since `earlier`.
pub(crate) fn slept_since<'a>(
    now: &'a BTreeMap<OsString, u64>,
    earlier: &'a BTreeMap<OsString, u64>,
) -> impl Iterator<Item = u64> + 'a {
    now.iter().map(|(thread, now)| now - earlier.get(thread).copied().unwrap_or(0))
}

/// How often one thread slept so far: a folder of /proc/PID/task, or /proc/thread-self.
pub(crate) fn sleeps_of_thread(folder: &Path) -> io::Result<u64> {
    let status = fs::read_to_string(folder.join("status"))?;
    let count =
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok());
    count.ok_or_else(|| io::Error::other("the kernel does not count context switches"))
}

/// `root` and all its descendants.
pub(crate) fn tree(root: i32) -> io::Result<BTreeSet<i32>> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if let Some(stat) = stat(pid) {
            parents.insert(pid, stat.parent);
        }
    }
    Ok(descendants(root, &parents))
}

fn descendants(root: i32, parents: &BTreeMap<i32, i32>) -> BTreeSet<i32> {
    let mut found = BTreeSet::from([root]);
    loop {
        let before = found.len();
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| found.contains(parent))
                .map(|(&pid, _)| pid)
                .collect::<Vec<_>>(),
        );
        if found.len() == before {
            return found;
        }
    }
}

/// CPU time of a process tree at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct CpuTime {
    processes: BTreeMap<i32, ProcessTime>,
}

#[derive(Debug, Clone, Default)]
struct ProcessTime {
    ticks: u64,
    /// Nanoseconds on a CPU of each thread (the first number of its schedstat).
    threads_ns: BTreeMap<i32, u64>,
}

impl CpuTime {
    pub(crate) fn read(root: i32) -> io::Result<Self> {
        let mut time = Self::default();
        for pid in tree(root)? {
            let Some(stat) = stat(pid) else { continue };
            let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            let mut process = ProcessTime { ticks: stat.cpu_ticks, ..ProcessTime::default() };
            for thread in threads.flatten() {
                if let Some((thread, on_cpu_ns)) = thread_time(&thread.path()) {
                    process.threads_ns.insert(thread, on_cpu_ns);
                }
            }
            time.processes.insert(pid, process);
        }
        Ok(time)
    }

    /// Microseconds used since `earlier`. A process that lost a thread meanwhile is counted by clock ticks, which
    /// keep the time of ended threads; what a whole process used that ended is lost.
    pub(crate) fn since_us(&self, earlier: &Self) -> f64 {
        let nothing = ProcessTime::default();
        let used_ns = |(pid, now): (&i32, &ProcessTime)| {
            let before = earlier.processes.get(pid).unwrap_or(&nothing);
            if before.threads_ns.keys().all(|thread| now.threads_ns.contains_key(thread)) {
                let total = |time: &ProcessTime| time.threads_ns.values().sum::<u64>();
                total(now).saturating_sub(total(before)) as f64
            } else {
                now.ticks.saturating_sub(before.ticks) as f64 * 1e9 / ticks_per_second()
            }
        };
        self.processes.iter().map(used_ns).sum::<f64>() / 1e3
    }

    /// The share of what all threads used since `earlier` that the busiest one used; threads that ended are left out.
    pub(crate) fn share_of_the_busiest_since(&self, earlier: &Self) -> f64 {
        let used_ns = self.processes.iter().flat_map(|(pid, now)| {
            let before = earlier.processes.get(pid);
            now.threads_ns.iter().map(move |(thread, &now)| {
                now.saturating_sub(
                    before.and_then(|before| before.threads_ns.get(thread).copied()).unwrap_or(0),
                )
            })
        });
        let used_ns: Vec<u64> = used_ns.collect();
        let busiest = used_ns.iter().copied().max().unwrap_or(0);
        busiest as f64 / used_ns.iter().sum::<u64>().max(1) as f64
    }
}

fn thread_time(path: &Path) -> Option<(i32, u64)> {
    let thread = path.file_name()?.to_str()?.parse().ok()?;
    let text = fs::read_to_string(path.join("schedstat")).ok()?;
    Some((thread, text.split_ascii_whitespace().next()?.parse().ok()?))
}

/// Octets that the processes of a tree have had from disks so far, by what they did themselves (read_bytes of /proc/PID/io).
pub(crate) fn disk_bytes_read(root: i32) -> io::Result<u64> {
    let of_process = |pid| Some(parse_io(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?));
    Ok(tree(root)?.into_iter().filter_map(of_process).sum())
}

fn parse_io(text: &str) -> u64 {
    let bytes = text.lines().find_map(|line| line.strip_prefix("read_bytes: ")?.parse().ok());
    bytes.unwrap_or(0)
}

pub(crate) fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// Memory of a process tree in bytes (smaps_rollup).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Memory {
    pub(crate) rss_bytes: u64,
    /// Not of a file: heap, stacks, anonymous mappings.
    pub(crate) anonymous_bytes: u64,
}

impl Memory {
    pub(crate) fn read(root: i32) -> io::Result<Self> {
        let mut sum = Self::default();
        for pid in tree(root)? {
            let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            let memory = parse_smaps_rollup(&text);
            sum.rss_bytes += memory.rss_bytes;
            sum.anonymous_bytes += memory.anonymous_bytes;
        }
        Ok(sum)
    }
}

fn parse_smaps_rollup(text: &str) -> Memory {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Memory { rss_bytes: field("Rss").unwrap_or(0), anonymous_bytes: field("Anonymous").unwrap_or(0) }
}

/// How some CPUs spent their time, in clock ticks (/proc/stat).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CpuTicks {
    /// User, nice, system, and interrupts hard and soft.
    pub(crate) busy: u64,
    /// What the host gave to others.
    pub(crate) stolen: u64,
}

impl CpuTicks {
    pub(crate) fn read(cpus: &BTreeSet<usize>) -> io::Result<Self> {
        Ok(parse_cpu_ticks(&fs::read_to_string("/proc/stat")?, cpus))
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            busy: self.busy.saturating_sub(earlier.busy),
            stolen: self.stolen.saturating_sub(earlier.stolen),
        }
    }
}

fn parse_cpu_ticks(text: &str, cpus: &BTreeSet<usize>) -> CpuTicks {
    let mut sum = CpuTicks::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let cpu =
            words.next().and_then(|name| name.strip_prefix("cpu")).and_then(|number| number.parse().ok());
        if !cpu.is_some_and(|cpu| cpus.contains(&cpu)) {
            continue;
        }
        let ticks: Vec<u64> = words.map(|word| word.parse().unwrap_or(0)).collect();
        let tick = |at: usize| ticks.get(at).copied().unwrap_or(0);
        sum.busy += tick(0) + tick(1) + tick(2) + tick(5) + tick(6);
        sum.stolen += tick(7);
    }
    sum
}

#[cfg(test)]
mod tests;
