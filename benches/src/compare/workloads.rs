//! What is asked of the servers.

mod asked;
mod list;

use anyhow::bail;

pub(super) use self::asked::Asked;
use self::list::{ON_REQUEST, WORKLOADS};
use crate::ceiling::Variant;
use crate::content::RANGE;

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One after the other on connections that stay.
    KeepAlive,
    /// Many requests in one write.
    Pipelined {
        /// Requests per write.
        depth: usize,
    },
    /// A connection per request.
    Close,
    /// As the first, answered by a handler instead of from a file.
    Handler,
    /// Connections that served one request and stay.
    Idle,
    /// At fixed times on one connection, beside others who ask for files that are not in memory.
    BesideCold,
    /// At fixed times, whatever the answers do; so many in a second that every server can bear them.
    OpenLoop,
}

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// As much as comes back: each connection asks when its last answer has come.
    Closed,
    /// The same, but each connection waits before each request, for so long on the average.
    Thinking { mean_ms: u32 },
    /// So much in a second, whatever the answers do. Below what the client and the best servers can do on a CPU each, so that neither
    /// is the limit and all have to do the same.
    Offered {
        requests_per_second: u32,
        /// So many of them are due at one moment: one by one they would cost the client more.
        at_once: u32,
        /// How long it runs before it is measured, where it takes longer than the warm-up until a server's caches hold what they will.
        run_in_seconds: Option<u64>,
    },
}

/// How long a file that was looked at is served without another look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// As long as each server has it: 1 s with this project's, 60 s with nginx as it is configured here.
    Usual,
    /// This project's server as long as nginx.
    AsNginx,
}

/// Which CPUs and workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// The server's workers on CPUs of their own, the client on the others.
    Apart,
    /// A worker per CPU, and the client on the same CPUs.
    Together,
}

#[derive(Debug, Clone)]
pub(crate) struct Workload {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// Its heading in the report.
    pub(super) title: &'static str,
    pub(super) asked: Asked,
    /// The file asked for, the first where there are many.
    pub(crate) file: &'static str,
    /// Its size; of many files, about their mean.
    pub(crate) bytes: usize,
    pub(crate) connections: usize,
    pub(super) kind: Kind,
    pub(super) sharing: Sharing,
    pub(super) looks: Looks,
    pub(super) demand: Demand,
    /// The ceiling it is compared with; one canned answer is none for many files.
    pub(super) ceiling: Option<Variant>,
}

impl Workload {
    /// Header fields of the requests, the same for every server.
    pub(crate) fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        if self.kind == Kind::Close {
            fields.push("Connection: close".into());
        }
        match self.asked {
            Asked::Range => fields.push(format!("Range: bytes={}-{}", RANGE.start(), RANGE.end())),
            Asked::Many(set) => fields.extend(set.fields().iter().map(ToString::to_string)),
            Asked::Whole | Asked::Unchanged | Asked::Unknown => {}
        }
        fields
    }

    /// Whether its rate is offered to the servers, and not what they can do.
    pub(super) fn is_offered(&self) -> bool {
        self.demand != Demand::Closed || self.kind == Kind::OpenLoop
    }

    /// Whether `wrk` is its client.
    pub(super) fn is_by_wrk(&self) -> bool {
        let has_other_client = matches!(self.kind, Kind::Idle | Kind::BesideCold | Kind::OpenLoop);
        !has_other_client && !matches!(self.demand, Demand::Offered { .. })
    }

    /// Answers that can be under way at once.
    pub(super) fn under_way_max(&self) -> usize {
        match self.kind {
            Kind::Pipelined { depth } => self.connections * depth,
            Kind::KeepAlive
            | Kind::Close
            | Kind::Handler
            | Kind::Idle
            | Kind::BesideCold
            | Kind::OpenLoop => self.connections,
        }
    }
}

/// The named workloads in their usual order; all but those on request where none is named.
pub(crate) fn select(names: &[String]) -> anyhow::Result<Vec<&'static Workload>> {
    for name in names {
        if !WORKLOADS.iter().any(|workload| workload.name == name) {
            let known: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
            bail!("there is no workload '{name}': choose among {}", known.join(", "));
        }
    }
    let wanted = |workload: &&Workload| {
        if names.is_empty() {
            !ON_REQUEST.contains(&workload.name)
        } else {
            names.iter().any(|name| name == workload.name)
        }
    };
    Ok(WORKLOADS.iter().filter(wanted).collect())
}

/// All workloads in their usual order.
pub(super) fn all() -> &'static [Workload] {
    &WORKLOADS
}

/// The one of this name.
pub(super) fn find(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name)
}

/// Its place in the usual order; behind all others if there is none of this name.
pub(super) fn place(name: &str) -> usize {
    WORKLOADS.iter().position(|workload| workload.name == name).unwrap_or(WORKLOADS.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::docroot::FILES;

    #[test]
    fn every_workload_asks_for_a_file_that_is_there() {
        for workload in &WORKLOADS {
            let is_there = match workload.asked {
                Asked::Many(set) => set.paths()[0] == format!("/{}", workload.file),
                _ => FILES.contains(&(workload.file, workload.bytes)),
            };
            assert_eq!(is_there, workload.asked != Asked::Unknown, "{}", workload.name);
        }
    }

    #[test]
    fn a_rate_is_in_its_title_and_all_else_is_as_without_it() {
        for workload in &WORKLOADS {
            let Some(name) = workload.name.strip_suffix("-at-rate") else {
                assert!(!matches!(workload.demand, Demand::Offered { .. }), "{}", workload.name);
                continue;
            };
            let Demand::Offered { requests_per_second, at_once, .. } = workload.demand else {
                panic!("{name}")
            };
            let title = find(name).unwrap().title;
            let (thousands, rest) = (requests_per_second / 1_000, requests_per_second % 1_000);
            let looks = match workload.looks {
                Looks::Usual => "",
                Looks::AsNginx => ", files looked at once in 60 s by selvedge and nginx",
            };
            let rate = format!("{thousands},{rest:03} requests a second");
            assert_eq!(workload.title, format!("{title}, {rate}{looks}"));
            assert!(
                at_once as usize <= workload.under_way_max()
                    && workload.is_offered()
                    && !workload.is_by_wrk(),
                "{name}"
            );
            assert_eq!(workload.fields(), find(name).unwrap().fields());
        }
    }

    #[test]
    fn what_is_asked_for_is_said_in_the_requests_fields() {
        let fields = |name: &str| select(&[name.to_owned()]).unwrap()[0].fields();
        assert_eq!(fields("close"), ["Connection: close"]);
        assert_eq!(fields("range"), ["Range: bytes=100-250"]);
        assert_eq!(fields("site"), ["Accept-Encoding: br;q=1, gzip;q=0.8"]);
        assert_eq!(fields("small"), [""; 0]);
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let error = select(&["small".into(), "huge".into()]).unwrap_err().to_string();
        assert!(error.contains("'huge'") && error.contains("pipelined"), "{error}");
        assert_eq!(select(&["close".into(), "small".into()]).unwrap().len(), 2);
        assert_eq!(select(&[]).unwrap().len(), WORKLOADS.len() - ON_REQUEST.len());
    }
}
