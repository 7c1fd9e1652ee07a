//! Memory of connections that served one request and then stay open.
//!
//! The connections are this process's own. What the kernel keeps for a socket is not in the figures: it is the same
//! for every server.

use std::{net::TcpStream, time::Duration};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{
    Setting, client, interrupt, measure,
    proc::Memory,
    process::descriptor_limit,
    servers::{Installed, Server},
    turns::{Turns, in_turn},
    workloads::Workload,
};
use crate::cpus::Placement;

/// Connections at the first look: by then a server's tables and pools have their size.
const FIRST: usize = 1_000;
/// Fewer would share pages with the first ones.
pub(super) const CONNECTIONS_MIN: usize = 2 * FIRST;
/// Descriptors left for everything else.
const DESCRIPTORS_KEPT: usize = 256;
/// Time to give back what the last requests took.
const SETTLE: Duration = Duration::from_millis(500);

/// One server's figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Idle {
    pub(super) server: Server,
    pub(super) connections: usize,
    pub(super) at_start: Memory,
    pub(super) at_first: Memory,
    pub(super) at_last: Memory,
}

impl Idle {
    /// Growth of anonymous memory per connection between the first look and the last, in bytes.
    pub(super) fn anonymous_bytes_per_connection(&self) -> f64 {
        let growth = self.at_last.anonymous_bytes as f64 - self.at_first.anonymous_bytes as f64;
        growth / (self.connections - FIRST) as f64
    }
}

/// Measures every server once.
///
/// # Errors
/// An interruption.
pub(super) fn measure(
    setting: &Setting<'_>,
    servers: &[Installed],
    workload: &'static Workload,
) -> anyhow::Result<Turns<Idle>> {
    let most = descriptor_limit().saturating_sub(DESCRIPTORS_KEPT);
    let connections = setting.options.idle_connections.clamp(FIRST + 1, most.max(FIRST + 1));
    let hello = setting.options.hello.as_deref();
    let servers: Vec<Installed> =
        servers.iter().filter_map(|installed| installed.for_workload(workload, hello)).collect();
    in_turn(1, &servers, workload, |installed, _| measure_one(setting, installed, workload, connections))
}

fn measure_one(
    setting: &Setting<'_>,
    installed: &Installed,
    workload: &Workload,
    connections: usize,
) -> anyhow::Result<Idle> {
    let placement = Placement::apart(&setting.cpus, 1);
    let running = measure::start(setting, installed, workload, &placement, 1)?;
    let look = || -> anyhow::Result<Memory> {
        interrupt::sleep(SETTLE)?;
        Ok(Memory::read(running.pid())?)
    };
    let at_start = look()?;
    let mut open: Vec<TcpStream> = Vec::with_capacity(connections);
    let mut open_up_to = |count: usize| -> anyhow::Result<()> {
        while open.len() < count {
            interrupt::check()?;
            let number = open.len() + 1;
            let stream = client::open_and_ask(running.port, workload);
            open.push(stream.with_context(|| format!("connection {number} of {connections}"))?);
        }
        Ok(())
    };
    open_up_to(FIRST)?;
    let at_first = look()?;
    open_up_to(connections)?;
    let at_last = look()?;
    Ok(Idle { server: installed.server, connections, at_start, at_first, at_last })
}
