//! One run of one form: acceptor, worker and client, and what they used.

use std::{
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsRawFd, RawFd},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use io_uring::{IoUring, opcode, squeue, types};

use super::forms::{Form, Inbox, MESSAGE, Sender, pair};
use crate::cpus;

const ACCEPT: u64 = 1;
/// Descriptors are below this; their acceptance is stamped in a table indexed by them.
const DESCRIPTORS_MAX: usize = 16_384;
/// A connection that is not closed by then was lost.
const LOST_AFTER: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub(in crate::experiments) enum Pace {
    Single,
    Burst(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) acceptor_us: f64,
    pub(super) worker_us: f64,
    pub(super) latency_p50_us: f64,
    pub(super) latency_p99_us: f64,
}

/// When each descriptor was accepted, in nanoseconds since `start`.
struct Stamps {
    start: Instant,
    accepted_ns: Vec<AtomicU64>,
}

impl Stamps {
    fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}

pub(super) fn run_once(form: Form, pace: Pace, connections: usize, cpus: &[usize]) -> anyhow::Result<Sample> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let accepted_ns = (0..DESCRIPTORS_MAX).map(|_| AtomicU64::new(0)).collect();
    let stamps = Stamps { start: Instant::now(), accepted_ns };
    let (sender, inbox) = pair(form)?;
    let (acceptor_cpu, worker_cpu) = (cpus[0], cpus[1 % cpus.len()]);
    thread::scope(|scope| {
        let stamps = &stamps;
        let (publish, ring_of_worker) = sync_channel(1);
        let worker = (form != Form::None).then(|| {
            scope.spawn(move || {
                cpus::pin(&[worker_cpu])?;
                work(&inbox, form, connections, stamps, &publish)
            })
        });
        let (armed, is_armed) = sync_channel(1);
        let acceptor = scope.spawn(move || {
            cpus::pin(&[acceptor_cpu])?;
            let ring =
                if form == Form::None { -1 } else { ring_of_worker.recv().map_err(io::Error::other)? };
            accept(&listener, (form != Form::None).then_some((&sender, ring)), connections, stamps, &armed)
        });
        is_armed.recv().context("the acceptor did not start")?;
        let driven = drive(address, pace, connections);
        if driven.is_err() {
            // A lost connection leaves both threads waiting, and they cannot be told: the process has to end.
            eprintln!("a connection was lost: {driven:?}");
            std::process::exit(1);
        }
        let acceptor_us = acceptor.join().map_err(|_| anyhow!("the acceptor panicked"))??;
        let (worker_us, mut latencies) = match worker {
            Some(worker) => worker.join().map_err(|_| anyhow!("the worker panicked"))??,
            None => (0.0, vec![0]),
        };
        latencies.sort_unstable();
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        let per_connection = |us: f64| us / connections as f64;
        Ok(Sample {
            acceptor_us: per_connection(acceptor_us),
            worker_us: per_connection(worker_us),
            latency_p50_us: at(0.50),
            latency_p99_us: at(0.99),
        })
    })
}

/// Accepts `connections` and hands them over, or closes them where there is nobody to take them.
fn accept(
    listener: &TcpListener,
    to: Option<(&Sender, RawFd)>,
    connections: usize,
    stamps: &Stamps,
    armed: &SyncSender<()>,
) -> io::Result<f64> {
    let mut ring = ring()?;
    let subscription =
        opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).flags(libc::SOCK_CLOEXEC).build();
    push(&mut ring, &subscription.clone().user_data(ACCEPT))?;
    ring.submit()?;
    armed.send(()).map_err(io::Error::other)?;
    let before = cpus::thread_time();
    let (mut accepted, mut batch) = (0, Vec::with_capacity(1024));
    while accepted < connections {
        wait(&mut ring)?;
        batch.clear();
        batch.extend(ring.completion().map(|c| (c.result(), io_uring::cqueue::more(c.flags()))));
        for &(result, more) in &batch {
            if result < 0 {
                return Err(io::Error::from_raw_os_error(-result));
            }
            accepted += 1;
            if !more {
                push(&mut ring, &subscription.clone().user_data(ACCEPT))?;
            }
            match to {
                None => close(result),
                Some((sender, worker)) => {
                    stamps.accepted_ns[result as usize].store(stamps.now_ns(), Ordering::Relaxed);
                    if let Some(entry) = sender.hand(worker, result) {
                        push(&mut ring, &entry)?;
                    }
                }
            }
        }
        if let Some((sender, worker)) = to
            && let Some(entry) = sender.ring_bell(worker)?
        {
            push(&mut ring, &entry)?;
        }
    }
    ring.submit()?;
    Ok((cpus::thread_time() - before).as_secs_f64() * 1e6)
}

/// Takes `connections` from the inbox and closes them. Back come CPU microseconds and each latency in nanoseconds.
fn work(
    inbox: &Inbox,
    form: Form,
    connections: usize,
    stamps: &Stamps,
    publish: &SyncSender<RawFd>,
) -> io::Result<(f64, Vec<u64>)> {
    let mut ring = ring()?;
    if form == Form::QueueAndEventfd {
        push(&mut ring, &inbox.poll())?;
        ring.submit()?;
    }
    publish.send(ring.as_raw_fd()).map_err(io::Error::other)?;
    let mut latencies = Vec::with_capacity(connections);
    let mut take = |fd: RawFd| {
        latencies
            .push(stamps.now_ns().saturating_sub(stamps.accepted_ns[fd as usize].load(Ordering::Relaxed)));
        close(fd);
        latencies.len()
    };
    let before = cpus::thread_time();
    let mut taken = 0;
    while taken < connections {
        if form != Form::Message {
            while let Some(fd) = inbox.take() {
                taken = take(fd);
            }
            if taken == connections {
                break;
            }
            if let Some(fd) = inbox.sleep() {
                taken = take(fd);
                continue;
            }
        }
        wait(&mut ring)?;
        for completion in ring.completion() {
            if completion.user_data() == MESSAGE {
                taken = take(completion.result());
            }
        }
    }
    Ok(((cpus::thread_time() - before).as_secs_f64() * 1e6, latencies))
}

/// Opens the connections and waits until each has been closed from the other side.
pub(in crate::experiments) fn drive(address: SocketAddr, pace: Pace, connections: usize) -> io::Result<()> {
    let burst = match pace {
        Pace::Single => 1,
        Pace::Burst(burst) => burst,
    };
    let mut left = connections;
    while left > 0 {
        let now = left.min(burst);
        let open: Vec<TcpStream> =
            (0..now).map(|_| TcpStream::connect(address)).collect::<io::Result<_>>()?;
        for mut stream in open {
            stream.set_read_timeout(Some(LOST_AFTER))?;
            stream.read_exact(&mut [0]).or_else(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Ok(()),
                _ => Err(error),
            })?;
        }
        left -= now;
    }
    Ok(())
}

fn ring() -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_submit_all().setup_clamp().setup_cqsize(16_384);
    builder.build(1024)
}

fn wait(ring: &mut IoUring) -> io::Result<()> {
    loop {
        match ring.submit_and_wait(1) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(|_| ()),
        }
    }
}

fn push(ring: &mut IoUring, entry: &squeue::Entry) -> io::Result<()> {
    loop {
        // SAFETY: none of the entries made here points to memory.
        if unsafe { ring.submission().push(entry) }.is_ok() {
            return Ok(());
        }
        ring.submit()?;
    }
}

fn close(fd: RawFd) {
    // SAFETY: the accept gave us this descriptor, its one holder is the caller, and no op on it is in flight.
    unsafe { libc::close(fd) };
}
