//! How much memory the server takes. In: its limits. Out: what it takes while its pools and caches are full, and what it can
//! take at most, whatever clients do.
//!
//! Both are of the process (its resident set): what the kernel has for sockets is not in it (tcp(7), `tcp_mem`).

use selvedge_http::address_limits::AddressLimiter;
use selvedge_http::files::{DerivedStore, FileOptions};
use selvedge_runtime::{LineLog, Runtime};

use crate::config::{BrowsePolicy, Config};
use crate::listing::Shares;

/// What a parked connection takes at most, in bytes: its task, its op slots, its place in queues and the wheel.
const CONNECTION_BYTES: u64 = 1_024;
/// What its running exchange takes: its future, and paths while they are looked for, decoded (8 KiB) or as a redirect.
const EXCHANGE_BYTES: u64 = 32 * 1_024;
/// A head that comes in pieces: 16 KiB and a receive buffer behind it, in a vector that doubles, and its copy while it is
/// answered.
const HEAD_BYTES: u64 = 48 * 1_024;
/// Answers on the heap, where slow readers have all blocks of the pools: one that is sent, and one that is gathered.
const ANSWER_BYTES: u64 = 2 * 68 * 1_024;

/// The program and its libraries, as far as their pages are used, and what is made at the start and stays.
const PROGRAM_BYTES: u64 = 24 << 20;
/// Of each worker: the used part of its stack, its ring (16,384 completions, 512 submissions), boxes, slots and counters.
const WORKER_BYTES: u64 = 4 << 20;
/// Of what helper threads have for themselves: stacks, and a piece of a file.
const HELPERS_BYTES: u64 = 4 << 20;

/// What the allocator needs beside what it was asked for, in hundredths: headers, rounding, and gaps.
const HEAP_HUNDREDTHS: u64 = 125;

/// How much memory a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    /// While pools and caches are full and all connections are there and idle.
    pub usual_bytes: u64,
    /// At most: while all of them have a head as long as may be, and answers that nobody reads, too.
    pub bytes_max: u64,
}

impl MemoryBudget {
    /// That of a server of these parts.
    pub fn of(
        config: &Config,
        runtime: &Runtime,
        connections: u64,
        files: &FileOptions,
        limiter: Option<&AddressLimiter>,
    ) -> Self {
        let workers = runtime.workers() as u64;
        let pools = runtime.memory_bytes() as u64;
        let logs = config.monitoring.access_log.as_ref().map_or(0, |_| LineLog::SINK_BYTES as u64 * workers);
        let compressed =
            if config.site.compression.codings.is_empty() { 0 } else { DerivedStore::MEMORY_BYTES as u64 };
        let listings = match config.browse {
            BrowsePolicy::Off => 0,
            BrowsePolicy::On => Shares::MEMORY_BYTES as u64,
        };
        let addresses = limiter.map_or(0, |limiter| limiter.limits().memory_bytes() as u64);
        let caches = files.memory_bytes() as u64 * workers + logs + compressed + listings + addresses;
        let busy = connections * (EXCHANGE_BYTES + HEAD_BYTES + ANSWER_BYTES);
        let idle = connections * CONNECTION_BYTES;
        let usual_bytes = pools + caches + idle;
        let heap = caches + idle + busy;
        Self {
            usual_bytes,
            bytes_max: pools
                + heap / 100 * HEAP_HUNDREDTHS
                + PROGRAM_BYTES
                + HELPERS_BYTES
                + workers * WORKER_BYTES,
        }
    }
}
