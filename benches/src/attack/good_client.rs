//! The client that must not suffer: a new connection for each request, at times that do not depend on the answers (open
//! loop), so that who waits for one delayed answer is not kept from asking for the next. In: a rate. Out: times from
//! when each request was to begin to its last octet.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use super::socket::{self, Sources};
use crate::compare::interrupt;
use crate::latencies::Latencies;
use crate::plural::counted;

/// A request that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests under way at once; what was to begin meanwhile begins later, and its time counts.
pub(super) const UNDER_WAY_MAX: usize = 1_000;

/// What the good client asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) server: SocketAddrV4,
    pub(super) path: &'a str,
    /// The file's content.
    pub(super) content: &'a [u8],
    pub(super) requests_per_second: u32,
    pub(super) duration: Duration,
}

/// A request under way.
#[derive(Debug)]
struct Exchange {
    stream: TcpStream,
    /// When it was to begin.
    planned_at: Instant,
    /// Octets of the request that were sent.
    sent: usize,
    received: Vec<u8>,
}

struct GoodClient<'a> {
    load: Load<'a>,
    request: String,
    epoll: OwnedFd,
    sources: Sources,
    under_way: Vec<Option<Exchange>>,
    free: Vec<usize>,
    times: Vec<Duration>,
    lost: usize,
}

/// Asks for `load.duration`, and waits for the last answers.
///
/// # Errors
/// When nothing was answered, the machine has no more sockets, or the run was interrupted.
pub(super) fn measure(load: Load<'_>) -> anyhow::Result<Latencies> {
    let request = format!("GET {} HTTP/1.1\r\nHost: good\r\nConnection: close\r\n\r\n", load.path);
    let client = GoodClient {
        load,
        request,
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        sources: Sources::of_good_client(),
        under_way: (0..UNDER_WAY_MAX).map(|_| None).collect(),
        free: (0..UNDER_WAY_MAX).collect(),
        times: Vec::new(),
        lost: 0,
    };
    let latencies = client.run()?;
    ensure!(
        !latencies.is_empty(),
        "the server answered none of {}",
        counted(latencies.lost, "request", "requests")
    );
    Ok(latencies)
}

impl GoodClient<'_> {
    fn run(mut self) -> anyhow::Result<Latencies> {
        let (began, rate) = (Instant::now(), self.load.requests_per_second);
        let count = u64::from(rate) * self.load.duration.as_millis() as u64 / 1_000;
        let planned = |number: u64| began + Duration::from_secs_f64(number as f64 / f64::from(rate));
        let mut next = 0;
        while next < count || self.free.len() < UNDER_WAY_MAX {
            interrupt::check()?;
            let now = Instant::now();
            while next < count && planned(next) <= now && self.begin(planned(next))? {
                next += 1;
            }
            let wait =
                if next < count && !self.free.is_empty() { planned(next) } else { now + PATIENCE / 100 };
            self.listen(wait.saturating_duration_since(now))?;
            self.give_up(Instant::now());
        }
        Ok(Latencies::new(self.times, self.lost, PATIENCE))
    }

    /// Begins a request, if there is room for one more.
    fn begin(&mut self, planned_at: Instant) -> anyhow::Result<bool> {
        let Some(place) = self.free.pop() else { return Ok(false) };
        let stream = match socket::begin(self.load.server, self.sources.next(), None) {
            Ok(stream) => stream,
            Err(error) => bail!("the good client cannot connect: {error}"),
        };
        let events = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(place as u64), events)?;
        self.under_way[place] = Some(Exchange { stream, planned_at, sent: 0, received: Vec::new() });
        self.go_on(place);
        Ok(true)
    }

    fn listen(&mut self, wait: Duration) -> io::Result<()> {
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); 256];
        let (events, _) = epoll::wait(&self.epoll, &mut events, Some(&timeout))?;
        for event in &*events {
            self.go_on(event.data.u64() as usize);
        }
        Ok(())
    }

    /// Sends and receives what can be, to the end of the connection.
    fn go_on(&mut self, place: usize) {
        let Some(exchange) = &mut self.under_way[place] else { return };
        let end = match exchange.go_on(self.request.as_bytes()) {
            Ok(()) => exchange.is_right(self.load.content),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => false,
        };
        match end {
            true => self.times.push(exchange.planned_at.elapsed()),
            false => self.lost += 1,
        }
        self.under_way[place] = None;
        self.free.push(place);
    }

    fn give_up(&mut self, now: Instant) {
        for place in 0..UNDER_WAY_MAX {
            let exchange = self.under_way[place].as_ref();
            if exchange.is_some_and(|exchange| now.saturating_duration_since(exchange.planned_at) > PATIENCE)
            {
                self.lost += 1;
                self.under_way[place] = None;
                self.free.push(place);
            }
        }
    }
}

impl Exchange {
    /// Ready when the server has ended the connection.
    fn go_on(&mut self, request: &[u8]) -> io::Result<()> {
        while self.sent < request.len() {
            self.sent += self.stream.write(&request[self.sent..])?;
        }
        let mut octets = [0; 4_096];
        loop {
            match self.stream.read(&mut octets)? {
                0 => return Ok(()),
                count => self.received.extend_from_slice(&octets[..count]),
            }
        }
    }

    fn is_right(&self, content: &[u8]) -> bool {
        let head_end = self.received.windows(4).position(|end| end == b"\r\n\r\n");
        self.received.starts_with(b"HTTP/1.1 200 ")
            && head_end.is_some_and(|at| &self.received[at + 4..] == content)
    }
}
