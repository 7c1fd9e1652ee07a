//! One measurement: start the server, look at its bytes, load it, and read what it used.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::{
    Setting,
    check::{Checked, check},
    generator::{Load, Pace},
    loaded::Loaded,
    mark::{Mark, marks},
    proc::{CpuTicks, CpuTime, Memory, ticks_per_second},
    process::{Running, find_executable, free_port, run_to_end},
    servers::{Installed, Server, Start},
    turns::{Turns, in_turn},
    workloads::{Demand, Sharing, Workload},
    wrk,
};
use crate::cpus::Placement;

/// One measurement of one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    /// Time that was measured, without what went before it.
    pub(crate) seconds: f64,
    pub(crate) cpu_us_per_request: f64,
    /// The client's. On loopback the kernel's work on a packet is charged to whichever side is running then.
    pub(crate) client_cpu_us_per_request: f64,
    /// All that were answered, before the measured time too.
    pub(crate) requests: u64,
    pub(crate) requests_per_second: f64,
    /// Share of its CPUs that the server's tree used.
    pub(crate) server_utilisation: f64,
    pub(crate) client_utilisation: f64,
    /// Share of all CPUs in use that neither of them used.
    pub(crate) others_utilisation: f64,
    pub(crate) stolen: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// How late the client itself was with half of the requests of an open loop, which is a part of their latencies.
    pub(crate) late_p50_us: Option<f64>,
    pub(crate) errors: u64,
    /// Octets of one answer, head included, where all are alike.
    pub(crate) answer_bytes: Option<u64>,
    /// Where many files are asked for, how many came in which coding.
    pub(crate) codings: BTreeMap<String, usize>,
    pub(crate) memory: Memory,
    pub(crate) marks: Vec<Mark>,
}

/// The same server measured as two: what differs is noise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SameAgainstItself {
    pub(super) server: Server,
    pub(super) workload: String,
    pub(super) first: Vec<Sample>,
    pub(super) second: Vec<Sample>,
}

pub(super) fn same_against_itself(
    setting: &Setting<'_>,
    installed: &Installed,
    workload: &'static Workload,
) -> anyhow::Result<SameAgainstItself> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 0..setting.options.rounds {
        for turn in [round, round + 1] {
            let samples = if turn % 2 == 0 { &mut first } else { &mut second };
            samples.push(measure(setting, installed, workload, round)?);
        }
    }
    Ok(SameAgainstItself { server: installed.server, workload: workload.name.to_owned(), first, second })
}

/// Those of `servers` that can serve `workload`, in all configurations that are measured in it.
pub(super) fn taking_part(
    setting: &Setting<'_>,
    servers: &[Installed],
    workload: &Workload,
) -> Vec<Installed> {
    let hello = setting.options.hello.as_deref();
    let installed = servers.iter().filter_map(|installed| installed.for_workload(workload, hello));
    let mut all: Vec<Installed> = installed.collect();
    let other: Vec<_> = all.iter().flat_map(|installed| installed.other_configurations(workload)).collect();
    all.extend(other);
    all
}

/// All rounds of all servers.
///
/// # Errors
/// An interruption.
pub(super) fn all_rounds(
    setting: &Setting<'_>,
    servers: &[Installed],
    workload: &'static Workload,
) -> anyhow::Result<Turns<Sample>> {
    let servers = taking_part(setting, servers, workload);
    in_turn(setting.options.rounds, &servers, workload, |installed, round| {
        measure(setting, installed, workload, round)
    })
}

fn measure(
    setting: &Setting<'_>,
    installed: &Installed,
    workload: &Workload,
    round: usize,
) -> anyhow::Result<Sample> {
    let (placement, workers) = placement(setting, workload);
    let running = start(setting, installed, workload, &placement, workers)?;
    let Demand::Offered { requests_per_second, at_once, run_in_seconds } = workload.demand else {
        return measure_running(setting, &running, workload, &placement, round);
    };
    let pace = Pace::Offered { requests_per_second, at_once };
    let load =
        |checked: &Checked, seconds| load(setting, &running, workload, &placement, checked, (pace, seconds));
    let checked = checked(setting, &running, workload)?;
    if let Some(seconds) = run_in_seconds {
        load(&checked, seconds)?;
    }
    measure_by(&running, &placement, round, checked, |checked| load(checked, setting.options.seconds))
}

/// So many seconds of requests at fixed times, to a server that was [looked at](checked).
pub(super) fn load(
    setting: &Setting<'_>,
    running: &Running,
    workload: &Workload,
    placement: &Placement,
    checked: &Checked,
    (pace, seconds): (Pace, u64),
) -> anyhow::Result<Loaded> {
    let (port, cpus, scratch) = (running.port, &placement.client, setting.docroot.scratch());
    let Checked { fields, answer_bytes, .. } = checked;
    Load { workload, fields, answer_bytes: *answer_bytes, port, cpus, pace, seconds, scratch }.run()
}

/// What the server answers is looked at before it is measured.
pub(super) fn checked(
    setting: &Setting<'_>,
    running: &Running,
    workload: &Workload,
) -> anyhow::Result<Checked> {
    check(running.port, workload, &setting.docroot.files()).context("it does not answer as it should")
}

/// Which CPUs and how many workers `workload` asks for.
pub(super) fn placement(setting: &Setting<'_>, workload: &Workload) -> (Placement, usize) {
    match workload.sharing {
        Sharing::Apart => {
            let workers = setting.options.workers.min(setting.cpus.len());
            (Placement::apart(&setting.cpus, workers), workers)
        }
        Sharing::Together => (Placement::together(&setting.cpus), setting.cpus.len()),
    }
}

/// Starts the server for `workload` on a free port.
pub(crate) fn start(
    setting: &Setting<'_>,
    installed: &Installed,
    workload: &Workload,
    placement: &Placement,
    workers: usize,
) -> anyhow::Result<Running> {
    let port = free_port()?;
    let (files, scratch) = (setting.docroot.files(), setting.docroot.scratch());
    let start = Start { workload, files: &files, scratch, port, workers, cpus: &placement.server };
    let log = scratch.join("server.log");
    Running::start(installed.command(&start)?, port, &placement.server, &log)
}

/// One measurement of a server that runs, by `wrk`.
pub(crate) fn measure_running(
    setting: &Setting<'_>,
    running: &Running,
    workload: &Workload,
    placement: &Placement,
    round: usize,
) -> anyhow::Result<Sample> {
    measure_by(running, placement, round, checked(setting, running, workload)?, |checked| {
        by_wrk(setting, running, workload, placement, checked)
    })
}

/// One measurement of a server that runs, by a client that is told how requests have to look.
pub(super) fn measure_by(
    running: &Running,
    placement: &Placement,
    round: usize,
    checked: Checked,
    client: impl FnOnce(&Checked) -> anyhow::Result<Loaded>,
) -> anyhow::Result<Sample> {
    let all: BTreeSet<usize> = placement.server.iter().chain(&placement.client).copied().collect();
    let (ticks, cpu, started) = (CpuTicks::read(&all)?, CpuTime::read(running.pid())?, Instant::now());
    let loaded = client(&checked)?;
    let (wall_us, server_us) =
        (started.elapsed().as_secs_f64() * 1e6, CpuTime::read(running.pid())?.since_us(&cpu));
    let ticks = CpuTicks::read(&all)?.since(ticks);

    let Loaded { answers, client_us, .. } = loaded;
    // What could not be sent in time is sent behind its end.
    let load_us = if loaded.marks.contains(&Mark::RateMissed) { wall_us } else { loaded.load_us };
    let available_us = wall_us * all.len() as f64;
    let us = |ticks: u64| ticks as f64 / ticks_per_second() * 1e6;
    let mut sample = Sample {
        round,
        seconds: loaded.seconds,
        cpu_us_per_request: server_us / answers as f64,
        client_cpu_us_per_request: client_us / answers as f64,
        requests: answers,
        requests_per_second: loaded.requests_per_second,
        server_utilisation: server_us / (load_us * placement.server.len() as f64),
        client_utilisation: client_us / (load_us * placement.client.len() as f64),
        others_utilisation: ((us(ticks.busy) - server_us - client_us) / available_us).max(0.0),
        stolen: us(ticks.stolen) / available_us,
        p50_us: loaded.p50_us,
        p99_us: loaded.p99_us,
        p999_us: loaded.p999_us,
        late_p50_us: loaded.late_p50_us,
        errors: loaded.errors,
        answer_bytes: checked.answer_bytes,
        codings: checked.codings,
        memory: Memory::read(running.pid())?,
        marks: loaded.marks,
    };
    let further = marks(&sample, placement);
    sample.marks.extend(further);
    sample.marks.sort_unstable();
    sample.marks.dedup();
    Ok(sample)
}

fn by_wrk(
    setting: &Setting<'_>,
    running: &Running,
    workload: &Workload,
    placement: &Placement,
    checked: &Checked,
) -> anyhow::Result<Loaded> {
    let wrk = find_executable("wrk").context("wrk is missing: apt install wrk")?;
    let load = wrk::Load {
        wrk: &wrk,
        workload,
        fields: &checked.fields,
        port: running.port,
        threads: placement.client.len(),
        seconds: setting.options.seconds,
        scratch: setting.docroot.scratch(),
    };
    let (output, client_us) = run_to_end(&mut load.command()?, &placement.client)?;
    let outcome = wrk::parse(&output)?;
    if let Some(bytes) = checked.answer_bytes {
        ensure!(
            outcome.has_answers_of(bytes, workload.under_way_max() as u64),
            "its answers were not those that were looked at: {} of {bytes} bytes each, and {} bytes were received",
            outcome.requests,
            outcome.received_bytes
        );
    }
    Ok(outcome.loaded(workload.asked.status(), client_us))
}
