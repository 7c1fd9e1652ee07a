//! Rows of a curve. In: what was measured of each server at each point. Out: a table, a plot and JSON.

use serde::Serialize;

use super::curve::Curve;
use super::measure::{Limit, Sample};
use crate::chart::{Axes, Scale, Series, lines};
use crate::compare::servers::Server;
use crate::compare::summary::Spread;
use crate::experiments::report::{Report, Table, cell};
use crate::experiments::setting::Setting;
use crate::experiments::spread;

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) server: Server,
    /// How large what grows is.
    pub(super) value: usize,
    pub(super) cpu_us_per_request: Spread,
    pub(super) requests_per_second: Spread,
    pub(super) p99_us: f64,
    /// In the run with the median rate.
    pub(super) limit: Limit,
}

impl Row {
    fn new(server: Server, value: usize, mut samples: Vec<Sample>) -> anyhow::Result<Self> {
        samples.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
        Ok(Self {
            server,
            value,
            cpu_us_per_request: spread(samples.iter().map(|sample| sample.cpu_us_per_request))?,
            requests_per_second: spread(samples.iter().map(|sample| sample.requests_per_second))?,
            p99_us: spread(samples.iter().map(|sample| sample.p99_us))?.median,
            limit: samples[samples.len() / 2].limit,
        })
    }
}

pub(super) fn rows(measured: impl Iterator<Item = (Server, usize, Vec<Sample>)>) -> anyhow::Result<Vec<Row>> {
    let mut rows = measured
        .map(|(server, value, samples)| Row::new(server, value, samples))
        .collect::<anyhow::Result<Vec<_>>>()?;
    rows.sort_by_key(|row| (row.server, row.value));
    Ok(rows)
}

/// Its rows' costs, each beside that of its server's first row.
pub(super) fn table(curve: Curve, rows: &[Row]) -> Table {
    let columns = ["server", curve.unit(), "CPU us per request", "to the first", "requests/s", "limit"];
    let mut table = Table::new(format!("{}: {}", curve.name(), curve.beside()), &columns);
    for row in rows {
        let first = rows.iter().find(|other| other.server == row.server);
        let to_first =
            first.map_or(1.0, |first| row.cpu_us_per_request.median / first.cpu_us_per_request.median);
        table.row([
            row.server.name().to_owned(),
            row.value.to_string(),
            cell(row.cpu_us_per_request),
            format!("{to_first:.2}"),
            cell(row.requests_per_second),
            row.limit.told().to_owned(),
        ]);
    }
    table
}

pub(super) fn report(
    curve: Curve,
    setting: &Setting<'_>,
    rows: &[Row],
    versions: Vec<String>,
    missing: Vec<String>,
) -> Report {
    let mut servers: Vec<Server> = rows.iter().map(|row| row.server).collect();
    servers.dedup();
    let of = |server: Server| {
        let own = rows.iter().filter(move |row| row.server == server);
        own.map(|row| (row.value as f64, row.cpu_us_per_request)).collect()
    };
    let series: Vec<Series> = servers
        .into_iter()
        .map(|server| Series { label: server.name().to_owned(), points: of(server) })
        .collect();
    let axes =
        Axes { x: curve.unit(), x_scale: curve.scale(), y: "CPU us per request", y_scale: Scale::Linear };
    let title = format!("CPU microseconds per request by {} (less is better)", curve.unit());
    Report {
        tables: vec![table(curve, rows)],
        plot: lines(setting.title(&title), &axes, &series),
        figures: serde_json::json!(rows),
        versions,
        missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu_us_per_request: f64, requests_per_second: f64, limit: Limit) -> Sample {
        Sample { cpu_us_per_request, requests_per_second, p99_us: 1.0, limit }
    }

    #[test]
    fn costs_stand_beside_the_first_of_the_same_server() {
        let measured = [
            (Server::Selvedge, 2, vec![sample(6.0, 1.0, Limit::Client)]),
            (Server::Nginx, 1, vec![sample(8.0, 1.0, Limit::Server)]),
            (Server::Selvedge, 1, vec![sample(4.0, 1.0, Limit::Server)]),
        ];
        let rows = rows(measured.into_iter()).unwrap();
        let text = table(Curve::Connections, &rows).to_string();
        let lines: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(lines[0], "| selvedge | 1 | 4.00 | 1.00 | 1.00 | server |");
        assert_eq!(lines[1], "| selvedge | 2 | 6.00 | 1.50 | 1.00 | client |");
        assert_eq!(lines[2], "| nginx | 1 | 8.00 | 1.00 | 1.00 | server |");
    }

    #[test]
    fn the_limit_is_that_of_the_run_in_the_middle() {
        let samples = vec![
            sample(1.0, 30.0, Limit::Waiting),
            sample(1.0, 10.0, Limit::Client),
            sample(1.0, 20.0, Limit::Server),
        ];
        assert_eq!(Row::new(Server::Selvedge, 1, samples).unwrap().limit, Limit::Server);
    }
}
