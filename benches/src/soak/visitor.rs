//! A client of a soak: one visit after the other, of all kinds, each answer looked at.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use selvedge_runtime::sim::Dice;

use super::site::{HUGE, LARGE, MANY, MEDIUM, SMALL, of_many};
use crate::compare::client::connect;
use crate::reply::Reply;

/// A request of the pipelined kind comes with so many others.
const DEPTH: usize = 8;
/// Visits on a connection before it is given up for a new one.
const VISITS_PER_CONNECTION_MAX: u64 = 500;

/// A fixed rate: a visit that is late is made up for.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    due: Instant,
}

impl Pace {
    pub(super) fn new(visits_per_second: f64) -> Self {
        Self { period: Duration::from_secs_f64(1.0 / visits_per_second.max(0.001)), due: Instant::now() }
    }

    fn wait(&mut self) {
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
        self.due += self.period;
    }
}

/// A client.
#[derive(Debug)]
pub(super) struct Visitor {
    port: u16,
    dice: Dice,
    pace: Option<Pace>,
    connection: Option<(Connection, u64)>,
}

impl Visitor {
    pub(super) fn new(port: u16, number: u64, pace: Option<Pace>) -> Self {
        Self { port, dice: Dice::new(number), pace, connection: None }
    }

    /// # Errors
    /// An answer that is not the right one.
    pub(super) fn visit_until(mut self, over: &AtomicBool, visits: &AtomicU64) -> anyhow::Result<()> {
        while !over.load(Ordering::Relaxed) {
            if let Some(pace) = &mut self.pace {
                pace.wait();
            }
            self.visit()?;
            visits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn visit(&mut self) -> anyhow::Result<()> {
        match self.dice.below(100) {
            0..50 => self.expect(SMALL.0, "", 200, SMALL.1),
            50..62 => {
                let (name, length) = of_many(self.dice.below(MANY as u64) as usize);
                self.expect(&name, "", 200, length)
            }
            62..70 => self.expect_unchanged(),
            70..78 => self.expect(LARGE.0, "Range: bytes=1000-50999\r\n", 206, 50_000),
            78..83 => self.expect("nothing-there", "", 404, usize::MAX),
            83..88 => self.pipeline(),
            88..91 => {
                self.connection = None;
                self.expect(SMALL.0, "Connection: close\r\n", 200, SMALL.1)?;
                self.connection = None;
                Ok(())
            }
            91..94 => self.reset_in_the_midst(),
            94..96 => self.leave_half_a_head(),
            96..98 => self.read_slowly_and_leave(),
            _ => self.expect(LARGE.0, "", 200, LARGE.1),
        }
    }

    fn connection(&mut self) -> anyhow::Result<&mut Connection> {
        if self.connection.as_ref().is_some_and(|(_, visits)| *visits >= VISITS_PER_CONNECTION_MAX) {
            self.connection = None;
        }
        if self.connection.is_none() {
            self.connection = Some((Connection::open(self.port)?, 0));
        }
        let (connection, visits) = self.connection.as_mut().context("opened above")?;
        *visits += 1;
        Ok(connection)
    }

    /// `length` is `usize::MAX` where it does not matter.
    fn expect(&mut self, name: &str, fields: &str, status: u16, length: usize) -> anyhow::Result<()> {
        let answer = self.connection()?.ask(&format!("/{name}"), fields)?;
        ensure!(answer.status == status, "{name}: {} and not {status}", answer.status);
        ensure!(length == usize::MAX || answer.body.len() == length, "{name}: {} octets", answer.body.len());
        Ok(())
    }

    fn expect_unchanged(&mut self) -> anyhow::Result<()> {
        let reply = self.connection()?.ask(&format!("/{}", MEDIUM.0), "")?;
        let tag = reply.field("etag").map_err(anyhow::Error::msg)?;
        let tag = tag.with_context(|| format!("{} has no tag", MEDIUM.0))?;
        self.expect(MEDIUM.0, &format!("If-None-Match: {tag}\r\n"), 304, 0)
    }

    fn pipeline(&mut self) -> anyhow::Result<()> {
        let connection = self.connection()?;
        connection.send(&request(&format!("/{}", SMALL.0), "").repeat(DEPTH))?;
        for _ in 0..DEPTH {
            let answer = connection.answer()?;
            ensure!(answer.status == 200 && answer.body.len() == SMALL.1, "a pipelined answer is another");
        }
        Ok(())
    }

    fn reset_in_the_midst(&mut self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.port)?;
        connection.send(&request(&format!("/{}", HUGE.0), ""))?;
        let read = self.dice.below(1 << 20);
        std::io::copy(&mut connection.reader.by_ref().take(read), &mut std::io::sink())?;
        // Closed with a reset (socket(7)).
        set_socket_linger(connection.reader.get_ref(), Some(Duration::ZERO))?;
        Ok(())
    }

    fn leave_half_a_head(&mut self) -> anyhow::Result<()> {
        let whole = request(&format!("/{}", SMALL.0), "");
        let part = 1 + self.dice.below(whole.len() as u64 - 1) as usize;
        Connection::open(self.port)?.send(&whole[..part])
    }

    fn read_slowly_and_leave(&mut self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.port)?;
        set_socket_recv_buffer_size(connection.reader.get_ref(), 4_096)?;
        connection.send(&request(&format!("/{}", LARGE.0), ""))?;
        for _ in 0..5 {
            std::io::copy(&mut connection.reader.by_ref().take(10_000), &mut std::io::sink())?;
            thread::sleep(Duration::from_millis(4));
        }
        Ok(())
    }
}

fn request(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

/// A connection of a client that waits.
#[derive(Debug)]
pub(super) struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub(super) fn open(port: u16) -> anyhow::Result<Self> {
        let stream = connect(port)?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    pub(super) fn ask(&mut self, target: &str, fields: &str) -> anyhow::Result<Reply> {
        self.send(&request(target, fields))?;
        self.answer().with_context(|| format!("the answer for {target}"))
    }

    fn send(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.reader.get_mut().write_all(text.as_bytes())?)
    }

    fn answer(&mut self) -> anyhow::Result<Reply> {
        let reply = Reply::read(&mut self.reader, false, HUGE.1).map_err(anyhow::Error::msg)?;
        reply.context("the connection ends before it")
    }
}
