//! Which fault can meet which op, and which has. In: what runs have met. Out: a table without an empty cell, or what was never met.

use std::collections::BTreeMap;

use selvedge_runtime::sim::{FAULTS, Fault};

use super::Workload;

/// Seeds after which every cell must have been met.
pub(super) const SEEDS_FOR_ALL: u64 = 500;

/// The ops that a fault can meet in a server of TCP connections.
fn ops_of_server(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::ShortSend | Fault::SendWithoutMemory => &["send"],
        Fault::ShortReceive | Fault::ReceiveWithoutBuffer | Fault::ReceiveEndsEarly => &["receive"],
        Fault::AcceptEndsEarly
        | Fault::AcceptWithoutDescriptor
        | Fault::AcceptWithoutMemory
        | Fault::AcceptAborted => &["accept"],
        // Nothing else is cancelled but by its owner's end.
        Fault::CancelMissed | Fault::CancelTooLate | Fault::Delayed => &["accept", "receive", "send"],
        Fault::Overflow => &["accept", "receive", "send", "doorbell"],
        Fault::MessageRefused => &["message"],
        Fault::Interrupted => &["enter"],
        // It connects to nobody; tests of the runtime meet these.
        Fault::SocketWithoutDescriptor | Fault::ConnectRefused | Fault::ConnectTimedOut => &[],
        // It has no files.
        _ => &[],
    }
}

/// Those that it can meet besides in the server of a site. It lists no directories: tests of files meet those.
fn ops_of_files(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::Delayed => &["open", "read", "writable"],
        Fault::Overflow => &["open", "read"],
        Fault::ShortRead => &["read", "read beside", "read resident", "sendfile"],
        Fault::ReadFails | Fault::TruncatedMeanwhile | Fault::ReplacedMeanwhile => {
            &["read", "read resident", "sendfile"]
        }
        Fault::ReadInterrupted => &["read"],
        Fault::OpenWithoutDescriptor
        | Fault::OpenWithoutFile
        | Fault::OpenWithoutMemory
        | Fault::OpenForbidden => &["open", "open cached", "reopen"],
        Fault::OpenInterrupted | Fault::OpenRaced => &["open"],
        Fault::NotCached => &["open cached", "resident", "read resident"],
        Fault::NowaitUnsupported => &["read resident"],
        Fault::SlowDisk | Fault::StalledDisk => &["open", "read"],
        _ => &[],
    }
}

/// What happens so seldom that 500 seeds do not promise it: it is neither missed nor unknown.
fn is_seldom(fault: Fault, op: &str) -> bool {
    match fault {
        Fault::CancelMissed | Fault::CancelTooLate => matches!(op, "open" | "read" | "send" | "writable"),
        Fault::Overflow => op == "writable",
        Fault::ReadFails
        | Fault::TruncatedMeanwhile
        | Fault::ReplacedMeanwhile
        | Fault::SlowDisk
        | Fault::StalledDisk => op == "read beside",
        _ => false,
    }
}

/// How often which fault has met which op.
#[derive(Debug)]
pub(super) struct Coverage {
    workload: Workload,
    met: BTreeMap<(Fault, &'static str), u64>,
}

impl Coverage {
    pub(super) fn of(workload: Workload) -> Self {
        Self { workload, met: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, met: impl IntoIterator<Item = (&'static str, Fault, u64)>) {
        for (op, fault, count) in met {
            *self.met.entry((fault, op)).or_default() += count;
        }
    }

    /// A line for each fault.
    pub(super) fn print(&self) {
        for fault in FAULTS.into_iter().filter(|fault| self.ops_of(*fault).next().is_some()) {
            let met = self.met.iter().filter(|((there, _), _)| *there == fault);
            let met: Vec<_> = met.map(|((_, op), count)| format!("{op} {count}")).collect();
            println!("{:<24} {}", format!("{fault:?}"), met.join(", "));
        }
    }

    /// What could have been met and was not, and what was met and could not be.
    pub(super) fn gaps(&self) -> Vec<String> {
        let never = FAULTS.into_iter().flat_map(|fault| {
            let never = self.ops_of(fault).filter(move |op| !self.met.contains_key(&(fault, *op)));
            never.map(move |op| format!("{fault:?} has never met {op}"))
        });
        let unknown = self
            .met
            .keys()
            .filter(|(fault, op)| !is_seldom(*fault, op) && self.ops_of(*fault).all(|known| known != *op));
        let unknown =
            unknown.map(|(fault, op)| format!("{fault:?} has met {op}, which coverage.rs does not know"));
        never.chain(unknown).collect()
    }

    fn ops_of(&self, fault: Fault) -> impl Iterator<Item = &'static str> + use<> {
        let workload = self.workload;
        // Files are sent beside the ring; what else a site sends is too short to be given up.
        let is_met = move |op: &&&'static str| {
            let is_cancel = matches!(fault, Fault::CancelMissed | Fault::CancelTooLate);
            !(workload == Workload::Site && is_cancel && **op == "send")
        };
        let of_files: &'static [&'static str] = match workload {
            Workload::Server => &[],
            Workload::Site | Workload::Both => ops_of_files(fault),
        };
        ops_of_server(fault).iter().filter(is_met).chain(of_files).copied()
    }
}
