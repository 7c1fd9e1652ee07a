//! Workers that accept connections, and close them at once or answer on them. In: who accepts, how many workers, and what becomes of
//! a connection. Out: closed or answered connections; what one wakes is counted from outside.

use std::net::{Ipv4Addr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use anyhow::{anyhow, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing, Slot, Stream};
use selvedge_runtime::{Chunk, Pinning, Runtime, WatchdogSetting, spawn_detached};

use super::canned;
use crate::experiments::accepting::Answers;
use crate::experiments::herd::Way;

const BACKLOG: u32 = 4_096;
/// More than are open at a time: at a listener of all, one worker may take most of them, and it would let a connection wait that it
/// has no room for.
const CONNECTIONS_PER_WORKER_MAX: usize = 16_384;
/// Octets of an answer's body: as many as `compare`'s smallest file has.
const BODY_BYTES: usize = 151;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Who accepts
    #[arg(long, value_enum)]
    way: Way,
    /// Workers, each a thread
    #[arg(long)]
    workers: usize,
    /// What becomes of a connection
    #[arg(long, value_enum, default_value_t = Answers::None)]
    answers: Answers,
}

/// Accepts until the process is killed.
pub(super) fn run(port: u16, options: &Options) -> anyhow::Result<()> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let exclusive = || Listening::bind_ip(address, BACKLOG, PortSharing::Exclusive);
    let Options { way, workers, answers } = *options;
    let on_rings = |lists, policy| on_rings(lists, workers, policy, answers);
    let on_epoll = |flags| {
        ensure!(answers == Answers::None, "by epoll connections are only closed: leave --answers out");
        on_epoll(port, workers, flags)
    };
    match way {
        Way::Shared => on_rings(vec![vec![exclusive()?]], AcceptPolicy::Shared),
        Way::Dedicated => on_rings(vec![vec![exclusive()?]], AcceptPolicy::Dedicated),
        Way::ReusePort => {
            let shared = (0..workers).map(|_| Listening::bind_ip(address, BACKLOG, PortSharing::Shared));
            let lists = shared.map(|listening| Ok(vec![listening?])).collect::<anyhow::Result<_>>()?;
            on_rings(lists, AcceptPolicy::ReusePort)
        }
        Way::RingHerd => {
            // One socket under several numbers: every ring waits for the same connections.
            let listening = exclusive()?;
            let clones = (0..workers).map(|_| Ok(vec![listening.try_clone()?]));
            let lists = clones.collect::<anyhow::Result<_>>()?;
            on_rings(lists, AcceptPolicy::ReusePort)
        }
        Way::EpollHerd => on_epoll(epoll::EventFlags::IN),
        Way::EpollExclusive => on_epoll(epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE),
    }
}

fn on_rings(
    lists: Vec<Vec<Listening>>,
    workers: usize,
    policy: AcceptPolicy,
    answers: Answers,
) -> anyhow::Result<()> {
    if answers != Answers::None {
        // As the server does.
        lists.iter().flatten().try_for_each(Listening::await_first_octets)?;
    }
    let connections_max = workers * CONNECTIONS_PER_WORKER_MAX;
    let intake = Intake::new(lists, workers, &IntakeOptions { policy, connections_max })?;
    let runtime = Runtime::builder().workers(workers).pinning(Pinning::Free).watchdog(WatchdogSetting::Off);
    let running = runtime.build()?.start(move |worker| {
        let mut door = Arc::clone(&intake).open_door(worker.index());
        async move {
            let answer: Rc<[u8]> = canned::answer(BODY_BYTES).into();
            while let Some((stream, _, slot)) = door.next().await {
                match answers {
                    Answers::None => drop(stream),
                    _ => spawn_detached("connection", serve(stream, slot, answers, Rc::clone(&answer))),
                }
            }
        }
    })?;
    running.join();
    Ok(())
}

/// Answers once, or until the client ends or the connection fails. The connection has its `slot` as long as it is open.
async fn serve(mut stream: Stream, _slot: Slot, answers: Answers, answer: Rc<[u8]>) {
    let length = answer.len() as u32;
    while let Ok(Some(received)) = stream.receive().await {
        drop(received);
        let sent = stream.send(Chunk::Rc(Rc::clone(&answer), 0..length)).await;
        if sent.is_err() || answers == Answers::One {
            return;
        }
    }
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
