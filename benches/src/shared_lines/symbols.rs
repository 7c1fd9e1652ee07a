//! What a line is. In: the kernel's symbols. Out: names of variables and functions, and the group that a line belongs to.

use std::collections::BTreeSet;

use super::counts::Line;

/// Farther from the last symbol an address has no name.
const REACH: u64 = 1 << 16;
/// Addresses below are a process's.
const USER_END: u64 = 1 << 47;

/// Functions and variables of the kernel whose names begin so.
const CLOCK: [&str; 12] = [
    "update_vsyscall",
    "_vdso_data",
    "vdso_data",
    "timekeep",
    "tk_",
    "update_fast_timekeeper",
    "shadow_timekeeper",
    "tick_",
    "jiffies",
    "last_jiffies",
    "hrtimer",
    "timerqueue",
];
const SCHEDULER: [&str; 22] = [
    "nohz",
    "_nohz",
    "__update_load_avg",
    "update_blocked_averages",
    "update_group_capacity",
    "update_sd_lb_stats",
    "update_rq_clock",
    "rebalance_domains",
    "trigger_load_balance",
    "load_balance",
    "attach_entity",
    "enqueue_task",
    "dequeue_task",
    "select_task_rq",
    "find_",
    "idle_cpu",
    "available_idle_cpu",
    "ttwu_",
    "llist_add_batch",
    "scheduler_tick",
    "psi_",
    "sched_",
];
const SLEEP: [&str; 3] = ["finish_task_switch", "__schedule", "switch_mm"];
const NETWORK: [&str; 8] = ["tcp_", "ip_", "__ip_", "dst_", "sock_", "sk_", "skb_", "neigh_"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Server,
    Network,
    Sleep,
    Scheduler,
    Clock,
    Other,
}

impl Group {
    pub(super) const ALL: [Self; 6] =
        [Self::Server, Self::Network, Self::Sleep, Self::Scheduler, Self::Clock, Self::Other];

    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Server => "the server's own memory",
            Self::Network => "the kernel's network",
            Self::Sleep => "a worker that goes to sleep, or wakes: by sleep, not by request",
            Self::Scheduler => "the scheduler's balance of processors: by time and by sleep",
            Self::Clock => "the clock's tick: by time, not by request",
            Self::Other => "the rest of the kernel",
        }
    }
}

/// Ascending by address.
#[derive(Debug)]
pub(super) struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Lines that are none are left out: the last one of a serial line may be cut.
    pub(super) fn parse(text: &str) -> Self {
        let symbol = |line: &str| {
            let (address, name) = line.split_once(' ')?;
            Some((u64::from_str_radix(address, 16).ok()?, name.to_owned()))
        };
        let mut symbols: Vec<_> = text.lines().filter_map(symbol).collect();
        symbols.sort();
        Self(symbols)
    }

    /// The variable or the function at `address`; what the kernel has allocated has no name.
    pub(super) fn name(&self, address: u64) -> &str {
        if address < USER_END {
            return "the server";
        }
        let at = self.0.partition_point(|&(begin, _)| begin <= address);
        match at.checked_sub(1).map(|at| &self.0[at]) {
            Some((begin, name)) if address - begin < REACH => name,
            _ => "memory",
        }
    }

    /// Some of those who write to it: functions, each once. Who only unlocks is told where nobody else is.
    pub(super) fn writers(&self, line: &Line) -> BTreeSet<&str> {
        let all = line.sides.iter().flat_map(|side| &side.writers).map(|&address| self.name(address));
        let (locks, others): (BTreeSet<&str>, BTreeSet<&str>) =
            all.partition(|name| name.starts_with("_raw_"));
        if others.is_empty() { locks } else { others }
    }

    pub(super) fn group(&self, line: &Line) -> Group {
        if line.address < USER_END {
            return Group::Server;
        }
        let mut names = self.writers(line);
        names.insert(self.name(line.address));
        let is_of = |prefixes: &[&str]| {
            names.iter().any(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        };
        match () {
            () if is_of(&CLOCK) => Group::Clock,
            () if is_of(&SCHEDULER) => Group::Scheduler,
            () if is_of(&SLEEP) => Group::Sleep,
            () if is_of(&NETWORK) => Group::Network,
            () => Group::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_lines::counts::Side;

    #[test]
    fn an_address_has_the_name_of_the_symbol_before_it() {
        let symbols = Symbols::parse("ffff800000001000 b\nffff800000000000 a\ncut");
        assert_eq!(symbols.name(0xffff_8000_0000_0fff), "a");
        assert_eq!(symbols.name(0xffff_8000_0000_1000), "b");
        assert_eq!(symbols.name(0xffff_8000_1000_0000), "memory");
        assert_eq!(symbols.name(0x5555_0000_0000), "the server");
    }

    #[test]
    fn a_line_is_of_those_who_write_it() {
        let symbols = Symbols::parse("ffff800000001000 tick_sched\nffff800000002000 dst_release\n");
        let group = |address, writer| {
            let side = Side { writes: 1.0, writers: vec![writer], ..Side::default() };
            symbols.group(&Line { address, sides: [side.clone(), side] })
        };
        assert_eq!(group(0xffff_9000_0000_0000, 0xffff_8000_0000_1001), Group::Clock);
        assert_eq!(group(0xffff_9000_0000_0000, 0xffff_8000_0000_2001), Group::Network);
        assert_eq!(group(0xffff_9000_0000_0000, 0xffff_9000_0000_0000), Group::Other);
        assert_eq!(group(0x7000_0000_0000, 0xffff_8000_0000_1001), Group::Server);
    }
}
