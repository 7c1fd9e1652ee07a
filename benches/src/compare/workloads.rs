//! What is asked of the servers.

mod asked;

use anyhow::bail;

pub(super) use self::asked::Asked;
use super::file_set::FileSet;
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

    /// Answers that can be under way at once.
    pub(super) fn under_way_max(&self) -> usize {
        match self.kind {
            Kind::Pipelined { depth } => self.connections * depth,
            Kind::KeepAlive | Kind::Close | Kind::Handler | Kind::Idle | Kind::BesideCold => self.connections,
        }
    }
}

/// Requests in one write of the pipelined workload.
const DEPTH: usize = 16;

const SMALL: Workload = Workload {
    name: "small",
    title: "151 bytes, 64 connections",
    asked: Asked::Whole,
    file: "151.txt",
    bytes: 151,
    connections: 64,
    kind: Kind::KeepAlive,
    sharing: Sharing::Apart,
    think_ms: None,
    ceiling: Some(Variant::Keepalive),
};

/// Where the answer has not the size of its file.
const ABOUT: Workload = Workload { file: "16k.txt", bytes: 16 * 1024, ..SMALL };

static WORKLOADS: [Workload; 18] = [
    SMALL,
    Workload { name: "many", title: "151 bytes, 1,000 connections", connections: 1_000, ..SMALL },
    Workload {
        name: "pipelined",
        title: "151 bytes, 64 connections, 16 requests per write",
        kind: Kind::Pipelined { depth: DEPTH },
        ceiling: Some(Variant::Pipelined),
        ..SMALL
    },
    Workload { name: "16k", title: "16 KiB, 64 connections", file: "16k.txt", bytes: 16 * 1024, ..SMALL },
    Workload {
        name: "100k",
        title: "100 KiB, 64 connections",
        file: "100k.txt",
        bytes: 100 * 1024,
        ceiling: Some(Variant::Sendfile),
        ..SMALL
    },
    Workload {
        name: "1m",
        title: "1 MiB, 64 connections, at most 1,000 requests a second",
        file: "1m.txt",
        bytes: 1024 * 1024,
        think_ms: Some(64),
        ceiling: Some(Variant::Sendfile),
        ..SMALL
    },
    Workload {
        name: "64m",
        title: "64 MiB, 8 connections, at most 16 requests a second",
        file: "64m.txt",
        bytes: 64 * 1024 * 1024,
        connections: 8,
        think_ms: Some(500),
        ceiling: Some(Variant::Sendfile),
        ..SMALL
    },
    Workload {
        name: "close",
        title: "151 bytes, a connection per request, 64 at a time",
        kind: Kind::Close,
        ceiling: Some(Variant::Close),
        ..SMALL
    },
    Workload { name: "304", title: "304 answers, 64 connections", asked: Asked::Unchanged, ..ABOUT },
    Workload {
        name: "404",
        title: "404 answers, 64 connections",
        asked: Asked::Unknown,
        file: "no-such-file.txt",
        bytes: 0,
        ..SMALL
    },
    Workload {
        name: "range",
        title: "bytes 100 to 250 of 16 KiB, 64 connections",
        asked: Asked::Range,
        ..ABOUT
    },
    Workload {
        name: "site",
        title: "20 files of a site in turn, br or gzip, 64 connections",
        asked: Asked::Many(FileSet::Site),
        file: "site/index.html",
        bytes: 80_000,
        ceiling: None,
        ..SMALL
    },
    Workload {
        name: "zipf",
        title: "10,000 files of 1 to 20 KiB by Zipf's law, 64 connections",
        asked: Asked::Many(FileSet::Zipf),
        file: "zipf/0000.txt",
        bytes: 10 * 1024,
        ceiling: None,
        ..SMALL
    },
    Workload { name: "latency", title: "151 bytes, 1 connection", connections: 1, ..SMALL },
    Workload {
        name: "cold",
        title: "151 bytes beside cold files",
        connections: 1,
        kind: Kind::BesideCold,
        ceiling: None,
        ..SMALL
    },
    Workload {
        name: "cores",
        title: "151 bytes, 64 connections, a worker per CPU, client on the same CPUs",
        sharing: Sharing::Together,
        ..SMALL
    },
    Workload {
        name: "hello",
        title: "151 bytes from a handler, 64 connections",
        kind: Kind::Handler,
        ..SMALL
    },
    Workload { name: "idle", title: "Memory of idle connections", kind: Kind::Idle, ..SMALL },
];

/// Left out unless asked for: in a second of load are too few requests to mean much; the programs have to be built first.
const ON_REQUEST: [&str; 2] = ["64m", "hello"];

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
