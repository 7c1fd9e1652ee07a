//! Clients that take as much as they can get. In: a port. Out: octets read, until they are told that it is over.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, ensure};

use super::{LARGE, SMALL};
use crate::compare::client::connect;
use crate::cpus;

/// Octets of one read.
const READ_BYTES: usize = 256 * 1024;

/// What it is greedy for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Greedy {
    /// Answers: so many requests are under way at any time.
    Pipeliner { depth: usize },
    /// One body.
    Downloader,
}

impl Greedy {
    /// Goes on until it is over; counts what it has read.
    pub(super) fn run(
        self,
        port: u16,
        cpus: &[usize],
        over: &AtomicBool,
        received: &AtomicU64,
    ) -> anyhow::Result<()> {
        cpus::pin(cpus)?;
        // Where it shares a CPU with the good one, whose wait for it is not what is measured.
        cpus::give_way()?;
        let stream = connect(port)?;
        match self {
            Self::Pipeliner { depth } => pipeline(stream, port, depth, over, received),
            Self::Downloader => download(stream, port, over, received),
        }
    }
}

fn request(port: u16, file: &str) -> String {
    format!("GET /{file} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
}

/// Sends half of the requests while it reads the answers to the other half.
fn pipeline(
    mut stream: TcpStream,
    port: u16,
    depth: usize,
    over: &AtomicBool,
    received: &AtomicU64,
) -> anyhow::Result<()> {
    let request = request(port, SMALL.0);
    stream.write_all(request.as_bytes())?;
    let mut room = vec![0; READ_BYTES];
    // They are all alike, as nothing in them depends on the time but the date, which is as long as any.
    let answer_bytes = stream.read(&mut room)?;
    ensure!(room[..answer_bytes].starts_with(b"HTTP/1.1 200 "), "not the file");
    let half = depth.div_ceil(2);
    let requests = request.repeat(half);
    stream.write_all(requests.as_bytes())?;
    while !over.load(Ordering::Relaxed) {
        stream.write_all(requests.as_bytes())?;
        let mut left = answer_bytes * half;
        while left > 0 {
            let read = stream.read(&mut room[..left.min(READ_BYTES)]).context("no answer")?;
            ensure!(read > 0, "the answers end");
            left -= read;
            received.fetch_add(read as u64, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn download(mut stream: TcpStream, port: u16, over: &AtomicBool, received: &AtomicU64) -> anyhow::Result<()> {
    let mut room = vec![0; READ_BYTES];
    while !over.load(Ordering::Relaxed) {
        stream.write_all(request(port, LARGE.0).as_bytes())?;
        let mut of_this = 0;
        // The head is some hundred octets more.
        while of_this < LARGE.1 && !over.load(Ordering::Relaxed) {
            let read = stream.read(&mut room).context("the body does not go on")?;
            ensure!(read > 0, "the body ends early");
            of_this += read as u64;
            received.fetch_add(read as u64, Ordering::Relaxed);
        }
        // Begun anew, so that nothing of the last one is left.
        stream = connect(port)?;
    }
    Ok(())
}
