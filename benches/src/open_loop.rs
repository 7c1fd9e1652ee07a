//! A client that asks at fixed times, whatever the answers do (an open loop). In: what is asked for, and a rate. Out: how
//! long each answer took from the time at which it was due to be asked for, so that one late answer counts for all it has
//! held up.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::compare::client::connect;
use crate::compare::interrupt;
use crate::cpus;
use crate::latencies::Latencies;

/// Below it a sleep would end too late: timers have a slack of 50 us (prctl(2), PR_SET_TIMERSLACK).
const SPIN: Duration = Duration::from_micros(100);
/// Requests before the first that counts.
const WARM_UP: usize = 200;

/// What is asked for, on one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) port: u16,
    /// Without the slash at its beginning.
    pub(crate) path: &'a str,
    /// The file's size, at most 2 KiB.
    pub(crate) body_bytes: usize,
    pub(crate) requests_per_second: u32,
    pub(crate) duration: Duration,
}

/// Asks, and keeps the calling thread on `cpus` from now on.
pub(crate) fn measure(asking: &Asking<'_>, cpus: &[usize]) -> anyhow::Result<Latencies> {
    let Asking { port, path, body_bytes, requests_per_second, duration } = *asking;
    cpus::pin(cpus)?;
    let mut stream = connect(port)?;
    stream.set_nodelay(true)?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    let mut room = [0; 4_096];
    let mut ask = || -> anyhow::Result<()> {
        stream.write_all(request.as_bytes())?;
        let mut length = 0;
        while !is_whole(&room[..length], body_bytes) {
            let read = stream.read(&mut room[length..]).context("no answer")?;
            ensure!(read > 0, "the answer ends early");
            length += read;
        }
        ensure!(room.starts_with(b"HTTP/1.1 200 "), "not the file");
        Ok(())
    };
    (0..WARM_UP).try_for_each(|_| ask())?;
    let period = Duration::from_secs(1) / requests_per_second.max(1);
    let requests = u32::try_from(duration.as_nanos() / period.as_nanos().max(1))?;
    let begun = Instant::now();
    let mut latencies = Vec::with_capacity(requests as usize);
    for number in 0..requests {
        let due = begun + period * number;
        interrupt::check()?;
        wait_until(due);
        ask()?;
        latencies.push(due.elapsed());
    }
    ensure!(!latencies.is_empty(), "no request was due in {duration:?}");
    // Each was waited for: none is lost.
    Ok(Latencies::new(latencies, 0, duration))
}

/// The head and its body, whose length is known.
fn is_whole(received: &[u8], body_bytes: usize) -> bool {
    let head_end = received.windows(4).position(|octets| octets == b"\r\n\r\n");
    head_end.is_some_and(|end| received.len() >= end + 4 + body_bytes)
}

fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if left > SPIN {
        thread::sleep(left - SPIN);
    }
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}
