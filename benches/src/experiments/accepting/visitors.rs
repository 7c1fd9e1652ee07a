//! Visitors: each opens a connection for one answer. In: the server, and how they come and leave. Out: how long each waited for its
//! answer. One that is refused or lost is an error: no figure is worth it.

use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use crate::attack::socket;
use crate::compare::interrupt;
use crate::latencies::Latencies;

/// Those begun before it is looked who has been answered.
const BEGUN_MAX: usize = 64;
/// Events taken at a time.
const EVENTS_MAX: usize = 256;
/// Where nothing happens for so long, whoever still waits was lost. Longer than a SYN that was dropped takes to be sent anew.
const LOST_AFTER: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// How visitors come, and when they leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coming {
    /// So many are there at a time. One leaves when the server ends its connection; then the next one comes.
    InTurn { at_a_time: usize },
    /// As fast as they can. All stay, and leave together when their `Visits` are dropped.
    Together,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Visitors<'a> {
    /// Of the server, on 127.0.0.1.
    pub(super) port: u16,
    pub(super) request: &'a [u8],
    /// Octets of each answer, its head included.
    pub(super) answer_bytes: u64,
    pub(super) coming: Coming,
}

impl Visitors<'_> {
    /// Sends so many, and comes back when the last one has left, or been answered where all stay.
    ///
    /// # Errors
    /// A connection that is refused, lost, or ended before or after it should be; an answer of another length.
    pub(super) fn send(self, count: usize) -> anyhow::Result<Visits> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut going =
            Going { visitors: self, count, epoll, all: Vec::new(), answered: Vec::new(), left: 0 };
        let began = Instant::now();
        while !going.is_over() {
            interrupt::check()?;
            for _ in 0..BEGUN_MAX {
                if !going.has_room() {
                    break;
                }
                going.begin()?;
            }
            going.listen()?;
        }
        Ok(Visits {
            took: began.elapsed(),
            latencies: Latencies::new(going.answered, 0, Duration::ZERO),
            _staying: going.all,
        })
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Visits {
    /// From the first beginning to the last answer; where they come in turn, to the last end.
    pub(super) took: Duration,
    /// From the beginning of a connection to the end of its answer.
    pub(super) latencies: Latencies,
    /// Their connections are open, so that whoever counts is done before they end.
    _staying: Vec<Option<Visitor>>,
}

/// A visitor that is there.
#[derive(Debug)]
struct Visitor {
    stream: TcpStream,
    began: Instant,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Not connected: its request is not sent.
    Connects,
    /// So many octets of the answer are here.
    Reads(u64),
}

struct Going<'a> {
    visitors: Visitors<'a>,
    count: usize,
    epoll: OwnedFd,
    /// By their numbers; `None` for those that have left.
    all: Vec<Option<Visitor>>,
    /// How long each waited.
    answered: Vec<Duration>,
    left: usize,
}

impl Going<'_> {
    fn is_over(&self) -> bool {
        match self.visitors.coming {
            Coming::InTurn { .. } => self.left == self.count,
            Coming::Together => self.answered.len() == self.count,
        }
    }

    /// Whether another one may come.
    fn has_room(&self) -> bool {
        let all_have_come = self.all.len() == self.count;
        match self.visitors.coming {
            Coming::InTurn { at_a_time } => !all_have_come && self.all.len() - self.left < at_a_time,
            Coming::Together => !all_have_come,
        }
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        let number = self.all.len();
        let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.visitors.port);
        let began = Instant::now();
        let stream = socket::begin(server, Ipv4Addr::LOCALHOST, None);
        let stream = stream.with_context(|| format!("connection {number} could not be begun"))?;
        if self.visitors.coming == Coming::Together {
            // Thousands of ports that nobody may use for a minute (TIME-WAIT) would be in the next run's way.
            socket::reset_on_drop(&stream)?;
        }
        let progress = self.ask(&stream)?;
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(number as u64), awaited(progress))?;
        self.all.push(Some(Visitor { stream, began, progress }));
        Ok(())
    }

    /// Sends the request if the connection stands.
    fn ask(&self, stream: &TcpStream) -> anyhow::Result<Progress> {
        match send(stream, self.visitors.request, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) => ensure!(sent == self.visitors.request.len(), "a fresh socket takes no whole request"),
            Err(Errno::AGAIN) => return Ok(Progress::Connects),
            Err(error) => return Err(error).context("a connection was refused"),
        }
        Ok(Progress::Reads(0))
    }

    /// Looks who can go on; waits for somebody if nobody can begin.
    fn listen(&mut self) -> anyhow::Result<()> {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let patience = if self.has_room() { at_once } else { LOST_AFTER };
        let mut room = [MaybeUninit::<epoll::Event>::uninit(); EVENTS_MAX];
        let events = match epoll::wait(&self.epoll, &mut room, Some(&patience)) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if events.is_empty() && patience == LOST_AFTER {
            let (answered, count) = (self.answered.len(), self.count);
            bail!("connections were lost: {answered} of {count} were answered, then nobody for 10 s");
        }
        for event in &*events {
            self.go_on(event.data.u64() as usize)?;
        }
        Ok(())
    }

    fn go_on(&mut self, number: usize) -> anyhow::Result<()> {
        let mut visitor =
            self.all[number].take().context("the kernel tells of a connection that is closed")?;
        let after = match visitor.progress {
            Progress::Connects => {
                visitor.progress = self.ask(&visitor.stream)?;
                let events = awaited(visitor.progress);
                epoll::modify(
                    &self.epoll,
                    &visitor.stream,
                    epoll::EventData::new_u64(number as u64),
                    events,
                )?;
                After::Stays
            }
            Progress::Reads(octets) => {
                let (octets, after) = read(&mut visitor.stream, octets).context("a connection was lost")?;
                self.took_in(&mut visitor, octets, after)?;
                after
            }
        };
        match after {
            After::Stays => self.all[number] = Some(visitor),
            After::Leaves => self.left += 1,
        }
        Ok(())
    }

    /// Looks whether the answer is whole now.
    fn took_in(&mut self, visitor: &mut Visitor, octets: u64, after: After) -> anyhow::Result<()> {
        let whole = self.visitors.answer_bytes;
        ensure!(octets <= whole, "an answer had {octets} octets instead of {whole}");
        if octets == whole && visitor.progress != Progress::Reads(whole) {
            self.answered.push(visitor.began.elapsed());
        }
        visitor.progress = Progress::Reads(octets);
        if after == After::Leaves {
            ensure!(octets == whole, "a connection ended after {octets} octets of {whole}");
            ensure!(
                self.visitors.coming != Coming::Together,
                "the server ended a connection that was to stay"
            );
        }
        Ok(())
    }
}

fn awaited(progress: Progress) -> epoll::EventFlags {
    match progress {
        Progress::Connects => epoll::EventFlags::OUT,
        Progress::Reads(_) => epoll::EventFlags::IN,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Stays,
    /// The server has ended the connection.
    Leaves,
}

/// Reads what is there, beyond `octets`; nobody looks at it.
fn read(stream: &mut TcpStream, mut octets: u64) -> io::Result<(u64, After)> {
    let mut room = [0; 4_096];
    loop {
        match stream.read(&mut room) {
            Ok(0) => return Ok((octets, After::Leaves)),
            Ok(count) => octets += count as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((octets, After::Stays)),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
