//! What must hold on a machine of many processors: each worker on its own, with memory of that processor's node, the
//! same share of the connections, and an end in order. In: the machine. Out: a line for each check, or what does not hold.

mod application;
#[expect(unsafe_code, reason = "move_pages(2), which no safe crate has")]
mod nodes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use selvedge_http::{Server, Timeouts};
use selvedge_runtime::net::AcceptPolicy;
use selvedge_runtime::{BlockClass, BufferPool, KernelLimits, WatchdogSetting, WorkerLimits, process};

use crate::compare::client::read_body;
use crate::plural::counted;
use application::Seen;

/// The server's deadlines, and how long the client waits: fifty times what a machine that is not emulated could need.
const PATIENCE: Duration = Duration::from_secs(600);

/// Blocks of each class whose pages are looked at, from the first on: those that are used first.
const BLOCKS: usize = 16;

/// Pages of a request's body: far fewer than a worker has receive buffers, or it would copy it out of them.
const BODY_PAGES: usize = 64;

/// Options of `workers`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Workers; as many as processors by default
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Fail unless the workers' processors are of so many memory nodes
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,
    /// Connections of each worker that serves
    #[arg(long, value_name = "N", default_value_t = 4)]
    connections: usize,
    /// Receive buffers of each worker, a power of two: each is received into, which takes an emulator its time
    #[arg(long, value_name = "N", default_value_t = KernelLimits::default().receive_buffers)]
    receive_buffers: u16,
    /// Who accepts
    #[arg(long, value_enum, default_value_t = Accept::Auto)]
    accept: Accept,
}

/// The ways to accept that hand connections out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Accept {
    /// Worker 0, which serves too where there are few
    Auto,
    /// Worker 0, which serves too
    Shared,
    /// Worker 0, which does nothing else
    Dedicated,
}

impl From<Accept> for AcceptPolicy {
    fn from(accept: Accept) -> Self {
        match accept {
            Accept::Auto => Self::Auto,
            Accept::Shared => Self::Shared,
            Accept::Dedicated => Self::Dedicated,
        }
    }
}

/// Starts the workers, checks them, and stops them.
///
/// # Errors
/// The first thing that does not hold.
pub(crate) fn run(options: &Options) -> Result<()> {
    process::raise_descriptor_limit();
    let workers = options.workers.unwrap_or(process::allowed_cpus().len());
    ensure!(
        workers > 0 && options.connections > 0,
        "no workers or no connections; ask for at least one of each"
    );
    let seen = Seen::new(workers);
    let kernel = KernelLimits { receive_buffers: options.receive_buffers, ..KernelLimits::default() };
    let limits = WorkerLimits { kernel, ..WorkerLimits::default() };
    let started = Instant::now();
    let server = Server::builder()
        .listen("127.0.0.1:0")
        .workers(workers)
        .accept(options.accept.into())
        .runtime(|runtime| runtime.watchdog(WatchdogSetting::Off).limits(limits))
        .timeouts(patient())
        .drain(PATIENCE)
        .body_bytes_max(u64::MAX)
        .start({
            let seen = seen.clone();
            move |worker| application::application(worker.index(), seen.clone())
        })?;
    println!("{} started in {:.1} s", counted(workers, "worker", "workers"), started.elapsed().as_secs_f64());

    let nodes = pinned_nodes(&server)?;
    let different: BTreeSet<_> = nodes.iter().collect();
    let memory_nodes = counted(different.len(), "memory node", "memory nodes");
    println!("each is pinned to its own processor, on {memory_nodes}");
    if let Some(expected) = options.nodes {
        ensure!(different.len() == expected, "the processors are of nodes {different:?}, not of {expected}");
    }
    let mut clients = hand_off(&server, options.connections)?;
    let (policy, count) = (server.control().intake().policy(), clients.iter().map(Vec::len).sum::<usize>());
    let connections = counted(count, "connection was", "connections were");
    println!("{connections} handed out evenly (accept: {policy:?})");
    let pages = local_pages(&server, &seen, &nodes, &mut clients)?;
    let pages =
        counted(pages, "page of receive buffers and blocks is", "pages of receive buffers and blocks are");
    println!("{pages} of their worker's node");
    stop(server, clients)?;
    println!("stopped: running requests were answered, idle connections closed");
    Ok(())
}

fn patient() -> Timeouts {
    Timeouts {
        head: PATIENCE,
        idle: PATIENCE,
        body_grace: PATIENCE,
        write_grace: PATIENCE,
        bytes_per_second_min: 1,
        linger: PATIENCE,
    }
}

/// The memory node of each worker, whose thread may run on its own processor alone.
fn pinned_nodes(server: &Server) -> Result<Vec<usize>> {
    let handle = server.running().handle();
    let mut masks = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task")? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let (name, cpus) = field("Name:").zip(field("Cpus_allowed_list:")).context("a status has both")?;
        masks.insert(name.to_owned(), cpus.to_owned());
    }
    let mut taken = BTreeSet::new();
    (0..handle.workers())
        .map(|worker| {
            let cpu = handle.cpu(worker);
            let mask = masks
                .get(&format!("selvedge-{worker}"))
                .with_context(|| format!("worker {worker} has no thread"))?;
            ensure!(*mask == cpu.to_string(), "worker {worker} may run on {mask}, not on {cpu} alone");
            ensure!(taken.insert(cpu), "worker {worker} shares processor {cpu}");
            nodes::of_cpu(cpu)
        })
        .collect()
}

/// A connection, and what was read of it and not used.
type Client = BufReader<TcpStream>;

/// The connections of each worker, by who answers on them: the same number for each that serves.
fn hand_off(server: &Server, per_worker: usize) -> Result<Vec<Vec<Client>>> {
    let (workers, intake) = (server.running().handle().workers(), server.control().intake());
    let accepts_only = usize::from(intake.policy() == AcceptPolicy::Dedicated && workers > 1);
    let mut clients: Vec<Vec<Client>> = (0..workers).map(|_| Vec::new()).collect();
    for _ in 0..per_worker * (workers - accepts_only) {
        let stream = TcpStream::connect(server.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut client = BufReader::new(stream);
        client.get_mut().write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")?;
        let worker = worker_of(&mut client)?;
        clients[worker].push(client);
    }
    let answering: Vec<_> = clients.iter().map(Vec::len).collect();
    let expected: Vec<_> =
        (0..workers).map(|worker| if worker < accepts_only { 0 } else { per_worker }).collect();
    ensure!(answering == expected, "the workers answer on {answering:?} connections, not on {expected:?}");
    let assigned = intake.assigned();
    ensure!(assigned.iter().map(|&count| count as usize).eq(expected), "the workers were given {assigned:?}");
    Ok(clients)
}

/// Reads an answer: the number of the worker that gave it.
fn worker_of(client: &mut Client) -> Result<usize> {
    let body = String::from_utf8(read_body(client)?)?;
    body.parse().with_context(|| format!("{body:?} is no worker's number"))
}

/// Checks the memory that each worker receives into and answers from; returns how many pages that were.
fn local_pages(server: &Server, seen: &Seen, nodes: &[usize], clients: &mut [Vec<Client>]) -> Result<usize> {
    let handle = server.running().handle();
    let mut count = 0;
    for (worker, &node) in nodes.iter().enumerate() {
        let (tell, told) = mpsc::channel();
        handle.run_on(worker, move || {
            let _ = tell.send((BufferPool::usage().receive_buffers, block_pages()));
        })?;
        let (receive_buffers, blocks) = told.recv_timeout(PATIENCE)?;
        if let Some(client) = clients[worker].first_mut() {
            use_receive_buffers(client, receive_buffers)?;
        }
        let received = seen.take(worker);
        let expected = if clients[worker].is_empty() { 0 } else { receive_buffers };
        ensure!(
            received.len() == expected,
            "worker {worker} used {} of {expected} receive buffers",
            received.len()
        );

        for (what, pages) in [("receive buffers", received), ("blocks", blocks)] {
            let pages: Vec<_> = pages.into_iter().collect();
            let astray = nodes::of_pages(&pages)?.into_iter().filter(|&of| of != Some(node)).count();
            ensure!(
                astray == 0,
                "worker {worker} is of node {node}, and {astray} of {} pages of its {what} are not",
                pages.len()
            );
            count += pages.len();
        }
    }
    Ok(count)
}

/// Sends a worker as much as fills its receive buffers. The kernel takes them in turn, each for one page at most, so
/// that each is used that no request had before.
fn use_receive_buffers(client: &mut Client, receive_buffers: usize) -> Result<()> {
    let body = [b'b'; BODY_PAGES * nodes::PAGE_BYTES];
    let head = format!("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n", body.len());
    for _ in 0..receive_buffers.div_ceil(BODY_PAGES) {
        client.get_mut().write_all(head.as_bytes())?;
        client.get_mut().write_all(&body)?;
        worker_of(client)?;
    }
    Ok(())
}

/// Pages of the current worker's blocks, which it writes to if nobody has.
fn block_pages() -> BTreeSet<usize> {
    let small = (0..BLOCKS).map_while(|_| BufferPool::lease(BlockClass::Small));
    let medium = (0..BLOCKS).map_while(|_| BufferPool::lease(BlockClass::Medium));
    let large = (0..BLOCKS).map_while(|_| BufferPool::lease(BlockClass::Large));
    let file = (0..BLOCKS).map_while(|_| BufferPool::file_block());
    // Held together, or the same one would be leased again.
    let mut blocks: Vec<_> = small.chain(medium).chain(large).chain(file).collect();
    let pieces = blocks.iter_mut().flat_map(|block| block.chunks_mut(nodes::PAGE_BYTES));
    pieces
        .map(|piece| {
            piece[0] = 1;
            nodes::page(piece)
        })
        .collect()
}

/// Stops the server while each worker has a request under way: that is answered, and idle connections are closed.
fn stop(server: Server, mut clients: Vec<Vec<Client>>) -> Result<()> {
    for client in clients.iter_mut().filter_map(|clients| clients.first_mut()) {
        let head = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
        client.get_mut().write_all(head)?;
        let mut interim = String::new();
        while !interim.ends_with("\r\n\r\n") {
            ensure!(client.read_line(&mut interim)? > 0, "the connection ended after {interim:?}");
        }
        ensure!(interim.starts_with("HTTP/1.1 100 "), "the handler has not begun: {interim:?}");
    }
    server.control().stop();
    for client in clients.iter_mut().flat_map(|clients| clients.iter_mut().skip(1)) {
        ensure!(client.read(&mut [0])? == 0, "an idle connection got something");
    }
    for (worker, clients) in clients.iter_mut().enumerate() {
        let Some(client) = clients.first_mut() else { continue };
        client.get_mut().write_all(b"b")?;
        ensure!(worker_of(client)? == worker, "another worker answered");
        ensure!(client.read(&mut [0])? == 0, "more than the answer came");
    }
    // The server waits for the clients' ends too: what they have not read would be lost by a close before that.
    drop(clients);
    server.join();
    Ok(())
}
