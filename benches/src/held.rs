//! What a server of ours holds. In: one that runs, with its page of numbers. Out: figures to be compared with later ones.

use std::collections::BTreeMap;
use std::{fmt, fs};

use anyhow::{Context, ensure};

use crate::compare::client;
use crate::compare::process::Running;
use crate::plural::counted;

/// What is lent and open at one moment, by the page of numbers, and the process's descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) connections: u64,
    tasks: u64,
    operations: u64,
    receive_buffers: u64,
    blocks: u64,
    descriptors: u64,
}

impl Held {
    /// What `server` holds now, the connection that asks for it among it.
    pub(crate) fn read(server: &Running) -> anyhow::Result<Self> {
        let page = String::from_utf8(client::get(server.port, "/metrics")?)?;
        let sample = |line| -> Option<(&str, u64)> {
            let (name, value) = str::split_once(line, ' ')?;
            Some((name, value.parse().ok()?))
        };
        let numbers: BTreeMap<_, _> = page.lines().filter_map(sample).collect();
        let number = |name| numbers.get(name).copied().with_context(|| format!("no {name} on the page"));
        ensure!(
            number("selvedge_workers_responding")? == number("selvedge_workers")?,
            "a worker does not say what it holds"
        );
        Ok(Self {
            connections: number("selvedge_connections_open")?,
            tasks: number("selvedge_tasks")?,
            operations: number("selvedge_operations")?,
            receive_buffers: number("selvedge_receive_buffers_leased")?,
            blocks: number("selvedge_blocks_leased")?,
            descriptors: fs::read_dir(format!("/proc/{}/fd", server.pid()))?.count() as u64,
        })
    }

    /// Whether nothing of it is more than it was.
    pub(crate) fn is_within(&self, before: &Self) -> bool {
        self.connections <= before.connections
            && self.tasks <= before.tasks
            && self.operations <= before.operations
            && self.receive_buffers <= before.receive_buffers
            && self.blocks <= before.blocks
            && self.descriptors <= before.descriptors
    }

    /// Whether the only connection is the one that asked.
    pub(crate) fn is_of_nobody_else(&self) -> bool {
        self.connections <= 1
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, tasks, operations, receive_buffers, blocks, descriptors } = self;
        write!(
            f,
            "{}, {}, {} and {} leased, {}, {}",
            counted(descriptors, "descriptor", "descriptors"),
            counted(connections, "connection", "connections"),
            counted(receive_buffers, "buffer", "buffers"),
            counted(blocks, "block", "blocks"),
            counted(tasks, "task", "tasks"),
            counted(operations, "operation", "operations"),
        )
    }
}
