//! What several test binaries need.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod directory;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use selvedge_runtime::net::Address;
use selvedge_runtime::sim::{FaultRates, Simulation, SimulationOptions};
use selvedge_runtime::{Builder, Pinning, Runtime, WatchdogSetting, block_on};

/// How long a test waits for what must come; only a failure lasts this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub(crate) fn ip(address: &Address) -> SocketAddr {
    match address {
        Address::Ip(address) => *address,
        other => panic!("{other} is not an IP address"),
    }
}

/// A runtime of unpinned workers without a watchdog.
pub(crate) fn builder(workers: usize) -> Builder {
    Runtime::builder().workers(workers).pinning(Pinning::Free).watchdog(WatchdogSetting::Off)
}

/// A client that gives up rather than hang.
pub(crate) fn client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the listener's backlog has room");
    stream.set_read_timeout(Some(PATIENCE)).expect("a stream has a timeout");
    stream
}

/// Runs `main` to its end on a worker of the simulated machine, without faults.
pub(crate) fn simulated<M>(main: impl FnOnce() -> M + Send + 'static)
where
    M: Future<Output = ()> + 'static,
{
    let calm = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
    let _simulation = Simulation::new(1, calm);
    block_on(main);
}
