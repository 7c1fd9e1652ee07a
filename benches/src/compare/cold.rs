//! Small requests beside files that are not in memory. In: servers, and a directory on a disk. Out: of each server the small requests'
//! latencies without and with the cold files, in alternated rounds.
//!
//! Both loads come at fixed times, so that every server has the same: who is held up by the disk is late with all that follows.

mod reader;

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::fs::{FsWord, statfs};
use serde::{Deserialize, Serialize};

use self::reader::Readers;
use super::{
    Setting, check, measure,
    proc::disk_bytes_read,
    process::Running,
    servers::{Installed, Server},
    summary::Spread,
    turns::{Turns, in_turn},
    workloads::Workload,
};
use crate::{
    cpus::Placement,
    latencies::{Latencies, differ_too_much},
    open_loop::{self, Asking},
};

/// Small requests in a second.
const SMALL_PER_SECOND: u32 = 1_000;
/// Of what is asked for cold, the share that has to have come from the disk.
const COLD_SHARE_MIN: f64 = 0.5;
/// The file system in which nothing is ever cold (statfs(2)).
const TMPFS_MAGIC: FsWord = 0x0102_1994;

/// One server's rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cold {
    pub(super) server: Server,
    pub(super) rounds: Vec<Round>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) round: usize,
    /// The small requests' latencies without cold files.
    pub(super) alone_p50_us: f64,
    pub(super) alone_p99_us: f64,
    /// And beside them.
    pub(super) beside_p50_us: f64,
    pub(super) beside_p99_us: f64,
    /// Cold files that were answered whole, in a second.
    pub(super) files_per_second: f64,
    /// What the server had from the disk meanwhile.
    pub(super) disk_bytes: u64,
}

impl Cold {
    /// The small requests' p99 beside cold files, as a multiple of that without.
    pub(super) fn ratio(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.beside_p99_us / round.alone_p99_us))
    }

    /// The small requests' p99 beside cold files, as a multiple of another server's in the same rounds.
    pub(super) fn to(&self, other: &Self) -> Option<Spread> {
        let of_round = |round| other.rounds.iter().find(|other| other.round == round);
        let ratio = |round: &Round| Some(round.beside_p99_us / of_round(round.round)?.beside_p99_us);
        Spread::of(self.rounds.iter().filter_map(ratio))
    }

    pub(super) fn median(&self, figure: fn(&Round) -> f64) -> f64 {
        Spread::of(self.rounds.iter().map(figure)).map_or(f64::NAN, |spread| spread.median)
    }

    /// Why its figures say nothing, where the machine was not the same in all rounds.
    pub(super) fn fault(&self) -> Option<String> {
        differ_too_much(self.rounds.iter().map(|round| round.alone_p99_us))
    }
}

/// All rounds of all servers.
///
/// # Errors
/// An interruption.
pub(super) fn measure(
    setting: &Setting<'_>,
    servers: &[Installed],
    workload: &'static Workload,
) -> anyhow::Result<Turns<Round>> {
    let servers = measure::taking_part(setting, servers, workload);
    in_turn(setting.options.rounds, &servers, workload, |installed, round| {
        measure_once(setting, installed, workload, round)
    })
}

fn is_on_a_disk(directory: &Path) -> anyhow::Result<()> {
    let file_system = statfs(directory)?.f_type;
    ensure!(
        file_system != TMPFS_MAGIC,
        "{} is in memory (tmpfs), where no file is ever cold: name a directory on a disk by --directory, such as /var/tmp",
        directory.display()
    );
    Ok(())
}

fn measure_once(
    setting: &Setting<'_>,
    installed: &Installed,
    workload: &Workload,
    round: usize,
) -> anyhow::Result<Round> {
    let placement = Placement::apart(&setting.cpus, 1);
    let running = measure::start(setting, installed, workload, &placement, 1)?;
    let root = setting.docroot.files();
    check::check(running.port, workload, &root).context("it does not answer as it should")?;
    let duration = Duration::from_secs(setting.options.seconds);
    let alone = small_requests(&running, workload, &placement, duration)?;
    let (disk_before, began) = (disk_bytes_read(running.pid())?, Instant::now());
    let readers = Readers::start(running.port, &root, &placement.client);
    let beside = small_requests(&running, workload, &placement, duration);
    let files = readers.stop();
    let (beside, files, seconds) = (beside?, files?, began.elapsed().as_secs_f64());
    let disk_bytes = disk_bytes_read(running.pid())? - disk_before;
    let asked_bytes = files * reader::FILE_BYTES as u64;
    ensure!(
        files > 0 && disk_bytes as f64 >= asked_bytes as f64 * COLD_SHARE_MIN,
        "the files were not cold: of {asked_bytes} bytes, {disk_bytes} came from the disk"
    );
    Ok(Round {
        round,
        alone_p50_us: alone.quantile_us(0.5),
        alone_p99_us: alone.quantile_us(0.99),
        beside_p50_us: beside.quantile_us(0.5),
        beside_p99_us: beside.quantile_us(0.99),
        files_per_second: files as f64 / seconds,
        disk_bytes,
    })
}

/// The small requests' latencies, on a thread of its own, which stays on the client's CPUs.
fn small_requests(
    running: &Running,
    workload: &Workload,
    placement: &Placement,
    duration: Duration,
) -> anyhow::Result<Latencies> {
    let asking = Asking {
        port: running.port,
        path: workload.file,
        body_bytes: workload.bytes,
        requests_per_second: SMALL_PER_SECOND,
        duration,
    };
    thread::scope(|scope| {
        let client = scope.spawn(|| open_loop::measure(&asking, &placement.client));
        client.join().map_err(|_| anyhow::anyhow!("the client panicked"))?
    })
}

/// Makes the files that are going to be cold, on the disk and clean: only what is written out can be dropped.
///
/// # Errors
/// When `root` is in memory, where nothing is ever cold.
pub(super) fn make(root: &Path) -> anyhow::Result<()> {
    is_on_a_disk(root)?;
    fs::create_dir(root.join(reader::DIRECTORY))?;
    (0..reader::FILES).try_for_each(|number| {
        let path = reader::path(root, number);
        let write = || {
            fs::write(&path, crate::content::content(reader::FILE_BYTES))?;
            fs::File::open(&path)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(alone_p99_us: f64, beside_p99_us: f64) -> Round {
        Round {
            round: 0,
            alone_p50_us: 50.0,
            alone_p99_us,
            beside_p50_us: 50.0,
            beside_p99_us,
            files_per_second: 60.0,
            disk_bytes: 1 << 20,
        }
    }

    #[test]
    fn the_ratio_is_taken_within_each_round() {
        let cold = Cold { server: Server::Selvedge, rounds: vec![round(100.0, 120.0), round(150.0, 210.0)] };
        let ratio = cold.ratio().unwrap();
        assert!((ratio.min - 1.2).abs() < 1e-9 && (ratio.max - 1.4).abs() < 1e-9, "{ratio:?}");
        assert_eq!(cold.fault(), None);
        let unsteady = Cold { rounds: vec![round(100.0, 120.0), round(250.0, 260.0)], ..cold };
        assert!(unsteady.fault().unwrap().starts_with("the machine is busy"));
    }

    #[test]
    fn what_is_in_memory_by_its_nature_is_refused_with_the_option() {
        if let Ok(directory) = tempfile::tempdir_in("/dev/shm") {
            let error = is_on_a_disk(directory.path()).unwrap_err().to_string();
            assert!(error.contains("--directory"), "{error}");
        }
    }
}
