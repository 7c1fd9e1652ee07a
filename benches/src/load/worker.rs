//! One worker of the generator. In: a plan. Out: what its share of the connections has counted.
//!
//! First all connections of all workers are opened; then the time of all begins at one moment.

use std::cell::{Cell, RefCell};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use rustix::thread::set_current_timer_slack;
use selvedge_runtime::net::{Address, Stream};
use selvedge_runtime::timer::{sleep_until, timeout};
use selvedge_runtime::{BlockClass, Moment, StopSignal, StopSource, Turns, now, spawn};

use super::connection::{Connection, Shared};
use super::idle::Idle;
use super::paths::Chooser;
use super::plan::Plan;
use super::request::Template;
use super::schedule::Supply;
use super::tally::Tally;
use super::window::Window;
use crate::compare::proc::CpuTime;
use crate::cpus::thread_time;

/// Connections of a worker that are being opened at a time: less than the backlog of any server.
const OPENING_MAX: usize = 128;
/// How late timers may be, in nanoseconds; they would be late by 50 us (PR_SET_TIMERSLACK, prctl(2)).
const TIMER_SLACK_NS: u64 = 1;

/// The moment at which all workers begin.
#[derive(Debug)]
pub(super) struct Start {
    /// Workers that are not ready.
    awaited: AtomicUsize,
    at: OnceLock<Moment>,
    gate: StopSource,
    opened: StopSignal,
}

/// What a worker has done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) worker: usize,
    pub(super) tally: Tally,
    pub(super) window: Window,
    /// Its last connection had nothing more to do.
    pub(super) finished: Moment,
    /// Processor time of its thread within the window.
    pub(super) cpu: Duration,
    /// Of the server, which the first worker looks at.
    pub(super) server_cpu: Option<Duration>,
    /// Of an open loop.
    pub(super) schedule: Option<Schedule>,
}

/// How an open loop's schedule was kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Schedule {
    /// Requests that were due within the window.
    pub(super) due: u64,
    /// The moments at which they were.
    pub(super) moments: u64,
    /// Requests that were due and for which no connection was free, when the last one came to be due.
    pub(super) backlog: u64,
    /// Requests that were due and never sent.
    pub(super) unsent: u64,
}

impl Start {
    pub(super) fn new(workers: usize) -> Self {
        let (gate, opened) = StopSource::new();
        Self { awaited: AtomicUsize::new(workers), at: OnceLock::new(), gate, opened }
    }

    /// Waits until all workers have come here.
    async fn wait(&self) -> Moment {
        if self.awaited.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.at.get_or_init(now);
            self.gate.stop();
        }
        self.opened.stopped().await;
        *self.at.get().expect("it is set before the gate is opened")
    }
}

/// Does a worker's share of `plan`, which was checked.
///
/// # Errors
/// When a task of it panicked: its figures would be wrong.
pub(super) async fn work(worker: usize, plan: Plan, start: &Start) -> anyhow::Result<Done> {
    // Without it requests of an open loop are sent late, and say so.
    let _ = set_current_timer_slack(NonZero::new(TIMER_SLACK_NS));
    let share = plan.share(worker);
    let address = Address::Ip(plan.target.address);
    let streams = open(&plan, &address, share.connections).await;

    let window = Window::new(&plan, start.wait().await);
    let template = Template::new(&plan)?;
    let block = BlockClass::fitting(template.bytes_max() * plan.pipeline).context("the plan was checked")?;
    let mut tally = Tally::new(window);
    tally.connections_opened = streams.iter().flatten().count() as u64;
    let shared = Rc::new(Shared {
        address,
        template,
        block,
        window,
        paths: RefCell::new(Chooser::new(&plan.paths, plan.seed.wrapping_add(worker as u64))),
        supply: RefCell::new(Supply::new(&plan, share, window)),
        idle: RefCell::new(Idle::new(share.connections)),
        tally: RefCell::new(tally),
        plan,
    });
    let meter = Rc::new(Meter::default());
    let mut meters = vec![spawn("meter", measure_cpu(Rc::clone(&meter), window))];
    let server_meter = Rc::new(Cell::new(None));
    if let Some(pid) = shared.plan.server_pid.filter(|_| worker == 0) {
        meters.push(spawn("server meter", measure_server(pid, Rc::clone(&server_meter), window)));
    }
    let connections: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(number, stream)| spawn("connection", Connection::new(&shared, number, stream).run()))
        .collect();
    let schedule = spawn("schedule", keep_schedule(Rc::clone(&shared)));
    for connection in connections {
        connection.await.context("a connection's task panicked")?;
    }
    // An open loop's last requests are answered before the time is over that they stand for.
    let end = match &*shared.supply.borrow() {
        Supply::Closed(_) => None,
        Supply::Open(open) => open.end_in_order(),
    };
    if let Some(end) = end {
        sleep_until(end).await;
        for meter in meters {
            meter.await.context("a meter's task panicked")?;
        }
    }
    let (finished, cpu) = (now(), meter.used());
    // With all connections given up it would go on.
    schedule.abort();
    let schedule = match &mut *shared.supply.borrow_mut() {
        Supply::Closed(_) => None,
        Supply::Open(open) => {
            open.end(finished);
            let (due, moments) = (open.measured, open.moments());
            Some(Schedule { due, moments, backlog: open.backlog_at_end, unsent: open.unsent })
        }
    };
    let tally = shared.tally.borrow().clone();
    Ok(Done { worker, tally, window, finished, cpu, server_cpu: server_meter.get(), schedule })
}

/// Opens the connections, within the time of one answer. Those that could not be are tried again when they are needed, and
/// counted then.
async fn open(plan: &Plan, address: &Address, connections: usize) -> Vec<Option<Stream>> {
    let (turns, until) = (Turns::new(OPENING_MAX), now() + plan.timeout);
    let opening: Vec<_> = (0..connections)
        .map(|_| {
            let (turns, address) = (turns.clone(), address.clone());
            let one = async move {
                let _turn = turns.next().await;
                Stream::connect(&address).await.ok()
            };
            spawn("opens", timeout(until.since(now()), one))
        })
        .collect();
    let mut streams = Vec::with_capacity(connections);
    for one in opening {
        streams.push(one.await.ok().and_then(Result::ok).flatten());
    }
    streams
}

/// Wakes connections of an open loop when requests come to be due, until the last one is.
async fn keep_schedule(shared: Rc<Shared>) {
    while let Some(next) = wake_for_what_is_due(&shared) {
        sleep_until(next).await;
    }
    // They find that nothing more is due.
    while let Some(waker) = shared.idle.borrow_mut().pop() {
        waker.wake();
    }
}

/// Returns when the next request is due.
fn wake_for_what_is_due(shared: &Shared) -> Option<Moment> {
    let mut supply = shared.supply.borrow_mut();
    let Supply::Open(open) = &mut *supply else { return None };
    let (now, mut idle) = (now(), shared.idle.borrow_mut());
    let due = open.backlog(now);
    let next = open.next_due(now);
    let backlog = due.saturating_sub((idle.waiting() * shared.plan.pipeline) as u64);
    if next.is_none() {
        open.backlog_at_end = backlog;
    }
    if backlog > open.backlog_max {
        open.end(now);
        return None;
    }
    // A wake-up each: who finds nothing any more waits again.
    for waker in std::iter::from_fn(|| idle.pop()).take(usize::try_from(due).unwrap_or(usize::MAX)) {
        waker.wake();
    }
    next
}

/// The worker's processor time.
#[derive(Debug, Default)]
struct Meter {
    begin: Cell<Option<Duration>>,
    end: Cell<Option<Duration>>,
}

impl Meter {
    /// Within the window, as far as it has come.
    fn used(&self) -> Duration {
        let end = self.end.get().unwrap_or_else(thread_time);
        self.begin.get().map_or(Duration::ZERO, |begin| end.saturating_sub(begin))
    }
}

async fn measure_cpu(meter: Rc<Meter>, window: Window) {
    sleep_until(window.begin).await;
    meter.begin.set(Some(thread_time()));
    if window.ends() {
        sleep_until(window.end).await;
        meter.end.set(Some(thread_time()));
    }
}

/// Reads /proc, which takes the worker some hundred microseconds twice; nothing where the server is not there.
async fn measure_server(pid: i32, used: Rc<Cell<Option<Duration>>>, window: Window) {
    sleep_until(window.begin).await;
    let Ok(before) = CpuTime::read(pid) else { return };
    sleep_until(window.end).await;
    used.set(CpuTime::read(pid).ok().map(|now| Duration::from_secs_f64(now.since_us(&before) / 1e6)));
}
