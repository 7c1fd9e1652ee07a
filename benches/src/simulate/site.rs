//! One run of the static server on a disk that others write to: its clients, its editor, and what must be true.

use std::net::SocketAddr;
use std::time::Duration;

use selvedge_http::files::{FileOptions, Files, TagSource, serve_files};
use selvedge_http::{AcceptPolicy, Server};
use selvedge_runtime::sim::{Dice, Fault, FaultRates, Happening, Keeping, Simulation, SimulationOptions};
use selvedge_runtime::{Pinning, WatchdogSetting, WorkerLimits};

use super::done::{Done, Figures};
use super::setting::Size;
use super::site_client::{self, Outcome, SiteClient};
use super::site_editor::{Editor, ROOT};
use super::site_oracle::Disk;

/// No run takes so long in simulated time: a disk that stalls 40 s, now and then, and many who wait for it.
const LIMIT: Duration = Duration::from_secs(3_600);
/// No run has so many events by far.
const EVENTS_MAX: u64 = 3_000_000;
/// What the drain may take, and a little for the last turns.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Edits of a run; then the site stays as it is.
const EDITS_MAX: u32 = 1_000;
/// Alarms of clients that come: their numbers follow.
const COMES: u64 = 1 << 32;
/// The editor's alarm.
const EDITS: u64 = 1 << 33;
/// The alarm at which the server is told to stop.
const STOPS: u64 = 1 << 34;

/// Faults that answers show: runs without them are judged strictly.
const SHOWN: [Fault; 7] = [
    Fault::ReadFails,
    Fault::OpenWithoutDescriptor,
    Fault::OpenWithoutFile,
    Fault::OpenWithoutMemory,
    Fault::OpenForbidden,
    Fault::SendWithoutMemory,
    Fault::AcceptAborted,
];

/// Runs `seed`.
pub(super) fn run(seed: u64, size: Size, trace: Keeping) -> Done {
    let mut dice = Dice::new(seed ^ 0x0511_7e0f);
    let kind = dice.below(4);
    let mut faults = if kind == 0 { FaultRates::NONE } else { FaultRates::USUAL };
    let disk = if kind == 3 { Disk::Fails } else { Disk::Works };
    if disk == Disk::Works {
        SHOWN.iter().for_each(|&fault| faults.set(fault, 0));
    }
    let simulation = Simulation::new(seed, SimulationOptions { faults, trace });
    let mut editor = Editor::new(&simulation, &mut dice);
    let workers = dice.within(1..=3) as usize;
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = 256;
    limits.kernel.file_blocks = *dice.pick(&[1, 4]);
    let options = FileOptions {
        // A few, so that answers go and come again.
        entries_max: *dice.pick(&[4, 1_000]),
        misses_max: *dice.pick(&[1, 1_000]),
        ready_large_max: *dice.pick(&[1, 16]),
        // Where they run out there is 503.
        descriptors_max: if disk == Disk::Fails { 2 } else { 64 },
        tags: *dice.pick(&[TagSource::Time, TagSource::Content]),
        ..FileOptions::new(ROOT)
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 8_080));
    let server = Server::builder()
        .listen(address)
        .workers(workers)
        .accept(AcceptPolicy::Shared)
        .runtime(|runtime| runtime.limits(limits).pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
        .start(move |_| serve_files(Files::open(options.clone()).expect("the root is there")))
        .expect("a simulated machine has all it needs");
    let control = server.control().clone();
    let mut clients: Vec<SiteClient> =
        (0..size.clients as u64).map(|number| SiteClient::new(number, size.requests, &mut dice)).collect();
    for number in 0..size.clients as u64 {
        simulation.alarm(Duration::from_micros(dice.below(2_000_000)), COMES + number);
    }
    simulation.alarm(Duration::ZERO, EDITS);
    let mut server_state = site_client::Server::Serves;
    if dice.below(6) == 0 {
        simulation.alarm(Duration::from_micros(dice.below(5_000_000)), STOPS);
    }
    let mut failures = Vec::new();
    let mut by_connection: Vec<Option<usize>> = Vec::new();
    let (mut events, mut edits, mut look_at) = (0_u64, 0, 0);
    while failures.is_empty() {
        while clients.get(look_at).is_some_and(|client| client.outcome.is_some()) {
            look_at += 1;
        }
        if look_at == clients.len() {
            break;
        }
        events += 1;
        if simulation.elapsed() > LIMIT || events > EVENTS_MAX {
            failures.push(format!("not over after {:?} and {events} events", simulation.elapsed()));
            break;
        }
        let happening = simulation.next();
        let now = simulation.elapsed();
        editor.look_at_faults(now);
        let number = match happening {
            None => {
                failures.push("nothing happens any more".to_owned());
                break;
            }
            Some(Happening::Nothing) => None,
            Some(Happening::Peer(connection)) => by_connection.get(connection).copied().flatten(),
            Some(Happening::Alarm(STOPS)) => {
                control.stop();
                server_state = site_client::Server::Stops;
                None
            }
            Some(Happening::Alarm(EDITS)) => {
                editor.edit(now);
                edits += 1;
                if edits < EDITS_MAX {
                    simulation.alarm(Duration::from_micros(dice.within(100..=40_000)), EDITS);
                }
                None
            }
            Some(Happening::Alarm(number @ COMES..)) => {
                let number = (number - COMES) as usize;
                let buffers = (dice.within(200..=100_000) as usize, dice.within(200..=100_000) as usize);
                let peer = simulation.connect(address, buffers.0, buffers.1);
                if let Some(peer) = &peer {
                    by_connection.resize((peer.number() + 1).max(by_connection.len()), None);
                    by_connection[peer.number()] = Some(number);
                }
                clients[number].connect(peer);
                Some(number)
            }
            Some(Happening::Alarm(number)) => Some(number as usize),
        };
        if let Some(number) = number {
            failures.extend(clients[number].go_on(&simulation, &mut editor, disk, server_state).err());
        }
    }
    if !failures.is_empty() {
        let unfinished = clients.iter().filter(|client| client.outcome.is_none());
        failures.extend(unfinished.take(5).map(SiteClient::state));
    }
    let count = |outcome| clients.iter().filter(|client| client.outcome == Some(outcome)).count() as u64;
    let panics: u64 =
        (0..workers).map(|number| server.running().handle().counters(number).panics.get()).sum();
    if panics > 0 {
        failures.push(format!("{panics} panics"));
    }
    let figures = Figures {
        answers: clients.iter().map(|client| client.answered).sum(),
        whole: count(Outcome::Whole),
        cut: count(Outcome::Cut),
        left: count(Outcome::Left),
        ..Figures::default()
    };
    drop(clients);
    let stopped_at = simulation.elapsed();
    control.stop();
    simulation.run_while(|| {
        events += 1;
        simulation.workers() > 0 && simulation.elapsed() < stopped_at + LIMIT && events < EVENTS_MAX
    });
    let took = simulation.elapsed() - stopped_at;
    if simulation.workers() > 0 || took > STOP_LIMIT {
        failures.push(format!("the stop took {took:?}, {} workers are left", simulation.workers()));
    }
    Done::of_run(&simulation, server, failures, figures)
}
