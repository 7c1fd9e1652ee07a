//! The attacks by their names.

use clap::ValueEnum;

use super::churn::Churn;
use super::crowd::Conduct;
use super::half_open::HalfOpen;
use super::never_read::NeverRead;
use super::resets::Resets;
use super::slow_body::SlowBody;
use super::slow_head::SlowHead;
use super::slow_read::SlowRead;
use crate::argument::argument;

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Attack {
    /// Every one of these
    All,
    /// Heads that come octet by octet
    SlowHead,
    /// Bodies that come octet by octet
    SlowBody,
    /// Answers that are read octet by octet
    SlowRead,
    /// Many answers that are not read at all
    NeverRead,
    /// Connections that are closed as soon as they stand
    Churn,
    /// Connections that stay silent, or end their sending at once
    HalfOpen,
    /// Connections that are reset at any octet
    Resets,
    /// Random and mutated requests, each held against an oracle
    Requests,
}

impl Attack {
    /// This one, or every one.
    pub(super) fn chosen(self) -> Vec<Self> {
        match self {
            Self::All => Self::value_variants().iter().copied().filter(|&other| other != Self::All).collect(),
            one => vec![one],
        }
    }

    pub(super) fn name(self) -> String {
        argument(&self)
    }

    /// How attackers behave, where the attack is one of a crowd.
    pub(super) fn conduct(self) -> Option<Box<dyn Conduct>> {
        match self {
            Self::All | Self::Requests => None,
            Self::SlowHead => Some(Box::new(SlowHead)),
            Self::SlowBody => Some(Box::new(SlowBody)),
            Self::SlowRead => Some(Box::new(SlowRead)),
            Self::NeverRead => Some(Box::new(NeverRead)),
            Self::Churn => Some(Box::new(Churn)),
            Self::HalfOpen => Some(Box::new(HalfOpen)),
            Self::Resets => Some(Box::new(Resets)),
        }
    }
}
