//! System calls per request. In: servers, and load on kept connections. Out: how many system calls each makes per request, and
//! which, by the number of connections.

use anyhow::Context;
use serde::Serialize;

use super::counting::{Calls, Counter};
use super::report::{Report, Table, cell};
use super::setting::Found;
use super::{Setting, spread};
use crate::chart::{Bar, Panel, bars};
use crate::compare::servers::{Installed, Server};
use crate::compare::summary::Spread;
use crate::compare::{measure, proc, wrk};
use crate::plural::counted;

const CONNECTIONS: [usize; 3] = [1, 64, 1_000];

#[derive(Debug, Serialize)]
struct Row {
    server: Server,
    connections: usize,
    calls_per_request: Spread,
    samples: Vec<Sample>,
}

#[derive(Debug, Serialize)]
struct Sample {
    requests: u64,
    calls: Calls,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let counter = Counter::find().map_err(anyhow::Error::msg)?;
    let Found { servers, versions, mut missing } = setting.servers()?;
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let title = |installed: &Installed| {
            format!("{}, {}", installed.server.name(), counted(connections, "connection", "connections"))
        };
        let measure = |installed: &Installed, _| measure(setting, &counter, installed, connections);
        for (installed, samples) in setting.alternate(&servers, title, &mut missing, measure)? {
            let each = samples.iter().map(|sample| sample.calls.total as f64 / sample.requests as f64);
            let calls_per_request = spread(each)?;
            rows.push(Row { server: installed.server, connections, calls_per_request, samples });
        }
    }
    rows.sort_by(|a, b| {
        let key = |row: &Row| row.calls_per_request.median;
        a.connections.cmp(&b.connections).then(key(a).total_cmp(&key(b)))
    });
    let title =
        format!("System calls per request, 151 octets, kept connections, one worker ({})", counter.name());
    let mut table = Table::new(title, &["server", "connections", "calls per request", "which, in one run"]);
    for Row { server, connections, calls_per_request, samples } in &rows {
        let which = samples.first().context("no run")?;
        let which = which.calls.most(which.requests);
        table.row([server.name().to_owned(), connections.to_string(), cell(*calls_per_request), which]);
    }
    let panel = |connections| Panel {
        title: counted(connections, "connection", "connections"),
        bars: rows.iter().filter(|row| row.connections == connections).map(bar).collect(),
    };
    Ok(Report {
        tables: vec![table],
        plot: bars(setting.title("System calls per request (less is better)"), &CONNECTIONS.map(panel)),
        figures: serde_json::to_value(&rows)?,
        versions,
        missing,
    })
}

fn bar(row: &Row) -> Bar {
    let Row { server, calls_per_request, .. } = row;
    Bar { label: server.name().to_owned(), value: *calls_per_request, colour: server.colour() }
}

fn measure(
    setting: &Setting<'_>,
    counter: &Counter,
    installed: &Installed,
    connections: usize,
) -> anyhow::Result<Sample> {
    let workload = Setting::workload(connections)?;
    let placement = setting.placement();
    let running = measure::start(&setting.load, installed, &workload, &placement, 1)?;
    setting.check(&running, &workload)?;
    let scratch = setting.load.docroot.scratch();
    let client = setting.client(&running, &workload, setting.load.options.seconds())?;
    let (calls, output) = counter.count(&proc::tree(running.pid())?, &client, &placement.client, scratch)?;
    Ok(Sample { requests: wrk::parse(&output)?.requests, calls })
}
