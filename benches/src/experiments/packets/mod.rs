//! Head and body in one packet or in two. In: servers, and one client that asks again when it has its answer. Out: packets of each
//! answer, and how long the client waited.

mod capture;

use std::io::{BufReader, Write};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;

use self::capture::Capture;
use super::report::{Report, Table, cell};
use super::setting::Found;
use super::{Setting, spread};
use crate::argument::argument;
use crate::chart::{Bar, Colour, Panel, bars};
use crate::compare::client::{connect, read_body};
use crate::compare::process::Running;
use crate::compare::servers::Installed;
use crate::compare::summary::Spread;
use crate::compare::workloads::Workload;
use crate::compare::{interrupt, measure};
use crate::counted::Counted;
use crate::latencies::Latencies;

/// Answers per run, on one connection.
const ANSWERS: usize = 200;
/// Answers before those that count: a connection begins with quick acknowledgements (tcp(7), TCP_QUICKACK).
const WARM_UP: usize = 20;
/// The least answers of a quick run.
const ANSWERS_MIN: usize = 20;

/// How the subject sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// The head by send, the body by sendfile
    TwoSends,
    /// The same with TCP_NODELAY
    TwoSendsWithoutDelay,
    /// The head by send with MSG_MORE, the body by sendfile
    More,
    /// Both from one piece of memory
    OneSend,
}

impl Way {
    fn title(self) -> &'static str {
        match self {
            Self::TwoSends => "send, sendfile (old Warp)",
            Self::TwoSendsWithoutDelay => "the same, TCP_NODELAY",
            Self::More => "send MSG_MORE, sendfile (new Warp)",
            Self::OneSend => "one send",
        }
    }
}

/// Who answers.
enum Sender {
    Subject(Way),
    Server(Installed),
}

impl Sender {
    fn title(&self) -> &'static str {
        match self {
            Self::Subject(way) => way.title(),
            Self::Server(installed) => installed.server.name(),
        }
    }

    fn colour(&self) -> Colour {
        match self {
            Self::Subject(_) => Colour::Reference,
            Self::Server(installed) => installed.server.colour(),
        }
    }

    fn start(&self, setting: &Setting<'_>, workload: &Workload) -> anyhow::Result<Running> {
        let placement = setting.placement();
        match self {
            Self::Subject(way) => {
                let bytes = workload.bytes.to_string();
                setting.start_subject(&["replies", "--way", &argument(way), "--bytes", &bytes], &placement)
            }
            Self::Server(installed) => measure::start(&setting.load, installed, workload, &placement, 1),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Sample {
    /// `None` where packets may not be captured.
    packets_per_answer: Option<f64>,
    p50_us: f64,
    p99_us: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    sender: &'static str,
    #[serde(skip)]
    colour: Colour,
    bytes: usize,
    packets_per_answer: Option<Spread>,
    p50_us: Spread,
    p99_us: Spread,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let Found { servers, versions, mut missing } = setting.servers()?;
    let subjects = Way::value_variants().iter().copied().map(Sender::Subject);
    let senders: Vec<Sender> = subjects.chain(servers.into_iter().map(Sender::Server)).collect();
    let mut capture = match Capture::start() {
        Ok(capture) => Some(capture),
        Err(error) => {
            missing.push(format!("packets cannot be counted, that needs root or CAP_NET_RAW: {error}"));
            None
        }
    };
    let mut rows = Vec::new();
    for workload in [Setting::named("small")?, Setting::named("16k")?] {
        let title = |sender: &Sender| format!("{}, {} octets", sender.title(), workload.bytes);
        let measure = |sender: &Sender, _| {
            let running = sender.start(setting, &workload)?;
            measure(setting, &running, &workload, capture.as_mut())
        };
        for (sender, samples) in setting.alternate(&senders, title, &mut missing, measure)? {
            let packets: Vec<f64> = samples.iter().filter_map(|sample| sample.packets_per_answer).collect();
            rows.push(Row {
                sender: sender.title(),
                colour: sender.colour(),
                bytes: workload.bytes,
                packets_per_answer: (!packets.is_empty()).then(|| spread(packets)).transpose()?,
                p50_us: spread(samples.iter().map(|sample| sample.p50_us))?,
                p99_us: spread(samples.iter().map(|sample| sample.p99_us))?,
            });
        }
    }
    Ok(Report {
        tables: vec![table(&rows)],
        plot: plot(setting, &rows),
        figures: serde_json::to_value(&rows)?,
        versions,
        missing,
    })
}

fn table(rows: &[Row]) -> Table {
    let columns = ["sent by", "octets of the body", "packets per answer", "p50 us", "p99 us"];
    let mut table = Table::new("One client that asks, and asks again when it has its answer", &columns);
    for row in rows {
        table.row([
            row.sender.to_owned(),
            row.bytes.to_string(),
            row.packets_per_answer.map_or_else(|| "-".to_owned(), cell),
            cell(row.p50_us),
            cell(row.p99_us),
        ]);
    }
    table
}

fn plot(setting: &Setting<'_>, rows: &[Row]) -> String {
    let mut sizes: Vec<usize> = rows.iter().map(|row| row.bytes).collect();
    sizes.dedup();
    // The first way is a thousand times as slow as the others, which would not be seen beside it.
    let drawn = |row: &&Row| row.sender != Way::TwoSends.title();
    let panel = |bytes: usize| {
        let of_size = rows.iter().filter(drawn).filter(|row| row.bytes == bytes);
        let bar = |row: &Row| Bar { label: row.sender.to_owned(), value: row.p50_us, colour: row.colour };
        Panel { title: format!("{bytes} octets"), bars: of_size.map(bar).collect() }
    };
    let title = format!("Median latency in microseconds, one client (without '{}')", Way::TwoSends.title());
    bars(setting.title(&title), &sizes.into_iter().map(panel).collect::<Vec<_>>())
}

fn measure(
    setting: &Setting<'_>,
    running: &Running,
    workload: &Workload,
    mut capture: Option<&mut Capture>,
) -> anyhow::Result<Sample> {
    let answers = (ANSWERS / setting.shortened as usize).max(ANSWERS_MIN);
    let mut stream = connect(running.port)?;
    stream.set_nodelay(true)?;
    let client_port = stream.local_addr()?.port();
    let request = format!("GET /{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", workload.file, running.port);
    let mut reader = Counted::new(BufReader::new(stream.try_clone()?));
    let (mut times, mut packets) = (Vec::with_capacity(answers), 0);
    let mut answered = 0;
    for number in 0..WARM_UP + answers {
        interrupt::check()?;
        let octets_before = reader.octets();
        let start = Instant::now();
        stream.write_all(request.as_bytes())?;
        let body = read_body(&mut reader).with_context(|| format!("answer {number}"))?;
        let took = start.elapsed();
        ensure!(body.len() == workload.bytes, "the answer has {} octets", body.len());
        let sent = capture.as_mut().map(|capture| capture.take(running.port, client_port)).transpose()?;
        if number < WARM_UP {
            continue;
        }
        times.push(took);
        // Where packets were lost to the capture, the answer's do not count.
        if let Some(sent) = sent
            && sent.payload_bytes == reader.octets() - octets_before
        {
            packets += sent.packets;
            answered += 1;
        }
    }
    ensure!(
        capture.is_none() || answered * 2 > answers,
        "of {answers} answers only {answered} were captured whole: the machine is too busy"
    );
    let latencies = Latencies::new(times, 0, std::time::Duration::ZERO);
    Ok(Sample {
        packets_per_answer: capture.map(|_| packets as f64 / answered as f64),
        p50_us: latencies.quantile_us(0.5),
        p99_us: latencies.quantile_us(0.99),
    })
}
