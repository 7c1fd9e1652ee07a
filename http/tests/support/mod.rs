//! What the tests of a running server share: a server of one worker, a client that gives up rather than hang, and an
//! application whose answers a test steers by the path.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

pub(crate) mod app;
pub(crate) mod client;
#[path = "../../../runtime/tests/support/directory.rs"]
pub(crate) mod directory;
pub(crate) mod multipart;
pub(crate) mod program;
pub(crate) mod simulated;
pub(crate) mod site;

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use selvedge_http::{
    Application, CloseReason, Control, ExchangeRecord, Observer, Server, ServerOptions, Timeouts,
    WorkerApplication,
};
use selvedge_runtime::net::{AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{BufferPool, BufferUsage, Pinning, Runtime, WatchdogSetting, Worker, WorkerLimits};

use client::Client;

/// How long a test waits for what must come; only a failure lasts this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Options under which a deadline that is not the test's subject is never reached.
pub(crate) fn patient() -> ServerOptions {
    let timeouts = Timeouts {
        head: PATIENCE * 4,
        idle: PATIENCE * 4,
        body_grace: PATIENCE * 4,
        write_grace: PATIENCE * 4,
        bytes_per_second_min: 1,
        linger: PATIENCE * 4,
    };
    ServerOptions { timeouts, drain: PATIENCE * 4, ..ServerOptions::default() }
}

/// [`patient`] but for what `change` makes short.
pub(crate) fn options(change: impl FnOnce(&mut ServerOptions)) -> ServerOptions {
    let mut options = patient();
    change(&mut options);
    options
}

/// A server of one worker on a port of its own. Dropped, it is cut off.
pub(crate) struct TestServer {
    server: Option<Server>,
    control: Control,
    address: SocketAddr,
    records: Arc<Records>,
}

impl TestServer {
    pub(crate) fn start<A: Application>(
        options: ServerOptions,
        factory: impl Fn(&Worker) -> A + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(options, WorkerLimits::default(), factory)
    }

    pub(crate) fn start_with<A: Application>(
        options: ServerOptions,
        limits: WorkerLimits,
        factory: impl Fn(&Worker) -> A + Send + Sync + 'static,
    ) -> Self {
        let records = Arc::new(Records::default());
        let records_there = Arc::clone(&records);
        Self::start_observed(options, limits, records, move |worker| {
            let records = Arc::clone(&records_there);
            let observer: Observer = Rc::new(move |record, _| records.push(*record));
            WorkerApplication { observer: Some(observer), ..factory(worker).into() }
        })
    }

    pub(crate) fn start_observed<A: Application>(
        options: ServerOptions,
        limits: WorkerLimits,
        records: Arc<Records>,
        factory: impl Fn(&Worker) -> WorkerApplication<A> + Send + Sync + 'static,
    ) -> Self {
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        let listening = Listening::bind_ip(any_port, 1_024, PortSharing::Exclusive).expect("a port is free");
        let Address::Ip(address) = *listening.address() else { panic!("bound to an IP address") };
        let intake_options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 4_096 };
        let intake = Intake::new(vec![vec![listening]], 1, &intake_options).expect("one list of listeners");
        let runtime = Runtime::builder()
            .workers(1)
            .pinning(Pinning::Free)
            .watchdog(WatchdogSetting::Off)
            .limits(limits);
        let runtime = runtime.build().expect("a valid configuration");
        let server = Server::start(runtime, &intake, options, factory).expect("io_uring is available");
        let control = server.control().clone();
        Self { server: Some(server), control, address, records }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// The server, as long as it runs.
    pub(crate) fn running(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    /// The exchanges so far, at least `count`.
    pub(crate) fn records(&self, count: usize) -> Vec<ExchangeRecord> {
        self.records.wait_for(count)
    }

    /// Runs `job` on the worker and returns what it found.
    pub(crate) fn on_worker<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, results) = mpsc::channel();
        let server = self.server.as_ref().expect("it runs");
        let job = move || drop(result.send(job()));
        server.running().handle().run_on(0, job).expect("the worker takes a job");
        results.recv_timeout(PATIENCE).expect("the worker runs the job")
    }

    pub(crate) fn usage(&self) -> BufferUsage {
        self.on_worker(BufferPool::usage)
    }

    /// Holds the worker in a job until the result is dropped.
    pub(crate) fn hold(&self) -> mpsc::Sender<()> {
        let (hold, held) = mpsc::channel();
        let (begun, begins) = mpsc::channel();
        let server = self.server.as_ref().expect("it runs");
        let job = move || {
            let _ = begun.send(());
            let _ = held.recv_timeout(PATIENCE);
        };
        server.running().handle().run_on(0, job).expect("the worker takes a job");
        begins.recv_timeout(PATIENCE).expect("the worker runs the job");
        hold
    }

    /// Waits until the worker was given `count` connections in all.
    pub(crate) fn wait_for_accepted(&self, count: u64) {
        wait_until("connections are accepted", || {
            let assigned: u64 = self.control.intake().assigned().iter().sum();
            if assigned >= count { Ok(()) } else { Err(format!("{assigned} assigned")) }
        });
    }

    /// Turns of the worker's loop so far.
    pub(crate) fn turns(&self) -> u64 {
        self.on_worker(|| ());
        self.server.as_ref().expect("it runs").running().handle().counters(0).turns.get()
    }

    /// Panics that the worker has caught so far.
    pub(crate) fn panics(&self) -> u64 {
        self.on_worker(|| ());
        self.server.as_ref().expect("it runs").running().handle().counters(0).panics.get()
    }

    /// Submission queue entries of the worker so far.
    pub(crate) fn submissions(&self) -> u64 {
        // The counters are written once a turn: this turn's job sees the turns before it.
        self.on_worker(|| ());
        self.server.as_ref().expect("it runs").running().handle().counters(0).submissions.get()
    }

    /// Waits until at most `count` connections are open, doing something else meanwhile.
    pub(crate) fn wait_for_open(&self, count: u64, mut meanwhile: impl FnMut()) {
        wait_until("connections end", || {
            meanwhile();
            let open: u64 = self.control.intake().open().iter().sum();
            if open <= count { Ok(()) } else { Err(format!("{open} open")) }
        });
    }

    /// Waits until the worker holds no lease and no connection has a place.
    pub(crate) fn wait_until_at_rest(&self) {
        wait_until("leases and connections come back", || {
            let usage = self.usage();
            let open: u64 = self.control.intake().open().iter().sum();
            let at_rest = usage.receive_leases == 0 && usage.block_leases == 0 && open == 0;
            if at_rest { Ok(()) } else { Err(format!("{usage:?}, {open} open")) }
        });
    }

    /// Stops, waits for the drain's end, and returns the exchanges and the figures, which are final then.
    pub(crate) fn stop(mut self) -> Stopped {
        self.control.stop();
        self.server.take().expect("stopped once").join();
        Stopped { records: self.records.wait_for(0), control: self.control.clone() }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        self.control.stop();
        if std::thread::panicking() {
            // The test has failed; its threads end with the process.
            return;
        }
        server.join();
    }
}

/// What a server that has ended did.
pub(crate) struct Stopped {
    pub(crate) records: Vec<ExchangeRecord>,
    control: Control,
}

impl Stopped {
    pub(crate) fn closes(&self, reason: CloseReason) -> u64 {
        self.control.figures(0).closes(reason)
    }

    pub(crate) fn exchanges(&self, class: usize) -> u64 {
        self.control.figures(0).exchanges(class)
    }

    pub(crate) fn bytes_sent(&self) -> u64 {
        self.control.figures(0).bytes_sent()
    }

    /// Statuses in the order of the exchanges' ends, 0 where there was no answer.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.records.iter().map(status).collect()
    }
}

/// The status of an exchange, 0 where there was no answer.
pub(crate) fn status(record: &ExchangeRecord) -> u16 {
    record.status.map_or(0, |status| status.as_u16())
}

/// Exchanges as the observer was told of them.
#[derive(Default)]
pub(crate) struct Records {
    records: Mutex<Vec<ExchangeRecord>>,
    more: Condvar,
}

impl Records {
    fn push(&self, record: ExchangeRecord) {
        self.records.lock().expect("no holder panics").push(record);
        self.more.notify_all();
    }

    fn wait_for(&self, count: usize) -> Vec<ExchangeRecord> {
        let records = self.records.lock().expect("no holder panics");
        let (records, timed_out) = self
            .more
            .wait_timeout_while(records, PATIENCE, |records| records.len() < count)
            .expect("no holder panics");
        assert!(!timed_out.timed_out(), "{} of {count} exchanges: {records:?}", records.len());
        records.clone()
    }
}

/// Looks again and again at what no event tells of.
pub(crate) fn wait_until(what: &str, mut look: impl FnMut() -> Result<(), String>) {
    let until = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(()) => return,
            Err(state) => assert!(Instant::now() < until, "{what}: {state}"),
        }
        std::thread::yield_now();
    }
}

/// Waits until `progress` stands still above 0: nothing moves for as long as 100 looks take, each of which should need the
/// server to do something else. Returns where it stands.
pub(crate) fn wait_until_still(what: &str, mut progress: impl FnMut() -> u64) -> u64 {
    let mut before = 0;
    wait_until(what, || {
        for _ in 0..100 {
            progress();
        }
        let now = progress();
        let stands = now == before && now > 0;
        before = now;
        if stands { Ok(()) } else { Err(format!("{now} so far")) }
    });
    before
}

/// `length` octets that differ from place to place, so that a wrong offset shows.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}
