//! What made a measurement worth less. In: how busy the CPUs were, and with what. Out: marks.

use serde::{Deserialize, Serialize};

use super::measure::Sample;
use crate::cpus::Placement;

/// A side above this share of its CPUs is taken for busy.
const BUSY: f64 = 0.95;
/// Others' share of the CPUs in use above which a measurement is marked.
const OTHERS_MAX: f64 = 0.05;
/// Share stolen by the host above which a measurement is marked.
const STOLEN_MAX: f64 = 0.01;

/// What made a measurement worth less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mark {
    /// The client had no CPU left and the server had: its rate is the client's.
    ClientBound,
    /// Other processes used the CPUs.
    BusyMachine,
    /// The host used the CPUs.
    Stolen,
    /// Requests of an open loop came to be due faster than they could be sent.
    RateMissed,
    /// Answers failed, or were of another kind than asked for.
    Errors,
}

impl Mark {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::ClientBound => "client-bound",
            Self::BusyMachine => "busy machine",
            Self::Stolen => "CPU stolen by the host",
            Self::RateMissed => "offered rate not reached",
            Self::Errors => "errors",
        }
    }
}

/// Some marks, for people.
pub(super) fn words<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> String {
    marks.into_iter().map(|mark| mark.words()).collect::<Vec<_>>().join(", ")
}

/// What `sample` says of itself.
pub(super) fn marks(sample: &Sample, placement: &Placement) -> Vec<Mark> {
    let client_bound =
        !placement.is_shared() && sample.client_utilisation > BUSY && sample.server_utilisation < BUSY;
    [
        (client_bound, Mark::ClientBound),
        (sample.others_utilisation > OTHERS_MAX, Mark::BusyMachine),
        (sample.stolen > STOLEN_MAX, Mark::Stolen),
        (sample.errors > 0, Mark::Errors),
    ]
    .into_iter()
    .filter_map(|(applies, mark)| applies.then_some(mark))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compare::proc::Memory;

    fn sample(server_utilisation: f64, client_utilisation: f64) -> Sample {
        Sample {
            round: 0,
            seconds: 1.0,
            cpu_us_per_request: 1.0,
            client_cpu_us_per_request: 1.0,
            requests: 1,
            requests_per_second: 1.0,
            server_utilisation,
            client_utilisation,
            others_utilisation: 0.0,
            stolen: 0.0,
            p50_us: 1.0,
            p99_us: 1.0,
            p999_us: 1.0,
            late_p50_us: None,
            errors: 0,
            answer_bytes: None,
            codings: BTreeMap::new(),
            memory: Memory::default(),
            marks: Vec::new(),
        }
    }

    #[test]
    fn a_client_without_cpu_left_is_marked_only_if_the_server_has_some() {
        let apart = Placement::apart(&[0, 1], 1);
        assert_eq!(marks(&sample(0.70, 0.99), &apart), [Mark::ClientBound]);
        assert_eq!(marks(&sample(0.99, 0.99), &apart), []);
        assert_eq!(marks(&sample(0.99, 0.60), &apart), []);
        assert_eq!(marks(&sample(0.40, 0.99), &Placement::together(&[0, 1])), []);
    }

    #[test]
    fn others_on_the_cpus_are_marked() {
        let sample = Sample { others_utilisation: 0.2, stolen: 0.02, errors: 3, ..sample(0.99, 0.9) };
        let marks = marks(&sample, &Placement::apart(&[0, 1], 1));
        assert_eq!(marks, [Mark::BusyMachine, Mark::Stolen, Mark::Errors]);
    }
}
