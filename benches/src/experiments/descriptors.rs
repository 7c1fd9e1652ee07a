//! File descriptors, kept or not. In: what a server keeps of a file from one request to the next. Out: CPU time and system calls
//! per request.

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use super::counting::Counter;
use super::report::{Report, Table, cell};
use super::setting::Found;
use super::{Setting, spread};
use crate::argument::argument;
use crate::chart::{Bar, Colour, Panel, bars};
use crate::compare::process::Running;
use crate::compare::servers::{Installed, Server};
use crate::compare::summary::Spread;
use crate::compare::workloads::Workload;
use crate::compare::{measure, proc, wrk};

/// What the subject keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// The whole answer in memory
    Answer,
    /// The descriptor and the size
    Descriptor,
    /// Nothing: it opens, looks at the size, sends and closes
    OpenEach,
    /// This project's server: all of it, looked at once a second
    Server,
    /// The same, looked at for each request
    ServerLooking,
}

impl Way {
    fn title(self) -> &'static str {
        match self {
            Self::Answer => "bare: the answer kept",
            Self::Descriptor => "bare: the descriptor kept",
            Self::OpenEach => "bare: opened for each request",
            Self::Server => "selvedge: looks once a second",
            Self::ServerLooking => "selvedge: looks at each request",
        }
    }
}

/// Who answers.
enum Candidate {
    Subject(Way),
    Server(Installed),
}

impl Candidate {
    fn title(&self) -> &'static str {
        match self {
            Self::Subject(way) => way.title(),
            Self::Server(installed) if installed.server == Server::Nginx => "nginx, open_file_cache on",
            Self::Server(installed) => installed.server.name(),
        }
    }

    fn colour(&self) -> Colour {
        match self {
            Self::Subject(Way::Server | Way::ServerLooking) => Colour::Own,
            Self::Subject(_) => Colour::Reference,
            Self::Server(_) => Colour::Other,
        }
    }

    fn start(&self, setting: &Setting<'_>, workload: &Workload) -> anyhow::Result<Running> {
        let placement = setting.placement();
        match self {
            Self::Subject(way) => {
                let file = setting.load.docroot.files().join(workload.file);
                let file = file.to_str().context("the temporary directory's name is no text")?;
                setting.start_subject(&["files", "--way", &argument(way), "--file", file], &placement)
            }
            Self::Server(installed) => measure::start(&setting.load, installed, workload, &placement, 1),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    cpu_us_per_request: f64,
    /// `None` where they cannot be counted.
    calls_per_request: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Row {
    kept: &'static str,
    #[serde(skip)]
    colour: Colour,
    bytes: usize,
    cpu_us_per_request: Spread,
    calls_per_request: Option<Spread>,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let Found { servers, versions, mut missing } = setting.servers()?;
    let nginx = servers.into_iter().find(|installed| installed.server == Server::Nginx);
    let versions =
        versions.into_iter().filter(|version| version.starts_with("nginx") || version.starts_with("wrk"));
    let versions = versions.collect();
    // Other servers take no part.
    missing.retain(|missing| missing.contains("nginx") || missing.contains("wrk"));
    let nginx = nginx.into_iter().flat_map(|nginx| [nginx.without_file_cache(), Some(nginx)]).flatten();
    let subjects = Way::value_variants().iter().copied().map(Candidate::Subject);
    let candidates: Vec<Candidate> = subjects.chain(nginx.map(Candidate::Server)).collect();
    let counter = Counter::find().map_err(|why| missing.push(why)).ok();
    let mut rows = Vec::new();
    for workload in [Setting::named("small")?, Setting::named("100k")?] {
        let title = |candidate: &Candidate| format!("{}, {} octets", candidate.title(), workload.bytes);
        let measure =
            |candidate: &Candidate, round| measure(setting, candidate, &workload, counter.as_ref(), round);
        for (candidate, samples) in setting.alternate(&candidates, title, &mut missing, measure)? {
            let calls: Vec<f64> = samples.iter().filter_map(|sample| sample.calls_per_request).collect();
            rows.push(Row {
                kept: candidate.title(),
                colour: candidate.colour(),
                bytes: workload.bytes,
                cpu_us_per_request: spread(samples.iter().map(|sample| sample.cpu_us_per_request))?,
                calls_per_request: (!calls.is_empty()).then(|| spread(calls)).transpose()?,
            });
        }
    }
    let columns = ["what is kept", "octets of the body", "CPU us per request", "system calls per request"];
    let mut table = Table::new("One file, asked for on 64 kept connections, one worker", &columns);
    for row in &rows {
        table.row([
            row.kept.to_owned(),
            row.bytes.to_string(),
            cell(row.cpu_us_per_request),
            row.calls_per_request.map_or_else(|| "-".to_owned(), cell),
        ]);
    }
    Ok(Report {
        tables: vec![table],
        plot: plot(setting, &rows),
        figures: serde_json::to_value(&rows)?,
        versions,
        missing,
    })
}

fn plot(setting: &Setting<'_>, rows: &[Row]) -> String {
    let mut sizes: Vec<usize> = rows.iter().map(|row| row.bytes).collect();
    sizes.dedup();
    let bar =
        |row: &Row| Bar { label: row.kept.to_owned(), value: row.cpu_us_per_request, colour: row.colour };
    let panel = |bytes: usize| Panel {
        title: format!("{bytes} octets"),
        bars: rows.iter().filter(|row| row.bytes == bytes).map(bar).collect(),
    };
    let panels: Vec<Panel> = sizes.into_iter().map(panel).collect();
    bars(setting.title("CPU microseconds per request (less is better)"), &panels)
}

fn measure(
    setting: &Setting<'_>,
    candidate: &Candidate,
    workload: &Workload,
    counter: Option<&Counter>,
    round: usize,
) -> anyhow::Result<Sample> {
    let running = candidate.start(setting, workload)?;
    let cpu_us_per_request = setting.measure(&running, workload, round)?.cpu_us_per_request;
    let calls_per_request = counter.map(|counter| calls(setting, &running, workload, counter)).transpose()?;
    Ok(Sample { cpu_us_per_request, calls_per_request })
}

/// A second load, so that counting does not slow the first.
fn calls(
    setting: &Setting<'_>,
    running: &Running,
    workload: &Workload,
    counter: &Counter,
) -> anyhow::Result<f64> {
    let (placement, scratch) = (setting.placement(), setting.load.docroot.scratch());
    let client = setting.client(running, workload, 1)?;
    let (calls, output) = counter.count(&proc::tree(running.pid())?, &client, &placement.client, scratch)?;
    Ok(calls.total as f64 / wrk::parse(&output)?.requests as f64)
}
