//! Workers that accept connections and close them at once. In: who accepts, and how many workers. Out: closed connections; what
//! a connection wakes is counted from outside.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

use anyhow::anyhow;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{Pinning, Runtime, WatchdogSetting};

use crate::experiments::herd::Way;

const BACKLOG: u32 = 4_096;
/// More than are open at a time.
const CONNECTIONS_MAX: usize = 10_000;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Who accepts
    #[arg(long, value_enum)]
    way: Way,
    /// Workers, each a thread
    #[arg(long)]
    workers: usize,
}

/// Accepts until the process is killed.
pub(super) fn run(port: u16, options: &Options) -> anyhow::Result<()> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let exclusive = || Listening::bind_ip(address, BACKLOG, PortSharing::Exclusive);
    let workers = options.workers;
    match options.way {
        Way::Shared => on_rings(vec![vec![exclusive()?]], workers, AcceptPolicy::Shared),
        Way::Dedicated => on_rings(vec![vec![exclusive()?]], workers, AcceptPolicy::Dedicated),
        Way::ReusePort => {
            let shared = (0..workers).map(|_| Listening::bind_ip(address, BACKLOG, PortSharing::Shared));
            let lists = shared.map(|listening| Ok(vec![listening?])).collect::<anyhow::Result<_>>()?;
            on_rings(lists, workers, AcceptPolicy::ReusePort)
        }
        Way::RingHerd => {
            // One socket under several numbers: every ring waits for the same connections.
            let listening = exclusive()?;
            let clones = (0..workers).map(|_| Ok(vec![listening.try_clone()?]));
            let lists = clones.collect::<anyhow::Result<_>>()?;
            on_rings(lists, workers, AcceptPolicy::ReusePort)
        }
        Way::EpollHerd => on_epoll(port, workers, epoll::EventFlags::IN),
        Way::EpollExclusive => on_epoll(port, workers, epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE),
    }
}

fn on_rings(lists: Vec<Vec<Listening>>, workers: usize, policy: AcceptPolicy) -> anyhow::Result<()> {
    let intake = Intake::new(lists, workers, &IntakeOptions { policy, connections_max: CONNECTIONS_MAX })?;
    let runtime = Runtime::builder().workers(workers).pinning(Pinning::Free).watchdog(WatchdogSetting::Off);
    let running = runtime.build()?.start(move |worker| {
        let mut door = Arc::clone(&intake).open_door(worker.index());
        async move {
            while let Some((stream, _, _slot)) = door.next().await {
                drop(stream);
            }
        }
    })?;
    running.join();
    Ok(())
}

/// The same by epoll(7): each thread waits for the one listener, and whoever wakes accepts until nothing is left.
fn on_epoll(port: u16, workers: usize, flags: epoll::EventFlags) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&listener, BACKLOG as i32)?;
    listener.set_nonblocking(true)?;
    let listener = Arc::new(listener);
    let start = |_| {
        let listener = Arc::clone(&listener);
        thread::spawn(move || -> anyhow::Result<()> {
            let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            epoll::add(&queue, &*listener, epoll::EventData::new_u64(0), flags)?;
            let mut events = Vec::with_capacity(1);
            loop {
                epoll::wait(&queue, spare_capacity(&mut events), None)?;
                events.clear();
                while let Ok((stream, _)) = listener.accept() {
                    drop(stream);
                }
            }
        })
    };
    let threads: Vec<_> = (0..workers).map(start).collect();
    threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
}
