//! Every end of a connection to the site is accounted for. In: how each client's has ended, and what the server says it
//! has ended connections for. Out: where the two do not fit.

use selvedge_runtime::sim::Simulation;

use super::account::{Counted, ended_by_faults};
use super::site_client::{Outcome, Server, SiteClient, Terms};
use super::site_oracle::Disk;
use crate::plural;

/// What a client's own end may look like.
const OF_CLIENTS: [&str; 3] = ["client_end", "client_failure", "client_cut_short"];

/// What does not fit.
pub(super) fn account(
    clients: &[SiteClient],
    counted: &Counted,
    terms: &Terms,
    simulation: &Simulation,
) -> Vec<String> {
    let mut failures = Vec::new();
    let ended = |outcomes: &[Outcome]| {
        let is_it = |client: &&SiteClient| client.outcome.is_some_and(|outcome| outcomes.contains(&outcome));
        clients.iter().filter(is_it).count() as u64
    };
    let of_files = counted.closed_as("file_changed") + counted.closed_as("file_failure");
    let cut_max = of_files + ended_by_faults(simulation);
    let cut = ended(&[Outcome::Cut]);
    if cut > cut_max {
        let clients = plural::counted(cut, "client was", "clients were");
        failures.push(format!("{clients} cut off, {cut_max} of them for a reason"));
    }
    // Who has all answers, whole, was cut off by no file.
    let not_whole = ended(&[Outcome::Cut, Outcome::Released, Outcome::Left]);
    if of_files > not_whole {
        let files = plural::counted(of_files, "file", "files");
        failures
            .push(format!("{files} could not be sent whole, and of the answers {not_whole} came in part"));
    }
    for (&reason, &count) in counted.closes.iter().filter(|(_, count)| **count > 0) {
        let may_be = match reason {
            "file_changed" => true,
            "file_failure" => terms.disk == Disk::Fails,
            "drain" | "cut_off" => terms.server != Server::Serves,
            _ => OF_CLIENTS.contains(&reason),
        };
        if !may_be {
            let connections = plural::counted(count, "connection was", "connections were");
            failures.push(format!("{connections} closed as {reason}, and none may be"));
        }
    }
    let closed: u64 = counted.closes.values().sum();
    if closed != counted.assigned {
        let connections = plural::counted(counted.assigned, "connection was", "connections were");
        failures.push(format!("{connections} taken, and {closed} ended"));
    }
    if counted.panics > 0 {
        failures.push(plural::counted(counted.panics, "panic", "panics"));
    }
    failures
}
