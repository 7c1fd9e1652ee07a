//! The report in Markdown. In: what was measured. Out: the head of a run, and a section for each workload.

mod latency;

use std::{collections::BTreeMap, fmt::Write};

pub(super) use self::latency::{QUANTILES, Quantile};
use super::{
    cold::Cold,
    comparison::{Comparison, Run},
    idle::Idle,
    machine::{Build, Machine},
    mark,
    measure::{SameAgainstItself, Sample},
    summary::{Figures, Row, Spread},
    workloads::{Kind, Workload},
};
use crate::plural::counted;

const MIB: f64 = 1024.0 * 1024.0;

/// What the figures are.
pub(super) const HOW_TO_READ: &str = "\
CPU is user and system time of the server's process tree, divided by the requests answered: medians of the rounds, with the least and
the most. Ratios are medians of the ratios within each round. Utilisation is the share of the CPUs a side may use. On loopback the
kernel's work on a packet is charged to whichever side runs at that moment, so a server that wakes its client early looks cheaper
than it is: 'with client' is the sum of both.
";

/// Where, when, how and with what.
pub(super) fn head(run: &Run) -> String {
    let mut text = machine(&run.machine);
    for version in run.versions.values() {
        text += &format!("- {version}\n");
    }
    let rounds = counted(run.rounds, "round", "rounds");
    text += &format!("- {rounds} of {} s, {}\n", run.seconds, counted(run.workers, "worker", "workers"));
    for missing in &run.missing {
        text += &format!("- **{missing}**\n");
    }
    if run.machine.build == Build::Development {
        text += "- **built without optimisation: the ceiling means nothing**\n";
    }
    text
}

fn machine(machine: &Machine) -> String {
    let Machine { cpu, cpus, memory_bytes, kernel, date, command, .. } = machine;
    let gib = *memory_bytes as f64 / MIB / 1024.0;
    format!("    {command}\n\n- {cpu}, CPUs {cpus}, {gib:.1} GiB\n- {kernel}\n- {date}\n")
}

/// How much two measurements of the same differ.
pub(super) fn noise(same: &SameAgainstItself) -> String {
    let cost = |samples: &[Sample]| Spread::of(samples.iter().map(|sample| sample.cpu_us_per_request));
    let all = cost(&[same.first.clone(), same.second.clone()].concat());
    let (Some(first), Some(second), Some(all)) = (cost(&same.first), cost(&same.second), all) else {
        return String::new();
    };
    format!(
        "\nNoise: {} against itself under '{}': {:.2} and {:.2} us ({:+.1} %), single runs within {:.1} %.\n",
        same.server.name(),
        same.workload,
        first.median,
        second.median,
        (second.median / first.median - 1.0) * 100.0,
        (all.max / all.min - 1.0) * 100.0,
    )
}

/// What was measured in `workload`, if anything was.
pub(super) fn section(measured: &Comparison, workload: &Workload) -> Option<String> {
    let text = match workload.kind {
        Kind::Idle => (!measured.idle.is_empty()).then(|| idle(&measured.idle)),
        Kind::BesideCold => (!measured.cold.is_empty()).then(|| cold(&measured.cold)),
        _ => measured.row(workload.name).map(row),
    };
    Some(format!("\n## {} (`{}`)\n\n{}", workload.title, workload.name, text?))
}

fn row(row: &Row) -> String {
    let peer = row.best_peer.map_or("best peer", |server| server.name());
    let mut text = format!(
        "| server | CPU us/request | / {peer} | / ceiling | with client us | requests/s | server CPU | client CPU | p50 us | p99 us | p99.9 us | RSS MiB | |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n"
    );
    for figures in &row.servers {
        text += &line(figures);
    }
    text += &codings(row);
    if row.is_about_latency() {
        text += &latency::text(row);
    }
    text
}

/// Which server had how many of the files in which coding.
fn codings(row: &Row) -> String {
    let codings = |figures: &Figures| Some(figures.samples.first()?.codings.clone());
    let all: Vec<_> =
        row.servers.iter().filter_map(|figures| Some((figures.server, codings(figures)?))).collect();
    if all.iter().all(|(_, codings)| codings.keys().all(|coding| coding == "identity")) {
        return String::new();
    }
    let counts = |codings: &BTreeMap<String, usize>| {
        let counts: Vec<String> = codings.iter().map(|(coding, count)| format!("{count} {coding}")).collect();
        counts.join(" and ")
    };
    let servers: Vec<String> =
        all.iter().map(|(server, codings)| format!("{} {}", server.name(), counts(codings))).collect();
    format!("\nFiles by the coding they came in: {}.\n", servers.join("; "))
}

fn line(figures: &Figures) -> String {
    let ratio =
        |spread: Option<Spread>| spread.map_or_else(|| "-".into(), |spread| format!("{:.2}", spread.median));
    // wrk has no latencies for some batches of pipelined requests.
    let latency = |us: f64| if us > 0.0 { format!("{us:.0}") } else { "-".into() };
    let Spread { median, min, max } = figures.cpu_us_per_request;
    format!(
        "| {} | {median:.2} ({min:.2}..{max:.2}) | {} | {} | {:.2} | {:.0} | {:.0} % | {:.0} % | {} | {} | {} | {:.1} | {} |\n",
        figures.server.name(),
        ratio(figures.to_best_peer),
        ratio(figures.to_ceiling),
        figures.both_cpu_us_per_request,
        figures.requests_per_second.median,
        figures.server_utilisation * 100.0,
        figures.client_utilisation * 100.0,
        latency(figures.p50_us),
        latency(figures.p99_us),
        latency(figures.p999_us),
        figures.rss_bytes / MIB,
        mark::words(&figures.marks),
    )
}

fn idle(rows: &[Idle]) -> String {
    let connections = rows.first().map_or(0, |row| row.connections);
    let mut text = format!(
        "Growth of anonymous memory of the process tree from 1,000 to {connections} connections that each served\n\
         one request of 151 bytes. Memory the kernel keeps per socket is not in it.\n\n\
         | server | bytes per idle connection | RSS MiB at start | at 1,000 | at {connections} |\n\
         |---|---:|---:|---:|---:|\n"
    );
    for row in rows {
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.1} | {:.1} | {:.1} |",
            row.server.name(),
            row.anonymous_bytes_per_connection(),
            row.at_start.rss_bytes as f64 / MIB,
            row.at_first.rss_bytes as f64 / MIB,
            row.at_last.rss_bytes as f64 / MIB,
        );
    }
    text
}

fn cold(rows: &[Cold]) -> String {
    let mut text = "\
Small requests at fixed times, without and with clients that ask for files that are not in memory. Medians of the rounds.

| server | p50 us | p99 us | p50 us beside cold files | p99 us beside them | p99 to that without | cold files/s | MiB from the disk | |
|---|---:|---:|---:|---:|---:|---:|---:|---|
"
    .to_owned();
    for row in rows {
        let Some(Spread { median, min, max }) = row.ratio() else { continue };
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {median:.2} ({min:.2}..{max:.2}) | {:.0} | {:.0} | {} |",
            row.server.name(),
            row.median(|round| round.alone_p50_us),
            row.median(|round| round.alone_p99_us),
            row.median(|round| round.beside_p50_us),
            row.median(|round| round.beside_p99_us),
            row.median(|round| round.files_per_second),
            row.median(|round| round.disk_bytes as f64) / MIB,
            row.fault().unwrap_or_default(),
        );
    }
    text
}
