//! What a client has come to, whichever it is. In: what `wrk` printed, or this project's own generator. Out: the same figures of
//! both.

use super::{mark::Mark, wrk};

/// Figures of one load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loaded {
    /// All answers, those before the measured time among them: what a server's CPU time is divided by.
    pub(super) answers: u64,
    /// The time in which these came, without the client's start and end.
    pub(super) load_us: f64,
    /// The client's CPU time.
    pub(super) client_us: f64,
    /// Time that was measured.
    pub(super) seconds: f64,
    pub(super) requests_per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    /// Of an open loop: how late the client itself was with half of its requests.
    pub(super) late_p50_us: Option<f64>,
    pub(super) errors: u64,
    /// What the client says of itself.
    pub(super) marks: Vec<Mark>,
}

impl wrk::Outcome {
    /// The figures of answers that should have `status`, by a client that used `client_us` of CPU time.
    pub(super) fn loaded(&self, status: u16, client_us: f64) -> Loaded {
        Loaded {
            answers: self.requests,
            load_us: self.duration_us,
            client_us,
            seconds: self.duration_us / 1e6,
            requests_per_second: self.requests_per_second(),
            p50_us: self.p50_us,
            p99_us: self.p99_us,
            p999_us: self.p999_us,
            late_p50_us: None,
            errors: self.errors(status),
            marks: Vec::new(),
        }
    }
}
