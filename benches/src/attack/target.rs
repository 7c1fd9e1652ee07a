//! The server that is attacked: the real program, started for one attack. In: how many may come. Out: where it listens,
//! what it holds, and whether all of it comes back.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::bail;
use tempfile::TempDir;

use super::requests;
use crate::compare::proc::Memory;
use crate::compare::process::{Running, free_port};
use crate::compare::{client, interrupt};
use crate::content::content;
use crate::cpus;
use crate::held::Held;

/// What the good client asks for, and how large it is. No mutated request comes upon these two by chance.
pub(super) const SMALL_PATH: &str = "/for-the-good-client";
pub(super) const SMALL_BYTES: usize = 151;
/// What nobody reads to its end: more than the buffers between the two hold.
pub(super) const LARGE_PATH: &str = "/for-slow-readers";
const LARGE_BYTES: u64 = 64 << 20;

/// How long the server may take to have everything back: what lingers has 2 s, an unused descriptor 15 s.
const RECOVERY_MAX: Duration = Duration::from_secs(40);

/// A server, and the files it serves.
#[derive(Debug)]
pub(super) struct Target {
    running: Running,
    _root: TempDir,
}

impl Target {
    /// Starts `server` with one worker, on `cpus`, for so many connections, and asks for each small file once, so that
    /// what is kept in memory is there.
    pub(super) fn start(server: &Path, cpus: &[usize], connections_max: usize) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("selvedge-attack-").tempdir()?;
        requests::write_site(root.path())?;
        fs::write(root.path().join(&SMALL_PATH[1..]), content(SMALL_BYTES))?;
        File::create(root.path().join(&LARGE_PATH[1..]))?.set_len(LARGE_BYTES)?;
        let port = free_port()?;
        let mut command = Command::new(server);
        command.arg(root.path()).args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        command.args(["-j", "1", "--cpus", &cpus::list(&cpus[..1]), "--metrics"]);
        command.args(["--max-connections", &connections_max.to_string()]);
        let log = root.path().with_extension("log");
        let running = Running::start(command, port, cpus, &log);
        // What it said is in the error, if it did not start.
        let _ = fs::remove_file(log);
        let target = Self { running: running?, _root: root };
        for path in requests::PATHS_IN_MEMORY.iter().chain([&SMALL_PATH]) {
            client::get(port, path)?;
        }
        Ok(target)
    }

    pub(super) fn address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.running.port)
    }

    /// Memory of the server's process that is not of files, and all of it in RAM.
    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        Ok(Memory::read(self.running.pid())?)
    }

    /// What it holds now.
    pub(super) fn held(&self) -> anyhow::Result<Held> {
        Held::read(&self.running)
    }

    /// Waits until it holds no more than it did, and says how long that took.
    pub(super) fn recover(&self, before: &Held) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let now = self.held()?;
            if now.is_within(before) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > RECOVERY_MAX {
                bail!("after {RECOVERY_MAX:?} the server still holds {now:?}, and before it held {before:?}");
            }
            interrupt::sleep(Duration::from_millis(50))?;
        }
    }
}
