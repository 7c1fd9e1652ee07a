//! Which fault can meet which op, and which has. In: what runs have met. Out: a table without an empty cell, or what was never met.

use std::collections::BTreeMap;

use selvedge_runtime::sim::{FAULTS, Fault};

/// Seeds after which every cell must have been met.
pub(super) const SEEDS_FOR_ALL: u64 = 500;

/// The ops that a fault can meet in a server of TCP connections.
fn ops_of(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::ShortSend | Fault::SendWithoutMemory => &["send"],
        Fault::ShortReceive | Fault::ReceiveWithoutBuffer | Fault::ReceiveEndsEarly => &["receive"],
        Fault::AcceptEndsEarly
        | Fault::AcceptWithoutDescriptor
        | Fault::AcceptWithoutMemory
        | Fault::AcceptAborted => &["accept"],
        // Nothing else is cancelled but by its owner's end.
        Fault::CancelMissed | Fault::CancelTooLate | Fault::Delayed => &["accept", "receive", "send"],
        Fault::Overflow => &["accept", "receive"],
        Fault::MessageRefused => &["message"],
        Fault::Interrupted => &["enter"],
        // It connects to nobody; tests of the runtime meet these.
        Fault::SocketWithoutDescriptor | Fault::ConnectRefused | Fault::ConnectTimedOut => &[],
    }
}

/// How often which fault has met which op.
#[derive(Debug, Default)]
pub(super) struct Coverage(BTreeMap<(Fault, &'static str), u64>);

impl Coverage {
    pub(super) fn add(&mut self, met: impl IntoIterator<Item = (&'static str, Fault, u64)>) {
        for (op, fault, count) in met {
            *self.0.entry((fault, op)).or_default() += count;
        }
    }

    /// A line for each fault.
    pub(super) fn print(&self) {
        for fault in FAULTS.into_iter().filter(|fault| !ops_of(*fault).is_empty()) {
            let met = self.0.iter().filter(|((there, _), _)| *there == fault);
            let met: Vec<_> = met.map(|((_, op), count)| format!("{op} {count}")).collect();
            println!("{:<24} {}", format!("{fault:?}"), met.join(", "));
        }
    }

    /// What could have been met and was not, and what was met and could not be.
    pub(super) fn gaps(&self) -> Vec<String> {
        let never = FAULTS.into_iter().flat_map(|fault| {
            let never = ops_of(fault).iter().filter(move |op| !self.0.contains_key(&(fault, **op)));
            never.map(move |op| format!("{fault:?} has never met {op}"))
        });
        let unknown = self.0.keys().filter(|(fault, op)| !ops_of(*fault).contains(op));
        let unknown =
            unknown.map(|(fault, op)| format!("{fault:?} has met {op}, which coverage.rs does not know"));
        never.chain(unknown).collect()
    }
}
