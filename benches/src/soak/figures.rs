//! What the server holds: of the kernel's view (/proc) and of its own (its page of numbers).

use std::fmt;
use std::fs;

use anyhow::Context;

use super::visitor::Connection;

/// At one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) rss_bytes: u64,
    descriptors: usize,
    connections: u64,
    buffers_leased: u64,
    blocks_leased: u64,
    tasks: u64,
    operations: u64,
}

impl Figures {
    pub(super) fn read(pid: i32, port: u16) -> anyhow::Result<Self> {
        let page = Connection::open(port)?.get("/metrics")?;
        let page = String::from_utf8(page.body).context("the page of numbers is a text")?;
        let sum = |name: &str| -> u64 {
            let lines = page.lines().filter_map(|line| line.strip_prefix(name));
            let values =
                lines.filter(|rest| rest.starts_with(['{', ' '])).filter_map(|rest| rest.rsplit(' ').next());
            values.filter_map(|value| value.parse::<f64>().ok()).sum::<f64>() as u64
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let rss_kib: u64 = rss.trim().trim_end_matches("kB").trim().parse()?;
        Ok(Self {
            rss_bytes: rss_kib * 1024,
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
            connections: sum("selvedge_connections_open"),
            buffers_leased: sum("selvedge_receive_buffers_leased"),
            blocks_leased: sum("selvedge_blocks_leased"),
            tasks: sum("selvedge_tasks"),
            operations: sum("selvedge_operations"),
        })
    }

    /// Whether the only connection is the one that asked.
    pub(super) fn is_alone(&self) -> bool {
        self.connections <= 1
    }

    /// What must be the same before and after.
    pub(super) fn held(&self) -> (usize, u64, u64, u64) {
        (self.descriptors, self.buffers_leased, self.blocks_leased, self.tasks)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} KiB resident, {} descriptors, {} connections, {} buffers and {} blocks leased, {} tasks, {} operations",
            self.rss_bytes / 1024,
            self.descriptors,
            self.connections,
            self.buffers_leased,
            self.blocks_leased,
            self.tasks,
            self.operations
        )
    }
}
