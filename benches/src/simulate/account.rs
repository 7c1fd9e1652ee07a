//! Every connection's end is accounted for. In: how each client's has ended, and what the server says it has ended connections
//! for. Out: where the two do not fit.

use std::collections::BTreeMap;

use selvedge_http::Server;
use selvedge_runtime::sim::{Fault, Simulation};
use selvedge_runtime::{Counter, Counters};

use super::client::{Client, Kind, Outcome};
use super::patience::LATE_MAX;
use super::setting::{Setting, Stop};
use crate::plural;

/// What the server has counted.
#[derive(Debug)]
pub(super) struct Counted {
    /// Connections it was given.
    pub(super) assigned: u64,
    /// Connections that have ended, by the name of their reason.
    pub(super) closes: BTreeMap<&'static str, u64>,
    pub(super) evictions: u64,
    pub(super) panics: u64,
}

impl Counted {
    /// What all of a server's workers have.
    pub(super) fn of(server: &Server) -> Self {
        let (control, handle) = (server.control(), server.running().handle());
        let sum = |counter: fn(&Counters) -> &Counter| {
            (0..handle.workers()).map(|worker| counter(handle.counters(worker)).get()).sum()
        };
        let mut closes = BTreeMap::new();
        for worker in 0..handle.workers() {
            for (reason, count) in control.figures(worker).closes_by_name() {
                *closes.entry(reason).or_default() += count;
            }
        }
        Self {
            assigned: control.intake().assigned().iter().sum(),
            closes,
            evictions: sum(|counters| &counters.evictions),
            panics: sum(|counters| &counters.panics),
        }
    }

    /// Connections that were closed for `reason`.
    pub(super) fn closed_as(&self, reason: &str) -> u64 {
        self.closes.get(reason).copied().unwrap_or(0)
    }
}

/// What an aborted connection may look like.
const ABORTED: [&str; 5] =
    ["client_end", "client_failure", "client_cut_short", "stream_failed", "unread_body"];

/// What does not fit.
pub(super) fn account(
    clients: &[Client],
    counted: &Counted,
    setting: &Setting,
    simulation: &Simulation,
) -> Vec<String> {
    let mut failures = Vec::new();
    let broken_max = counted.evictions + ended_by_faults(simulation);
    let cut = clients.iter().filter(|client| client.outcome == Some(Outcome::Cut));
    // Before the drain is over nobody is cut off for that.
    let (early, late): (Vec<_>, Vec<_>) = cut.partition(|client| {
        client.stopped_at.is_zero() || client.ended_at + LATE_MAX < client.stopped_at + setting.drain
    });
    let cut_max = broken_max + counted.closed_as("cut_off");
    for (cut, cut_max, when) in [
        (&early, broken_max, if setting.stop == Stop::AtRest { "" } else { " before the end of the drain" }),
        (&[&*early, &*late].concat(), cut_max, ""),
    ] {
        if cut.len() as u64 > cut_max {
            let clients = plural::counted(cut.len(), "client was", "clients were");
            failures.push(format!("{clients} cut off{when}, {cut_max} of them for a reason"));
            failures.extend(cut.iter().take(5).map(|client| client.state()));
            break;
        }
    }
    let mut least: BTreeMap<&str, u64> = BTreeMap::new();
    let mut most: BTreeMap<&str, u64> = BTreeMap::new();
    for client in clients {
        let own = &client.script.ends_by;
        own.iter().for_each(|reason| *most.entry(reason).or_default() += 1);
        match client.kind {
            Kind::Aborter => ABORTED.iter().for_each(|reason| *most.entry(reason).or_default() += 1),
            _ => *most.entry("client_end").or_default() += 1,
        }
        if client.outcome == Some(Outcome::Whole) && own.len() <= 1 {
            *least.entry(own.first().copied().unwrap_or("client_end")).or_default() += 1;
        }
    }
    let stops_early = setting.stop != Stop::AtRest;
    for (&reason, &count) in &counted.closes {
        let is_of_stop = stops_early && matches!(reason, "drain" | "cut_off");
        let most = most.get(reason).copied().unwrap_or(0) + broken_max;
        if count > most && !is_of_stop {
            let connections = plural::counted(count, "connection was", "connections were");
            failures.push(format!("{connections} closed as {reason}: at most {most} may be"));
        }
    }
    if !stops_early {
        for (reason, least) in least {
            if counted.closed_as(reason) + broken_max < least {
                let connections =
                    plural::counted(counted.closed_as(reason), "connection was", "connections were");
                failures.push(format!("{connections} closed as {reason}: {least} should be"));
            }
        }
    }
    let closed: u64 = counted.closes.values().sum();
    if closed != counted.assigned {
        let connections = plural::counted(counted.assigned, "connection was", "connections were");
        failures.push(format!("{connections} taken, and {closed} ended"));
    }
    let panics = clients.iter().map(Client::panics).sum::<u64>();
    if counted.panics > panics {
        let happened = plural::counted(counted.panics, "panic", "panics");
        failures.push(format!("{happened}, and {panics} had been asked for"));
    }
    failures
}

/// Faults that end a connection that has done nothing for it: each of them ends one.
pub(super) fn ended_by_faults(simulation: &Simulation) -> u64 {
    let ends = |fault: &Fault| matches!(fault, Fault::SendWithoutMemory | Fault::AcceptAborted);
    simulation.faults().iter().filter(|(_, fault, _)| ends(fault)).map(|(_, _, count)| count).sum()
}
