//! What a run is like. In: a seed. Out: the server's settings, the faults, and whether it is told to stop in the midst of it.

use std::num::NonZero;
use std::time::Duration;

use selvedge_http::{AcceptPolicy, Timeouts};
use selvedge_runtime::sim::{Dice, Fault, FaultRates};

use super::application::{BODY_BYTES_MAX, Panics};

/// Connections that one listener's backlog may hold, and what the acceptor takes between two looks: with so much room left, or
/// more, it takes all there are, with less one by one (`runtime/src/net/accept.rs`).
const ROOM_FOR_BACKLOG: usize = 4_096 + 64;

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) clients: usize,
    pub(super) requests: usize,
}

/// When the server is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// When all clients are gone.
    AtRest,
    /// So long after the start, whatever goes on then.
    After(Duration),
}

/// What a run's server is told.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) faults: FaultRates,
    pub(super) workers: usize,
    pub(super) policy: AcceptPolicy,
    pub(super) receive_buffers: u16,
    pub(super) connections_max: usize,
    pub(super) requests_max: Option<NonZero<u64>>,
    pub(super) body_bytes_max: u64,
    pub(super) timeouts: Timeouts,
    pub(super) drain: Duration,
    pub(super) panics: Panics,
    pub(super) stop: Stop,
}

impl Setting {
    /// The setting of `seed`: every fourth knows no fault, every other fourth also those that end connections.
    pub(super) fn of(seed: u64, size: Size, dice: &mut Dice) -> Self {
        let mut faults = match seed % 4 {
            0 => FaultRates::NONE,
            _ => FaultRates::USUAL,
        };
        if seed % 4 != 3 {
            faults.set(Fault::SendWithoutMemory, 0);
            faults.set(Fault::AcceptAborted, 0);
        }
        let workers = dice.within(1..=4) as usize;
        let policy = *dice.pick(&[AcceptPolicy::Shared, AcceptPolicy::Dedicated, AcceptPolicy::ReusePort]);
        Self {
            faults,
            workers,
            policy,
            receive_buffers: *dice.pick(&[8, 64, 256, 256]),
            connections_max: connections_max(size.clients, workers, policy, dice),
            requests_max: match dice.below(8) {
                0 => NonZero::new(dice.within(1..=size.requests.max(1) as u64)),
                _ => None,
            },
            body_bytes_max: match dice.below(3) {
                0 => dice.within(1..=BODY_BYTES_MAX as u64),
                _ => BODY_BYTES_MAX as u64,
            },
            timeouts: timeouts(dice),
            drain: if dice.below(2) == 0 { Duration::from_secs(8) } else { seconds(dice, 2..=15) },
            panics: *dice.pick(&[Panics::Answered, Panics::EndTheirConnection]),
            stop: match dice.below(5) {
                0 => Stop::After(Duration::from_micros(dice.below(5_000_000))),
                _ => Stop::AtRest,
            },
        }
    }

    /// Connections that may be open at once: each serving worker has its share, rounded up.
    pub(super) fn connections_open_max(&self) -> u64 {
        let serving = serving(self.workers, self.policy);
        (self.connections_max.div_ceil(serving).max(1) * serving) as u64
    }
}

fn serving(workers: usize, policy: AcceptPolicy) -> usize {
    if policy == AcceptPolicy::Dedicated && workers > 1 { workers - 1 } else { workers }
}

/// So few that clients wait in the backlog; or so many that the acceptor goes over from taking all to taking one by one in the
/// midst of it, and back; or more than there are.
fn connections_max(clients: usize, workers: usize, policy: AcceptPolicy, dice: &mut Dice) -> usize {
    match dice.below(4) {
        0 => (clients / *dice.pick(&[2, 4, 8])).max(1),
        1 => {
            let acceptors = if policy == AcceptPolicy::ReusePort { workers } else { 1 };
            acceptors * (ROOM_FOR_BACKLOG + dice.below(clients as u64 / 2 + 1) as usize)
        }
        _ => 10_000,
    }
}

/// The deadlines as they are by default, in half of the runs; else others, with which clients that behave get along too.
fn timeouts(dice: &mut Dice) -> Timeouts {
    if dice.below(2) == 0 {
        return Timeouts::default();
    }
    Timeouts {
        head: seconds(dice, 3..=15),
        idle: seconds(dice, 5..=90),
        body_grace: seconds(dice, 5..=15),
        write_grace: seconds(dice, 10..=60),
        ..Timeouts::default()
    }
}

fn seconds(dice: &mut Dice, range: std::ops::RangeInclusive<u64>) -> Duration {
    Duration::from_secs(dice.within(range))
}
