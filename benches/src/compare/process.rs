//! Child processes: started on their CPUs, ended in any case.

use std::{
    fs::File,
    io::{self, Read},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getrlimit, kill_process, kill_process_group,
    set_parent_process_death_signal, setrlimit,
};

use super::{client, interrupt, proc};
use crate::cpus;

/// A server that does not accept by then has failed.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that is still there this long after SIGTERM is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Sets the soft limit of descriptors to the hard one; the children inherit it.
pub(crate) fn raise_descriptor_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// How many descriptors a process may have open.
pub(crate) fn descriptor_limit() -> usize {
    getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// A port on 127.0.0.1 that was free just now.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A server that runs; dropping it ends its whole tree.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
}

impl Running {
    /// Starts `command` on `cpus`, what it prints going to `log`, and waits until it accepts on `port`.
    pub(crate) fn start(mut command: Command, port: u16, cpus: &[usize], log: &Path) -> anyhow::Result<Self> {
        let output = File::create(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = spawn(&mut command, cpus)?;
        let mut running = Self { child, port };
        running.wait_until_it_accepts(log)?;
        Ok(running)
    }

    fn wait_until_it_accepts(&mut self, log: &Path) -> anyhow::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        while client::connect(self.port).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended at the start, {status}:\n{}", tail(log));
            }
            if Instant::now() > end {
                bail!("it does not accept on port {}:\n{}", self.port, tail(log));
            }
            interrupt::sleep(Duration::from_millis(10))?;
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.pid();
        let tree = proc::tree(pid).unwrap_or_default();
        let started: Vec<_> = tree.iter().filter(|&&p| p != pid).map(|&p| (p, proc::stat(p))).collect();
        signal(pid, Signal::TERM);
        let end = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                // It may have ended meanwhile; it is our child and not yet waited for, so the number is still its own.
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        for (pid, before) in started {
            let start_ticks = |stat: Option<proc::Stat>| stat.map(|stat| stat.start_ticks);
            if before.is_some() && start_ticks(before) == start_ticks(proc::stat(pid)) {
                signal(pid, Signal::KILL);
            }
        }
    }
}

fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may be gone already, which is what is wanted.
        let _ = kill_process(pid, signal);
    }
}

/// Runs `command` on `cpus` to its end, which has to be a success. Back come what it printed and the CPU microseconds it used.
pub(crate) fn run_to_end(command: &mut Command, cpus: &[usize]) -> anyhow::Result<(String, f64)> {
    let Finished { status, output, cpu_us } = run(command, cpus)?;
    if !status.success() {
        bail!("{} ended with {status}:\n{output}", command.get_program().display());
    }
    Ok((output, cpu_us))
}

/// A command that has come to its end.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    /// What it printed.
    pub(super) output: String,
    /// CPU time that it used.
    pub(super) cpu_us: f64,
}

/// Runs `command` on `cpus` to its end, whatever that is. What it says on stderr is said there, unless it was told otherwise.
///
/// # Errors
/// Where it cannot be started, and an interruption.
pub(super) fn run(command: &mut Command, cpus: &[usize]) -> anyhow::Result<Finished> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let before = children_cpu_us();
    let mut child = spawn(command, cpus)?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Err(interrupted) = interrupt::sleep(Duration::from_millis(20)) {
            // What it has started itself (perf starts the client) is of its group, too.
            kill_process_group(Pid::from_child(&child), Signal::KILL)?;
            child.wait()?;
            return Err(interrupted);
        }
    };
    let cpu_us = children_cpu_us() - before;
    let mut output = String::new();
    child.stdout.take().context("no output")?.read_to_string(&mut output)?;
    Ok(Finished { status, output, cpu_us })
}

/// Starts `command` on `cpus`, to be ended with this process however that ends.
fn spawn(command: &mut Command, cpus: &[usize]) -> anyhow::Result<Child> {
    let cpus = cpus.to_vec();
    let in_child = move || {
        set_parent_process_death_signal(Some(Signal::TERM))?;
        cpus::pin(&cpus)
    };
    // SAFETY: between fork and exec only prctl(2) and sched_setaffinity(2) are called; nothing is allocated.
    unsafe { command.pre_exec(in_child) };
    // Some servers pass a signal on to their whole process group, which must not be ours.
    command.process_group(0);
    command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// CPU time of all children waited for so far (getrusage(2)).
fn children_cpu_us() -> f64 {
    // SAFETY: all-zero is a valid rusage: it holds numbers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` lives across the call.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    let us = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    us(usage.ru_utime) + us(usage.ru_stime)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

/// Looks for an executable as a shell does, and where servers are that a user's PATH leaves out.
pub(crate) fn find_executable(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(elsewhere).map(|folder| folder.join(name)).find(|path| path.is_file())
}
