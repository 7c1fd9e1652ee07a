//! One worker that puts off the time limits of its connections, and does nothing else. In: how they are kept, and how many there
//! are. Out: nanoseconds per read.

use std::future::{Future, Pending, pending, poll_fn};
use std::hint::black_box;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use selvedge_runtime::timer::{Deadline, Timeout, sleep, timeout};
use selvedge_runtime::{JoinHandle, block_on, now, spawn, yield_now};

use super::{LIMIT, Way};

/// Reads of one turn of the worker: what 64 busy connections make of it.
const READS_PER_TURN: u64 = 64;
/// Prime to every number of connections, so that all have their turn and none follows its neighbour.
const STRIDE: usize = 7_919;

/// Nanoseconds per read with so many connections that have a limit.
pub(super) fn ns_per_read(way: Way, connections: usize, reads: u64) -> anyhow::Result<f64> {
    let took = block_on(move || async move {
        match way {
            Way::None => Ok(in_turns(connections, reads, |at, _| _ = black_box(at)).await),
            Way::Deadline => {
                let deadlines: Vec<_> = (0..connections).map(|_| Deadline::new()).collect();
                let touch = |at: usize, context: &mut Context<'_>| {
                    deadlines[at].set(now() + LIMIT);
                    let _ = black_box(deadlines[at].poll_expired(context));
                };
                Ok(in_turns(connections, reads, touch).await)
            }
            Way::Timeout => {
                let mut limits: Vec<Option<Timeout<Pending<()>>>> = Vec::new();
                limits.resize_with(connections, || None);
                let touch = |at: usize, context: &mut Context<'_>| {
                    // The read before is over, and its limit with it.
                    limits[at] = None;
                    let limit = limits[at].insert(timeout(LIMIT, pending()));
                    let _ = black_box(Pin::new(limit).poll(context));
                };
                Ok(in_turns(connections, reads, touch).await)
            }
            Way::Task => {
                let mut limits: Vec<Option<JoinHandle<()>>> = Vec::new();
                limits.resize_with(connections, || None);
                let touch = |at: usize, _: &mut Context<'_>| {
                    if let Some(before) = limits[at].replace(spawn("time limit", sleep(LIMIT))) {
                        before.abort();
                    }
                };
                let took = in_turns(connections, reads, touch).await;
                limits.iter().flatten().for_each(JoinHandle::abort);
                Ok(took)
            }
            Way::Timerfd => {
                let timers: io::Result<Vec<_>> = (0..connections).map(|_| kernel_timer()).collect();
                let timers = timers?;
                let touch = |at: usize, _: &mut Context<'_>| {
                    set_kernel_timer(&timers[at]).expect("the timer is a timer (timerfd_create(2))");
                };
                Ok(in_turns(connections, reads, touch).await)
            }
        }
    });
    let took: io::Result<Duration> = took;
    let took = took.context("no timers of the kernel's")?;
    Ok(took.as_secs_f64() * 1e9 / reads as f64)
}

/// Touches one connection after the other, as many in a turn of the worker as a busy server does.
async fn in_turns(
    connections: usize,
    reads: u64,
    mut touch: impl FnMut(usize, &mut Context<'_>),
) -> Duration {
    let start = Instant::now();
    let (mut at, mut left) = (0, reads);
    while left > 0 {
        let in_this_turn = left.min(READS_PER_TURN);
        left -= in_this_turn;
        poll_fn(|context| {
            for _ in 0..in_this_turn {
                touch(at, context);
                at = (at + STRIDE) % connections;
            }
            Poll::Ready(())
        })
        .await;
        yield_now().await;
    }
    start.elapsed()
}

/// A timer of the kernel's; nobody waits for it, since it never expires here.
pub(in crate::experiments) fn kernel_timer() -> io::Result<OwnedFd> {
    Ok(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?)
}

pub(in crate::experiments) fn set_kernel_timer(timer: &OwnedFd) -> io::Result<()> {
    let never_again = Timespec { tv_sec: 0, tv_nsec: 0 };
    let value = Timespec { tv_sec: LIMIT.as_secs() as i64, tv_nsec: 0 };
    timerfd_settime(
        timer,
        TimerfdTimerFlags::empty(),
        &Itimerspec { it_interval: never_again, it_value: value },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_way_keeps_the_limits_of_many_connections() {
        for &way in Way::value_variants() {
            assert!(ns_per_read(way, 10, 1_000).unwrap() > 0.0, "{way:?}");
        }
    }

    #[test]
    fn every_connection_has_its_turn() {
        for connections in super::super::CONNECTIONS {
            let touched = block_on(move || async move {
                let mut touched = vec![0; connections];
                in_turns(connections, connections as u64, |at, _| touched[at] += 1).await;
                touched
            });
            assert!(touched.iter().all(|&times| times == 1), "of {connections} connections");
        }
    }
}
