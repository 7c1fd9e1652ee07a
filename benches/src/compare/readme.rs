//! What the README says of the measurements. In: what was measured. Out: where and when, a table of CPU times, latencies, memory, and
//! what the goals come to.

use super::{
    comparison::{Comparison, Run},
    goals,
    interval::Interval,
    report::QUANTILES,
    servers::Server,
    summary::{Figures, Row},
};
use crate::plural::counted;

/// Workloads whose CPU time per request is told, of each line the first that was measured: at a rate that is the same for all, or at
/// the server's or the client's limit.
const CPU_TIME: [[&str; 2]; 6] = [
    ["small-at-rate", "small"],
    ["many-at-rate", "many"],
    ["pipelined-at-rate", "pipelined"],
    ["16k-at-rate", "16k"],
    ["1m", "1m"],
    ["close-at-rate", "close"],
];
const LATENCY: [&str; 2] = ["latency", "open"];

/// The text between the README's markers.
pub(super) fn text(measured: &Comparison) -> String {
    let mut parts: Vec<String> = measured.runs.iter().map(run).collect();
    parts.extend(cpu_time(measured));
    parts.extend(latency(measured));
    parts.extend(idle(measured));
    let limited = measured.limited().len();
    if limited > 0 {
        parts.push(format!(
            "**In {limited} figures the client or the machine had a part: [docs/benchmarks.md](docs/benchmarks.md) says in which.**"
        ));
    }
    parts.push(format!(
        "[Goals](docs/benchmarks.md#goals): {}. [docs/benchmarks.md](docs/benchmarks.md) has every row, with its spread.",
        goals::total_of(measured)
    ));
    parts.join("\n\n")
}

fn run(run: &Run) -> String {
    let Run { machine, rounds, seconds, workers, .. } = run;
    format!(
        "    {}\n\n{}, {}, CPUs {}, {}, {}, loopback; medians of {} of {seconds} s.",
        machine.command,
        machine.date,
        machine.cpu,
        machine.cpus,
        machine.kernel,
        counted(workers, "worker", "workers"),
        counted(rounds, "round", "rounds"),
    )
}

/// A line for each server, a column for each workload.
fn cpu_time(measured: &Comparison) -> Option<String> {
    let rows: Vec<&Row> =
        CPU_TIME.iter().filter_map(|names| names.iter().find_map(|name| measured.row(name))).collect();
    let first = rows.first()?;
    let columns: Vec<&str> = rows.iter().map(|row| row.title.as_str()).collect();
    let mut text = format!(
        "CPU microseconds per request of the server's processes (user and system):\n\n| server | {} |\n|---|{}",
        columns.join(" | "),
        "---:|".repeat(rows.len())
    );
    for server in servers(first) {
        let cells = rows.iter().map(|row| {
            let figures = if server.is_ceiling() { least_ceiling(row) } else { of(row, server) };
            figures.map_or_else(|| "-".into(), |figures| digits(figures.cpu_us_per_request.median))
        });
        text += &format!("\n{}", line(measured, server, cells));
    }
    Some(text)
}

fn latency(measured: &Comparison) -> Option<String> {
    let rows: Vec<&Row> = LATENCY.iter().filter_map(|name| measured.row(name)).collect();
    let first = rows.first()?;
    let columns: Vec<String> = rows.iter().map(|row| title(row)).collect();
    let names: Vec<&str> = QUANTILES.iter().map(|(name, _)| *name).collect();
    let mut text = format!(
        "Latencies in microseconds, {}, the last with the interval that its median is in:\n\n| server | {} |\n|---|{}",
        names.join(" / "),
        columns.join(" | "),
        "---:|".repeat(rows.len())
    );
    for server in servers(first) {
        let cells = rows.iter().map(|row| of(row, server).map_or_else(|| "-".into(), quantiles));
        text += &format!("\n{}", line(measured, server, cells));
    }
    Some(text)
}

fn title(row: &Row) -> String {
    match &row.offered {
        None => row.title.clone(),
        Some(offered) => format!("{}: {:.0} requests/s", row.title, offered.requests_per_second),
    }
}

fn quantiles(figures: &Figures) -> String {
    let medians: Vec<String> =
        QUANTILES.iter().map(|(_, quantile)| format!("{:.0}", figures.median(quantile))).collect();
    let interval = Interval::of(figures.samples.iter().map(|sample| sample.p999_us));
    let interval =
        interval.map_or_else(String::new, |Interval { low, high, .. }| format!(" ({low:.0}..{high:.0})"));
    medians.join(" / ") + &interval
}

fn idle(measured: &Comparison) -> Option<String> {
    let connections = measured.idle.first()?.connections;
    let each = measured.idle.iter().map(|idle| {
        format!("{} {:.0} B", named(measured, idle.server), idle.anonymous_bytes_per_connection())
    });
    Some(format!(
        "Memory per idle keep-alive connection, from 1,000 to {connections} that each served one request (kernel memory not counted): {}.",
        each.collect::<Vec<_>>().join(", ")
    ))
}

/// In the row's order, the ceiling once.
fn servers(row: &Row) -> impl Iterator<Item = Server> {
    let servers = row.servers.iter().map(|figures| figures.server);
    servers.filter(|server| !server.is_ceiling() || *server == Server::Ceiling)
}

fn of(row: &Row, server: Server) -> Option<&Figures> {
    row.servers.iter().find(|figures| figures.server == server)
}

/// The cheapest of its forms.
fn least_ceiling(row: &Row) -> Option<&Figures> {
    row.servers.iter().find(|figures| figures.server.is_ceiling())
}

fn line(measured: &Comparison, server: Server, cells: impl Iterator<Item = String>) -> String {
    let name = match server {
        Server::Ceiling => "ceiling: one ring, a canned answer, no parsing".to_owned(),
        other => named(measured, other),
    };
    let cells: Vec<String> = [name].into_iter().chain(cells).collect();
    match server {
        Server::Selvedge => format!("| **{}** |", cells.join("** | **")),
        _ => format!("| {} |", cells.join(" | ")),
    }
}

/// A server with the number of its version, where it is another project's.
fn named(measured: &Comparison, server: Server) -> String {
    let name = server.name();
    match measured.version(server).and_then(number) {
        // What is said of its configuration comes last.
        Some(version) if server.is_peer() => match name.split_once(", ") {
            Some((name, configuration)) => format!("{name} {version}, {configuration}"),
            None => format!("{name} {version}"),
        },
        _ => name.to_owned(),
    }
}

/// `1.22.1` of `nginx version: nginx/1.22.1`.
fn number(version: &str) -> Option<&str> {
    let numbers = version.split(|c: char| !c.is_ascii_digit() && c != '.');
    numbers.map(|number| number.trim_matches('.')).find(|number| number.contains('.'))
}

/// With as many digits as it is worth.
fn digits(us: f64) -> String {
    let digits = if us < 20.0 { 2 } else { usize::from(us < 1_000.0) };
    format!("{us:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{comparison::tests::measured, open::Offered, summary::tests::sample, workloads};

    #[test]
    fn the_readme_has_where_and_when_the_table_and_the_verdict() {
        let text = text(&measured(5, &[]));
        for part in [
            "    cargo run --release -p selvedge-benches -- compare\n\nSun, 22 Nov 2026 12:00:00 GMT, ",
            "medians of 5 rounds of 3 s.",
            "| server | 151 bytes, 64 connections |\n|---|---:|\n",
            "| ceiling: one ring, a canned answer, no parsing | 5.00 |\n| **selvedge** | **5.30** |\n",
            "| nginx 1.22.1 | 9.00 |",
            "goals met, ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(["Latencies", "Memory", "had a part"].iter().all(|part| !text.contains(part)), "{text}");
    }

    #[test]
    fn the_readme_says_that_figures_are_not_the_servers_alone() {
        let text = text(&measured(5, &[crate::compare::mark::Mark::BusyMachine]));
        assert!(text.contains("**In 4 figures the client or the machine had a part"), "{text}");
    }

    #[test]
    fn latencies_stand_with_their_rate_and_interval() {
        let mut measured = measured(5, &[]);
        let samples = (0..6).map(|round| sample(round, 1.0, &[])).collect();
        let workload = workloads::select(&["open".into()]).unwrap()[0];
        let row = Row::new(workload, [(Server::NginxWithoutSendfile, samples)].into());
        let offered = Some(Offered { requests_per_second: 30_000.0, capacities: Vec::new() });
        measured.rows.push(Row { offered, ..row });
        let text = text(&measured);
        assert!(text.contains("64 connections: 30000 requests/s |"), "{text}");
        assert!(text.contains("| nginx 1.22.1, sendfile off | 1 / 1 / 1 (1..1) |"), "{text}");
    }

    #[test]
    fn a_version_is_its_number() {
        for (said, version) in [
            ("nginx version: nginx/1.22.1", Some("1.22.1")),
            ("lighttpd/1.4.69 (ssl) - a light and fast webserver", Some("1.4.69")),
            ("v2.6.2 h1:abc", Some("2.6.2")),
            ("a server of 2026.", None),
        ] {
            assert_eq!(number(said), version, "{said}");
        }
    }
}
