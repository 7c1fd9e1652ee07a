//! One run: a server, its clients, and what must be true while it goes on, when the clients are gone, and at the end.

use std::net::SocketAddr;
use std::time::Duration;

use selvedge_http::Server;
use selvedge_runtime::sim::{Dice, Happening, Keeping, Simulation, SimulationOptions};
use selvedge_runtime::{Counter, Counters, Pinning, WatchdogSetting, WorkerLimits};

use super::account::{Counted, account};
use super::application::application;
use super::client::{Client, Outcome};
use super::done::{Done, Figures};
use super::held::Held;
use super::setting::{Setting, Size, Stop};
use crate::plural::counted;

/// No run takes so long in simulated time: the longest deadlines are some minutes, and few clients wait for a place.
const LIMIT: Duration = Duration::from_secs(3_600);
/// No run has so many events by far.
const EVENTS_MAX: u64 = 2_000_000;
/// A server without clients has done what their last requests asked for.
const REST_WITHIN: Duration = Duration::from_secs(60);
/// A server without clients stops.
const STOP_AT_REST_WITHIN: Duration = Duration::from_millis(500);
/// What the end of a drain may be late.
const DRAIN_LATE_MAX: Duration = Duration::from_millis(500);
/// Alarms of clients that come: their numbers follow.
const COMES: u64 = 1 << 32;
/// The alarm at which the server is told to stop.
const STOPS: u64 = 1 << 33;
/// The alarm at which it must have stopped.
const STOPPED: u64 = STOPS + 1;

/// Runs `seed`.
pub(super) fn run(seed: u64, size: Size, trace: Keeping) -> Done {
    let mut dice = Dice::new(seed ^ 0x5e1f_ed9e);
    let setting = Setting::of(seed, size, &mut dice);
    let simulation = Simulation::new(seed, SimulationOptions { faults: setting.faults, trace });
    simulation.remark(|| format!("{setting:?}"));
    let address = SocketAddr::from(([127, 0, 0, 1], 8_080));
    let server = start(&setting, address);
    let mut run = Run { simulation: &simulation, server: &server, setting: &setting, events: 0 };
    let (failures, figures) = run.go(address, size, &mut dice);
    Done::of_run(&simulation, server, failures, figures)
}

fn start(setting: &Setting, address: SocketAddr) -> Server {
    let mut limits = WorkerLimits::default();
    limits.kernel.receive_buffers = setting.receive_buffers;
    limits.kernel.file_blocks = 2;
    let panics = setting.panics;
    let mut builder = Server::builder()
        .listen(address)
        .workers(setting.workers)
        .accept(setting.policy)
        .connections_max(setting.connections_max)
        .body_bytes_max(setting.body_bytes_max)
        .timeouts(setting.timeouts)
        .drain(setting.drain)
        .runtime(|runtime| runtime.limits(limits).pinning(Pinning::Free).watchdog(WatchdogSetting::Off));
    if let Some(requests) = setting.requests_max {
        builder = builder.requests_max(requests);
    }
    builder.start(move |_| application(panics)).expect("a simulated machine has all it needs")
}

/// A run that goes on.
struct Run<'a> {
    simulation: &'a Simulation,
    server: &'a Server,
    setting: &'a Setting,
    events: u64,
}

impl Run<'_> {
    /// What went wrong, and how many of what there were.
    fn go(&mut self, address: SocketAddr, size: Size, dice: &mut Dice) -> (Vec<String>, Figures) {
        let at_first = match self.come_to_rest().and_then(|()| self.held()) {
            Ok(held) => held,
            Err(failure) => return (vec![failure], Figures::default()),
        };
        let mut clients: Vec<Client> =
            (0..size.clients).map(|number| Client::new(number, size.requests, self.setting, dice)).collect();
        for client in &clients {
            self.simulation.alarm(Duration::from_micros(dice.below(2_000_000)), COMES + client.number as u64);
        }
        if let Stop::After(after) = self.setting.stop {
            self.simulation.alarm(after, STOPS);
        }
        let mut failures = self.serve(address, &mut clients, dice);
        if failures.is_empty() && self.setting.stop == Stop::AtRest {
            failures.extend(self.is_at_rest(&at_first).err());
        }
        let figures = self.figures(&clients);
        if failures.is_empty() {
            failures.extend(self.stop());
        }
        if failures.is_empty() {
            failures.extend(account(&clients, &Counted::of(self.server), self.setting, self.simulation));
        }
        (failures, figures)
    }

    /// Nothing happens by itself, and all that clients made the server take is given back.
    fn is_at_rest(&mut self, at_first: &Held) -> Result<(), String> {
        self.come_to_rest()?;
        let at_last = self.held()?;
        if at_last != *at_first {
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

    /// Until every client's connection is over.
    fn serve(&mut self, address: SocketAddr, clients: &mut [Client], dice: &mut Dice) -> Vec<String> {
        let mut by_connection: Vec<Option<usize>> = Vec::new();
        let mut failures = Vec::new();
        let mut look_at = 0;
        while failures.is_empty() {
            // The first that is not over yet is the last but few as a rule, so that hardly any is looked at twice.
            while clients.get(look_at).is_some_and(|client: &Client| client.outcome.is_some()) {
                look_at += 1;
            }
            if look_at == clients.len() {
                break;
            }
            self.events += 1;
            if self.simulation.elapsed() > LIMIT || self.events > EVENTS_MAX {
                failures.push(format!(
                    "not over after {:?} and {} events",
                    self.simulation.elapsed(),
                    self.events
                ));
                break;
            }
            let gone_on = match self.simulation.next() {
                None => Err("nothing happens any more".to_owned()),
                Some(Happening::Nothing) => Ok(()),
                Some(Happening::Peer(connection)) => match by_connection.get(connection).copied().flatten() {
                    Some(number) => clients[number].go_on(self.simulation),
                    None => Ok(()),
                },
                Some(Happening::Alarm(STOPS)) => {
                    self.server.control().stop();
                    self.simulation.alarm(self.setting.drain + DRAIN_LATE_MAX, STOPPED);
                    clients.iter_mut().for_each(|client| client.server_stops(self.simulation));
                    Ok(())
                }
                Some(Happening::Alarm(STOPPED)) => self.has_stopped(),
                Some(Happening::Alarm(number @ COMES..)) => {
                    let client = &mut clients[(number - COMES) as usize];
                    let (send, receive) = (dice.within(200..=100_000), dice.within(200..=100_000));
                    let receive = receive.max(client.receive_bytes_min());
                    let peer = self.simulation.connect(address, send as usize, receive as usize);
                    if let Some(peer) = &peer {
                        by_connection.resize((peer.number() + 1).max(by_connection.len()), None);
                        by_connection[peer.number()] = Some(client.number);
                    }
                    client.connect(self.simulation, peer).and_then(|()| self.keeps_to_its_limit())
                }
                Some(Happening::Alarm(number)) => clients[number as usize].tick(self.simulation),
            };
            failures.extend(gone_on.err());
        }
        if !failures.is_empty() {
            let unfinished = clients.iter().filter(|client| client.outcome.is_none());
            failures.extend(unfinished.take(5).map(Client::state));
        }
        failures
    }

    fn keeps_to_its_limit(&self) -> Result<(), String> {
        let (open, most) = (self.server.control().intake().open(), self.setting.connections_open_max());
        match open.iter().sum::<u64>() <= most || self.setting.stop != Stop::AtRest {
            true => Ok(()),
            false => Err(format!("{open:?} connections are open, and {most} may be")),
        }
    }

    fn has_stopped(&self) -> Result<(), String> {
        let workers = self.simulation.workers();
        match workers {
            0 => Ok(()),
            _ => {
                let workers = counted(workers, "worker is", "workers are");
                Err(format!("{workers} left after a drain of {:?}", self.setting.drain))
            }
        }
    }

    /// Lets events happen until nothing does by itself, which must be soon.
    fn come_to_rest(&mut self) -> Result<(), String> {
        let begun = self.simulation.elapsed();
        let (mut turns, mut moved) = (self.sum(|counters| &counters.turns), begun);
        // Alarms of clients that are gone come still.
        while self.simulation.next().is_some() {
            self.events += 1;
            let turns_now = self.sum(|counters| &counters.turns);
            if turns_now > turns {
                (turns, moved) = (turns_now, self.simulation.elapsed());
            }
            if moved > begun + REST_WITHIN || self.events > EVENTS_MAX {
                return Err("no client is there, and the workers do not come to rest".to_owned());
            }
        }
        Ok(())
    }

    fn held(&mut self) -> Result<Held, String> {
        let (simulation, server) = (self.simulation, self.server);
        let mut settled = Ok(());
        let held = Held::ask(simulation, server, || settled = self.come_to_rest());
        settled.and(held)
    }

    /// Stops the server, if it was not told to before, and waits for its end.
    fn stop(&mut self) -> Vec<String> {
        let begun = self.simulation.elapsed();
        let within = match self.setting.stop {
            Stop::AtRest => STOP_AT_REST_WITHIN,
            Stop::After(_) => self.setting.drain + DRAIN_LATE_MAX,
        };
        self.server.control().stop();
        let simulation = self.simulation;
        simulation.run_while(|| {
            self.events += 1;
            simulation.workers() > 0 && simulation.elapsed() <= begun + within && self.events < EVENTS_MAX
        });
        match simulation.workers() {
            0 => Vec::new(),
            workers => {
                let workers = counted(workers, "worker is", "workers are");
                vec![format!("{workers} left {within:?} after the stop")]
            }
        }
    }

    fn sum(&self, of: impl Fn(&Counters) -> &Counter) -> u64 {
        let handle = self.server.running().handle();
        (0..handle.workers()).map(|worker| of(handle.counters(worker)).get()).sum()
    }

    fn figures(&self, clients: &[Client]) -> Figures {
        let count = |outcome| clients.iter().filter(|client| client.outcome == Some(outcome)).count() as u64;
        Figures {
            answers: clients.iter().map(Client::answers).sum(),
            whole: count(Outcome::Whole),
            cut: count(Outcome::Cut),
            left: count(Outcome::Left),
            released: count(Outcome::Released),
            evictions: self.sum(|counters| &counters.evictions),
            simulated_s: 0,
        }
    }
}
