//! One run of the static server on a disk that others write to: its clients, its editor, and what must be true.

use std::net::SocketAddr;
use std::time::Duration;

use selvedge_http::files::{Files, serve_files};
use selvedge_http::{AcceptPolicy, Server};
use selvedge_runtime::sim::{Dice, Happening, Keeping, Simulation, SimulationOptions};
use selvedge_runtime::{BufferUsage, Pinning, WatchdogSetting, WorkerLimits};

use super::account::Counted;
use super::done::{Done, Figures};
use super::held::Held;
use super::setting::{Size, Stop};
use super::site_account::account;
use super::site_client::{self, Outcome, SiteClient, Terms};
use super::site_editor::Editor;
use super::site_setting::SiteSetting;
use crate::plural::counted;

/// Clients come from then on. The hour ends while most of them are there: nearly every figure of a Date's time changes.
const BEGINS: Duration = Duration::from_secs(3_597);
/// No run takes so long in simulated time: a disk that stalls 40 s, now and then, and many who wait for it.
const LIMIT: Duration = Duration::from_secs(3_597 + 3_600);
/// No run has so many events by far.
const EVENTS_MAX: u64 = 3_000_000;
/// How long running requests have when the server is told to stop.
const DRAIN: Duration = Duration::from_secs(8);
/// What the end of a drain may be late.
const DRAIN_LATE_MAX: Duration = Duration::from_millis(500);
/// A server without clients stops.
const STOP_AT_REST_WITHIN: Duration = Duration::from_millis(500);
/// Workers that are asked what they hold have answered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
/// What clients that are gone have asked for is done with by then: a disk that stalls takes 40 s.
const REST_WITHIN: Duration = Duration::from_secs(300);
/// A look for the root that a worker's housekeeping has begun is over by then. It may begin another one.
const HOUSEKEEPING_LOOK_WITHIN: Duration = Duration::from_secs(42);
/// Times that workers are asked anew what they hold at rest, where they may be looking for the root.
const HOUSEKEEPING_LOOKS_MAX: u32 = 3;
/// Edits of a run; then the site stays as it is.
const EDITS_MAX: u32 = 1_000;
/// Alarms of clients that come: their numbers follow.
const COMES: u64 = 1 << 32;
/// The editor's alarm.
const EDITS: u64 = 1 << 33;
/// The alarm at which the server is told to stop.
const STOPS: u64 = 1 << 34;
/// The alarm at which it must have stopped.
const STOPPED: u64 = STOPS + 1;
/// The alarm of who waits for nothing but time.
const TIME: u64 = STOPS + 2;

/// Runs `seed`.
pub(super) fn run(seed: u64, size: Size, trace: Keeping) -> Done {
    let mut dice = Dice::new(seed ^ 0x0511_7e0f);
    let setting = SiteSetting::draw(&mut dice);
    let simulation = Simulation::new(seed, SimulationOptions { faults: setting.faults, trace });
    simulation.remark(|| format!("{setting:?}"));
    let editor = Editor::new(&simulation, &mut dice);
    let address = SocketAddr::from(([127, 0, 0, 1], 8_080));
    let server = start(&setting, address);
    let terms = Terms {
        machine: setting.machine,
        disk: setting.disk,
        tags: setting.files.tags,
        server: site_client::Server::Serves,
    };
    let mut run = Run {
        simulation: &simulation,
        server: &server,
        setting: &setting,
        terms,
        editor,
        events: 0,
        edits: 0,
    };
    let (failures, figures) = run.go(address, size, &mut dice);
    drop(run);
    Done::of_run(&simulation, server, failures, figures)
}

fn start(setting: &SiteSetting, address: SocketAddr) -> Server {
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = 256;
    limits.kernel.file_blocks = setting.file_blocks;
    let options = setting.files.clone();
    Server::builder()
        .listen(address)
        .workers(setting.workers)
        .accept(AcceptPolicy::Shared)
        .drain(DRAIN)
        .runtime(|runtime| runtime.limits(limits).pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
        .start(move |_| serve_files(Files::open(options.clone()).expect("the root is there")))
        .expect("a simulated machine has all it needs")
}

/// A run that goes on.
struct Run<'a> {
    simulation: &'a Simulation,
    server: &'a Server,
    setting: &'a SiteSetting,
    terms: Terms,
    editor: Editor,
    events: u64,
    edits: u32,
}

impl Run<'_> {
    /// What went wrong, and how many of what there were.
    fn go(&mut self, address: SocketAddr, size: Size, dice: &mut Dice) -> (Vec<String>, Figures) {
        let at_first = match self.held() {
            Ok(held) => held,
            Err(failure) => return (vec![failure], Figures::default()),
        };
        self.wait(BEGINS.saturating_sub(self.simulation.elapsed()));
        let mut clients: Vec<SiteClient> =
            (0..size.clients as u64).map(|number| SiteClient::new(number, size.requests, dice)).collect();
        for number in 0..size.clients as u64 {
            self.simulation.alarm(Duration::from_micros(dice.below(2_000_000)), COMES + number);
        }
        self.simulation.alarm(Duration::ZERO, EDITS);
        if let Stop::After(after) = self.setting.stop {
            self.simulation.alarm(after, STOPS);
        }
        let mut failures = self.serve(address, &mut clients, dice);
        if failures.is_empty() && self.terms.server == site_client::Server::Serves {
            failures.extend(self.is_at_rest(&at_first).err());
        }
        if failures.is_empty() {
            failures.extend(self.stop().err());
        }
        if failures.is_empty() {
            failures.extend(account(&clients, &Counted::of(self.server), &self.terms, self.simulation));
        }
        (failures, figures(&clients))
    }

    /// Until every client's connection is over.
    fn serve(&mut self, address: SocketAddr, clients: &mut [SiteClient], dice: &mut Dice) -> Vec<String> {
        let mut by_connection: Vec<Option<usize>> = Vec::new();
        let mut failures = Vec::new();
        let mut look_at = 0;
        while failures.is_empty() {
            while clients.get(look_at).is_some_and(|client| client.outcome.is_some()) {
                look_at += 1;
            }
            if look_at == clients.len() {
                return failures;
            }
            let gone_on = match self.next() {
                Err(failure) => Err(failure),
                Ok(Happening::Nothing | Happening::Alarm(TIME)) => Ok(()),
                Ok(Happening::Peer(connection)) => match by_connection.get(connection).copied().flatten() {
                    Some(number) => self.client_goes_on(&mut clients[number]),
                    None => Ok(()),
                },
                Ok(Happening::Alarm(STOPPED)) => self.has_stopped(),
                Ok(Happening::Alarm(STOPS)) => {
                    self.begin_to_stop();
                    Ok(())
                }
                Ok(Happening::Alarm(EDITS)) => {
                    self.edit(dice);
                    Ok(())
                }
                Ok(Happening::Alarm(number @ COMES..)) => {
                    let number = (number - COMES) as usize;
                    let (send, receive) = (dice.within(200..=100_000), dice.within(200..=100_000));
                    let peer = self.simulation.connect(address, send as usize, receive as usize);
                    if let Some(peer) = &peer {
                        by_connection.resize((peer.number() + 1).max(by_connection.len()), None);
                        by_connection[peer.number()] = Some(number);
                    }
                    let client = &mut clients[number];
                    client.connect(peer, &self.terms).and_then(|()| self.client_goes_on(client))
                }
                Ok(Happening::Alarm(number)) => self.client_goes_on(&mut clients[number as usize]),
            };
            failures.extend(gone_on.err());
        }
        let unfinished = clients.iter().filter(|client| client.outcome.is_none());
        failures.extend(unfinished.take(5).map(SiteClient::state));
        failures
    }

    /// Lets one event happen.
    fn next(&mut self) -> Result<Happening, String> {
        self.events += 1;
        let now = self.simulation.elapsed();
        if now > LIMIT || self.events > EVENTS_MAX {
            return Err(format!("not over after {now:?} and {} events", self.events));
        }
        let happening = self.simulation.next();
        self.editor.look_at_faults(self.simulation.elapsed());
        happening.ok_or_else(|| "nothing happens any more".to_owned())
    }

    fn client_goes_on(&mut self, client: &mut SiteClient) -> Result<(), String> {
        client.go_on(self.simulation, &mut self.editor, &self.terms)
    }

    fn edit(&mut self, dice: &mut Dice) {
        self.editor.edit(self.simulation.elapsed());
        self.edits += 1;
        if self.edits < EDITS_MAX {
            let pause = dice.within(100..=self.setting.edits_within.as_micros() as u64);
            self.simulation.alarm(Duration::from_micros(pause), EDITS);
        }
    }

    fn begin_to_stop(&mut self) {
        let since = self.simulation.elapsed();
        self.terms.server = site_client::Server::Stops { since, drain_over: since + DRAIN };
        self.server.control().stop();
        self.simulation.alarm(DRAIN + DRAIN_LATE_MAX, STOPPED);
    }

    fn has_stopped(&self) -> Result<(), String> {
        match self.simulation.workers() {
            0 => Ok(()),
            workers => {
                let workers = counted(workers, "worker is", "workers are");
                Err(format!("{workers} left after a drain of {DRAIN:?}"))
            }
        }
    }

    /// Some time after the last client all that clients made the server take is given back, but for what it remembers.
    fn is_at_rest(&mut self, at_first: &Held) -> Result<(), String> {
        self.wait(REST_WITHIN);
        // Answers stay in their blocks, and files open.
        let but_memory = |held: &Held| {
            let usages = held.workers.iter();
            usages.map(|usage| BufferUsage { block_leases: 0, ..*usage }).collect::<Vec<_>>()
        };
        let mut at_last = self.held()?;
        for _ in 0..HOUSEKEEPING_LOOKS_MAX {
            if but_memory(&at_last) == but_memory(at_first) {
                break;
            }
            self.wait(HOUSEKEEPING_LOOK_WITHIN);
            at_last = self.held()?;
        }
        if but_memory(&at_last) != but_memory(at_first) {
            return Err(format!("held at rest: {at_last:?}, and before the first client {at_first:?}"));
        }
        match self.server.control().intake().open().iter().sum::<u64>() {
            0 => Ok(()),
            open => {
                let connections = counted(open, "connection is", "connections are");
                Err(format!("{connections} counted, and no client is there"))
            }
        }
    }

    fn held(&mut self) -> Result<Held, String> {
        let (simulation, server) = (self.simulation, self.server);
        Held::ask(simulation, server, || self.wait(ANSWERED_WITHIN))
    }

    /// Lets events happen for so long. The site's housekeeping never ends, so that there is always one more.
    fn wait(&mut self, time: Duration) {
        let until = self.simulation.elapsed() + time;
        self.simulation.alarm(time, TIME);
        self.simulation.run_while(|| self.simulation.elapsed() < until);
    }

    /// Stops the server, if it was not told to before, and waits for its end.
    fn stop(&mut self) -> Result<(), String> {
        let begun = self.simulation.elapsed();
        let until = match self.terms.server {
            site_client::Server::Serves => begun + STOP_AT_REST_WITHIN,
            site_client::Server::Stops { drain_over, .. } => drain_over + DRAIN_LATE_MAX,
        };
        self.server.control().stop();
        let simulation = self.simulation;
        simulation.alarm(until.saturating_sub(begun), TIME);
        simulation.run_while(|| simulation.workers() > 0 && simulation.elapsed() < until);
        match simulation.workers() {
            0 => Ok(()),
            workers => {
                let workers = counted(workers, "worker is", "workers are");
                Err(format!("{workers} left {:?} after the stop", simulation.elapsed() - begun))
            }
        }
    }
}

fn figures(clients: &[SiteClient]) -> Figures {
    let count = |outcome| clients.iter().filter(|client| client.outcome == Some(outcome)).count() as u64;
    Figures {
        answers: clients.iter().map(|client| client.answered).sum(),
        whole: count(Outcome::Whole),
        cut: count(Outcome::Cut),
        left: count(Outcome::Left),
        released: count(Outcome::Released),
        ..Figures::default()
    }
}
