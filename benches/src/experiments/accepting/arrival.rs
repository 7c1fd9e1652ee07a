//! How connections come, and what they come for. In: a flow or a burst. Out: what is asked for on each, and when it ends.

use clap::ValueEnum;
use serde::Serialize;

use super::visitors::Coming;
use crate::compare::workloads::Workload;
use crate::experiments::setting::Setting;

/// Connections at a time in the steady flow.
pub(super) const AT_A_TIME: usize = 64;

/// How connections come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Arrival {
    /// One is closed when it has its answer, and another comes.
    Steady,
    /// All are begun as fast as the client can, and stay until the last one has its answer.
    Burst,
}

impl Arrival {
    pub(super) const ALL: [Self; 2] = [Self::Steady, Self::Burst];

    pub(super) fn title(self, connections: usize) -> String {
        match self {
            Self::Steady => format!("{connections} connections, {AT_A_TIME} at a time"),
            Self::Burst => format!("{connections} connections at once"),
        }
    }

    /// What is asked for on each.
    pub(super) fn workload(self) -> anyhow::Result<Workload> {
        Setting::named(match self {
            Self::Steady => "close",
            Self::Burst => "small",
        })
    }

    pub(super) fn answers(self) -> Answers {
        match self {
            Self::Steady => Answers::One,
            Self::Burst => Answers::Many,
        }
    }

    pub(super) fn coming(self) -> Coming {
        match self {
            Self::Steady => Coming::InTurn { at_a_time: AT_A_TIME },
            Self::Burst => Coming::Together,
        }
    }
}

/// What becomes of a connection that a subject has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::experiments) enum Answers {
    /// It is closed at once
    None,
    /// It gets one answer and is closed
    One,
    /// It gets answers until the client ends it
    Many,
}
