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
    /// Mean time that a connection waits before each request, in milliseconds. Where the client would be the limit, it keeps the rate
    /// below that, and the same for all servers.
    pub(super) think_ms: Option<u32>,
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
        self.think_ms.is_some() || self.kind == Kind::OpenLoop
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
