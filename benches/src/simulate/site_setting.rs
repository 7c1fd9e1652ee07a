//! What a run of the site is like. In: dice. Out: the server's settings, the faults, and how its editor goes on.

use std::time::Duration;

use selvedge_http::files::{FileOptions, TagSource};
use selvedge_runtime::sim::{Dice, Fault, FaultRates};

use super::setting::Stop;
use super::site_client::Machine;
use super::site_editor::ROOT;
use super::site_oracle::Disk;

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

/// What a run's server and its surroundings are told.
#[derive(Debug)]
pub(super) struct SiteSetting {
    pub(super) faults: FaultRates,
    pub(super) machine: Machine,
    pub(super) disk: Disk,
    pub(super) workers: usize,
    pub(super) file_blocks: usize,
    pub(super) files: FileOptions,
    /// From one edit to the next, at most. Where it is long, versions get old enough to have names.
    pub(super) edits_within: Duration,
    pub(super) stop: Stop,
}

impl SiteSetting {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let kind = dice.below(4);
        let (machine, mut faults) = match kind {
            0 => (Machine::IsCalm, FaultRates::NONE),
            _ => (Machine::HasFaults, FaultRates::USUAL),
        };
        let disk = if kind == 3 { Disk::Fails } else { Disk::Works };
        if disk == Disk::Works {
            SHOWN.iter().for_each(|&fault| faults.set(fault, 0));
        }
        Self {
            faults,
            machine,
            disk,
            workers: dice.within(1..=3) as usize,
            file_blocks: *dice.pick(&[1, 4]),
            files: FileOptions {
                // A few, so that answers go and come again.
                entries_max: *dice.pick(&[4, 1_000]),
                entries_bytes_max: *dice.pick(&[6_000, 1 << 20]),
                misses_max: *dice.pick(&[1, 1_000]),
                // Fewer than there are medium ones, so that some take large blocks, as far as these go.
                ready_medium_max: 2,
                ready_large_max: *dice.pick(&[1, 16]),
                // Where they run out there is 503.
                descriptors_max: if disk == Disk::Fails { 2 } else { 64 },
                tags: *dice.pick(&[TagSource::Time, TagSource::Content]),
                ..FileOptions::new(ROOT)
            },
            edits_within: Duration::from_millis(*dice.pick(&[40, 40, 1_000])),
            stop: match dice.below(6) {
                0 => Stop::After(Duration::from_micros(dice.below(5_000_000))),
                _ => Stop::AtRest,
            },
        }
    }
}
