//! Which CPUs are whose. In: the CPUs that may be used, and which of them are threads of one core. Out: a half of the cores for the
//! server, of which each worker has one thread, and the other half for the load.

use std::collections::BTreeSet;
use std::{fmt, fs};

use crate::cpus::{self, Placement};
use crate::plural::counted;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cores {
    /// The CPUs of each, ascending.
    cores: Vec<Vec<usize>>,
}

impl Cores {
    /// Where the kernel tells nothing of a CPU, it is a core.
    pub(super) fn read(allowed: &[usize]) -> anyhow::Result<Self> {
        Ok(Self::of(allowed, |cpu| {
            let file = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
            fs::read_to_string(file).ok().and_then(|list| parse(list.trim())).unwrap_or_else(|| vec![cpu])
        }))
    }

    fn of(allowed: &[usize], siblings: impl Fn(usize) -> Vec<usize>) -> Self {
        let mut taken = BTreeSet::<usize>::new();
        let mut cores = Vec::new();
        for &cpu in allowed {
            if taken.contains(&cpu) {
                continue;
            }
            let threads = siblings(cpu).into_iter().chain([cpu]).filter(|thread| allowed.contains(thread));
            let core: BTreeSet<usize> = threads.collect();
            taken.extend(&core);
            cores.push(core.into_iter().collect());
        }
        Self { cores }
    }

    /// A CPU of each core of the server's half: at least one.
    pub(super) fn servers(&self) -> Vec<usize> {
        self.cores.iter().take(self.half()).map(|core| core[0]).collect()
    }

    /// The load's half is always the same. More workers than the server's half holds share all CPUs with the load.
    pub(super) fn placement(&self, workers: usize) -> Placement {
        let (server, client) = (self.servers(), self.clients());
        if workers <= server.len() && !client.is_empty() {
            return Placement { server: server[..workers].to_vec(), client };
        }
        Placement::together(&self.cores.concat())
    }

    fn clients(&self) -> Vec<usize> {
        self.cores[self.half()..].concat()
    }

    fn half(&self) -> usize {
        (self.cores.len() / 2).max(1)
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (server, client) = (cpus::list(&self.servers()), cpus::list(&self.clients()));
        let cores = counted(self.cores.len(), "core", "cores");
        write!(f, "{cores} (CPUs for the server {server}, for the load {client})")
    }
}

/// A list as `0,4-6` (the kernel's cpulist).
fn parse(list: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        all.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_worker_shares_a_core_with_another_or_with_the_load() {
        // As x86 numbers four cores of two threads each.
        let cores = Cores::of(&[0, 1, 2, 3, 4, 5, 6, 7], |cpu| vec![cpu % 4, cpu % 4 + 4]);
        assert_eq!(cores.servers(), [0, 1]);
        assert_eq!(cores.placement(1), Placement { server: vec![0], client: vec![2, 6, 3, 7] });
        assert_eq!(cores.placement(2), Placement { server: vec![0, 1], client: vec![2, 6, 3, 7] });
        assert!(cores.placement(3).is_shared());
    }

    #[test]
    fn two_cpus_are_one_for_each_side_and_one_is_for_both() {
        let two = Cores::of(&[3, 5], |cpu| vec![cpu]);
        assert_eq!(two.placement(1), Placement { server: vec![3], client: vec![5] });
        assert_eq!(two.placement(2), Placement::together(&[3, 5]));
        let one = Cores::of(&[3], |cpu| vec![cpu]);
        assert_eq!(one.placement(1), Placement::together(&[3]));
    }

    #[test]
    fn threads_that_may_not_be_used_are_nobodys() {
        assert_eq!(Cores::of(&[0, 1], |cpu| vec![cpu, cpu + 8]).cores, [[0], [1]]);
        assert_eq!(parse("0,4-6"), Some(vec![0, 4, 5, 6]));
        assert_eq!(parse("x"), None);
    }
}
