//! The report: Markdown on stdout, printed as it comes.

use std::collections::BTreeMap;

use super::{
    Options,
    cold::Cold,
    idle::Idle,
    machine::{Build, Machine},
    measure::{SameAgainstItself, Sample},
    servers::Found,
    summary::{Figures, Row, Spread},
    workloads::Workload,
};

const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn print_header(machine: &Machine, options: &Options, found: &Found) {
    println!("# Comparison\n");
    print_machine(machine);
    for installed in &found.servers {
        if let Some(version) = installed.named_version() {
            println!("- {version}");
        }
    }
    if let Some(wrk) = &found.wrk {
        println!("- {wrk}");
    }
    println!("- {} rounds of {} s, {} worker(s)", options.rounds, options.seconds, options.workers);
    for missing in &found.missing {
        println!("- **{missing}**");
    }
    if machine.build == Build::Development {
        println!("- **built without optimisation: the ceiling means nothing**");
    }
    println!(
        "\nCPU is user and system time of the server's process tree, divided by the requests answered: medians of the \
         rounds, with the least and the most. Ratios are medians of the ratios within each round. Utilisation is the \
         share of the CPUs a side may use. On loopback the kernel's work on a packet is charged to whichever side runs at \
         that moment, so a server that wakes its client early looks cheaper than it is: 'with client' is the sum of both."
    );
}

/// Where, when and how.
pub(super) fn print_machine(machine: &Machine) {
    println!("    {}\n", machine.command);
    println!(
        "- {}, CPUs {}, {:.1} GiB",
        machine.cpu,
        machine.cpus,
        machine.memory_bytes as f64 / MIB / 1024.0
    );
    println!("- {}", machine.kernel);
    println!("- {}", machine.date);
}

pub(super) fn print_same_against_itself(same: &SameAgainstItself) {
    let cost = |samples: &[Sample]| Spread::of(samples.iter().map(|sample| sample.cpu_us_per_request));
    let all = cost(&[same.first.clone(), same.second.clone()].concat());
    if let (Some(first), Some(second), Some(all)) = (cost(&same.first), cost(&same.second), all) {
        println!(
            "\nNoise: {} against itself under '{}': {:.2} and {:.2} us ({:+.1} %), single runs within {:.1} %.",
            same.server.name(),
            same.workload,
            first.median,
            second.median,
            (second.median / first.median - 1.0) * 100.0,
            (all.max / all.min - 1.0) * 100.0,
        );
    }
}

pub(super) fn print_row(row: &Row) {
    let peer = row.best_peer.map_or("best peer", |server| server.name());
    println!("\n## {} (`{}`)\n", row.title, row.workload);
    println!(
        "| server | CPU us/request | / {peer} | / ceiling | with client us | requests/s | server CPU | client CPU | p50 us | p99 us | p99.9 us | RSS MiB | |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|");
    for figures in &row.servers {
        println!("{}", line(figures));
    }
    print_codings(row);
}

/// Which server had how many of the files in which coding.
fn print_codings(row: &Row) {
    let codings = |figures: &Figures| Some(figures.samples.first()?.codings.clone());
    let all: Vec<_> =
        row.servers.iter().filter_map(|figures| Some((figures.server, codings(figures)?))).collect();
    if all.iter().any(|(_, codings)| codings.keys().any(|coding| coding != "identity")) {
        let counts = |codings: &BTreeMap<String, usize>| {
            let counts: Vec<String> =
                codings.iter().map(|(coding, count)| format!("{count} {coding}")).collect();
            counts.join(" and ")
        };
        let servers: Vec<String> =
            all.iter().map(|(server, codings)| format!("{} {}", server.name(), counts(codings))).collect();
        println!("\nFiles by the coding they came in: {}.", servers.join("; "));
    }
}

fn line(figures: &Figures) -> String {
    let ratio =
        |spread: Option<Spread>| spread.map_or_else(|| "-".into(), |spread| format!("{:.2}", spread.median));
    // wrk has no latencies for some batches of pipelined requests.
    let latency = |us: f64| if us > 0.0 { format!("{us:.0}") } else { "-".into() };
    let marks: Vec<&str> = figures.marks.iter().map(|mark| mark.words()).collect();
    let Spread { median, min, max } = figures.cpu_us_per_request;
    format!(
        "| {} | {median:.2} ({min:.2}..{max:.2}) | {} | {} | {:.2} | {:.0} | {:.0} % | {:.0} % | {} | {} | {} | {:.1} | {} |",
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
        marks.join(", "),
    )
}

pub(super) fn print_idle(workload: &Workload, rows: &[Idle]) {
    let connections = rows.first().map_or(0, |row| row.connections);
    println!("\n## {} (`{}`)\n", workload.title, workload.name);
    println!(
        "Growth of anonymous memory of the process tree from 1,000 to {connections} connections that each served"
    );
    println!("one request of 151 bytes. Memory the kernel keeps per socket is not in it.\n");
    println!("| server | bytes per idle connection | RSS MiB at start | at 1,000 | at {connections} |");
    println!("|---|---:|---:|---:|---:|");
    for row in rows {
        println!(
            "| {} | {:.0} | {:.1} | {:.1} | {:.1} |",
            row.server.name(),
            row.anonymous_bytes_per_connection(),
            row.at_start.rss_bytes as f64 / MIB,
            row.at_first.rss_bytes as f64 / MIB,
            row.at_last.rss_bytes as f64 / MIB,
        );
    }
}

pub(super) fn print_cold(workload: &Workload, rows: &[Cold]) {
    println!("\n## {} (`{}`)\n", workload.title, workload.name);
    println!(
        "Small requests at fixed times, without and with clients that ask for files that are not in memory. Medians of the rounds.\n"
    );
    println!(
        "| server | p50 us | p99 us | p50 us beside cold files | p99 us beside them | p99 to that without | cold files/s | MiB from the disk | |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---|");
    for row in rows {
        let Some(Spread { median, min, max }) = row.ratio() else { continue };
        println!(
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
}
