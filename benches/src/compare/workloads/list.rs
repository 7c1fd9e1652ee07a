//! The workloads, in their usual order. Data alone.

use super::{Asked, Demand, Kind, Looks, Sharing, Workload};
use crate::{ceiling::Variant, compare::file_set::FileSet};

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
    looks: Looks::Usual,
    demand: Demand::Closed,
    ceiling: Some(Variant::Keepalive),
};

/// Where the answer has not the size of its file.
const ABOUT: Workload = Workload { file: "16k.txt", bytes: 16 * 1024, ..SMALL };

const MANY: Workload =
    Workload { name: "many", title: "151 bytes, 1,000 connections", connections: 1_000, ..SMALL };

const PIPELINED: Workload = Workload {
    name: "pipelined",
    title: "151 bytes, 64 connections, 16 requests per write",
    kind: Kind::Pipelined { depth: DEPTH },
    ceiling: Some(Variant::Pipelined),
    ..SMALL
};

const MEDIUM: Workload =
    Workload { name: "16k", title: "16 KiB, 64 connections", file: "16k.txt", bytes: 16 * 1024, ..SMALL };

const LARGE: Workload = Workload {
    name: "100k",
    title: "100 KiB, 64 connections",
    file: "100k.txt",
    bytes: 100 * 1024,
    ceiling: Some(Variant::Sendfile),
    ..SMALL
};

const CLOSE: Workload = Workload {
    name: "close",
    title: "151 bytes, a connection per request, 64 at a time",
    kind: Kind::Close,
    ceiling: Some(Variant::Close),
    ..SMALL
};

const UNCHANGED: Workload =
    Workload { name: "304", title: "304 answers, 64 connections", asked: Asked::Unchanged, ..ABOUT };

const UNKNOWN: Workload = Workload {
    name: "404",
    title: "404 answers, 64 connections",
    asked: Asked::Unknown,
    file: "no-such-file.txt",
    bytes: 0,
    ..SMALL
};

const RANGE: Workload = Workload {
    name: "range",
    title: "bytes 100 to 250 of 16 KiB, 64 connections",
    asked: Asked::Range,
    ..ABOUT
};

const SITE: Workload = Workload {
    name: "site",
    title: "20 files of a site in turn, br or gzip, 64 connections",
    asked: Asked::Many(FileSet::Site),
    file: "site/index.html",
    bytes: 80_000,
    ceiling: None,
    ..SMALL
};

const ZIPF: Workload = Workload {
    name: "zipf",
    title: "10,000 files of 1 to 20 KiB by Zipf's law, 64 connections",
    asked: Asked::Many(FileSet::Zipf),
    file: "zipf/0000.txt",
    bytes: 10 * 1024,
    ceiling: None,
    ..SMALL
};

pub(super) static WORKLOADS: [Workload; 30] = [
    SMALL,
    Workload {
        name: "small-at-rate",
        title: "151 bytes, 64 connections, 50,000 requests a second",
        demand: offered(50_000, 32),
        ..SMALL
    },
    MANY,
    Workload {
        name: "many-at-rate",
        title: "151 bytes, 1,000 connections, 40,000 requests a second",
        demand: offered(40_000, 32),
        ..MANY
    },
    PIPELINED,
    Workload {
        name: "pipelined-at-rate",
        title: "151 bytes, 64 connections, 16 requests per write, 64,000 requests a second",
        demand: offered(64_000, 256),
        ..PIPELINED
    },
    MEDIUM,
    Workload {
        name: "16k-at-rate",
        title: "16 KiB, 64 connections, 40,000 requests a second",
        demand: offered(40_000, 32),
        ..MEDIUM
    },
    LARGE,
    Workload {
        name: "100k-at-rate",
        title: "100 KiB, 64 connections, 10,000 requests a second",
        demand: offered(10_000, 16),
        ..LARGE
    },
    Workload {
        name: "1m",
        title: "1 MiB, 64 connections, at most 1,000 requests a second",
        file: "1m.txt",
        bytes: 1024 * 1024,
        demand: Demand::Thinking { mean_ms: 64 },
        ceiling: Some(Variant::Sendfile),
        ..SMALL
    },
    Workload {
        name: "64m",
        title: "64 MiB, 8 connections, at most 16 requests a second",
        file: "64m.txt",
        bytes: 64 * 1024 * 1024,
        connections: 8,
        demand: Demand::Thinking { mean_ms: 500 },
        ceiling: Some(Variant::Sendfile),
        ..SMALL
    },
    CLOSE,
    Workload {
        name: "close-at-rate",
        title: "151 bytes, a connection per request, 64 at a time, 10,000 requests a second",
        demand: offered(10_000, 32),
        ..CLOSE
    },
    UNCHANGED,
    Workload {
        name: "304-at-rate",
        title: "304 answers, 64 connections, 50,000 requests a second",
        demand: offered(50_000, 32),
        ..UNCHANGED
    },
    UNKNOWN,
    Workload {
        name: "404-at-rate",
        title: "404 answers, 64 connections, 50,000 requests a second",
        demand: offered(50_000, 32),
        ..UNKNOWN
    },
    RANGE,
    Workload {
        name: "range-at-rate",
        title: "bytes 100 to 250 of 16 KiB, 64 connections, 50,000 requests a second",
        demand: offered(50_000, 32),
        ..RANGE
    },
    SITE,
    Workload {
        name: "site-at-rate",
        title: "20 files of a site in turn, br or gzip, 64 connections, 12,000 requests a second",
        demand: offered(12_000, 16),
        ..SITE
    },
    ZIPF,
    Workload {
        name: "zipf-at-rate",
        title: "10,000 files of 1 to 20 KiB by Zipf's law, 64 connections, 40,000 requests a second, \
            files looked at once in 60 s by selvedge and nginx",
        looks: Looks::AsNginx,
        demand: Demand::Offered { requests_per_second: 40_000, at_once: 32, run_in_seconds: Some(5) },
        ..ZIPF
    },
    Workload { name: "latency", title: "151 bytes, 1 connection", connections: 1, ..SMALL },
    Workload {
        name: "open",
        title: "151 bytes at fixed times, at half the capacity, 64 connections",
        kind: Kind::OpenLoop,
        ..SMALL
    },
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
pub(super) const ON_REQUEST: [&str; 2] = ["64m", "hello"];

/// The rates are meant to leave the client and the faster peers CPU time on two common CPUs, a worker on one and the client on the other.
const fn offered(requests_per_second: u32, at_once: u32) -> Demand {
    Demand::Offered { requests_per_second, at_once, run_in_seconds: None }
}
