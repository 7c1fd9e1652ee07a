//! System calls of other processes, counted from outside. In: processes, and a command that loads them. Out: how many calls they
//! made while it ran, by name. perf(1) counts tracepoints and hardly slows them; strace(1) stops them at each call.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::compare::interrupt;
use crate::compare::process::{find_executable, run_to_end};

/// All calls of a process.
const ALL: &str = "raw_syscalls:sys_enter";
/// Those that are told by name where perf counts; what is left of all is the rest.
const NAMED: [&str; 22] = [
    "io_uring_enter",
    "epoll_wait",
    "epoll_pwait",
    "epoll_ctl",
    "recvfrom",
    "recvmsg",
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "sendfile64",
    "setsockopt",
    "accept4",
    "openat",
    "openat2",
    "newfstat",
    "newfstatat",
    "close",
    "futex",
];
/// strace that has not attached by then has failed.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls by name; `other` stands for those without one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Calls {
    pub(super) total: u64,
    pub(super) by_name: BTreeMap<String, u64>,
}

impl Calls {
    /// Those that are made most, per request.
    pub(super) fn most(&self, requests: u64) -> String {
        let mut names: Vec<_> = self.by_name.iter().collect();
        names.sort_by_key(|&(_, &count)| std::cmp::Reverse(count));
        let told = names.iter().map(|&(name, &count)| (name, count as f64 / requests as f64));
        let told = told.filter(|&(_, each)| each >= 0.005).take(5);
        told.map(|(name, each)| format!("{name} {each:.2}")).collect::<Vec<_>>().join(", ")
    }
}

/// How calls are counted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counter {
    /// Without the names that this kernel does not have.
    Perf {
        perf: PathBuf,
        named: Vec<&'static str>,
    },
    Strace {
        strace: PathBuf,
    },
}

impl Counter {
    /// The better one that may be used here; if none, what is missing.
    pub(super) fn find() -> Result<Self, String> {
        let perf = find_executable("perf");
        if let Some(perf) = &perf {
            let can_count = |event: &str| {
                let mut command = Command::new(perf);
                command.args(["stat", "-e", event, "true"]).stdout(Stdio::null()).stderr(Stdio::null());
                command.status().is_ok_and(|status| status.success())
            };
            if can_count(ALL) {
                let named = NAMED.into_iter().filter(|name| can_count(&tracepoint(name))).collect();
                return Ok(Self::Perf { perf: perf.clone(), named });
            }
        }
        let strace = find_executable("strace").filter(|strace| {
            let mut command = Command::new(strace);
            command.args(["-c", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        });
        strace.map(|strace| Self::Strace { strace }).ok_or_else(|| {
            "system calls cannot be counted: neither perf(1), which needs the right to read tracepoints (root, or \
             kernel.perf_event_paranoid=-1), nor strace(1), which needs the right to trace (ptrace(2)): apt install \
             linux-perf strace"
                .to_owned()
        })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Perf { .. } => "counted by perf stat",
            Self::Strace { .. } => {
                "counted by strace -c, which slows the server: more requests wait for each turn"
            }
        }
    }

    /// Runs `load` on `cpus` to its end. Back come the calls of `processes` meanwhile, and what it printed.
    pub(super) fn count(
        &self,
        processes: &BTreeSet<i32>,
        load: &Command,
        cpus: &[usize],
        scratch: &Path,
    ) -> anyhow::Result<(Calls, String)> {
        let list = processes.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
        let log = scratch.join("calls.log");
        match self {
            Self::Perf { perf, named } => {
                let events = named.iter().map(|name| tracepoint(name)).chain([ALL.to_owned()]);
                let events = events.collect::<Vec<_>>().join(",");
                let mut command = Command::new(perf);
                command.args(["stat", "-x,", "-e", &events, "-p", &list, "-o"]).arg(&log).arg("--");
                command.arg(load.get_program()).args(load.get_args());
                let (output, _) = run_to_end(&mut command, cpus)?;
                Ok((parse_perf(&fs::read_to_string(&log)?)?, output))
            }
            Self::Strace { strace } => {
                let mut command = Command::new(strace);
                command.args(["-c", "-f", "-p", &list, "-o"]).arg(&log).stderr(Stdio::null());
                let mut tracing = Tracing(command.spawn().context("cannot start strace")?);
                tracing.wait_until_attached(processes)?;
                let mut load_again = Command::new(load.get_program());
                load_again.args(load.get_args());
                let (output, _) = run_to_end(&mut load_again, cpus)?;
                tracing.end()?;
                Ok((parse_strace(&fs::read_to_string(&log)?)?, output))
            }
        }
    }
}

fn tracepoint(name: &str) -> String {
    format!("syscalls:sys_enter_{name}")
}

/// strace while it traces; it is ended in any case.
struct Tracing(Child);

impl Tracing {
    fn wait_until_attached(&mut self, processes: &BTreeSet<i32>) -> anyhow::Result<()> {
        let end = Instant::now() + ATTACH_TIMEOUT;
        while !processes.iter().all(|&process| is_traced(process)) {
            if let Some(status) = self.0.try_wait()? {
                bail!("strace may not trace the server, it ended with {status}");
            }
            ensure!(Instant::now() < end, "strace does not attach to the server");
            interrupt::sleep(Duration::from_millis(5))?;
        }
        Ok(())
    }

    /// Has it detach and write what it has counted.
    fn end(&mut self) -> anyhow::Result<()> {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::INT)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        // After `end` both fail, and nothing is left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether all threads of a process are traced (TracerPid, proc_pid_status(5)).
fn is_traced(process: i32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return false };
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|tracer| tracer.trim() != "0"))
    })
}

/// Reads what `perf stat -x,` wrote: a count, a unit and an event's name in each line.
fn parse_perf(text: &str) -> anyhow::Result<Calls> {
    let (mut total, mut by_name) = (None, BTreeMap::new());
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let (Some(count), Some(event)) = (fields.first(), fields.get(2)) else { continue };
        let Ok(count) = count.parse::<u64>() else { continue };
        if *event == ALL {
            total = Some(count);
        } else if let Some(name) = event.strip_prefix("syscalls:sys_enter_")
            && count > 0
        {
            by_name.insert(name.to_owned(), count);
        }
    }
    let total = total.with_context(|| format!("perf has counted nothing:\n{text}"))?;
    let other = total.saturating_sub(by_name.values().sum());
    if other > 0 {
        by_name.insert("other".to_owned(), other);
    }
    Ok(Calls { total, by_name })
}

/// Reads the table of `strace -c`: calls stand in the fourth column, the name in the last.
fn parse_strace(text: &str) -> anyhow::Result<Calls> {
    let mut by_name = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (Some(count), Some(&name)) = (words.get(3), words.last()) else { continue };
        let Ok(count) = count.parse::<u64>() else { continue };
        if name != "total" {
            by_name.insert(name.to_owned(), count);
        }
    }
    ensure!(!by_name.is_empty(), "strace has counted nothing:\n{text}");
    Ok(Calls { total: by_name.values().sum(), by_name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(total: u64, by_name: &[(&str, u64)]) -> Calls {
        Calls { total, by_name: by_name.iter().map(|&(name, count)| (name.to_owned(), count)).collect() }
    }

    #[test]
    fn what_perf_counts_is_told_by_name_and_the_rest_as_others() {
        let text = "# started on Sun Nov 22\n\n200,,syscalls:sys_enter_io_uring_enter,1,100.00,,\n\
                    0,,syscalls:sys_enter_read,1,100.00,,\n<not counted>,,syscalls:sys_enter_close,0,0.00,,\n\
                    230,,raw_syscalls:sys_enter,1,100.00,,\n";
        let counted = parse_perf(text).unwrap();
        assert_eq!(counted, calls(230, &[("io_uring_enter", 200), ("other", 30)]));
        assert_eq!(counted.most(100), "io_uring_enter 2.00, other 0.30");
        assert!(parse_perf("<not counted>,,raw_syscalls:sys_enter,0,0.00,,\n").is_err());
    }

    #[test]
    fn the_table_of_strace_is_read_with_and_without_errors() {
        let text = "% time     seconds  usecs/call     calls    errors syscall\n\
                    ------ ----------- ----------- --------- --------- ----------------\n \
                    60.00    0.000100           1       100        50 accept4\n \
                    40.00    0.000100           1        20           writev\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    100.00    0.000200           4       120        50 total\n";
        assert_eq!(parse_strace(text).unwrap(), calls(120, &[("accept4", 100), ("writev", 20)]));
        assert!(parse_strace("").is_err());
    }
}
