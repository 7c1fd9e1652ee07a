//! A client of a soak: one visit after the other, of all kinds, each answer looked at.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use selvedge_runtime::sim::Dice;

use super::site::{File, HUGE_BYTES, PAGES, PICTURES, Site};
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
pub(super) struct Visitor<'a> {
    port: u16,
    site: &'a Site,
    dice: Dice,
    pace: Option<Pace>,
    connection: Option<(Connection, u64)>,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(port: u16, site: &'a Site, number: u64, pace: Option<Pace>) -> Self {
        Self { port, site, dice: Dice::new(number), pace, connection: None }
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
        let site = self.site;
        match self.dice.below(100) {
            0..50 => {
                let page = self.any_page();
                self.connection()?.expect(page, "", 200, page.all())
            }
            50..62 => {
                let picture = &site.pictures[self.dice.below(PICTURES as u64) as usize];
                self.connection()?.expect(picture, "", 200, picture.all())
            }
            62..70 => self.expect_unchanged(),
            70..78 => {
                let part = site.large.part(1_000..51_000);
                self.connection()?.expect(&site.large, "Range: bytes=1000-50999\r\n", 206, part)
            }
            78..83 => self.expect_nothing(),
            83..88 => self.pipeline(),
            88..91 => {
                self.connection = None;
                let page = self.any_page();
                self.connection()?.expect(page, "Connection: close\r\n", 200, page.all())?;
                self.connection = None;
                Ok(())
            }
            91..94 => self.reset_in_the_midst(),
            94..96 => self.leave_half_a_head(),
            96..98 => self.read_slowly_and_leave(),
            _ => self.connection()?.expect(&site.large, "", 200, site.large.all()),
        }
    }

    fn any_page(&mut self) -> &'a File {
        &self.site.pages[self.dice.below(PAGES as u64) as usize]
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

    fn expect_unchanged(&mut self) -> anyhow::Result<()> {
        let medium = &self.site.medium;
        let connection = self.connection()?;
        let reply = connection.ask(&medium.name, "")?;
        let tag = reply.field("etag").map_err(anyhow::Error::msg)?;
        let tag = tag.with_context(|| format!("{} has no tag", medium.name))?;
        connection.expect(medium, &format!("If-None-Match: {tag}\r\n"), 304, &[])
    }

    fn expect_nothing(&mut self) -> anyhow::Result<()> {
        let reply = self.connection()?.ask("nothing-there", "")?;
        ensure!(reply.status == 404, "of nothing: {}", reply.status);
        Ok(())
    }

    fn pipeline(&mut self) -> anyhow::Result<()> {
        let pages: Vec<_> = (0..DEPTH).map(|_| self.any_page()).collect();
        let connection = self.connection()?;
        connection.send(&pages.iter().map(|page| request(&page.name, "")).collect::<String>())?;
        for page in pages {
            expect(&connection.answer()?, page, 200, page.all())?;
        }
        Ok(())
    }

    fn reset_in_the_midst(&mut self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.port)?;
        connection.send(&request(&self.site.huge.name, ""))?;
        let read = self.dice.below(1 << 20);
        std::io::copy(&mut connection.reader.by_ref().take(read), &mut std::io::sink())?;
        // Closed with a reset (socket(7)).
        set_socket_linger(connection.reader.get_ref(), Some(Duration::ZERO))?;
        Ok(())
    }

    fn leave_half_a_head(&mut self) -> anyhow::Result<()> {
        let whole = request(&self.any_page().name, "");
        let part = 1 + self.dice.below(whole.len() as u64 - 1) as usize;
        Connection::open(self.port)?.send(&whole[..part])
    }

    fn read_slowly_and_leave(&mut self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.port)?;
        set_socket_recv_buffer_size(connection.reader.get_ref(), 4_096)?;
        connection.send(&request(&self.site.large.name, ""))?;
        for _ in 0..5 {
            std::io::copy(&mut connection.reader.by_ref().take(10_000), &mut std::io::sink())?;
            thread::sleep(Duration::from_millis(4));
        }
        Ok(())
    }
}

fn request(name: &str, fields: &str) -> String {
    format!("GET /{name} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

fn expect(reply: &Reply, file: &File, status: u16, body: &[u8]) -> anyhow::Result<()> {
    ensure!(reply.status == status, "{}: {} and not {status}", file.name, reply.status);
    ensure!(reply.body == body, "{}: {} octets that are not its own", file.name, reply.body.len());
    Ok(())
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

    /// Asks for `file`, and says whether the answer is the one that it must be.
    pub(super) fn expect(
        &mut self,
        file: &File,
        fields: &str,
        status: u16,
        body: &[u8],
    ) -> anyhow::Result<()> {
        expect(&self.ask(&file.name, fields)?, file, status, body)
    }

    fn ask(&mut self, name: &str, fields: &str) -> anyhow::Result<Reply> {
        self.send(&request(name, fields))?;
        self.answer().with_context(|| format!("the answer for {name}"))
    }

    fn send(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.reader.get_mut().write_all(text.as_bytes())?)
    }

    fn answer(&mut self) -> anyhow::Result<Reply> {
        let reply = Reply::read(&mut self.reader, false, HUGE_BYTES).map_err(anyhow::Error::msg)?;
        reply.context("the connection ends before it")
    }
}
